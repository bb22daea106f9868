/* SPDX-License-Identifier: Apache-2.0 */
/* Bridges as objects, and what a transaction does to all bridges together. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/dp_state_priv.h"

static int check_bridges(struct txn *t);
static int prepare_bridge(struct txn *t, struct change *c);
static void undo_bridge(struct txn *t, struct change *c);
static void commit_bridge(struct txn *t, struct change *c);
static void retire_bridge(struct txn *t, struct change *c);
static void destroy_bridge(struct dp_state *st, void *body);
static bool fdb_is_same(const struct dp_bridge_conf *a, const struct dp_bridge_conf *b);
static int prepare_groups(struct txn *t);
static int compare_groups(const void *a, const void *b);
static void join_bridges(struct txn *t);
static uint8_t root_of(const uint8_t *joined, unsigned int b);
static void join(uint8_t *joined, unsigned int a, unsigned int b);
static void touch_joined(struct txn *t);
static void join_masks(struct txn *t, const uint8_t *joined);

const struct kind_ops bridge_kind = {
    .name = "bridge",
    .max = DP_MAX_BRIDGES,
    .check = check_bridges,
    .prepare = prepare_bridge,
    .undo = undo_bridge,
    .commit = commit_bridge,
    .retire = retire_bridge,
    .destroy = destroy_bridge,
};

#define bridges_foreach(it, st)                                   \
	for (struct bridge_ctl **it##_p = &(st)->bridges[1], *it; \
	     it##_p <= &(st)->bridges[DP_MAX_BRIDGES]; it##_p++)  \
		if ((it = *it##_p) != NULL)

void state_refresh_bridge(struct dp_state *st, uint32_t bridge)
{
	uint64_t version = st->dp->version + 1;

	bridges_foreach(bc, st)
	{
		if (root_of(st->joined, bc->br.id) == root_of(st->joined, bridge))
			__atomic_store_n(&bc->br.change_version, version, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&st->dp->version, version, __ATOMIC_RELEASE);
}

void txn_touch(struct txn *t, uint32_t bridge)
{
	struct bridge_ctl *bc = t->st->bridges[bridge];

	if (bc != NULL)
		bc->touched = true;
}

int txn_prepare_bridges(struct txn *t)
{
	join_bridges(t);
	touch_joined(t);
	join_masks(t, t->joined_or_were);
	bridges_foreach(bc, t->st)
	{
		if (bc->ports_changed && bridge_ctl_prepare_ports(bc, t->ports) < 0)
			return txn_no_memory(t, NULL);
		if (bridge_ctl_prepare_lookup(bc) < 0)
			return txn_no_memory(t, NULL);
	}
	return prepare_groups(t);
}

void txn_abort_bridges(struct txn *t)
{
	bridges_foreach(bc, t->st)
	{
		bridge_ctl_abort(bc);
		bc->next_mask_union = bc->mask_union;
	}
}

void txn_commit_bridges(struct txn *t)
{
	bridges_foreach(bc, t->st) bridge_ctl_commit(bc, t->version);
}

void txn_retire_bridges(struct txn *t)
{
	bridges_foreach(bc, t->st)
	{
		bc->n_rules += (uint32_t)t->rules_delta[bc->br.id];
		bc->n_groups += (uint32_t)t->groups_delta[bc->br.id];
		bridge_ctl_retire(bc);
	}
	memcpy(t->st->joined, t->joined, sizeof(t->joined));
	join_masks(t, t->joined);
	bridges_foreach(bc, t->st) bridge_ctl_shrink_mask(bc);
}

/* Runs after the checks of ports, rules and groups: a bridge that goes must have none left. */
static int check_bridges(struct txn *t)
{
	txn_foreach(c, t, DP_KIND_BRIDGE)
	{
		if (c->op != NULL)
			continue;
		const struct bridge_ctl *bc = c->old->body;
		for (unsigned int p = 1; p < DP_MAX_PORTS; p++) {
			if (t->ports[p] != NULL && t->ports[p]->bridge == c->id)
				return txn_refuse(t, c, EBUSY, "bridge %s still has port %s",
				    bc->br.name, t->ports[p]->name);
		}
		if (bc->n_rules + (uint32_t)t->rules_delta[c->id] != 0)
			return txn_refuse(t, c, EBUSY, "bridge %s still has rules", bc->br.name);
		if (bc->n_groups + (uint32_t)t->groups_delta[c->id] != 0)
			return txn_refuse(t, c, EBUSY, "bridge %s still has groups", bc->br.name);
	}
	return 0;
}

/* A changed bridge keeps its body: what differs is taken over at commit. */
static int prepare_bridge(struct txn *t, struct change *c)
{
	if (c->op == NULL)
		return 0;
	const struct dp_bridge_conf *conf = change_conf(c);
	if (c->old == NULL) {
		c->body = bridge_ctl_create((uint32_t)c->id, conf);
		if (c->body == NULL)
			return txn_no_memory(t, c);
		t->st->bridges[c->id] = c->body;
	} else {
		c->body = c->old_body;
		const struct bridge_ctl *bc = c->old_body;
		if (!fdb_is_same(&bc->conf, conf)) {
			c->extra = bridge_ctl_make_fdb(conf);
			if (c->extra == NULL)
				return txn_no_memory(t, c);
		}
	}
	txn_touch(t, (uint32_t)c->id);
	return 0;
}

static void undo_bridge(struct txn *t, struct change *c)
{
	if (c->extra != NULL)
		fdb_destroy(c->extra);
	if (c->old != NULL || c->body == NULL)
		return;
	// Never reached dp->bridges.
	t->st->bridges[c->id] = NULL;
	bridge_ctl_destroy(c->body);
}

static void commit_bridge(struct txn *t, struct change *c)
{
	struct bridge_ctl *bc = c->body;

	if (bc == NULL)
		return;
	const struct dp_bridge_conf *conf = change_conf(c);
	bc->conf = *conf;
	memcpy(bc->br.name, conf->name, sizeof(bc->br.name));
	__atomic_store_n(&bc->br.flags, conf->flags, __ATOMIC_RELAXED);
	if (c->extra != NULL) {
		struct fdb *old = bc->br.fdb;
		rcu_publish(bc->br.fdb, (struct fdb *)c->extra);
		rcu_defer(fdb_destroy, old);
	}
	if (c->old == NULL)
		rcu_publish(t->st->dp->bridges[c->id], &bc->br);
}

static void retire_bridge(struct txn *t, struct change *c)
{
	if (c->body != NULL)
		return;
	// Its ports are gone, so nothing leads here any more but what was read before.
	rcu_publish(t->st->dp->bridges[c->id], NULL);
	t->st->bridges[c->id] = NULL;
	rcu_defer(bridge_ctl_destroy, c->old_body);
}

static void destroy_bridge(struct dp_state *st, void *body)
{
	struct bridge_ctl *bc = body;

	st->dp->bridges[bc->br.id] = NULL;
	bridge_ctl_destroy(bc);
}

static bool fdb_is_same(const struct dp_bridge_conf *a, const struct dp_bridge_conf *b)
{
	return a->max_macs == b->max_macs && a->mac_age_s == b->mac_age_s;
}

/* Hands each bridge its slice of the group changes. By object id, they are sorted by bridge and then by group. */
static int prepare_groups(struct txn *t)
{
	uint32_t n = 0;

	txn_foreach(c, t, DP_KIND_GROUP) n++;
	if (n == 0)
		return 0;
	AUTO(free) const struct change **sorted = calloc(n, sizeof(*sorted));
	AUTO(free) struct group_change *changes = calloc(n, sizeof(*changes));
	if (sorted == NULL || changes == NULL)
		return txn_no_memory(t, NULL);
	n = 0;
	txn_foreach(c, t, DP_KIND_GROUP) sorted[n++] = c;
	qsort(sorted, n, sizeof(*sorted), compare_groups);
	for (uint32_t i = 0; i < n; i++)
		changes[i] = (struct group_change){(uint32_t)sorted[i]->id, sorted[i]->body};
	for (uint32_t i = 0, end; i < n; i = end) {
		uint64_t bridge = sorted[i]->id >> 32;
		for (end = i + 1; end < n && sorted[end]->id >> 32 == bridge; end++)
			;
		if (bridge_ctl_prepare_groups(t->st->bridges[bridge], changes + i, end - i) < 0)
			return txn_no_memory(t, NULL);
	}
	return 0;
}

static int compare_groups(const void *a, const void *b)
{
	const struct change *x = *(const struct change *const *)a;
	const struct change *y = *(const struct change *const *)b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* Groups bridges by the patch ports of the final state, and once more with those of the state before. */
static void join_bridges(struct txn *t)
{
	for (unsigned int b = 0; b <= DP_MAX_BRIDGES; b++)
		t->joined[b] = (uint8_t)b;
	for (unsigned int p = 1; p < DP_MAX_PORTS; p++) {
		const struct dp_port_conf *conf = t->ports[p];
		if (conf == NULL || conf->kind != DP_PORT_PATCH)
			continue;
		const struct dp_port_conf *peer = t->ports[conf->peer];
		if (peer != NULL && peer->kind == DP_PORT_PATCH)
			join(t->joined, conf->bridge, peer->bridge);
	}
	memcpy(t->joined_or_were, t->joined, sizeof(t->joined));
	for (unsigned int b = 1; b <= DP_MAX_BRIDGES; b++)
		join(t->joined_or_were, b, t->st->joined[b]);
}

static uint8_t root_of(const uint8_t *joined, unsigned int b)
{
	while (joined[b] != b)
		b = joined[b];
	return (uint8_t)b;
}

static void join(uint8_t *joined, unsigned int a, unsigned int b)
{
	uint8_t root_a = root_of(joined, a), root_b = root_of(joined, b);

	// To the smaller, so that paths stay short enough: they only ever fall.
	if (root_a < root_b)
		joined[root_b] = root_a;
	else
		joined[root_a] = root_b;
}

static void touch_joined(struct txn *t)
{
	bool touched[DP_MAX_BRIDGES + 1] = {false};

	bridges_foreach(bc, t->st) touched[root_of(t->joined_or_were, bc->br.id)] |= bc->touched;
	bridges_foreach(bc, t->st) bc->touched = touched[root_of(t->joined_or_were, bc->br.id)];
}

/* A session is found by the fields that any bridge on its way looks at. */
static void join_masks(struct txn *t, const uint8_t *joined)
{
	struct flow_key *unions = t->st->mask_unions;

	memset(unions, 0, sizeof(t->st->mask_unions));
	bridges_foreach(bc, t->st)
	{
		const uint64_t *from = flow_key_words_const(&bc->next_mask_union);
		uint64_t *to = flow_key_words(&unions[root_of(joined, bc->br.id)]);
		for (unsigned int i = 0; i < FLOW_KEY_N_WORDS; i++)
			to[i] |= from[i];
	}
	bridges_foreach(bc, t->st) bc->joined_mask_union = unions[root_of(joined, bc->br.id)];
}
