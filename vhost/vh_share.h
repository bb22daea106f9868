/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One guest's share of the packet buffers: what a look at its ring may take, however long the descriptor chains are
 * that it finds there. rte_vhost copies a whole chain into buffers before anybody can judge its length, and a
 * guest chooses that: 256 descriptors, each as long as its memory, their 32-bit sum wrapped. So it is handed a
 * mempool without objects of its own, which passes on those of the switch's pool until the share is used up. The buffers
 * belong to the switch's pool and are freed to it.
 *
 * Threads: create and destroy on control; begin and ended_short on a worker, around one look at a ring.
 * Memory: one share for all ports, counted.
 */
#include <rte_mempool.h>
#include <stdbool.h>

/* NULL: no memory. Ports of one process have one pool. */
struct rte_mempool *vh_share_get(struct rte_mempool *pool);
void vh_share_put(void);
/* This thread takes at most n_max buffers from now on. */
void vh_share_begin(uint32_t n_max);
/* Whether it wanted more. */
bool vh_share_ended_short(void);
