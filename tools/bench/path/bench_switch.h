/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The switch as a library: one worker in plain memory, objects put through the real transactions, no EAL and no devices.
 * The exits of a packet only count it. What is left is what forward_burst costs.
 *
 * Threads: one. Memory: bench_switch_create and bench_switch_destroy.
 */
#include "datapath/base/buf.h"
#include "datapath/base/flow_key.h"
#include "datapath/dp_state.h"

enum {
	BENCH_BRIDGE = 1,
	BENCH_PORT_IN = 1, // ids; the bridge's port numbers are the same
	BENCH_PORT_OUT = 2,
	BENCH_PORT_TUNNEL = 3,
	BENCH_PORT_UPLINK = 4, // on no bridge
	BENCH_VNI = 5001,
	BENCH_MAX_BYTES = 256 << 20, // of one transaction
};

#define BENCH_REMOTE_IP 0xc0000201 // 192.0.2.1, host order
#define BENCH_LOCAL_IP  0xc0000202

struct bench_switch {
	struct dp dp;
	struct dp_options options;
	struct worker w;
	struct buf_writer ops; // of the transaction under construction
	uint32_t n_ops;
	uint64_t n_sent[DP_MAX_PORTS], n_dropped; // since bench_switch_reset_exits
	enum dp_drop reason;                      // of the last drop
};

/* A rule: outputs to a port number, or goes on to a later table. */
struct bench_rule {
	uint64_t id;
	struct flow_match match;
	uint16_t priority;
	uint8_t table;
	uint8_t goto_table; // 0: no goto
	uint32_t output;    // 0: none
};

/* Ports in, out, tunnel and uplink are there, a route to the peer, and no rule. Aborts when anything fails, as all here. */
struct bench_switch *bench_switch_create(uint32_t max_sessions);
void bench_switch_destroy(struct bench_switch *s);
void bench_put_rule(struct bench_switch *s, const struct bench_rule *r);
void bench_del_rule(struct bench_switch *s, uint64_t id);
/* Commits what was put and deleted; the worker sees it. */
void bench_commit(struct bench_switch *s);
void bench_switch_reset_exits(struct bench_switch *s);
/* Passes a minute: creation tokens are full again, and every session goes. */
void bench_forget_sessions(struct bench_switch *s);
