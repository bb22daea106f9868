/* SPDX-License-Identifier: Apache-2.0 */
/* What tables can do (OpenFlow 1.3.5 7.3.5.5): all the same, derived from the tables of fields and actions, so that it is true. */
#include <openflow/openflow-1.1.h>
#include <openflow/openflow-1.3.h>
#include <stdio.h>

#include "control/openflow/of_priv.h"
#include "control/openflow/ofp_table.h"
#include "control/openflow/ofp_wire.h"
#include "control/openflow/oxm.h"

/* Standard actions, by version from 1.0 on as 0; those of extensions have no number to be told by. */
static const struct {
	uint32_t vendor;
	uint16_t type;
	uint8_t first, last;
} actions[] = {
#define OF                                               0
#define NX                                               NX_VENDOR_ID
#define ONF                                              ONF_VENDOR_ID
#define OFP_ACTION(name, vendor, type, first, last, ...) {vendor, type, first, last},
#include "control/openflow/ofp_action.def"
#undef OFP_ACTION
#undef OF
#undef NX
#undef ONF
};

enum field_use { MATCHED, WILDCARDED, WRITTEN };

static bool has_action(size_t i, uint8_t version);
static void put_table(struct ofp_reply *r, uint8_t table);
static void put_instructions(struct buf_writer *w);
static void put_next_tables(struct buf_writer *w, uint8_t table);
static void put_actions(struct buf_writer *w, uint16_t property, uint8_t version);
static void put_fields(
    struct buf_writer *w, uint16_t property, uint8_t version, enum field_use use);
static size_t begin(struct buf_writer *w, uint16_t property);
static void end(struct buf_writer *w, size_t start);

enum ofp_err of_handle_table_features(struct of_session *s, struct ofp_msg *msg)
{
	struct ofp_reply reply;
	struct buf_writer w;

	if (msg->body.size > 0)
		return OFPERR_OFPTFFC_EPERM; // they are what they are
	buf_writer_init(&w, OF_REPLY_MAX);
	ofp_reply_begin(&reply, &w, OFPRAW_OFPST13_TABLE_FEATURES_REPLY, msg);
	for (unsigned int table = 0; table < DP_N_TABLES; table++) {
		put_table(&reply, (uint8_t)table);
		ofp_reply_entry(&reply);
	}
	ofp_reply_end(&reply);
	of_session_send(s, &w);
	return OFP_OK;
}

enum ofp_err of_handle_table_desc(struct of_session *s, struct ofp_msg *msg)
{
	struct ofp_reply reply;
	struct buf_writer w;

	buf_writer_init(&w, OF_REPLY_MAX);
	ofp_reply_begin(&reply, &w, OFPRAW_OFPST14_TABLE_DESC_REPLY, msg);
	for (unsigned int table = 0; table < DP_N_TABLES; table++) {
		const struct ofp_table_conf conf = {
		    .table_id = (uint8_t)table}; // nothing is evicted
		ofp_table_desc_encode(&conf, &w);
		ofp_reply_entry(&reply);
	}
	ofp_reply_end(&reply);
	of_session_send(s, &w);
	return OFP_OK;
}

uint64_t of_table_fields(uint8_t version, bool written)
{
	uint64_t fields = 0;

	for (size_t i = 0; i < OXM__COUNT; i++) {
		const struct oxm *o = &oxms[i];
		if (o->class == OXM_CLASS_BASIC && o->number < 64 && o->since <= version &&
		    (!written || (flow_fields[o->field].flags & FW_SET)))
			fields |= 1ULL << o->number;
	}
	return fields;
}

uint32_t of_table_actions(uint8_t version)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (has_action(i, version) && actions[i].type < 32)
			bits |= 1U << actions[i].type;
	return bits;
}

static bool has_action(size_t i, uint8_t version)
{
	return actions[i].vendor == 0 && version - 1 >= actions[i].first &&
	       version - 1 <= actions[i].last;
}

static void put_table(struct ofp_reply *r, uint8_t table)
{
	struct buf_writer *w = r->w;
	size_t start = w->size;
	char name[OFP_MAX_TABLE_NAME_LEN] = "";

	wire_put_be16(w, 0);
	buf_put_u8(w, table);
	buf_put_zeros(w, 5);
	snprintf(name, sizeof(name), "table%u", table);
	buf_put(w, name, sizeof(name));
	wire_put_be64(w, UINT64_MAX); // metadata: all bits are matched and written
	wire_put_be64(w, UINT64_MAX);
	wire_put_be32(w, 0);
	wire_put_be32(w, OF_MAX_FLOWS);
	put_instructions(w);
	put_next_tables(w, table);
	put_actions(w, OFPTFPT13_WRITE_ACTIONS, r->version);
	put_actions(w, OFPTFPT13_APPLY_ACTIONS, r->version);
	put_fields(w, OFPTFPT13_MATCH, r->version, MATCHED);
	put_fields(w, OFPTFPT13_WILDCARDS, r->version, WILDCARDED);
	put_fields(w, OFPTFPT13_WRITE_SETFIELD, r->version, WRITTEN);
	put_fields(w, OFPTFPT13_APPLY_SETFIELD, r->version, WRITTEN);
	if (w->bad)
		return;
	size_t size = w->size - start;
	w->data[start] = (uint8_t)(size >> 8);
	w->data[start + 1] = (uint8_t)size;
}

static void put_instructions(struct buf_writer *w)
{
	static const uint16_t types[] = {OFPIT11_GOTO_TABLE, OFPIT11_WRITE_METADATA,
	    OFPIT11_WRITE_ACTIONS, OFPIT11_APPLY_ACTIONS, OFPIT11_CLEAR_ACTIONS};
	size_t start = begin(w, OFPTFPT13_INSTRUCTIONS);

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		wire_put_be16(w, types[i]);
		wire_put_be16(w, 4);
	}
	end(w, start);
}

static void put_next_tables(struct buf_writer *w, uint8_t table)
{
	size_t start = begin(w, OFPTFPT13_NEXT_TABLES);

	for (unsigned int next = table + 1U; next < DP_N_TABLES; next++)
		buf_put_u8(w, (uint8_t)next);
	end(w, start);
}

static void put_actions(struct buf_writer *w, uint16_t property, uint8_t version)
{
	size_t start = begin(w, property);

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (!has_action(i, version))
			continue;
		wire_put_be16(w, actions[i].type);
		wire_put_be16(w, 4);
	}
	end(w, start);
}

/* Each field in the row that this version would write. */
static void put_fields(struct buf_writer *w, uint16_t property, uint8_t version, enum field_use use)
{
	size_t start = begin(w, property);

	for (size_t i = 0; i < OXM__COUNT; i++) {
		const struct oxm *o = &oxms[i];
		if (oxm_for_field((enum flow_field_id)o->field, (enum ofp_version)version) != o)
			continue;
		if (use == WRITTEN && !(flow_fields[o->field].flags & FW_SET))
			continue;
		oxm_header_encode(o, use == MATCHED && (o->flags & OXM_F_MASK), w);
	}
	end(w, start);
}

/* Its length does not count the padding. */
static size_t begin(struct buf_writer *w, uint16_t property)
{
	size_t start = w->size;

	wire_put_be16(w, property);
	wire_put_be16(w, 0);
	return start;
}

static void end(struct buf_writer *w, size_t start)
{
	size_t size = w->size - start;

	if (w->bad)
		return;
	w->data[start + 2] = (uint8_t)(size >> 8);
	w->data[start + 3] = (uint8_t)size;
	buf_put_zeros(w, ROUND_UP(size, 8) - size);
}
