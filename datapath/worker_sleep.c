/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/worker_io.h"

#include <rte_cycles.h>
#include <rte_pause.h>

#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "datapath/base/clock.h"

enum {
	SPIN_US = 50,              // polls on this long after the last packet
	SLEEP_FIRST_US = 10,       // then sleeps, twice as long each time
	SLEEP_POLLED_US = 1000,    // at most, while some queue cannot wake us
	SLEEP_LONG_IDLE_US = 4000, // the same, after LONG_IDLE_S without a packet
	LONG_IDLE_S = 1,
	SLEEP_WAKEABLE_US = 20000, // at most, when all can
};

static void arm(struct worker *w, bool armed);
static void sleep_us(struct worker *w, uint32_t us);

void worker_rest(struct worker *w)
{
	struct worker_io *io = w->io;
	if (io->idle_since_tsc == 0)
		io->idle_since_tsc = w->now_tsc;
	if (!w->dp->options->sleep ||
	    rte_rdtsc() - io->idle_since_tsc < rte_get_tsc_hz() / 1000000 * SPIN_US) {
		rte_pause();
		return;
	}
	if (!io->armed) {
		// What arrived before arming makes no kick: look once more before sleeping.
		arm(w, true);
		return;
	}
	const struct rxq_list *list = rcu_get(io->rxqs);
	uint32_t max_us = SLEEP_POLLED_US;
	if (list->all_wake)
		max_us = SLEEP_WAKEABLE_US;
	else if (rte_rdtsc() - io->idle_since_tsc > rte_get_tsc_hz() * LONG_IDLE_S)
		max_us = SLEEP_LONG_IDLE_US;
	io->sleep_us = io->sleep_us == 0 ? SLEEP_FIRST_US : MIN_OF(io->sleep_us * 2, max_us);
	sleep_us(w, io->sleep_us);
}

void worker_rested(struct worker *w)
{
	struct worker_io *io = w->io;
	io->idle_since_tsc = 0;
	io->sleep_us = 0;
	if (io->armed)
		arm(w, false);
}

void worker_meet(struct worker *w, struct rxq_list *list)
{
	list->is_new = false;
	arm(w, w->io->armed);
}

void worker_wake(struct worker *w)
{
	uint64_t one = 1;
	(void)!write(w->io->wake_fd, &one, sizeof(one)); // full counter: it is awake anyway
}

static void arm(struct worker *w, bool armed)
{
	struct rxq_list *list = rcu_get(w->io->rxqs);
	for (unsigned int i = 0; i < list->n; i++) {
		struct rxq *q = &list->q[i];
		if (q->port->ops->arm_wakeup != NULL)
			q->port->ops->arm_wakeup(q->port, q->queue, armed);
	}
	w->io->armed = armed;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/*
 * Offline for RCU, so that control never waits for a sleeper. asleep is set before the ring is looked at, and a producer looks at
 * asleep after it has put its packet into the ring: one of the two sees the other.
 */
static void sleep_us(struct worker *w, uint32_t us)
{
	struct worker_io *io = w->io;
	__atomic_store_n(&io->asleep, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (rte_ring_empty(io->handoff) && !__atomic_load_n(&io->stop, __ATOMIC_RELAXED)) {
		struct timespec timeout = {.tv_nsec = (long)us * 1000};
		struct epoll_event ev;
		uint64_t start_ns = clock_ns();
		rcu_worker_offline(w->id);
		// All fds are edge-triggered: harvesting an event is all there is to do with it.
		(void)!epoll_pwait2(io->epoll_fd, &ev, 1, &timeout, NULL);
		rcu_worker_online(w->id);
		w->stats.sleep_ns += clock_ns() - start_ns;
	}
	__atomic_store_n(&io->asleep, 0, __ATOMIC_RELEASE);
}
