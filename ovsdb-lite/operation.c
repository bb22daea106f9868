/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/operation.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/mutation.h"
#include "ovsdb-lite/txn_row.h"

/* What update, mutate and delete do to the rows that they find. */
struct edit {
	struct ovsdb_txn *txn;
	const struct ovsdb_cells *cells;
	const struct ovsdb_mutations *mutations;
	struct ovsdb_error *error;
};

static struct ovsdb_error *choose_uuid(struct ovsdb_execution *x, const struct ovsdb_table *table,
    const json_t *uuid, const json_t *name, struct ovsdb_uuid *ret);
static struct ovsdb_error *insert_row(struct ovsdb_execution *x, struct ovsdb_table *table,
    struct ovsdb_uuid uuid, const json_t *json);
static struct ovsdb_error *check_mutable(
    const struct ovsdb_cells *cells, const struct ovsdb_parser *p, const struct ovsdb_table *table);
static bool update_row(void *ctx, struct ovsdb_row *row);
static bool mutate_row(void *ctx, struct ovsdb_row *row);
static bool delete_row(void *ctx, struct ovsdb_row *row);
static struct ovsdb_error *mutate_cell(
    struct ovsdb_cells *cells, const struct ovsdb_row *row, const struct ovsdb_mutation *mutation);
static void sort_cells(struct ovsdb_cells *cells);

struct ovsdb_error *ovsdb_do_insert(
    struct ovsdb_execution *x, struct ovsdb_parser *p, json_t *result)
{
	struct ovsdb_table *table = ovsdb_parse_table(x, p);
	const json_t *uuid = ovsdb_parser_member(p, "uuid", OVSDB_P_STRING | OVSDB_P_OPTIONAL);
	const json_t *name = ovsdb_parser_member(p, "uuid-name", OVSDB_P_ID | OVSDB_P_OPTIONAL);
	const json_t *row = ovsdb_parser_member(p, "row", OVSDB_P_OBJECT);
	union ovsdb_atom atom;

	if (p->error != NULL)
		return NULL; // ovsdb_parser_finish reports it
	struct ovsdb_error *error = choose_uuid(x, table, uuid, name, &atom.uuid);
	if (error == NULL)
		error = insert_row(x, table, atom.uuid, row);
	if (error == NULL)
		json_object_set_new(result, "uuid", ovsdb_atom_to_json(&atom, OVSDB_UUID));
	return error;
}

struct ovsdb_error *ovsdb_do_update(
    struct ovsdb_execution *x, struct ovsdb_parser *p, json_t *result)
{
	struct ovsdb_table *table = ovsdb_parse_table(x, p);
	const json_t *where = ovsdb_parser_member(p, "where", OVSDB_P_ARRAY);
	const json_t *row = ovsdb_parser_member(p, "row", OVSDB_P_OBJECT);
	struct ovsdb_condition condition;
	struct ovsdb_cells cells;

	if (p->error != NULL)
		return NULL; // ovsdb_parser_finish reports it
	struct ovsdb_error *error = ovsdb_cells_from_json(&cells, table, row, &x->names);
	if (error != NULL)
		return error;
	ovsdb_condition_init(&condition);
	error = check_mutable(&cells, p, table);
	if (error == NULL)
		error = ovsdb_condition_from_json(&condition, table->schema, where, &x->names);
	if (error == NULL) {
		struct edit edit = {.txn = x->txn, .cells = &cells};
		size_t n = ovsdb_condition_query(&condition, table, update_row, &edit);
		json_object_set_new(result, "count", json_integer((json_int_t)n));
	}
	ovsdb_condition_fini(&condition);
	ovsdb_cells_fini(&cells);
	return error;
}

struct ovsdb_error *ovsdb_do_mutate(
    struct ovsdb_execution *x, struct ovsdb_parser *p, json_t *result)
{
	struct ovsdb_table *table = ovsdb_parse_table(x, p);
	const json_t *where = ovsdb_parser_member(p, "where", OVSDB_P_ARRAY);
	const json_t *json = ovsdb_parser_member(p, "mutations", OVSDB_P_ARRAY);
	struct ovsdb_mutations mutations;
	struct ovsdb_condition condition;

	if (p->error != NULL)
		return NULL; // ovsdb_parser_finish reports it
	struct ovsdb_error *error =
	    ovsdb_mutations_from_json(&mutations, table->schema, json, &x->names);
	if (error != NULL)
		return error;
	error = ovsdb_condition_from_json(&condition, table->schema, where, &x->names);
	if (error == NULL) {
		struct edit edit = {.txn = x->txn, .mutations = &mutations};
		size_t n = ovsdb_condition_query(&condition, table, mutate_row, &edit);
		error = edit.error;
		json_object_set_new(result, "count", json_integer((json_int_t)n));
		ovsdb_condition_fini(&condition);
	}
	ovsdb_mutations_fini(&mutations);
	return error;
}

struct ovsdb_error *ovsdb_do_delete(
    struct ovsdb_execution *x, struct ovsdb_parser *p, json_t *result)
{
	const json_t *where = ovsdb_parser_member(p, "where", OVSDB_P_ARRAY);
	struct ovsdb_table *table = ovsdb_parse_table(x, p);
	struct edit edit = {.txn = x->txn};
	struct ovsdb_condition condition;

	if (p->error != NULL)
		return NULL; // ovsdb_parser_finish reports it
	struct ovsdb_error *error =
	    ovsdb_condition_from_json(&condition, table->schema, where, &x->names);
	if (error != NULL)
		return error;
	size_t n = ovsdb_condition_query(&condition, table, delete_row, &edit);
	json_object_set_new(result, "count", json_integer((json_int_t)n));
	ovsdb_condition_fini(&condition);
	return NULL;
}

struct ovsdb_error *ovsdb_do_commit(
    struct ovsdb_execution *x, struct ovsdb_parser *p, json_t *result)
{
	const json_t *durable = ovsdb_parser_member(p, "durable", OVSDB_P_BOOLEAN);

	(void)result;
	x->is_durable |= json_is_true(durable);
	return NULL;
}

struct ovsdb_error *ovsdb_do_abort(
    struct ovsdb_execution *x, struct ovsdb_parser *p, json_t *result)
{
	(void)x;
	(void)p;
	(void)result;
	return ovsdb_error_create("aborted", "aborted by request");
}

struct ovsdb_error *ovsdb_do_comment(
    struct ovsdb_execution *x, struct ovsdb_parser *p, json_t *result)
{
	const json_t *comment = ovsdb_parser_member(p, "comment", OVSDB_P_STRING);

	(void)result;
	if (comment != NULL)
		ovsdb_txn_add_comment(x->txn, json_string_value(comment));
	return NULL;
}

struct ovsdb_error *ovsdb_do_assert(
    struct ovsdb_execution *x, struct ovsdb_parser *p, json_t *result)
{
	const struct ovsdb_request *request = x->request;
	const char *lock = json_string_value(ovsdb_parser_member(p, "lock", OVSDB_P_ID));

	(void)result;
	if (lock == NULL ||
	    (request->holds_lock != NULL && request->holds_lock(request->ctx, lock)))
		return NULL;
	return ovsdb_error_create("not owner", "Asserted lock %s not held.", lock);
}

struct ovsdb_error *ovsdb_cells_from_json(struct ovsdb_cells *ret, const struct ovsdb_table *table,
    const json_t *json, struct ovsdb_names *names)
{
	const struct ovsdb_table_schema *schema = table->schema;
	struct ovsdb_error *error = NULL;
	const char *name;
	json_t *value = NULL;

	*ret = (struct ovsdb_cells){0};
	if (!json_is_object(json))
		return ovsdb_syntax_error(json, NULL, "row must be JSON object");
	ret->array = ovsdb_alloc_array(json_object_size(json), sizeof(*ret->array));
	json_object_foreach ((json_t *)json, name, value) {
		struct ovsdb_cell *cell = &ret->array[ret->n];
		cell->column = ovsdb_table_schema_find_column(schema, name);
		error = cell->column != NULL
			    ? ovsdb_datum_from_json(&cell->datum, &cell->column->type, value, names)
			    : ovsdb_syntax_error(json, "unknown column",
				  "No column %s in table %s.", name, schema->name);
		if (error != NULL)
			break;
		ret->n++;
	}
	if (error != NULL)
		ovsdb_cells_fini(ret);
	else
		sort_cells(ret);
	return error;
}

void ovsdb_cells_fini(struct ovsdb_cells *cells)
{
	for (size_t i = 0; i < cells->n; i++)
		ovsdb_datum_unref(&cells->array[i].datum);
	free(cells->array);
	*cells = (struct ovsdb_cells){0};
}

struct ovsdb_table *ovsdb_parse_table(struct ovsdb_execution *x, struct ovsdb_parser *p)
{
	const char *name = json_string_value(ovsdb_parser_member(p, "table", OVSDB_P_ID));

	if (name == NULL)
		return NULL;
	struct ovsdb_table *table = ovsdb_db_find_table(x->db, name);
	if (table == NULL)
		ovsdb_parser_raise(p, "No table named %s.", name);
	return table;
}

static struct ovsdb_error *choose_uuid(struct ovsdb_execution *x, const struct ovsdb_table *table,
    const json_t *uuid, const json_t *name, struct ovsdb_uuid *ret)
{
	if (uuid != NULL && !ovsdb_uuid_parse(json_string_value(uuid), ret))
		return ovsdb_syntax_error(uuid, NULL, "bad uuid");
	if (uuid != NULL && !ovsdb_txn_may_insert(x->txn, table, ret))
		return ovsdb_syntax_error(uuid, "duplicate uuid",
		    "This UUID would duplicate a UUID already present within the table or "
		    "deleted within the same transaction.");
	if (uuid == NULL)
		*ret = ovsdb_uuid_random();
	if (name == NULL)
		return NULL;
	struct ovsdb_name *symbol = ovsdb_names_get(&x->names, json_string_value(name));
	if (symbol == NULL)
		return ovsdb_error_create("resources exhausted", "too many named UUIDs");
	if (symbol->is_created)
		return ovsdb_syntax_error(name, "duplicate uuid-name",
		    "This \"uuid-name\" appeared on an earlier \"insert\" operation.");
	symbol->is_created = true;
	if (uuid != NULL)
		symbol->uuid = *ret;
	else
		*ret = symbol->uuid;
	return NULL;
}

static struct ovsdb_error *insert_row(struct ovsdb_execution *x, struct ovsdb_table *table,
    struct ovsdb_uuid uuid, const json_t *json)
{
	struct ovsdb_cells cells;
	struct ovsdb_error *error = ovsdb_cells_from_json(&cells, table, json, &x->names);
	size_t n_std = 0;

	if (error != NULL)
		return error;
	error = ovsdb_table_check_defaults(table, cells.array, cells.n);
	// _uuid and _version are taken, but are not the client's to give.
	while (n_std < cells.n && cells.array[n_std].column->number < OVSDB_N_STD_COLUMNS)
		n_std++;
	if (error == NULL)
		ovsdb_txn_add(x->txn,
		    ovsdb_row_create(table, uuid, NULL, cells.array + n_std, cells.n - n_std));
	ovsdb_cells_fini(&cells);
	return error;
}

static struct ovsdb_error *check_mutable(
    const struct ovsdb_cells *cells, const struct ovsdb_parser *p, const struct ovsdb_table *table)
{
	for (size_t i = 0; i < cells->n; i++) {
		const struct ovsdb_column *column = cells->array[i].column;
		if (!column->is_mutable)
			return ovsdb_syntax_error(p->json, "constraint violation",
			    "Cannot update immutable column %s in table %s.", column->name,
			    table->schema->name);
	}
	return NULL;
}

static bool update_row(void *ctx, struct ovsdb_row *row)
{
	struct edit *edit = ctx;

	ovsdb_txn_edit(edit->txn, row, edit->cells->array, edit->cells->n);
	return true;
}

static bool mutate_row(void *ctx, struct ovsdb_row *row)
{
	struct edit *edit = ctx;
	struct ovsdb_cells cells = {
	    .array = ovsdb_alloc_array(edit->mutations->n, sizeof(*cells.array))};

	for (size_t i = 0; edit->error == NULL && i < edit->mutations->n; i++) {
		if (ovsdb_db_is_work_over(edit->txn->db))
			break; // ovsdb_execute ends the transaction
		edit->error = mutate_cell(&cells, row, &edit->mutations->array[i]);
	}
	sort_cells(&cells);
	if (edit->error == NULL)
		ovsdb_txn_edit(edit->txn, row, cells.array, cells.n);
	ovsdb_cells_fini(&cells);
	return edit->error == NULL;
}

static bool delete_row(void *ctx, struct ovsdb_row *row)
{
	struct edit *edit = ctx;

	ovsdb_txn_replace(edit->txn, ovsdb_txn_touch(edit->txn, row->table, &row->uuid), NULL);
	return true;
}

/* Mutations of one column follow each other. */
static struct ovsdb_error *mutate_cell(
    struct ovsdb_cells *cells, const struct ovsdb_row *row, const struct ovsdb_mutation *mutation)
{
	struct ovsdb_datum before = ovsdb_row_get(row, mutation->column), after;
	size_t i = 0;

	while (i < cells->n && cells->array[i].column != mutation->column)
		i++;
	if (i < cells->n)
		before = cells->array[i].datum;
	row->table->db->work += 1 + before.n + mutation->arg.n;
	struct ovsdb_error *error = ovsdb_mutation_apply(mutation, &before, &after);
	if (error != NULL)
		return error;
	if (i < cells->n)
		ovsdb_datum_unref(&cells->array[i].datum);
	else
		cells->array[cells->n++].column = mutation->column;
	cells->array[i].datum = after;
	return NULL;
}

static int compare_cells(const void *a, const void *b)
{
	const struct ovsdb_cell *x = a, *y = b;

	return (int)x->column->number - (int)y->column->number;
}

static void sort_cells(struct ovsdb_cells *cells)
{
	qsort(cells->array, cells->n, sizeof(*cells->array), compare_cells);
}
