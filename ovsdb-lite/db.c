/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/db.h"

#include <stdlib.h>

#include "ovsdb-lite/limit.h"
#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/reference.h"

static void resolve(struct ovsdb_db *db, struct ovsdb_base_type *base);
static struct ovsdb_error *check_table(struct ovsdb_table *table);

struct ovsdb_db *ovsdb_db_create(struct ovsdb_schema *schema)
{
	struct ovsdb_db *db = ovsdb_alloc(sizeof(*db));

	db->schema = schema;
	db->tables = ovsdb_alloc_array(schema->n_tables, sizeof(*db->tables));
	list_init(&db->listeners);
	hmap_init(&db->weak_refs);
	for (uint16_t i = 0; i < schema->n_tables; i++) {
		struct ovsdb_table_schema *table = &schema->tables[i];
		ovsdb_table_init(&db->tables[i], db, table);
		for (uint16_t j = 0; j < table->n_columns; j++) {
			resolve(db, &table->columns[j].type.key);
			resolve(db, &table->columns[j].type.value);
		}
	}
	return db;
}

void ovsdb_db_destroy(struct ovsdb_db *db)
{
	if (db == NULL)
		return;
	assert(db->txn == NULL && list_is_empty(&db->listeners));
	ovsdb_weak_refs_fini(db);
	for (uint16_t i = 0; i < db->schema->n_tables; i++)
		ovsdb_table_fini(&db->tables[i]);
	free(db->tables);
	ovsdb_schema_destroy((struct ovsdb_schema *)db->schema);
	free(db);
}

struct ovsdb_table *ovsdb_db_find_table(const struct ovsdb_db *db, const char *name)
{
	const struct ovsdb_table_schema *table = ovsdb_schema_find_table(db->schema, name);

	return table != NULL ? &db->tables[table->number] : NULL;
}

void ovsdb_db_add_listener(struct ovsdb_db *db, struct ovsdb_listener *listener)
{
	list_add(&db->listeners, &listener->node);
}

void ovsdb_db_del_listener(struct ovsdb_listener *listener)
{
	list_del(&listener->node);
}

size_t ovsdb_db_count_rows(const struct ovsdb_db *db)
{
	size_t n = 0;

	for (uint16_t i = 0; i < db->schema->n_tables; i++)
		n += ovsdb_table_count(&db->tables[i]);
	return n;
}

void ovsdb_db_begin_load(struct ovsdb_db *db)
{
	assert(db->txn == NULL && !db->is_loading);
	db->is_loading = true;
}

void ovsdb_db_load(struct ovsdb_db *db, const struct ovsdb_changes *changes)
{
	assert(db->is_loading && changes->db == db);
	for (size_t i = 0; i < changes->n; i++)
		ovsdb_table_swap(
		    changes->array[i].table, changes->array[i].old, changes->array[i].new);
}

struct ovsdb_error *ovsdb_db_end_load(struct ovsdb_db *db)
{
	struct ovsdb_error *error = NULL;

	db->is_loading = false;
	for (uint16_t i = 0; error == NULL && i < db->schema->n_tables; i++)
		error = check_table(&db->tables[i]);
	return error;
}

void ovsdb_db_apply(struct ovsdb_db *db, struct ovsdb_changes *changes)
{
	assert(db->txn == NULL && changes->db == db);
	for (size_t i = 0; i < changes->n; i++)
		ovsdb_table_swap(
		    changes->array[i].table, changes->array[i].old, changes->array[i].new);
	list_foreach_safe (listener, &db->listeners, struct ovsdb_listener, node)
		listener->committed(listener, changes);
}

void ovsdb_undo(struct ovsdb_db *db, struct ovsdb_changes *changes)
{
	assert(db->txn == NULL && changes->db == db);
	for (size_t i = changes->n; i-- > 0;) {
		struct ovsdb_change *change = &changes->array[i];
		if (change->new == NULL)
			change->old->n_strong_refs = 0; // counted anew below
		ovsdb_table_swap(change->table, change->new, change->old);
	}
	for (size_t i = 0; i < changes->n; i++)
		ovsdb_table_settle(changes->array[i].table);
	for (size_t i = changes->n; i-- > 0;) {
		ovsdb_strong_refs_apply(changes->array[i].new, changes->array[i].old);
		ovsdb_weak_refs_apply(changes->array[i].new, changes->array[i].old);
	}
	list_foreach_safe (listener, &db->listeners, struct ovsdb_listener, node) {
		if (listener->undone != NULL)
			listener->undone(listener, changes);
	}
}

uint32_t ovsdb_table_max_rows(const struct ovsdb_table *table)
{
	return table->schema->max_rows != OVSDB_UNLIMITED
		   ? table->schema->max_rows
		   : (uint32_t)ovsdb_limits[OVSDB_LIMIT_ROWS].value;
}

static void resolve(struct ovsdb_db *db, struct ovsdb_base_type *base)
{
	if (base->type == OVSDB_UUID && base->uuid.ref_table_name != NULL)
		base->uuid.ref_table = ovsdb_db_find_table(db, base->uuid.ref_table_name);
}

/* Counts what the table's rows refer to, and looks at its limit and indexes. */
static struct ovsdb_error *check_table(struct ovsdb_table *table)
{
	if (ovsdb_table_count(table) > ovsdb_table_max_rows(table))
		return ovsdb_error_create("constraint violation",
		    "table %s has %zu rows, more than %u", table->schema->name,
		    ovsdb_table_count(table), ovsdb_table_max_rows(table));
	ovsdb_table_foreach_row (row, table) {
		struct ovsdb_error *error = ovsdb_refs_check(row);
		if (error != NULL)
			return error;
		ovsdb_strong_refs_apply(NULL, row);
		ovsdb_weak_refs_apply(NULL, row);
	}
	for (uint16_t i = 0; i < table->schema->n_indexes; i++) {
		struct ovsdb_row *twin, *row = ovsdb_table_settle_index(table, i, &twin);
		char uuid[OVSDB_UUID_LEN + 1];
		if (row == NULL)
			continue;
		return ovsdb_error_create("constraint violation",
		    "table %s row %s is not the only one with its values in index %u",
		    table->schema->name, ovsdb_uuid_format(&row->uuid, uuid), i + 1U);
	}
	return NULL;
}
