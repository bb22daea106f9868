/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * DPDK's environment (EAL) from our options: nobody has to know its command line.
 * Lcore 0 is the main thread, not pinned; lcore i + 1 is worker i, pinned to its core. No device is probed at start:
 * ports name theirs. EAL's log comes out through ours, what is only noise at level debug.
 *
 * Threads: main, once. Memory: EAL's.
 */
#include "datapath/base/err.h"
#include "datapath/dp.h"

/* Sets options->no_huge when there are no hugepages (and says so). 0 or -errno with err. */
MUST_CHECK
int eal_init(struct dp_options *options, struct err *err);
void eal_fini(void);
unsigned int eal_lcore_of_worker(unsigned int worker_id);
/* The packet pool that fits options->memory_mb. NULL: no memory, err filled. */
struct rte_mempool *eal_pool_create(const struct dp_options *options, struct err *err);
