/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which receive queues a worker polls in a round: those that may have packets, and none that has had its share.
 *
 * Fair in cycles, not in packets. Every burst is charged to its port with the cycles that it took, so a guest whose
 * packets are dear (misses, copies, tunnels) gets fewer of them served, not more of the worker; and a guest with many
 * queues gets no more than one with a single queue. A port is passed over while it is further ahead than RX_LEAD
 * of the busy port that has had least. Being idle earns nothing: who comes back starts level with that one. Nobody
 * waits for a port that has nothing to send. An uplink carries the packets of many guests and is charged a part only.
 *
 * Cheap when idle. A queue whose last RX_COLD_POLLS polls found nothing is cold. A busy worker looks at a few cold
 * queues a round, and at each within RX_COLD_ROUNDS rounds; an idle worker looks at all of them.
 *
 * Threads: the worker, but for rxq_list_create (control). Memory: control makes a list and frees it after a grace period.
 */
#include <stdbool.h>
#include <stdint.h>

#include "datapath/base/compiler.h"

struct port;

enum {
	RX_LEAD = 10000,      // cycles
	RX_UPLINK_WEIGHT = 4, // an uplink is charged 1/4
	RX_COLD_POLLS = 64,   // in a row
	RX_COLD_ROUNDS = 128,
	RX_MAX_QUEUES = 65535, // of a list
};

struct rxq {
	struct port *port;
	uint16_t port_id, queue;
	bool is_uplink;
	int wakeup_fd;    // -1: this queue wakes nobody
	uint32_t n_empty; // worker: rw. Empty polls in a row
};

/* What a worker polls. */
struct rxq_list {
	unsigned int n;
	bool is_new;        // worker: clears when it has asked for wake-ups, or for none
	bool all_wake;      // every queue has a wakeup_fd: the worker may sleep long
	unsigned int n_hot; // worker: rw, as are the next two
	unsigned int cold_at;
	uint16_t *order; // indices into q: the hot ones, then the cold
	struct rxq q[];
};

struct rx_sched {
	uint64_t *spent; // by port id: cycles, with idle time made up for
	uint64_t floor;  // spent of the busy port that has had least
	// Of the round that is running:
	uint64_t next_floor;
	bool passed_over;
};

/* Polls a queue and forwards what it finds. Returns the number of packets; *ret_cycles is set when that is not 0. */
typedef unsigned int rx_poll_fn(void *arg, struct rxq *q, uint64_t *ret_cycles);

/* An empty list with room for max queues; the caller fills q, n and all_wake, then calls rxq_list_ready. NULL: no memory. */
struct rxq_list *rxq_list_create(unsigned int max);
void rxq_list_ready(struct rxq_list *list);

/* 0 or -ENOMEM. */
MUST_CHECK
int rx_sched_init(struct rx_sched *s, unsigned int n_ports);
void rx_sched_fini(struct rx_sched *s);
/* Polls what is due. is_idle: there is nothing else to do, so all may be looked at. Returns the number of packets. */
unsigned int rx_sched_round(
    struct rx_sched *s, struct rxq_list *list, bool is_idle, rx_poll_fn *poll, void *arg);
