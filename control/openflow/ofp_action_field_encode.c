/* SPDX-License-Identifier: Apache-2.0 */
/* Actions that write fields, to the wire: as actions of their own in 1.0 and 1.1, register loads, or set-field. */
#include <string.h>

#include "control/openflow/ofp_action_priv.h"

enum {
	SET_FIELD = 25,
	COPY_FIELD = 28,
	NX_SET_TUNNEL = 2,
	NX_REG_MOVE = 6,
	NX_REG_LOAD = 7,
	NX_SET_TUNNEL64 = 9,
	NX_REG_LOAD2 = 33,
	SET_TP_SRC = 9, // in all versions
	SET_TP_DST = 10,
};

static bool encode_legacy(const struct dp_action *a, struct action_writer *w);
static bool encode_legacy_11(
    unsigned int field, const struct flow_value *v, struct action_writer *w);
static void put_legacy(
    struct action_writer *w, uint16_t type_10, const struct flow_value *v, size_t size);
static void put_entry(struct action_writer *w, const struct oxm *o, const struct flow_value *value,
    const struct flow_value *mask);
static bool find_run(
    const struct flow_value *mask, unsigned int *ret_ofs, unsigned int *ret_n_bits);
static uint64_t bits_from(const struct flow_value *v, unsigned int ofs, unsigned int n_bits);

void action_encode_set_field(const struct dp_action *a, struct action_writer *w)
{
	enum flow_field_id field = a->set_field.field;
	struct flow_value value = a->set_field.value, mask = a->set_field.mask,
			  ones = flow_value_ones(flow_fields[field].n_bits);
	bool whole = memcmp(&mask, &ones, sizeof(ones)) == 0;
	uint16_t ofs = 0, n_bits = flow_fields[field].n_bits;
	unsigned int run_ofs, run_n_bits;

	if (field == FIELD_TP_SRC || field == FIELD_TP_DST ||
	    (whole && w->version < OFP12_VERSION)) {
		if (encode_legacy(a, w))
			return;
	}
	// OXM_OF_IN_PORT may not be set.
	const struct oxm *o = field == FIELD_IN_PORT
				  ? &oxms[OXM_ID_NXM_OF_IN_PORT]
				  : subfield_row(field, w->version, &ofs, &n_bits);
	if (w->version >= OFP15_VERSION || (whole && w->version >= OFP12_VERSION)) {
		size_t start = action_start(w, SET_FIELD);
		put_entry(w, o, &value, whole ? NULL : &mask);
		action_finish(w, start);
		return;
	}
	if (o->experimenter == 0 && find_run(&mask, &run_ofs, &run_n_bits)) {
		uint64_t v = bits_from(&value, run_ofs, run_n_bits);
		if ((o->flags & OXM_F_PORT16) != 0 && run_n_bits > 16) {
			v = ofp_port_to_u16((uint32_t)v);
			run_n_bits = 16;
		}
		action_put_reg_load(w, o, run_ofs + ofs, run_n_bits, v);
		return;
	}
	// A whole entry: the tag's parts by the rows that name them.
	if (field == FIELD_VLAN_VID || field == FIELD_VLAN_PCP)
		o = subfield_row(field, OFP12_VERSION, &(uint16_t){0}, &n_bits);
	size_t start = action_start_nicira(w, NX_REG_LOAD2);
	buf_put_zeros(w->w, 6);
	put_entry(w, o, &value, &mask);
	action_finish(w, start);
}

void action_put_reg_load(struct action_writer *w, const struct oxm *o, unsigned int ofs,
    unsigned int n_bits, uint64_t value)
{
	size_t start = action_start_nicira(w, NX_REG_LOAD);

	wire_put_be16(w->w, ofs_nbits(ofs, n_bits));
	oxm_header_encode(o, false, w->w);
	wire_put_be64(w->w, value);
	action_finish(w, start);
}

void action_put_tci(struct action_writer *w, uint16_t tci)
{
	const struct oxm *o = &oxms[OXM_ID_NXM_OF_VLAN_TCI];
	struct flow_value v = flow_value_from_u64(tci);

	if (w->version < OFP15_VERSION) {
		action_put_reg_load(w, o, 0, 16, tci);
		return;
	}
	size_t start = action_start(w, SET_FIELD);
	put_entry(w, o, &v, NULL);
	action_finish(w, start);
}

/* The actions that 1.0 and 1.1 have for single fields. */
static bool encode_legacy(const struct dp_action *a, struct action_writer *w)
{
	const struct flow_value *v = &a->set_field.value;
	struct flow_value tos = flow_value_from_u64(flow_value_to_u64(v) << 2);
	bool wide = flow_value_to_u64(v) > UINT32_MAX;
	size_t start;

	if (w->version == OFP11_VERSION && encode_legacy_11(a->set_field.field, v, w))
		return true;
	switch (a->set_field.field) {
	case FIELD_ETH_SRC: put_legacy(w, 4, v, 6); return true;
	case FIELD_ETH_DST: put_legacy(w, 5, v, 6); return true;
	case FIELD_IPV4_SRC: put_legacy(w, 6, v, 4); return true;
	case FIELD_IPV4_DST: put_legacy(w, 7, v, 4); return true;
	case FIELD_IP_DSCP: put_legacy(w, 8, &tos, 1); return true;
	case FIELD_TP_SRC: put_legacy(w, SET_TP_SRC, v, 2); return true;
	case FIELD_TP_DST: put_legacy(w, SET_TP_DST, v, 2); return true;
	case FIELD_TUN_ID:
		start = action_start_nicira(w, wide ? NX_SET_TUNNEL64 : NX_SET_TUNNEL);
		buf_put_zeros(w->w, wide ? 6 : 2);
		buf_put(w->w, v->b + (wide ? 8 : 12), wide ? 8 : 4);
		action_finish(w, start);
		return true;
	default: return false;
	}
}

/* 1.0's writes to the tag push one, 1.1's do not: those are set-fields. */
static bool encode_legacy_11(
    unsigned int field, const struct flow_value *v, struct action_writer *w)
{
	enum { SET_VLAN_VID = 1, SET_VLAN_PCP = 2, SET_NW_ECN = 8, SET_NW_TTL = 23 };
	uint16_t type = 0;

	switch (field) {
	case FIELD_VLAN_VID: type = SET_VLAN_VID; break;
	case FIELD_VLAN_PCP: type = SET_VLAN_PCP; break;
	case FIELD_IP_ECN: type = SET_NW_ECN; break;
	case FIELD_IP_TTL: type = SET_NW_TTL; break;
	default: return false;
	}
	size_t start = action_start(w, type), size = field == FIELD_VLAN_VID ? 2 : 1;
	buf_put(w->w, v->b + sizeof(v->b) - size, size);
	action_finish(w, start);
	return true;
}

/* From 1.1 on the types of 1.0's addresses and TOS are one less: strip_vlan is gone. */
static void put_legacy(
    struct action_writer *w, uint16_t type_10, const struct flow_value *v, size_t size)
{
	bool shifted = w->version > OFP10_VERSION && type_10 < SET_TP_SRC;
	size_t start = action_start(w, (uint16_t)(type_10 - (shifted ? 1 : 0)));

	buf_put(w->w, v->b + sizeof(v->b) - size, size);
	action_finish(w, start);
}

/* An OXM entry; mask NULL: none. The tag's id is written with the bit that says that there is one. */
static void put_entry(struct action_writer *w, const struct oxm *o, const struct flow_value *value,
    const struct flow_value *mask)
{
	struct flow_value v = *value, m = mask != NULL ? *mask : (struct flow_value){0};

	if (o == &oxms[OXM_ID_OXM_OF_VLAN_VID]) {
		v = flow_value_from_u64(flow_value_to_u64(&v) | FLOW_VLAN_PRESENT);
		m = flow_value_from_u64(flow_value_to_u64(&m) | FLOW_VLAN_PRESENT);
	}
	oxm_header_encode(o, mask != NULL, w->w);
	oxm_value_encode(o, &v, w->w);
	if (mask != NULL)
		oxm_mask_encode(o, &m, w->w);
}

void action_encode_move(const struct dp_action *a, struct action_writer *w)
{
	// Before 1.5 the fields are named as NXM does, where it can.
	enum ofp_version names = w->version >= OFP15_VERSION ? w->version : OFP10_VERSION;
	uint16_t src_ofs = a->move.src_ofs, dst_ofs = a->move.dst_ofs;
	uint16_t src_n = a->move.n_bits, dst_n = a->move.n_bits;
	const struct oxm *src = subfield_row(a->move.src, names, &src_ofs, &src_n),
			 *dst = subfield_row(a->move.dst, names, &dst_ofs, &dst_n);
	bool standard = w->version >= OFP15_VERSION;
	size_t start = standard ? action_start(w, COPY_FIELD) : action_start_nicira(w, NX_REG_MOVE);

	wire_put_be16(w->w, MIN_OF(src_n, dst_n));
	wire_put_be16(w->w, src_ofs);
	wire_put_be16(w->w, dst_ofs);
	if (standard)
		wire_put_be16(w->w, 0);
	oxm_header_encode(src, false, w->w);
	oxm_header_encode(dst, false, w->w);
	action_finish(w, start);
}

/* Whether the ones of the mask are one run of at most 64 bits. */
static bool find_run(const struct flow_value *mask, unsigned int *ret_ofs, unsigned int *ret_n_bits)
{
	unsigned int first = 128, n = 0;

	for (unsigned int bit = 0; bit < 128; bit++) {
		if ((mask->b[15 - bit / 8] >> bit % 8 & 1) == 0)
			continue;
		if (first == 128)
			first = bit;
		else if (bit != first + n)
			return false;
		n++;
	}
	*ret_ofs = first;
	*ret_n_bits = n;
	return n > 0 && n <= 64;
}

static uint64_t bits_from(const struct flow_value *v, unsigned int ofs, unsigned int n_bits)
{
	uint64_t bits = 0;

	for (unsigned int i = n_bits; i-- > 0;)
		bits = bits << 1 | (v->b[15 - (ofs + i) / 8] >> (ofs + i) % 8 & 1);
	return bits;
}
