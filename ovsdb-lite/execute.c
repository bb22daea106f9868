/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/execute.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/limit.h"
#include "ovsdb-lite/operation.h"

struct operation {
	const char *name;
	bool is_read_only;
	struct ovsdb_error *(*execute)(
	    struct ovsdb_execution *x, struct ovsdb_parser *p, json_t *result);
};

static const struct operation operations[] = {
#define OPERATION(op_name, op_is_read_only) \
	{.name = #op_name, .is_read_only = op_is_read_only, .execute = ovsdb_do_##op_name},
#include "ovsdb-lite/operation.def"
#undef OPERATION
};

static struct ovsdb_error *check_params(const json_t *params);
static struct ovsdb_error *execute_all(struct ovsdb_execution *x, json_t *results);
static struct ovsdb_error *execute_one(
    struct ovsdb_execution *x, const json_t *json, size_t i, size_t n, json_t *result);
static const struct operation *find_operation(const char *name);
static struct ovsdb_error *check_work(struct ovsdb_execution *x);
static struct ovsdb_error *check_allowed(
    const struct ovsdb_execution *x, const struct operation *operation);
static void append_error(json_t *results, struct ovsdb_error *error);

void ovsdb_execute(
    struct ovsdb_db *db, const struct ovsdb_request *request, struct ovsdb_outcome *outcome)
{
	struct ovsdb_execution x = {.db = db, .request = request, .timeout_ms = -1};
	struct ovsdb_error *error = check_params(request->params);

	*outcome = (struct ovsdb_outcome){.timeout_ms = -1};
	if (error != NULL) {
		outcome->result = ovsdb_error_to_json(error);
		ovsdb_error_destroy(error);
		return;
	}
	json_t *results = json_array();
	x.txn = ovsdb_txn_create(db);
	db->work = 0;
	db->max_work = ovsdb_limits[OVSDB_LIMIT_WORK].value;
	ovsdb_names_init(&x.names);
	error = execute_all(&x, results);
	db->max_work = 0;
	ovsdb_names_fini(&x.names);
	free(x.charges);
	outcome->is_durable = x.is_durable;
	outcome->timeout_ms = x.timeout_ms;
	if (error == NULL && !x.must_wait) {
		error = ovsdb_txn_prepare(x.txn);
		if (error != NULL)
			append_error(results, error);
	}
	if (error != NULL || x.must_wait)
		ovsdb_txn_abort(x.txn);
	else
		outcome->txn = x.txn;
	if (x.must_wait)
		json_decref(results);
	else
		outcome->result = results;
	ovsdb_error_destroy(error);
}

static struct ovsdb_error *check_params(const json_t *params)
{
	if (!json_is_array(params))
		return ovsdb_syntax_error(params, NULL, "array expected");
	if (!json_is_string(json_array_get(params, 0)))
		return ovsdb_syntax_error(
		    params, NULL, "database name expected as first parameter");
	size_t n = json_array_size(params) - 1;
	if (!ovsdb_limit_is_over(OVSDB_LIMIT_OPS, n))
		return NULL;
	return ovsdb_error_create("resources exhausted",
	    "%zu operations, more than the limit of %llu in a transaction", n,
	    (unsigned long long)ovsdb_limits[OVSDB_LIMIT_OPS].value);
}

/* Results of all, null for those behind a failed one; the failed one's error is in there and returned. */
static struct ovsdb_error *execute_all(struct ovsdb_execution *x, json_t *results)
{
	size_t n = json_array_size(x->request->params) - 1;
	struct ovsdb_error *error = NULL;

	for (size_t i = 1; error == NULL && !x->must_wait && i <= n; i++) {
		json_t *result = json_object();
		error = execute_one(x, json_array_get(x->request->params, i), i, n, result);
		if (error == NULL) {
			json_array_append_new(results, result);
			continue;
		}
		json_decref(result);
		append_error(results, error);
	}
	while (error != NULL && json_array_size(results) < n)
		json_array_append_new(results, json_null());
	return error;
}

static struct ovsdb_error *execute_one(
    struct ovsdb_execution *x, const json_t *json, size_t i, size_t n, json_t *result)
{
	const struct operation *operation = NULL;
	struct ovsdb_error *error = NULL;
	struct ovsdb_parser p;

	ovsdb_parser_init_operation(&p, json, i, n);
	const json_t *op = ovsdb_parser_member(&p, "op", OVSDB_P_ID);
	if (op != NULL) {
		operation = find_operation(json_string_value(op));
		if (operation != NULL)
			error = operation->execute(x, &p, result);
		else
			ovsdb_parser_raise(&p, "No operation \"%s\"", json_string_value(op));
	}
	// A member too many is worse than what the operation found.
	struct ovsdb_error *parse_error = ovsdb_parser_finish(&p);
	if (parse_error != NULL) {
		ovsdb_error_destroy(error);
		x->must_wait = false;
		return parse_error;
	}
	if (error == NULL)
		error = check_work(x);
	return error != NULL || operation == NULL ? error : check_allowed(x, operation);
}

static const struct operation *find_operation(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	}
	return NULL;
}

/* What an operation did when it stopped early does not matter: the transaction is aborted. */
static struct ovsdb_error *check_work(struct ovsdb_execution *x)
{
	if (!ovsdb_db_is_work_over(x->db))
		return NULL;
	ovsdb_limits[OVSDB_LIMIT_WORK].n_hits++;
	x->must_wait = false;
	return ovsdb_error_create("resources exhausted",
	    "the transaction looks at more than %llu rows and elements of sets",
	    (unsigned long long)ovsdb_limits[OVSDB_LIMIT_WORK].value);
}

static struct ovsdb_error *check_allowed(
    const struct ovsdb_execution *x, const struct operation *operation)
{
	const char *db = x->db->schema->name;

	if (operation->is_read_only)
		return NULL;
	if (db[0] == '_')
		return ovsdb_error_create("not allowed",
		    "%s operation not allowed on table in reserved database %s", operation->name,
		    db);
	if (x->request->is_reserved)
		return ovsdb_error_create("not allowed",
		    "%s operation not allowed: clients only read database %s", operation->name, db);
	if (x->request->is_read_only)
		return ovsdb_error_create("not allowed",
		    "%s operation not allowed when database server is in read only mode",
		    operation->name);
	return NULL;
}

static void append_error(json_t *results, struct ovsdb_error *error)
{
	json_array_append_new(results, ovsdb_error_to_json(error));
}
