/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Runs a program on a packet: rewrites, copies, outputs. Checksums are kept right incrementally (RFC 1624), also while
 * partial. The packet's offsets (struct pkt) follow every change.
 *
 * Threads: worker. Memory: takes the packet.
 */
#include "datapath/program.h"
#include "datapath/worker.h"

/* Returns false when a PROG_REFRESH op found the session stale; the packet was then not touched and not taken. */
MUST_CHECK
bool act_run(struct worker *w, const struct program *prog, struct rte_mbuf *m);

/* What most programs are: one output, and no more. */
static inline bool act_is_output(const struct program *prog, uint16_t *ret_port)
{
	const struct prog_op *op = prog->ops;
	*ret_port = op->output.port;
	return op->type == PROG_OUTPUT && (op->flags & PROG_F_LAST) != 0;
}
