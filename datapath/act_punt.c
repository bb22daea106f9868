/* SPDX-License-Identifier: Apache-2.0 */
/* Packets for the controller: a description and a snapshot, metered per ingress port, over a ring to control. */
#include "datapath/act_priv.h"
#include "datapath/csum.h"
#include "datapath/dp.h"
#include "datapath/meter.h"

enum { PUNT_PPS = 100, PUNT_BURST = 32 };

static enum dp_drop punt(struct worker *w, const struct prog_op *op, struct rte_mbuf *m);
static bool take_token(struct worker *w, uint16_t in_port);
static void write_event(
    struct rte_mbuf *punt, const struct prog_op *op, struct rte_mbuf *m, uint16_t snap);

void act_punt(struct worker *w, const struct prog_op *op, struct rte_mbuf *m, bool owned)
{
	struct port_counters *c = &w->ports[pkt_of(m)->in_port];
	enum dp_drop reason = punt(w, op, m);

	if (!owned)
		c->copies++;
	if (reason == DP_DROP__COUNT) {
		c->sent++;
		if (owned)
			rte_pktmbuf_free(m);
	} else if (owned) {
		pkt_drop(w, m, reason, op->punt.rule, op->punt.cookie);
	} else {
		c->drops[reason]++;
	}
}

static enum dp_drop punt(struct worker *w, const struct prog_op *op, struct rte_mbuf *m)
{
	if (!__atomic_load_n(&w->dp->controller_connected, __ATOMIC_RELAXED))
		return DP_DROP_PUNT_NONE;
	if (!take_token(w, pkt_of(m)->in_port))
		return DP_DROP_PUNT_RATE;
	if (rte_ring_full(w->punts))
		return DP_DROP_PUNT_FULL;
	struct rte_mbuf *copy = rte_pktmbuf_alloc(w->pool);
	if (copy == NULL)
		return DP_DROP_NO_MBUF;
	uint32_t room = rte_pktmbuf_tailroom(copy) - sizeof(struct dp_punt_event);
	uint32_t snap = MIN_OF(m->pkt_len, MIN_OF((uint32_t)op->punt.max_len, room));
	pkt_reset(copy);
	csum_complete(m); // the controller has no use for half a checksum
	write_event(copy, op, m, (uint16_t)snap);
	if (rte_ring_enqueue(w->punts, copy) != 0) {
		rte_pktmbuf_free(copy);
		return DP_DROP_PUNT_FULL;
	}
	return DP_DROP__COUNT;
}

static bool take_token(struct worker *w, uint16_t in_port)
{
	const struct port *port = rcu_get(w->dp->ports[in_port]);
	uint32_t rate = port != NULL && port->conf.punt_pps != 0 ? port->conf.punt_pps : PUNT_PPS;
	return meter_take(
	    &w->ports[in_port].punt_meter, w->now_tsc, w->stats.tsc_hz, rate, PUNT_BURST);
}

static void write_event(
    struct rte_mbuf *punt, const struct prog_op *op, struct rte_mbuf *m, uint16_t snap)
{
	const struct pkt *pkt = pkt_of(m);
	struct dp_punt_event event = {
	    .rule = op->punt.rule,
	    .cookie = op->punt.cookie,
	    .port = pkt->in_port,
	    .bridge = op->punt.bridge,
	    .reason = op->punt.reason,
	    .len = (uint16_t)MIN_OF(m->pkt_len, (uint32_t)UINT16_MAX),
	    .snap = snap,
	    .table = op->punt.table,
	    .tun_id = pkt->tun_peer != PKT_NO_PEER ? pkt->tun_vni : 0,
	};
	uint8_t *dst = (uint8_t *)rte_pktmbuf_append(punt, (uint16_t)(sizeof(event) + snap));
	memcpy(dst, &event, sizeof(event));
	dst += sizeof(event);
	const void *bytes = rte_pktmbuf_read(m, 0, snap, dst);
	if (bytes != dst)
		memcpy(dst, bytes, snap);
}
