/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_instruction.h"

#include <string.h>

#include "control/openflow/ofp_wire.h"

enum {
	INSTRUCTION_GOTO = 1,
	INSTRUCTION_WRITE_METADATA = 2,
	INSTRUCTION_WRITE_ACTIONS = 3,
	INSTRUCTION_APPLY_ACTIONS = 4,
	INSTRUCTION_CLEAR_ACTIONS = 5,
	INSTRUCTION_METER = 6,
	INSTRUCTION_EXPERIMENTER = 0xffff,
	ANY_TABLE = 255,
};

/* Where the two lists stand in scratch, which may move until both are read. */
struct places {
	size_t apply_size, write_start, write_size;
};

static enum ofp_err decode_one(struct buf *list, enum ofp_version version, unsigned int *seen,
    struct buf actions[2], struct ofp_instructions *ret);
static enum ofp_err decode_body(
    uint16_t type, struct buf *b, struct buf actions[2], struct ofp_instructions *ret);
static void lists_from(
    const struct buf_writer *scratch, const struct places *at, struct ofp_instructions *ret);
static void take_meter(struct ofp_instructions *ins);
static size_t take_write_metadata(const struct buf *b, struct ofp_instructions *ret);
static void put_actions(uint16_t type, const struct ofp_actions *list, uint32_t meter_id,
    enum ofp_version version, struct buf_writer *w);
static void encode_10(const struct ofp_instructions *ins, struct buf_writer *w);

enum ofp_err ofp_instructions_decode(struct buf *b, enum ofp_version version,
    struct buf_writer *scratch, struct ofp_instructions *ret)
{
	struct buf actions[2] = {0}; // apply, write: decoded in the order they run in
	struct places at = {0};
	unsigned int seen = 0;

	memset(ret, 0, sizeof(*ret));
	scratch->size = 0;
	while (buf_left(b) > 0) {
		enum ofp_err err = decode_one(b, version, &seen, actions, ret);
		if (err != OFP_OK)
			return err;
	}
	enum ofp_err err = ofp_actions_decode(&actions[0], actions[0].size, version, scratch);
	at.apply_size = at.write_start = scratch->size;
	if (err == OFP_OK)
		err = ofp_actions_decode(&actions[1], actions[1].size, version, scratch);
	at.write_size = scratch->size - at.write_start;
	lists_from(scratch, &at, ret);
	if (err == OFP_OK)
		take_meter(ret);
	return err;
}

/* 1.5's action in front of all others is what 1.3's instruction was. */
static void take_meter(struct ofp_instructions *ins)
{
	const struct dp_action *first = ins->apply.data;

	if (ins->apply.size == 0 || first->type != DP_ACTION_METER)
		return;
	ins->meter_id = first->meter.id;
	ins->apply.data = (const uint8_t *)first + first->len;
	ins->apply.size -= first->len;
}

enum ofp_err ofp10_instructions_decode(
    struct buf *b, struct buf_writer *scratch, struct ofp_instructions *ret)
{
	memset(ret, 0, sizeof(*ret));
	scratch->size = 0;
	size_t size = buf_left(b) - take_write_metadata(b, ret);
	enum ofp_err err = ofp_actions_decode(b, size, OFP10_VERSION, scratch);
	buf_skip(b, buf_left(b));
	lists_from(scratch, &(struct places){.apply_size = scratch->size}, ret);
	return err;
}

/* Nicira's write_metadata at the end is the instruction of later versions, and is shown as such. Returns its size, or 0. */
static size_t take_write_metadata(const struct buf *b, struct ofp_instructions *ret)
{
	static const uint8_t head[] = {0xff, 0xff, 0, 32, 0, 0, 0x23, 0x20, 0, 22};
	struct buf at = *b;
	size_t size = 0;

	while (buf_left(&at) > 0) {
		struct buf next = at;
		buf_skip(&next, 2);
		size = buf_be16(&next);
		if (next.bad || size < 8 || size >= buf_left(&at))
			break;
		buf_skip(&at, size);
	}
	if (size != 32 || buf_left(&at) != 32 || memcmp(at.data + at.pos, head, sizeof(head)) != 0)
		return 0;
	buf_skip(&at, 16);
	buf_bytes(&at, &ret->metadata_be, sizeof(ret->metadata_be));
	buf_bytes(&at, &ret->metadata_mask_be, sizeof(ret->metadata_mask_be));
	ret->metadata_be &= ret->metadata_mask_be;
	ret->has_write_metadata = true;
	return size;
}

static enum ofp_err decode_one(struct buf *list, enum ofp_version version, unsigned int *seen,
    struct buf actions[2], struct ofp_instructions *ret)
{
	struct buf head = *list;
	uint16_t type = buf_be16(&head), length = buf_be16(&head);

	if (head.bad || length < 8 || length % 8 != 0 || length > buf_left(list))
		return OFPERR_OFPBIC_BAD_LEN;
	struct buf b = buf_from(buf_take(list, length), length);
	buf_skip(&b, 4);
	if (type == INSTRUCTION_EXPERIMENTER)
		return OFPERR_OFPBIC_BAD_EXPERIMENTER;
	// The meter became an action in 1.5; before 1.3 there was none.
	bool has_meter = version == OFP13_VERSION || version == OFP14_VERSION;
	if (type == 0 || type > INSTRUCTION_METER || (type == INSTRUCTION_METER && !has_meter))
		return OFPERR_OFPBIC_UNKNOWN_INST;
	if ((*seen & 1U << type) != 0)
		return OFPERR_OFPBIC_DUP_INST;
	*seen |= 1U << type;
	return decode_body(type, &b, actions, ret);
}

static enum ofp_err decode_body(
    uint16_t type, struct buf *b, struct buf actions[2], struct ofp_instructions *ret)
{
	bool is_list = type == INSTRUCTION_WRITE_ACTIONS || type == INSTRUCTION_APPLY_ACTIONS;
	size_t size = type == INSTRUCTION_WRITE_METADATA ? 20 : 4;

	if (is_list ? buf_left(b) < size : buf_left(b) != size)
		return OFPERR_OFPBIC_BAD_LEN;
	switch (type) {
	case INSTRUCTION_GOTO:
		ret->has_goto = true;
		ret->goto_table = buf_u8(b);
		return OFP_OK;
	case INSTRUCTION_WRITE_METADATA:
		buf_skip(b, 4);
		buf_bytes(b, &ret->metadata_be, sizeof(ret->metadata_be));
		buf_bytes(b, &ret->metadata_mask_be, sizeof(ret->metadata_mask_be));
		ret->metadata_be &= ret->metadata_mask_be;
		ret->has_write_metadata = true;
		return OFP_OK;
	case INSTRUCTION_CLEAR_ACTIONS: ret->clear = true; return OFP_OK;
	case INSTRUCTION_METER:
		ret->meter_id = buf_be32(b);
		return ret->meter_id != 0 && ret->meter_id <= OFPM13_MAX
			   ? OFP_OK
			   : OFPERR_OFPMMFC_INVALID_METER;
	default:
		buf_skip(b, 4);
		actions[type == INSTRUCTION_WRITE_ACTIONS ? 1 : 0] =
		    buf_from(b->data + b->pos, buf_left(b));
		return OFP_OK;
	}
}

static void lists_from(
    const struct buf_writer *scratch, const struct places *at, struct ofp_instructions *ret)
{
	static const uint64_t nothing; // an empty list has a place too
	const uint8_t *data = scratch->data != NULL ? scratch->data : (const uint8_t *)&nothing;

	ret->apply = (struct ofp_actions){data, at->apply_size};
	ret->write = (struct ofp_actions){data + at->write_start, at->write_size};
}

void ofp_instructions_encode(
    const struct ofp_instructions *ins, enum ofp_version version, struct buf_writer *w)
{
	if (version == OFP10_VERSION) {
		encode_10(ins, w);
		return;
	}
	if (ins->meter_id != 0 && (version == OFP13_VERSION || version == OFP14_VERSION)) {
		wire_put_be16(w, INSTRUCTION_METER);
		wire_put_be16(w, 8);
		wire_put_be32(w, ins->meter_id);
	}
	uint32_t meter_action = version >= OFP15_VERSION ? ins->meter_id : 0;
	if (ins->apply.size > 0 || meter_action != 0)
		put_actions(INSTRUCTION_APPLY_ACTIONS, &ins->apply, meter_action, version, w);
	if (ins->clear) {
		wire_put_be16(w, INSTRUCTION_CLEAR_ACTIONS);
		wire_put_be16(w, 8);
		wire_put_be32(w, 0);
	}
	if (ins->write.size > 0)
		put_actions(INSTRUCTION_WRITE_ACTIONS, &ins->write, 0, version, w);
	if (ins->has_write_metadata) {
		wire_put_be16(w, INSTRUCTION_WRITE_METADATA);
		wire_put_be16(w, 24);
		wire_put_be32(w, 0);
		buf_put_u64(w, ins->metadata_be);
		buf_put_u64(w, ins->metadata_mask_be);
	}
	if (ins->has_goto) {
		wire_put_be16(w, INSTRUCTION_GOTO);
		wire_put_be16(w, 8);
		buf_put_u8(w, ins->goto_table);
		buf_put_zeros(w, 3);
	}
}

static void put_actions(uint16_t type, const struct ofp_actions *list, uint32_t meter_id,
    enum ofp_version version, struct buf_writer *w)
{
	size_t start = w->size;

	wire_put_be16(w, type);
	wire_put_be16(w, 0);
	wire_put_be32(w, 0);
	if (meter_id != 0) {
		struct dp_action a = {
		    .type = DP_ACTION_METER, .len = (uint16_t)dp_action_size(DP_ACTION_METER)};
		a.meter.id = meter_id;
		ofp_actions_encode(&(struct ofp_actions){&a, a.len}, version, w);
	}
	ofp_actions_encode(list, version, w);
	wire_set_be16(w, start + 2, (uint16_t)(w->size - start));
}

/* Nicira's actions say the rest, but for the action set and meters, which 1.0 has no word for. */
static void encode_10(const struct ofp_instructions *ins, struct buf_writer *w)
{
	enum { EXPERIMENTER = 0xffff, WRITE_METADATA = 22 };

	ofp_actions_encode(&ins->apply, OFP10_VERSION, w);
	if (ins->has_write_metadata) {
		wire_put_be16(w, EXPERIMENTER);
		wire_put_be16(w, 32);
		wire_put_be32(w, NX_VENDOR_ID);
		wire_put_be16(w, WRITE_METADATA);
		buf_put_zeros(w, 6);
		buf_put_u64(w, ins->metadata_be);
		buf_put_u64(w, ins->metadata_mask_be);
	}
	if (ins->has_goto) {
		struct dp_action a = {.type = DP_ACTION_RESUBMIT,
		    .len = (uint16_t)dp_action_size(DP_ACTION_RESUBMIT)};
		a.resubmit.in_port = DP_OFPORT_IN_PORT;
		a.resubmit.table = ins->goto_table;
		ofp_actions_encode(&(struct ofp_actions){&a, a.len}, OFP10_VERSION, w);
	}
}

enum ofp_err ofp_instructions_check(
    const struct ofp_instructions *ins, const struct ofp_action_scope *scope, uint8_t table_id)
{
	if (ins->has_goto && (ins->goto_table >= scope->n_tables ||
				 (table_id != ANY_TABLE && ins->goto_table <= table_id)))
		return OFPERR_OFPBIC_BAD_TABLE_ID;
	enum ofp_err err = ofp_actions_check(&ins->apply, scope);
	return err != OFP_OK ? err : ofp_action_set_check(&ins->write, scope);
}
