/* SPDX-License-Identifier: Apache-2.0 */
/* Groups as objects: immutable, replaced in their bridge's snapshot. */
#include <errno.h>
#include <string.h>

#include "datapath/dp_state_priv.h"
#include "datapath/rule_stats.h"

static int check_groups(struct txn *t);
static int prepare_group(struct txn *t, struct change *c);
static struct group *make_group(const struct change *c);
static void undo_group(struct txn *t, struct change *c);
static void retire_group(struct txn *t, struct change *c);
static void destroy_group(struct dp_state *st, void *body);

const struct kind_ops group_kind = {
    .name = "group",
    .max = DP_MAX_GROUPS,
    .check = check_groups,
    .prepare = prepare_group,
    .undo = undo_group,
    .retire = retire_group,
    .destroy = destroy_group,
};

static int check_groups(struct txn *t)
{
	txn_foreach(c, t, DP_KIND_GROUP)
	{
		uint32_t bridge = (uint32_t)(c->id >> 32);
		if (c->op != NULL && !txn_has(t, DP_KIND_BRIDGE, bridge))
			return txn_refuse(t, c, ENOENT, "group: bridge %u does not exist", bridge);
		t->groups_delta[bridge] += (c->op != NULL) - (c->old != NULL);
	}
	return 0;
}

static int prepare_group(struct txn *t, struct change *c)
{
	txn_touch(t, (uint32_t)(c->id >> 32));
	if (c->op == NULL)
		return 0;
	struct group *g = make_group(c);
	if (g == NULL)
		return txn_no_memory(t, c);
	g->stats_idx = RULE_STATS_NONE;
	c->body = g;
	if (c->old != NULL) {
		g->stats_idx = ((const struct group *)c->old_body)->stats_idx;
		c->keeps_stats = true;
	} else {
		int rc = rule_stats_alloc(t->st->stats, t->now_ms, &g->stats_idx);
		if (rc < 0)
			return txn_refuse(t, c, -rc, "no counters for another group");
	}
	struct bridge_ctl *bc = t->st->bridges[c->id >> 32];
	for (uint32_t i = 0; i < g->n_buckets; i++)
		bridge_ctl_add_actions_mask(bc, g->buckets[i].actions, g->buckets[i].actions_size);
	return 0;
}

/* One allocation: the group, its buckets, a copy of the buckets' wire bytes that actions point into. */
static struct group *make_group(const struct change *c)
{
	const struct dp_group_conf *conf = change_conf(c);
	size_t head_size = sizeof(struct group) + conf->n_buckets * sizeof(struct group_bucket);
	size_t wire_size = change_conf_size(c) - sizeof(*conf);
	struct group *g = malloc(ROUND_UP(head_size, 8) + wire_size);
	if (g == NULL)
		return NULL;
	*g = (struct group){.id = c->id,
	    .group_id = conf->group_id,
	    .type = conf->type,
	    .n_buckets = conf->n_buckets,
	    .opaque = conf->opaque,
	    .wire_size = (uint32_t)wire_size};
	uint8_t *wire = (uint8_t *)g + ROUND_UP(head_size, 8);
	g->wire = wire;
	memcpy(wire, conf + 1, wire_size);
	for (uint32_t i = 0; i < conf->n_buckets; i++) {
		const struct dp_bucket_conf *b = (const struct dp_bucket_conf *)wire;
		g->buckets[i] = (struct group_bucket){.watch_port = b->watch_port,
		    .watch_group = b->watch_group,
		    .weight = b->weight,
		    .actions_size = b->actions_size,
		    .actions = (const struct dp_action *)(b + 1)};
		wire += sizeof(*b) + b->actions_size;
	}
	return g;
}

static void undo_group(struct txn *t, struct change *c)
{
	struct group *g = c->body;

	if (g != NULL && !c->keeps_stats)
		rule_stats_release(t->st->stats, g->stats_idx);
	free(g);
}

static void retire_group(struct txn *t, struct change *c)
{
	struct group *old = c->old_body;

	if (old == NULL)
		return;
	t->st->bridges[c->id >> 32]->n_gone++;
	if (!c->keeps_stats)
		rule_stats_release(t->st->stats, old->stats_idx);
	rcu_defer(free, old);
}

static void destroy_group(struct dp_state *, void *body)
{
	free(body);
}
