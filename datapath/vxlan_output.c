/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VXLAN (RFC 7348), the way out: the route's prebuilt outer headers go in front, then what depends on the packet is
 * patched in. The outer packet is never fragmented (4.3): DF on IPv4, and a sender that is too long hears of it.
 */
#include "datapath/act_priv.h"
#include "datapath/csum.h"
#include "datapath/dp.h"
#include "datapath/ecn.h"
#include "datapath/icmp_error.h"
#include "datapath/tunnel_priv.h"

enum { SRC_PORT_MIN = 49152, SRC_PORT_BITS = 14 }; // RFC 7348 5: the dynamic ports

/* What the outer headers of one packet have of their own. */
struct outer {
	const struct ip_addr *source; // NULL: the route's
	uint8_t tos, ttl;
	uint16_t id; // IPv4, without DF
	uint64_t hash;
};

static enum dp_drop check(struct worker *w, const struct prog_op *op, const struct tnl_encap *e,
    const struct ip_addr *source, struct rte_mbuf *m);
static uint8_t inner_tos(struct rte_mbuf *m);
static uint8_t outer_ttl(const struct prog_op *op, struct rte_mbuf *m);
static uint64_t entropy(const struct worker *w, struct rte_mbuf *m);
static uint64_t mix(uint64_t a, uint64_t b);
static struct rte_mbuf *with_headroom(struct worker *w, struct rte_mbuf *m, uint32_t size);
static void encapsulate(
    const struct prog_op *op, const struct tnl_encap *e, struct rte_mbuf *m, const struct outer *o);
static void patch_ip4(const struct prog_op *op, const struct tnl_encap *e, uint8_t *ip,
    uint32_t udp_len, const struct outer *o);
static uint64_t replace(uint8_t *at, const void *bytes, size_t size);
static void patch_ip6(uint8_t *ip, uint32_t udp_len, const struct outer *o);

void tunnel_output(struct worker *w, const struct prog_op *op, struct rte_mbuf *m)
{
	const struct tunnel_cfg *cfg = rcu_get(w->dp->tunnels);
	const struct tnl_encap *e = tunnel_encap(cfg, op->tunnel.route);
	struct outer o = {0};
	if (UNLIKELY(op->tunnel.local != 0))
		o.source = tunnel_local(cfg, op->tunnel.local - 1);
	enum dp_drop reason = check(w, op, e, o.source, m);
	if (UNLIKELY(reason != DP_DROP__COUNT)) {
		pkt_drop(w, m, reason, 0, 0);
		return;
	}
	// The receiver sees bytes of an outer payload: nothing in them may be left to a device.
	csum_complete(m);
	uint8_t tos_in = inner_tos(m);
	uint8_t dscp = (op->tunnel.tnl_flags & PROG_TNL_TOS_INHERIT) != 0 ? tos_in : op->tunnel.tos;
	o.tos = (uint8_t)((dscp & ~ECN_MASK) | ecn_encap(tos_in));
	o.ttl = outer_ttl(op, m);
	o.hash = entropy(w, m);
	struct rte_mbuf *outer = with_headroom(w, m, e->hdr_size);
	if (UNLIKELY(outer == NULL)) {
		pkt_drop(w, m, DP_DROP_NO_MBUF, 0, 0);
		return;
	}
	struct port_counters *c = &w->ports[op->tunnel.port];
	// Of one source and destination, so that fragments of different packets do not mix (RFC 6864 4.2).
	o.id = (uint16_t)(c->tx_packets * w->dp->n_workers + w->id);
	c->tx_packets++;
	c->tx_bytes += outer->pkt_len;
	encapsulate(op, e, outer, &o);
	out_add(w, e->route.uplink, outer);
}

static enum dp_drop check(struct worker *w, const struct prog_op *op, const struct tnl_encap *e,
    const struct ip_addr *source, struct rte_mbuf *m)
{
	const struct pkt *pkt = pkt_of(m);

	if (e == NULL || e->route.state == DP_ROUTE_NO_ROUTE ||
	    ip_is_v4(&e->route.local) != e->is_v4)
		return DP_DROP_TUNNEL_NO_ROUTE;
	if (UNLIKELY(op->tunnel.local != 0) && (source == NULL || ip_is_v4(source) != e->is_v4))
		return DP_DROP_TUNNEL_NO_ROUTE;
	if (e->route.state != DP_ROUTE_UP)
		return DP_DROP_TUNNEL_NO_NEIGHBOUR;
	if (pkt->n_vlans != 0 && (op->tunnel.tnl_flags & PROG_TNL_INNER_VLAN) == 0)
		return DP_DROP_VXLAN_INNER_VLAN;
	uint32_t overhead = e->hdr_size - (uint32_t)ETH_HDR_SIZE;
	if (LIKELY(m->pkt_len + overhead <= e->route.mtu))
		return DP_DROP__COUNT;
	uint32_t used = overhead + pkt->l3_ofs;
	if (pkt->l3_ofs != 0 && e->route.mtu > used)
		icmp_error_too_big(w, m, e->route.mtu - used);
	return DP_DROP_TUNNEL_TOO_BIG;
}

/* 0 (and with it Not-ECT) for what is not IP. */
static uint8_t inner_tos(struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt_of(m)->l3_ofs);
	switch (act_ip_version(m)) {
	case 4: return ip[1];
	case 6: return (uint8_t)(get_be16(ip) >> 4);
	default: return 0;
	}
}

/* The inner packet's where that is wanted and there is one. */
static uint8_t outer_ttl(const struct prog_op *op, struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt_of(m)->l3_ofs);
	if (LIKELY((op->tunnel.tnl_flags & PROG_TNL_TTL_INHERIT) == 0))
		return op->tunnel.ttl;
	switch (act_ip_version(m)) {
	case 4: return ip[8];
	case 6: return ip[7];
	default: return op->tunnel.ttl;
	}
}

/*
 * One number per inner flow, so that the underlay spreads flows over its paths and keeps each in order. All fragments
 * of a packet count as one flow without ports. Salted per boot: a guest cannot aim its flows at one path.
 */
static uint64_t entropy(const struct worker *w, struct rte_mbuf *m)
{
	const struct pkt *pkt = pkt_of(m);
	const uint8_t *eth = rte_pktmbuf_mtod(m, const uint8_t *);
	const uint8_t *ip = eth + pkt->l3_ofs;
	uint64_t words[4] = {0}, ports = pkt->l4_proto;
	bool has_ports = pkt->l4_ofs != 0 && (pkt->flags & PKT_F_FRAGMENT) == 0 &&
			 (pkt->l4_proto == IP_PROTO_TCP || pkt->l4_proto == IP_PROTO_UDP ||
			     pkt->l4_proto == IP_PROTO_SCTP);

	if (has_ports)
		ports |= (uint64_t)load32(eth + pkt->l4_ofs) << 8;
	switch (act_ip_version(m)) {
	case 4: memcpy(words, ip + 12, 8); break;
	case 6: memcpy(words, ip + 8, 32); break;
	default: memcpy(words, eth, ETH_MACS_SIZE); break;
	}
	const struct hash_key *salt = &w->dp->secret;
	uint64_t h = mix(words[0] ^ salt->k[0], words[1] ^ ports ^ salt->k[1]);
	return mix(h ^ words[2] ^ salt->k[0], words[3] ^ salt->k[1] ^ 0x9e3779b97f4a7c15);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

/*
 * The packet, or when there is no room in front of it (a device of its own mind) its copy. NULL: no buffer, and the
 * packet is still the caller's. The copy takes the packet's place in all accounts.
 */
static struct rte_mbuf *with_headroom(struct worker *w, struct rte_mbuf *m, uint32_t size)
{
	bool is_own = rte_mbuf_refcnt_read(m) == 1 && RTE_MBUF_DIRECT(m);
	if (LIKELY(is_own && rte_pktmbuf_headroom(m) >= size))
		return m;
	struct rte_mbuf *copy = rte_pktmbuf_copy(m, w->pool, 0, UINT32_MAX);
	if (copy == NULL)
		return NULL;
	if (rte_pktmbuf_headroom(copy) < size) {
		rte_pktmbuf_free(copy);
		return NULL;
	}
	*pkt_of(copy) = *pkt_of(m);
	rte_pktmbuf_free(m);
	return copy;
}

static void encapsulate(
    const struct prog_op *op, const struct tnl_encap *e, struct rte_mbuf *m, const struct outer *o)
{
	uint32_t udp_len = UDP_HDR_SIZE + VXLAN_HDR_SIZE + m->pkt_len;
	uint8_t *eth = (uint8_t *)rte_pktmbuf_prepend(m, e->hdr_size);
	uint8_t *ip = eth + ETH_HDR_SIZE;
	uint8_t *udp = eth + e->hdr_size - VXLAN_HDR_SIZE - UDP_HDR_SIZE;
	uint32_t udp_ofs = (uint32_t)(udp - eth);
	uint16_t flags = op->tunnel.tnl_flags;

	// Of a size that the compiler knows: a string instruction would cost as much as all the rest.
	if (e->is_v4)
		memcpy(eth, e->hdr, TNL_OUTER_IP4);
	else
		memcpy(eth, e->hdr, TNL_OUTER_MAX);
	put_be16(udp, (uint16_t)(SRC_PORT_MIN + (o->hash >> (64 - SRC_PORT_BITS))));
	put_be16(udp + 2, op->tunnel.udp_port);
	put_be16(udp + 4, (uint16_t)udp_len);
	put_be32(udp + UDP_HDR_SIZE + 4, op->tunnel.vni << 8);
	if (e->is_v4)
		patch_ip4(op, e, ip, udp_len, o);
	else
		patch_ip6(ip, udp_len, o);
	bool has_csum =
	    e->is_v4 ? (flags & PROG_TNL_CSUM) != 0 : (flags & PROG_TNL_ZERO_CSUM6) == 0;
	if (has_csum) {
		uint64_t sum = csum_pseudo(ip, IP_PROTO_UDP, udp_len);
		uint16_t csum = (uint16_t)~csum_fold(sum + csum_packet(m, udp_ofs, udp_len));
		store16(udp + UDP_CSUM_OFS, csum != 0 ? csum : 0xffff);
	}
	struct pkt *pkt = pkt_of(m);
	*pkt = (struct pkt){
	    .in_port = pkt->in_port,
	    .l3_ofs = ETH_HDR_SIZE,
	    .l4_ofs = (uint16_t)udp_ofs,
	    .l4_payload_ofs = (uint16_t)(udp_ofs + UDP_HDR_SIZE),
	    .l4_proto = IP_PROTO_UDP,
	    .tun_peer = PKT_NO_PEER,
	};
}

static void patch_ip4(const struct prog_op *op, const struct tnl_encap *e, uint8_t *ip,
    uint32_t udp_len, const struct outer *o)
{
	// What is patched was part of the prebuilt header's sum.
	uint64_t sum = e->ip_sum;
	if (UNLIKELY(o->source != NULL)) {
		uint32_t source = ip_v4_be(o->source);
		sum += replace(ip + 12, &source, sizeof(source));
	}
	if (UNLIKELY((op->tunnel.tnl_flags & PROG_TNL_NO_DF) != 0)) {
		uint16_t id_and_flags[2] = {o->id, 0};
		sum += replace(ip + 4, id_and_flags, sizeof(id_and_flags));
	}
	ip[1] = o->tos;
	put_be16(ip + 2, (uint16_t)(IP4_HDR_SIZE + udp_len));
	ip[8] = o->ttl;
	// These words were zero; the third has the protocol already.
	sum +=
	    rte_cpu_to_be_16(o->tos) + load16(ip + 2) + rte_cpu_to_be_16((uint16_t)(o->ttl << 8));
	store16(ip + IP4_CSUM_OFS, (uint16_t)~csum_fold(sum));
}

/* Writes 16-bit words; what that adds to a checksum over them. */
static uint64_t replace(uint8_t *at, const void *bytes, size_t size)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < size; i += 2)
		sum += 0xffffu ^ load16(at + i);
	memcpy(at, bytes, size);
	return csum_add(sum, at, size);
}

static void patch_ip6(uint8_t *ip, uint32_t udp_len, const struct outer *o)
{
	if (UNLIKELY(o->source != NULL))
		memcpy(ip + 8, o->source, sizeof(*o->source));
	// RFC 6438: the label carries the entropy too, for routers that do not look into UDP.
	put_be32(ip, 6u << 28 | (uint32_t)o->tos << 20 | ((uint32_t)o->hash & 0xfffff));
	put_be16(ip + 4, (uint16_t)udp_len);
	ip[7] = o->ttl;
}
