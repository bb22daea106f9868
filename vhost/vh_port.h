/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inside of a vhost port, shared by vh_port.c (life), vh_device.c (rte_vhost's callbacks) and vh_ring.c (packets).
 *
 * Who may touch guest memory: a worker enters a ring (busy = 1), then reads vid and enabled; rte_vhost's thread clears
 * vid or enabled, then waits for busy == 0. Both sides are sequentially consistent, so one of the two
 * sees the other: after the wait no worker is inside, and none enters.
 *
 * Threads: as annotated. Memory: vh_port.c.
 */
#include <rte_vhost.h>

#include "vhost/vh.h"
#include "vhost/vh_share.h"

enum { VH_NO_DEVICE = -1, VH_PATH_SIZE = 108 };

struct vh_ring {
	uint32_t busy; // worker: rw, rte_vhost's thread: ro
	bool enabled;  // rte_vhost's thread: wo, worker: ro
	bool is_new;   // rte_vhost's thread: sets; worker: clears once the guest knows kicks_wanted
	bool kicks_wanted; // worker: rw
} __attribute__((aligned(64)));

struct vh_queue {
	struct vh_ring rx, tx;
	int wakeup_fd;      // epoll instance that holds kick_fd
	int kick_fd;        // our duplicate; rte_vhost's thread
	uint64_t n_refused; // worker: wo, ctl: ro. See vh_state
};

struct vh_port {
	int vid; // rte_vhost's thread: wo, worker: ro. VH_NO_DEVICE: no guest memory
	uint16_t n_queues;
	uint16_t n_extra;
	bool server, connected;
	uint64_t features;
	struct rte_mempool *share; // of the switch's packet buffers
	void (*on_change)(void *arg);
	void *arg;
	struct vh_port *next; // registry
	char path[VH_PATH_SIZE];
	struct vh_queue queues[VH_MAX_QUEUES];
};

extern const struct rte_vhost_device_ops vh_device_ops;

/* Ports by path, for the callbacks. 0 or -EEXIST. */
MUST_CHECK
int vh_registry_add(struct vh_port *vp);
void vh_registry_del(struct vh_port *vp);

/* True: inside, leave with vh_ring_leave. False: the ring is off. */
static inline bool vh_ring_enter(const struct vh_port *vp, struct vh_ring *r, int *ret_vid)
{
	__atomic_exchange_n(&r->busy, 1, __ATOMIC_SEQ_CST);
	*ret_vid = __atomic_load_n(&vp->vid, __ATOMIC_SEQ_CST);
	if (LIKELY(*ret_vid != VH_NO_DEVICE && __atomic_load_n(&r->enabled, __ATOMIC_SEQ_CST)))
		return true;
	__atomic_store_n(&r->busy, 0, __ATOMIC_RELEASE);
	return false;
}

static inline void vh_ring_leave(struct vh_ring *r)
{
	__atomic_store_n(&r->busy, 0, __ATOMIC_RELEASE);
}
