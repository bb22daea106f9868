/* SPDX-License-Identifier: Apache-2.0 */
/* A schema from its JSON (RFC 7047 3.2), checked. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/limit.h"
#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/parser.h"
#include "ovsdb-lite/schema.h"

static struct ovsdb_error *schema_from_members(struct ovsdb_schema *schema, struct ovsdb_parser *p);
static bool is_version(const char *s);
static struct ovsdb_error *tables_from_json(
    struct ovsdb_schema *schema, const json_t *json, const json_t *tables);
static struct ovsdb_error *table_from_json(
    struct ovsdb_table_schema *table, const json_t *json, const char *name);
static struct ovsdb_error *table_from_members(
    struct ovsdb_table_schema *table, struct ovsdb_parser *p);
static struct ovsdb_error *columns_from_json(
    struct ovsdb_table_schema *table, const json_t *json, const json_t *columns);
static void add_std_columns(struct ovsdb_table_schema *table);
static struct ovsdb_error *column_from_json(
    struct ovsdb_column *column, const json_t *json, const char *name);
static struct ovsdb_error *indexes_from_json(
    struct ovsdb_table_schema *table, const json_t *json, const json_t *indexes);
static struct ovsdb_error *check_name(const json_t *json, const char *name);
static struct ovsdb_error *check_references(struct ovsdb_schema *schema);
static struct ovsdb_error *check_reference(const struct ovsdb_schema *schema,
    struct ovsdb_column *column, const struct ovsdb_base_type *base, const char *base_name);
static const char **sorted_names(const json_t *object);

struct ovsdb_error *ovsdb_schema_from_json(struct ovsdb_schema **ret, const json_t *json)
{
	struct ovsdb_schema *schema = ovsdb_alloc(sizeof(*schema));
	struct ovsdb_parser p;

	ovsdb_parser_init(&p, json, "database schema");
	struct ovsdb_error *error = schema_from_members(schema, &p);
	if (error == NULL)
		error = check_references(schema);
	if (error != NULL) {
		ovsdb_schema_destroy(schema);
		return error;
	}
	*ret = schema;
	return NULL;
}

struct ovsdb_error *ovsdb_schema_from_file(struct ovsdb_schema **ret, const char *path)
{
	json_error_t where;
	json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &where);

	if (json == NULL)
		return ovsdb_error_create("failed to read schema",
		    "\"%s\" could not be read as JSON (%s, line %d)", path, where.text, where.line);
	struct ovsdb_error *error = ovsdb_schema_from_json(ret, json);
	json_decref(json);
	if (error != NULL)
		error = ovsdb_error_wrap(error, "failed to parse \"%s\" as ovsdb schema", path);
	return error;
}

struct ovsdb_error *ovsdb_column_list_from_json(
    struct ovsdb_column_list *ret, const struct ovsdb_table_schema *table, const json_t *json)
{
	static const char expected[] = "array of distinct column names expected";
	uint64_t *seen = ovsdb_alloc_array(table->n_words, sizeof(*seen));
	struct ovsdb_error *error = NULL;
	size_t n = json != NULL ? json_array_size(json) : table->n_columns;

	ret->n = 0;
	ret->columns =
	    ovsdb_alloc_array(MIN_OF(n, table->n_columns), sizeof(struct ovsdb_column *));
	if (json != NULL && !json_is_array(json))
		error = ovsdb_syntax_error(json, NULL, "%s", expected);
	for (size_t i = 0; error == NULL && i < n; i++) {
		const struct ovsdb_column *column = &table->columns[i % table->n_columns];
		const char *name =
		    json != NULL ? json_string_value(json_array_get(json, i)) : column->name;
		column = name != NULL ? ovsdb_table_schema_find_column(table, name) : NULL;
		if (name != NULL && column == NULL)
			error =
			    ovsdb_syntax_error(json, NULL, "%s is not a valid column name", name);
		else if (name == NULL ||
			 (seen[column->number / 64] >> column->number % 64 & 1) != 0)
			error = ovsdb_syntax_error(json, NULL, "%s", expected);
		if (error != NULL)
			break;
		seen[column->number / 64] |= 1ULL << column->number % 64;
		ret->columns[ret->n++] = column;
	}
	free(seen);
	if (error != NULL)
		ovsdb_column_list_fini(ret);
	return error;
}

void ovsdb_column_list_fini(struct ovsdb_column_list *list)
{
	free(list->columns);
	*list = (struct ovsdb_column_list){0};
}

static struct ovsdb_error *schema_from_members(struct ovsdb_schema *schema, struct ovsdb_parser *p)
{
	const json_t *name = ovsdb_parser_member(p, "name", OVSDB_P_ID);
	const json_t *version =
	    ovsdb_parser_member(p, "version", OVSDB_P_STRING | OVSDB_P_OPTIONAL);
	const json_t *cksum = ovsdb_parser_member(p, "cksum", OVSDB_P_STRING | OVSDB_P_OPTIONAL);
	const json_t *tables = ovsdb_parser_member(p, "tables", OVSDB_P_OBJECT);
	struct ovsdb_error *error = ovsdb_parser_finish(p);

	if (error != NULL)
		return error;
	const char *s = version != NULL ? json_string_value(version) : "";
	if (version != NULL && !is_version(s))
		return ovsdb_syntax_error(
		    p->json, NULL, "schema version \"%s\" not in format x.y.z", s);
	schema->name = ovsdb_copy_text(json_string_value(name));
	schema->version = ovsdb_copy_text(s);
	schema->cksum = ovsdb_copy_text(cksum != NULL ? json_string_value(cksum) : "");
	return tables_from_json(schema, p->json, tables);
}

/* x.y.z */
static bool is_version(const char *s)
{
	for (int part = 0; part < 3; part++) {
		size_t n = strspn(s, "0123456789");
		if (n == 0 || s[n] != (part < 2 ? '.' : '\0'))
			return false;
		s += n + 1;
	}
	return true;
}

static struct ovsdb_error *tables_from_json(
    struct ovsdb_schema *schema, const json_t *json, const json_t *tables)
{
	size_t n = json_object_size(tables);
	struct ovsdb_error *error = NULL;
	size_t n_root = 0;

	if (ovsdb_limit_is_over(OVSDB_LIMIT_TABLES, n))
		return ovsdb_syntax_error(NULL, NULL, "too many tables: %zu", n);
	const char **names = sorted_names(tables);
	schema->tables = ovsdb_alloc_array(n, sizeof(*schema->tables));
	for (size_t i = 0; error == NULL && i < n; i++) {
		struct ovsdb_table_schema *table = &schema->tables[i];
		error = check_name(json, names[i]);
		if (error != NULL)
			break;
		schema->n_tables++;
		table->number = (uint16_t)i;
		error = table_from_json(table, json_object_get(tables, names[i]), names[i]);
		n_root += table->is_root;
	}
	free(names);
	// "isRoot" came later than schemas: where no table has it, none is collected.
	for (uint16_t i = 0; n_root == 0 && i < schema->n_tables; i++)
		schema->tables[i].is_root = true;
	return error;
}

static struct ovsdb_error *table_from_json(
    struct ovsdb_table_schema *table, const json_t *json, const char *name)
{
	struct ovsdb_parser p;

	table->name = ovsdb_copy_text(name);
	ovsdb_parser_init(&p, json, "table schema for table %s", name);
	return table_from_members(table, &p);
}

static struct ovsdb_error *table_from_members(
    struct ovsdb_table_schema *table, struct ovsdb_parser *p)
{
	const json_t *columns = ovsdb_parser_member(p, "columns", OVSDB_P_OBJECT);
	const json_t *is_mutable =
	    ovsdb_parser_member(p, "mutable", OVSDB_P_BOOLEAN | OVSDB_P_OPTIONAL);
	const json_t *max_rows =
	    ovsdb_parser_member(p, "maxRows", OVSDB_P_INTEGER | OVSDB_P_OPTIONAL);
	const json_t *is_root =
	    ovsdb_parser_member(p, "isRoot", OVSDB_P_BOOLEAN | OVSDB_P_OPTIONAL);
	const json_t *indexes = ovsdb_parser_member(p, "indexes", OVSDB_P_ARRAY | OVSDB_P_OPTIONAL);
	struct ovsdb_error *error = ovsdb_parser_finish(p);

	if (error != NULL)
		return error;
	table->is_mutable = is_mutable == NULL || json_is_true(is_mutable);
	table->is_root = is_root != NULL && json_is_true(is_root);
	table->max_rows = OVSDB_UNLIMITED;
	if (max_rows != NULL && json_integer_value(max_rows) <= 0)
		return ovsdb_syntax_error(p->json, NULL, "maxRows must be at least 1");
	if (max_rows != NULL)
		table->max_rows =
		    (uint32_t)MIN_OF(json_integer_value(max_rows), (json_int_t)OVSDB_UNLIMITED);
	if (json_object_size(columns) == 0)
		return ovsdb_syntax_error(p->json, NULL, "table must have at least one column");
	error = columns_from_json(table, p->json, columns);
	if (error != NULL)
		return error;
	ovsdb_table_schema_finish(table);
	return indexes != NULL ? indexes_from_json(table, p->json, indexes) : NULL;
}

static struct ovsdb_error *columns_from_json(
    struct ovsdb_table_schema *table, const json_t *json, const json_t *columns)
{
	size_t n = json_object_size(columns);
	struct ovsdb_error *error = NULL;

	if (ovsdb_limit_is_over(OVSDB_LIMIT_COLUMNS, n))
		return ovsdb_syntax_error(NULL, NULL, "too many columns: %zu", n);
	const char **names = sorted_names(columns);
	table->columns = ovsdb_alloc_array(n + OVSDB_N_STD_COLUMNS, sizeof(*table->columns));
	add_std_columns(table);
	for (size_t i = 0; error == NULL && i < n; i++) {
		error = check_name(json, names[i]);
		if (error != NULL)
			break;
		struct ovsdb_column *column = &table->columns[table->n_columns++];
		error = column_from_json(column, json_object_get(columns, names[i]), names[i]);
	}
	free(names);
	return error;
}

static void add_std_columns(struct ovsdb_table_schema *table)
{
	static const char *const names[OVSDB_N_STD_COLUMNS] = {"_uuid", "_version"};

	for (int i = 0; i < OVSDB_N_STD_COLUMNS; i++) {
		struct ovsdb_column *column = &table->columns[table->n_columns++];
		column->name = ovsdb_copy_text(names[i]);
		ovsdb_type_init_scalar(&column->type, OVSDB_UUID);
	}
}

static struct ovsdb_error *column_from_json(
    struct ovsdb_column *column, const json_t *json, const char *name)
{
	struct ovsdb_parser p;

	column->name = ovsdb_copy_text(name);
	ovsdb_parser_init(&p, json, "schema for column %s", name);
	const json_t *is_mutable =
	    ovsdb_parser_member(&p, "mutable", OVSDB_P_BOOLEAN | OVSDB_P_OPTIONAL);
	const json_t *is_ephemeral =
	    ovsdb_parser_member(&p, "ephemeral", OVSDB_P_BOOLEAN | OVSDB_P_OPTIONAL);
	const json_t *type = ovsdb_parser_member(&p, "type", OVSDB_P_STRING | OVSDB_P_OBJECT);
	struct ovsdb_error *error = ovsdb_parser_finish(&p);
	if (error == NULL)
		error = ovsdb_type_from_json(&column->type, type);
	if (error != NULL)
		return error;
	// A weak reference cannot be immutable: it changes when the row that it refers to goes.
	column->is_mutable = is_mutable == NULL || json_is_true(is_mutable) ||
			     ovsdb_type_has_refs(&column->type, OVSDB_REF_WEAK);
	column->is_persistent = is_ephemeral == NULL || !json_is_true(is_ephemeral);
	return NULL;
}

static struct ovsdb_error *indexes_from_json(
    struct ovsdb_table_schema *table, const json_t *json, const json_t *indexes)
{
	size_t n = json_array_size(indexes);
	struct ovsdb_error *error = NULL;

	if (ovsdb_limit_is_over(OVSDB_LIMIT_COLUMNS, n))
		return ovsdb_syntax_error(NULL, NULL, "too many indexes: %zu", n);
	table->indexes = ovsdb_alloc_array(n, sizeof(*table->indexes));
	for (size_t i = 0; error == NULL && i < n; i++) {
		struct ovsdb_column_list *index = &table->indexes[i];
		error = ovsdb_column_list_from_json(index, table, json_array_get(indexes, i));
		if (error != NULL)
			break;
		table->n_indexes++;
		if (index->n == 0)
			error =
			    ovsdb_syntax_error(json, NULL, "index must have at least one column");
		for (uint16_t j = 0; error == NULL && j < index->n; j++) {
			const struct ovsdb_column *column = index->columns[j];
			if (!column->is_persistent)
				error = ovsdb_syntax_error(json, NULL,
				    "ephemeral columns (such as %s) may not be indexed",
				    column->name);
		}
	}
	return error;
}

static struct ovsdb_error *check_name(const json_t *json, const char *name)
{
	if (name[0] == '_')
		return ovsdb_syntax_error(json, NULL, "names beginning with \"_\" are reserved");
	if (!ovsdb_is_id(name))
		return ovsdb_syntax_error(json, NULL, "name must be a valid id");
	return NULL;
}

static struct ovsdb_error *check_references(struct ovsdb_schema *schema)
{
	struct ovsdb_error *error = NULL;

	for (uint16_t i = 0; i < schema->n_tables; i++) {
		struct ovsdb_table_schema *table = &schema->tables[i];
		for (uint16_t j = 0; error == NULL && j < table->n_columns; j++) {
			struct ovsdb_column *column = &table->columns[j];
			error = check_reference(schema, column, &column->type.key, "key");
			if (error == NULL)
				error =
				    check_reference(schema, column, &column->type.value, "value");
		}
	}
	return error;
}

static struct ovsdb_error *check_reference(const struct ovsdb_schema *schema,
    struct ovsdb_column *column, const struct ovsdb_base_type *base, const char *base_name)
{
	if (base->type != OVSDB_UUID || base->uuid.ref_table_name == NULL)
		return NULL;
	const struct ovsdb_table_schema *table =
	    ovsdb_schema_find_table(schema, base->uuid.ref_table_name);
	if (table == NULL)
		return ovsdb_syntax_error(NULL, NULL, "column %s %s refers to undefined table %s",
		    column->name, base_name, base->uuid.ref_table_name);
	// What keeps a row of a non-root table alive must be on disk with it.
	if (base->uuid.kind == OVSDB_REF_STRONG && !table->is_root)
		column->is_persistent = true;
	return NULL;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Borrowed from the object; the array is for free(). */
static const char **sorted_names(const json_t *object)
{
	const char **names = ovsdb_alloc_array(json_object_size(object), sizeof(*names));
	const char *name;
	json_t *value = NULL;
	size_t n = 0;

	json_object_foreach ((json_t *)object, name, value)
		names[n++] = name;
	qsort(names, n, sizeof(*names), compare_names);
	return names;
}
