/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Packets that control sends through a bridge with actions of its own (OpenFlow 1.3.5 7.3.7): the first worker runs them, in the order
 * they came. A packet counts as a copy made at its in_port, so that packets stay conserved.
 *
 * Threads: as said. Memory: a packet waits in memory of its own until a worker has run it; control frees it when it submits another, or at the end.
 */
#include "datapath/dp.h"

enum { PACKET_OUT_WAITING = 512 }; // more are refused

struct packet_out {
	struct packet_out *next; // ctl: rw
	uint32_t done;           // worker: wo (release), ctl: ro (acquire)
	struct rte_mbuf *m;      // the worker's from the ring on
	uint32_t bridge, in_port;
	size_t actions_size;
	uint8_t actions[] __attribute__((aligned(8)));
};

/* Control. actions are validated. 0; -ENOENT: no such bridge; -EMSGSIZE: larger than a buffer; -ENOBUFS: too many wait, or no memory. */
MUST_CHECK
int packet_out_submit(
    struct dp *dp, const struct dp_packet_out *req, const void *actions, const void *packet);
/* Workers have ended. */
void packet_out_fini(struct dp *dp);
/* The first worker: runs what waits. Returns how many packets. */
unsigned int packet_out_run(struct worker *w);
