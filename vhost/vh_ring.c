/* SPDX-License-Identifier: Apache-2.0 */
#include "vhost/vh_port.h"

static void settle_kicks(struct vh_ring *r, int vid, uint16_t ring_id);

uint16_t vh_rx(struct vh_port *vp, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct vh_ring *r = &vp->queues[queue].rx;
	// An idle poll of a guest that is away must cost nothing; the true check is inside.
	if (!__atomic_load_n(&r->enabled, __ATOMIC_RELAXED))
		return 0;
	int vid;
	if (!vh_ring_enter(vp, r, &vid))
		return 0;
	uint16_t ring_id = (uint16_t)(queue * 2 + 1);
	settle_kicks(r, vid, ring_id);
	vh_share_begin(VH_MAX_BUFFERS(n));
	uint16_t n_rx = rte_vhost_dequeue_burst(vid, ring_id, vp->share, pkts, n);
	if (UNLIKELY(vh_share_ended_short()))
		__atomic_store_n(&vp->queues[queue].n_refused, vp->queues[queue].n_refused + 1,
		    __ATOMIC_RELAXED);
	vh_ring_leave(r);
	return n_rx;
}

uint16_t vh_tx(struct vh_port *vp, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct vh_ring *r = &vp->queues[queue].tx;
	int vid;
	if (!vh_ring_enter(vp, r, &vid))
		return 0;
	uint16_t ring_id = (uint16_t)(queue * 2);
	settle_kicks(
	    r, vid, ring_id); // never wanted: who has a packet for the guest looks for room
	uint16_t n_tx = rte_vhost_enqueue_burst(vid, ring_id, pkts, n);
	vh_ring_leave(r);
	rte_pktmbuf_free_bulk(pkts, n_tx);
	return n_tx;
}

void vh_arm(struct vh_port *vp, uint16_t queue, bool armed)
{
	struct vh_ring *r = &vp->queues[queue].rx;
	int vid;
	r->kicks_wanted = armed;
	__atomic_store_n(&r->is_new, true, __ATOMIC_RELAXED);
	if (!vh_ring_enter(vp, r, &vid))
		return;
	settle_kicks(r, vid, (uint16_t)(queue * 2 + 1));
	vh_ring_leave(r);
}

/* A guest kicks with every burst, a system call or worse, until a ring that has come up says that nobody waits for it. */
static void settle_kicks(struct vh_ring *r, int vid, uint16_t ring_id)
{
	if (LIKELY(!__atomic_load_n(&r->is_new, __ATOMIC_RELAXED)))
		return;
	__atomic_store_n(&r->is_new, false, __ATOMIC_SEQ_CST);
	// Fails only for rings that are going away, whose end wakes nobody anyway.
	(void)!rte_vhost_enable_guest_notification(vid, ring_id, r->kicks_wanted);
}
