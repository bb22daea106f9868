/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/schema.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/mem.h"

static void list_referring(struct ovsdb_table_schema *table, enum ovsdb_ref_kind kind);
static void table_fini(struct ovsdb_table_schema *table);
static void copy_table(struct ovsdb_table_schema *dst, const struct ovsdb_table_schema *src);
static bool is_every_table_root(const struct ovsdb_schema *schema);
static int compare_table_name(const void *key, const void *elem);
static int compare_column_name(const void *key, const void *elem);

struct ovsdb_schema *ovsdb_schema_copy(const struct ovsdb_schema *schema)
{
	struct ovsdb_schema *copy = ovsdb_alloc(sizeof(*copy));

	copy->name = ovsdb_copy_text(schema->name);
	copy->version = ovsdb_copy_text(schema->version);
	copy->cksum = ovsdb_copy_text(schema->cksum);
	copy->n_tables = schema->n_tables;
	copy->tables = ovsdb_alloc_array(schema->n_tables, sizeof(*copy->tables));
	for (uint16_t i = 0; i < schema->n_tables; i++)
		copy_table(&copy->tables[i], &schema->tables[i]);
	return copy;
}

void ovsdb_schema_destroy(struct ovsdb_schema *schema)
{
	if (schema == NULL)
		return;
	for (uint16_t i = 0; i < schema->n_tables; i++)
		table_fini(&schema->tables[i]);
	free(schema->tables);
	free(schema->name);
	free(schema->version);
	free(schema->cksum);
	free(schema);
}

bool ovsdb_schema_has_ephemeral(const struct ovsdb_schema *schema)
{
	for (uint16_t t = 0; t < schema->n_tables; t++) {
		const struct ovsdb_table_schema *table = &schema->tables[t];
		for (uint16_t c = OVSDB_N_STD_COLUMNS; c < table->n_columns; c++)
			if (!table->columns[c].is_persistent)
				return true;
	}
	return false;
}

bool ovsdb_schema_equals(const struct ovsdb_schema *a, const struct ovsdb_schema *b)
{
	json_t *x = ovsdb_schema_to_json(a), *y = ovsdb_schema_to_json(b);
	bool is_equal = json_equal(x, y) == 1;

	json_decref(x);
	json_decref(y);
	return is_equal;
}

json_t *ovsdb_schema_to_json(const struct ovsdb_schema *schema)
{
	json_t *json = json_object(), *tables = json_object();
	bool is_every_root = is_every_table_root(schema);

	json_object_set_new(json, "name", json_string(schema->name));
	if (schema->version[0] != '\0')
		json_object_set_new(json, "version", json_string(schema->version));
	if (schema->cksum[0] != '\0')
		json_object_set_new(json, "cksum", json_string(schema->cksum));
	for (uint16_t i = 0; i < schema->n_tables; i++) {
		const struct ovsdb_table_schema *table = &schema->tables[i];
		json_t *object = ovsdb_table_schema_to_json(table);
		if (table->is_root && !is_every_root)
			json_object_set_new(object, "isRoot", json_true());
		json_object_set_new(tables, table->name, object);
	}
	json_object_set_new(json, "tables", tables);
	return json;
}

json_t *ovsdb_table_schema_to_json(const struct ovsdb_table_schema *table)
{
	json_t *json = json_object(), *columns = json_object(), *indexes = json_array();

	if (!table->is_mutable)
		json_object_set_new(json, "mutable", json_false());
	for (uint16_t i = OVSDB_N_STD_COLUMNS; i < table->n_columns; i++) {
		const struct ovsdb_column *column = &table->columns[i];
		json_object_set_new(columns, column->name, ovsdb_column_to_json(column));
	}
	json_object_set_new(json, "columns", columns);
	if (table->max_rows != OVSDB_UNLIMITED)
		json_object_set_new(json, "maxRows", json_integer(table->max_rows));
	for (uint16_t i = 0; i < table->n_indexes; i++) {
		json_t *names = json_array();
		for (uint16_t j = 0; j < table->indexes[i].n; j++)
			json_array_append_new(
			    names, json_string(table->indexes[i].columns[j]->name));
		json_array_append_new(indexes, names);
	}
	if (table->n_indexes > 0)
		json_object_set(json, "indexes", indexes);
	json_decref(indexes);
	return json;
}

json_t *ovsdb_column_to_json(const struct ovsdb_column *column)
{
	json_t *json = json_object();

	if (!column->is_mutable)
		json_object_set_new(json, "mutable", json_false());
	if (!column->is_persistent)
		json_object_set_new(json, "ephemeral", json_true());
	json_object_set_new(json, "type", ovsdb_type_to_json(&column->type));
	return json;
}

const struct ovsdb_table_schema *ovsdb_schema_find_table(
    const struct ovsdb_schema *schema, const char *name)
{
	return bsearch(
	    name, schema->tables, schema->n_tables, sizeof(*schema->tables), compare_table_name);
}

/* The standard names begin with '_', which sorts behind capitals: they are looked at apart. */
const struct ovsdb_column *ovsdb_table_schema_find_column(
    const struct ovsdb_table_schema *table, const char *name)
{
	for (int i = 0; i < OVSDB_N_STD_COLUMNS && name[0] == '_'; i++) {
		if (strcmp(name, table->columns[i].name) == 0)
			return &table->columns[i];
	}
	return bsearch(name, table->columns + OVSDB_N_STD_COLUMNS,
	    (size_t)table->n_columns - OVSDB_N_STD_COLUMNS, sizeof(*table->columns),
	    compare_column_name);
}

void ovsdb_table_schema_finish(struct ovsdb_table_schema *table)
{
	table->n_words = (uint16_t)((table->n_columns + 63) / 64);
	table->wide_bits = ovsdb_alloc_array(table->n_words, sizeof(uint64_t));
	table->inline_bits = ovsdb_alloc_array(table->n_words, sizeof(uint64_t));
	for (uint16_t i = 0; i < table->n_columns; i++) {
		uint64_t bit = 1ULL << i % 64;
		table->columns[i].number = i;
		if (table->columns[i].type.is_wide)
			table->wide_bits[i / 64] |= bit;
		if (table->columns[i].type.is_inline)
			table->inline_bits[i / 64] |= bit;
	}
	list_referring(table, OVSDB_REF_STRONG);
	list_referring(table, OVSDB_REF_WEAK);
}

static void list_referring(struct ovsdb_table_schema *table, enum ovsdb_ref_kind kind)
{
	struct ovsdb_column_list *list = &table->ref_columns[kind];

	list->n = 0;
	list->columns = ovsdb_alloc_array(table->n_columns, sizeof(struct ovsdb_column *));
	for (uint16_t i = OVSDB_N_STD_COLUMNS; i < table->n_columns; i++) {
		if (ovsdb_type_has_refs(&table->columns[i].type, kind))
			list->columns[list->n++] = &table->columns[i];
	}
}

static void table_fini(struct ovsdb_table_schema *table)
{
	for (uint16_t i = 0; i < table->n_columns; i++) {
		free(table->columns[i].name);
		ovsdb_type_fini(&table->columns[i].type);
	}
	for (uint16_t i = 0; i < table->n_indexes; i++)
		free(table->indexes[i].columns);
	free(table->columns);
	free(table->indexes);
	for (int kind = 0; kind <= OVSDB_REF_WEAK; kind++)
		free(table->ref_columns[kind].columns);
	free(table->wide_bits);
	free(table->inline_bits);
	free(table->name);
}

static void copy_table(struct ovsdb_table_schema *dst, const struct ovsdb_table_schema *src)
{
	*dst = *src;
	dst->name = ovsdb_copy_text(src->name);
	dst->columns = ovsdb_alloc_array(src->n_columns, sizeof(*dst->columns));
	for (uint16_t i = 0; i < src->n_columns; i++) {
		dst->columns[i] = src->columns[i];
		dst->columns[i].name = ovsdb_copy_text(src->columns[i].name);
		ovsdb_type_copy(&dst->columns[i].type, &src->columns[i].type);
	}
	dst->indexes = ovsdb_alloc_array(src->n_indexes, sizeof(*dst->indexes));
	for (uint16_t i = 0; i < src->n_indexes; i++) {
		struct ovsdb_column_list *list = &dst->indexes[i];
		list->n = src->indexes[i].n;
		list->columns = ovsdb_alloc_array(list->n, sizeof(struct ovsdb_column *));
		for (uint16_t j = 0; j < list->n; j++)
			list->columns[j] = &dst->columns[src->indexes[i].columns[j]->number];
	}
	ovsdb_table_schema_finish(dst);
}

/* Then "isRoot" is left out, as in schemas from before there was garbage collection. */
static bool is_every_table_root(const struct ovsdb_schema *schema)
{
	for (uint16_t i = 0; i < schema->n_tables; i++) {
		if (!schema->tables[i].is_root)
			return false;
	}
	return true;
}

static int compare_table_name(const void *key, const void *elem)
{
	const struct ovsdb_table_schema *table = elem;

	return strcmp(key, table->name);
}

static int compare_column_name(const void *key, const void *elem)
{
	const struct ovsdb_column *column = elem;

	return strcmp(key, column->name);
}
