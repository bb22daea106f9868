/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/rule_timeout.h"

#include "datapath/base/buf.h"
#include "datapath/dp_state_priv.h"
#include "datapath/removed_rules.h"
#include "datapath/rule_stats.h"

#define LOG_MODULE "rules"
#include "datapath/base/log.h"

enum { MAX_PER_RUN = 65536 };

struct sweep {
	const struct dp_state *st;
	uint64_t now_ms;
	struct buf_writer ops;
	struct buf_writer events;
	uint32_t n;
};

static void look_at(const struct rule *r, void *arg);
static bool is_over(
    const struct sweep *s, const struct rule *r, const struct rule_counts *c, uint32_t *ret_reason);
static void add_event(
    struct sweep *s, const struct rule *r, const struct rule_counts *c, uint32_t reason);

uint32_t rule_timeout_run(struct dp_state *st, uint64_t now_ms,
    void (*cb)(const struct dp_removed_event *ev, void *arg), void *arg)
{
	if (st->n_timed_rules == 0 || dp_state_is_prepared(st))
		return 0;
	struct sweep s = {.st = st, .now_ms = now_ms};
	buf_writer_init(&s.ops, MAX_PER_RUN * sizeof(struct dp_op));
	buf_writer_init(&s.events, MAX_PER_RUN * sizeof(struct dp_removed_event));
	dp_state_foreach_rule(st, 0, look_at, &s);
	struct dp_error error;
	if (s.n > 0 && state_commit_internal(st, s.ops.data, s.ops.size, s.n, &error) < 0) {
		log_warn("cannot remove %u rules that timed out: %s", s.n, error.what);
		s.n = 0; // the next run tries again
	}
	const struct dp_removed_event *events = (const struct dp_removed_event *)s.events.data;
	size_t n_events = s.n > 0 ? s.events.size / sizeof(*events) : 0;
	for (size_t i = 0; i < n_events; i++) {
		removed_rules_add(st->removed, &events[i]);
		cb(&events[i], arg);
	}
	buf_writer_fini(&s.ops);
	buf_writer_fini(&s.events);
	return s.n;
}

static void look_at(const struct rule *r, void *arg)
{
	struct sweep *s = arg;
	uint32_t reason;

	if ((r->idle_timeout_s == 0 && r->hard_timeout_s == 0) || s->n == MAX_PER_RUN)
		return;
	struct rule_counts c = rule_stats_read(s->st->stats, r->stats_idx);
	if (!is_over(s, r, &c, &reason))
		return;
	struct dp_op op = {.verb = DP_DEL, .kind = DP_KIND_RULE, .size = sizeof(op), .id = r->id};
	buf_put(&s->ops, &op, sizeof(op));
	if (s->ops.bad)
		return;
	s->n++;
	if ((r->flags & DP_RULE_F_SEND_REMOVED) != 0)
		add_event(s, r, &c, reason);
}

static bool is_over(
    const struct sweep *s, const struct rule *r, const struct rule_counts *c, uint32_t *ret_reason)
{
	uint64_t settled_ms = rule_stats_settled_ms(s->st->stats);
	uint64_t used_ms = MAX_OF(c->used_ms, r->timed_since_ms);
	uint64_t hard_end_ms =
	    r->hard_end_ms != 0 ? r->hard_end_ms : r->timed_since_ms + r->hard_timeout_s * 1000ULL;

	*ret_reason = DP_REMOVED_HARD;
	if (r->hard_timeout_s != 0 && s->now_ms >= hard_end_ms)
		return true;
	*ret_reason = DP_REMOVED_IDLE;
	return r->idle_timeout_s != 0 && settled_ms >= used_ms + r->idle_timeout_s * 1000ULL;
}

static void add_event(
    struct sweep *s, const struct rule *r, const struct rule_counts *c, uint32_t reason)
{
	struct dp_removed_event ev = {.rule = r->id,
	    .reason = reason,
	    .digest = state_find(s->st, DP_KIND_RULE, r->id)->digest,
	    .stats = {.id = r->id,
		.n_packets = c->n_packets,
		.n_bytes = c->n_bytes,
		.age_ms = s->now_ms - c->created_ms,
		.idle_ms = s->now_ms - MAX_OF(c->used_ms, c->created_ms)}};

	buf_put(&s->events, &ev, sizeof(ev));
}
