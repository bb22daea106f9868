/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Instructions of a rule. 1.0 has only actions: they are the apply list, and what else 1.0 can say there by extension
 * (write_metadata, goto as resubmit) is written so.
 *
 * Threads: any; pure functions. Memory: lists borrow the scratch buffer that they were decoded into, until that is next written to.
 */
#include "control/openflow/ofp_action.h"

struct ofp_instructions {
	struct ofp_actions apply, write;
	uint64_t metadata_be, metadata_mask_be;
	uint32_t meter_id; // 0: none
	uint8_t goto_table;
	bool has_goto;
	bool has_write_metadata;
	bool clear; // clear_actions
};

/* Instructions, all of b (1.1 and later). scratch is emptied first. */
MUST_CHECK
enum ofp_err ofp_instructions_decode(struct buf *b, enum ofp_version version,
    struct buf_writer *scratch, struct ofp_instructions *ret);
/* Actions of 1.0, all of b. scratch is emptied first. */
MUST_CHECK
enum ofp_err ofp10_instructions_decode(
    struct buf *b, struct buf_writer *scratch, struct ofp_instructions *ret);
/* Instructions from 1.1 on, actions in 1.0. */
void ofp_instructions_encode(
    const struct ofp_instructions *ins, enum ofp_version version, struct buf_writer *w);
/*
 * ofp_actions_check of both lists, and that goto leads to a later table than table_id. 255: any table may get the rule; goto is not compared.
 */
MUST_CHECK
enum ofp_err ofp_instructions_check(
    const struct ofp_instructions *ins, const struct ofp_action_scope *scope, uint8_t table_id);
