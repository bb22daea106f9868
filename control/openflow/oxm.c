/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/oxm.h"

#include <endian.h>
#include <string.h>

#include "control/openflow/ofp_wire.h"

enum { N_INDEXED = 128, N_CLASSES = 6 };

/* Place of a class in the index of rows. */
#define CLASS_INDEX(c)                          \
	((c) == OXM_CLASS_NXM_0             ? 0 \
	    : (c) == OXM_CLASS_NXM_1        ? 1 \
	    : (c) == OXM_CLASS_BASIC        ? 2 \
	    : (c) == OXM_CLASS_PACKET_REGS  ? 3 \
	    : (c) == OXM_CLASS_ERICSSON     ? 4 \
	    : (c) == OXM_CLASS_EXPERIMENTER ? 5 \
					    : N_CLASSES)

const struct oxm oxms[OXM__COUNT] = {
#define OXM(id, cls, num, vendor, fld, bytes, bits, low, flag, first) \
	[OXM_ID_##id] = {                                             \
	    .name = #id,                                              \
	    .experimenter = (vendor),                                 \
	    .class = OXM_CLASS_##cls,                                 \
	    .number = (num),                                          \
	    .field = FIELD_##fld,                                     \
	    .size = (bytes),                                          \
	    .n_bits = (bits),                                         \
	    .shift = (low),                                           \
	    .flags = (flag),                                          \
	    .since = (first),                                         \
	},
#include "control/openflow/oxm.def"
#undef OXM
};

static_assert(OXM__COUNT < UINT8_MAX, "the index has bytes");

/* Row + 1 by class and number; 0: none. Numbers of experimenters are unique so far. */
static const uint8_t index_of[N_CLASSES * N_INDEXED] = {
#define OXM(id, cls, num, ...) [CLASS_INDEX(OXM_CLASS_##cls) * N_INDEXED + (num)] = OXM_ID_##id + 1,
#include "control/openflow/oxm.def"
#undef OXM
};

/* Rows by field, + 1: NXM's, the specification's, and experimenters' (one row a field in each). */
#define ROW_IF(cond, id, fld) [(cond) ? FIELD_##fld : FIELD__COUNT + OXM_ID_##id] = OXM_ID_##id + 1,
#define OXM(id, cls, num, vendor, fld, bytes, bits, low, flag, first) \
	ROW_IF(OXM_CLASS_##cls < OXM_CLASS_BASIC, id, fld)
static const uint8_t nxm_rows[FIELD__COUNT + OXM__COUNT] = {
#include "control/openflow/oxm.def"
};
#undef OXM
#define OXM(id, cls, num, vendor, fld, bytes, bits, low, flag, first)                              \
	ROW_IF((OXM_CLASS_##cls == OXM_CLASS_BASIC || OXM_CLASS_##cls == OXM_CLASS_PACKET_REGS) && \
		   ((flag)&OXM_F_VID) == 0,                                                        \
	    id, fld)
static const uint8_t standard_rows[FIELD__COUNT + OXM__COUNT] = {
#include "control/openflow/oxm.def"
};
#undef OXM
#define OXM(id, cls, num, vendor, fld, bytes, bits, low, flag, first) \
	ROW_IF(OXM_CLASS_##cls == OXM_CLASS_EXPERIMENTER, id, fld)
static const uint8_t experimenter_rows[FIELD__COUNT + OXM__COUNT] = {
#include "control/openflow/oxm.def"
};
#undef OXM

static const struct oxm *find(uint16_t class, uint8_t number, uint32_t experimenter);
static bool is_cookie(const struct oxm_header *h);
static bool bits_decode(const struct oxm *o, const uint8_t *wire, struct flow_value *ret);

enum ofp_err oxm_header_decode(struct buf *b, struct oxm_header *ret)
{
	uint32_t word = buf_be32(b);

	*ret = (struct oxm_header){
	    .class = (uint16_t)(word >> 16),
	    .number = (uint8_t)(word >> 9 & 0x7f),
	    .has_mask = (word & 0x100) != 0,
	    .length = (uint8_t)word,
	};
	if (ret->class == OXM_CLASS_EXPERIMENTER) {
		if (ret->length < 4)
			return OFPERR_OFPBMC_BAD_LEN;
		ret->experimenter = buf_be32(b);
		ret->length -= 4;
	}
	if (b->bad)
		return OFPERR_OFPBMC_BAD_LEN;
	ret->oxm = is_cookie(ret) ? NULL : find(ret->class, ret->number, ret->experimenter);
	if (ret->oxm != NULL && ret->length != ret->oxm->size * (ret->has_mask ? 2 : 1))
		return OFPERR_OFPBMC_BAD_LEN;
	return OFP_OK;
}

void oxm_header_encode(const struct oxm *o, bool has_mask, struct buf_writer *w)
{
	uint32_t length = o->size * (has_mask ? 2U : 1U) + (o->experimenter != 0 ? 4 : 0);

	wire_put_be32(w,
	    (uint32_t)o->class << 16 | (uint32_t)o->number << 9 | (has_mask ? 0x100U : 0) | length);
	if (o->experimenter != 0)
		wire_put_be32(w, o->experimenter);
}

size_t oxm_header_size(const struct oxm *o)
{
	return o->experimenter != 0 ? 8 : 4;
}

bool oxm_value_decode(const struct oxm *o, const uint8_t *wire, struct flow_value *ret)
{
	if ((o->flags & OXM_F_PORT16) == 0)
		return bits_decode(o, wire, ret);
	*ret = flow_value_from_u64(ofp_port_from_u16((uint16_t)(wire[0] << 8 | wire[1])));
	return true;
}

bool oxm_mask_decode(const struct oxm *o, const uint8_t *wire, struct flow_value *ret)
{
	struct flow_value ones = flow_value_ones(o->n_bits);

	if ((o->flags & OXM_F_PORT16) != 0) {
		bool whole = wire[0] == 0xff && wire[1] == 0xff;
		*ret = flow_value_from_u64(whole ? UINT32_MAX : 0);
		return whole;
	}
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->b + sizeof(ret->b) - o->size, wire, o->size);
	if (o->shift != 0)
		*ret = flow_value_from_u64(flow_value_to_u64(ret) >> o->shift);
	for (size_t i = 0; i < sizeof(ret->b); i++)
		ret->b[i] &= ones.b[i];
	return true;
}

void oxm_value_encode(const struct oxm *o, const struct flow_value *v, struct buf_writer *w)
{
	struct flow_value out = *v;

	if ((o->flags & OXM_F_PORT16) != 0)
		out = flow_value_from_u64(ofp_port_to_u16((uint32_t)flow_value_to_u64(v)));
	else if (o->shift != 0)
		out = flow_value_from_u64(flow_value_to_u64(v) << o->shift);
	buf_put(w, out.b + sizeof(out.b) - o->size, o->size);
}

void oxm_mask_encode(const struct oxm *o, const struct flow_value *mask, struct buf_writer *w)
{
	struct flow_value out = *mask;

	if (o->shift != 0)
		out = flow_value_from_u64(flow_value_to_u64(mask) << o->shift);
	buf_put(w, out.b + sizeof(out.b) - o->size, o->size);
}

const struct oxm *oxm_for_field(enum flow_field_id field, enum ofp_version version)
{
	const uint8_t rows[] = {standard_rows[field], experimenter_rows[field], nxm_rows[field]};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i] != 0 && oxms[rows[i] - 1].since <= version)
			return &oxms[rows[i] - 1];
	}
	// A field that the version has not: OVS uses the later row also there, and so do its peers.
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i] != 0)
			return &oxms[rows[i] - 1];
	}
	return NULL;
}

static const struct oxm *find(uint16_t class, uint8_t number, uint32_t experimenter)
{
	unsigned int c = CLASS_INDEX(class);
	unsigned int row = c < N_CLASSES ? index_of[c * N_INDEXED + number] : 0;

	if (row == 0 || oxms[row - 1].experimenter != experimenter)
		return NULL;
	return &oxms[row - 1];
}

/* NXM_NX_COOKIE has the number of NXM_NX_MPLS_TTL, and another length. It is no field of packets. */
static bool is_cookie(const struct oxm_header *h)
{
	return h->class == OXM_CLASS_NXM_1 && h->number == OXM_COOKIE_NUMBER &&
	       h->length == (h->has_mask ? 16 : 8);
}

static bool bits_decode(const struct oxm *o, const uint8_t *wire, struct flow_value *ret)
{
	struct flow_value ones = flow_value_ones(o->n_bits);

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->b + sizeof(ret->b) - o->size, wire, o->size);
	if (o->shift != 0) {
		uint64_t v = flow_value_to_u64(ret);
		if ((v & ((1U << o->shift) - 1)) != 0)
			return false;
		*ret = flow_value_from_u64(v >> o->shift);
	}
	for (size_t i = 0; i < sizeof(ret->b); i++) {
		if ((ret->b[i] & ~ones.b[i]) != 0)
			return false;
	}
	return true;
}
