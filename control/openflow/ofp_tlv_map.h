/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Nicira's map of tunnel options (TLVs) to the fields tun_metadata0 and so on: NXT_TLV_TABLE_MOD and its reply. Bodies only. A field has
 * room for 4 bytes here, so that options of another length cannot be mapped.
 *
 * Threads: any; pure functions. Memory: none.
 */
#include "control/openflow/ofp_error.h"
#include "datapath/base/buf.h"
#include "datapath/base/flow_key.h"

enum { OFP_TLV_SIZE = 4 }; // bytes of an option

struct ofp_tlv_map {
	uint16_t class;
	uint8_t type;
	uint8_t size;
	uint16_t index; // of tun_metadata
};

struct ofp_tlv_table {
	uint16_t n;
	struct ofp_tlv_map maps[FLOW_N_TUN_METADATA];
};

struct ofp_tlv_mod {
	uint16_t command; // enum nx_tlv_table_mod_command
	struct ofp_tlv_table table;
};

/* Errors: NXTTMFC_BAD_COMMAND, _BAD_OPT_LEN, _BAD_FIELD_IDX, _DUP_ENTRY, OFPBRC_BAD_LEN. */
MUST_CHECK
enum ofp_err ofp_tlv_mod_decode(struct buf *b, struct ofp_tlv_mod *ret);
void ofp_tlv_mod_encode(const struct ofp_tlv_mod *m, struct buf_writer *w);
/*
 * Carries a change out on the table, all of it or nothing: NXTTMFC_ALREADY_MAPPED when an option or a field of an addition is in use.
 * Unknown ones are not missed in a deletion.
 */
MUST_CHECK
enum ofp_err ofp_tlv_table_apply(struct ofp_tlv_table *table, const struct ofp_tlv_mod *m);

void ofp_tlv_reply_encode(const struct ofp_tlv_table *table, struct buf_writer *w);
MUST_CHECK
enum ofp_err ofp_tlv_reply_decode(struct buf *b, struct ofp_tlv_table *ret);
