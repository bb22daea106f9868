/* SPDX-License-Identifier: Apache-2.0 */
#include "vhost/vh_port.h"

uint16_t vh_rx(struct vh_port *vp, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct vh_ring *r = &vp->queues[queue].rx;
	// An idle poll of a guest that is away must cost nothing; the true check is inside.
	if (!__atomic_load_n(&r->enabled, __ATOMIC_RELAXED))
		return 0;
	int vid;
	if (!vh_ring_enter(vp, r, &vid))
		return 0;
	uint16_t n_rx = rte_vhost_dequeue_burst(vid, (uint16_t)(queue * 2 + 1), vp->pool, pkts, n);
	vh_ring_leave(r);
	return n_rx;
}

uint16_t vh_tx(struct vh_port *vp, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct vh_ring *r = &vp->queues[queue].tx;
	int vid;
	if (!vh_ring_enter(vp, r, &vid))
		return 0;
	uint16_t n_tx = rte_vhost_enqueue_burst(vid, (uint16_t)(queue * 2), pkts, n);
	vh_ring_leave(r);
	rte_pktmbuf_free_bulk(pkts, n_tx);
	return n_tx;
}

void vh_arm(struct vh_port *vp, uint16_t queue, bool armed)
{
	struct vh_ring *r = &vp->queues[queue].rx;
	int vid;
	if (!vh_ring_enter(vp, r, &vid))
		return;
	// Fails only for rings that are going away, whose end wakes nobody anyway.
	(void)!rte_vhost_enable_guest_notification(vid, (uint16_t)(queue * 2 + 1), armed);
	vh_ring_leave(r);
}
