/* SPDX-License-Identifier: Apache-2.0 */
/* IPv6 with a bounded walk of its extension headers (RFC 8200 4), and neighbour discovery messages. */
#include "datapath/parse_priv.h"

enum { ND_OPT_LLADDR_SIZE = 8 }; // type, length (1), Ethernet address

static enum dp_drop walk_extensions(struct parser *p, uint32_t ofs, uint8_t proto);
static bool is_extension(uint8_t proto);
static bool parse_fragment(struct parser *p, const uint8_t *frag, uint32_t ofs);
static enum dp_drop check_nd_options(const struct parser *p, uint32_t ofs);

enum dp_drop parse_ip6(struct parser *p, uint32_t ofs)
{
	const uint8_t *ip = p->data + ofs;

	if (!parser_has(p, ofs, IP6_HDR_SIZE) || ip[0] >> 4 != 6)
		return DP_DROP_BAD_IP6;
	uint32_t payload_len = get_be16(ip + 4);
	// A jumbogram (RFC 2675) has length zero and a hop-by-hop option: no MTU here lets one through.
	if (payload_len == 0 && ip[6] == IP_PROTO_HOP_OPTS)
		return DP_DROP_BAD_IP6;
	if (ofs + IP6_HDR_SIZE + payload_len > p->end)
		return DP_DROP_BAD_IP6;
	p->end = ofs + IP6_HDR_SIZE + payload_len;
	p->key->ip6_label = load32(ip) & RTE_BE32(0x000fffff);
	p->key->ip_tos = (uint8_t)(get_be16(ip) >> 4);
	p->key->ip_ttl = ip[7];
	memcpy(&p->key->ip6_src, ip + 8, sizeof(struct ip6_addr));
	memcpy(&p->key->ip6_dst, ip + 24, sizeof(struct ip6_addr));

	uint8_t proto = ip[6];
	if (LIKELY(proto == IP_PROTO_TCP || proto == IP_PROTO_UDP)) {
		p->key->ip_proto = proto;
		return parse_l4(p, ofs + IP6_HDR_SIZE, proto);
	}
	return walk_extensions(p, ofs + IP6_HDR_SIZE, proto);
}

static enum dp_drop walk_extensions(struct parser *p, uint32_t ofs, uint8_t proto)
{
	for (unsigned int i = 0; i <= PKT_MAX_IP6_EXT; i++) {
		const uint8_t *ext = p->data + ofs;
		if (!is_extension(proto)) {
			p->key->ip_proto = proto;
			return parse_l4(p, ofs, proto);
		}
		if (proto == IP_PROTO_HOP_OPTS && i != 0) // RFC 8200 4.1: nowhere but first
			return DP_DROP_BAD_IP6;
		if (!parser_has(p, ofs, 8))
			return DP_DROP_BAD_IP6;
		uint32_t size = (ext[1] + 1u) * 8;
		if (proto == IP_PROTO_AH)
			size = (ext[1] + 2u) * 4;
		if (proto == IP_PROTO_FRAGMENT) {
			size = 8;
			if ((p->pkt->flags & PKT_F_FRAGMENT) != 0 || !parse_fragment(p, ext, ofs))
				return DP_DROP_BAD_IP6;
			if ((p->key->ip_frag_tpid & FLOW_FRAG_LATER) != 0) {
				p->key->ip_proto = p->pkt->l4_proto = ext[0];
				return DP_DROP__COUNT;
			}
		}
		if (!parser_has(p, ofs, size))
			return DP_DROP_BAD_IP6;
		proto = ext[0];
		ofs += size;
	}
	return DP_DROP_BAD_IP6;
}

static bool is_extension(uint8_t proto)
{
	return proto == IP_PROTO_HOP_OPTS || proto == IP_PROTO_ROUTING ||
	       proto == IP_PROTO_DST_OPTS || proto == IP_PROTO_FRAGMENT || proto == IP_PROTO_AH;
}

/* False: it would end beyond the largest packet. An atomic fragment (RFC 6946) is no fragment. */
static bool parse_fragment(struct parser *p, const uint8_t *frag, uint32_t ofs)
{
	uint32_t offset = get_be16(frag + 2) & 0xfff8;
	bool more = (frag[3] & 1) != 0;

	if (offset + (p->end - (ofs + 8)) > UINT16_MAX)
		return false;
	if (offset == 0 && !more)
		return true;
	p->pkt->flags |= PKT_F_FRAGMENT;
	p->key->ip_frag_tpid |= FLOW_FRAG_ANY;
	if (offset != 0)
		p->key->ip_frag_tpid |= FLOW_FRAG_LATER;
	return true;
}

/*
 * Guests believe these messages, and anti-spoofing rules look into them: a message that two parsers could read
 * differently (options cut short, repeated, of odd size) is dropped.
 */
enum dp_drop parse_nd(const struct parser *p, uint32_t ofs)
{
	// RFC 6980: neighbour discovery is never fragmented.
	if ((p->pkt->flags & PKT_F_FRAGMENT) != 0)
		return DP_DROP_BAD_L4;
	switch (p->data[ofs]) {
	case ND_NS:
	case ND_NA:
		if (!parser_has(p, ofs, ND_OPTS_OFS))
			return DP_DROP_BAD_L4;
		return check_nd_options(p, ofs);
	case ND_RA: return ofs + 16 <= p->end ? DP_DROP__COUNT : DP_DROP_BAD_L4;
	case ND_REDIRECT: return ofs + 40 <= p->end ? DP_DROP__COUNT : DP_DROP_BAD_L4;
	default: return DP_DROP__COUNT;
	}
}

uint32_t nd_find_lladdr(const uint8_t *data, uint32_t nd_ofs, uint32_t end, uint8_t type)
{
	uint32_t ofs = nd_ofs + ND_OPTS_OFS;

	while (ofs + ND_OPT_LLADDR_SIZE <= end && data[ofs + 1] != 0) {
		if (data[ofs] == type && data[ofs + 1] == 1)
			return ofs + 2;
		ofs += data[ofs + 1] * 8u;
	}
	return 0;
}

static enum dp_drop check_nd_options(const struct parser *p, uint32_t nd_ofs)
{
	unsigned int n_sll = 0, n_tll = 0;
	uint32_t ofs = nd_ofs + ND_OPTS_OFS;

	while (ofs < p->end) {
		if (!parser_has(p, ofs, 8) || p->data[ofs + 1] == 0)
			return DP_DROP_BAD_L4;
		uint32_t size = p->data[ofs + 1] * 8u;
		if (!parser_has(p, ofs, size))
			return DP_DROP_BAD_L4;
		bool is_sll = p->data[ofs] == ND_OPT_SLL, is_tll = p->data[ofs] == ND_OPT_TLL;
		if ((is_sll || is_tll) && size != ND_OPT_LLADDR_SIZE)
			return DP_DROP_BAD_L4;
		n_sll += is_sll;
		n_tll += is_tll;
		ofs += size;
	}
	return n_sll > 1 || n_tll > 1 ? DP_DROP_BAD_L4 : DP_DROP__COUNT;
}
