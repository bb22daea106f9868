/* SPDX-License-Identifier: Apache-2.0 */
/* Units: what entities compile to, and the difference between two compilations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/model_priv.h"

static struct dp_obj *find_obj(
    const struct model *m, uint64_t hash, unsigned int kind, uint64_t id);
static struct dp_obj *make_obj(
    struct unit *u, enum dp_kind kind, uint64_t id, const void *body, size_t size);
static void append(struct unit *u, struct dp_obj *o);
static void grow(struct unit *u);
static void enter(struct model *m, struct dp_obj *o);
static void leave(struct model *m, struct dp_obj *o);

struct unit *unit_create(int table, const char *name)
{
	bool is_openflow = table == TABLE_OPENFLOW;
	bool is_bare = table == API_TABLE_FLOW || (table >= API_TABLE__COUNT && !is_openflow);
	const char *prefix = is_bare ? "" : is_openflow ? "openflow" : api_tables[table].name;
	size_t name_offset = is_bare ? 0 : strlen(prefix) + 1, name_size = strnlen(name, 64) + 1;
	struct unit *u = mem_alloc(sizeof(*u) + name_offset + name_size);

	u->table = (uint16_t)table;
	u->name_offset = (uint16_t)name_offset;
	if (!is_bare)
		snprintf(u->label, name_offset + 1, "%s/", prefix);
	memcpy(u->label + name_offset, name, name_size - 1);
	u->objs = &u->one;
	u->capacity = 1;
	return u;
}

const char *unit_name(const struct unit *u)
{
	return u->label + u->name_offset;
}

void unit_destroy(struct unit *u)
{
	if (u == NULL)
		return;
	for (size_t i = 0; i < u->n; i++)
		free(u->objs[i]);
	if (u->objs != &u->one)
		free(u->objs);
	free(u);
}

struct unit *model_unit(const struct model *m, int table, const char *name)
{
	uint64_t hash = hash_string(&m->secret, name);

	hmap_foreach_with_hash (u, &m->units[table], hash, struct unit, node) {
		if (strcmp(unit_name(u), name) == 0)
			return u;
	}
	return NULL;
}

static uint64_t obj_hash(const struct model *m, unsigned int kind, uint64_t id)
{
	uint64_t words[2] = {kind, id};

	return hash_bytes(&m->secret, words, sizeof(words));
}

struct dp_obj *model_obj(const struct model *m, enum dp_kind kind, uint64_t id)
{
	return find_obj(m, obj_hash(m, kind, id), kind, id);
}

static struct dp_obj *find_obj(const struct model *m, uint64_t hash, unsigned int kind, uint64_t id)
{
	hmap_foreach_with_hash (o, &m->objs, hash, struct dp_obj, node) {
		if (o->op.kind == kind && o->op.id == id)
			return o;
	}
	return NULL;
}

/*
 * Rule ids are hashes of what the rule matches, so two rules may collide. The later moves on to the next free
 * number; once found the number stays with the object, also when its unit leaves the model and returns.
 */
static void settle(struct model *m, struct dp_obj *o)
{
	/* The hash is right as long as there is a digest. */
	if (o->digest == 0)
		o->node.hash = obj_hash(m, o->op.kind, o->op.id);
	while (find_obj(m, o->node.hash, o->op.kind, o->op.id) != NULL) {
		assert(o->op.kind == DP_KIND_RULE);
		o->op.id++;
		o->digest = 0;
		o->node.hash = obj_hash(m, o->op.kind, o->op.id);
	}
	if (o->digest == 0)
		o->digest = hash_stable(&o->op, o->op.size);
}

void model_add_unit(struct model *m, struct unit *u)
{
	if (u == NULL)
		return;
	if (!u->is_hashed)
		u->node.hash = hash_string(&m->secret, unit_name(u));
	u->is_hashed = true;
	hmap_add(&m->units[u->table], &u->node, u->node.hash);
	for (size_t i = 0; i < u->n; i++) {
		settle(m, u->objs[i]);
		enter(m, u->objs[i]);
	}
}

static void enter(struct model *m, struct dp_obj *o)
{
	hmap_add(&m->objs, &o->node, o->node.hash);
	m->digest ^= o->digest;
}

static void leave(struct model *m, struct dp_obj *o)
{
	hmap_del(&m->objs, &o->node);
	m->digest ^= o->digest;
}

void model_del_unit(struct model *m, struct unit *u)
{
	if (u == NULL)
		return;
	hmap_del(&m->units[u->table], &u->node);
	for (size_t i = 0; i < u->n; i++)
		leave(m, u->objs[i]);
}

struct dp_obj *unit_put(
    struct model *m, struct unit *u, enum dp_kind kind, uint64_t id, const void *body, size_t size)
{
	struct dp_obj *old = model_obj(m, kind, id), *o = make_obj(u, kind, id, body, size);

	if (old != NULL)
		unit_del(m, old);
	append(u, o);
	settle(m, o);
	enter(m, o);
	return o;
}

void unit_del(struct model *m, struct dp_obj *o)
{
	struct unit *u = (struct unit *)o->unit; // whose object it is
	struct dp_obj *last = u->objs[--u->n];

	leave(m, o);
	u->objs[o->slot] = last;
	last->slot = o->slot;
	free(o);
}

void unit_emit(struct unit *u, enum dp_kind kind, uint64_t id, const void *body, size_t size)
{
	append(u, make_obj(u, kind, id, body, size));
}

static struct dp_obj *make_obj(
    struct unit *u, enum dp_kind kind, uint64_t id, const void *body, size_t size)
{
	size_t padded = ROUND_UP(size, 8);
	struct dp_obj *o = mem_alloc(sizeof(*o) + padded);

	o->unit = u;
	o->op = (struct dp_op){.verb = DP_PUT,
	    .kind = (uint16_t)kind,
	    .size = (uint32_t)(sizeof(o->op) + padded),
	    .id = id};
	memcpy(&o->op + 1, body, size);
	return o;
}

static void append(struct unit *u, struct dp_obj *o)
{
	if (u->n == u->capacity)
		grow(u);
	o->slot = u->n;
	u->objs[u->n++] = o;
}

static void grow(struct unit *u)
{
	uint32_t capacity = MAX_OF(u->capacity * 2, 8U);
	struct dp_obj **objs = mem_alloc_array(capacity, sizeof(struct dp_obj *));

	memcpy(objs, u->objs, u->n * sizeof(struct dp_obj *));
	if (u->objs != &u->one)
		free(u->objs);
	u->objs = objs;
	u->capacity = capacity;
}

static const uint16_t del_order[] = {DP_KIND_RULE, DP_KIND_GROUP, DP_KIND_PEER, DP_KIND_ROUTE,
    DP_KIND_LOCAL, DP_KIND_PORT, DP_KIND_BRIDGE};
static const uint16_t put_order[] = {DP_KIND_BRIDGE, DP_KIND_PORT, DP_KIND_LOCAL, DP_KIND_ROUTE,
    DP_KIND_PEER, DP_KIND_GROUP, DP_KIND_RULE};
static_assert(
    ARRAY_SIZE(del_order) == DP_KIND__COUNT - 1 && ARRAY_SIZE(put_order) == DP_KIND__COUNT - 1);

static uint32_t put_dels(
    const struct model *m, const struct unit *u, unsigned int kind, struct buf_writer *ops)
{
	uint32_t n = 0;

	for (size_t i = 0; u != NULL && i < u->n; i++) {
		const struct dp_op *op = &u->objs[i]->op;
		if (op->kind != kind || model_obj(m, kind, op->id) != NULL)
			continue;
		struct dp_op del = {
		    .verb = DP_DEL, .kind = op->kind, .size = sizeof(del), .id = op->id};
		buf_put(ops, &del, sizeof(del));
		n++;
	}
	return n;
}

static uint32_t put_puts(const struct unit *u, unsigned int kind, struct buf_writer *ops)
{
	uint32_t n = 0;

	for (size_t i = 0; u != NULL && i < u->n; i++) {
		const struct dp_obj *o = u->objs[i];
		if (o->op.kind != kind || o->same)
			continue;
		buf_put(ops, &o->op, o->op.size);
		n++;
	}
	return n;
}

static void mark_same(
    const struct model *m, struct unit *const *old_units, struct unit *const *new_units, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; new_units[i] != NULL && k < new_units[i]->n; k++)
			new_units[i]->objs[k]->same = false;
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; old_units[i] != NULL && k < old_units[i]->n; k++) {
			const struct dp_obj *was = old_units[i]->objs[k];
			struct dp_obj *is = model_obj(m, was->op.kind, was->op.id);
			if (is != NULL)
				is->same = is->op.size == was->op.size &&
					   memcmp(&is->op, &was->op, is->op.size) == 0;
		}
	}
}

uint32_t units_diff(const struct model *m, struct unit *const *old_units,
    struct unit *const *new_units, size_t n, struct buf_writer *ops)
{
	uint32_t n_ops = 0;

	mark_same(m, old_units, new_units, n);
	for (size_t k = 0; k < ARRAY_SIZE(del_order); k++) {
		for (size_t i = 0; i < n; i++)
			n_ops += put_dels(m, old_units[i], del_order[k], ops);
	}
	for (size_t k = 0; k < ARRAY_SIZE(put_order); k++) {
		for (size_t i = 0; i < n; i++)
			n_ops += put_puts(new_units[i], put_order[k], ops);
	}
	return n_ops;
}
