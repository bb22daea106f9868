/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a transaction:
 *
 *   collect   ops → one net change per object; what is there already is no change
 *   check     references, uniqueness and limits of the final state
 *   prepare   allocate and link all that is new, with versions that no worker has reached
 *   commit    marks, snapshots, change_version; then dp->version: now it is visible
 *   (wait)    until every worker has begun a burst at the new version
 *   retire    unlink and free what was replaced
 *
 * Up to commit everything can be undone; from there on nothing can fail.
 */
#include "datapath/dp_state_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "datapath/base/clock.h"
#include "datapath/dp_validate.h"
#include "datapath/removed_rules.h"
#include "datapath/rule_stats.h"
#include "datapath/workers.h"

static const struct kind_ops *const kinds[DP_KIND__COUNT] = {
    [DP_KIND_BRIDGE] = &bridge_kind,
    [DP_KIND_PORT] = &port_kind,
    [DP_KIND_RULE] = &rule_kind,
    [DP_KIND_GROUP] = &group_kind,
    [DP_KIND_ROUTE] = &route_kind,
    [DP_KIND_LOCAL] = &local_kind,
    [DP_KIND_PEER] = &peer_kind,
};

static int commit(struct dp_state *st, const struct dp_txn *txn, const uint8_t *ops, size_t size,
    struct dp_error *error);
static void txn_free(struct txn *t);
static void forget_removed(struct txn *t);
static int collect(struct txn *t, const struct dp_txn *txn, const uint8_t *ops, size_t size);
static void collect_op(struct txn *t, const struct dp_op *op, uint32_t index);
static void collect_reset(struct txn *t);
static void forget_unchanged(struct txn *t);
static int check(struct txn *t);
static int check_counts(struct txn *t);
static int prepare(struct txn *t);
static int prepare_objects(struct txn *t);
static void undo(struct txn *t);
static void publish(struct txn *t);
static void store_objects(struct txn *t);
static void retire(struct txn *t);
static uint64_t object_hash(const struct dp_state *st, enum dp_kind kind, uint64_t id);
static struct change *find_change(const struct txn *t, enum dp_kind kind, uint64_t id);
static void destroy_objects(struct dp_state *st, enum dp_kind kind);

int dp_state_create(struct dp *dp)
{
	struct dp_state *st = calloc(1, sizeof(*st));
	AUTO(free) struct tunnel_cfg_input *no_tunnels = calloc(1, sizeof(*no_tunnels));
	if (st == NULL || no_tunnels == NULL) {
		free(st);
		return -ENOMEM;
	}
	st->dp = dp;
	hmap_init(&st->objects);
	hash_key_init(&st->key);
	for (unsigned int k = 0; k < DP_KIND__COUNT; k++)
		list_init(&st->tunnel_objects[k]);
	for (unsigned int b = 0; b <= DP_MAX_BRIDGES; b++)
		st->joined[b] = (uint8_t)b;
	st->stats = rule_stats_create(dp);
	st->removed = removed_rules_create();
	struct tunnel_cfg *tunnels = tunnel_cfg_create(no_tunnels);
	if (st->stats == NULL || st->removed == NULL || tunnels == NULL) {
		rule_stats_destroy(st->stats);
		removed_rules_destroy(st->removed);
		tunnel_cfg_destroy(tunnels);
		free(st);
		return -ENOMEM;
	}
	rcu_publish(dp->tunnels, tunnels);
	dp->state = st;
	return 0;
}

void dp_state_destroy(struct dp_state *st)
{
	if (st == NULL)
		return;
	dp_state_abort(st);
	// Bridges last: ports and rules are in them.
	for (unsigned int k = DP_KIND__COUNT - 1; k > 0; k--)
		destroy_objects(st, k);
	for (uint32_t i = 0; i < st->n_dead_ports; i++)
		port_destroy(st->dead_ports[i]);
	free(st->dead_ports);
	hmap_fini(&st->objects);
	tunnel_cfg_destroy(st->dp->tunnels);
	st->dp->tunnels = NULL;
	rule_stats_destroy(st->stats);
	removed_rules_destroy(st->removed);
	st->dp->state = NULL;
	free(st);
}

int dp_state_commit(struct dp_state *st, const struct dp_txn *txn, const uint8_t *ops, size_t size,
    struct dp_txn_reply *ret, struct dp_error *ret_error)
{
	int r = commit(st, txn, ops, size, ret_error);
	if (r < 0)
		return r;
	*ret = (struct dp_txn_reply){
	    .generation = st->generation, .digest = st->digest, .n_workers = st->dp->n_workers};
	return 0;
}

int state_commit_internal(struct dp_state *st, const uint8_t *ops, size_t size, uint32_t n_ops,
    struct dp_error *ret_error)
{
	struct dp_txn txn = {.generation = st->generation, .n_ops = n_ops};

	return commit(st, &txn, ops, size, ret_error);
}

uint64_t dp_state_generation(const struct dp_state *st)
{
	return st->generation;
}

uint64_t dp_state_digest(const struct dp_state *st)
{
	return st->digest;
}

size_t dp_state_n_objects(const struct dp_state *st)
{
	return st->objects.n;
}

size_t dp_state_n_of_kind(const struct dp_state *st, enum dp_kind kind)
{
	return st->n_of[kind];
}

void dp_state_foreach(
    const struct dp_state *st, void (*cb)(const struct dp_dump_entry *e, void *arg), void *arg)
{
	hmap_foreach (o, &st->objects, struct object, node) {
		struct dp_dump_entry e = {.kind = o->kind, .id = o->id, .digest = o->digest};
		cb(&e, arg);
	}
}

void dp_state_foreach_group(
    const struct dp_state *st, void (*cb)(const struct group *g, void *arg), void *arg)
{
	hmap_foreach (o, &st->objects, struct object, node) {
		if (o->kind == DP_KIND_GROUP)
			cb(o->body, arg);
	}
}

void dp_state_foreach_rule(const struct dp_state *st, uint32_t bridge,
    void (*cb)(const struct rule *r, void *arg), void *arg)
{
	hmap_foreach (o, &st->objects, struct object, node) {
		const struct rule *r = o->body;
		if (o->kind == DP_KIND_RULE && (bridge == 0 || r->bridge == bridge))
			cb(r, arg);
	}
}

const struct removed_rules *dp_state_removed(const struct dp_state *st)
{
	return st->removed;
}

const struct rule_stats *dp_state_rule_stats(const struct dp_state *st)
{
	return st->stats;
}

void dp_state_run(struct dp_state *st, uint64_t now_ms)
{
	for (unsigned int b = 1; b <= DP_MAX_BRIDGES; b++) {
		if (st->bridges[b] != NULL)
			fdb_age(st->bridges[b]->br.fdb, now_ms);
	}
	rule_stats_tick(st->stats, now_ms);
	state_free_dead_ports(st);
	rcu_run();
}

int txn_refuse(struct txn *t, const struct change *c, int errno_value, const char *fmt, ...)
{
	va_list ap;

	t->error->errno_value = errno_value;
	t->error->op_index = c != NULL ? c->index : DP_OP_NONE;
	va_start(ap, fmt);
	vsnprintf(t->error->what, sizeof(t->error->what), fmt, ap);
	va_end(ap);
	return -errno_value;
}

int txn_refuse_as_said(struct txn *t, uint32_t op_index, int errno_value)
{
	t->error->errno_value = errno_value;
	t->error->op_index = op_index;
	return -errno_value;
}

int txn_no_memory(struct txn *t, const struct change *c)
{
	return txn_refuse(t, c, ENOMEM, "out of memory");
}

bool txn_has(const struct txn *t, enum dp_kind kind, uint64_t id)
{
	const struct change *c = find_change(t, kind, id);

	return c != NULL ? c->op != NULL : state_find(t->st, kind, id) != NULL;
}

struct object *state_find(const struct dp_state *st, enum dp_kind kind, uint64_t id)
{
	hmap_foreach_with_hash (o, &st->objects, object_hash(st, kind, id), struct object, node) {
		if (o->kind == kind && o->id == id)
			return o;
	}
	return NULL;
}

static int commit(struct dp_state *st, const struct dp_txn *txn, const uint8_t *ops, size_t size,
    struct dp_error *error)
{
	struct txn *t;
	int r = txn_create(st, txn, ops, size, error, &t);
	if (r == 0)
		txn_apply(t, txn->generation);
	return r;
}

int txn_create(struct dp_state *st, const struct dp_txn *txn, const uint8_t *ops, size_t size,
    struct dp_error *error, struct txn **ret)
{
	struct txn *t = calloc(1, sizeof(*t));

	*error = (struct dp_error){.op_index = DP_OP_NONE};
	if (t == NULL) {
		error->errno_value = ENOMEM;
		return -ENOMEM;
	}
	*t = (struct txn){
	    .st = st, .error = error, .version = st->dp->version + 1, .now_ms = clock_ms()};
	for (unsigned int k = 0; k < DP_KIND__COUNT; k++)
		list_init(&t->of_kind[k]);
	hmap_init(&t->by_id);
	int r = st->prepared == NULL ? 0 : txn_refuse(t, NULL, EBUSY, "another is prepared");
	if (r == 0)
		r = collect(t, txn, ops, size);
	if (r == 0)
		r = check(t);
	if (r == 0)
		r = prepare(t);
	t->error = NULL; // from here on nothing is refused
	if (r == 0)
		*ret = t;
	else
		txn_free(t);
	return r;
}

void txn_apply(struct txn *t, uint64_t generation)
{
	publish(t);
	rcu_synchronize();
	retire(t);
	forget_removed(t);
	t->st->generation = generation;
	txn_free(t);
}

void txn_drop(struct txn *t)
{
	undo(t);
	txn_free(t);
}

static void txn_free(struct txn *t)
{
	rcu_run();
	hmap_fini(&t->by_id);
	free(t->changes);
	free(t);
}

/* Control knows of a rule's end, or has put it anew. */
static void forget_removed(struct txn *t)
{
	for (uint32_t i = 0; removed_rules_count(t->st->removed) > 0 && i < t->n_changes; i++)
		if (t->changes[i].kind == DP_KIND_RULE)
			removed_rules_del(t->st->removed, t->changes[i].id);
}

static int collect(struct txn *t, const struct dp_txn *txn, const uint8_t *ops, size_t size)
{
	bool reset = (txn->flags & DP_TXN_F_RESET) != 0;

	if ((txn->flags & ~(uint32_t)DP_TXN_F_RESET) != 0)
		return txn_refuse(t, NULL, EINVAL, "transaction: unknown flag");
	if (!reset && txn->generation < t->st->generation)
		return txn_refuse(t, NULL, ESTALE, "generation %llu is before %llu",
		    (unsigned long long)txn->generation, (unsigned long long)t->st->generation);
	if (txn->n_ops > STATE_MAX_OPS || txn->n_ops > size / sizeof(struct dp_op))
		return txn_refuse(t, NULL, EINVAL, "transaction: n_ops is more than there are");
	size_t max_changes = txn->n_ops + (reset ? t->st->objects.n : 0);
	t->changes = calloc(max_changes + 1, sizeof(*t->changes));
	if (t->changes == NULL)
		return txn_no_memory(t, NULL);

	for (uint32_t i = 0; i < txn->n_ops; i++) {
		const struct dp_op *op = (const struct dp_op *)ops;
		if (dp_validate_op(op, size, t->error->what) < 0)
			return txn_refuse_as_said(t, i, EINVAL);
		collect_op(t, op, i);
		ops += op->size;
		size -= op->size;
	}
	if (size != 0)
		return txn_refuse(t, NULL, EINVAL, "transaction: bytes behind the last op");
	if (reset)
		collect_reset(t);
	forget_unchanged(t);
	return 0;
}

/* The last op on an object counts. */
static void collect_op(struct txn *t, const struct dp_op *op, uint32_t index)
{
	struct change *c = find_change(t, op->kind, op->id);

	if (c == NULL) {
		c = &t->changes[t->n_changes++];
		c->kind = op->kind;
		c->id = op->id;
		c->old = state_find(t->st, op->kind, op->id);
		c->old_body = c->old != NULL ? c->old->body : NULL;
		hmap_add(&t->by_id, &c->node, object_hash(t->st, op->kind, op->id));
	}
	c->index = index;
	c->op = op->verb == DP_PUT ? op : NULL;
	c->digest = op->verb == DP_PUT ? hash_stable(op, op->size) : 0;
}

static void collect_reset(struct txn *t)
{
	hmap_foreach (o, &t->st->objects, struct object, node) {
		if (find_change(t, o->kind, o->id) != NULL)
			continue;
		struct change *c = &t->changes[t->n_changes++];
		*c = (struct change){
		    .kind = (uint16_t)o->kind, .id = o->id, .old = o, .old_body = o->body};
		hmap_add(&t->by_id, &c->node, o->node.hash);
	}
}

/* Lists the others by kind. */
static void forget_unchanged(struct txn *t)
{
	for (uint32_t i = 0; i < t->n_changes; i++) {
		struct change *c = &t->changes[i];
		bool unchanged =
		    c->op == NULL ? c->old == NULL : c->old != NULL && c->old->digest == c->digest;
		if (unchanged)
			hmap_del(&t->by_id, &c->node);
		else
			list_add(&t->of_kind[c->kind], &c->of_kind);
	}
}

static int check(struct txn *t)
{
	// Bridges last: they look at what the others leave on them.
	static const enum dp_kind order[] = {DP_KIND_PORT, DP_KIND_RULE, DP_KIND_GROUP,
	    DP_KIND_ROUTE, DP_KIND_LOCAL, DP_KIND_PEER, DP_KIND_BRIDGE};

	int r = check_counts(t);
	for (unsigned int p = 1; p < DP_MAX_PORTS; p++)
		t->ports[p] = t->st->ports[p] != NULL ? &t->st->ports[p]->conf : NULL;
	for (unsigned int i = 0; r == 0 && i < ARRAY_SIZE(order); i++) {
		if (kinds[order[i]]->check != NULL)
			r = kinds[order[i]]->check(t);
	}
	return r;
}

static int check_counts(struct txn *t)
{
	for (unsigned int k = 1; k < DP_KIND__COUNT; k++) {
		const struct change *last = NULL;
		t->n_of[k] = t->st->n_of[k];
		txn_foreach(c, t, k)
		{
			t->n_of[k] += (uint32_t)((c->op != NULL) - (c->old != NULL));
			last = c;
		}
		if (t->n_of[k] > kinds[k]->max)
			return txn_refuse(t, last, ENOSPC, "more than %u objects of kind %s",
			    kinds[k]->max, kinds[k]->name);
	}
	return 0;
}

static int prepare(struct txn *t)
{
	int r = prepare_objects(t);
	if (r == 0)
		r = txn_prepare_tunnels(t);
	if (r == 0)
		r = txn_prepare_bridges(t);
	if (r < 0)
		undo(t);
	return r;
}

/* Ports after what can fail more cheaply: opening and closing a device can be noticed outside. */
static int prepare_objects(struct txn *t)
{
	static const enum dp_kind order[] = {DP_KIND_BRIDGE, DP_KIND_GROUP, DP_KIND_RULE,
	    DP_KIND_ROUTE, DP_KIND_LOCAL, DP_KIND_PEER, DP_KIND_PORT};

	for (unsigned int i = 0; i < ARRAY_SIZE(order); i++) {
		txn_foreach(c, t, order[i])
		{
			c->object = c->old;
			if (c->op != NULL && c->old == NULL)
				c->object = malloc(sizeof(*c->object));
			if (c->op != NULL && c->object == NULL)
				return txn_no_memory(t, c);
			int r = kinds[order[i]]->prepare(t, c);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static void undo(struct txn *t)
{
	// Bridges last: rules are unlinked from their tables.
	for (unsigned int k = DP_KIND__COUNT - 1; k > 0; k--) {
		txn_foreach(c, t, k)
		{
			kinds[k]->undo(t, c);
			if (c->old == NULL)
				free(c->object);
		}
	}
	txn_abort_bridges(t);
	tunnel_cfg_destroy(t->tunnels);
}

static void publish(struct txn *t)
{
	struct dp *dp = t->st->dp;

	for (unsigned int k = 1; k < DP_KIND__COUNT; k++) {
		txn_foreach(c, t, k)
		{
			if (kinds[k]->commit != NULL)
				kinds[k]->commit(t, c);
		}
	}
	txn_commit_bridges(t);
	if (t->tunnels != NULL) {
		struct tunnel_cfg *old = dp->tunnels;
		rcu_publish(dp->tunnels, t->tunnels);
		rcu_defer(tunnel_cfg_destroy, old);
	}
	// Release: a worker that reads this version sees all of the above. Pairs with the start of a burst.
	__atomic_store_n(&dp->version, t->version, __ATOMIC_RELEASE);
	if (t->workers_changed)
		t->workers_stayed = workers_assign(dp) < 0;
	store_objects(t);
}

static void store_objects(struct txn *t)
{
	struct dp_state *st = t->st;

	for (unsigned int k = 1; k < DP_KIND__COUNT; k++) {
		txn_foreach(c, t, k)
		{
			if (c->old != NULL)
				st->digest ^= c->old->digest;
			if (c->op == NULL) {
				hmap_del(&st->objects, &c->old->node);
				free(c->old);
				continue;
			}
			st->digest ^= c->digest;
			if (c->old == NULL) {
				*c->object = (struct object){.id = c->id, .kind = k};
				hmap_add(&st->objects, &c->object->node, c->node.hash);
			}
			c->object->digest = c->digest;
			c->object->body = c->body;
		}
		st->n_of[k] = t->n_of[k];
	}
}

static void retire(struct txn *t)
{
	for (unsigned int k = DP_KIND__COUNT - 1; k > 0; k--) {
		txn_foreach(c, t, k) kinds[k]->retire(t, c);
		if (k == DP_KIND_BRIDGE + 1)
			txn_retire_bridges(t); // before bridges themselves go
	}
}

static uint64_t object_hash(const struct dp_state *st, enum dp_kind kind, uint64_t id)
{
	uint64_t key[2] = {kind, id};

	return hash_bytes(&st->key, key, sizeof(key));
}

static struct change *find_change(const struct txn *t, enum dp_kind kind, uint64_t id)
{
	hmap_foreach_with_hash (c, &t->by_id, object_hash(t->st, kind, id), struct change, node) {
		if (c->kind == kind && c->id == id)
			return c;
	}
	return NULL;
}

static void destroy_objects(struct dp_state *st, enum dp_kind kind)
{
	hmap_foreach_safe (o, &st->objects, struct object, node) {
		if (o->kind != kind)
			continue;
		kinds[kind]->destroy(st, o->body);
		hmap_del(&st->objects, &o->node);
		free(o);
	}
}
