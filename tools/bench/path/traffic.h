/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The packets of a measurement: one burst of mbufs in plain memory, laid out as a pool lays them out, made anew before each
 * burst. 64-byte frames of UDP over IPv4 (60 without FCS), the IPv4 checksum for the parser to verify, as from vhost.
 *
 * Flow i of n is fixed: source 10.0.0.0 + i, destination 10.128.0.x. A made packet's bytes are in the cache, as
 * after a copy from a guest.
 *
 * Threads: one. Memory: traffic_create and traffic_destroy.
 */
#include "datapath/worker.h"

enum traffic_kind {
	TRAFFIC_UNIFORM, // of n_flows, each as likely
	TRAFFIC_NEW,     // each packet a flow that was not there before
	TRAFFIC_RANDOM,  // addresses and ports random
	TRAFFIC_VXLAN,   // uniform, encapsulated by the peer, on the uplink
};

enum { TRAFFIC_MAX_FLOWS = 1 << 23 };

struct traffic {
	struct rte_mbuf *m[BURST];
	uint8_t *memory;
	enum traffic_kind kind;
	uint32_t n_flows;
	uint32_t n_train; // packets of a flow in a row
	uint64_t next;    // TRAFFIC_NEW
	uint64_t random;
};

struct traffic *traffic_create(enum traffic_kind kind, uint32_t n_flows, uint32_t n_train);
void traffic_destroy(struct traffic *t);
/* Makes the packets of the next burst. */
void traffic_next(struct traffic *t);
/* Makes packets of flows first … first + BURST - 1 (modulo n_flows). */
void traffic_flows(struct traffic *t, uint32_t first);
