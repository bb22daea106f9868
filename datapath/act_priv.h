/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The parts of act.c: rewrites of headers, and packets turned into their own answer.
 * A rewrite of a header that the packet does not have does nothing.
 *
 * Threads: worker. Memory: none; the packet stays the caller's.
 */
#include "datapath/act.h"
#include "datapath/wire.h"

void act_set_eth(struct rte_mbuf *m, const struct prog_op *op);
/* False: no headroom. */
MUST_CHECK
bool act_push_vlan(struct rte_mbuf *m, const struct prog_op *op);
void act_pop_vlan(struct rte_mbuf *m);
void act_set_vlan(struct rte_mbuf *m, const struct prog_op *op);
void act_set_ip4(struct rte_mbuf *m, const struct prog_op *op);
void act_set_ip6(struct rte_mbuf *m, const struct prog_op *op);
void act_set_tos(struct rte_mbuf *m, uint8_t value, uint8_t mask);
void act_set_ttl(struct rte_mbuf *m, uint8_t ttl);
/* False: the TTL would reach zero. */
MUST_CHECK
bool act_dec_ttl(struct rte_mbuf *m, uint8_t n);
void act_set_tp(struct rte_mbuf *m, const struct prog_op *op);
void act_set_icmp(struct rte_mbuf *m, const struct prog_op *op);
void act_set_arp(struct rte_mbuf *m, const struct prog_op *op);
void act_set_nd(struct rte_mbuf *m, const struct prog_op *op);

/* Turns the request into its reply. DP_DROP__COUNT, or why it cannot be (the packet is then as it was). */
enum dp_drop act_arp_reply(struct rte_mbuf *m, const struct mac_addr *mac);
enum dp_drop act_nd_reply(struct rte_mbuf *m, const struct mac_addr *mac, bool is_router);

/*
 * Sends the controller what op asks for. Takes the packet when owned, else counts as a copy of it. The rule and
 * cookie of a drop are op's.
 */
void act_punt(struct worker *w, const struct prog_op *op, struct rte_mbuf *m, bool owned);

/* IP version of the packet: 4, 6, or 0. */
static inline unsigned int act_ip_version(struct rte_mbuf *m)
{
	unsigned int ofs = pkt_of(m)->l3_ofs;
	if (ofs == 0)
		return 0;
	unsigned int version = *rte_pktmbuf_mtod_offset(m, const uint8_t *, ofs) >> 4;
	return version == 4 || version == 6 ? version : 0; // ARP begins with 0
}
