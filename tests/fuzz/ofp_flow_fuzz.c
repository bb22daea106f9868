/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "control/openflow/ofp_flow.h"
#include "datapath/dp_validate.h"
#include "tests/fuzz/fuzz.h"

/*
 * Bodies of flow messages, all versions and forms: byte 0 is the version, byte 1 the message and its form. What is taken is written, read
 * again, and written as the same bytes; its actions are what the switch takes; and checks of it stay inside their bytes.
 */

enum { FLOW_MOD, FLOW_STATS, FLOW_REMOVED, STATS_REQUEST };

union message {
	struct ofp_flow_mod mod;
	struct ofp_flow_stats stats;
	struct ofp_flow_removed removed;
	struct ofp_flow_stats_request request;
};

struct kind {
	enum ofp_version version;
	enum ofp_flow_form form;
	unsigned int message;
	bool table_in_command;
};

static enum ofp_err decode(const struct kind *k, const void *data, size_t size,
    struct buf_writer *scratch, union message *ret)
{
	struct buf b = buf_from(data, size);

	switch (k->message) {
	case FLOW_MOD:
		return ofp_flow_mod_decode(
		    k->version, k->form, k->table_in_command, &b, scratch, &ret->mod);
	case FLOW_STATS:
		return ofp_flow_stats_decode(k->version, k->form, &b, scratch, &ret->stats);
	case FLOW_REMOVED: return ofp_flow_removed_decode(k->version, k->form, &b, &ret->removed);
	default: return ofp_flow_stats_request_decode(k->version, k->form, &b, &ret->request);
	}
}

static void encode(const struct kind *k, const union message *m, struct buf_writer *w)
{
	switch (k->message) {
	case FLOW_MOD:
		ofp_flow_mod_encode(k->version, k->form, k->table_in_command, &m->mod, w);
		break;
	case FLOW_STATS: ofp_flow_stats_encode(k->version, k->form, &m->stats, w); break;
	case FLOW_REMOVED: ofp_flow_removed_encode(k->version, k->form, &m->removed, w); break;
	default: ofp_flow_stats_request_encode(k->version, k->form, &m->request, w); break;
	}
}

/* What the codec takes the switch takes: it would refuse all of a batch. */
static void check_rule(const struct ofp_flow_mod *fm)
{
	static uint64_t
	    body[(sizeof(struct dp_rule_conf) + FLOW_MATCH_MAX_SIZE + 2 * DP_MAX_ACTIONS_SIZE) / 8];
	const struct ofp_instructions *ins = &fm->ins;
	struct dp_rule_conf *c = (struct dp_rule_conf *)body;
	struct dp_rule_parts parts;
	char what[DP_WHAT_SIZE] = "";

	*c = (struct dp_rule_conf){.bridge = 1,
	    .priority = fm->priority,
	    .cookie = fm->new_cookie_be,
	    .goto_table = ins->goto_table,
	    .flags = (ins->has_goto ? DP_RULE_F_GOTO : 0) | (ins->clear ? DP_RULE_F_CLEAR : 0) |
		     (ins->has_write_metadata ? DP_RULE_F_WRITE_METADATA : 0),
	    .idle_timeout_s = fm->idle_timeout_s,
	    .hard_timeout_s = fm->hard_timeout_s,
	    .apply_size = (uint32_t)ins->apply.size,
	    .write_size = (uint32_t)ins->write.size,
	    .metadata_be = ins->metadata_be,
	    .metadata_mask_be = ins->metadata_mask_be};
	uint8_t *at = (uint8_t *)(c + 1);
	c->match_size = (uint32_t)flow_match_encode(&fm->match, at);
	at += c->match_size;
	memcpy(at, ins->apply.data, ins->apply.size);
	memcpy(at + ins->apply.size, ins->write.data, ins->write.size);
	size_t size = sizeof(*c) + c->match_size + c->apply_size + c->write_size;
	FUZZ_ASSERT(dp_rule_decode(body, size, &parts, what) == 0);
	FUZZ_ASSERT(flow_match_equal(&parts.match, &fm->match));
}

static void check_actions(const union message *m)
{
	const struct ofp_instructions *ins = &m->mod.ins;
	struct ofp_action_scope scope = {.match = &m->mod.match, .max_port = 100, .n_tables = 254};

	enum ofp_err err = ofp_instructions_check(ins, &scope, 0);
	(void)ofp_actions_output_to(&ins->apply, 1);
	(void)ofp_actions_use_group(&ins->write, 1);
	if (err == OFP_OK)
		check_rule(&m->mod);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static union message first, second;
	struct buf_writer scratch[2], wire[2];

	if (size < 2)
		return 0;
	struct kind k = {
	    .version = (enum ofp_version)(OFP10_VERSION + data[0] % 6),
	    .form = (data[1] & 1) != 0 ? OFP_FLOW_NICIRA : OFP_FLOW_STANDARD,
	    .message = data[1] >> 1 & 3,
	    .table_in_command = (data[1] & 8) != 0,
	};
	for (int i = 0; i < 2; i++) {
		buf_writer_init(&scratch[i], 2 * OFP_MAX_ACTIONS_SIZE);
		buf_writer_init(&wire[i], 1 << 20);
	}
	if (decode(&k, data + 2, size - 2, &scratch[0], &first) == OFP_OK) {
		if (k.message == FLOW_MOD)
			check_actions(&first);
		encode(&k, &first, &wire[0]);
		FUZZ_ASSERT(!wire[0].bad);
		FUZZ_ASSERT(decode(&k, wire[0].data, wire[0].size, &scratch[1], &second) == OFP_OK);
		encode(&k, &second, &wire[1]);
		FUZZ_ASSERT(wire[1].size == wire[0].size);
		FUZZ_ASSERT(memcmp(wire[1].data, wire[0].data, wire[0].size) == 0);
	}
	for (int i = 0; i < 2; i++) {
		buf_writer_fini(&scratch[i]);
		buf_writer_fini(&wire[i]);
	}
	return 0;
}
