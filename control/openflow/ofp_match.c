/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_match.h"

#include <string.h>

#include "control/openflow/ofp_match_fixed.h"
#include "control/openflow/ofp_wire.h"
#include "control/openflow/oxm.h"

/*
 * The order in which fields are written: what others need comes before them (OpenFlow 1.3.5 7.2.3.6), as OVS orders them.
 * FIELD_VLAN_TCI stands for the tag, whose form depends on the version. A test ties this to oxm.def.
 */
static const uint8_t order[] = {
    FIELD_DP_HASH,
    FIELD_CONJ_ID,
    FIELD_PACKET_TYPE,
    FIELD_IN_PORT,
    FIELD_IN_PHY_PORT,
    FIELD_ACTSET_OUTPUT,
    FIELD_ETH_SRC,
    FIELD_ETH_DST,
    FIELD_ETH_TYPE,
    FIELD_VLAN_TCI,
    FIELD_MPLS_TC,
    FIELD_MPLS_BOS,
    FIELD_MPLS_TTL,
    FIELD_MPLS_LABEL,
    FIELD_IPV4_SRC,
    FIELD_IPV4_DST,
    FIELD_IPV6_SRC,
    FIELD_IPV6_DST,
    FIELD_IP_FRAG,
    FIELD_IP_DSCP,
    FIELD_IP_ECN,
    FIELD_IP_TTL,
    FIELD_IPV6_LABEL,
    FIELD_IPV6_EXTHDR,
    FIELD_IP_PROTO,
    FIELD_TCP_SRC,
    FIELD_TCP_DST,
    FIELD_TCP_FLAGS,
    FIELD_UDP_SRC,
    FIELD_UDP_DST,
    FIELD_SCTP_SRC,
    FIELD_SCTP_DST,
    FIELD_ICMP_TYPE,
    FIELD_ICMP_CODE,
    FIELD_ICMPV6_TYPE,
    FIELD_ICMPV6_CODE,
    FIELD_ND_TARGET,
    FIELD_ND_SLL,
    FIELD_ND_TLL,
    FIELD_ND_RESERVED,
    FIELD_ND_OPTIONS_TYPE,
    FIELD_ARP_OP,
    FIELD_ARP_SPA,
    FIELD_ARP_TPA,
    FIELD_ARP_SHA,
    FIELD_ARP_THA,
    FIELD_TUN_ID,
    FIELD_TUN_FLAGS,
    FIELD_TUN_SRC,
    FIELD_TUN_DST,
    FIELD_TUN_IPV6_SRC,
    FIELD_TUN_IPV6_DST,
    FIELD_TUN_GBP_ID,
    FIELD_TUN_GBP_FLAGS,
    FIELD_TUN_METADATA0,
    FIELD_TUN_METADATA1,
    FIELD_TUN_METADATA2,
    FIELD_TUN_METADATA3,
    FIELD_TUN_METADATA4,
    FIELD_TUN_METADATA5,
    FIELD_TUN_METADATA6,
    FIELD_TUN_METADATA7,
    FIELD_REG0,
    FIELD_REG1,
    FIELD_REG2,
    FIELD_REG3,
    FIELD_REG4,
    FIELD_REG5,
    FIELD_REG6,
    FIELD_REG7,
    FIELD_REG8,
    FIELD_REG9,
    FIELD_REG10,
    FIELD_REG11,
    FIELD_REG12,
    FIELD_REG13,
    FIELD_REG14,
    FIELD_REG15,
    FIELD_XREG0,
    FIELD_XREG1,
    FIELD_XREG2,
    FIELD_XREG3,
    FIELD_XREG4,
    FIELD_XREG5,
    FIELD_XREG6,
    FIELD_XREG7,
    FIELD_PKT_MARK,
    FIELD_CT_STATE,
    FIELD_CT_ZONE,
    FIELD_CT_MARK,
    FIELD_CT_LABEL,
    FIELD_CT_NW_SRC,
    FIELD_CT_IPV6_SRC,
    FIELD_CT_NW_DST,
    FIELD_CT_IPV6_DST,
    FIELD_CT_NW_PROTO,
    FIELD_CT_TP_SRC,
    FIELD_CT_TP_DST,
    FIELD_METADATA,
};

enum { TCI_VID = 0x1fff, TCI_PCP = 0xe000, PCP_SHIFT = 13 };

static enum ofp_err decode_field(
    struct buf *b, unsigned int flags, struct flow_match *m, struct ofp_match_cookie *cookie);
static enum ofp_err decode_cookie(
    struct buf *b, const struct oxm_header *h, struct ofp_match_cookie *cookie);
static enum ofp_err add_field(struct flow_match *m, const struct oxm *o, const struct flow_value *v,
    const struct flow_value *mask);
static void encode_field(const struct flow_match *m, enum flow_field_id field,
    enum ofp_version version, struct buf_writer *w);
static void encode_vlan(const struct flow_match *m, enum ofp_version version, struct buf_writer *w);
static void put_field(const struct oxm *o, const struct flow_value *v,
    const struct flow_value *mask, struct buf_writer *w);
static bool value_is_zero(const struct flow_value *v);
static bool is_written_in(enum flow_field_id field, enum ofp_version version);

enum ofp_err oxm_match_decode(
    struct buf *b, unsigned int flags, struct flow_match *ret, struct ofp_match_cookie *cookie)
{
	memset(ret, 0, sizeof(*ret));
	if (cookie != NULL)
		*cookie = (struct ofp_match_cookie){0};
	while (buf_left(b) > 0) {
		enum ofp_err err = decode_field(b, flags, ret, cookie);
		if (err != OFP_OK)
			return err;
	}
	return OFP_OK;
}

void oxm_match_encode(const struct flow_match *m, const struct ofp_match_cookie *cookie,
    enum ofp_version version, struct buf_writer *w)
{
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		encode_field(m, order[i], version, w);
	if (cookie == NULL || cookie->mask_be == 0)
		return;
	bool masked = cookie->mask_be != UINT64_MAX;
	wire_put_be32(w, (uint32_t)OXM_CLASS_NXM_1 << 16 | (uint32_t)OXM_COOKIE_NUMBER << 9 |
			     (masked ? 0x110U : 8));
	buf_put_u64(w, cookie->cookie_be & cookie->mask_be);
	if (masked)
		buf_put_u64(w, cookie->mask_be);
}

enum ofp_err ofp11_match_decode(
    struct buf *b, enum ofp_version version, unsigned int flags, struct flow_match *ret)
{
	uint16_t type = buf_be16(b), length = buf_be16(b);

	if (b->bad)
		return OFPERR_OFPBMC_BAD_LEN;
	if (type == OFPMT_STANDARD && version == OFP11_VERSION)
		return ofp11_standard_match_decode(b, length, ret);
	if (type != OFPMT_OXM || version == OFP11_VERSION)
		return OFPERR_OFPBMC_BAD_TYPE;
	if (length < 4 || ROUND_UP((size_t)length, 8) - 4 > buf_left(b))
		return OFPERR_OFPBMC_BAD_LEN;
	struct buf list = buf_from(buf_take(b, length - 4U), length - 4U);
	buf_skip(b, ROUND_UP((size_t)length, 8) - length);
	return oxm_match_decode(&list, flags, ret, NULL);
}

void ofp11_match_encode(const struct flow_match *m, enum ofp_version version, struct buf_writer *w)
{
	size_t start = w->size;

	if (version == OFP11_VERSION) {
		ofp11_standard_match_encode(m, w);
		return;
	}
	wire_put_be16(w, OFPMT_OXM);
	wire_put_be16(w, 0);
	oxm_match_encode(m, NULL, version, w);
	wire_set_be16(w, start + 2, (uint16_t)(w->size - start));
	wire_put_align8(w, start);
}

static enum ofp_err decode_field(
    struct buf *b, unsigned int flags, struct flow_match *m, struct ofp_match_cookie *cookie)
{
	struct oxm_header h;
	struct flow_value v, mask;
	enum ofp_err err = oxm_header_decode(b, &h);

	if (err != OFP_OK)
		return err;
	if (h.oxm == NULL && cookie != NULL && h.class == OXM_CLASS_NXM_1 &&
	    h.number == OXM_COOKIE_NUMBER)
		return decode_cookie(b, &h, cookie);
	const uint8_t *bytes = buf_take(b, h.length);
	if (bytes == NULL)
		return OFPERR_OFPBMC_BAD_LEN;
	// What no packet is parsed for is not here, as for a switch without it.
	if (h.oxm == NULL || (flow_fields[h.oxm->field].flags & FW_ABSENT) != 0)
		return (flags & OFP_MATCH_LOOSE) != 0 ? OFP_OK : OFPERR_OFPBMC_BAD_FIELD;

	mask = flow_value_ones((h.oxm->flags & OXM_F_PORT16) != 0 ? 32 : h.oxm->n_bits);
	struct flow_value whole = mask;
	if (h.has_mask && !oxm_mask_decode(h.oxm, bytes + h.oxm->size, &mask))
		return OFPERR_OFPBMC_BAD_MASK;
	if (!oxm_value_decode(h.oxm, bytes, &v))
		return OFPERR_OFPBMC_BAD_VALUE;
	if (memcmp(&mask, &whole, sizeof(mask)) != 0 && (h.oxm->flags & OXM_F_MASK) == 0)
		return OFPERR_OFPBMC_BAD_MASK;
	return add_field(m, h.oxm, &v, &mask);
}

static enum ofp_err decode_cookie(
    struct buf *b, const struct oxm_header *h, struct ofp_match_cookie *cookie)
{
	uint64_t value, mask = UINT64_MAX;

	buf_bytes(b, &value, sizeof(value));
	if (h->has_mask)
		buf_bytes(b, &mask, sizeof(mask));
	if (b->bad)
		return OFPERR_OFPBMC_BAD_LEN;
	if (cookie->mask_be != 0)
		return OFPERR_OFPBMC_DUP_FIELD;
	if ((value & ~mask) != 0)
		return OFPERR_OFPBMC_BAD_WILDCARDS;
	*cookie = (struct ofp_match_cookie){.cookie_be = value, .mask_be = mask};
	return OFP_OK;
}

static enum ofp_err add_field(struct flow_match *m, const struct oxm *o, const struct flow_value *v,
    const struct flow_value *mask)
{
	const struct flow_field *f = &flow_fields[o->field];
	struct flow_value there;

	for (size_t i = 0; i < sizeof(v->b); i++) {
		if ((v->b[i] & ~mask->b[i]) != 0)
			return OFPERR_OFPBMC_BAD_WILDCARDS;
	}
	if (!flow_match_has_prereq(m, f->prereq))
		return OFPERR_OFPBMC_BAD_PREREQ;
	// A row may cover a part of its field (VLAN_VID of the tag): the rest may be there already.
	struct flow_value ones = flow_value_ones(o->n_bits);
	flow_field_get(f, &m->mask, &there);
	for (size_t i = 0; i < sizeof(there.b); i++) {
		if ((there.b[i] & ones.b[i]) != 0)
			return OFPERR_OFPBMC_DUP_FIELD;
	}
	return flow_match_add_field(m, o->field, v, mask) == 0 ? OFP_OK : OFPERR_OFPBMC_DUP_FIELD;
}

static void encode_field(const struct flow_match *m, enum flow_field_id field,
    enum ofp_version version, struct buf_writer *w)
{
	const struct flow_field *f = &flow_fields[field];
	struct flow_value v, mask;

	if (flow_key_words_const(&m->mask)[f->offset / 8] == 0 && f->size <= 8)
		return;
	flow_field_get(f, &m->mask, &mask);
	if (value_is_zero(&mask) || !is_written_in(field, version) ||
	    !flow_match_has_prereq(m, f->prereq))
		return;
	if (field == FIELD_VLAN_TCI) {
		encode_vlan(m, version, w);
		return;
	}
	flow_field_get(f, &m->key, &v);
	put_field(oxm_for_field(field, version), &v, &mask, w);
}

/* 1.5 has the registers in pairs. */
static bool is_written_in(enum flow_field_id field, enum ofp_version version)
{
	bool reg = field >= FIELD_REG0 && field <= FIELD_REG15;
	bool xreg = field >= FIELD_XREG0 && field <= FIELD_XREG7;

	return version >= OFP15_VERSION ? !reg : !xreg;
}

/* As VLAN_VID and VLAN_PCP where that can say it: not with a part of the priority, nor with a priority and no tag. */
static void encode_vlan(const struct flow_match *m, enum ofp_version version, struct buf_writer *w)
{
	uint16_t tci = be16toh(m->key.vlan_tci[0]), mask = be16toh(m->mask.vlan_tci[0]);
	struct flow_value v = flow_value_from_u64(tci), bits = flow_value_from_u64(mask);
	bool pcp = (mask & TCI_PCP) != 0;
	bool tag = (tci & mask & FLOW_VLAN_PRESENT) != 0;

	if (version < OFP12_VERSION || (pcp && (!tag || (mask & TCI_PCP) != TCI_PCP))) {
		put_field(&oxms[OXM_ID_NXM_OF_VLAN_TCI], &v, &bits, w);
		return;
	}
	v = flow_value_from_u64(tci & TCI_VID);
	bits = flow_value_from_u64(mask & TCI_VID);
	if (!value_is_zero(&bits))
		put_field(&oxms[OXM_ID_OXM_OF_VLAN_VID], &v, &bits, w);
	v = flow_value_from_u64(tci >> PCP_SHIFT);
	bits = flow_value_from_u64(mask >> PCP_SHIFT);
	if (pcp)
		put_field(&oxms[OXM_ID_OXM_OF_VLAN_PCP], &v, &bits, w);
}

static void put_field(const struct oxm *o, const struct flow_value *v,
    const struct flow_value *mask, struct buf_writer *w)
{
	struct flow_value whole = flow_value_ones((o->flags & OXM_F_PORT16) != 0 ? 32 : o->n_bits);
	bool has_mask = memcmp(mask, &whole, sizeof(whole)) != 0;

	oxm_header_encode(o, has_mask, w);
	oxm_value_encode(o, v, w);
	if (has_mask)
		oxm_mask_encode(o, mask, w);
}

static bool value_is_zero(const struct flow_value *v)
{
	static const struct flow_value zero;

	return memcmp(v, &zero, sizeof(zero)) == 0;
}
