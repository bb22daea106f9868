/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/reference.h"

#include <stdlib.h>

#include "ovsdb-lite/mem.h"

/* Who refers weakly to one row: an element for each row that does, with how often. */
struct weak_target {
	struct hmap_node node; // by to, uuid
	struct ovsdb_table *to;
	struct ovsdb_uuid uuid;
	struct hmap sources; // by from, uuid
};

struct weak_source {
	struct hmap_node node;
	struct ovsdb_table *from;
	struct ovsdb_uuid uuid;
	uint32_t n;
};

/* One column of two versions being compared. */
struct column_diff {
	const struct ovsdb_column *column;
	struct ovsdb_datum old, new;
	const struct ovsdb_row *self;
	enum ovsdb_ref_kind kind;
	ovsdb_ref_visitor *visit;
	void *ctx;
};

static void visit_column(void *ctx, enum ovsdb_side side, uint32_t i, uint32_t j);
static void visit_element(
    struct column_diff *diff, const struct ovsdb_datum *d, uint32_t i, int delta);
static void visit_atom(struct column_diff *diff, const struct ovsdb_base_type *base,
    const union ovsdb_atom *atom, int delta);
static void count_strong(void *ctx, const struct ovsdb_column *column, struct ovsdb_table *to,
    const struct ovsdb_uuid *uuid, int delta);
static void count_weak(void *ctx, const struct ovsdb_column *column, struct ovsdb_table *to,
    const struct ovsdb_uuid *uuid, int delta);
static void find_dangling(void *ctx, const struct ovsdb_column *column, struct ovsdb_table *to,
    const struct ovsdb_uuid *uuid, int delta);
static void count_source(struct weak_target *target, const struct ovsdb_row *from, int delta);
static struct weak_target *find_target(const struct ovsdb_table *to, const struct ovsdb_uuid *uuid);
static uint64_t row_hash(const struct ovsdb_table *table, const struct ovsdb_uuid *uuid);

void ovsdb_refs_diff(const struct ovsdb_row *old, const struct ovsdb_row *new,
    enum ovsdb_ref_kind kind, ovsdb_ref_visitor *visit, void *ctx)
{
	const struct ovsdb_row *any = old != NULL ? old : new;
	struct column_diff diff = {.kind = kind, .visit = visit, .ctx = ctx, .self = any};
	const struct ovsdb_column_list *columns = &any->table->schema->ref_columns[kind];

	for (uint16_t i = 0; i < columns->n; i++) {
		const struct ovsdb_column *column = columns->columns[i];
		if (old != NULL && new != NULL && ovsdb_row_column_equals(old, new, column))
			continue;
		diff.column = column;
		diff.old = old != NULL
			       ? ovsdb_row_get(old, column)
			       : ovsdb_datum_empty(column->type.key.type, column->type.value.type);
		diff.new = new != NULL
			       ? ovsdb_row_get(new, column)
			       : ovsdb_datum_empty(column->type.key.type, column->type.value.type);
		ovsdb_datum_merge(&diff.old, &diff.new, visit_column, &diff);
	}
}

void ovsdb_strong_refs_apply(const struct ovsdb_row *old, const struct ovsdb_row *new)
{
	ovsdb_refs_diff(old, new, OVSDB_REF_STRONG, count_strong, NULL);
}

void ovsdb_weak_refs_apply(const struct ovsdb_row *old, const struct ovsdb_row *new)
{
	const struct ovsdb_row *any = old != NULL ? old : new;

	ovsdb_refs_diff(old, new, OVSDB_REF_WEAK, count_weak, (void *)any);
}

struct dangling {
	const struct ovsdb_row *row;
	struct ovsdb_error *error;
};

struct ovsdb_error *ovsdb_refs_check(const struct ovsdb_row *row)
{
	struct dangling d = {.row = row};

	ovsdb_refs_diff(NULL, row, OVSDB_REF_STRONG, find_dangling, &d);
	ovsdb_refs_diff(NULL, row, OVSDB_REF_WEAK, find_dangling, &d);
	return d.error;
}

void ovsdb_weak_refs_foreach(struct ovsdb_table *to, const struct ovsdb_uuid *uuid,
    void (*visit)(void *ctx, struct ovsdb_table *from, const struct ovsdb_uuid *from_uuid),
    void *ctx)
{
	struct weak_target *target = find_target(to, uuid);

	if (target == NULL)
		return;
	hmap_foreach (source, &target->sources, struct weak_source, node)
		visit(ctx, source->from, &source->uuid);
}

uint32_t ovsdb_weak_refs_count(const struct ovsdb_table *to, const struct ovsdb_uuid *uuid)
{
	struct weak_target *target = find_target(to, uuid);
	uint32_t n = 0;

	if (target == NULL)
		return 0;
	hmap_foreach (source, &target->sources, struct weak_source, node)
		n += source->n;
	return n;
}

void ovsdb_weak_refs_fini(struct ovsdb_db *db)
{
	hmap_foreach_safe (target, &db->weak_refs, struct weak_target, node) {
		hmap_foreach_safe (source, &target->sources, struct weak_source, node)
			free(source);
		hmap_fini(&target->sources);
		free(target);
	}
	hmap_fini(&db->weak_refs);
}

struct ovsdb_error *ovsdb_dangling_error(const struct ovsdb_row *row,
    const struct ovsdb_column *column, const struct ovsdb_table *to, const struct ovsdb_uuid *uuid)
{
	char from_text[OVSDB_UUID_LEN + 1], to_text[OVSDB_UUID_LEN + 1];

	return ovsdb_error_create("referential integrity violation",
	    "Table %s column %s row %s references nonexistent row %s in table %s.",
	    row->table->schema->name, column->name, ovsdb_uuid_format(&row->uuid, from_text),
	    ovsdb_uuid_format(uuid, to_text), to->schema->name);
}

static void visit_column(void *ctx, enum ovsdb_side side, uint32_t i, uint32_t j)
{
	struct column_diff *diff = ctx;

	if (side == OVSDB_IN_FIRST || side == OVSDB_IN_BOTH_CHANGED)
		visit_element(diff, &diff->old, i, -1);
	if (side == OVSDB_IN_SECOND || side == OVSDB_IN_BOTH_CHANGED)
		visit_element(diff, &diff->new, j, +1);
}

static void visit_element(
    struct column_diff *diff, const struct ovsdb_datum *d, uint32_t i, int delta)
{
	union ovsdb_atom atom = ovsdb_datum_key(d, i);

	visit_atom(diff, &diff->column->type.key, &atom, delta);
	if (d->value_type == OVSDB_VOID)
		return;
	atom = ovsdb_datum_value(d, i);
	visit_atom(diff, &diff->column->type.value, &atom, delta);
}

static void visit_atom(struct column_diff *diff, const struct ovsdb_base_type *base,
    const union ovsdb_atom *atom, int delta)
{
	if (base->type != OVSDB_UUID || base->uuid.kind != diff->kind)
		return;
	// A strong reference to itself does not keep a row; a weak one to itself goes with it.
	if (diff->kind == OVSDB_REF_STRONG && base->uuid.ref_table == diff->self->table &&
	    ovsdb_uuid_equals(atom->uuid, diff->self->uuid))
		return;
	diff->visit(diff->ctx, diff->column, base->uuid.ref_table, &atom->uuid, delta);
}

static void count_strong(void *ctx, const struct ovsdb_column *column, struct ovsdb_table *to,
    const struct ovsdb_uuid *uuid, int delta)
{
	struct ovsdb_row *row = ovsdb_table_find_row(to, uuid);

	(void)ctx;
	(void)column;
	if (row != NULL)
		row->n_strong_refs += (uint32_t)delta;
}

static void count_weak(void *ctx, const struct ovsdb_column *column, struct ovsdb_table *to,
    const struct ovsdb_uuid *uuid, int delta)
{
	const struct ovsdb_row *from = ctx;
	struct hmap *map = &to->db->weak_refs;
	struct weak_target *target = find_target(to, uuid);

	(void)column;
	if (target == NULL && delta < 0)
		return;
	if (target == NULL) {
		target = ovsdb_alloc(sizeof(*target));
		target->to = to;
		target->uuid = *uuid;
		hmap_init(&target->sources);
		hmap_add(map, &target->node, row_hash(to, uuid));
	}
	count_source(target, from, delta);
	if (target->sources.n > 0)
		return;
	hmap_fini(&target->sources);
	hmap_del(map, &target->node);
	free(target);
}

static void count_source(struct weak_target *target, const struct ovsdb_row *from, int delta)
{
	uint64_t hash = row_hash(from->table, &from->uuid);
	struct weak_source *found = NULL;

	hmap_foreach_with_hash (source, &target->sources, hash, struct weak_source, node) {
		if (source->from == from->table && ovsdb_uuid_equals(source->uuid, from->uuid))
			found = source;
	}
	if (found == NULL) {
		if (delta < 0)
			return;
		found = ovsdb_alloc(sizeof(*found));
		found->from = from->table;
		found->uuid = from->uuid;
		hmap_add(&target->sources, &found->node, hash);
	}
	found->n += (uint32_t)delta;
	if (found->n > 0)
		return;
	hmap_del(&target->sources, &found->node);
	free(found);
}

static struct weak_target *find_target(const struct ovsdb_table *to, const struct ovsdb_uuid *uuid)
{
	hmap_foreach_with_hash (
	    target, &to->db->weak_refs, row_hash(to, uuid), struct weak_target, node) {
		if (target->to == to && ovsdb_uuid_equals(target->uuid, *uuid))
			return target;
	}
	return NULL;
}

static void find_dangling(void *ctx, const struct ovsdb_column *column, struct ovsdb_table *to,
    const struct ovsdb_uuid *uuid, int delta)
{
	struct dangling *d = ctx;

	(void)delta;
	if (d->error == NULL && column->is_persistent && ovsdb_table_find_row(to, uuid) == NULL)
		d->error = ovsdb_dangling_error(d->row, column, to, uuid);
}

static uint64_t row_hash(const struct ovsdb_table *table, const struct ovsdb_uuid *uuid)
{
	return ovsdb_uuid_hash(uuid) + table->schema->number;
}
