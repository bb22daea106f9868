/* SPDX-License-Identifier: Apache-2.0 */
/* Rules are added, modified and deleted (OpenFlow 1.3.5 6.4). */
#include <endian.h>
#include <openflow/openflow-1.0.h>
#include <openflow/openflow-1.1.h>
#include <openflow/openflow-1.2.h>
#include <openflow/openflow-common.h>
#include <stdlib.h>
#include <string.h>

#include "control/openflow/of_priv.h"
#include "datapath/base/clock.h"

enum { ALL_TABLES = 255 };

/* A flow-mod at work. */
struct change {
	struct of_bridge *b;
	const struct ofp_flow_mod *fm;
	enum ofp_version version;
	uint8_t match[FLOW_MATCH_MAX_SIZE];
	size_t match_size;
};

static enum ofp_err check(const struct change *c, uint8_t table);
static enum ofp_err add(struct change *c);
static bool overlaps(const struct change *c, uint8_t table);
static void put(struct change *c, struct of_flow *flow, uint8_t table, bool is_new);
static enum ofp_err modify(struct change *c, bool is_strict);
static void modify_flow(struct change *c, struct of_flow *flow);
static enum ofp_err del(struct change *c, bool is_strict);
static size_t pick(const struct change *c, bool is_strict, struct of_flow ***ret);
static struct of_flow_filter filter_of(const struct change *c);

enum ofp_err of_handle_flow_mod(struct of_session *s, struct ofp_msg *msg)
{
	struct ofp_flow_mod fm;
	enum ofp_version version = (enum ofp_version)s->version;
	enum ofp_flow_form form =
	    msg->raw == OFPRAW_NXT_FLOW_MOD ? OFP_FLOW_NICIRA : OFP_FLOW_STANDARD;
	enum ofp_err err = ofp_flow_mod_decode(
	    version, form, s->table_in_command, &msg->body, &s->bridge->sw->scratch, &fm);
	if (err != OFP_OK)
		return err;
	struct change c = {.b = s->bridge, .fm = &fm, .version = version};
	if (fm.buffer_id != OFP_NO_BUFFER)
		return OFPERR_OFPBRC_BUFFER_UNKNOWN; // packets are not buffered
	c.match_size = flow_match_encode(&fm.match, c.match);
	switch (fm.command) {
	case OFPFC_ADD: return add(&c);
	case OFPFC_MODIFY: return modify(&c, false);
	case OFPFC_MODIFY_STRICT: return modify(&c, true);
	case OFPFC_DELETE: return del(&c, false);
	case OFPFC_DELETE_STRICT: return del(&c, true);
	default: return OFPERR_OFPFMFC_BAD_COMMAND;
	}
}

/* What the switch will want of the rule is asked for here: it must not refuse a batch for one of its rules. */
static enum ofp_err check(const struct change *c, uint8_t table)
{
	const struct ofp_action_scope scope = {.match = &c->fm->match,
	    .n_tables = DP_N_TABLES,
	    .version_10 = c->version == OFP10_VERSION};
	enum ofp_err err = ofp_instructions_check(&c->fm->ins, &scope, table);

	if (err == OFP_OK && c->fm->ins.meter_id != 0)
		err = OFPERR_OFPMMFC_UNKNOWN_METER; // there are none
	if (err == OFP_OK)
		err = of_groups_exist(c->b, &c->fm->ins.apply);
	return err == OFP_OK ? of_groups_exist(c->b, &c->fm->ins.write) : err;
}

static enum ofp_err add(struct change *c)
{
	const struct ofp_flow_mod *fm = c->fm;
	// 255 is "the switch chooses" in 1.0 and with NXM.
	uint8_t table =
	    fm->table_id == ALL_TABLES && c->version == OFP10_VERSION ? 0 : fm->table_id;

	if (table >= DP_N_TABLES)
		return OFPERR_OFPBRC_BAD_TABLE_ID;
	enum ofp_err err = check(c, table);
	if (err != OFP_OK)
		return err;
	struct of_flow *flow = of_flow_find(c->b, table, fm->priority, c->match, c->match_size);
	if (flow == NULL && c->b->flows.n >= OF_MAX_FLOWS)
		return OFPERR_OFPFMFC_TABLE_FULL;
	if ((fm->flags & OFPFF_CHECK_OVERLAP) && overlaps(c, table))
		return OFPERR_OFPFMFC_OVERLAP;
	put(c, flow, table, flow == NULL || (fm->flags & OFPFF12_RESET_COUNTS) != 0);
	return OFP_OK;
}

static bool overlaps(const struct change *c, uint8_t table)
{
	struct flow_match match;

	hmap_foreach (f, &c->b->flows, struct of_flow, node) {
		const struct dp_rule_conf *conf = of_flow_conf(f);
		if (conf->table != table || conf->priority != c->fm->priority)
			continue;
		of_flow_match(f, &match);
		if (flow_match_overlaps(&match, &c->fm->match))
			return true;
	}
	return false;
}

static void put(struct change *c, struct of_flow *flow, uint8_t table, bool is_new)
{
	const struct ofp_flow_mod *fm = c->fm;
	struct dp_rule_conf conf = {
	    .table = table,
	    .priority = fm->priority,
	    .cookie = be64toh(fm->new_cookie_be),
	    .idle_timeout_s = fm->idle_timeout_s,
	    .hard_timeout_s = fm->hard_timeout_s,
	    .opaque = (uint32_t)fm->importance << 16 | fm->flags,
	};

	if (fm->hard_timeout_s != 0)
		conf.installed_ms = clock_wall_ms();
	if (fm->hard_timeout_s != 0 || fm->idle_timeout_s != 0)
		conf.flags |= DP_RULE_F_SEND_REMOVED;
	flow = of_flow_put(c->b, flow, &conf, c->match, c->match_size, &fm->ins, is_new);
	flow->created_ms = flow->modified_ms; // also of one that it replaces
}

/* When there is nothing to modify, 1.0 and 1.1 add (OpenFlow 1.1.0 4.6), unless only rules of a cookie were meant. */
static enum ofp_err modify(struct change *c, bool is_strict)
{
	struct of_flow **flows;
	size_t n = pick(c, is_strict, &flows);
	enum ofp_err err = OFP_OK;

	if (n == 0 && c->version < OFP12_VERSION && c->fm->cookie_mask_be == 0)
		err = add(c);
	for (size_t i = 0; i < n && err == OFP_OK; i++)
		err = check(c, of_flow_conf(flows[i])->table);
	for (size_t i = 0; i < n && err == OFP_OK; i++)
		modify_flow(c, flows[i]);
	free(flows);
	return err;
}

/* Instructions change; timeouts, priority and counters stay. */
static void modify_flow(struct change *c, struct of_flow *flow)
{
	struct dp_rule_conf conf = *of_flow_conf(flow);
	uint8_t match[FLOW_MATCH_MAX_SIZE];
	size_t match_size = conf.match_size;

	memcpy(match, of_flow_conf(flow) + 1, match_size);
	conf.flags &= DP_RULE_F_SEND_REMOVED;
	if (c->fm->modify_cookie)
		conf.cookie = be64toh(c->fm->new_cookie_be);
	bool resets = (c->fm->flags & OFPFF12_RESET_COUNTS) != 0 && c->version >= OFP12_VERSION;
	uint64_t created_ms = flow->created_ms;
	of_flow_put(c->b, flow, &conf, match, match_size, &c->fm->ins, resets);
	flow->created_ms = created_ms;
}

static enum ofp_err del(struct change *c, bool is_strict)
{
	struct of_flow **flows;
	size_t n = pick(c, is_strict, &flows);

	for (size_t i = 0; i < n; i++) {
		of_removed_note(c->b, flows[i], OFPRR_DELETE);
		of_flow_del(c->b, flows[i]);
	}
	free(flows);
	return OFP_OK;
}

/* Those that are meant, in an array of the caller's. */
static size_t pick(const struct change *c, bool is_strict, struct of_flow ***ret)
{
	const struct ofp_flow_mod *fm = c->fm;
	struct of_flow_filter filter = filter_of(c);
	size_t n = 0, capacity = 0;

	*ret = NULL;
	if (is_strict && fm->table_id != ALL_TABLES) {
		struct of_flow *f =
		    of_flow_find(c->b, fm->table_id, fm->priority, c->match, c->match_size);
		if (f != NULL && of_flow_is_meant(f, &filter)) {
			*ret = mem_grow(*ret, n, &capacity, sizeof(struct of_flow *));
			(*ret)[n++] = f;
		}
		return n;
	}
	hmap_foreach (f, &c->b->flows, struct of_flow, node) {
		bool is_same = !is_strict || of_flow_find(c->b, of_flow_conf(f)->table,
						 fm->priority, c->match, c->match_size) == f;
		if (!is_same || !of_flow_is_meant(f, &filter))
			continue;
		*ret = mem_grow(*ret, n, &capacity, sizeof(struct of_flow *));
		(*ret)[n++] = f;
	}
	return n;
}

static struct of_flow_filter filter_of(const struct change *c)
{
	const struct ofp_flow_mod *fm = c->fm;
	bool is_del = fm->command == OFPFC_DELETE || fm->command == OFPFC_DELETE_STRICT;

	return (struct of_flow_filter){
	    .match = &fm->match,
	    .match_is_empty = c->match_size <= 8, // the map of words alone
	    .cookie_be = fm->cookie_be,
	    .cookie_mask_be = fm->cookie_mask_be,
	    .out_port = is_del ? fm->out_port : DP_OFPORT_ANY,
	    .out_group = is_del ? fm->out_group : OFP_ANY_GROUP,
	    .table = fm->table_id,
	};
}
