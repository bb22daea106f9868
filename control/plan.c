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

#include "control/flow_text.h"
#include "control/model_priv.h"

struct swap {
	struct entity *old_e, *new_e; // NULL: created, deleted
	uint32_t op;
};

/* What the transaction touches; once by table and name. */
struct dirty {
	struct hmap_node node;
	int table;
	char name[65];
	size_t swap; // number of its swap, or NO_SWAP: only to be compiled again
};

enum { NO_SWAP = -1 };

struct model_plan {
	struct model *m;
	uint64_t base_version;
	struct swap *swaps;
	size_t n_swaps, swaps_capacity;
	struct hmap dirty;
	struct unit **old_units, **new_units;
	size_t n_units;
	struct err_list *errs;
	struct flow_rule flow_rule;
	struct buf_writer ops;
	uint32_t n_ops;
};

static const struct table_ops *const table_ops[API_TABLE__COUNT] = {
    [API_TABLE_NETWORK] = &network_ops,
    [API_TABLE_PORT] = &port_ops,
    [API_TABLE_TUNNEL_PEER] = &peer_ops,
    [API_TABLE_BRIDGE] = &bridge_ops,
    [API_TABLE_FLOW] = &flow_ops,
    [API_TABLE_GROUP] = &group_ops,
};

static void swap_in(struct model_plan *p, const struct api_change *c);
static struct dirty *get_dirty(struct model_plan *p, int table, const char *name);
static void choose_numbers(struct model_plan *p);
static void touch_all(struct model_plan *p, uint16_t old_mtu, bool had_networks, bool had_peers);
static void check_all(struct model_plan *p);
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
	choose_numbers(p);
	touch_all(p, old_mtu, had_networks, had_peers);
	check_all(p);
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

static struct entity *decode(
    struct model_plan *p, const struct api_object *object, uint32_t op)
{
	struct entity *e = entity_create(p->m, object, op);
	size_t n_errs = p->errs->n_total;

	table_ops[e->table]->decode(p, e);
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

/* Lowest free number of a kind of key; from is where the last search of this transaction ended. */
static uint32_t free_number(
    const struct model *m, enum key_kind kind, const char *name, uint32_t from, uint32_t max)
{
	struct key_buf kb;

	for (uint32_t n = from; n <= max; n++) {
		if (model_provider(m, key_make(&kb, kind, name, &n, sizeof(n))) == NULL)
			return n;
	}
	return 0;
}

/* The number to keep: what the entity was before, or what its stored object says, when nobody else has it. */
static uint32_t kept_number(
    const struct model *m, enum key_kind kind, const char *name, uint32_t was, uint32_t stored)
{
	struct key_buf kb;

	if (was != 0 && model_provider(m, key_make(&kb, kind, name, &was, sizeof(was))) == NULL)
		return was;
	if (stored != 0 &&
	    model_provider(m, key_make(&kb, kind, name, &stored, sizeof(stored))) == NULL)
		return stored;
	return 0;
}

static void choose_id(struct model_plan *p, struct entity *e, enum key_kind kind, uint32_t was,
    uint32_t max, uint32_t *from, uint32_t *ret)
{
	struct key_buf kb;
	uint64_t stored = member_u64(e->data, "_id", 0);
	uint32_t id = kept_number(p->m, kind, "", was, stored <= max ? (uint32_t)stored : 0);

	if (id == 0)
		id = *from = free_number(p->m, kind, "", *from, max);
	if (id == 0) {
		err_set(plan_error(p, e), ERR_TABLE_FULL, "all %u numbers are taken", max);
		return;
	}
	*ret = id;
	entity_provide(p->m, e, key_make(&kb, kind, "", &id, sizeof(id)), "", -1, true);
	json_object_set_new(e->data, "_id", json_integer(id));
}

static void choose_ofport(struct model_plan *p, struct entity *e, const struct entity *old_e)
{
	struct key_buf kb;
	struct port_conf *port = &e->port;

	if (port->bridge == NULL || port->ofport != 0 || port->kind == PK_REMOTE)
		return;
	bool stays = old_e != NULL && !old_e->broken && old_e->port.bridge != NULL &&
		     strcmp(old_e->port.bridge, port->bridge) == 0;
	uint32_t n = kept_number(p->m, KEY_OFPORT, port->bridge, stays ? old_e->port.ofport : 0, 0);
	if (n == 0)
		n = free_number(p->m, KEY_OFPORT, port->bridge, 1, NET_VXLAN_OFPORT - 1);
	port->ofport = n;
	entity_provide(
	    p->m, e, key_make(&kb, KEY_OFPORT, port->bridge, &n, sizeof(n)), "/ofport", -1, true);
	json_object_set_new(e->data, "ofport", json_integer(n));
}

/* After all swaps, so that no number is taken that an object of the same transaction asks for by itself. */
static void choose_numbers(struct model_plan *p)
{
	uint32_t next_port = 1, next_bridge = 1;

	for (size_t pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < p->n_swaps; i++) {
			struct entity *e = p->swaps[i].new_e;
			const struct entity *old_e = p->swaps[i].old_e;
			bool has_old = old_e != NULL && !old_e->broken;
			if (e == NULL || e->broken)
				continue;
			// First those that have a number already, so that it is not given away.
			if ((has_old || json_object_get(e->data, "_id") != NULL) != (pass == 0))
				continue;
			if (e->table == API_TABLE_BRIDGE)
				choose_id(p, e, KEY_BRIDGE_ID, has_old ? old_e->bridge_id : 0,
				    NET_BRIDGE_ID - 1, &next_bridge, &e->bridge_id);
			if (e->table != API_TABLE_PORT)
				continue;
			if (e->port.kind != PK_REMOTE)
				choose_id(p, e, KEY_PORT_ID, has_old ? old_e->port.id : 0,
				    NET_VXLAN_PORT_ID - 1, &next_port, &e->port.id);
			choose_ofport(p, e, has_old ? old_e : NULL);
		}
	}
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
		if (i < n && e != NULL && table_ops[e->table]->touch != NULL &&
		    (s.new_e == NULL || !s.new_e->broken))
			table_ops[e->table]->touch(p, s.old_e, s.new_e);
	}
	if (had_networks != has_networks(p->m) || had_peers != has_peers(p->m))
		plan_dirty(p, TABLE_GLOBAL, NET_BRIDGE_NAME);
	if (old_mtu != model_default_mtu(p->m))
		dirty_ports(p);
}

static const struct {
	enum err_code code;
	const char *what; // of the object that has it already
} conflicts[] = {
    [KEY_OBJECT] = {ERR_INTERNAL, "the name is taken by %s"},
    [KEY_VNI] = {ERR_CONFLICT, "the VNI is that of %s"},
    [KEY_MAC] = {ERR_CONFLICT, "the MAC address is that of %s in the same network"},
    [KEY_IP] = {ERR_CONFLICT, "the address is that of %s in the same network"},
    [KEY_REMOTE] = {ERR_CONFLICT, "the tunnel address is that of %s"},
    [KEY_OFPORT] = {ERR_CONFLICT, "the port number is that of %s on the same bridge"},
    [KEY_PORT_ID] = {ERR_INTERNAL, "the number is that of %s"},
    [KEY_BRIDGE_ID] = {ERR_INTERNAL, "the number is that of %s"},
    [KEY_GROUP] = {ERR_EXISTS, "the group id is that of %s on the same bridge"},
    [KEY_RULE] = {ERR_EXISTS, "%s has the same match and priority in the same table"},
    [KEY_DEVICE] = {ERR_CONFLICT, "the socket or device is that of %s"},
};

static void set_key_path(struct err *err, const struct key *k)
{
	if (k->index >= 0)
		err_path(err, "%s/%d", k->path, k->index);
	else
		err_path(err, "%s", k->path);
}

static void describe(const struct entity *e, char buf[100])
{
	snprintf(buf, 100, "%s \"%s\"", api_tables[e->table].name, e->name);
}

static void check_conflict(struct model_plan *p, const struct entity *e, const struct key *k)
{
	list_foreach (other, &k->anchor->providers, struct key, link) {
		char who[100];
		if (other->entity == e || other->entity->seq > e->seq)
			continue;
		struct err *err = plan_error(p, e);
		describe(other->entity, who);
		set_key_path(err, k);
		err_set(err, conflicts[k->anchor->kind].code, conflicts[k->anchor->kind].what, who);
		return;
	}
}

static void check_reference(struct model_plan *p, const struct entity *e, const struct key *k)
{
	const char *name = (const char *)k->anchor->bytes;

	if (!list_is_empty(&k->anchor->providers))
		return;
	struct err *err = plan_error(p, e);
	set_key_path(err, k);
	if (k->anchor->kind != KEY_OBJECT) {
		uint32_t id;
		memcpy(&id, name + strlen(name) + 1, sizeof(id));
		err_set(err, ERR_DANGLING, "bridge \"%s\" has no group %u", name, id);
		return;
	}
	err_set(err, ERR_DANGLING, "there is no %s \"%s\"",
	    api_tables[k->anchor->bytes[k->anchor->size - 1]].name, name);
}

/* What e was to others is not provided any more: is it still needed? */
static void check_gone(struct model_plan *p, const struct swap *s)
{
	for (const struct key *k = s->old_e->provides; k != NULL; k = k->next) {
		char who[100];
		size_t n = 0;
		if (!list_is_empty(&k->anchor->providers) || list_is_empty(&k->anchor->users))
			continue;
		list_foreach (user, &k->anchor->users, struct key, link) {
			if (n++ == 0)
				describe(user->entity, who);
		}
		struct err *err = err_list_add(p->errs, s->op);
		err_object(err, "%s/%s", api_tables[s->old_e->table].name, s->old_e->name);
		if (n == 1)
			err_set(err, ERR_DANGLING, "it is used by %s", who);
		else
			err_set(err, ERR_DANGLING, "it is used by %s and %zu more", who, n - 1);
		err_hint(err, "delete what uses it first, or in the same transaction");
	}
}

static void check_entity(struct model_plan *p, const struct entity *e)
{
	size_t n_errs = p->errs->n_total;

	for (const struct key *k = e->needs; k != NULL; k = k->next)
		check_reference(p, e, k);
	for (const struct key *k = e->provides; k != NULL; k = k->next)
		check_conflict(p, e, k);
	if (p->errs->n_total == n_errs && table_ops[e->table]->check != NULL)
		table_ops[e->table]->check(p, e);
}

static void check_all(struct model_plan *p)
{
	// Groups and flows are resolved when all ports and bridges are known, and before anybody is checked.
	memset(p->m->recent_ports, 0, sizeof(p->m->recent_ports));
	for (size_t i = 0; i < p->n_swaps; i++) {
		struct entity *e = p->swaps[i].new_e;
		if (e != NULL && !e->broken && table_ops[e->table]->resolve != NULL) {
			size_t n_errs = p->errs->n_total;
			table_ops[e->table]->resolve(p, e);
			e->broken = p->errs->n_total != n_errs;
		}
	}
	for (size_t i = 0; i < p->n_swaps; i++) {
		const struct entity *e = p->swaps[i].new_e;
		if (e != NULL && !e->broken)
			check_entity(p, e);
		if (p->swaps[i].old_e != NULL && e == NULL)
			check_gone(p, &p->swaps[i]);
		else if (p->swaps[i].old_e != NULL && p->swaps[i].old_e->table == API_TABLE_GROUP)
			check_gone(p, &p->swaps[i]);
	}
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
	struct entity *e = d->swap != (size_t)NO_SWAP
			       ? p->swaps[d->swap].new_e
			       : model_entity(p->m, (enum api_table)table, name);
	if (e == NULL) {
		unit_destroy(u);
		return NULL;
	}
	table_ops[table]->compile(p->m, e, u);
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
