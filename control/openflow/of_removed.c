/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that go, told to who asked for it with OFPFF_SEND_FLOW_REM (OpenFlow 1.3.5 7.4.2). The counters of a rule that is deleted are asked for just
 * before the deletion is sent: messages to the switch keep their order, so they are its last.
 */
#include <endian.h>
#include <openflow/openflow-common.h>
#include <stdlib.h>

#include "control/openflow/of_priv.h"
#include "datapath/base/clock.h"

/* Of one question. */
struct removal {
	struct list node;
	uint32_t bridge;
	uint64_t rule;
	struct ofp_flow_removed fr;
};

struct question {
	struct of_switch *sw;
	struct list removals;
};

static bool is_wanted(const struct of_flow *f);
static void describe(const struct of_flow *f, uint8_t reason, struct ofp_flow_removed *ret);
static void tell(struct of_bridge *b, const struct ofp_flow_removed *fr);
static void on_stats(int error, const void *body, size_t size, const char *what, void *arg);
static void add_counters(struct removal *r, const struct of_counters *counters);

void of_removed_note(struct of_bridge *b, const struct of_flow *f, uint8_t reason)
{
	if (!is_wanted(f))
		return;
	struct removal *r = mem_alloc(sizeof(*r));
	*r = (struct removal){.bridge = b->id, .rule = f->op->id};
	describe(f, reason, &r->fr);
	list_add(&b->sw->removals, &r->node);
}

void of_removed_ask(struct of_switch *s)
{
	const struct dp_stats_req req = {.kind = DP_STATS_RULES};

	if (list_is_empty(&s->removals))
		return;
	struct question *q = mem_alloc(sizeof(*q));
	*q = (struct question){.sw = s};
	list_init(&q->removals);
	while (!list_is_empty(&s->removals)) {
		struct list *first = s->removals.next;
		list_del(first);
		list_add(&q->removals, first);
	}
	dp_client_request(s->d->dp, DP_MSG_STATS, &req, sizeof(req), on_stats, q);
}

void of_removed_timed(
    struct of_bridge *b, const struct of_flow *f, const struct dp_removed_event *ev)
{
	struct ofp_flow_removed fr;

	if (!is_wanted(f))
		return;
	describe(f, ev->reason == DP_REMOVED_IDLE ? OFPRR_IDLE_TIMEOUT : OFPRR_HARD_TIMEOUT, &fr);
	fr.n_packets = ev->stats.n_packets;
	fr.n_bytes = ev->stats.n_bytes;
	tell(b, &fr);
}

void of_removed_fini(struct of_switch *s)
{
	list_foreach_safe (r, &s->removals, struct removal, node) {
		list_del(&r->node);
		free(r);
	}
}

static bool is_wanted(const struct of_flow *f)
{
	return (of_flow_flags(f) & OFPFF_SEND_FLOW_REM) != 0;
}

static void describe(const struct of_flow *f, uint8_t reason, struct ofp_flow_removed *ret)
{
	const struct dp_rule_conf *conf = of_flow_conf(f);
	uint64_t age_ms = clock_ms() - f->created_ms;

	*ret = (struct ofp_flow_removed){
	    .cookie_be = htobe64(conf->cookie),
	    .duration_s = (uint32_t)(age_ms / 1000),
	    .duration_ns = (uint32_t)(age_ms % 1000) * 1000000,
	    .priority = conf->priority,
	    .idle_timeout_s = conf->idle_timeout_s,
	    .hard_timeout_s = conf->hard_timeout_s,
	    .reason = reason,
	    .table_id = conf->table,
	};
	of_flow_match(f, &ret->match);
}

static void tell(struct of_bridge *b, const struct ofp_flow_removed *fr)
{
	static const enum ofp_raw raws[] = {
	    OFPRAW_OFPT10_FLOW_REMOVED, OFPRAW_OFPT11_FLOW_REMOVED, OFPRAW_OFPT15_FLOW_REMOVED};

	list_foreach (s, &b->sessions, struct of_session, node) {
		struct buf_writer w;
		if (!of_session_wants(s, OFP_ASYNC_FLOW_REMOVED, fr->reason))
			continue;
		buf_writer_init(&w, UINT16_MAX);
		struct ofp_mark mark = ofp_begin(
		    &w, ofp_raw_of_version(raws, ARRAY_SIZE(raws), s->version), s->version, 0);
		ofp_flow_removed_encode((enum ofp_version)s->version, OFP_FLOW_STANDARD, fr, &w);
		ofp_end(&w, mark);
		of_session_send(s, &w);
	}
}

static void on_stats(int error, const void *body, size_t size, const char *, void *arg)
{
	struct question *q = arg;
	struct of_counters counters = of_counters_take(body, error == 0 ? size : 0);

	list_foreach_safe (r, &q->removals, struct removal, node) {
		struct of_bridge *b = of_switch_bridge(q->sw, r->bridge);
		add_counters(r, &counters);
		if (b != NULL)
			tell(b, &r->fr);
		list_del(&r->node);
		free(r);
	}
	free(counters.rows);
	free(q);
}

static void add_counters(struct removal *r, const struct of_counters *counters)
{
	const struct dp_rule_stats *row = of_counters_find(counters, r->rule);

	if (row == NULL)
		return;
	r->fr.n_packets = row->n_packets;
	r->fr.n_bytes = row->n_bytes;
}
