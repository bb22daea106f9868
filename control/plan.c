/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans: a transaction against the model, checked and compiled, then undone until it is committed.
 *
 * The changed entities are swapped in one after another; then everything is checked on the state as it would be; then
 * dirty units are compiled and swapped in, and compared with the old ones. Doing and undoing are the same swaps in
 * opposite order, so a refused or tried transaction leaves nothing behind, and a commit costs no work twice.
 */
#include "control/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/plan_priv.h"

const struct table_ops *const plan_table_ops[API_TABLE__COUNT] = {
    [API_TABLE_NETWORK] = &network_ops,
    [API_TABLE_PORT] = &port_ops,
    [API_TABLE_TUNNEL_PEER] = &peer_ops,
    [API_TABLE_BRIDGE] = &bridge_ops,
    [API_TABLE_FLOW] = &flow_ops,
    [API_TABLE_GROUP] = &group_ops,
};

static void swap_in(struct model_plan *p, const struct api_change *c);
static struct dirty *get_dirty(struct model_plan *p, int table, const char *name);
static void touch_all(struct model_plan *p, uint16_t old_mtu, bool had_networks, bool had_peers);
static void compile_all(struct model_plan *p);
static void toggle_entities(struct model_plan *p, bool forward);
static void toggle_units(struct model_plan *p, bool forward);
static void plan_destroy(struct model_plan *p, bool committed);

struct err *err_list_add(struct err_list *l, uint32_t op)
{
	static struct err scratch;
	struct err *e = l->n < ARRAY_SIZE(l->errs) ? &l->errs[l->n] : &scratch;

	if (e != &scratch)
		l->ops[l->n++] = op;
	l->n_total++;
	memset(e, 0, sizeof(*e));
	return e;
}

static bool has_networks(const struct model *m)
{
	return m->n_entities[API_TABLE_NETWORK] > 0;
}

static bool has_peers(const struct model *m)
{
	return m->n_entities[API_TABLE_TUNNEL_PEER] > 0;
}

struct model_plan *model_plan(
    struct model *m, const struct api_change *changes, size_t n, struct err_list *errs)
{
	struct model_plan *p = mem_alloc(sizeof(*p));
	uint16_t old_mtu = model_default_mtu(m);
	bool had_networks = has_networks(m), had_peers = has_peers(m);
	size_t n_errs = errs->n_total;

	p->m = m;
	p->base_version = m->version;
	p->errs = errs;
	hmap_init(&p->dirty);
	flow_rule_init(&p->flow_rule);
	buf_writer_init(&p->ops, DP_BODY_MAX);
	for (size_t i = 0; i < n; i++)
		swap_in(p, &changes[i]);
	plan_choose_numbers(p);
	touch_all(p, old_mtu, had_networks, had_peers);
	plan_check(p);
	if (errs->n_total != n_errs) {
		toggle_entities(p, false);
		plan_destroy(p, false);
		return NULL;
	}
	compile_all(p);
	p->n_ops = units_diff(m, p->old_units, p->new_units, p->n_units, &p->ops);
	toggle_units(p, false);
	toggle_entities(p, false);
	return p;
}

const struct buf_writer *model_plan_ops(const struct model_plan *plan, uint32_t *ret_n_ops)
{
	*ret_n_ops = plan->n_ops;
	return &plan->ops;
}

void model_commit(struct model *m, struct model_plan *plan)
{
	assert(plan->m == m && plan->base_version == m->version);
	toggle_entities(plan, true);
	toggle_units(plan, true);
	m->version++;
	plan_destroy(plan, true);
}

void model_discard(struct model_plan *plan)
{
	if (plan != NULL)
		plan_destroy(plan, false);
}

struct model *plan_model(const struct model_plan *p)
{
	return p->m;
}

struct flow_rule *plan_flow_rule(struct model_plan *p)
{
	return &p->flow_rule;
}

struct err *plan_error(struct model_plan *p, const struct entity *e)
{
	struct err *err = err_list_add(p->errs, e->op);

	err_object(err, "%s/%s", api_tables[e->table].name, e->name);
	return err;
}

static struct entity *decode(struct model_plan *p, const struct api_object *object, uint32_t op)
{
	struct entity *e = entity_create(p->m, object, op);
	size_t n_errs = p->errs->n_total;

	plan_table_ops[e->table]->decode(p, e);
	e->broken = p->errs->n_total != n_errs;
	return e;
}

/* An object that changes twice in a transaction keeps one swap, from what it was to what it becomes. */
static void add_swap(
    struct model_plan *p, enum api_table table, const char *name, struct entity *new_e, uint32_t op)
{
	struct dirty *d = get_dirty(p, table, name);

	if (d->swap == (size_t)NO_SWAP) {
		p->swaps = mem_grow(p->swaps, p->n_swaps, &p->swaps_capacity, sizeof(struct swap));
		d->swap = p->n_swaps++;
		struct entity *old_e = model_entity(p->m, table, name);
		p->swaps[d->swap] = (struct swap){old_e, new_e, op};
		if (old_e != NULL)
			model_unindex(p->m, old_e);
	} else {
		struct swap *s = &p->swaps[d->swap];
		if (s->new_e != NULL)
			model_unindex(p->m, s->new_e);
		entity_destroy(p->m, s->new_e);
		s->new_e = new_e;
		s->op = op;
	}
	if (new_e != NULL)
		model_index(p->m, new_e);
}

static void swap_in(struct model_plan *p, const struct api_change *c)
{
	struct entity *new_e = NULL;

	if (c->new_object != NULL)
		new_e = decode(p, c->new_object, c->op);
	add_swap(p, c->table, c->name, new_e, c->op);
}

void plan_remake(struct model_plan *p, struct entity *e, uint32_t op)
{
	struct entity *new_e = decode(p, e->object, op);

	add_swap(p, new_e->table, new_e->name, new_e, op);
}

static uint64_t dirty_hash(const struct model_plan *p, int table, const char *name)
{
	return hash_string(&p->m->secret, name) + (uint64_t)table;
}

static struct dirty *get_dirty(struct model_plan *p, int table, const char *name)
{
	uint64_t hash = dirty_hash(p, table, name);

	hmap_foreach_with_hash (found, &p->dirty, hash, struct dirty, node) {
		if (found->table == table && strcmp(found->name, name) == 0)
			return found;
	}
	struct dirty *d = mem_alloc(sizeof(*d));
	d->table = table;
	d->swap = (size_t)NO_SWAP;
	memcpy(d->name, name, strnlen(name, sizeof(d->name) - 1));
	hmap_add(&p->dirty, &d->node, hash);
	return d;
}

void plan_dirty(struct model_plan *p, int table, const char *name)
{
	get_dirty(p, table, name);
}

/* Ports take their default MTU from the underlay. */
static void dirty_ports(struct model_plan *p)
{
	hmap_foreach (u, &p->m->units[API_TABLE_PORT], struct unit, node)
		plan_dirty(p, API_TABLE_PORT, unit_name(u));
}

static void touch_all(struct model_plan *p, uint16_t old_mtu, bool had_networks, bool had_peers)
{
	size_t n = p->n_swaps; // remade entities come behind; they are touched too

	for (size_t i = 0; i < p->n_swaps; i++) {
		struct swap s = p->swaps[i];
		const struct entity *e = s.new_e != NULL ? s.new_e : s.old_e;
		if (i < n && e != NULL && plan_table_ops[e->table]->touch != NULL &&
		    (s.new_e == NULL || !s.new_e->broken))
			plan_table_ops[e->table]->touch(p, s.old_e, s.new_e);
	}
	if (had_networks != has_networks(p->m) || had_peers != has_peers(p->m))
		plan_dirty(p, TABLE_GLOBAL, NET_BRIDGE_NAME);
	if (old_mtu != model_default_mtu(p->m))
		dirty_ports(p);
}

static struct unit *compile(struct model_plan *p, const struct dirty *d)
{
	int table = d->table;
	const char *name = d->name;
	struct unit *u = unit_create(table, name);

	if (table == TABLE_GLOBAL) {
		net_global_compile(p->m, u);
		return u;
	}
	if (table == TABLE_OPENFLOW) { // its bridge goes
		unit_destroy(u);
		return NULL;
	}
	struct entity *e = d->swap != (size_t)NO_SWAP
			       ? p->swaps[d->swap].new_e
			       : model_entity(p->m, (enum api_table)table, name);
	if (e == NULL) {
		unit_destroy(u);
		return NULL;
	}
	plan_table_ops[table]->compile(p->m, e, u);
	return u;
}

static void compile_all(struct model_plan *p)
{
	p->old_units = mem_alloc((p->dirty.n + 1) * sizeof(struct unit *));
	p->new_units = mem_alloc((p->dirty.n + 1) * sizeof(struct unit *));
	hmap_foreach (d, &p->dirty, struct dirty, node) {
		p->old_units[p->n_units] = model_unit(p->m, d->table, d->name);
		p->new_units[p->n_units++] = compile(p, d);
	}
	toggle_units(p, true);
}

static void toggle_entities(struct model_plan *p, bool forward)
{
	for (size_t i = 0; i < p->n_swaps; i++) {
		const struct swap *s = &p->swaps[forward ? i : p->n_swaps - 1 - i];
		struct entity *out = forward ? s->old_e : s->new_e,
			      *in = forward ? s->new_e : s->old_e;
		if (out != NULL)
			model_unindex(p->m, out);
		if (in != NULL)
			model_index(p->m, in);
	}
}

static void toggle_units(struct model_plan *p, bool forward)
{
	for (size_t i = 0; i < p->n_units; i++)
		model_del_unit(p->m, forward ? p->old_units[i] : p->new_units[i]);
	for (size_t i = 0; i < p->n_units; i++)
		model_add_unit(p->m, forward ? p->new_units[i] : p->old_units[i]);
}

static void plan_destroy(struct model_plan *p, bool committed)
{
	for (size_t i = 0; i < p->n_swaps; i++)
		entity_destroy(p->m, committed ? p->swaps[i].old_e : p->swaps[i].new_e);
	for (size_t i = 0; i < p->n_units; i++)
		unit_destroy(committed ? p->old_units[i] : p->new_units[i]);
	hmap_foreach_safe (d, &p->dirty, struct dirty, node)
		free(d);
	hmap_fini(&p->dirty);
	flow_rule_fini(&p->flow_rule);
	buf_writer_fini(&p->ops);
	free(p->old_units);
	free(p->new_units);
	free(p->swaps);
	free(p);
}

/*
 * The underlay is not part of transactions: what the kernel says is true at once. Its routes are one unit; when the
 * default MTU moved, ports are compiled again.
 */
uint32_t model_put_underlay(struct model *m, const struct dp_route_conf *routes, size_t n_routes,
    const struct dp_local_conf *locals, size_t n_locals, struct buf_writer *ops)
{
	struct err_list errs = {0};
	struct model_plan p = {.m = m, .errs = &errs};
	struct unit *routes_unit = unit_create(TABLE_UNDERLAY, "underlay");

	for (size_t i = 0; i < n_locals; i++)
		unit_emit(routes_unit, DP_KIND_LOCAL, hash_stable(&locals[i], sizeof(locals[i])),
		    &locals[i], sizeof(locals[i]));
	for (size_t i = 0; i < n_routes; i++)
		unit_emit(routes_unit, DP_KIND_ROUTE,
		    hash_stable(&routes[i].remote, sizeof(routes[i].remote)), &routes[i],
		    sizeof(routes[i]));
	hmap_init(&p.dirty);
	if (m->compiled_mtu != m->underlay.mtu)
		dirty_ports(&p);
	m->compiled_mtu = m->underlay.mtu;
	p.old_units = mem_alloc((p.dirty.n + 1) * sizeof(struct unit *));
	p.new_units = mem_alloc((p.dirty.n + 1) * sizeof(struct unit *));
	hmap_foreach_safe (d, &p.dirty, struct dirty, node) {
		p.old_units[p.n_units] = model_unit(m, d->table, d->name);
		p.new_units[p.n_units++] = compile(&p, d);
		free(d);
	}
	hmap_fini(&p.dirty);
	p.old_units[p.n_units] = model_unit(m, TABLE_UNDERLAY, "underlay");
	p.new_units[p.n_units++] = routes_unit;
	toggle_units(&p, true);
	uint32_t n_ops = units_diff(m, p.old_units, p.new_units, p.n_units, ops);
	for (size_t i = 0; i < p.n_units; i++)
		unit_destroy(p.old_units[i]);
	free(p.old_units);
	free(p.new_units);
	m->version++;
	return n_ops;
}
