/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_tlv_map.h"

#include <openflow/nicira-ext.h>
#include <string.h>

#include "control/openflow/ofp_wire.h"

static enum ofp_err decode_maps(struct buf *b, bool delete, struct ofp_tlv_table *ret);
static void encode_maps(const struct ofp_tlv_table *table, struct buf_writer *w);
static void table_del(struct ofp_tlv_table *table, uint16_t index);

enum ofp_err ofp_tlv_mod_decode(struct buf *b, struct ofp_tlv_mod *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->command = buf_be16(b);
	buf_skip(b, 6);
	if (b->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	if (ret->command > NXTTMC_CLEAR)
		return OFPERR_NXTTMFC_BAD_COMMAND;
	if (ret->command == NXTTMC_CLEAR) { // the rest does not count
		buf_skip(b, buf_left(b));
		return OFP_OK;
	}
	return decode_maps(b, ret->command == NXTTMC_DELETE, &ret->table);
}

void ofp_tlv_mod_encode(const struct ofp_tlv_mod *m, struct buf_writer *w)
{
	wire_put_be16(w, m->command);
	buf_put_zeros(w, 6);
	encode_maps(&m->table, w);
}

enum ofp_err ofp_tlv_table_apply(struct ofp_tlv_table *table, const struct ofp_tlv_mod *m)
{
	struct ofp_tlv_table next = *table;

	if (m->command == NXTTMC_CLEAR)
		next.n = 0;
	for (unsigned int i = 0; i < m->table.n; i++) {
		const struct ofp_tlv_map *map = &m->table.maps[i];
		if (m->command == NXTTMC_DELETE) {
			table_del(&next, map->index);
			continue;
		}
		for (unsigned int k = 0; k < next.n; k++) {
			const struct ofp_tlv_map *old = &next.maps[k];
			bool same = old->class == map->class && old->type == map->type;
			if (same || old->index == map->index)
				return OFPERR_NXTTMFC_ALREADY_MAPPED;
		}
		next.maps[next.n++] = *map; // fits: an index is in it once
	}
	*table = next;
	return OFP_OK;
}

void ofp_tlv_reply_encode(const struct ofp_tlv_table *table, struct buf_writer *w)
{
	wire_put_be32(w, FLOW_N_TUN_METADATA * OFP_TLV_SIZE);
	wire_put_be16(w, FLOW_N_TUN_METADATA);
	buf_put_zeros(w, 10);
	encode_maps(table, w);
}

enum ofp_err ofp_tlv_reply_decode(struct buf *b, struct ofp_tlv_table *ret)
{
	memset(ret, 0, sizeof(*ret));
	buf_skip(b, 16);
	return b->bad ? OFPERR_OFPBRC_BAD_LEN : decode_maps(b, false, ret);
}

/* A deletion names a field alone; what it says of the option does not count. */
static enum ofp_err decode_maps(struct buf *b, bool delete, struct ofp_tlv_table *ret)
{
	uint32_t seen = 0;

	while (buf_left(b) > 0) {
		struct ofp_tlv_map map = {.class = buf_be16(b), .type = buf_u8(b)};
		map.size = buf_u8(b);
		map.index = buf_be16(b);
		buf_skip(b, 2);
		if (b->bad)
			return OFPERR_OFPBRC_BAD_LEN;
		if (!delete &&map.size != OFP_TLV_SIZE)
			return OFPERR_NXTTMFC_BAD_OPT_LEN;
		if (map.index >= FLOW_N_TUN_METADATA)
			return OFPERR_NXTTMFC_BAD_FIELD_IDX;
		if ((seen & 1U << map.index) != 0)
			return OFPERR_NXTTMFC_DUP_ENTRY;
		seen |= 1U << map.index;
		for (unsigned int i = 0; i < ret->n && !delete; i++) {
			if (ret->maps[i].class == map.class && ret->maps[i].type == map.type)
				return OFPERR_NXTTMFC_DUP_ENTRY;
		}
		ret->maps[ret->n++] = map;
	}
	return OFP_OK;
}

static void encode_maps(const struct ofp_tlv_table *table, struct buf_writer *w)
{
	for (unsigned int i = 0; i < table->n; i++) {
		wire_put_be16(w, table->maps[i].class);
		buf_put_u8(w, table->maps[i].type);
		buf_put_u8(w, table->maps[i].size);
		wire_put_be16(w, table->maps[i].index);
		wire_put_be16(w, 0);
	}
}

static void table_del(struct ofp_tlv_table *table, uint16_t index)
{
	for (unsigned int i = 0; i < table->n; i++) {
		if (table->maps[i].index != index)
			continue;
		table->n--;
		memmove(
		    &table->maps[i], &table->maps[i + 1], (table->n - i) * sizeof(table->maps[0]));
		return;
	}
}
