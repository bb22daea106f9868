/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/condition.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/db.h"
#include "ovsdb-lite/mem.h"

static const char *const function_names[OVSDB_N_FUNCTIONS] = {
#define FUNCTION(id, name) [OVSDB_F_##id] = name,
#include "ovsdb-lite/function.def"
#undef FUNCTION
};

static uint64_t work_of(const struct ovsdb_condition *condition);
static struct ovsdb_error *clause_from_json(struct ovsdb_clause *clause,
    const struct ovsdb_table_schema *table, const json_t *json, struct ovsdb_names *names);
static struct ovsdb_error *relax(
    struct ovsdb_type *type, const struct ovsdb_clause *clause, const json_t *json);
static bool is_order(enum ovsdb_function function);
static int compare_clauses(const void *a, const void *b);
static bool holds(const struct ovsdb_clause *clause, const struct ovsdb_row *row);
static struct ovsdb_row *find_unique(
    const struct ovsdb_condition *condition, const struct ovsdb_table *table, bool *is_unique);
static const struct ovsdb_datum *find_equal(
    const struct ovsdb_condition *condition, const struct ovsdb_column *column);

void ovsdb_condition_init(struct ovsdb_condition *condition)
{
	*condition = (struct ovsdb_condition){0};
}

void ovsdb_condition_fini(struct ovsdb_condition *condition)
{
	for (size_t i = 0; i < condition->n; i++)
		ovsdb_datum_unref(&condition->clauses[i].arg);
	free(condition->clauses);
	ovsdb_condition_init(condition);
}

struct ovsdb_error *ovsdb_condition_from_json(struct ovsdb_condition *ret,
    const struct ovsdb_table_schema *table, const json_t *json, struct ovsdb_names *names)
{
	size_t n = json_array_size(json);

	ovsdb_condition_init(ret);
	if (!json_is_array(json))
		return ovsdb_syntax_error(json, NULL, "array expected");
	ret->clauses = ovsdb_alloc_array(n, sizeof(*ret->clauses));
	for (size_t i = 0; i < n; i++) {
		struct ovsdb_error *error =
		    clause_from_json(&ret->clauses[i], table, json_array_get(json, i), names);
		if (error != NULL) {
			ovsdb_condition_fini(ret);
			return error;
		}
		ret->n++;
	}
	qsort(ret->clauses, ret->n, sizeof(*ret->clauses), compare_clauses);
	return NULL;
}

json_t *ovsdb_condition_to_json(const struct ovsdb_condition *condition)
{
	json_t *array = json_array();

	for (size_t i = 0; i < condition->n; i++) {
		const struct ovsdb_clause *clause = &condition->clauses[i];
		if (clause->column == NULL) {
			json_array_append_new(
			    array, json_boolean(clause->function == OVSDB_F_TRUE));
			continue;
		}
		json_t *triple = json_array();
		json_array_append_new(triple, json_string(clause->column->name));
		json_array_append_new(triple, json_string(function_names[clause->function]));
		json_array_append_new(
		    triple, ovsdb_datum_to_json(&clause->arg, &clause->column->type));
		json_array_append_new(array, triple);
	}
	return array;
}

bool ovsdb_condition_equals(const struct ovsdb_condition *a, const struct ovsdb_condition *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (compare_clauses(&a->clauses[i], &b->clauses[i]) != 0)
			return false;
	}
	return true;
}

bool ovsdb_condition_matches_all(
    const struct ovsdb_condition *condition, const struct ovsdb_row *row)
{
	for (size_t i = 0; i < condition->n; i++) {
		if (!holds(&condition->clauses[i], row))
			return false;
	}
	return true;
}

bool ovsdb_condition_matches_any(
    const struct ovsdb_condition *condition, const struct ovsdb_row *row)
{
	for (size_t i = 0; i < condition->n; i++) {
		if (holds(&condition->clauses[i], row))
			return true;
	}
	return condition->n == 0;
}

size_t ovsdb_condition_query(const struct ovsdb_condition *condition, struct ovsdb_table *table,
    bool (*found)(void *ctx, struct ovsdb_row *row), void *ctx)
{
	struct ovsdb_row **rows = NULL;
	size_t n = 0, capacity = 0, n_found = 0;
	bool is_unique = false;
	struct ovsdb_row *only = find_unique(condition, table, &is_unique);

	if (is_unique) {
		if (only == NULL || !ovsdb_condition_matches_all(condition, only))
			return 0;
		table->db->work += work_of(condition);
		found(ctx, only);
		return 1;
	}
	// Collected first: found may change the table.
	uint64_t work = work_of(condition);
	ovsdb_table_foreach_row (row, table) {
		table->db->work += work;
		if (ovsdb_db_is_work_over(table->db))
			break; // ovsdb_execute ends the transaction
		if (!ovsdb_condition_matches_all(condition, row))
			continue;
		rows = ovsdb_grow(rows, n, &capacity, sizeof(struct ovsdb_row *));
		rows[n++] = row;
	}
	while (n_found < n) {
		if (!found(ctx, rows[n_found++]))
			break;
	}
	free(rows);
	return n_found;
}

/* For one row. */
static uint64_t work_of(const struct ovsdb_condition *condition)
{
	uint64_t work = 1;

	for (size_t i = 0; i < condition->n; i++)
		work += 1 + condition->clauses[i].arg.n;
	return work;
}

static struct ovsdb_error *clause_from_json(struct ovsdb_clause *clause,
    const struct ovsdb_table_schema *table, const json_t *json, struct ovsdb_names *names)
{
	const char *column = json_string_value(json_array_get(json, 0));
	const char *function = json_string_value(json_array_get(json, 1));
	int f = OVSDB_F_LT;

	clause->function = json_is_true(json) ? OVSDB_F_TRUE : OVSDB_F_FALSE;
	if (json_is_boolean(json))
		return NULL;
	if (json_array_size(json) != 3 || column == NULL || function == NULL)
		return ovsdb_syntax_error(json, NULL, "Parse error in condition.");
	clause->column = ovsdb_table_schema_find_column(table, column);
	if (clause->column == NULL)
		return ovsdb_syntax_error(
		    json, "unknown column", "No column %s in table %s.", column, table->name);
	while (f < OVSDB_F_TRUE && strcmp(function, function_names[f]) != 0)
		f++;
	if (f == OVSDB_F_TRUE)
		return ovsdb_syntax_error(
		    NULL, "unknown function", "No function named %s.", function);
	clause->function = (enum ovsdb_function)f;
	struct ovsdb_type type = clause->column->type;
	struct ovsdb_error *error = relax(&type, clause, json);
	if (error == NULL)
		error = ovsdb_datum_from_json(&clause->arg, &type, json_array_get(json, 2), names);
	return error;
}

/* How many elements the argument may have depends on the function. */
static struct ovsdb_error *relax(
    struct ovsdb_type *type, const struct ovsdb_clause *clause, const json_t *json)
{
	bool is_single = ovsdb_type_is_scalar(type) || ovsdb_type_is_optional(type);
	bool is_number = type->key.type == OVSDB_INTEGER || type->key.type == OVSDB_REAL;

	if (is_order(clause->function) && (!is_single || !is_number)) {
		char *english = ovsdb_type_to_english(type);
		struct ovsdb_error *error = ovsdb_syntax_error(json, NULL,
		    "Type mismatch: \"%s\" operator may not be applied to column %s of type %s.",
		    function_names[clause->function], clause->column->name, english);
		free(english);
		return error;
	}
	if (is_order(clause->function))
		type->n_min = 1;
	if (ovsdb_type_is_scalar(type))
		return NULL;
	if (clause->function == OVSDB_F_EXCLUDES || clause->function == OVSDB_F_INCLUDES)
		type->n_min = 0;
	if (clause->function == OVSDB_F_EXCLUDES)
		type->n_max = OVSDB_UNLIMITED;
	return NULL;
}

static bool is_order(enum ovsdb_function function)
{
	return function == OVSDB_F_LT || function == OVSDB_F_LE || function == OVSDB_F_GT ||
	       function == OVSDB_F_GE;
}

/* Those that leave fewest rows first: function.def is in that order. */
static int compare_clauses(const void *a, const void *b)
{
	const struct ovsdb_clause *x = a, *y = b;

	if (x->function != y->function)
		return x->function < y->function ? -1 : 1;
	if (x->column != y->column)
		return x->column->number < y->column->number ? -1 : 1;
	return x->column == NULL ? 0 : ovsdb_datum_compare(&x->arg, &y->arg);
}

static bool holds(const struct ovsdb_clause *clause, const struct ovsdb_row *row)
{
	if (clause->column == NULL)
		return clause->function == OVSDB_F_TRUE;
	struct ovsdb_datum field = ovsdb_row_get(row, clause->column);
	const struct ovsdb_datum *arg = &clause->arg;
	int order = 0;

	if (is_order(clause->function)) {
		if (field.n == 0)
			return false;
		union ovsdb_atom x = ovsdb_datum_key(&field, 0), y = ovsdb_datum_key(arg, 0);
		order = ovsdb_atom_compare(&x, &y, field.key_type);
	}
	switch (clause->function) {
	case OVSDB_F_LT: return order < 0;
	case OVSDB_F_LE: return order <= 0;
	case OVSDB_F_GE: return order >= 0;
	case OVSDB_F_GT: return order > 0;
	case OVSDB_F_EQ: return ovsdb_datum_equals(&field, arg);
	case OVSDB_F_NE: return !ovsdb_datum_equals(&field, arg);
	case OVSDB_F_INCLUDES: return ovsdb_datum_includes_all(arg, &field);
	case OVSDB_F_EXCLUDES: return ovsdb_datum_excludes_all(arg, &field);
	case OVSDB_F_TRUE: return true;
	case OVSDB_F_FALSE:
	case OVSDB_N_FUNCTIONS: break;
	}
	return false;
}

/*
 * The only row that can match, when clauses name its UUID or all columns of an index. Inside a transaction an index's columns need not be
 * unique: then it is no help.
 */
static struct ovsdb_row *find_unique(
    const struct ovsdb_condition *condition, const struct ovsdb_table *table, bool *is_unique)
{
	const struct ovsdb_table_schema *schema = table->schema;
	const struct ovsdb_datum *uuid = find_equal(condition, &schema->columns[OVSDB_COL_UUID]);
	struct ovsdb_row *row = NULL;

	if (uuid != NULL) {
		*is_unique = true;
		return ovsdb_table_find_row(table, &uuid->atom.uuid);
	}
	for (uint16_t i = 0; i < schema->n_indexes && !*is_unique; i++) {
		if (table->twins[i].n > 0)
			continue;
		const struct ovsdb_column_list *index = &schema->indexes[i];
		struct ovsdb_datum *key = ovsdb_alloc_array(index->n, sizeof(*key));
		uint16_t n = 0;
		for (; n < index->n; n++) {
			const struct ovsdb_datum *arg = find_equal(condition, index->columns[n]);
			if (arg == NULL)
				break;
			key[n] = *arg;
		}
		if (n == index->n) {
			*is_unique = true;
			row = ovsdb_table_find_by_index(table, i, key);
		}
		free(key);
	}
	return row;
}

/* The argument of `column == arg`, or NULL. */
static const struct ovsdb_datum *find_equal(
    const struct ovsdb_condition *condition, const struct ovsdb_column *column)
{
	for (size_t i = 0; i < condition->n; i++) {
		const struct ovsdb_clause *clause = &condition->clauses[i];
		if (clause->column == column && clause->function == OVSDB_F_EQ)
			return &clause->arg;
	}
	return NULL;
}
