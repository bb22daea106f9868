/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/rcu.h"

#include <rte_pause.h>
#include <rte_rcu_qsbr.h>

#include <errno.h>
#include <stdlib.h>

#include "datapath/base/clock.h"

#define LOG_MODULE "rcu"
#include "datapath/base/log.h"

enum { MIN_DEFERRED = 64, STUCK_MS = 1000 };

/* A call that waits for its grace period. Tokens only grow along the queue, so its head is due first. */
struct deferred {
	uint64_t token;
	void (*fn)(void *obj);
	void *obj;
};

static struct {
	struct rte_rcu_qsbr *qsbr;
	struct deferred *queue; // ring of capacity entries, a power of two
	size_t capacity;
	size_t head, n;
} rcu;

static void warn_of_stuck(uint64_t token);
static void grow_queue(void);
static struct deferred take_head(void);

int rcu_init(void)
{
	size_t size = rte_rcu_qsbr_get_memsize(RCU_MAX_WORKERS);

	size = ROUND_UP(size, (size_t)RTE_CACHE_LINE_SIZE);
	rcu.qsbr = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
	if (rcu.qsbr == NULL)
		return -ENOMEM;
	if (rte_rcu_qsbr_init(rcu.qsbr, RCU_MAX_WORKERS) != 0)
		abort();
	return 0;
}

void rcu_fini(void)
{
	while (rcu.n > 0) {
		struct deferred d = take_head();
		d.fn(d.obj);
	}
	free(rcu.queue);
	free(rcu.qsbr);
	memset(&rcu, 0, sizeof(rcu));
}

void rcu_worker_register(unsigned int worker_id)
{
	if (rte_rcu_qsbr_thread_register(rcu.qsbr, worker_id) != 0)
		abort();
	rte_rcu_qsbr_thread_online(rcu.qsbr, worker_id);
}

void rcu_worker_unregister(unsigned int worker_id)
{
	rte_rcu_qsbr_thread_offline(rcu.qsbr, worker_id);
	if (rte_rcu_qsbr_thread_unregister(rcu.qsbr, worker_id) != 0)
		abort();
}

void rcu_worker_online(unsigned int worker_id)
{
	rte_rcu_qsbr_thread_online(rcu.qsbr, worker_id);
}

void rcu_worker_offline(unsigned int worker_id)
{
	rte_rcu_qsbr_thread_offline(rcu.qsbr, worker_id);
}

void rcu_worker_quiescent(unsigned int worker_id)
{
	rte_rcu_qsbr_quiescent(rcu.qsbr, worker_id);
}

void rcu_synchronize(void)
{
	uint64_t token = rte_rcu_qsbr_start(rcu.qsbr);
	uint64_t warn_at_ms = clock_ms() + STUCK_MS;

	while (rte_rcu_qsbr_check(rcu.qsbr, token, false) == 0) {
		rte_pause();
		if (clock_ms() < warn_at_ms)
			continue;
		warn_of_stuck(token);
		warn_at_ms = UINT64_MAX; // once is enough
	}
}

void rcu_defer(void (*fn)(void *obj), void *obj)
{
	if (rcu.n == rcu.capacity)
		grow_queue();
	rcu.queue[(rcu.head + rcu.n) & (rcu.capacity - 1)] =
	    (struct deferred){.token = rte_rcu_qsbr_start(rcu.qsbr), .fn = fn, .obj = obj};
	rcu.n++;
}

unsigned int rcu_run(void)
{
	while (rcu.n > 0 && rte_rcu_qsbr_check(rcu.qsbr, rcu.queue[rcu.head].token, false) == 1) {
		struct deferred d = take_head();
		d.fn(d.obj);
	}
	return (unsigned int)rcu.n;
}

/* Waiting on is all that is safe: whoever is stuck may still hold what would be freed. */
static void warn_of_stuck(uint64_t token)
{
	for (unsigned int i = 0; i < RCU_MAX_WORKERS; i++) {
		uint64_t seen = __atomic_load_n(&rcu.qsbr->qsbr_cnt[i].cnt, __ATOMIC_ACQUIRE);
		if (seen != __RTE_QSBR_CNT_THR_OFFLINE && seen < token)
			log_warn("worker %u has not ended a burst for %d ms", i, STUCK_MS);
	}
}

static void grow_queue(void)
{
	size_t capacity = rcu.capacity == 0 ? MIN_DEFERRED : rcu.capacity * 2;
	struct deferred *queue = calloc(capacity, sizeof(*queue));

	if (queue == NULL)
		abort();
	for (size_t i = 0; i < rcu.n; i++)
		queue[i] = rcu.queue[(rcu.head + i) & (rcu.capacity - 1)];
	free(rcu.queue);
	rcu.queue = queue;
	rcu.capacity = capacity;
	rcu.head = 0;
}

/* Off the queue before it runs: the callback may defer again. */
static struct deferred take_head(void)
{
	struct deferred d = rcu.queue[rcu.head];

	rcu.head = (rcu.head + 1) & (rcu.capacity - 1);
	rcu.n--;
	return d;
}
