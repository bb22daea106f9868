/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RCU over rte_rcu_qsbr, typed and named. The control thread of the switch publishes; workers read.
 *
 * Removal always has four phases: unlink, publish, wait, free. rcu_defer does the last two: its callback runs
 * on the control thread once every worker has passed a quiescent point after the call.
 *
 * Threads: rcu_worker_* on a worker; the rest on the control thread only. Memory: rcu_defer takes obj.
 */
#include <stdint.h>

#include "datapath/base/compiler.h"

/* A pointer that workers read while control replaces it. Only touch it through the two macros. */
#define RCU_PTR(type) type *

/* Worker or control: the current object. Valid until the worker's next quiescent point. Pairs with rcu_publish. */
#define rcu_get(ptr) __atomic_load_n(&(ptr), __ATOMIC_ACQUIRE)
/* Control: replaces the object; what it points to must be complete. Pairs with rcu_get. */
#define rcu_publish(ptr, val) __atomic_store_n(&(ptr), (val), __ATOMIC_RELEASE)

enum { RCU_MAX_WORKERS = 64 };

MUST_CHECK
int rcu_init(void);  // 0 or -ENOMEM
void rcu_fini(void); // runs what is still deferred; workers are gone
void rcu_worker_register(unsigned int worker_id);
void rcu_worker_unregister(unsigned int worker_id);
void rcu_worker_online(unsigned int worker_id);  // leaves an idle sleep
void rcu_worker_offline(unsigned int worker_id); // holds no RCU pointer until online again
void rcu_worker_quiescent(unsigned int worker_id);
/* Waits until every online worker has passed a quiescent point. */
void rcu_synchronize(void);
/* Queues fn(obj) for after a grace period; never blocks. */
void rcu_defer(void (*fn)(void *obj), void *obj);
/* Runs deferred calls whose grace period is over. Returns how many are left. */
unsigned int rcu_run(void);
