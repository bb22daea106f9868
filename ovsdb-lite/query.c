/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that look at rows: select and wait. */
#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/limit.h"
#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/operation.h"

/* Rows that are distinct in some columns. */
struct distinct {
	const struct ovsdb_column_list *columns;
	bool is_all; // columns tell any two rows apart: no need to look
	struct ovsdb_row_set set;
	size_t n, capacity;
	struct ovsdb_row **rows;
};

struct comparison {
	const struct distinct *expected;
	struct distinct actual;
	bool is_equal;
};

struct wait {
	struct ovsdb_table *table;
	const json_t *timeout, *where, *columns, *until, *rows;
};

static struct ovsdb_error *charge(struct ovsdb_execution *x, const struct ovsdb_row *row,
    const struct ovsdb_column_list *columns);
static bool has_uuid(const struct ovsdb_column_list *columns);
static bool add_distinct(void *ctx, struct ovsdb_row *row);
static bool contains(const struct distinct *d, const struct ovsdb_row *row);
static uint64_t hash_row(const struct distinct *d, const struct ovsdb_row *row);
static void distinct_fini(struct distinct *d);
static int compare_by_columns(const void *a, const void *b, void *ctx);
static struct ovsdb_error *check_timeout(const json_t *json);
static struct ovsdb_error *parse_expected(
    struct ovsdb_execution *x, const struct wait *wait, struct distinct *expected);
static bool compare_row(void *ctx, struct ovsdb_row *row);
static bool is_as_expected(const struct wait *wait, const struct ovsdb_condition *condition,
    const struct distinct *expected);
static struct ovsdb_error *not_yet(struct ovsdb_execution *x, const json_t *timeout);

struct ovsdb_error *ovsdb_do_select(
    struct ovsdb_execution *x, struct ovsdb_parser *p, json_t *result)
{
	struct ovsdb_table *table = ovsdb_parse_table(x, p);
	const json_t *where = ovsdb_parser_member(p, "where", OVSDB_P_ARRAY);
	const json_t *columns = ovsdb_parser_member(p, "columns", OVSDB_P_ARRAY | OVSDB_P_OPTIONAL);
	const json_t *sort = ovsdb_parser_member(p, "sort", OVSDB_P_ARRAY | OVSDB_P_OPTIONAL);
	struct ovsdb_column_list list = {0}, order = {0};
	struct ovsdb_condition condition;

	if (p->error != NULL)
		return NULL;
	struct ovsdb_error *error =
	    ovsdb_condition_from_json(&condition, table->schema, where, &x->names);
	if (error != NULL)
		return error;
	error = ovsdb_column_list_from_json(&list, table->schema, columns);
	if (error == NULL && sort != NULL)
		error = ovsdb_column_list_from_json(&order, table->schema, sort);
	if (error == NULL) {
		struct distinct d = {.columns = &list, .is_all = has_uuid(&list)};
		ovsdb_condition_query(&condition, table, add_distinct, &d);
		if (sort != NULL)
			qsort_r(
			    d.rows, d.n, sizeof(struct ovsdb_row *), compare_by_columns, &order);
		json_t *rows = json_array();
		for (size_t i = 0; error == NULL && i < d.n; i++) {
			error = charge(x, d.rows[i], &list);
			if (error == NULL)
				json_array_append_new(rows, ovsdb_row_to_json(d.rows[i], &list));
		}
		json_object_set_new(result, "rows", rows);
		distinct_fini(&d);
	}
	ovsdb_column_list_fini(&list);
	ovsdb_column_list_fini(&order);
	ovsdb_condition_fini(&condition);
	return error;
}

struct ovsdb_error *ovsdb_do_wait(struct ovsdb_execution *x, struct ovsdb_parser *p, json_t *result)
{
	struct wait wait = {
	    .timeout = ovsdb_parser_member(p, "timeout", OVSDB_P_INTEGER | OVSDB_P_OPTIONAL),
	    .where = ovsdb_parser_member(p, "where", OVSDB_P_ARRAY),
	    .columns = ovsdb_parser_member(p, "columns", OVSDB_P_ARRAY | OVSDB_P_OPTIONAL),
	    .until = ovsdb_parser_member(p, "until", OVSDB_P_STRING),
	    .rows = ovsdb_parser_member(p, "rows", OVSDB_P_ARRAY),
	    .table = ovsdb_parse_table(x, p),
	};
	struct ovsdb_column_list columns = {0};
	struct ovsdb_condition condition;
	struct distinct expected = {.columns = &columns};

	(void)result;
	if (p->error != NULL)
		return NULL;
	const char *until = json_string_value(wait.until);
	bool is_until_equal = strcmp(until, "==") == 0;
	struct ovsdb_error *error =
	    ovsdb_condition_from_json(&condition, wait.table->schema, wait.where, &x->names);
	if (error != NULL)
		return error;
	error = ovsdb_column_list_from_json(&columns, wait.table->schema, wait.columns);
	if (error == NULL && wait.timeout != NULL)
		error = check_timeout(wait.timeout);
	if (error == NULL && !is_until_equal && strcmp(until, "!=") != 0)
		error = ovsdb_syntax_error(wait.until, NULL, "\"until\" must be \"==\" or \"!=\"");
	if (error == NULL)
		error = parse_expected(x, &wait, &expected);
	if (error == NULL && is_as_expected(&wait, &condition, &expected) != is_until_equal)
		error = not_yet(x, wait.timeout);
	for (size_t i = 0; i < expected.n; i++)
		ovsdb_row_unref(expected.rows[i]);
	distinct_fini(&expected);
	ovsdb_column_list_fini(&columns);
	ovsdb_condition_fini(&condition);
	return error;
}

/*
 * A row's share of the answer. All of a table once is never too much, so that any database can be dumped; what goes beyond that is limited.
 */
static struct ovsdb_error *charge(
    struct ovsdb_execution *x, const struct ovsdb_row *row, const struct ovsdb_column_list *columns)
{
	struct ovsdb_table *table = row->table;

	if (x->charges == NULL)
		x->charges = ovsdb_alloc_array(x->db->schema->n_tables, sizeof(*x->charges));
	struct ovsdb_charge *c = &x->charges[table->schema->number];
	size_t size = ovsdb_row_json_bytes(row, columns);
	c->size += size;
	x->answer_size += size;
	if (x->answer_size <= ovsdb_limits[OVSDB_LIMIT_ANSWER].value)
		return NULL;
	if (c->full_size == 0) {
		ovsdb_table_foreach_row (r, table)
			c->full_size += ovsdb_row_json_bytes(r, NULL);
	}
	if (c->size <= c->full_size)
		return NULL;
	ovsdb_limits[OVSDB_LIMIT_ANSWER].n_hits++;
	return ovsdb_error_create("resources exhausted", "results take more than %llu bytes",
	    (unsigned long long)ovsdb_limits[OVSDB_LIMIT_ANSWER].value);
}

static bool has_uuid(const struct ovsdb_column_list *columns)
{
	for (uint16_t i = 0; i < columns->n; i++) {
		if (columns->columns[i]->number == OVSDB_COL_UUID)
			return true;
	}
	return false;
}

static bool add_distinct(void *ctx, struct ovsdb_row *row)
{
	struct distinct *d = ctx;

	if (!d->is_all) {
		if (contains(d, row))
			return true;
		ovsdb_row_set_add(&d->set, row, hash_row(d, row));
	}
	d->rows = ovsdb_grow(d->rows, d->n, &d->capacity, sizeof(struct ovsdb_row *));
	d->rows[d->n++] = row;
	return true;
}

static bool contains(const struct distinct *d, const struct ovsdb_row *row)
{
	uint64_t hash = hash_row(d, row);
	size_t cursor = SIZE_MAX;

	for (;;) {
		struct ovsdb_row *other = ovsdb_row_set_next_with_hash(&d->set, hash, &cursor);
		if (other == NULL)
			return false;
		if (ovsdb_row_columns_equal(row, other, d->columns))
			return true;
	}
}

static uint64_t hash_row(const struct distinct *d, const struct ovsdb_row *row)
{
	for (uint16_t i = 0; i < d->columns->n; i++)
		row->table->db->work += ovsdb_row_get(row, d->columns->columns[i]).n;
	return ovsdb_row_hash_columns(row, d->columns);
}

static void distinct_fini(struct distinct *d)
{
	ovsdb_row_set_fini(&d->set);
	free(d->rows);
}

static int compare_by_columns(const void *a, const void *b, void *ctx)
{
	const struct ovsdb_row *x = *(struct ovsdb_row *const *)a,
			       *y = *(struct ovsdb_row *const *)b;
	const struct ovsdb_column_list *columns = ctx;
	int order = 0;

	for (uint16_t i = 0; order == 0 && i < columns->n; i++) {
		struct ovsdb_datum d = ovsdb_row_get(x, columns->columns[i]);
		struct ovsdb_datum e = ovsdb_row_get(y, columns->columns[i]);
		order = ovsdb_datum_compare(&d, &e);
	}
	return order;
}

static struct ovsdb_error *check_timeout(const json_t *json)
{
	return json_integer_value(json) < 0
		   ? ovsdb_syntax_error(json, NULL, "timeout must be nonnegative")
		   : NULL;
}

/* "rows" as rows of the table that are in no table. */
static struct ovsdb_error *parse_expected(
    struct ovsdb_execution *x, const struct wait *wait, struct distinct *expected)
{
	for (size_t i = 0; i < json_array_size(wait->rows); i++) {
		struct ovsdb_cells cells;
		struct ovsdb_uuid uuid = {0};
		uint64_t version = 0;
		size_t n_std = 0;
		struct ovsdb_error *error = ovsdb_cells_from_json(
		    &cells, wait->table, json_array_get(wait->rows, i), &x->names);
		if (error != NULL)
			return error;
		for (; n_std < cells.n && cells.array[n_std].column->number < OVSDB_N_STD_COLUMNS;
		     n_std++) {
			struct ovsdb_uuid given = cells.array[n_std].datum.atom.uuid;
			if (cells.array[n_std].column->number == OVSDB_COL_UUID)
				uuid = given;
			else
				version = ovsdb_row_version_number(given);
		}
		struct ovsdb_row *row =
		    ovsdb_row_create(wait->table, uuid, NULL, cells.array + n_std, cells.n - n_std);
		row->version = version;
		ovsdb_cells_fini(&cells);
		size_t n = expected->n;
		add_distinct(expected, row);
		if (expected->n == n)
			ovsdb_row_unref(row);
	}
	return NULL;
}

static bool is_as_expected(const struct wait *wait, const struct ovsdb_condition *condition,
    const struct distinct *expected)
{
	struct comparison c = {.expected = expected, .is_equal = true};

	c.actual.columns = expected->columns;
	ovsdb_condition_query(condition, wait->table, compare_row, &c);
	c.is_equal &= c.actual.n == expected->n;
	distinct_fini(&c.actual);
	return c.is_equal;
}

static bool compare_row(void *ctx, struct ovsdb_row *row)
{
	struct comparison *c = ctx;

	c->is_equal = contains(c->expected, row);
	return c->is_equal && add_distinct(&c->actual, row);
}

/* Only this wait's time counts: those before it hold. */
static struct ovsdb_error *not_yet(struct ovsdb_execution *x, const json_t *timeout)
{
	uint64_t elapsed_ms = x->request->elapsed_ms;
	int64_t timeout_ms = timeout != NULL ? json_integer_value(timeout) : -1;

	if (timeout_ms < 0 || elapsed_ms < (uint64_t)timeout_ms) {
		x->must_wait = true;
		x->timeout_ms = timeout_ms;
		return NULL;
	}
	if (elapsed_ms > 0)
		return ovsdb_error_create("timed out", "\"wait\" timed out after %llu ms",
		    (unsigned long long)elapsed_ms);
	return ovsdb_error_create("timed out", "\"where\" clause test failed");
}
