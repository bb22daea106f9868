/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A vhost-user port: the back end of one guest's virtio-net device, on rte_vhost. The only door to this folder.
 *
 * Queue q is the pair of guest rings 2q (guest receives, vh_tx) and 2q+1 (guest transmits, vh_rx). Rings that the
 * guest enables or disables are followed at run time: calls on a ring that is off move nothing.
 *
 * Threads: vh_port_create, _destroy, _get_state on control. vh_rx and vh_arm of a queue on one thread,
 * vh_tx of a queue on one thread, which may differ. rte_vhost's own threads run the callbacks; one that takes guest memory away
 * waits until no worker is inside the port.
 * Memory: vh_port_create allocates; vh_port_destroy frees, when no worker can call any more. vh_rx gives mbufs to
 * the caller; vh_tx frees those it took.
 */
#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

#include "datapath/base/err.h"

enum {
	VH_MAX_QUEUES = 16,
	VH_FRAME_BUFFERS = 5,  // of 2 KiB, for the largest frame that a port may let through
	VH_EXTRA_BUFFERS = 32, // so that a frame of 64 KiB arrives, and is counted as too long
};
#define VH_MAX_BUFFERS(n) ((n) * (uint32_t)VH_FRAME_BUFFERS + VH_EXTRA_BUFFERS)

struct vh_port;

struct vh_conf {
	const char *path; // of the socket
	bool server;      // we listen; default we connect, for ever
	uint16_t n_queues;
	struct rte_mempool *pool;
	void (*on_change)(
	    void *arg); // state may have changed; runs in rte_vhost's thread, must not wait
	void *arg;
};

struct vh_state {
	bool connected;    // a front end is on the socket
	bool running;      // a driver is up
	uint16_t n_txq;    // guest receive rings enabled, counted from the first
	uint16_t n_extra;  // rings enabled beyond n_queues: not served
	uint64_t features; // negotiated; 0 while not running
	uint64_t
	    n_refused; // looks at a ring that found frames longer than any MTU: one was lost each time
};

/* 0 or -errno with err. A guest that is not there yet is no error. */
MUST_CHECK
int vh_port_create(const struct vh_conf *conf, struct vh_port **ret, struct err *err);
void vh_port_destroy(struct vh_port *vp);
void vh_get_state(struct vh_port *vp, struct vh_state *ret);
/*
 * Packets from the guest, chained when large, of VH_MAX_BUFFERS(n) buffers together. A frame that does not fit in the
 * rest of them is lost (n_refused). Those with RTE_MBUF_F_RX_L4_CKSUM_NONE need their L4 checksum completed.
 */
uint16_t vh_rx(struct vh_port *vp, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
/* Copies packets to the guest; returns how many it took and freed. Checksum offload flags only if vh_takes_partial. */
uint16_t vh_tx(struct vh_port *vp, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
/* True when the guest completes partial checksums itself (VIRTIO_NET_F_GUEST_CSUM). */
bool vh_takes_partial(const struct vh_port *vp);
/* Asks the guest for kicks on the queue, or not. Then look once more (vh_rx) before sleeping. */
void vh_arm(struct vh_port *vp, uint16_t queue, bool armed);
/* An edge for epoll (EPOLLET) whenever the guest kicks the queue; never to be read. The same fd for the life of the port. */
int vh_wakeup_fd(const struct vh_port *vp, uint16_t queue);
