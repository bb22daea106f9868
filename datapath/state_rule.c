/* SPDX-License-Identifier: Apache-2.0 */
/* Rules as objects: linked before their version, unlinked after all workers have left the old one. */
#include <errno.h>
#include <string.h>

#include "datapath/base/clock.h"
#include "datapath/dp_state_priv.h"
#include "datapath/dp_validate.h"
#include "datapath/rule_stats.h"

static int check_rules(struct txn *t);
static int prepare_rule(struct txn *t, struct change *c);
static int link_rule(struct txn *t, struct change *c, const struct dp_rule_parts *parts);
static void undo_rule(struct txn *t, struct change *c);
static void commit_rule(struct txn *t, struct change *c);
static void retire_rule(struct txn *t, struct change *c);
static void destroy_rule(struct dp_state *st, void *body);
static bool is_same_place(const struct rule *a, const struct rule *b);
static bool is_timed(const struct rule *r);
static uint64_t hard_end_ms(const struct dp_rule_conf *conf, uint64_t now_ms);

const struct kind_ops rule_kind = {
    .name = "rule",
    .max = DP_MAX_RULES,
    .check = check_rules,
    .prepare = prepare_rule,
    .undo = undo_rule,
    .commit = commit_rule,
    .retire = retire_rule,
    .destroy = destroy_rule,
};

static int check_rules(struct txn *t)
{
	txn_foreach(c, t, DP_KIND_RULE)
	{
		if (c->old != NULL)
			t->rules_delta[((const struct rule *)c->old_body)->bridge]--;
		if (c->op == NULL)
			continue;
		const struct dp_rule_conf *conf = change_conf(c);
		if (!txn_has(t, DP_KIND_BRIDGE, conf->bridge))
			return txn_refuse(
			    t, c, ENOENT, "rule: bridge %u does not exist", conf->bridge);
		t->rules_delta[conf->bridge]++;
	}
	return 0;
}

static int prepare_rule(struct txn *t, struct change *c)
{
	struct dp_rule_parts parts;

	if (c->old != NULL)
		txn_touch(t, ((const struct rule *)c->old_body)->bridge);
	if (c->op == NULL)
		return 0;
	if (dp_rule_decode(change_conf(c), change_conf_size(c), &parts, t->error->what) < 0)
		return txn_refuse_as_said(t, c->index, EINVAL);
	struct rule *r = rule_create(c->id, parts.conf, &parts.match, parts.apply, parts.write);
	if (r == NULL)
		return txn_no_memory(t, c);
	r->add_version = t->version;
	r->del_version = UINT64_MAX;
	r->stats_idx = RULE_STATS_NONE;
	r->timed_since_ms = t->now_ms;
	r->hard_end_ms = hard_end_ms(parts.conf, t->now_ms);
	c->body = r;
	const struct rule *old = c->old_body;
	if (old != NULL && is_same_place(r, old)) {
		r->stats_idx = old->stats_idx;
		c->keeps_stats = true;
		// A change of actions is no new lease; other timeouts are.
		if (r->idle_timeout_s == old->idle_timeout_s &&
		    r->hard_timeout_s == old->hard_timeout_s)
			r->timed_since_ms = old->timed_since_ms;
	} else {
		int rc = rule_stats_alloc(t->st->stats, t->now_ms, &r->stats_idx);
		if (rc < 0)
			return txn_refuse(t, c, -rc, "no counters for another rule");
	}
	return link_rule(t, c, &parts);
}

static int link_rule(struct txn *t, struct change *c, const struct dp_rule_parts *parts)
{
	struct rule *r = c->body;
	struct bridge_ctl *bc = t->st->bridges[r->bridge];
	struct table *table = bridge_ctl_table(bc, r->table);

	if (table == NULL || table_add(table, r) < 0)
		return txn_no_memory(t, c);
	c->linked = true;
	bridge_ctl_add_rule_mask(bc, &parts->match.mask, r);
	txn_touch(t, r->bridge);
	return 0;
}

static void undo_rule(struct txn *t, struct change *c)
{
	struct rule *r = c->body;

	if (r == NULL)
		return;
	if (c->linked)
		table_del(t->st->bridges[r->bridge]->br.tables[r->table], r);
	if (!c->keeps_stats)
		rule_stats_release(t->st->stats, r->stats_idx);
	// Look-ups may be walking over it, though none returns it.
	rcu_defer(rule_free, r);
}

static void commit_rule(struct txn *t, struct change *c)
{
	struct rule *old = c->old_body;
	const struct rule *r = c->body;

	t->st->n_timed_rules += r != NULL && is_timed(r);
	t->st->n_timed_rules -= old != NULL && is_timed(old);
	// Pairs with rule_visible(); the version store that follows orders it.
	if (old != NULL)
		__atomic_store_n(&old->del_version, t->version, __ATOMIC_RELAXED);
}

static void retire_rule(struct txn *t, struct change *c)
{
	struct rule *old = c->old_body;

	if (old == NULL)
		return;
	struct bridge_ctl *bc = t->st->bridges[old->bridge];
	table_del(bridge_ctl_table(bc, old->table), old);
	bc->n_gone++;
	if (!c->keeps_stats)
		rule_stats_release(t->st->stats, old->stats_idx);
	rcu_defer(rule_free, old);
}

static void destroy_rule(struct dp_state *, void *body)
{
	rule_free(body);
}

/* Then only what it does has changed, and it goes on counting. */
static bool is_same_place(const struct rule *a, const struct rule *b)
{
	size_t match_size = (size_t)__builtin_popcountll(a->match_map) * 2 * sizeof(a->words[0]);

	return a->bridge == b->bridge && a->table == b->table && a->priority == b->priority &&
	       a->match_map == b->match_map && memcmp(a->words, b->words, match_size) == 0;
}

static bool is_timed(const struct rule *r)
{
	return r->idle_timeout_s != 0 || r->hard_timeout_s != 0;
}

/*
 * What is left of it goes by the monotonic clock from here: a step of the wall clock counts at most once, and only in a switch
 * that was started after the rule was installed.
 */
static uint64_t hard_end_ms(const struct dp_rule_conf *conf, uint64_t now_ms)
{
	uint64_t wall_ms = clock_wall_ms(), all_ms = conf->hard_timeout_s * 1000ULL;

	if (conf->installed_ms == 0 || all_ms == 0)
		return 0;
	uint64_t age_ms = wall_ms > conf->installed_ms ? wall_ms - conf->installed_ms : 0;
	return now_ms + all_ms - MIN_OF(age_ms, all_ms);
}
