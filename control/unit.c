/* SPDX-License-Identifier: Apache-2.0 */
/* Units: what entities compile to, and the difference between two compilations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/model_priv.h"

struct unit *unit_create(int table, const char *name)
{
	struct unit *u = mem_alloc(sizeof(*u));

	u->table = table;
	memcpy(u->name, name, strnlen(name, sizeof(u->name) - 1));
	if (table == API_TABLE_FLOW || table >= API_TABLE__COUNT)
		memcpy(u->label, u->name, sizeof(u->name));
	else
		snprintf(u->label, sizeof(u->label), "%s/%s", api_tables[table].name, u->name);
	return u;
}

void unit_destroy(struct unit *u)
{
	if (u == NULL)
		return;
	for (size_t i = 0; i < u->n; i++)
		free(u->objs[i]);
	free(u->objs);
	free(u);
}

struct unit *model_unit(const struct model *m, int table, const char *name)
{
	uint64_t hash = hash_string(&m->secret, name);

	hmap_foreach_with_hash (u, &m->units[table], hash, struct unit, node) {
		if (strcmp(u->name, name) == 0)
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
	hmap_foreach_with_hash (o, &m->objs, obj_hash(m, kind, id), struct dp_obj, node) {
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
	while (model_obj(m, o->op.kind, o->op.id) != NULL) {
		assert(o->op.kind == DP_KIND_RULE);
		o->op.id++;
		o->digest = 0;
	}
	if (o->digest == 0)
		o->digest = hash_stable(&o->op, o->op.size);
}

void model_add_unit(struct model *m, struct unit *u)
{
	if (u == NULL)
		return;
	hmap_add(&m->units[u->table], &u->node, hash_string(&m->secret, u->name));
	for (size_t i = 0; i < u->n; i++) {
		struct dp_obj *o = u->objs[i];
		settle(m, o);
		hmap_add(&m->objs, &o->node, obj_hash(m, o->op.kind, o->op.id));
		m->digest ^= o->digest;
	}
}

void model_del_unit(struct model *m, struct unit *u)
{
	if (u == NULL)
		return;
	hmap_del(&m->units[u->table], &u->node);
	for (size_t i = 0; i < u->n; i++) {
		hmap_del(&m->objs, &u->objs[i]->node);
		m->digest ^= u->objs[i]->digest;
	}
}

void unit_emit(struct unit *u, enum dp_kind kind, uint64_t id, const void *body, size_t size)
{
	size_t padded = ROUND_UP(size, 8);
	struct dp_obj *o = mem_alloc(sizeof(*o) + padded);

	o->unit = u;
	o->op = (struct dp_op){.verb = DP_PUT,
	    .kind = (uint16_t)kind,
	    .size = (uint32_t)(sizeof(o->op) + padded),
	    .id = id};
	memcpy(&o->op + 1, body, size);
	u->objs = mem_grow(u->objs, u->n, &u->capacity, sizeof(struct dp_obj *));
	u->objs[u->n++] = o;
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
