/* SPDX-License-Identifier: Apache-2.0 */
/* Learn: a rule that is made from the packet. Both directions, since the parts have a form of their own. */
#include <string.h>

#include "control/openflow/ofp_action_priv.h"

enum {
	F_SEND_FLOW_REM = 1 << 0,
	F_DELETE_LEARNED = 1 << 1,
	F_WRITE_RESULT = 1 << 2,
	HEADER_N_BITS = 0x3ff,
	HEADER_IMMEDIATE = 1 << 13,
	HEADER_TARGET_SHIFT = 11,
	HEADER_KNOWN = 0x3fff,
	NX_LEARN = 16,
	NX_LEARN2 = 45,
	MAX_SPECS = 256, // as the switch takes
};

static enum ofp_err decode_fixed(struct action_reader *r, struct dp_action *a);
static enum ofp_err decode_specs(struct action_reader *r, const struct dp_action *fixed);
static enum ofp_err decode_spec(
    struct action_reader *r, uint16_t header, struct dp_learn_spec *ret);
static enum ofp_err decode_bits(
    struct buf *b, unsigned int n_bits, bool write, uint16_t *ret_field, uint16_t *ret_ofs);
static void put_bits(struct action_writer *w, unsigned int field, uint16_t ofs);
static void put_spec(struct action_writer *w, const struct dp_learn_spec *spec);

enum ofp_err action_decode_learn(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_LEARN);
	enum ofp_err err = decode_fixed(r, &a);

	if (err == OFP_OK && (a.learn.flags & ~(F_SEND_FLOW_REM | F_DELETE_LEARNED)) != 0)
		err = OFPERR_OFPBAC_BAD_ARGUMENT;
	return err != OFP_OK ? err : decode_specs(r, &a);
}

enum ofp_err action_decode_learn2(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_LEARN);
	enum ofp_err err = decode_fixed(r, &a);

	if (err != OFP_OK)
		return err;
	a.learn.limit = buf_be32(&r->body);
	uint16_t ofs = buf_be16(&r->body);
	if (buf_be16(&r->body) != 0)
		return OFPERR_NXBAC_MUST_BE_ZERO;
	bool result = (a.learn.flags & F_WRITE_RESULT) != 0;
	if ((a.learn.flags & ~(F_SEND_FLOW_REM | F_DELETE_LEARNED | F_WRITE_RESULT)) != 0 ||
	    (!result && ofs != 0))
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	if (result) {
		struct subfield sf;
		err = subfield_decode(&r->body, ofs, 1, true, &sf);
		if (err != OFP_OK)
			return err;
		a.learn.result_field = (uint16_t)sf.field;
		a.learn.result_ofs = sf.ofs;
	}
	return decode_specs(r, &a);
}

static enum ofp_err decode_fixed(struct action_reader *r, struct dp_action *a)
{
	a->learn.idle_timeout_s = buf_be16(&r->body);
	a->learn.hard_timeout_s = buf_be16(&r->body);
	a->learn.priority = buf_be16(&r->body);
	buf_bytes(&r->body, &a->learn.cookie_be, sizeof(a->learn.cookie_be));
	a->learn.flags = buf_be16(&r->body);
	a->learn.table = buf_u8(&r->body);
	uint8_t pad = buf_u8(&r->body);
	a->learn.fin_idle_timeout_s = buf_be16(&r->body);
	a->learn.fin_hard_timeout_s = buf_be16(&r->body);
	return pad != 0 || a->learn.table >= DP_N_TABLES ? OFPERR_OFPBAC_BAD_ARGUMENT : OFP_OK;
}

static enum ofp_err decode_specs(struct action_reader *r, const struct dp_action *fixed)
{
	size_t start = action_open(r, fixed);
	uint16_t n = 0;

	while (buf_left(&r->body) >= 2) {
		struct dp_learn_spec spec = {0};
		uint16_t header = buf_be16(&r->body);
		if (header == 0)
			break;
		if (n == MAX_SPECS)
			return OFPERR_OFPBAC_TOO_MANY;
		enum ofp_err err = decode_spec(r, header, &spec);
		if (err != OFP_OK)
			return err;
		buf_put(r->out, &spec, sizeof(spec));
		n++;
	}
	enum ofp_err err = action_end(r, OFPERR_OFPBAC_BAD_ARGUMENT);
	if (err == OFP_OK)
		err = action_close(r, start);
	if (err != OFP_OK)
		return err;
	memcpy(r->out->data + start + offsetof(struct dp_action, learn.n_specs), &n, sizeof(n));
	return OFP_OK;
}

static enum ofp_err decode_spec(struct action_reader *r, uint16_t header, struct dp_learn_spec *ret)
{
	bool immediate = (header & HEADER_IMMEDIATE) != 0;
	unsigned int n_bits = header & HEADER_N_BITS;
	unsigned int target = (unsigned int)header >> HEADER_TARGET_SHIFT & 3;

	if ((header & ~HEADER_KNOWN) != 0 || target > DP_LEARN_OUTPUT ||
	    (target == DP_LEARN_OUTPUT && immediate))
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	if (n_bits == 0 || n_bits > 128)
		return OFPERR_OFPBAC_BAD_SET_LEN;
	ret->source = immediate ? DP_LEARN_FROM_VALUE : DP_LEARN_FROM_FIELD;
	ret->target = (uint8_t)target;
	ret->n_bits = (uint16_t)n_bits;
	if (immediate) {
		size_t size = 2 * ROUND_UP(n_bits, 16U) / 16;
		uint8_t *to = ret->value.b + sizeof(ret->value.b) - size;
		buf_bytes(&r->body, to, size);
		if (n_bits % 16 != 0) {
			uint32_t ones = (1U << n_bits % 16) - 1;
			to[0] &= (uint8_t)(ones >> 8);
			to[1] &= (uint8_t)ones;
		}
	} else {
		enum ofp_err err =
		    decode_bits(&r->body, n_bits, false, &ret->src_field, &ret->src_ofs);
		if (err != OFP_OK)
			return err;
	}
	if (r->body.bad)
		return OFPERR_OFPBAC_BAD_LEN;
	return target == DP_LEARN_OUTPUT ? OFP_OK
					 : decode_bits(&r->body, n_bits, target == DP_LEARN_LOAD,
					       &ret->dst_field, &ret->dst_ofs);
}

/* Both sides of a part have the same width: a 16-bit port is the low half of ours here. */
static enum ofp_err decode_bits(
    struct buf *b, unsigned int n_bits, bool write, uint16_t *ret_field, uint16_t *ret_ofs)
{
	const struct oxm *o;
	struct subfield sf;
	enum ofp_err err = action_field_decode(b, &o);

	if (err != OFP_OK)
		return err;
	unsigned int ofs = buf_be16(b);
	err = b->bad ? OFPERR_OFPBAC_BAD_LEN : subfield_make(o, ofs, n_bits, write, &sf);
	if (err != OFP_OK)
		return err;
	*ret_field = (uint16_t)sf.field;
	*ret_ofs = sf.ofs;
	return (flow_fields[sf.field].flags & FW_ABSENT) != 0 ? OFPERR_OFPBAC_BAD_SET_TYPE : OFP_OK;
}

void action_encode_learn(const struct dp_action *a, struct action_writer *w)
{
	const struct dp_learn_spec *spec =
	    (const struct dp_learn_spec *)((const uint8_t *)a + dp_action_size(DP_ACTION_LEARN));
	bool result = (a->learn.flags & F_WRITE_RESULT) != 0;
	bool second = a->learn.limit != 0 || result;
	size_t start = action_start_nicira(w, second ? NX_LEARN2 : NX_LEARN);

	wire_put_be16(w->w, a->learn.idle_timeout_s);
	wire_put_be16(w->w, a->learn.hard_timeout_s);
	wire_put_be16(w->w, a->learn.priority);
	buf_put_u64(w->w, a->learn.cookie_be);
	wire_put_be16(w->w, a->learn.flags);
	buf_put_u8(w->w, a->learn.table);
	buf_put_u8(w->w, 0);
	wire_put_be16(w->w, a->learn.fin_idle_timeout_s);
	wire_put_be16(w->w, a->learn.fin_hard_timeout_s);
	if (second) {
		uint16_t ofs = a->learn.result_ofs, n = 1;
		const struct oxm *o =
		    result ? subfield_row(a->learn.result_field, OFP10_VERSION, &ofs, &n) : NULL;
		wire_put_be32(w->w, a->learn.limit);
		wire_put_be16(w->w, result ? ofs : 0);
		wire_put_be16(w->w, 0);
		if (result)
			oxm_header_encode(o, false, w->w);
	}
	for (unsigned int i = 0; i < a->learn.n_specs; i++)
		put_spec(w, &spec[i]);
	action_finish(w, start);
}

static void put_spec(struct action_writer *w, const struct dp_learn_spec *spec)
{
	bool immediate = spec->source == DP_LEARN_FROM_VALUE;
	size_t size = 2 * ROUND_UP(spec->n_bits, 16U) / 16;

	wire_put_be16(w->w, (uint16_t)(spec->n_bits | spec->target << HEADER_TARGET_SHIFT |
				       (immediate ? HEADER_IMMEDIATE : 0)));
	if (immediate)
		buf_put(w->w, spec->value.b + sizeof(spec->value.b) - size, size);
	else
		put_bits(w, spec->src_field, spec->src_ofs);
	if (spec->target != DP_LEARN_OUTPUT)
		put_bits(w, spec->dst_field, spec->dst_ofs);
}

static void put_bits(struct action_writer *w, unsigned int field, uint16_t ofs)
{
	uint16_t n = 1;
	const struct oxm *o = subfield_row(field, OFP10_VERSION, &ofs, &n);

	oxm_header_encode(o, false, w->w);
	wire_put_be16(w->w, ofs);
}
