/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/reference.h"

#include <stdlib.h>

#include "ovsdb-lite/mem.h"

struct weak_ref {
	struct hmap_node node; // by to, uuid
	struct ovsdb_table *to, *from;
	struct ovsdb_uuid uuid, from_uuid;
	uint32_t n;
};

/* One column of two versions being compared. */
struct column_diff {
	const struct ovsdb_column *column;
	struct ovsdb_datum old, new;
	struct ovsdb_uuid self;
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
static uint64_t weak_hash(const struct ovsdb_table *to, const struct ovsdb_uuid *uuid);

void ovsdb_refs_diff(const struct ovsdb_row *old, const struct ovsdb_row *new,
    enum ovsdb_ref_kind kind, ovsdb_ref_visitor *visit, void *ctx)
{
	const struct ovsdb_row *any = old != NULL ? old : new;
	struct column_diff diff = {.kind = kind, .visit = visit, .ctx = ctx, .self = any->uuid};
	const struct ovsdb_table_schema *schema = any->table->schema;

	for (uint16_t i = OVSDB_N_STD_COLUMNS; i < schema->n_columns; i++) {
		const struct ovsdb_column *column = &schema->columns[i];
		if (!ovsdb_type_has_refs(&column->type, kind))
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
	hmap_foreach_with_hash (
	    ref, &to->db->weak_refs, weak_hash(to, uuid), struct weak_ref, node) {
		if (ref->to == to && ovsdb_uuid_equals(ref->uuid, *uuid))
			visit(ctx, ref->from, &ref->from_uuid);
	}
}

void ovsdb_weak_refs_fini(struct ovsdb_db *db)
{
	hmap_foreach_safe (ref, &db->weak_refs, struct weak_ref, node)
		free(ref);
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
	if (ovsdb_uuid_equals(atom->uuid, diff->self) && diff->kind == OVSDB_REF_STRONG)
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
	uint64_t hash = weak_hash(to, uuid);
	struct weak_ref *found = NULL;

	(void)column;
	hmap_foreach_with_hash (ref, map, hash, struct weak_ref, node) {
		if (ref->to == to && ref->from == from->table &&
		    ovsdb_uuid_equals(ref->uuid, *uuid) &&
		    ovsdb_uuid_equals(ref->from_uuid, from->uuid))
			found = ref;
	}
	if (found == NULL) {
		if (delta < 0)
			return;
		found = ovsdb_alloc(sizeof(*found));
		*found = (struct weak_ref){
		    .to = to, .from = from->table, .uuid = *uuid, .from_uuid = from->uuid};
		hmap_add(map, &found->node, hash);
	}
	found->n += (uint32_t)delta;
	if (found->n > 0)
		return;
	hmap_del(map, &found->node);
	free(found);
}

static void find_dangling(void *ctx, const struct ovsdb_column *column, struct ovsdb_table *to,
    const struct ovsdb_uuid *uuid, int delta)
{
	struct dangling *d = ctx;

	(void)delta;
	if (d->error == NULL && column->is_persistent && ovsdb_table_find_row(to, uuid) == NULL)
		d->error = ovsdb_dangling_error(d->row, column, to, uuid);
}

static uint64_t weak_hash(const struct ovsdb_table *to, const struct ovsdb_uuid *uuid)
{
	return ovsdb_uuid_hash(uuid) + to->schema->number;
}
