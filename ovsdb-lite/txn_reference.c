/* SPDX-License-Identifier: Apache-2.0 */
/* References at the end of a transaction: integrity, garbage, weak ones to rows that went. */
#include <stdlib.h>

#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/reference.h"
#include "ovsdb-lite/txn_row.h"

struct count {
	struct ovsdb_txn *txn;
	const struct ovsdb_row *from;
	struct ovsdb_error *error;
};

struct garbage {
	struct ovsdb_txn *txn;
	size_t n, capacity;
	struct ovsdb_txn_row **todo;
};

/* A column being rid of weak references to what is not there. */
struct pruning {
	const struct ovsdb_column *column;
	bool is_stale; // look at all, not only at what the transaction added
	bool has_zero;
	struct ovsdb_datum old, new;
	struct ovsdb_datum_builder gone;
};

static void count_reference(void *ctx, const struct ovsdb_column *column, struct ovsdb_table *to,
    const struct ovsdb_uuid *uuid, int delta);
static struct ovsdb_error *check_counts(const struct ovsdb_txn *txn);
static bool is_garbage(const struct ovsdb_txn_row *tr);
static void push(struct garbage *g, struct ovsdb_txn_row *tr);
static void release_reference(void *ctx, const struct ovsdb_column *column, struct ovsdb_table *to,
    const struct ovsdb_uuid *uuid, int delta);
static void report_gone(struct ovsdb_txn *txn);
static void mark_stale(void *ctx, struct ovsdb_table *from, const struct ovsdb_uuid *from_uuid);
static struct ovsdb_error *prune_row(
    struct ovsdb_txn *txn, struct ovsdb_txn_row *tr, bool *is_count_changed);
static struct ovsdb_error *prune_column(struct ovsdb_txn_row *tr, const struct ovsdb_column *column,
    struct ovsdb_datum *ret, bool *is_pruned);
static void find_gone(void *ctx, enum ovsdb_side side, uint32_t i, uint32_t j);
static bool is_gone(
    struct pruning *p, const struct ovsdb_base_type *base, const union ovsdb_atom *atom);
static struct ovsdb_error *too_few(
    const struct ovsdb_txn_row *tr, const struct pruning *p, uint32_t n_gone);

struct ovsdb_error *ovsdb_txn_check_references(struct ovsdb_txn *txn)
{
	for (size_t i = 0; i < txn->n; i++) {
		struct ovsdb_txn_row *tr = txn->order[i];
		if (!ovsdb_txn_row_is_changed(tr))
			continue;
		struct ovsdb_error *error = ovsdb_txn_count_references(txn, tr->old, tr->new);
		if (error != NULL)
			return error;
	}
	struct ovsdb_error *error = check_counts(txn);
	if (error == NULL)
		ovsdb_txn_collect_garbage(txn);
	return error;
}

struct ovsdb_error *ovsdb_txn_count_references(
    struct ovsdb_txn *txn, const struct ovsdb_row *old, const struct ovsdb_row *new)
{
	struct count count = {.txn = txn, .from = new != NULL ? new : old};

	ovsdb_refs_diff(old, new, OVSDB_REF_STRONG, count_reference, &count);
	return count.error;
}

/* Rows of tables that are not roots, which nothing refers to: with them go those that only they referred to. */
void ovsdb_txn_collect_garbage(struct ovsdb_txn *txn)
{
	struct garbage g = {.txn = txn};

	for (size_t i = 0; i < txn->n; i++) {
		if (is_garbage(txn->order[i]))
			push(&g, txn->order[i]);
	}
	while (g.n > 0) {
		struct ovsdb_txn_row *tr = g.todo[--g.n];
		struct ovsdb_row *row = ovsdb_row_ref(tr->new);
		ovsdb_txn_replace(txn, tr, NULL);
		ovsdb_refs_diff(row, NULL, OVSDB_REF_STRONG, release_reference, &g);
		ovsdb_row_unref(row);
	}
	free(g.todo);
}

struct ovsdb_error *ovsdb_txn_check_weak_references(struct ovsdb_txn *txn)
{
	bool is_count_changed = true;

	while (is_count_changed) {
		is_count_changed = false;
		report_gone(txn);
		for (size_t i = 0; i < txn->n; i++) {
			struct ovsdb_txn_row *tr = txn->order[i];
			if (tr == NULL || tr->new == NULL ||
			    (tr->old == tr->new && !tr->is_weak_stale))
				continue;
			struct ovsdb_error *error = prune_row(txn, tr, &is_count_changed);
			if (error != NULL)
				return error;
		}
		// A pair with a weak key may have had a strong value.
		if (is_count_changed)
			ovsdb_txn_collect_garbage(txn);
	}
	return NULL;
}

static void count_reference(void *ctx, const struct ovsdb_column *column, struct ovsdb_table *to,
    const struct ovsdb_uuid *uuid, int delta)
{
	struct count *count = ctx;

	if (count->error != NULL)
		return;
	struct ovsdb_txn_row *target = ovsdb_txn_touch(count->txn, to, uuid);
	if (target != NULL)
		target->n_strong_refs += (uint32_t)delta;
	else if (delta > 0)
		count->error = ovsdb_dangling_error(count->from, column, to, uuid);
}

static struct ovsdb_error *check_counts(const struct ovsdb_txn *txn)
{
	char uuid[OVSDB_UUID_LEN + 1];

	for (size_t i = 0; i < txn->n; i++) {
		const struct ovsdb_txn_row *tr = txn->order[i];
		if (!ovsdb_txn_row_is_deleted(tr) || tr->n_strong_refs == 0)
			continue;
		return ovsdb_error_create("referential integrity violation",
		    "cannot delete %s row %s because of %u remaining reference(s)",
		    tr->table->schema->name, ovsdb_uuid_format(&tr->uuid, uuid), tr->n_strong_refs);
	}
	return NULL;
}

static bool is_garbage(const struct ovsdb_txn_row *tr)
{
	return tr != NULL && tr->new != NULL && tr->n_strong_refs == 0 &&
	       !tr->table->schema->is_root;
}

static void push(struct garbage *g, struct ovsdb_txn_row *tr)
{
	g->todo = ovsdb_grow(g->todo, g->n, &g->capacity, sizeof(struct ovsdb_txn_row *));
	g->todo[g->n++] = tr;
}

static void release_reference(void *ctx, const struct ovsdb_column *column, struct ovsdb_table *to,
    const struct ovsdb_uuid *uuid, int delta)
{
	struct garbage *g = ctx;
	struct ovsdb_txn_row *target = ovsdb_txn_touch(g->txn, to, uuid);

	(void)column;
	assert(target != NULL && target->n_strong_refs > 0);
	target->n_strong_refs += (uint32_t)delta;
	if (is_garbage(target))
		push(g, target);
}

static void report_gone(struct ovsdb_txn *txn)
{
	for (size_t i = 0; i < txn->n; i++) {
		struct ovsdb_txn_row *tr = txn->order[i];
		if (!ovsdb_txn_row_is_deleted(tr) || tr->is_weak_reported)
			continue;
		tr->is_weak_reported = true;
		ovsdb_weak_refs_foreach(tr->table, &tr->uuid, mark_stale, txn);
	}
}

static void mark_stale(void *ctx, struct ovsdb_table *from, const struct ovsdb_uuid *from_uuid)
{
	struct ovsdb_txn_row *tr = ovsdb_txn_touch(ctx, from, from_uuid);

	if (tr != NULL && tr->new != NULL)
		tr->is_weak_stale = true;
}

static struct ovsdb_error *prune_row(
    struct ovsdb_txn *txn, struct ovsdb_txn_row *tr, bool *is_count_changed)
{
	const struct ovsdb_column_list *columns = &tr->table->schema->ref_columns[OVSDB_REF_WEAK];

	for (uint16_t i = 0; i < columns->n; i++) {
		struct ovsdb_cell cell = {.column = columns->columns[i]};
		bool is_pruned = false;
		if (!tr->is_weak_stale && tr->old != NULL &&
		    ovsdb_row_column_equals(tr->old, tr->new, cell.column))
			continue;
		struct ovsdb_error *error = prune_column(tr, cell.column, &cell.datum, &is_pruned);
		if (error != NULL)
			return error;
		if (!is_pruned)
			continue;
		struct ovsdb_row *before = ovsdb_row_ref(tr->new);
		ovsdb_txn_replace(
		    txn, tr, ovsdb_row_create(tr->table, tr->uuid, tr->new, &cell, 1));
		ovsdb_datum_unref(&cell.datum);
		if (ovsdb_type_has_refs(&cell.column->type, OVSDB_REF_STRONG)) {
			*is_count_changed = true;
			error = ovsdb_txn_count_references(txn, before, tr->new);
		}
		ovsdb_row_unref(before);
		if (error != NULL)
			return error;
	}
	tr->is_weak_stale = false;
	return NULL;
}

static struct ovsdb_error *prune_column(struct ovsdb_txn_row *tr, const struct ovsdb_column *column,
    struct ovsdb_datum *ret, bool *is_pruned)
{
	const struct ovsdb_type *type = &column->type;
	struct pruning p = {.column = column, .is_stale = tr->is_weak_stale};
	struct ovsdb_error *error = NULL;

	p.new = ovsdb_row_get(tr->new, column);
	p.old = tr->old != NULL ? ovsdb_row_get(tr->old, column)
				: ovsdb_datum_empty(type->key.type, type->value.type);
	ovsdb_datum_builder_init(&p.gone, type->key.type, type->value.type);
	ovsdb_datum_merge(&p.old, &p.new, find_gone, &p);
	*is_pruned = p.gone.n > 0;
	if (!*is_pruned)
		return NULL;
	struct ovsdb_datum gone = ovsdb_datum_builder_finish(&p.gone);
	*ret = ovsdb_datum_subtract(&p.new, &gone);
	if (ret->n < type->n_min) {
		error = too_few(tr, &p, gone.n);
		ovsdb_datum_unref(ret);
	}
	ovsdb_datum_unref(&gone);
	return error;
}

static void find_gone(void *ctx, enum ovsdb_side side, uint32_t i, uint32_t j)
{
	struct pruning *p = ctx;
	const struct ovsdb_type *type = &p->column->type;
	union ovsdb_atom value = {.uuid = {0}};

	(void)i;
	if (side == OVSDB_IN_FIRST || (side == OVSDB_IN_BOTH && !p->is_stale))
		return;
	union ovsdb_atom key = ovsdb_datum_key(&p->new, j);
	bool is_element_gone = is_gone(p, &type->key, &key);
	if (type->value.type != OVSDB_VOID) {
		value = ovsdb_datum_value(&p->new, j);
		is_element_gone |= is_gone(p, &type->value, &value);
	}
	if (is_element_gone)
		ovsdb_datum_builder_add(&p->gone, ovsdb_atom_ref(&key, type->key.type),
		    ovsdb_atom_ref(&value, type->value.type));
}

static bool is_gone(
    struct pruning *p, const struct ovsdb_base_type *base, const union ovsdb_atom *atom)
{
	if (base->type != OVSDB_UUID || base->uuid.kind != OVSDB_REF_WEAK ||
	    ovsdb_table_find_row(base->uuid.ref_table, &atom->uuid) != NULL)
		return false;
	p->has_zero |= ovsdb_uuid_is_zero(atom->uuid);
	return true;
}

static struct ovsdb_error *too_few(
    const struct ovsdb_txn_row *tr, const struct pruning *p, uint32_t n_gone)
{
	char uuid[OVSDB_UUID_LEN + 1];

	ovsdb_uuid_format(&tr->uuid, uuid);
	// "volation" is what clients have always read here.
	if (p->has_zero && tr->old == NULL)
		return ovsdb_error_create("constraint violation",
		    "Weak reference column \"%s\" in \"%s\" row %s (inserted within this "
		    "transaction) contained all-zeros UUID (probably as the default value for "
		    "this column) but deleting this value caused a constraint volation because "
		    "this column is not allowed to be empty.",
		    p->column->name, tr->table->schema->name, uuid);
	return ovsdb_error_create("constraint violation",
	    "Deletion of %u weak reference(s) to deleted (or never-existing) rows from column "
	    "\"%s\" in \"%s\" row %s %scaused this column to become empty, but constraints on "
	    "this column disallow an empty column.",
	    n_gone, p->column->name, tr->table->schema->name, uuid,
	    tr->old != NULL ? "" : "(inserted within this transaction) ");
}
