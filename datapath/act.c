/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/act.h"

#include "datapath/act_priv.h"
#include "datapath/dp.h"
#include "datapath/tunnel.h"

static bool run_ops(struct worker *w, const struct program *prog, struct rte_mbuf *m);
static bool is_fresh(struct worker *w, const struct prog_op *op, struct rte_mbuf *m);
static bool rewrite(const struct prog_op *op, struct rte_mbuf *m, enum dp_drop *ret_reason);
static void emit(
    struct worker *w, const struct program *prog, const struct prog_op *op, struct rte_mbuf *m);
static void reply(
    struct worker *w, const struct program *prog, const struct prog_op *op, struct rte_mbuf *m);
static void count_patch(struct worker *w, const struct prog_op *op, const struct rte_mbuf *m);

bool act_run(struct worker *w, const struct program *prog, struct rte_mbuf *m)
{
	uint16_t port;
	if (LIKELY(act_is_output(prog, &port))) {
		out_add(w, port, m);
		return true;
	}
	return run_ops(w, prog, m);
}

static bool run_ops(struct worker *w, const struct program *prog, struct rte_mbuf *m)
{
	// The prologue (program_cache.h): a stale session must be seen before anything is done.
	prog_foreach(op, prog)
	{
		if (op->type != PROG_REFRESH && op->type != PROG_PATCH)
			break;
		if (op->type == PROG_REFRESH && !is_fresh(w, op, m))
			return false;
	}
	prog_foreach(op, prog)
	{
		enum dp_drop reason;
		switch (op->type) {
		case PROG_REFRESH: break;
		case PROG_PATCH: count_patch(w, op, m); break;
		case PROG_DROP:
			pkt_drop(w, m, op->drop.reason, prog->rule, prog->cookie);
			return true;
		case PROG_PUNT:
			act_punt(w, op, m, (op->flags & PROG_F_LAST) != 0);
			if ((op->flags & PROG_F_LAST) != 0)
				return true;
			break;
		case PROG_OUTPUT:
		case PROG_TUNNEL:
		case PROG_ARP_REPLY:
		case PROG_ND_REPLY:
			if ((op->flags & PROG_F_LAST) != 0) {
				emit(w, prog, op, m);
				return true;
			}
			// pkt_copy has accounted for a copy that could not be made.
			struct rte_mbuf *copy = pkt_copy(w, m);
			if (copy != NULL)
				emit(w, prog, op, copy);
			break;
		default:
			if (LIKELY(rewrite(op, m, &reason)))
				break;
			pkt_drop(w, m, reason, prog->rule, prog->cookie);
			return true;
		}
	}
	// A program always ends in an output or a drop; if one did not, the packet is still accounted for.
	pkt_drop(w, m, DP_DROP_RULE_DROP, prog->rule, prog->cookie);
	return true;
}

static bool is_fresh(struct worker *w, const struct prog_op *op, struct rte_mbuf *m)
{
	if (op->refresh.idx == FDB_NONE)
		return true;
	const struct bridge *br = rcu_get(w->dp->bridges[op->refresh.bridge]);
	struct fdb *fdb = br != NULL ? rcu_get(br->fdb) : NULL;
	if (fdb == NULL)
		return false;
	struct mac_addr src;
	memcpy(&src, rte_pktmbuf_mtod_offset(m, uint8_t *, sizeof(src)), sizeof(src));
	return fdb_refresh(
	    fdb, op->refresh.idx, &src, op->refresh.vlan, op->refresh.port, w->now_ms);
}

/* False with *ret_reason when the packet must be dropped. */
static bool rewrite(const struct prog_op *op, struct rte_mbuf *m, enum dp_drop *ret_reason)
{
	switch (op->type) {
	case PROG_SET_ETH: act_set_eth(m, op); return true;
	case PROG_PUSH_VLAN: *ret_reason = DP_DROP_BAD_VLAN; return act_push_vlan(m, op);
	case PROG_POP_VLAN: act_pop_vlan(m); return true;
	case PROG_SET_VLAN: act_set_vlan(m, op); return true;
	case PROG_SET_IP4: act_set_ip4(m, op); return true;
	case PROG_SET_IP6: act_set_ip6(m, op); return true;
	case PROG_SET_TOS: act_set_tos(m, op->tos.value, op->tos.mask); return true;
	case PROG_SET_TTL: act_set_ttl(m, op->ttl.ttl); return true;
	case PROG_DEC_TTL: *ret_reason = DP_DROP_TTL_EXPIRED; return act_dec_ttl(m, op->ttl.ttl);
	case PROG_SET_TP: act_set_tp(m, op); return true;
	case PROG_SET_ICMP: act_set_icmp(m, op); return true;
	case PROG_SET_ARP: act_set_arp(m, op); return true;
	case PROG_SET_ND: act_set_nd(m, op); return true;
	default: *ret_reason = DP_DROP_RULE_DROP; return false;
	}
}

/* Takes the packet. */
static void emit(
    struct worker *w, const struct program *prog, const struct prog_op *op, struct rte_mbuf *m)
{
	if (LIKELY(op->type == PROG_OUTPUT))
		out_add(w, op->output.port, m);
	else if (op->type == PROG_TUNNEL)
		tunnel_output(w, op, m);
	else
		reply(w, prog, op, m);
}

static void reply(
    struct worker *w, const struct program *prog, const struct prog_op *op, struct rte_mbuf *m)
{
	const struct pkt *pkt = pkt_of(m);
	enum dp_drop reason = DP_DROP_RESPONDER;

	// A request that came by a tunnel is answered by the switch that its sender is on.
	if (pkt->tun_peer == PKT_NO_PEER)
		reason = op->type == PROG_ARP_REPLY
			     ? act_arp_reply(m, &op->reply.mac)
			     : act_nd_reply(m, &op->reply.mac, op->reply.router != 0);
	if (reason == DP_DROP__COUNT)
		out_add(w, pkt->in_port, m);
	else
		pkt_drop(w, m, reason, prog->rule, prog->cookie);
}

/* The packet stays accounted to the port it came in by: what enters by the peer leaves by it at once. */
static void count_patch(struct worker *w, const struct prog_op *op, const struct rte_mbuf *m)
{
	struct port_counters *tx = &w->ports[op->patch.tx_port];
	struct port_counters *rx = &w->ports[op->patch.rx_port];

	tx->tx_packets++;
	tx->tx_bytes += m->pkt_len;
	rx->rx_packets++;
	rx->rx_bytes += m->pkt_len;
	rx->sent++;
}
