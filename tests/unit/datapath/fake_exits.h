/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The exits of a packet, faked: out_add, pkt_drop and pkt_copy note what happened. Packets are plain memory, made to
 * look like mbufs: no EAL, no pools; the sanitizers see every byte past the end.
 *
 * Threads: one. Memory: an exit frees the packet.
 */
#include "datapath/worker.h"

enum { EXITS_MAX = 192, EXITS_DATA = 2048 };

struct exits {
	unsigned int n_out, n_drops, n_alive; // n_alive: packets that have not left yet
	struct {
		uint16_t port, len;
		uint8_t data[EXITS_DATA];
	} out[EXITS_MAX];
	enum dp_drop reason; // of the last drop
	uint64_t rule;
};

extern struct exits exits;

/* Forgets what left so far. */
void exits_reset(void);
/* A packet of these bytes that came in by port. */
struct rte_mbuf *fake_packet(const void *data, uint16_t len, uint16_t port);
