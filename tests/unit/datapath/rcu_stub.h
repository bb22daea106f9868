/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * datapath/rcu.h without DPDK, for unit tests of structures: quiescent-state counters of a few threads.
 * Without readers every grace period is over at once, but deferred calls still wait for rcu_run or rcu_synchronize,
 * so that what a structure frees too early is found by the address sanitizer.
 *
 * Threads: rcu_stub_quiescent on readers; the rest on the writer. Memory: deferred objects until they are run.
 */
#include <stddef.h>

enum { RCU_STUB_MAX_READERS = 8 };

/* Readers 0..n-1 exist and hold nothing. */
void rcu_stub_set_readers(unsigned int n);
void rcu_stub_quiescent(unsigned int reader);
/* Calls that rcu_defer took and that have not run. */
size_t rcu_stub_n_deferred(void);
