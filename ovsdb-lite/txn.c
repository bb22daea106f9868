/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/txn.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/limit.h"
#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/reference.h"
#include "ovsdb-lite/txn_row.h"

static void end(struct ovsdb_txn *txn);
static struct ovsdb_txn_row *add_txn_row(struct ovsdb_txn *txn, struct ovsdb_table *table,
    const struct ovsdb_uuid *uuid, struct ovsdb_row *old, struct ovsdb_row *new);
static struct ovsdb_cell *sorted_cells(const struct ovsdb_cell *cells, size_t n);
static struct ovsdb_error *check_cells(
    const struct ovsdb_cell *cells, size_t n, const struct ovsdb_table *table, bool is_update);
static void forget_unchanged(struct ovsdb_txn *txn);
static struct ovsdb_error *check_max_rows(const struct ovsdb_txn *txn);
static void list_changes(struct ovsdb_txn *txn);
static uint64_t hash_of(const struct ovsdb_table *table, const struct ovsdb_uuid *uuid);

struct ovsdb_txn *ovsdb_txn_create(struct ovsdb_db *db)
{
	struct ovsdb_txn *txn = ovsdb_alloc(sizeof(*txn));

	assert(db->txn == NULL && !db->is_loading);
	db->txn = txn;
	txn->db = db;
	hmap_init(&txn->rows);
	return txn;
}

struct ovsdb_error *ovsdb_txn_insert(struct ovsdb_txn *txn, struct ovsdb_table *table,
    const struct ovsdb_uuid *uuid, const struct ovsdb_cell *cells, size_t n_cells,
    struct ovsdb_uuid *ret)
{
	struct ovsdb_uuid id = uuid != NULL ? *uuid : ovsdb_uuid_random();
	struct ovsdb_error *error = check_cells(cells, n_cells, table, false);

	if (error != NULL)
		return error;
	if (!ovsdb_txn_may_insert(txn, table, &id))
		return ovsdb_error_create("duplicate uuid",
		    "This UUID would duplicate a UUID already present within the table or "
		    "deleted within the same transaction.");
	struct ovsdb_cell *sorted = sorted_cells(cells, n_cells);
	ovsdb_txn_add(txn, ovsdb_row_create(table, id, NULL, sorted, n_cells));
	free(sorted);
	if (ret != NULL)
		*ret = id;
	return NULL;
}

struct ovsdb_error *ovsdb_txn_update(struct ovsdb_txn *txn, struct ovsdb_table *table,
    const struct ovsdb_uuid *uuid, const struct ovsdb_cell *cells, size_t n_cells)
{
	struct ovsdb_row *row = ovsdb_table_find_row(table, uuid);
	struct ovsdb_error *error = check_cells(cells, n_cells, table, true);

	if (error != NULL || row == NULL)
		return error;
	struct ovsdb_cell *sorted = sorted_cells(cells, n_cells);
	ovsdb_txn_edit(txn, row, sorted, n_cells);
	free(sorted);
	return NULL;
}

void ovsdb_txn_delete(
    struct ovsdb_txn *txn, struct ovsdb_table *table, const struct ovsdb_uuid *uuid)
{
	if (ovsdb_table_find_row(table, uuid) != NULL)
		ovsdb_txn_replace(txn, ovsdb_txn_touch(txn, table, uuid), NULL);
}

void ovsdb_txn_add_comment(struct ovsdb_txn *txn, const char *comment)
{
	size_t len = strlen(comment);

	// Room grows by doubling: a transaction may have a hundred thousand comments.
	while (txn->comment_len + len + 2 > txn->comment_capacity) {
		txn->comment_capacity = MAX_OF(txn->comment_capacity * 2, len + 2);
		txn->comment = ovsdb_resize(txn->comment, txn->comment_capacity);
	}
	if (txn->comment_len > 0)
		txn->comment[txn->comment_len++] = '\n';
	memcpy(txn->comment + txn->comment_len, comment, len + 1);
	txn->comment_len += len;
}

struct ovsdb_error *ovsdb_txn_prepare(struct ovsdb_txn *txn)
{
	assert(txn->changes == NULL);
	forget_unchanged(txn);
	struct ovsdb_error *error = ovsdb_txn_check_references(txn);
	if (error == NULL)
		error = check_max_rows(txn);
	if (error == NULL)
		error = ovsdb_txn_check_weak_references(txn);
	if (error == NULL)
		error = ovsdb_txn_check_indexes(txn);
	if (error != NULL)
		return error;
	forget_unchanged(txn);
	list_changes(txn);
	return NULL;
}

struct ovsdb_changes *ovsdb_txn_changes(struct ovsdb_txn *txn)
{
	return txn->changes;
}

struct ovsdb_changes *ovsdb_txn_commit(struct ovsdb_txn *txn)
{
	struct ovsdb_changes *changes = ovsdb_changes_ref(txn->changes);
	struct ovsdb_db *db = txn->db;

	for (size_t i = 0; i < txn->n; i++) {
		struct ovsdb_txn_row *tr = txn->order[i];
		if (tr != NULL && tr->new != NULL)
			tr->new->n_strong_refs = tr->n_strong_refs;
	}
	for (size_t i = 0; i < changes->n; i++)
		ovsdb_weak_refs_apply(changes->array[i].old, changes->array[i].new);
	end(txn);
	if (changes->n == 0)
		return changes;
	list_foreach_safe (listener, &db->listeners, struct ovsdb_listener, node)
		listener->committed(listener, changes);
	return changes;
}

void ovsdb_txn_abort(struct ovsdb_txn *txn)
{
	for (size_t i = txn->n; i-- > 0;) {
		struct ovsdb_txn_row *tr = txn->order[i];
		if (ovsdb_txn_row_is_changed(tr))
			ovsdb_table_swap(tr->table, tr->new, tr->old);
	}
	for (uint16_t i = 0; i < txn->db->schema->n_tables; i++)
		ovsdb_table_settle(&txn->db->tables[i]);
	end(txn);
}

struct ovsdb_txn_row *ovsdb_txn_find(
    const struct ovsdb_txn *txn, const struct ovsdb_table *table, const struct ovsdb_uuid *uuid)
{
	hmap_foreach_with_hash (tr, &txn->rows, hash_of(table, uuid), struct ovsdb_txn_row, node) {
		if (tr->table == table && ovsdb_uuid_equals(tr->uuid, *uuid))
			return tr;
	}
	return NULL;
}

struct ovsdb_txn_row *ovsdb_txn_touch(
    struct ovsdb_txn *txn, struct ovsdb_table *table, const struct ovsdb_uuid *uuid)
{
	struct ovsdb_txn_row *tr = ovsdb_txn_find(txn, table, uuid);
	struct ovsdb_row *row = tr == NULL ? ovsdb_table_find_row(table, uuid) : NULL;

	if (row == NULL)
		return tr;
	return add_txn_row(txn, table, uuid, ovsdb_row_ref(row), ovsdb_row_ref(row));
}

void ovsdb_txn_replace(struct ovsdb_txn *txn, struct ovsdb_txn_row *tr, struct ovsdb_row *new)
{
	ovsdb_table_swap(tr->table, tr->new, new);
	ovsdb_row_unref(tr->new);
	tr->new = new;
	if (tr->old != NULL || new != NULL)
		return;
	// As if it had never been there: its UUID may be used again.
	txn->order[tr->position] = NULL;
	hmap_del(&txn->rows, &tr->node);
	free(tr);
}

void ovsdb_txn_add(struct ovsdb_txn *txn, struct ovsdb_row *new)
{
	add_txn_row(txn, new->table, &new->uuid, NULL, new);
	ovsdb_table_swap(new->table, NULL, new);
}

bool ovsdb_txn_may_insert(
    const struct ovsdb_txn *txn, const struct ovsdb_table *table, const struct ovsdb_uuid *uuid)
{
	return ovsdb_table_find_row(table, uuid) == NULL &&
	       ovsdb_txn_find(txn, table, uuid) == NULL;
}

void ovsdb_txn_edit(
    struct ovsdb_txn *txn, struct ovsdb_row *row, const struct ovsdb_cell *cells, size_t n_cells)
{
	size_t n_same = 0;

	for (size_t i = 0; i < n_cells; i++) {
		struct ovsdb_datum d = ovsdb_row_get(row, cells[i].column);
		n_same += ovsdb_datum_equals(&d, &cells[i].datum);
	}
	if (n_same == n_cells)
		return;
	struct ovsdb_txn_row *tr = ovsdb_txn_touch(txn, row->table, &row->uuid);
	ovsdb_txn_replace(txn, tr, ovsdb_row_create(row->table, row->uuid, row, cells, n_cells));
}

static void end(struct ovsdb_txn *txn)
{
	for (size_t i = 0; i < txn->n; i++) {
		struct ovsdb_txn_row *tr = txn->order[i];
		if (tr == NULL)
			continue;
		ovsdb_row_unref(tr->old);
		ovsdb_row_unref(tr->new);
		free(tr);
	}
	hmap_fini(&txn->rows);
	free(txn->order);
	free(txn->comment);
	ovsdb_changes_unref(txn->changes);
	txn->db->txn = NULL;
	free(txn);
}

/* Takes the caller's references. */
static struct ovsdb_txn_row *add_txn_row(struct ovsdb_txn *txn, struct ovsdb_table *table,
    const struct ovsdb_uuid *uuid, struct ovsdb_row *old, struct ovsdb_row *new)
{
	struct ovsdb_txn_row *tr = ovsdb_alloc(sizeof(*tr));

	tr->table = table;
	tr->uuid = *uuid;
	tr->old = old;
	tr->new = new;
	tr->n_strong_refs = old != NULL ? old->n_strong_refs : 0;
	hmap_add(&txn->rows, &tr->node, hash_of(table, uuid));
	txn->order = ovsdb_grow(txn->order, txn->n, &txn->capacity, sizeof(struct ovsdb_txn_row *));
	tr->position = txn->n;
	txn->order[txn->n++] = tr;
	return tr;
}

static int compare_cells(const void *a, const void *b)
{
	const struct ovsdb_cell *x = a, *y = b;

	return (int)x->column->number - (int)y->column->number;
}

static struct ovsdb_cell *sorted_cells(const struct ovsdb_cell *cells, size_t n)
{
	struct ovsdb_cell *sorted = ovsdb_alloc_array(n, sizeof(*sorted));

	if (n > 0)
		memcpy(sorted, cells, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_cells);
	return sorted;
}

static struct ovsdb_error *check_cells(
    const struct ovsdb_cell *cells, size_t n, const struct ovsdb_table *table, bool is_update)
{
	struct ovsdb_error *error = NULL;

	for (size_t i = 0; error == NULL && i < n; i++) {
		const struct ovsdb_column *column = cells[i].column;
		if (column->number < OVSDB_N_STD_COLUMNS || (is_update && !column->is_mutable))
			error = ovsdb_error_create("constraint violation",
			    "Cannot update immutable column %s in table %s.", column->name,
			    table->schema->name);
		else
			error = ovsdb_datum_check(&cells[i].datum, &column->type);
	}
	return is_update || error != NULL ? error : ovsdb_table_check_defaults(table, cells, n);
}

struct ovsdb_error *ovsdb_table_check_defaults(
    const struct ovsdb_table *table, const struct ovsdb_cell *cells, size_t n)
{
	const struct ovsdb_table_schema *schema = table->schema;

	for (uint16_t i = OVSDB_N_STD_COLUMNS; i < schema->n_columns; i++) {
		const struct ovsdb_column *column = &schema->columns[i];
		size_t c = 0;
		if (!column->type.is_default_invalid)
			continue;
		while (c < n && cells[c].column != column)
			c++;
		if (c == n)
			return ovsdb_datum_check(&column->type.default_value, &column->type);
	}
	return NULL;
}

/* Rows that were written but have their old value. */
static void forget_unchanged(struct ovsdb_txn *txn)
{
	for (size_t i = 0; i < txn->n; i++) {
		struct ovsdb_txn_row *tr = txn->order[i];
		if (!ovsdb_txn_row_is_changed(tr) || tr->old == NULL || tr->new == NULL)
			continue;
		if (ovsdb_row_equals(tr->old, tr->new))
			ovsdb_txn_replace(txn, tr, ovsdb_row_ref(tr->old));
	}
}

static struct ovsdb_error *check_max_rows(const struct ovsdb_txn *txn)
{
	for (uint16_t i = 0; txn->n > 0 && i < txn->db->schema->n_tables; i++) {
		const struct ovsdb_table *table = &txn->db->tables[i];
		size_t n = ovsdb_table_count(table);
		uint32_t max = ovsdb_table_max_rows(table);
		if (n <= max)
			continue;
		if (table->schema->max_rows == OVSDB_UNLIMITED)
			ovsdb_limits[OVSDB_LIMIT_ROWS].n_hits++;
		return ovsdb_error_create("constraint violation",
		    "transaction causes \"%s\" table to contain %zu rows, greater than the "
		    "schema-defined limit of %u row(s)",
		    table->schema->name, n, max);
	}
	return NULL;
}

static void list_changes(struct ovsdb_txn *txn)
{
	txn->changes = ovsdb_changes_create(txn->db);
	txn->changes->comment = txn->comment;
	txn->comment = NULL;
	for (size_t i = 0; i < txn->n; i++) {
		struct ovsdb_txn_row *tr = txn->order[i];
		if (!ovsdb_txn_row_is_changed(tr))
			continue;
		if (tr->old != NULL)
			ovsdb_row_ref(tr->old);
		if (tr->new != NULL)
			ovsdb_row_ref(tr->new);
		ovsdb_changes_add(txn->changes, tr->table, tr->old, tr->new);
	}
	if (txn->changes->n > 0)
		txn->changes->txn_id = ovsdb_uuid_random();
}

static uint64_t hash_of(const struct ovsdb_table *table, const struct ovsdb_uuid *uuid)
{
	return ovsdb_uuid_hash(uuid) + table->schema->number;
}
