/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/monitor_request.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/datum_text.h"
#include "ovsdb-lite/db.h"
#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/parser.h"

/* A monitor's tables and their conditions in the making: sorted together at the end. */
struct draft {
	struct ovsdb_shape *shape;
	struct ovsdb_condition *conditions; // as shape->tables while they are drafted
	size_t capacity;
	bool with_where;
};

static struct ovsdb_error *decode_table(
    struct draft *d, struct ovsdb_db *db, const char *name, const json_t *requests);
static struct ovsdb_error *decode_request(struct draft *d, size_t at, const json_t *request);
static struct ovsdb_error *decode_select(const char *table, const json_t *json, unsigned int *ret);
static struct ovsdb_error *decode_columns(
    struct ovsdb_shape_table *t, const json_t *columns, unsigned int select);
static struct ovsdb_error *add_column(struct ovsdb_shape_table *t,
    const struct ovsdb_column *column, unsigned int select, const json_t *columns);
static struct ovsdb_error *decode_change(const struct ovsdb_db *db, const struct ovsdb_shape *shape,
    const char *name, const json_t *requests, struct ovsdb_condition *conditions);
static struct ovsdb_error *change_one(
    const struct ovsdb_shape_table *t, const json_t *request, struct ovsdb_condition *condition);
static struct ovsdb_condition *sorted_conditions(
    const struct draft *d, struct ovsdb_table *const *drafted, const struct ovsdb_shape *shape);

struct ovsdb_error *ovsdb_monitor_request_decode(struct ovsdb_db *db, struct list *shapes,
    const json_t *requests, int version, bool with_where, struct ovsdb_shape **shape,
    struct ovsdb_condition **conditions)
{
	struct draft d = {.shape = ovsdb_shape_create(version), .with_where = with_where};
	const char *name;
	json_t *value;
	struct ovsdb_error *error = NULL;
	*conditions = NULL;
	json_object_foreach ((json_t *)requests, name, value) {
		error = decode_table(&d, db, name, value);
		if (error != NULL) {
			ovsdb_conditions_destroy(d.conditions, d.shape->n);
			ovsdb_shape_unref(d.shape);
			return error;
		}
	}
	size_t n = d.shape->n;
	struct ovsdb_table **drafted = ovsdb_alloc_array(n, sizeof(struct ovsdb_table *));
	for (size_t i = 0; i < n; i++)
		drafted[i] = d.shape->tables[i].table;
	*shape = ovsdb_shape_intern(shapes, db->schema, d.shape);
	if (with_where)
		*conditions = sorted_conditions(&d, drafted, *shape);
	free(drafted);
	free(d.conditions);
	return NULL;
}

struct ovsdb_error *ovsdb_monitor_request_decode_change(const struct ovsdb_db *db,
    const struct ovsdb_shape *shape, const struct ovsdb_condition *conditions,
    const json_t *requests, struct ovsdb_condition **ret)
{
	const char *name;
	json_t *value;
	struct ovsdb_error *error = NULL;
	struct ovsdb_condition *changed = ovsdb_alloc_array(shape->n, sizeof(*changed));
	for (size_t i = 0; i < shape->n && error == NULL; i++) {
		json_t *same = ovsdb_condition_to_json(&conditions[i]);
		error = ovsdb_condition_from_json(
		    &changed[i], shape->tables[i].table->schema, same, NULL);
		json_decref(same);
	}
	json_object_foreach ((json_t *)requests, name, value) {
		if (error == NULL)
			error = decode_change(db, shape, name, value, changed);
	}
	if (error != NULL) {
		ovsdb_conditions_destroy(changed, shape->n);
		return error;
	}
	*ret = changed;
	return NULL;
}

void ovsdb_conditions_destroy(struct ovsdb_condition *conditions, size_t n)
{
	for (size_t i = 0; conditions != NULL && i < n; i++)
		ovsdb_condition_fini(&conditions[i]);
	free(conditions);
}

size_t ovsdb_conditions_bytes(const struct ovsdb_condition *conditions, size_t n)
{
	size_t size = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < conditions[i].n; k++)
			size += sizeof(conditions[i].clauses[k]) +
				ovsdb_datum_bytes(&conditions[i].clauses[k].arg);
	return size;
}

bool ovsdb_conditions_choose(const struct ovsdb_condition *conditions, size_t n)
{
	for (size_t i = 0; conditions != NULL && i < n; i++)
		if (conditions[i].n > 0)
			return true;
	return false;
}

static struct ovsdb_error *decode_table(
    struct draft *d, struct ovsdb_db *db, const char *name, const json_t *requests)
{
	struct ovsdb_table *table = ovsdb_db_find_table(db, name);
	if (table == NULL)
		return ovsdb_syntax_error(NULL, NULL, "no table named %s", name);
	size_t at = d->shape->n;
	ovsdb_shape_add_table(d->shape, table);
	d->conditions = ovsdb_grow(d->conditions, at, &d->capacity, sizeof(*d->conditions));
	ovsdb_condition_init(&d->conditions[at]);
	if (!json_is_array(requests))
		return decode_request(d, at, requests);
	for (size_t i = 0; i < json_array_size(requests); i++) {
		struct ovsdb_error *error = decode_request(d, at, json_array_get(requests, i));
		if (error != NULL)
			return error;
	}
	return NULL;
}

static struct ovsdb_error *decode_request(struct draft *d, size_t at, const json_t *request)
{
	struct ovsdb_shape_table *t = &d->shape->tables[at];
	const struct ovsdb_table_schema *schema = t->table->schema;
	unsigned int select = OVSDB_SELECT_ALL;
	const json_t *where = NULL;
	struct ovsdb_parser p;
	ovsdb_parser_init(&p, request, "table %s", schema->name);
	if (d->with_where)
		where = ovsdb_parser_member(&p, "where", OVSDB_P_ARRAY | OVSDB_P_OPTIONAL);
	const json_t *columns =
	    ovsdb_parser_member(&p, "columns", OVSDB_P_ARRAY | OVSDB_P_OPTIONAL);
	const json_t *selected =
	    ovsdb_parser_member(&p, "select", OVSDB_P_OBJECT | OVSDB_P_OPTIONAL);
	struct ovsdb_error *error = ovsdb_parser_finish(&p);
	if (error == NULL && selected != NULL)
		error = decode_select(schema->name, selected, &select);
	if (error != NULL)
		return error;
	t->select |= select;
	error = decode_columns(t, columns, select);
	if (error != NULL || where == NULL)
		return error;
	ovsdb_condition_fini(&d->conditions[at]);
	ovsdb_condition_init(&d->conditions[at]);
	return ovsdb_condition_from_json(&d->conditions[at], schema, where, NULL);
}

static struct ovsdb_error *decode_select(const char *table, const json_t *json, unsigned int *ret)
{
	static const char *const names[] = {"initial", "insert", "delete", "modify"};
	struct ovsdb_parser p;
	*ret = 0;
	ovsdb_parser_init(&p, json, "table %s select", table);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const json_t *value =
		    ovsdb_parser_member(&p, names[i], OVSDB_P_BOOLEAN | OVSDB_P_OPTIONAL);
		if (value == NULL || json_is_true(value))
			*ret |= 1U << i;
	}
	return ovsdb_parser_finish(&p);
}

static struct ovsdb_error *decode_columns(
    struct ovsdb_shape_table *t, const json_t *columns, unsigned int select)
{
	const struct ovsdb_table_schema *schema = t->table->schema;
	struct ovsdb_error *error = NULL;
	for (size_t i = 0; columns == NULL && i < schema->n_columns && error == NULL; i++)
		if (i != OVSDB_COL_UUID)
			error = add_column(t, &schema->columns[i], select, NULL);
	for (size_t i = 0; i < json_array_size(columns) && error == NULL; i++) {
		const char *name = json_string_value(json_array_get(columns, i));
		if (name == NULL)
			return ovsdb_syntax_error(columns, NULL, "array of column names expected");
		const struct ovsdb_column *c = ovsdb_table_schema_find_column(schema, name);
		if (c == NULL)
			return ovsdb_syntax_error(
			    columns, NULL, "%s is not a valid column name", name);
		error = add_column(t, c, select, columns);
	}
	return error;
}

static struct ovsdb_error *add_column(struct ovsdb_shape_table *t,
    const struct ovsdb_column *column, unsigned int select, const json_t *columns)
{
	if (ovsdb_shape_add_column(t, column, select))
		return NULL;
	return ovsdb_syntax_error(
	    columns, NULL, "column %s mentioned more than once", column->name);
}

static struct ovsdb_error *decode_change(const struct ovsdb_db *db, const struct ovsdb_shape *shape,
    const char *name, const json_t *requests, struct ovsdb_condition *conditions)
{
	struct ovsdb_table *table = ovsdb_db_find_table(db, name);
	if (table == NULL)
		return ovsdb_syntax_error(NULL, NULL, "no table named %s", name);
	const struct ovsdb_shape_table *t = ovsdb_shape_find_table(shape, table);
	if (t == NULL)
		return ovsdb_syntax_error(NULL, NULL, "no table named %s in monitor session", name);
	if (!json_is_array(requests))
		return ovsdb_syntax_error(
		    NULL, NULL, "table %s no monitor-cond-change JSON array", name);
	struct ovsdb_error *error = NULL;
	for (size_t i = 0; i < json_array_size(requests) && error == NULL; i++)
		error = change_one(t, json_array_get(requests, i), &conditions[t - shape->tables]);
	return error;
}

static struct ovsdb_error *change_one(
    const struct ovsdb_shape_table *t, const json_t *request, struct ovsdb_condition *condition)
{
	struct ovsdb_condition changed;
	struct ovsdb_parser p;
	ovsdb_parser_init(&p, request, "table %s", t->table->schema->name);
	const json_t *columns =
	    ovsdb_parser_member(&p, "columns", OVSDB_P_ARRAY | OVSDB_P_OPTIONAL);
	const json_t *where = ovsdb_parser_member(&p, "where", OVSDB_P_ARRAY | OVSDB_P_OPTIONAL);
	struct ovsdb_error *error = ovsdb_parser_finish(&p);
	if (error == NULL && columns != NULL)
		error = ovsdb_syntax_error(request, NULL, "changing columns is unsupported");
	if (error != NULL)
		return error;
	ovsdb_condition_init(&changed);
	if (where != NULL)
		error = ovsdb_condition_from_json(&changed, t->table->schema, where, NULL);
	if (error != NULL)
		return error;
	ovsdb_condition_fini(condition);
	*condition = changed;
	return NULL;
}

static struct ovsdb_condition *sorted_conditions(
    const struct draft *d, struct ovsdb_table *const *drafted, const struct ovsdb_shape *shape)
{
	struct ovsdb_condition *sorted = ovsdb_alloc_array(shape->n, sizeof(*sorted));
	for (size_t i = 0; i < shape->n; i++)
		sorted[ovsdb_shape_find_table(shape, drafted[i]) - shape->tables] =
		    d->conditions[i];
	return sorted;
}
