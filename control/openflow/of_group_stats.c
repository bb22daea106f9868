/* SPDX-License-Identifier: Apache-2.0 */
/* Groups and what they have counted: description, statistics, features. */
#include <openflow/openflow-1.1.h>
#include <openflow/openflow-1.2.h>
#include <openflow/openflow-common.h>

#include "control/openflow/of_priv.h"
#include "control/openflow/ofp_wire.h"
#include "datapath/base/clock.h"

static void send_stats(struct of_query *q, const void *body, size_t size);
static uint32_t count_users(const struct of_bridge *b, uint32_t id);

enum ofp_err of_handle_group_desc(struct of_session *s, struct ofp_msg *msg)
{
	bool is_15_form = s->version == OFP15_VERSION || s->version == OFP10_VERSION;
	uint32_t only = is_15_form ? buf_be32(&msg->body) : OFPG_ALL;
	struct ofp_reply reply;
	struct buf_writer w;

	buf_writer_init(&w, OF_REPLY_MAX);
	ofp_reply_begin(&reply, &w,
	    s->version == OFP10_VERSION ? OFPRAW_NXST_GROUP_DESC_REPLY
					: OFPRAW_OFPST11_GROUP_DESC_REPLY,
	    msg);
	hmap_foreach (g, &s->bridge->groups, struct of_group, node) {
		struct ofp_group_mod group;
		struct buf_writer buckets;
		if (only != OFPG_ALL && of_group_conf(g)->group_id != only)
			continue;
		buf_writer_init(&buckets, OF_GROUP_SIZE);
		of_group_describe(g, &buckets, &group);
		ofp_group_desc_encode((enum ofp_version)s->version, is_15_form, &group, &w);
		ofp_reply_entry(&reply);
		buf_writer_fini(&buckets);
	}
	ofp_reply_end(&reply);
	of_session_send(s, &w);
	return OFP_OK;
}

enum ofp_err of_handle_group_stats(struct of_session *s, struct ofp_msg *msg)
{
	const struct dp_stats_req req = {.kind = DP_STATS_GROUPS, .bridge = s->bridge->id};

	of_switch_flush(s->bridge->sw);
	of_session_query(s, msg, DP_MSG_STATS, &req, sizeof(req), send_stats);
	return OFP_OK;
}

static void send_stats(struct of_query *q, const void *body, size_t size)
{
	static const enum ofp_raw raws[] = {
	    OFPRAW_NXST_GROUP_REPLY, OFPRAW_OFPST11_GROUP_REPLY, OFPRAW_OFPST13_GROUP_REPLY};
	const struct dp_group_stats *rows = body;
	struct of_session *s = q->session;
	uint32_t only = buf_be32(&q->msg.body);
	struct ofp_reply reply;
	struct buf_writer w;

	buf_writer_init(&w, OF_REPLY_MAX);
	ofp_reply_begin(
	    &reply, &w, ofp_raw_of_version(raws, ARRAY_SIZE(raws), s->version), &q->msg);
	hmap_foreach (g, &s->bridge->groups, struct of_group, node) {
		uint64_t age_ms = clock_ms() - g->created_ms;
		struct ofp_group_stats gs = {.group_id = of_group_conf(g)->group_id,
		    .n_buckets = of_group_conf(g)->n_buckets,
		    .duration_s = (uint32_t)(age_ms / 1000),
		    .duration_ns = (uint32_t)(age_ms % 1000) * 1000000};
		if (only != OFPG_ALL && gs.group_id != only)
			continue;
		for (size_t i = 0; i < size / sizeof(*rows); i++) {
			if (rows[i].id != g->op->id)
				continue;
			gs.n_packets = rows[i].n_packets;
			gs.n_bytes = rows[i].n_bytes;
		}
		gs.ref_count = count_users(s->bridge, gs.group_id);
		ofp_group_stats_encode((enum ofp_version)s->version, &gs, &w);
		ofp_reply_entry(&reply);
	}
	ofp_reply_end(&reply);
	of_session_send(s, &w);
}

static uint32_t count_users(const struct of_bridge *b, uint32_t id)
{
	uint32_t n = 0;

	hmap_foreach (f, &b->flows, struct of_flow, node) {
		struct ofp_instructions ins = of_flow_instructions(f);
		n += ofp_actions_use_group(&ins.apply, id) || ofp_actions_use_group(&ins.write, id);
	}
	return n;
}

enum ofp_err of_handle_group_features(struct of_session *s, struct ofp_msg *msg)
{
	struct buf_writer w;

	buf_writer_init(&w, UINT16_MAX);
	struct ofp_mark mark = ofp_begin(&w,
	    s->version < OFP12_VERSION ? OFPRAW_NXST_GROUP_FEATURES_REPLY
				       : OFPRAW_OFPST12_GROUP_FEATURES_REPLY,
	    s->version, msg->xid);
	wire_put_be32(&w, (1U << OFPGT12_N_TYPES) - 1);
	wire_put_be32(&w, OFPGFC12_SELECT_WEIGHT | OFPGFC12_CHAINING | OFPGFC12_CHAINING_CHECKS);
	for (unsigned int i = 0; i < OFPGT12_N_TYPES; i++)
		wire_put_be32(&w, OF_MAX_GROUPS);
	for (unsigned int i = 0; i < OFPGT12_N_TYPES; i++)
		wire_put_be32(&w, of_table_actions(s->version));
	ofp_end(&w, mark);
	of_session_send(s, &w);
	return OFP_OK;
}
