/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/table.h"

#include <stdlib.h>

#include "ovsdb-lite/mem.h"

static void index_row(struct ovsdb_table *table, struct ovsdb_row *row);
static struct ovsdb_row *add_to_index(struct ovsdb_table *table, uint16_t i, struct ovsdb_row *row);
static void unindex_row(struct ovsdb_table *table, struct ovsdb_row *row);
static bool is_twin(const struct ovsdb_table *table, uint16_t i, const struct ovsdb_row *row);

void ovsdb_table_init(
    struct ovsdb_table *table, struct ovsdb_db *db, const struct ovsdb_table_schema *schema)
{
	table->db = db;
	table->schema = schema;
	ovsdb_row_set_init(&table->rows);
	table->indexes = ovsdb_alloc_array(schema->n_indexes, sizeof(*table->indexes));
	table->twins = ovsdb_alloc_array(schema->n_indexes, sizeof(*table->twins));
}

void ovsdb_table_fini(struct ovsdb_table *table)
{
	ovsdb_table_foreach_row (row, table)
		ovsdb_row_unref(row);
	ovsdb_row_set_fini(&table->rows);
	for (uint16_t i = 0; i < table->schema->n_indexes; i++) {
		ovsdb_row_set_fini(&table->indexes[i]);
		ovsdb_row_set_fini(&table->twins[i]);
	}
	free(table->indexes);
	free(table->twins);
}

struct ovsdb_row *ovsdb_table_find_row(
    const struct ovsdb_table *table, const struct ovsdb_uuid *uuid)
{
	uint64_t hash = ovsdb_uuid_hash(uuid);
	size_t cursor = SIZE_MAX;

	for (;;) {
		struct ovsdb_row *row = ovsdb_row_set_next_with_hash(&table->rows, hash, &cursor);
		if (row == NULL || ovsdb_uuid_equals(row->uuid, *uuid))
			return row;
	}
}

size_t ovsdb_table_count(const struct ovsdb_table *table)
{
	return table->rows.n;
}

struct ovsdb_row *ovsdb_table_find_by_index(
    const struct ovsdb_table *table, uint16_t i, const struct ovsdb_datum *key)
{
	const struct ovsdb_column_list *index = &table->schema->indexes[i];
	size_t cursor = SIZE_MAX;
	uint64_t hash = 0;

	for (uint16_t c = 0; c < index->n; c++)
		hash = ovsdb_datum_hash(&key[c], hash);
	for (;;) {
		struct ovsdb_row *row =
		    ovsdb_row_set_next_with_hash(&table->indexes[i], hash, &cursor);
		uint16_t c = 0;
		for (; row != NULL && c < index->n; c++) {
			struct ovsdb_datum d = ovsdb_row_get(row, index->columns[c]);
			if (!ovsdb_datum_equals(&d, &key[c]))
				break;
		}
		if (row == NULL || c == index->n)
			return row;
	}
}

struct ovsdb_row *ovsdb_table_settle_index(
    struct ovsdb_table *table, uint16_t i, struct ovsdb_row **ret_twin)
{
	struct ovsdb_row_set twins = table->twins[i];
	size_t cursor = 0;
	struct ovsdb_row *row, *found = NULL;

	ovsdb_row_set_init(&table->twins[i]);
	while ((row = ovsdb_row_set_next(&twins, &cursor)) != NULL) {
		struct ovsdb_row *twin = add_to_index(table, i, row);
		if (twin == NULL)
			continue;
		found = row;
		*ret_twin = twin;
	}
	ovsdb_row_set_fini(&twins);
	return found;
}

void ovsdb_table_settle(struct ovsdb_table *table)
{
	struct ovsdb_row *twin = NULL;

	for (uint16_t i = 0; i < table->schema->n_indexes; i++) {
		struct ovsdb_row *row = ovsdb_table_settle_index(table, i, &twin);
		assert(row == NULL);
		(void)row;
	}
}

void ovsdb_table_swap(struct ovsdb_table *table, struct ovsdb_row *old, struct ovsdb_row *new)
{
	if (old != NULL && new != NULL) {
		new->n_strong_refs = old->n_strong_refs;
		ovsdb_row_set_replace(&table->rows, old, new, ovsdb_uuid_hash(&old->uuid));
	} else if (new != NULL) {
		ovsdb_row_set_add(&table->rows, new, ovsdb_uuid_hash(&new->uuid));
	} else {
		ovsdb_row_set_del(&table->rows, old, ovsdb_uuid_hash(&old->uuid));
	}
	if (old != NULL)
		unindex_row(table, old);
	if (new != NULL) {
		index_row(table, new);
		ovsdb_row_ref(new);
	}
	ovsdb_row_unref(old);
}

static void index_row(struct ovsdb_table *table, struct ovsdb_row *row)
{
	for (uint16_t i = 0; i < table->schema->n_indexes; i++)
		add_to_index(table, i, row);
}

/*
 * Into the index, or among the twins of the row that it returns. A hash that many rows share would make the index's runs long: it has
 * only one of equal ones.
 */
static struct ovsdb_row *add_to_index(struct ovsdb_table *table, uint16_t i, struct ovsdb_row *row)
{
	const struct ovsdb_column_list *columns = &table->schema->indexes[i];
	uint64_t hash = ovsdb_row_hash_columns(row, columns);
	size_t cursor = SIZE_MAX;
	struct ovsdb_row *twin;

	do {
		twin = ovsdb_row_set_next_with_hash(&table->indexes[i], hash, &cursor);
	} while (twin != NULL && !ovsdb_row_columns_equal(twin, row, columns));
	if (twin == NULL)
		ovsdb_row_set_add(&table->indexes[i], row, hash);
	else
		ovsdb_row_set_add(&table->twins[i], row, ovsdb_uuid_hash(&row->uuid));
	return twin;
}

static void unindex_row(struct ovsdb_table *table, struct ovsdb_row *row)
{
	for (uint16_t i = 0; i < table->schema->n_indexes; i++) {
		if (is_twin(table, i, row))
			ovsdb_row_set_del(&table->twins[i], row, ovsdb_uuid_hash(&row->uuid));
		else
			ovsdb_row_set_del(&table->indexes[i], row,
			    ovsdb_row_hash_columns(row, &table->schema->indexes[i]));
	}
}

static bool is_twin(const struct ovsdb_table *table, uint16_t i, const struct ovsdb_row *row)
{
	uint64_t hash = ovsdb_uuid_hash(&row->uuid);
	size_t cursor = SIZE_MAX;
	struct ovsdb_row *found;

	do {
		found = ovsdb_row_set_next_with_hash(&table->twins[i], hash, &cursor);
	} while (found != NULL && found != row);
	return found != NULL;
}
