/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A switch that does everything the slow, certain way: linear search over the rules of a struct env, every action
 * applied to the packet at once, checksums from scratch, no session. What the fast path is compared with.
 *
 * It shares no code with it but flow keys. Out of its reach: tunnels, select groups, replies, punts, bounds.
 *
 * Threads: one. Memory: plain values.
 */
#include "tests/unit/datapath/pipeline_env.h"

enum { REF_MAX_OUT = 40, REF_MAX_STEPS = 100, REF_MAX_LEN = 512, REF_MAX_MACS = 256 };

struct ref_out {
	uint16_t port; // id
	uint16_t len;
	uint8_t data[REF_MAX_LEN];
};

struct ref_result {
	unsigned int n_out;
	struct ref_out out[REF_MAX_OUT];
	unsigned int n_steps; // rules and groups passed
	bool too_many;        // outputs or steps: near the bounds of a program, no result
	bool expired;         // a TTL ran out on the way: the reason may be that or what came after
	enum dp_drop drop;    // when n_out is 0
};

/* Learned addresses. */
struct ref_fdb {
	unsigned int n;
	struct {
		uint32_t bridge;
		struct mac_addr mac;
		uint16_t vlan, port;
	} m[REF_MAX_MACS];
};

void ref_run(const struct env *e, struct ref_fdb *fdb, uint16_t port, const uint8_t *data,
    uint16_t len, struct ref_result *ret);
/* Makes all checksums of a frame right, as its headers are now; a zero UDP/IPv4 checksum stays. */
void ref_complete(uint8_t *data, uint16_t len);
