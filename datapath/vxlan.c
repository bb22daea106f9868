/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VXLAN (RFC 7348), the way in: outer headers are checked as strictly as a host's own stack would, then stripped.
 * Only UDP to one of our addresses and ports is ours; the rest of a shared interface's packets is the kernel's. The
 * way out is in vxlan_output.c.
 *
 * A packet that is refused stays as it came, accounted to the uplink, so that its sample shows the outer headers.
 */
#include "datapath/act_priv.h"
#include "datapath/csum.h"
#include "datapath/ecn.h"
#include "datapath/tunnel_priv.h"

/* The outer headers as found; *_ofs from the start of the packet, ports in host order. */
struct outer {
	struct ip_addr src, dst;
	uint32_t ip_ofs, udp_ofs, inner_ofs;
	uint32_t end; // of the IP packet, later of the UDP datagram
	uint32_t vni;
	uint16_t udp_port;
	uint8_t proto;
	uint8_t ecn;
	uint8_t local;
	bool is_v4, is_fragment, has_csum;
};

/* The IP packet in the inner frame, as far as ECN needs it. */
struct inner {
	uint32_t ip_ofs; // from the start of the packet; 0: none
	uint8_t ecn;     // RFC 6040's result for it
};

static enum dp_drop read_outer(const struct tunnel_cfg *cfg, struct rte_mbuf *m, struct outer *o);
static enum dp_drop read_ip4(struct rte_mbuf *m, struct outer *o);
static enum dp_drop read_ip6(struct rte_mbuf *m, struct outer *o);
static enum dp_drop check_addresses(const struct tunnel_cfg *cfg, const struct outer *o);
static enum dp_drop read_udp(const struct tunnel_cfg *cfg, struct rte_mbuf *m, struct outer *o);
static bool is_csum_ok(struct rte_mbuf *m, const struct outer *o);
static enum dp_drop read_vxlan(struct rte_mbuf *m, struct outer *o);
static enum dp_drop read_inner(
    struct rte_mbuf *m, const struct outer *o, bool allows_vlan, struct inner *ret);
static void strip(const struct tunnel_cfg *cfg, struct rte_mbuf *m, const struct outer *o);

enum dp_drop tunnel_input(const struct tunnel_cfg *cfg, struct rte_mbuf *m)
{
	struct outer o = {0};
	struct inner inner = {0};
	struct tnl_port port;

	if (UNLIKELY(m->nb_segs > 1) && !pkt_pull_headers(m))
		return DP_DROP_NO_MBUF;
	enum dp_drop reason = read_outer(cfg, m, &o);
	if (UNLIKELY(reason != DP_DROP__COUNT))
		return reason;
	reason = tunnel_find_port(cfg, &o.src, o.local, o.udp_port, o.vni, &port);
	if (UNLIKELY(reason != DP_DROP__COUNT))
		return reason;
	// RFC 8200 8.1; to do without is opt-in (RFC 6935).
	if (!o.has_csum && !o.is_v4 && (port.flags & DP_PORT_F_ZERO_CSUM6) == 0)
		return DP_DROP_UPLINK_CSUM;
	reason = read_inner(m, &o, (port.flags & DP_PORT_F_INNER_VLAN) != 0, &inner);
	if (UNLIKELY(reason != DP_DROP__COUNT))
		return reason;

	strip(cfg, m, &o);
	pkt_of(m)->in_port = port.id;
	if (inner.ip_ofs != 0) {
		pkt_of(m)->l3_ofs = (uint16_t)(inner.ip_ofs - o.inner_ofs);
		act_set_tos(m, inner.ecn, ECN_MASK);
	}
	return DP_DROP__COUNT;
}

static enum dp_drop read_outer(const struct tunnel_cfg *cfg, struct rte_mbuf *m, struct outer *o)
{
	const uint8_t *eth = rte_pktmbuf_mtod(m, const uint8_t *);
	if (m->data_len < ETH_HDR_SIZE + VLAN_TAG_SIZE)
		return DP_DROP_UPLINK_NOT_OURS;
	uint16_t type = get_be16(eth + ETH_MACS_SIZE);
	o->ip_ofs = ETH_HDR_SIZE;
	if (type == ETH_TYPE_VLAN) {
		type = get_be16(eth + ETH_HDR_SIZE + 2);
		o->ip_ofs += VLAN_TAG_SIZE;
	}
	enum dp_drop reason;
	if (LIKELY(type == ETH_TYPE_IP4))
		reason = read_ip4(m, o);
	else if (type == ETH_TYPE_IP6)
		reason = read_ip6(m, o);
	else
		return DP_DROP_UPLINK_NOT_OURS;
	if (LIKELY(reason == DP_DROP__COUNT))
		reason = check_addresses(cfg, o);
	if (LIKELY(reason == DP_DROP__COUNT))
		reason = read_udp(cfg, m, o);
	if (LIKELY(reason == DP_DROP__COUNT))
		reason = read_vxlan(m, o);
	return reason;
}

static enum dp_drop read_ip4(struct rte_mbuf *m, struct outer *o)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, o->ip_ofs);
	if (o->ip_ofs + IP4_HDR_SIZE > m->data_len)
		return DP_DROP_UPLINK_BAD;
	uint32_t hdr_len = (ip[0] & 15u) * 4, total_len = get_be16(ip + 2);
	if (ip[0] >> 4 != 4 || hdr_len < IP4_HDR_SIZE || o->ip_ofs + hdr_len > m->data_len ||
	    total_len < hdr_len || o->ip_ofs + total_len > m->pkt_len)
		return DP_DROP_UPLINK_BAD;
	bool csum_is_good =
	    (m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	if (!csum_is_good && csum_ip4_sum(ip, hdr_len) != 0xffff)
		return DP_DROP_UPLINK_BAD;
	o->is_v4 = true;
	o->is_fragment = (get_be16(ip + 6) & (IP4_MF | IP4_OFFSET_MASK)) != 0;
	o->src = ip_from_v4(load32(ip + 12));
	o->dst = ip_from_v4(load32(ip + 16));
	o->proto = ip[9];
	o->ecn = ip[1] & ECN_MASK;
	o->udp_ofs = o->ip_ofs + hdr_len;
	o->end = o->ip_ofs + total_len;
	return DP_DROP__COUNT;
}

/* No extension headers: a VXLAN sender has no use for them, and RFC 7348 forbids fragments. */
static enum dp_drop read_ip6(struct rte_mbuf *m, struct outer *o)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, o->ip_ofs);
	if (o->ip_ofs + IP6_HDR_SIZE > m->data_len || ip[0] >> 4 != 6)
		return DP_DROP_UPLINK_BAD;
	uint32_t total_len = IP6_HDR_SIZE + (uint32_t)get_be16(ip + 4);
	if (o->ip_ofs + total_len > m->pkt_len)
		return DP_DROP_UPLINK_BAD;
	struct ip6_addr src, dst;
	memcpy(&src, ip + 8, sizeof(src));
	memcpy(&dst, ip + 24, sizeof(dst));
	o->src = ip_from_v6(&src);
	o->dst = ip_from_v6(&dst);
	// On the wire such an address would pass for an IPv4 peer (RFC 4942 2.2).
	if (ip_is_v4(&o->src) || ip_is_v4(&o->dst))
		return DP_DROP_UPLINK_BAD;
	o->proto = ip[6];
	o->is_fragment = ip[6] == IP_PROTO_FRAGMENT;
	o->ecn = (ip[1] >> 4) & ECN_MASK;
	o->udp_ofs = o->ip_ofs + IP6_HDR_SIZE;
	o->end = o->ip_ofs + total_len;
	return DP_DROP__COUNT;
}

static enum dp_drop check_addresses(const struct tunnel_cfg *cfg, const struct outer *o)
{
	if (!tunnel_is_local(cfg, &o->dst))
		return DP_DROP_UPLINK_NOT_OURS;
	bool may_be_udp = o->proto == IP_PROTO_UDP || o->proto == IP_PROTO_FRAGMENT;
	if (!may_be_udp)
		return DP_DROP_UPLINK_NOT_OURS;
	if (o->is_fragment)
		return DP_DROP_UPLINK_FRAGMENT;
	bool is_nobody = o->is_v4 ? ip_v4_be(&o->src) == 0 : ip_is_zero(&o->src);
	if (ip_is_multicast(&o->src) || is_nobody)
		return DP_DROP_UPLINK_BAD;
	return DP_DROP__COUNT;
}

static enum dp_drop read_udp(const struct tunnel_cfg *cfg, struct rte_mbuf *m, struct outer *o)
{
	const uint8_t *udp = rte_pktmbuf_mtod_offset(m, const uint8_t *, o->udp_ofs);
	if (o->udp_ofs + UDP_HDR_SIZE > o->end || o->udp_ofs + UDP_HDR_SIZE > m->data_len)
		return DP_DROP_UPLINK_BAD;
	o->udp_port = get_be16(udp + 2);
	int local = tunnel_find_local(cfg, &o->dst, o->udp_port);
	if (local < 0)
		return DP_DROP_UPLINK_NOT_OURS;
	uint32_t udp_len = get_be16(udp + 4);
	if (udp_len < UDP_HDR_SIZE || o->udp_ofs + udp_len > o->end)
		return DP_DROP_UPLINK_BAD;
	o->local = (uint8_t)local;
	o->end = o->udp_ofs + udp_len;
	o->has_csum = load16(udp + UDP_CSUM_OFS) != 0;
	return !o->has_csum || is_csum_ok(m, o) ? DP_DROP__COUNT : DP_DROP_UPLINK_CSUM;
}

static bool is_csum_ok(struct rte_mbuf *m, const struct outer *o)
{
	const struct pkt *pkt = pkt_of(m);
	if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return true;
	// From a sender on this host, never on a wire: not yet made.
	if ((pkt->flags & PKT_F_CSUM_PARTIAL) != 0 && pkt->csum_start == o->udp_ofs)
		return true;
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, o->ip_ofs);
	uint32_t len = o->end - o->udp_ofs;
	return csum_fold(csum_pseudo(ip, IP_PROTO_UDP, len) + csum_packet(m, o->udp_ofs, len)) ==
	       0xffff;
}

static enum dp_drop read_vxlan(struct rte_mbuf *m, struct outer *o)
{
	uint32_t ofs = o->udp_ofs + UDP_HDR_SIZE;
	if (ofs + VXLAN_HDR_SIZE > o->end || ofs + VXLAN_HDR_SIZE > m->data_len)
		return DP_DROP_VXLAN_BAD_FLAGS;
	const uint8_t *vxlan = rte_pktmbuf_mtod_offset(m, const uint8_t *, ofs);
	if ((vxlan[0] & VXLAN_F_VNI) == 0) // the reserved bits are ignored (RFC 7348 5)
		return DP_DROP_VXLAN_BAD_FLAGS;
	o->vni = get_be32(vxlan + 4) >> 8;
	o->inner_ofs = ofs + VXLAN_HDR_SIZE;
	return DP_DROP__COUNT;
}

/* What is cut short here is the parser's to refuse. */
static enum dp_drop read_inner(
    struct rte_mbuf *m, const struct outer *o, bool allows_vlan, struct inner *ret)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t left = MIN_OF(o->end, (uint32_t)m->data_len);
	uint32_t ofs = o->inner_ofs + ETH_HDR_SIZE;
	if (ofs > left)
		return DP_DROP__COUNT;
	uint16_t type = get_be16(data + ofs - 2);
	for (unsigned int i = 0;
	     i < PKT_MAX_VLANS && (type == ETH_TYPE_VLAN || type == ETH_TYPE_QINQ); i++) {
		if (!allows_vlan)
			return DP_DROP_VXLAN_INNER_VLAN;
		if (ofs + VLAN_TAG_SIZE > left)
			return DP_DROP__COUNT;
		type = get_be16(data + ofs + 2);
		ofs += VLAN_TAG_SIZE;
	}
	bool is_v4 = type == ETH_TYPE_IP4 && ofs + IP4_HDR_SIZE <= left && data[ofs] >> 4 == 4;
	bool is_v6 = type == ETH_TYPE_IP6 && ofs + IP6_HDR_SIZE <= left && data[ofs] >> 4 == 6;
	if (!is_v4 && !is_v6)
		return DP_DROP__COUNT;
	uint8_t ecn = (uint8_t)(is_v4 ? data[ofs + 1] : data[ofs + 1] >> 4) & ECN_MASK;
	ret->ecn = ecn_decap(ecn, o->ecn);
	if (ret->ecn == ECN_DROP)
		return DP_DROP_VXLAN_ECN;
	if (ret->ecn != ecn)
		ret->ip_ofs = ofs;
	return DP_DROP__COUNT;
}

static void strip(const struct tunnel_cfg *cfg, struct rte_mbuf *m, const struct outer *o)
{
	struct pkt *pkt = pkt_of(m);
	bool inner_is_partial =
	    (pkt->flags & PKT_F_CSUM_PARTIAL) != 0 && pkt->csum_start >= o->inner_ofs;
	uint16_t csum_start = (uint16_t)(pkt->csum_start - o->inner_ofs),
		 csum_offset = pkt->csum_offset;

	pkt_trim(m, o->end);
	rte_pktmbuf_adj(m, (uint16_t)o->inner_ofs);
	// What the device found out was about the outer headers.
	m->ol_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
	*pkt = (struct pkt){
	    .tun_ecn = o->ecn,
	    .tun_vni = o->vni,
	    .tun_peer = tunnel_find_route(cfg, &o->src),
	    .tun_local = o->local,
	    .tun_src = o->src,
	};
	if (inner_is_partial) {
		pkt->flags = PKT_F_CSUM_PARTIAL;
		pkt->csum_start = csum_start;
		pkt->csum_offset = csum_offset;
	}
}
