/* SPDX-License-Identifier: Apache-2.0 */
/* Rules and what they have counted: flow, aggregate and table statistics. */
#include <endian.h>
#include <openflow/openflow-1.0.h>
#include <openflow/openflow-1.1.h>
#include <openflow/openflow-1.3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/openflow/of_priv.h"
#include "control/openflow/ofp_wire.h"
#include "datapath/base/clock.h"

static void query_rules(struct of_session *s, struct ofp_msg *msg,
    void (*done)(struct of_query *q, const void *body, size_t size));
static enum ofp_flow_form form_of(enum ofp_raw raw);
static void send_flows(struct of_query *q, const void *body, size_t size);
static void send_aggregate(struct of_query *q, const void *body, size_t size);
static void send_tables(struct of_query *q, const void *body, size_t size);
static void put_abilities(struct buf_writer *w, uint8_t version);
static void put_table(struct of_query *q, struct ofp_reply *r, uint8_t table, uint64_t n_matched);
static int compare_rows(const void *a, const void *b);
static struct of_flow_filter filter_of(const struct ofp_flow_stats_request *req);
static void fill(
    const struct of_flow *f, const struct dp_rule_stats *row, struct ofp_flow_stats *ret);

enum ofp_err of_handle_flow_stats(struct of_session *s, struct ofp_msg *msg)
{
	struct ofp_flow_stats_request req;
	struct buf body = msg->body;
	enum ofp_err err = ofp_flow_stats_request_decode(
	    (enum ofp_version)s->version, form_of(msg->raw), &body, &req);

	if (err == OFP_OK)
		query_rules(s, msg, send_flows);
	return err;
}

enum ofp_err of_handle_aggregate(struct of_session *s, struct ofp_msg *msg)
{
	struct ofp_flow_stats_request req;
	struct buf body = msg->body;
	enum ofp_err err = ofp_flow_stats_request_decode(
	    (enum ofp_version)s->version, form_of(msg->raw), &body, &req);

	if (err == OFP_OK)
		query_rules(s, msg, send_aggregate);
	return err;
}

enum ofp_err of_handle_table_stats(struct of_session *s, struct ofp_msg *msg)
{
	query_rules(s, msg, send_tables);
	return OFP_OK;
}

static void query_rules(struct of_session *s, struct ofp_msg *msg,
    void (*done)(struct of_query *q, const void *body, size_t size))
{
	const struct dp_stats_req req = {.kind = DP_STATS_RULES, .bridge = s->bridge->id};

	of_switch_flush(s->bridge->sw); // what was changed before is in the answer
	of_session_query(s, msg, DP_MSG_STATS, &req, sizeof(req), done);
}

static enum ofp_flow_form form_of(enum ofp_raw raw)
{
	return raw == OFPRAW_NXST_FLOW_REQUEST || raw == OFPRAW_NXST_AGGREGATE_REQUEST
		   ? OFP_FLOW_NICIRA
		   : OFP_FLOW_STANDARD;
}

static void send_flows(struct of_query *q, const void *body, size_t size)
{
	static const enum ofp_raw raws[] = {OFPRAW_OFPST10_FLOW_REPLY, OFPRAW_OFPST11_FLOW_REPLY,
	    OFPRAW_OFPST13_FLOW_REPLY, OFPRAW_OFPST15_FLOW_REPLY};
	struct of_session *s = q->session;
	enum ofp_version version = (enum ofp_version)s->version;
	enum ofp_flow_form form = form_of(q->msg.raw);
	struct ofp_flow_stats_request req;
	struct ofp_flow_stats fs;
	struct ofp_reply reply;
	struct buf_writer w;

	if (ofp_flow_stats_request_decode(version, form, &q->msg.body, &req) != OFP_OK)
		return; // not reached: it was decoded before it was asked about
	struct of_flow_filter filter = filter_of(&req);
	struct of_counters counters = of_counters_take(body, size);
	buf_writer_init(&w, OF_REPLY_MAX);
	ofp_reply_begin(&reply, &w,
	    form == OFP_FLOW_NICIRA ? OFPRAW_NXST_FLOW_REPLY
				    : ofp_raw_of_version(raws, ARRAY_SIZE(raws), s->version),
	    &q->msg);
	hmap_foreach (f, &s->bridge->flows, struct of_flow, node) {
		if (!of_flow_is_meant(f, &filter))
			continue;
		fill(f, of_counters_find(&counters, f->op->id), &fs);
		ofp_flow_stats_encode(version, form, &fs, &w);
		ofp_reply_entry(&reply);
	}
	ofp_reply_end(&reply);
	free(counters.rows);
	of_session_send(s, &w);
}

static void send_aggregate(struct of_query *q, const void *body, size_t size)
{
	struct of_session *s = q->session;
	enum ofp_version version = (enum ofp_version)s->version;
	enum ofp_flow_form form = form_of(q->msg.raw);
	struct ofp_flow_stats_request req;
	struct ofp_aggregate_stats sum = {0};
	struct buf_writer w;

	if (ofp_flow_stats_request_decode(version, form, &q->msg.body, &req) != OFP_OK)
		return; // not reached: it was decoded before it was asked about
	struct of_flow_filter filter = filter_of(&req);
	struct of_counters counters = of_counters_take(body, size);
	hmap_foreach (f, &s->bridge->flows, struct of_flow, node) {
		if (!of_flow_is_meant(f, &filter))
			continue;
		const struct dp_rule_stats *row = of_counters_find(&counters, f->op->id);
		sum.n_packets += row != NULL ? row->n_packets : 0;
		sum.n_bytes += row != NULL ? row->n_bytes : 0;
		sum.n_flows++;
	}
	free(counters.rows);
	buf_writer_init(&w, UINT16_MAX);
	struct ofp_mark mark = ofp_begin(&w,
	    form == OFP_FLOW_NICIRA       ? OFPRAW_NXST_AGGREGATE_REPLY
	    : s->version == OFP15_VERSION ? OFPRAW_OFPST15_AGGREGATE_REPLY
					  : OFPRAW_OFPST_AGGREGATE_REPLY,
	    s->version, q->msg.xid);
	ofp_aggregate_stats_encode(version, &sum, &w);
	ofp_end(&w, mark);
	of_session_send(s, &w);
}

/* Look-ups that found no rule are not counted by table: what is shown as looked up is what matched. */
static void send_tables(struct of_query *q, const void *body, size_t size)
{
	struct of_session *s = q->session;
	struct of_counters counters = of_counters_take(body, size);
	static const enum ofp_raw raws[] = {OFPRAW_OFPST10_TABLE_REPLY, OFPRAW_OFPST11_TABLE_REPLY,
	    OFPRAW_OFPST12_TABLE_REPLY, OFPRAW_OFPST13_TABLE_REPLY};
	uint64_t n_matched[DP_N_TABLES] = {0};
	struct ofp_reply reply;
	struct buf_writer w;

	hmap_foreach (f, &s->bridge->flows, struct of_flow, node) {
		const struct dp_rule_stats *row = of_counters_find(&counters, f->op->id);
		n_matched[of_flow_conf(f)->table] += row != NULL ? row->n_packets : 0;
	}
	free(counters.rows);
	buf_writer_init(&w, OF_REPLY_MAX);
	ofp_reply_begin(
	    &reply, &w, ofp_raw_of_version(raws, ARRAY_SIZE(raws), s->version), &q->msg);
	for (unsigned int table = 0; table < DP_N_TABLES; table++) {
		put_table(q, &reply, (uint8_t)table, n_matched[table]);
		ofp_reply_entry(&reply);
	}
	ofp_reply_end(&reply);
	of_session_send(s, &w);
}

static void put_table(struct of_query *q, struct ofp_reply *r, uint8_t table, uint64_t n_matched)
{
	const struct of_bridge *b = q->session->bridge;
	char name[OFP_MAX_TABLE_NAME_LEN] = "";
	struct buf_writer *w = r->w;

	buf_put_u8(w, table);
	buf_put_zeros(w, r->version == OFP11_VERSION || r->version == OFP12_VERSION ? 7 : 3);
	if (r->version < OFP13_VERSION) {
		snprintf(name, sizeof(name), "table%u", table);
		buf_put(w, name, sizeof(name));
		put_abilities(w, r->version);
		wire_put_be32(w, OF_MAX_FLOWS);
	}
	wire_put_be32(w, b->n_flows[table]);
	wire_put_be64(w, n_matched);
	wire_put_be64(w, n_matched);
}

/* From 1.3 on these are table features. */
static void put_abilities(struct buf_writer *w, uint8_t version)
{
	uint32_t actions = of_table_actions(version);
	uint64_t fields = of_table_fields(version, false), written = of_table_fields(version, true);

	switch (version) {
	case OFP10_VERSION: wire_put_be32(w, OFPFW10_ALL); return;
	case OFP11_VERSION:
		wire_put_be32(w, OFPFW11_ALL);
		wire_put_be32(w, OFPFW11_ALL);
		wire_put_be32(w, OF_TABLE_INSTRUCTIONS);
		break;
	default: wire_put_be64(w, fields); wire_put_be64(w, fields);
	}
	wire_put_be32(w, actions);
	wire_put_be32(w, actions);
	if (version == OFP12_VERSION) {
		wire_put_be64(w, written);
		wire_put_be64(w, written);
		wire_put_be64(w, UINT64_MAX); // metadata
		wire_put_be64(w, UINT64_MAX);
		wire_put_be32(w, OF_TABLE_INSTRUCTIONS);
	}
	wire_put_be32(w, 0); // what happens to a miss is a rule's to say; 0: to the controller
}

struct of_counters of_counters_take(const void *body, size_t size)
{
	struct of_counters c = {.n = size / sizeof(*c.rows)};

	c.rows = mem_alloc_array(c.n + 1, sizeof(*c.rows));
	if (c.n > 0) {
		memcpy(c.rows, body, c.n * sizeof(*c.rows));
		qsort(c.rows, c.n, sizeof(*c.rows), compare_rows);
	}
	return c;
}

static int compare_rows(const void *a, const void *b)
{
	const struct dp_rule_stats *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

const struct dp_rule_stats *of_counters_find(const struct of_counters *c, uint64_t rule)
{
	const struct dp_rule_stats key = {.id = rule};

	return c->n > 0 ? bsearch(&key, c->rows, c->n, sizeof(key), compare_rows) : NULL;
}

static struct of_flow_filter filter_of(const struct ofp_flow_stats_request *req)
{
	uint8_t match[FLOW_MATCH_MAX_SIZE];

	return (struct of_flow_filter){
	    .match = &req->match,
	    .match_is_empty = flow_match_encode(&req->match, match) <= 8,
	    .cookie_be = req->cookie_be,
	    .cookie_mask_be = req->cookie_mask_be,
	    .out_port = req->out_port,
	    .out_group = req->out_group,
	    .table = req->table_id,
	};
}

static void fill(
    const struct of_flow *f, const struct dp_rule_stats *row, struct ofp_flow_stats *ret)
{
	const struct dp_rule_conf *conf = of_flow_conf(f);
	uint64_t now_ms = clock_ms(), age_ms = now_ms - f->created_ms;

	*ret = (struct ofp_flow_stats){
	    .ins = of_flow_instructions(f),
	    .cookie_be = htobe64(conf->cookie),
	    .n_packets = row != NULL ? row->n_packets : 0,
	    .n_bytes = row != NULL ? row->n_bytes : 0,
	    .duration_s = (uint32_t)(age_ms / 1000),
	    .duration_ns = (uint32_t)(age_ms % 1000) * 1000000,
	    .idle_age_s = (int32_t)((row != NULL ? row->idle_ms : age_ms) / 1000),
	    .hard_age_s = (int32_t)((now_ms - f->modified_ms) / 1000),
	    .priority = conf->priority,
	    .idle_timeout_s = conf->idle_timeout_s,
	    .hard_timeout_s = conf->hard_timeout_s,
	    .importance = of_flow_importance(f),
	    .flags = of_flow_flags(f),
	    .table_id = conf->table,
	};
	of_flow_match(f, &ret->match);
}
