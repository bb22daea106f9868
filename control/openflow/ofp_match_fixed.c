/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fixed matches of 1.0 and 1.1 (OpenFlow 1.0.0 5.2.3, 1.1.0 A.2.3). Fields whose protocol is not matched mean nothing there: they are
 * ignored, and 1.0's tp_src is a port, an ICMP type or nothing by the protocol beside it.
 */
#include "control/openflow/ofp_match_fixed.h"

#include <endian.h>
#include <string.h>

enum {
	ETH_IP4 = 0x0800,
	ETH_ARP = 0x0806,
	PROTO_ICMP = 1,
	TCI_VID = 0x0fff,
	TCI_PCP = 0xe000,
	PCP_SHIFT = 13,
	TOS_DSCP = 0xfc,
	PREFIX_MASK = 0x3f,
};

/* The part that both versions have, in their order. Masks have one bits where the field counts. */
struct fixed_match {
	uint32_t in_port, in_port_mask; // 32-bit number, host order
	struct mac_addr dl_src, dl_src_mask, dl_dst, dl_dst_mask;
	uint16_t vlan_tci, vlan_mask; // host order, as struct flow_key
	uint16_t dl_type_be, dl_type_mask;
	uint8_t nw_tos, nw_tos_mask;
	uint8_t nw_proto, nw_proto_mask;
	uint32_t nw_src_be, nw_src_mask, nw_dst_be, nw_dst_mask;
	uint16_t tp_src_be, tp_src_mask, tp_dst_be, tp_dst_mask;
	uint64_t metadata_be, metadata_mask;
};

static enum ofp_err to_match(const struct fixed_match *f, struct flow_match *ret);
static enum ofp_err network_to_match(const struct fixed_match *f, struct flow_match *ret);
static enum ofp_err transport_to_match(const struct fixed_match *f, struct flow_match *ret);
static void from_match(const struct flow_match *m, struct fixed_match *ret);
static uint32_t mask_of_wildcard_bits(uint32_t bits);
static uint32_t wildcard_bits_of_mask(uint32_t mask_be);
static struct mac_addr mac_invert(const struct mac_addr *mac);

#define IF(condition, ones) ((condition) ? (ones) : 0)

enum ofp_err ofp10_match_decode(struct buf *b, struct flow_match *ret)
{
	struct ofp10_match w;

	buf_bytes(b, &w, sizeof(w));
	if (b->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	uint32_t wild = be32toh(w.wildcards);
	bool vid = (wild & OFPFW10_DL_VLAN) == 0, pcp = (wild & OFPFW10_DL_VLAN_PCP) == 0;
	struct fixed_match f = {
	    .in_port = ofp_port_from_u16(be16toh(w.in_port)),
	    .in_port_mask = IF((wild & OFPFW10_IN_PORT) == 0, UINT32_MAX),
	    .vlan_tci = (uint16_t)((be16toh(w.dl_vlan) & TCI_VID) | FLOW_VLAN_PRESENT |
				   (w.dl_vlan_pcp << PCP_SHIFT & TCI_PCP)),
	    .vlan_mask = (uint16_t)(IF(vid, TCI_VID | FLOW_VLAN_PRESENT) |
				    IF(pcp, TCI_PCP | FLOW_VLAN_PRESENT)),
	    .dl_type_be = w.dl_type,
	    .dl_type_mask = IF((wild & OFPFW10_DL_TYPE) == 0, UINT16_MAX),
	    .nw_tos = w.nw_tos,
	    .nw_tos_mask = IF((wild & OFPFW10_NW_TOS) == 0, TOS_DSCP),
	    .nw_proto = w.nw_proto,
	    .nw_proto_mask = IF((wild & OFPFW10_NW_PROTO) == 0, UINT8_MAX),
	    .nw_src_be = w.nw_src,
	    .nw_src_mask = mask_of_wildcard_bits(wild >> OFPFW10_NW_SRC_SHIFT),
	    .nw_dst_be = w.nw_dst,
	    .nw_dst_mask = mask_of_wildcard_bits(wild >> OFPFW10_NW_DST_SHIFT),
	    .tp_src_be = w.tp_src,
	    .tp_src_mask = IF((wild & OFPFW10_TP_SRC) == 0, UINT16_MAX),
	    .tp_dst_be = w.tp_dst,
	    .tp_dst_mask = IF((wild & OFPFW10_TP_DST) == 0, UINT16_MAX),
	};
	memcpy(&f.dl_src, &w.dl_src, sizeof(f.dl_src));
	memcpy(&f.dl_dst, &w.dl_dst, sizeof(f.dl_dst));
	memset(&f.dl_src_mask, IF((wild & OFPFW10_DL_SRC) == 0, 0xff), sizeof(f.dl_src_mask));
	memset(&f.dl_dst_mask, IF((wild & OFPFW10_DL_DST) == 0, 0xff), sizeof(f.dl_dst_mask));
	if (vid && w.dl_vlan == htobe16(OFP10_VLAN_NONE)) {
		f.vlan_tci = 0;
		f.vlan_mask = UINT16_MAX;
	}
	(void)!to_match(
	    &f, ret); // 1.0 has no error for a match: what is out of range there never matches
	return OFP_OK;
}

void ofp10_match_encode(const struct flow_match *m, struct buf_writer *out)
{
	struct fixed_match f;
	struct ofp10_match w = {0};

	from_match(m, &f);
	bool tag = (f.vlan_tci & f.vlan_mask & FLOW_VLAN_PRESENT) != 0;
	bool no_tag = !tag && (f.vlan_mask & FLOW_VLAN_PRESENT) != 0;
	bool vid = no_tag || (tag && (f.vlan_mask & TCI_VID) == TCI_VID);
	bool pcp = no_tag || (tag && (f.vlan_mask & TCI_PCP) == TCI_PCP);
	bool src = mac_is_broadcast(&f.dl_src_mask), dst = mac_is_broadcast(&f.dl_dst_mask);
	uint32_t wild =
	    IF(f.in_port_mask == 0, OFPFW10_IN_PORT) | IF(!vid, OFPFW10_DL_VLAN) |
	    IF(!src, OFPFW10_DL_SRC) | IF(!dst, OFPFW10_DL_DST) |
	    IF(f.dl_type_mask == 0, OFPFW10_DL_TYPE) | IF(f.nw_proto_mask == 0, OFPFW10_NW_PROTO) |
	    IF(f.tp_src_mask == 0, OFPFW10_TP_SRC) | IF(f.tp_dst_mask == 0, OFPFW10_TP_DST) |
	    IF(!pcp, OFPFW10_DL_VLAN_PCP) | IF(f.nw_tos_mask == 0, OFPFW10_NW_TOS);
	wild |= wildcard_bits_of_mask(f.nw_src_mask) << OFPFW10_NW_SRC_SHIFT;
	wild |= wildcard_bits_of_mask(f.nw_dst_mask) << OFPFW10_NW_DST_SHIFT;
	w.wildcards = htobe32(wild);
	w.in_port = htobe16(IF(f.in_port_mask != 0, ofp_port_to_u16(f.in_port)));
	if (src)
		memcpy(&w.dl_src, &f.dl_src, sizeof(w.dl_src));
	if (dst)
		memcpy(&w.dl_dst, &f.dl_dst, sizeof(w.dl_dst));
	if (no_tag)
		w.dl_vlan = htobe16(OFP10_VLAN_NONE);
	else if (vid)
		w.dl_vlan = htobe16(f.vlan_tci & TCI_VID);
	if (!no_tag && pcp)
		w.dl_vlan_pcp = (uint8_t)(f.vlan_tci >> PCP_SHIFT);
	w.dl_type = f.dl_type_be;
	w.nw_tos = f.nw_tos;
	w.nw_proto = f.nw_proto;
	w.nw_src = f.nw_src_be;
	w.nw_dst = f.nw_dst_be;
	w.tp_src = f.tp_src_be;
	w.tp_dst = f.tp_dst_be;
	buf_put(out, &w, sizeof(w));
}

bool ofp10_match_is_exact(const struct flow_match *m)
{
	struct buf_writer w;
	struct flow_match again;

	buf_writer_init(&w, sizeof(struct ofp10_match));
	ofp10_match_encode(m, &w);
	struct buf b = buf_from(w.data, w.size);
	bool same = ofp10_match_decode(&b, &again) == OFP_OK && flow_match_equal(m, &again);
	buf_writer_fini(&w);
	return same;
}

enum ofp_err ofp11_standard_match_decode(struct buf *b, uint16_t length, struct flow_match *ret)
{
	struct ofp11_match w;

	if (length != sizeof(w))
		return OFPERR_OFPBMC_BAD_LEN;
	buf_bytes(b, (uint8_t *)&w + sizeof(w.omh), sizeof(w) - sizeof(w.omh));
	if (b->bad)
		return OFPERR_OFPBMC_BAD_LEN;
	uint32_t wild = be32toh(w.wildcards);
	uint16_t vid = be16toh(w.dl_vlan);
	struct fixed_match f = {
	    .in_port = be32toh(w.in_port),
	    .in_port_mask = IF((wild & OFPFW11_IN_PORT) == 0, UINT32_MAX),
	    .dl_type_be = w.dl_type,
	    .dl_type_mask = IF((wild & OFPFW11_DL_TYPE) == 0, UINT16_MAX),
	    .nw_tos = w.nw_tos,
	    .nw_tos_mask = IF((wild & OFPFW11_NW_TOS) == 0, TOS_DSCP),
	    .nw_proto = w.nw_proto,
	    .nw_proto_mask = IF((wild & OFPFW11_NW_PROTO) == 0, UINT8_MAX),
	    .nw_src_be = w.nw_src,
	    .nw_src_mask = ~w.nw_src_mask,
	    .nw_dst_be = w.nw_dst,
	    .nw_dst_mask = ~w.nw_dst_mask,
	    .tp_src_be = w.tp_src,
	    .tp_src_mask = IF((wild & OFPFW11_TP_SRC) == 0, UINT16_MAX),
	    .tp_dst_be = w.tp_dst,
	    .tp_dst_mask = IF((wild & OFPFW11_TP_DST) == 0, UINT16_MAX),
	    .metadata_be = w.metadata,
	    .metadata_mask = ~w.metadata_mask,
	};
	memcpy(&f.dl_src, &w.dl_src, sizeof(f.dl_src));
	memcpy(&f.dl_dst, &w.dl_dst, sizeof(f.dl_dst));
	f.dl_src_mask = mac_invert((const struct mac_addr *)&w.dl_src_mask);
	f.dl_dst_mask = mac_invert((const struct mac_addr *)&w.dl_dst_mask);

	bool has_vlan = (wild & OFPFW11_DL_VLAN) == 0;
	bool has_pcp = has_vlan && vid != OFPVID11_NONE && (wild & OFPFW11_DL_VLAN_PCP) == 0;
	if (has_vlan && vid > TCI_VID && vid != OFPVID11_NONE && vid != OFPVID11_ANY)
		return OFPERR_OFPBMC_BAD_VALUE;
	if (has_pcp && w.dl_vlan_pcp > 7)
		return OFPERR_OFPBMC_BAD_VALUE;
	if (has_vlan && vid == OFPVID11_NONE)
		f.vlan_mask = UINT16_MAX;
	else if (has_vlan && vid == OFPVID11_ANY)
		f.vlan_tci = f.vlan_mask = FLOW_VLAN_PRESENT;
	else if (has_vlan) {
		f.vlan_tci = (uint16_t)(vid | FLOW_VLAN_PRESENT);
		f.vlan_mask = TCI_VID | FLOW_VLAN_PRESENT;
	}
	f.vlan_tci |= (uint16_t)IF(has_pcp, w.dl_vlan_pcp << PCP_SHIFT);
	f.vlan_mask |= (uint16_t)IF(has_pcp, TCI_PCP);
	// MPLS fields count with an MPLS type alone, whose packets are not parsed that far yet.
	bool mpls = f.dl_type_mask != 0 &&
		    (f.dl_type_be == htobe16(0x8847) || f.dl_type_be == htobe16(0x8848));
	if (mpls && (wild & (OFPFW11_MPLS_LABEL | OFPFW11_MPLS_TC)) !=
			(OFPFW11_MPLS_LABEL | OFPFW11_MPLS_TC))
		return OFPERR_OFPBMC_BAD_FIELD;
	return to_match(&f, ret);
}

void ofp11_standard_match_encode(const struct flow_match *m, struct buf_writer *out)
{
	struct fixed_match f;
	struct ofp11_match w = {.omh = {htobe16(OFPMT_STANDARD), htobe16(sizeof(w))}};

	from_match(m, &f);
	bool tag = (f.vlan_tci & f.vlan_mask & FLOW_VLAN_PRESENT) != 0;
	bool no_tag = !tag && (f.vlan_mask & FLOW_VLAN_PRESENT) != 0;
	bool vlan = tag || no_tag;
	bool pcp = tag && (f.vlan_mask & TCI_PCP) == TCI_PCP;
	uint32_t wild =
	    IF(f.in_port_mask == 0, OFPFW11_IN_PORT) | IF(!vlan, OFPFW11_DL_VLAN) |
	    IF(!pcp, OFPFW11_DL_VLAN_PCP) | IF(f.dl_type_mask == 0, OFPFW11_DL_TYPE) |
	    IF(f.nw_tos_mask == 0, OFPFW11_NW_TOS) | IF(f.nw_proto_mask == 0, OFPFW11_NW_PROTO) |
	    IF(f.tp_src_mask == 0, OFPFW11_TP_SRC) | IF(f.tp_dst_mask == 0, OFPFW11_TP_DST) |
	    OFPFW11_MPLS_LABEL | OFPFW11_MPLS_TC;
	w.wildcards = htobe32(wild);
	w.in_port = htobe32(f.in_port);
	struct mac_addr src_wild = mac_invert(&f.dl_src_mask),
			dst_wild = mac_invert(&f.dl_dst_mask);
	memcpy(&w.dl_src, &f.dl_src, sizeof(w.dl_src));
	memcpy(&w.dl_src_mask, &src_wild, sizeof(w.dl_src_mask));
	memcpy(&w.dl_dst, &f.dl_dst, sizeof(w.dl_dst));
	memcpy(&w.dl_dst_mask, &dst_wild, sizeof(w.dl_dst_mask));
	if (no_tag)
		w.dl_vlan = htobe16(OFPVID11_NONE);
	else if (tag && (f.vlan_mask & TCI_VID) != TCI_VID)
		w.dl_vlan = htobe16(OFPVID11_ANY);
	else if (tag)
		w.dl_vlan = htobe16(f.vlan_tci & TCI_VID);
	w.dl_vlan_pcp = (uint8_t)IF(pcp, f.vlan_tci >> PCP_SHIFT);
	w.dl_type = f.dl_type_be;
	w.nw_tos = f.nw_tos;
	w.nw_proto = f.nw_proto;
	w.nw_src = f.nw_src_be;
	w.nw_src_mask = ~f.nw_src_mask;
	w.nw_dst = f.nw_dst_be;
	w.nw_dst_mask = ~f.nw_dst_mask;
	w.tp_src = f.tp_src_be;
	w.tp_dst = f.tp_dst_be;
	w.metadata = f.metadata_be;
	w.metadata_mask = ~f.metadata_mask;
	buf_put(out, &w, sizeof(w));
}

static enum ofp_err to_match(const struct fixed_match *f, struct flow_match *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->key.in_port = htobe32(f->in_port);
	ret->mask.in_port = f->in_port_mask;
	ret->key.eth_src = f->dl_src;
	ret->mask.eth_src = f->dl_src_mask;
	ret->key.eth_dst = f->dl_dst;
	ret->mask.eth_dst = f->dl_dst_mask;
	ret->key.vlan_tci[0] = htobe16(f->vlan_tci);
	ret->mask.vlan_tci[0] = htobe16(f->vlan_mask);
	ret->key.eth_type = f->dl_type_be;
	ret->mask.eth_type = f->dl_type_mask;
	ret->key.metadata = f->metadata_be;
	ret->mask.metadata = f->metadata_mask;
	enum ofp_err err = network_to_match(f, ret);
	flow_match_canonicalise(ret);
	return err;
}

static enum ofp_err network_to_match(const struct fixed_match *f, struct flow_match *ret)
{
	if (flow_match_has_prereq(ret, FP_ARP)) {
		ret->key.arp_op = htobe16(f->nw_proto);
		ret->mask.arp_op = IF(f->nw_proto_mask != 0, UINT16_MAX);
		ret->key.arp_spa = f->nw_src_be;
		ret->mask.arp_spa = f->nw_src_mask;
		ret->key.arp_tpa = f->nw_dst_be;
		ret->mask.arp_tpa = f->nw_dst_mask;
		return OFP_OK;
	}
	if (!flow_match_has_prereq(ret, FP_IP))
		return OFP_OK;
	// OVS, and so its tools, match protocol and TOS of IPv6 in these forms too, though not its addresses.
	ret->key.ip_proto = f->nw_proto;
	ret->mask.ip_proto = f->nw_proto_mask;
	ret->key.ip_tos = f->nw_tos;
	ret->mask.ip_tos = f->nw_tos_mask;
	if (flow_match_has_prereq(ret, FP_IP4)) {
		ret->key.ip4_src = f->nw_src_be;
		ret->mask.ip4_src = f->nw_src_mask;
		ret->key.ip4_dst = f->nw_dst_be;
		ret->mask.ip4_dst = f->nw_dst_mask;
	}
	return transport_to_match(f, ret);
}

static enum ofp_err transport_to_match(const struct fixed_match *f, struct flow_match *ret)
{
	if (flow_match_has_prereq(ret, FP_TP)) {
		ret->key.tp_src = f->tp_src_be;
		ret->mask.tp_src = f->tp_src_mask;
		ret->key.tp_dst = f->tp_dst_be;
		ret->mask.tp_dst = f->tp_dst_mask;
		return OFP_OK;
	}
	if (!flow_match_has_prereq(ret, FP_ICMP4) && !flow_match_has_prereq(ret, FP_ICMP6))
		return OFP_OK;
	uint16_t type = be16toh(f->tp_src_be), code = be16toh(f->tp_dst_be);
	if ((f->tp_src_mask != 0 && type > UINT8_MAX) || (f->tp_dst_mask != 0 && code > UINT8_MAX))
		return OFPERR_OFPBMC_BAD_FIELD;
	ret->key.icmp_type = (uint8_t)type;
	ret->mask.icmp_type = (uint8_t)f->tp_src_mask;
	ret->key.icmp_code = (uint8_t)code;
	ret->mask.icmp_code = (uint8_t)f->tp_dst_mask;
	return OFP_OK;
}

static void from_match(const struct flow_match *m, struct fixed_match *ret)
{
	const struct flow_key *k = &m->key, *mask = &m->mask;
	bool arp = flow_match_has_prereq(m, FP_ARP),
	     icmp = flow_match_has_prereq(m, FP_ICMP4) || flow_match_has_prereq(m, FP_ICMP6);

	*ret = (struct fixed_match){
	    .in_port = be32toh(k->in_port),
	    .in_port_mask = mask->in_port,
	    .dl_src = k->eth_src,
	    .dl_src_mask = mask->eth_src,
	    .dl_dst = k->eth_dst,
	    .dl_dst_mask = mask->eth_dst,
	    .vlan_tci = be16toh(k->vlan_tci[0]),
	    .vlan_mask = be16toh(mask->vlan_tci[0]),
	    .dl_type_be = k->eth_type,
	    .dl_type_mask = mask->eth_type,
	    .nw_tos = k->ip_tos & TOS_DSCP,
	    .nw_tos_mask = mask->ip_tos & TOS_DSCP,
	    .nw_proto = arp ? (uint8_t)be16toh(k->arp_op) : k->ip_proto,
	    .nw_proto_mask = arp ? (uint8_t)mask->arp_op : mask->ip_proto,
	    .nw_src_be = arp ? k->arp_spa : k->ip4_src,
	    .nw_src_mask = arp ? mask->arp_spa : mask->ip4_src,
	    .nw_dst_be = arp ? k->arp_tpa : k->ip4_dst,
	    .nw_dst_mask = arp ? mask->arp_tpa : mask->ip4_dst,
	    .tp_src_be = icmp ? htobe16(k->icmp_type) : k->tp_src,
	    .tp_src_mask = icmp ? mask->icmp_type : mask->tp_src,
	    .tp_dst_be = icmp ? htobe16(k->icmp_code) : k->tp_dst,
	    .tp_dst_mask = icmp ? mask->icmp_code : mask->tp_dst,
	    .metadata_be = k->metadata,
	    .metadata_mask = mask->metadata,
	};
	// Both versions have these whole or not at all, and of ARP's operation the low byte.
	if (arp && be16toh(k->arp_op) > UINT8_MAX)
		ret->nw_proto = ret->nw_proto_mask = 0;
	if (ret->nw_tos_mask != TOS_DSCP)
		ret->nw_tos = ret->nw_tos_mask = 0;
	if (ret->tp_src_mask != (icmp ? UINT8_MAX : UINT16_MAX))
		ret->tp_src_be = ret->tp_src_mask = 0;
	if (ret->tp_dst_mask != (icmp ? UINT8_MAX : UINT16_MAX))
		ret->tp_dst_be = ret->tp_dst_mask = 0;
}

/* 1.0 counts the low bits that do not matter; 32 and more: none does. Network order. */
static uint32_t mask_of_wildcard_bits(uint32_t bits)
{
	bits &= PREFIX_MASK;
	return bits >= 32 ? 0 : htobe32(UINT32_MAX << bits);
}

/* Of a mask that is no prefix, the prefix of ones in it. */
static uint32_t wildcard_bits_of_mask(uint32_t mask_be)
{
	uint32_t mask = be32toh(mask_be);

	return mask == UINT32_MAX ? 0 : 32U - (uint32_t)__builtin_clz(~mask);
}

static struct mac_addr mac_invert(const struct mac_addr *mac)
{
	struct mac_addr ret;

	for (size_t i = 0; i < sizeof(ret.b); i++)
		ret.b[i] = (uint8_t)~mac->b[i];
	return ret;
}
