/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ethernet, VLAN tags, ARP, IPv4 and L4. The path of an untagged or tagged TCP or UDP packet over IPv4 is straight
 * line and inlined (parse_usual.h); IPv6 and neighbour discovery are in parse_ip6.c, what only rules need is in parse_key.c.
 *
 * What cannot be parsed must not be forwarded: two parsers that disagree about a packet are how filters are
 * bypassed. So headers cut short, lengths that contradict each other and fragments made to hide an L4 header
 * (RFC 1858, RFC 3128, RFC 7112) are dropped, never passed on as "unknown".
 */
#include "datapath/parse.h"

#include "datapath/csum.h"
#include "datapath/parse_priv.h"
#include "datapath/parse_usual.h"

/*
 * The inlined functions take the parser by value: its members stay in registers, because no pointer to them is around that a
 * store to the key could go through. The others get the address of a copy.
 */
static enum dp_drop parse_any(struct rte_mbuf *m, struct session_key *key);
PARSE_INLINE enum dp_drop parse_vlans(struct parser p, uint16_t *ret_type, uint32_t *ret_ofs);
static enum dp_drop parse_other(struct parser *p, uint16_t type, uint32_t ofs);
static enum dp_drop parse_arp(struct parser *p, uint32_t ofs);
PARSE_INLINE enum dp_drop parse_ip4(struct parser p, uint32_t ofs, bool csum_is_good);
static enum dp_drop parse_ip4_fragment(struct parser *p, const uint8_t *ip, uint32_t payload_len);
PARSE_INLINE enum dp_drop parse_l4_inline(struct parser p, uint32_t ofs, uint8_t proto);
static enum dp_drop parse_icmp(struct parser *p, uint32_t ofs, uint8_t proto);
static enum dp_drop check_partial(struct rte_mbuf *m, struct session_key *key);

enum dp_drop parse_packet(struct rte_mbuf *m, struct session_key *key)
{
	struct pkt *pkt = pkt_of(m);
	enum dp_drop reason = DP_DROP__COUNT;

	pkt->flags &= PKT_F_CSUM_PARTIAL;
	if (UNLIKELY(!parse_usual(m, key)))
		reason = parse_any(m, key);
	if (UNLIKELY((pkt->flags & PKT_F_CSUM_PARTIAL) != 0) && reason == DP_DROP__COUNT)
		reason = check_partial(m, key);
	return reason;
}

enum dp_drop parse_l4(struct parser *p, uint32_t ofs, uint8_t proto)
{
	return parse_l4_inline(*p, ofs, proto);
}

/* Peers without a route slot are not told apart by the key, so their packets always run the rules. */
void parse_add_tunnel(struct pkt *pkt, struct session_key *key)
{
	key->tun_vni = pkt->tun_vni;
	if (pkt->tun_peer == PKT_NO_SLOT)
		pkt->flags |= PKT_F_NO_SESSION;
	else
		key->tun_peer = (uint16_t)(((pkt->tun_local << 12) | (pkt->tun_peer & 0xfff)) + 1);
}

static enum dp_drop parse_any(struct rte_mbuf *m, struct session_key *key)
{
	struct pkt *pkt = pkt_of(m);

	if (UNLIKELY(m->nb_segs > 1) && !pkt_pull_headers(m))
		return DP_DROP_NO_MBUF;
	*key = (struct session_key){.port = pkt->in_port};
	pkt->l3_ofs = 0;
	pkt->l4_ofs = 0;
	pkt->l4_payload_ofs = 0;
	pkt->n_vlans = 0;
	pkt->l4_proto = 0;
	if (UNLIKELY(pkt->tun_peer != PKT_NO_PEER))
		parse_add_tunnel(pkt, key);

	struct parser p = {
	    .data = rte_pktmbuf_mtod(m, const uint8_t *),
	    .hdr_end = MIN_OF(m->data_len, (uint32_t)PKT_HDR_MAX),
	    .end = m->pkt_len,
	    .pkt = pkt,
	    .key = key,
	};
	if (UNLIKELY(!parser_has(&p, 0, ETH_HDR_SIZE)))
		return DP_DROP_RX_RUNT;
	memcpy(&key->eth_dst, p.data, sizeof(struct mac_addr));
	memcpy(&key->eth_src, p.data + sizeof(struct mac_addr), sizeof(struct mac_addr));
	uint16_t type;
	uint32_t ofs;
	enum dp_drop reason = parse_vlans(p, &type, &ofs);
	if (UNLIKELY(reason != DP_DROP__COUNT))
		return reason;
	if (UNLIKELY(type != RTE_BE16(ETH_TYPE_IP4))) {
		struct parser other = p;
		return parse_other(&other, type, ofs);
	}
	bool csum_is_good =
	    (m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	return parse_ip4(p, ofs, csum_is_good);
}

PARSE_INLINE enum dp_drop parse_vlans(struct parser p, uint16_t *ret_type, uint32_t *ret_ofs)
{
	uint32_t ofs = ETH_HDR_SIZE;
	uint16_t type = load16(p.data + ofs - 2);

	for (unsigned int i = 0; i < PKT_MAX_VLANS; i++) {
		if (LIKELY(type != RTE_BE16(ETH_TYPE_VLAN) && type != RTE_BE16(ETH_TYPE_QINQ)))
			break;
		if (!parser_has(&p, ofs, VLAN_TAG_SIZE))
			return DP_DROP_BAD_VLAN;
		if (type == RTE_BE16(ETH_TYPE_QINQ))
			p.key->ip_frag_tpid |= (uint8_t)(4 << i);
		p.key->vlan_tci[i] = load16(p.data + ofs) | RTE_BE16(FLOW_VLAN_PRESENT);
		type = load16(p.data + ofs + 2);
		ofs += VLAN_TAG_SIZE;
		p.pkt->n_vlans++;
	}
	bool is_llc = rte_be_to_cpu_16(type) < ETH_TYPE_MIN;
	p.key->eth_type = LIKELY(!is_llc) ? type : RTE_BE16(ETH_TYPE_LLC);
	*ret_type = type;
	*ret_ofs = ofs;
	return DP_DROP__COUNT;
}

/* All but IPv4. */
static enum dp_drop parse_other(struct parser *p, uint16_t type, uint32_t ofs)
{
	switch (type) {
	case RTE_BE16(ETH_TYPE_IP6): p->pkt->l3_ofs = (uint16_t)ofs; return parse_ip6(p, ofs);
	case RTE_BE16(ETH_TYPE_ARP): return parse_arp(p, ofs);
	default: return DP_DROP__COUNT;
	}
}

static enum dp_drop parse_arp(struct parser *p, uint32_t ofs)
{
	p->pkt->flags |= PKT_F_NO_SESSION;
	if (!parser_has(p, ofs, ARP_SIZE))
		return DP_DROP_BAD_ARP;
	const uint8_t *arp = p->data + ofs;
	bool is_ether_ip4 = load16(arp) == RTE_BE16(1) &&
			    load16(arp + 2) == RTE_BE16(ETH_TYPE_IP4) &&
			    arp[4] == sizeof(struct mac_addr) && arp[5] == 4;
	if (!is_ether_ip4)
		return DP_DROP_BAD_ARP;
	p->pkt->l3_ofs = (uint16_t)ofs;
	return DP_DROP__COUNT;
}

PARSE_INLINE enum dp_drop parse_ip4(struct parser p, uint32_t ofs, bool csum_is_good)
{
	const uint8_t *ip = p.data + ofs;

	p.pkt->l3_ofs = (uint16_t)ofs;
	if (UNLIKELY(!parser_has(&p, ofs, IP4_HDR_SIZE)))
		return DP_DROP_BAD_IP4;
	uint32_t hdr_len = (ip[0] & 15u) * 4;
	uint32_t total_len = get_be16(ip + 2);
	if (UNLIKELY(ip[0] >> 4 != 4 || hdr_len < IP4_HDR_SIZE || !parser_has(&p, ofs, hdr_len) ||
		     total_len < hdr_len || ofs + total_len > p.end))
		return DP_DROP_BAD_IP4;
	if (!csum_is_good) {
		uint16_t sum = LIKELY(hdr_len == IP4_HDR_SIZE) ? csum_ip4_sum(ip, IP4_HDR_SIZE)
							       : csum_ip4_sum(ip, hdr_len);
		if (UNLIKELY(sum != 0xffff))
			return DP_DROP_BAD_IP4;
	}
	p.end = ofs + total_len;
	p.key->ip_tos = ip[1];
	p.key->ip_ttl = ip[8];
	p.key->ip_proto = ip[9];
	p.key->ip4_src = load32(ip + 12);
	p.key->ip4_dst = load32(ip + 16);
	if (UNLIKELY((load16(ip + 6) & RTE_BE16(IP4_MF | IP4_OFFSET_MASK)) != 0)) {
		struct parser fragment = p;
		enum dp_drop reason = parse_ip4_fragment(&fragment, ip, total_len - hdr_len);
		if (reason != DP_DROP__COUNT || (p.key->ip_frag_tpid & FLOW_FRAG_LATER) != 0)
			return reason;
	}
	return parse_l4_inline(p, ofs + hdr_len, ip[9]);
}

static enum dp_drop parse_ip4_fragment(struct parser *p, const uint8_t *ip, uint32_t payload_len)
{
	uint32_t offset = (get_be16(ip + 6) & IP4_OFFSET_MASK) * 8u;

	if (offset + payload_len > UINT16_MAX)
		return DP_DROP_BAD_IP4;
	// RFC 3128: a fragment at offset 8 would overwrite the TCP flags of one that was let through.
	if (offset == 8 && ip[9] == IP_PROTO_TCP)
		return DP_DROP_BAD_L4;
	p->pkt->flags |= PKT_F_FRAGMENT;
	p->key->ip_frag_tpid |= FLOW_FRAG_ANY;
	if (offset == 0)
		return DP_DROP__COUNT;
	p->key->ip_frag_tpid |= FLOW_FRAG_LATER;
	p->pkt->l4_proto = ip[9];
	return DP_DROP__COUNT;
}

PARSE_INLINE enum dp_drop parse_l4_inline(struct parser p, uint32_t ofs, uint8_t proto)
{
	const uint8_t *l4 = p.data + ofs;
	uint32_t hdr_len;

	p.pkt->l4_proto = proto;
	p.pkt->l4_ofs = (uint16_t)ofs;
	switch (proto) {
	case IP_PROTO_TCP:
		if (UNLIKELY(!parser_has(&p, ofs, TCP_HDR_SIZE)))
			return DP_DROP_BAD_L4;
		hdr_len = (uint32_t)(l4[12] >> 4) * 4;
		if (UNLIKELY(hdr_len < TCP_HDR_SIZE || ofs + hdr_len > p.end))
			return DP_DROP_BAD_L4;
		p.key->tcp_flags = load16(l4 + 12) & RTE_BE16(0x0fff);
		break;
	case IP_PROTO_UDP:
		if (UNLIKELY(!parser_has(&p, ofs, UDP_HDR_SIZE)))
			return DP_DROP_BAD_L4;
		hdr_len = UDP_HDR_SIZE;
		// The first fragment carries the length of the whole datagram.
		if (UNLIKELY(
			get_be16(l4 + 4) < UDP_HDR_SIZE ||
			(ofs + get_be16(l4 + 4) > p.end && (p.pkt->flags & PKT_F_FRAGMENT) == 0)))
			return DP_DROP_BAD_L4;
		break;
	case IP_PROTO_SCTP:
		if (UNLIKELY(!parser_has(&p, ofs, SCTP_HDR_SIZE)))
			return DP_DROP_BAD_L4;
		hdr_len = SCTP_HDR_SIZE;
		break;
	case IP_PROTO_ICMP:
	case IP_PROTO_ICMP6: {
		struct parser icmp = p;
		return parse_icmp(&icmp, ofs, proto);
	}
	case IP_PROTO_IGMP: p.pkt->flags |= PKT_F_NO_SESSION; return DP_DROP__COUNT;
	default: return DP_DROP__COUNT;
	}
	p.key->tp_src = load16(l4);
	p.key->tp_dst = load16(l4 + 2);
	p.pkt->l4_payload_ofs = (uint16_t)(ofs + hdr_len);
	return DP_DROP__COUNT;
}

static enum dp_drop parse_icmp(struct parser *p, uint32_t ofs, uint8_t proto)
{
	// In the other IP version the number means nothing: no rule may take it for neighbour discovery.
	bool is_v6 = p->key->eth_type == RTE_BE16(ETH_TYPE_IP6);
	if (is_v6 != (proto == IP_PROTO_ICMP6))
		return DP_DROP__COUNT;
	if (!parser_has(p, ofs, ICMP_HDR_SIZE))
		return DP_DROP_BAD_L4;
	p->key->tp_src = rte_cpu_to_be_16(p->data[ofs]);
	p->key->tp_dst = rte_cpu_to_be_16(p->data[ofs + 1]);
	p->pkt->l4_payload_ofs = (uint16_t)(ofs + ICMP_HDR_SIZE);
	if (!is_v6)
		return DP_DROP__COUNT;
	switch (p->data[ofs]) {
	case ND_RS:
	case ND_RA:
	case ND_NS:
	case ND_NA:
	case ND_REDIRECT: p->pkt->flags |= PKT_F_NO_SESSION; return parse_nd(p, ofs);
	case MLD_QUERY:
	case MLD_REPORT:
	case MLD_DONE:
	case MLD2_REPORT: p->pkt->flags |= PKT_F_NO_SESSION; return DP_DROP__COUNT;
	default: return DP_DROP__COUNT;
	}
}

/*
 * A partial checksum stays partial only where the switch can keep it right through rewrites: in the TCP or UDP header
 * that the parser found. Any other (a guest's own tunnel, a fragment) is completed at once. That writes two bytes where
 * the sender likes, of a value it can choose, perhaps over a header that was just read: what filters see is what is
 * there afterwards.
 */
static enum dp_drop check_partial(struct rte_mbuf *m, struct session_key *key)
{
	const struct pkt *pkt = pkt_of(m);
	uint32_t field = (uint32_t)pkt->csum_start + pkt->csum_offset;

	if (field + 2 > m->pkt_len || field + 2 > m->data_len || pkt->csum_start < ETH_HDR_SIZE)
		return DP_DROP_BAD_OFFLOAD;
	uint16_t offset = 0;
	if (pkt->l4_proto == IP_PROTO_TCP)
		offset = TCP_CSUM_OFS;
	else if (pkt->l4_proto == IP_PROTO_UDP)
		offset = UDP_CSUM_OFS;
	bool is_ours = pkt->l4_ofs != 0 && pkt->csum_start == pkt->l4_ofs && offset != 0 &&
		       pkt->csum_offset == offset && (pkt->flags & PKT_F_FRAGMENT) == 0;
	if (is_ours)
		return DP_DROP__COUNT;
	csum_complete(m);
	m->ol_flags &= ~RTE_MBUF_F_RX_IP_CKSUM_MASK;
	return parse_packet(m, key); // not partial any more: once
}
