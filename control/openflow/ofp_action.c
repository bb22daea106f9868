/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_action.h"

#include <string.h>

#include "control/openflow/ofp_action_priv.h"

enum { TYPE_EXPERIMENTER = 0xffff, HEADER_SIZE = 4, EXTENSION_HEADER_SIZE = 10, N_TYPES = 64 };

enum { VENDOR_OF, VENDOR_NX, VENDOR_ONF };

struct action_row {
	action_decode_fn *decode;
	uint16_t type;
	uint8_t vendor;
	uint8_t first, last; // versions, from 1.0 on
	uint8_t size;
	bool is_variable;
};

enum row_id {
#define OFP_ACTION(name, ...) ROW_##name,
#include "control/openflow/ofp_action.def"
#undef OFP_ACTION
	ROW__COUNT
};

#define VAR(n) (n) | 0x100

static const struct action_row rows[] = {
#define OFP_ACTION(name, vnd, typ, from, to, bytes, fn) \
	[ROW_##name] = {                                \
	    .decode = action_decode_##fn,               \
	    .type = (typ),                              \
	    .vendor = VENDOR_##vnd,                     \
	    .first = (from),                            \
	    .last = (to),                               \
	    .size = (uint8_t)((bytes)&0xff),            \
	    .is_variable = ((bytes)&0x100) != 0,        \
	},
#include "control/openflow/ofp_action.def"
#undef OFP_ACTION
};

/* Row + 1 by type: of 1.0, of later versions, of Nicira's subtypes. The ONF has one. */
enum { INDEX_10, INDEX_11, INDEX_NX, INDEX_ONF, N_INDEXES };
#define INDEX_OF(vendor, first)                         \
	(VENDOR_##vendor == VENDOR_NX       ? INDEX_NX  \
	    : VENDOR_##vendor == VENDOR_ONF ? INDEX_ONF \
	    : (first) == 0                  ? INDEX_10  \
					    : INDEX_11)
static const uint8_t index_of[N_INDEXES][N_TYPES] = {
#define OFP_ACTION(name, vendor, type, first, ...) \
	[INDEX_OF(vendor, first)][(type) % N_TYPES] = ROW_##name + 1,
#include "control/openflow/ofp_action.def"
#undef OFP_ACTION
};

static enum ofp_err decode_list(struct buf *b, size_t size, enum ofp_version version,
    unsigned int depth, struct buf_writer *out);
static enum ofp_err decode_one(
    struct buf *list, enum ofp_version version, unsigned int depth, struct buf_writer *out);
static enum ofp_err find_row(
    struct buf *action, uint16_t type, enum ofp_version version, const struct action_row **ret);

enum ofp_err ofp_actions_decode(
    struct buf *b, size_t size, enum ofp_version version, struct buf_writer *out)
{
	size_t start = out->size;
	enum ofp_err err = decode_list(b, size, version, 0, out);

	if (err != OFP_OK || out->size == start)
		return err;
	// out may have room for more lists than this: the switch takes none that is longer.
	if (out->size - start > OFP_MAX_ACTIONS_SIZE)
		return OFPERR_OFPBAC_TOO_MANY;
	return actions_check_nesting(out->data + start, out->size - start, DP_ACTION__COUNT);
}

enum ofp_err actions_decode_nested(struct action_reader *r, size_t size)
{
	return decode_list(&r->body, size, r->version, r->depth + 1, r->out);
}

static enum ofp_err decode_list(struct buf *b, size_t size, enum ofp_version version,
    unsigned int depth, struct buf_writer *out)
{
	if (depth > OFP_MAX_NESTING)
		return OFPERR_OFPBAC_TOO_MANY;
	if (size % 8 != 0 || size > buf_left(b))
		return OFPERR_OFPBRC_BAD_LEN;
	struct buf list = buf_from(buf_take(b, size), size);
	while (buf_left(&list) > 0) {
		enum ofp_err err = decode_one(&list, version, depth, out);
		if (err != OFP_OK)
			return err;
	}
	return out->bad ? OFPERR_OFPBAC_TOO_MANY : OFP_OK;
}

static enum ofp_err decode_one(
    struct buf *list, enum ofp_version version, unsigned int depth, struct buf_writer *out)
{
	struct buf head = *list;
	uint16_t type = buf_be16(&head), length = buf_be16(&head);
	const struct action_row *row;

	if (head.bad || length < 8 || length % 8 != 0 || length > buf_left(list))
		return OFPERR_OFPBAC_BAD_LEN;
	struct buf action = buf_from(buf_take(list, length), length);
	buf_skip(&action, HEADER_SIZE);
	enum ofp_err err = find_row(&action, type, version, &row);
	if (err != OFP_OK)
		return err;
	if (row->is_variable ? length < row->size : length != row->size)
		return OFPERR_OFPBAC_BAD_LEN;
	struct action_reader r = {.body = action, .out = out, .version = version, .depth = depth};
	err = row->decode(&r);
	if (err == OFP_OK && r.body.bad)
		return OFPERR_OFPBAC_BAD_LEN;
	return err != OFP_OK ? err : out->bad ? OFPERR_OFPBAC_TOO_MANY : OFP_OK;
}

/* Moves action behind the header of an extension. */
static enum ofp_err find_row(
    struct buf *action, uint16_t type, enum ofp_version version, const struct action_row **ret)
{
	unsigned int index = version == OFP10_VERSION ? INDEX_10 : INDEX_11;
	enum ofp_err unknown = OFPERR_OFPBAC_BAD_TYPE;
	unsigned int n = version - OFP10_VERSION;

	if (type == TYPE_EXPERIMENTER) {
		uint32_t vendor = buf_be32(action);
		if (vendor != NX_VENDOR_ID && vendor != ONF_VENDOR_ID)
			return OFPERR_OFPBAC_BAD_VENDOR;
		if (buf_left(action) < 8)
			return OFPERR_OFPBAC_BAD_LEN;
		index = vendor == NX_VENDOR_ID ? INDEX_NX : INDEX_ONF;
		type = buf_be16(action);
		unknown = OFPERR_OFPBAC_BAD_VENDOR_TYPE;
	}
	unsigned int row = index_of[index][type % N_TYPES];
	if (row == 0 || rows[row - 1].type != type || n < rows[row - 1].first ||
	    n > rows[row - 1].last)
		return unknown;
	*ret = &rows[row - 1];
	return OFP_OK;
}

struct dp_action action_of(enum dp_action_type type)
{
	return (struct dp_action){.type = (uint16_t)type, .len = (uint16_t)dp_action_size(type)};
}

enum ofp_err action_put(struct action_reader *r, const struct dp_action *a)
{
	buf_put(r->out, a, a->len);
	return OFP_OK;
}

size_t action_open(struct action_reader *r, const struct dp_action *a)
{
	size_t start = r->out->size;

	buf_put(r->out, a, dp_action_size(a->type));
	return start;
}

enum ofp_err action_close(struct action_reader *r, size_t start)
{
	buf_put_zeros(r->out, (8 - (r->out->size - start) % 8) % 8);
	if (r->out->bad || r->out->size - start > UINT16_MAX)
		return OFPERR_OFPBAC_TOO_MANY;
	uint16_t len = (uint16_t)(r->out->size - start);
	memcpy(r->out->data + start + offsetof(struct dp_action, len), &len, sizeof(len));
	return OFP_OK;
}

enum ofp_err action_end(struct action_reader *r, enum ofp_err if_not_zero)
{
	size_t left = buf_left(&r->body);

	for (; left > 0; left--) {
		if (buf_u8(&r->body) != 0)
			return if_not_zero;
	}
	return OFP_OK;
}
