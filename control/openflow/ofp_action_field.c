/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actions that write fields. Each wire form becomes set_field, move or set_vlan of the switch's fields; fields that the wire names in two
 * ways (VLAN_TCI and VLAN_VID, ports of 16 and 32 bits) are one here.
 */
#include <string.h>

#include "control/openflow/ofp_action_priv.h"

enum { TCI_VID_BITS = 12, TCI_PCP_SHIFT = 13, TOS_DSCP = 0xfc };

static enum ofp_err put_set(
    struct action_reader *r, enum flow_field_id field, uint64_t value, unsigned int n_bits);
static enum ofp_err put_part(
    struct action_reader *r, enum flow_field_id field, uint64_t value, uint64_t mask);
static enum ofp_err put_set_field(struct action_reader *r, const struct oxm *o,
    const struct flow_value *value, const struct flow_value *mask);
static enum ofp_err put_set_tci(
    struct action_reader *r, const struct flow_value *value, const struct flow_value *mask);
static enum ofp_err decode_entry(struct action_reader *r, bool is_set_field);
static enum ofp_err decode_move(
    struct action_reader *r, unsigned int src_ofs, unsigned int dst_ofs, unsigned int n_bits);
static enum ofp_err decode_mac(struct action_reader *r, enum flow_field_id field);
static enum ofp_err put_set_vlan(struct action_reader *r, uint16_t value, uint16_t mask);
static struct flow_value shift_left(const struct flow_value *v, unsigned int n);

/* Sub-fields */

enum ofp_err action_field_decode(struct buf *b, const struct oxm **ret)
{
	struct oxm_header h;
	enum ofp_err err = oxm_header_decode(b, &h);

	if (err != OFP_OK)
		return b->bad ? OFPERR_OFPBAC_BAD_LEN : OFPERR_OFPBAC_BAD_SET_LEN;
	if (h.oxm == NULL)
		return OFPERR_OFPBAC_BAD_SET_TYPE;
	*ret = h.oxm;
	return OFP_OK;
}

enum ofp_err subfield_make(
    const struct oxm *o, unsigned int ofs, unsigned int n_bits, bool write, struct subfield *ret)
{
	unsigned int width = o->n_bits + o->shift;

	if ((flow_fields[o->field].flags & FW_ABSENT) != 0)
		return OFPERR_OFPBAC_BAD_SET_TYPE;
	if (n_bits == 0 || ofs + n_bits > width || ofs < o->shift)
		return OFPERR_OFPBAC_BAD_SET_LEN;
	*ret = (struct subfield){
	    .oxm = o,
	    .field = o->field,
	    .ofs = (uint16_t)(ofs - o->shift),
	    .n_bits = (uint16_t)n_bits,
	};
	// The whole of a 16-bit port is the whole port: what is pushed may be a reserved one.
	if ((o->flags & OXM_F_PORT16) != 0 && n_bits == o->n_bits)
		ret->n_bits = flow_fields[o->field].n_bits;
	if (!write)
		return OFP_OK;
	if (o->field == FIELD_VLAN_TCI && ret->ofs + n_bits <= TCI_VID_BITS) {
		ret->field = FIELD_VLAN_VID;
	} else if (o->field == FIELD_VLAN_TCI && ret->ofs >= TCI_PCP_SHIFT) {
		ret->field = FIELD_VLAN_PCP;
		ret->ofs -= TCI_PCP_SHIFT;
	}
	const struct flow_field *f = &flow_fields[ret->field];
	return (f->flags & (FW_SET | FW_ABSENT)) == FW_SET ? OFP_OK
							   : OFPERR_OFPBAC_BAD_SET_ARGUMENT;
}

enum ofp_err subfield_decode(
    struct buf *b, unsigned int ofs, unsigned int n_bits, bool write, struct subfield *ret)
{
	const struct oxm *o;
	enum ofp_err err = action_field_decode(b, &o);

	return err != OFP_OK ? err : subfield_make(o, ofs, n_bits, write, ret);
}

const struct oxm *subfield_row(
    enum flow_field_id field, enum ofp_version version, uint16_t *ofs, uint16_t *n_bits)
{
	const struct oxm *o;

	if (field == FIELD_VLAN_VID || (field == FIELD_VLAN_PCP && version < OFP12_VERSION)) {
		if (field == FIELD_VLAN_PCP)
			*ofs = (uint16_t)(*ofs + TCI_PCP_SHIFT);
		return version < OFP12_VERSION ? &oxms[OXM_ID_NXM_OF_VLAN_TCI]
					       : &oxms[OXM_ID_OXM_OF_VLAN_VID];
	}
	o = oxm_for_field(field, version);
	if (o == NULL)
		return NULL;
	*ofs = (uint16_t)(*ofs + o->shift);
	if ((o->flags & OXM_F_PORT16) != 0 && *ofs + *n_bits > o->n_bits)
		*n_bits = (uint16_t)(o->n_bits - *ofs);
	return o;
}

/* 1.0 and 1.1: an action for each field */

enum ofp_err action_decode_set_dl_src(struct action_reader *r)
{
	return decode_mac(r, FIELD_ETH_SRC);
}

enum ofp_err action_decode_set_dl_dst(struct action_reader *r)
{
	return decode_mac(r, FIELD_ETH_DST);
}

static enum ofp_err decode_mac(struct action_reader *r, enum flow_field_id field)
{
	struct mac_addr mac;

	buf_bytes(&r->body, mac.b, sizeof(mac.b));
	return put_set(r, field, mac_to_u64(&mac), 48);
}

enum ofp_err action_decode_set_nw_src(struct action_reader *r)
{
	return put_set(r, FIELD_IPV4_SRC, buf_be32(&r->body), 32);
}

enum ofp_err action_decode_set_nw_dst(struct action_reader *r)
{
	return put_set(r, FIELD_IPV4_DST, buf_be32(&r->body), 32);
}

enum ofp_err action_decode_set_nw_tos(struct action_reader *r)
{
	uint8_t tos = buf_u8(&r->body);

	return (tos & ~TOS_DSCP) != 0 ? OFPERR_OFPBAC_BAD_ARGUMENT
				      : put_set(r, FIELD_IP_DSCP, tos >> 2, 6);
}

enum ofp_err action_decode_set_nw_ecn(struct action_reader *r)
{
	uint8_t ecn = buf_u8(&r->body);

	return ecn > 3 ? OFPERR_OFPBAC_BAD_ARGUMENT : put_set(r, FIELD_IP_ECN, ecn, 2);
}

enum ofp_err action_decode_set_nw_ttl(struct action_reader *r)
{
	return put_set(r, FIELD_IP_TTL, buf_u8(&r->body), 8);
}

enum ofp_err action_decode_set_tp_src(struct action_reader *r)
{
	return put_set(r, FIELD_TP_SRC, buf_be16(&r->body), 16);
}

enum ofp_err action_decode_set_tp_dst(struct action_reader *r)
{
	return put_set(r, FIELD_TP_DST, buf_be16(&r->body), 16);
}

enum ofp_err action_decode_set_tunnel(struct action_reader *r)
{
	buf_skip(&r->body, 2);
	return put_set(r, FIELD_TUN_ID, buf_be32(&r->body), 64);
}

enum ofp_err action_decode_set_tunnel64(struct action_reader *r)
{
	buf_skip(&r->body, 6);
	return put_set(r, FIELD_TUN_ID, buf_be64(&r->body), 64);
}

enum ofp_err action_decode_write_metadata(struct action_reader *r)
{
	buf_skip(&r->body, 6);
	uint64_t value = buf_be64(&r->body), mask = buf_be64(&r->body);

	return mask == 0 ? OFP_OK : put_part(r, FIELD_METADATA, value, mask);
}

/* 1.0's push a tag where there is none; those of 1.1 do not. */
enum ofp_err action_decode_set_vlan_vid_10(struct action_reader *r)
{
	uint16_t vid = buf_be16(&r->body);

	return vid > 0xfff ? OFPERR_OFPBAC_BAD_ARGUMENT : put_set_vlan(r, vid, 0x0fff);
}

enum ofp_err action_decode_set_vlan_pcp_10(struct action_reader *r)
{
	uint8_t pcp = buf_u8(&r->body);

	return pcp > 7 ? OFPERR_OFPBAC_BAD_ARGUMENT
		       : put_set_vlan(r, (uint16_t)(pcp << TCI_PCP_SHIFT), 0xe000);
}

enum ofp_err action_decode_set_vlan_vid_11(struct action_reader *r)
{
	uint16_t vid = buf_be16(&r->body);

	return vid > 0xfff ? OFPERR_OFPBAC_BAD_ARGUMENT : put_set(r, FIELD_VLAN_VID, vid, 12);
}

enum ofp_err action_decode_set_vlan_pcp_11(struct action_reader *r)
{
	uint8_t pcp = buf_u8(&r->body);

	return pcp > 7 ? OFPERR_OFPBAC_BAD_ARGUMENT : put_set(r, FIELD_VLAN_PCP, pcp, 3);
}

/* Set-field, register load, and move */

enum ofp_err action_decode_set_field(struct action_reader *r)
{
	return decode_entry(r, true);
}

enum ofp_err action_decode_reg_load2(struct action_reader *r)
{
	buf_skip(&r->body, 6);
	return decode_entry(r, false);
}

/* An OXM entry and padding. Masks: set-field has them from 1.5 on, reg_load2 always. in_port: set-field may not, extensions may. */
static enum ofp_err decode_entry(struct action_reader *r, bool is_set_field)
{
	struct oxm_header h;
	struct flow_value value, mask;
	enum ofp_err err = oxm_header_decode(&r->body, &h);

	if (err != OFP_OK)
		return r->body.bad ? OFPERR_OFPBAC_BAD_LEN : OFPERR_OFPBAC_BAD_SET_LEN;
	if (h.oxm == NULL)
		return OFPERR_OFPBAC_BAD_SET_TYPE;
	if (h.has_mask && is_set_field && r->version < OFP15_VERSION)
		return OFPERR_OFPBAC_BAD_SET_MASK;
	const uint8_t *bytes = buf_take(&r->body, h.length);
	if (bytes == NULL)
		return OFPERR_OFPBAC_BAD_LEN;
	if (!oxm_value_decode(h.oxm, bytes, &value))
		return OFPERR_OFPBAC_BAD_SET_ARGUMENT;
	mask = flow_value_ones((h.oxm->flags & OXM_F_PORT16) != 0 ? 32 : h.oxm->n_bits);
	if (h.has_mask && !oxm_mask_decode(h.oxm, bytes + h.oxm->size, &mask))
		return OFPERR_OFPBAC_BAD_SET_MASK;
	if (is_set_field && h.oxm == &oxms[OXM_ID_OXM_OF_IN_PORT])
		return OFPERR_OFPBAC_BAD_SET_ARGUMENT;
	err = action_end(r, OFPERR_OFPBAC_BAD_SET_ARGUMENT);
	return err != OFP_OK ? err : put_set_field(r, h.oxm, &value, &mask);
}

enum ofp_err action_decode_reg_load(struct action_reader *r)
{
	uint16_t range = buf_be16(&r->body);
	unsigned int ofs = range >> 6, n_bits = (range & 0x3f) + 1U;
	const struct oxm *o;
	struct subfield sf;
	enum ofp_err err = action_field_decode(&r->body, &o);

	if (err != OFP_OK)
		return err;
	uint64_t value = buf_be64(&r->body);
	if (n_bits < 64 && value >> n_bits != 0)
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	// The bits below a shifted field (ECN in NXM_OF_IP_TOS) are not the field's: they are left alone.
	if (o->shift != 0 && ofs == 0 && n_bits == o->n_bits + o->shift) {
		value >>= o->shift;
		ofs = o->shift;
		n_bits = o->n_bits;
	}
	err = subfield_make(o, ofs, n_bits, false, &sf);
	if (err != OFP_OK)
		return err;
	if ((o->flags & OXM_F_PORT16) != 0 && n_bits == o->n_bits) {
		value = ofp_port_from_u16((uint16_t)value);
		n_bits = 32;
	}
	struct flow_value v = flow_value_from_u64(value), mask = flow_value_ones(n_bits);
	v = shift_left(&v, sf.ofs);
	mask = shift_left(&mask, sf.ofs);
	return put_set_field(r, o, &v, &mask);
}

static enum ofp_err put_set_field(struct action_reader *r, const struct oxm *o,
    const struct flow_value *value, const struct flow_value *mask)
{
	struct dp_action a = action_of(DP_ACTION_SET_FIELD);
	const struct flow_field *f = &flow_fields[o->field];
	bool is_empty = true;

	if (o->field == FIELD_VLAN_TCI)
		return put_set_tci(r, value, mask);
	if ((f->flags & (FW_SET | FW_ABSENT)) != FW_SET)
		return OFPERR_OFPBAC_BAD_SET_ARGUMENT;
	a.set_field.field = o->field;
	for (size_t i = 0; i < sizeof(mask->b); i++) {
		a.set_field.value.b[i] = value->b[i] & mask->b[i];
		a.set_field.mask.b[i] = mask->b[i];
		is_empty = is_empty && mask->b[i] == 0;
	}
	if (is_empty)
		return OFP_OK; // writes nothing
	return action_put(r, &a);
}

/*
 * The tag as one number. VLAN_VID says with it that there is a tag (OpenFlow 1.5.1 7.2.6.7), which must be so; VLAN_TCI (NXM) may say
 * that there is none.
 */
static enum ofp_err put_set_tci(
    struct action_reader *r, const struct flow_value *value, const struct flow_value *mask)
{
	uint64_t v = flow_value_to_u64(value), m = flow_value_to_u64(mask);
	uint64_t tag = v & m & FLOW_VLAN_PRESENT;

	if (m == 0xffff && tag == 0) {
		struct dp_action pop = action_of(DP_ACTION_POP_VLAN);
		return action_put(r, &pop);
	}
	if (m == 0xffff)
		return put_set_vlan(r, (uint16_t)(v & 0xefff), 0xefff);
	if ((m & FLOW_VLAN_PRESENT) != 0 && tag == 0)
		return OFPERR_OFPBAC_BAD_SET_ARGUMENT;
	if ((m & 0x0fff) != 0)
		(void)!put_part(r, FIELD_VLAN_VID, v & 0x0fff, m & 0x0fff);
	if ((m & 0xe000) != 0)
		(void)!put_part(r, FIELD_VLAN_PCP, v >> TCI_PCP_SHIFT, m >> TCI_PCP_SHIFT);
	return OFP_OK;
}

enum ofp_err action_decode_reg_move(struct action_reader *r)
{
	unsigned int n_bits = buf_be16(&r->body), src_ofs = buf_be16(&r->body),
		     dst_ofs = buf_be16(&r->body);

	return decode_move(r, src_ofs, dst_ofs, n_bits);
}

enum ofp_err action_decode_copy_field(struct action_reader *r)
{
	unsigned int n_bits = buf_be16(&r->body), src_ofs = buf_be16(&r->body),
		     dst_ofs = buf_be16(&r->body);

	buf_skip(&r->body, 2);
	return decode_move(r, src_ofs, dst_ofs, n_bits);
}

enum ofp_err action_decode_copy_field_onf(struct action_reader *r)
{
	buf_skip(&r->body, 2); // the subtype has 32 bits
	unsigned int n_bits = buf_be16(&r->body), src_ofs = buf_be16(&r->body),
		     dst_ofs = buf_be16(&r->body);
	buf_skip(&r->body, 2);
	return decode_move(r, src_ofs, dst_ofs, n_bits);
}

static enum ofp_err decode_move(
    struct action_reader *r, unsigned int src_ofs, unsigned int dst_ofs, unsigned int n_bits)
{
	const struct oxm *src, *dst;
	struct subfield from, to;
	enum ofp_err err = action_field_decode(&r->body, &src);

	if (err == OFP_OK)
		err = action_field_decode(&r->body, &dst);
	if (err == OFP_OK)
		err = action_end(r, OFPERR_NXBRC_MUST_BE_ZERO);
	if (err == OFP_OK)
		err = subfield_make(src, src_ofs, n_bits, false, &from);
	if (err == OFP_OK)
		err = subfield_make(dst, dst_ofs, n_bits, true, &to);
	if (err != OFP_OK)
		return err;
	struct dp_action a = action_of(DP_ACTION_MOVE);
	a.move.src = from.field;
	a.move.dst = to.field;
	a.move.src_ofs = from.ofs;
	a.move.dst_ofs = to.ofs;
	a.move.n_bits = MIN_OF(from.n_bits, to.n_bits);
	return action_put(r, &a);
}

static enum ofp_err put_set(
    struct action_reader *r, enum flow_field_id field, uint64_t value, unsigned int n_bits)
{
	return put_part(r, field, value, n_bits < 64 ? (UINT64_C(1) << n_bits) - 1 : UINT64_MAX);
}

static enum ofp_err put_part(
    struct action_reader *r, enum flow_field_id field, uint64_t value, uint64_t mask)
{
	struct dp_action a = action_of(DP_ACTION_SET_FIELD);

	a.set_field.field = (uint16_t)field;
	a.set_field.value = flow_value_from_u64(value & mask);
	a.set_field.mask = flow_value_from_u64(mask);
	return action_put(r, &a);
}

static enum ofp_err put_set_vlan(struct action_reader *r, uint16_t value, uint16_t mask)
{
	struct dp_action a = action_of(DP_ACTION_SET_VLAN);

	a.set_vlan.value = value;
	a.set_vlan.mask = mask;
	return action_put(r, &a);
}

static struct flow_value shift_left(const struct flow_value *v, unsigned int n)
{
	unsigned __int128 bits = 0;
	struct flow_value ret;

	for (size_t i = 0; i < sizeof(v->b); i++)
		bits = bits << 8 | v->b[i];
	bits <<= n;
	for (size_t i = sizeof(ret.b); i-- > 0; bits >>= 8)
		ret.b[i] = (uint8_t)bits;
	return ret;
}
