/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A worker's input, output and sleep: what worker.c, worker_exit.c, worker_sleep.c and workers.c share.
 *
 * Transmit queues. Queue q of any port belongs to worker q for ever. A worker whose number is not below the port's number
 * of queues sends through the worker with number id % n_txq, over that worker's hand-off ring. The number of the
 * receiver is always lower, so a packet is handed over a bounded number of times whatever guests do to their queues.
 * A packet that waits names its port by id (m->port) and by the low half of its add_version (m->hash.usr): a port that
 * has the id by then, but is another, does not get it.
 *
 * Threads: as annotated. Memory: workers.c.
 */
#include "datapath/dp.h"
#include "datapath/rx_sched.h"

enum {
	HANDOFF_SIZE = 2048, // packets waiting for an owner
	OUT_QUEUES = 128,    // ports that one burst gathers for before it flushes
};

/* Budget of copies made from an ingress port, in packets scaled by the TSC rate. */
struct copy_bucket {
	uint64_t filled_tsc;
	uint64_t n_tokens;
};

struct worker_io {
	RCU_PTR(struct rxq_list) rxqs;
	struct rte_ring *handoff;   // see above. Others: produce; this worker: consume
	struct copy_bucket *copies; // [DP_MAX_PORTS], worker: rw
	int epoll_fd;
	int wake_fd;             // eventfd in epoll_fd
	uint32_t asleep;         // worker: wo, others: ro. 1: write wake_fd after handing over
	bool stop;               // ctl: wo, worker: ro
	struct rx_sched sched;   // worker: rw, as are the rest
	uint64_t clock_tsc;      // when w->now_ms was read
	uint64_t idle_since_tsc; // 0: the last loop found packets
	uint32_t sleep_us;
	bool armed;
};

/* The thread: an rte_launch function. */
int worker_main(void *worker);
/* One round over the receive queues and the hand-off ring. Returns how many packets it found. */
unsigned int worker_poll(struct worker *w);
/* The last rounds found nothing: spins, then sleeps a little longer each time, at most until something arrives. */
void worker_rest(struct worker *w);
/* Lets a sleeping worker look at once. Any thread. */
void worker_wake(struct worker *w);
/* There is work again: no more kicks, please. */
void worker_rested(struct worker *w);
/* Tells the ports of a new list whether kicks are wanted now. */
void worker_meet(struct worker *w, struct rxq_list *list);
/* Sends what other workers handed over. Returns how many packets. */
unsigned int worker_drain_handoff(struct worker *w);
