/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/tool.h"

#include <stdlib.h>
#include <string.h>

#include "datapath/base/json_util.h"
#include "datapath/base/log.h"
#include "ovsdb-lite/execute.h"
#include "ovsdb-lite/tool_priv.h"

struct command {
	int (*run)(int n, char *const *args, struct err *err);
	int least, most;
};

static const struct command commands[] = {
#define TOOL(function, name, args, least, most, help) {ovsdb_tool_##function, least, most},
#include "ovsdb-lite/tool.def"
#undef TOOL
};

const struct ovsdb_tool_command ovsdb_tool_commands[] = {
#define TOOL(function, name, args, least, most, help) {name, args, help},
#include "ovsdb-lite/tool.def"
#undef TOOL
    {NULL, NULL, NULL},
};

static int find_command(const char *name);
static int convert_in(struct ovsdb_storage *s, struct ovsdb_schema *schema, struct err *err);
static int print_member(const char *path, const char *db_name,
    const char *(*member)(const struct ovsdb_schema *), struct err *err);
static int print_schema_member(
    const char *path, const char *(*member)(const struct ovsdb_schema *), struct err *err);
static int execute(struct ovsdb_storage *s, const char *text, bool is_read_only, struct err *err);
static int keep(struct ovsdb_storage *s, struct ovsdb_outcome *outcome, struct err *err);

static const char *name_of(const struct ovsdb_schema *schema)
{
	return schema->name;
}

static const char *version_of(const struct ovsdb_schema *schema)
{
	return schema->version;
}

static const char *cksum_of(const struct ovsdb_schema *schema)
{
	return schema->cksum;
}

bool ovsdb_tool_has(const char *name)
{
	return find_command(name) >= 0;
}

int ovsdb_tool_run(int argc, char *const argv[])
{
	struct err err = {0};
	int i = find_command(argv[0]);
	if (i < 0 || argc - 1 < commands[i].least || argc - 1 > commands[i].most) {
		const char *args = i < 0 ? "" : ovsdb_tool_commands[i].args;
		fprintf(stderr, "usage: ovsdb-lite %s %s\n", argv[0], args);
		return OVSDB_TOOL_USAGE;
	}
	/* Warnings are for a server's log; what a user must know a command says itself. */
	log_set_level(LOG_LVL_ERR);
	int r = commands[i].run(argc - 1, argv + 1, &err);
	if (fflush(stdout) != 0 && r == 0)
		r = err_set(&err, ERR_STORAGE, "cannot write the result: %s", strerror(errno));
	if (r == 0)
		return OVSDB_TOOL_OK;
	fprintf(stderr, "ovsdb-lite: %s\n", err.what);
	if (err.hint[0] != '\0')
		fprintf(stderr, "  %s\n", err.hint);
	return OVSDB_TOOL_FAILED;
}

struct ovsdb_storage *ovsdb_tool_open(const char *path, bool read_only, struct err *err)
{
	return ovsdb_storage_open(
	    path, &(struct ovsdb_storage_options){.read_only = read_only}, NULL, err);
}

struct ovsdb_db *ovsdb_tool_find_db(
    const struct ovsdb_storage *s, const char *name, struct err *err)
{
	struct ovsdb_db *db = NULL;
	if (name != NULL)
		db = ovsdb_storage_find_db(s, name);
	else if (ovsdb_storage_n_dbs(s) > 0)
		db = ovsdb_storage_db(s, 0);
	if (db == NULL)
		err_set(err, ERR_NOT_FOUND, "%s: no database %s", ovsdb_storage_path(s),
		    name != NULL ? name : "in it");
	return db;
}

struct ovsdb_schema *ovsdb_tool_read_schema(const char *path, struct err *err)
{
	struct ovsdb_schema *schema = NULL;
	struct ovsdb_error *error = ovsdb_schema_from_file(&schema, path);
	if (error == NULL)
		return schema;
	ovsdb_error_to_err(error, ERR_PARAMS, err);
	return NULL;
}

void ovsdb_tool_print_json(json_t *json)
{
	char *text = json_text(json, JSON_COMPACT | JSON_SORT_KEYS);
	puts(text);
	free(text);
	json_decref(json);
}

int ovsdb_tool_create(int n, char *const *args, struct err *err)
{
	struct ovsdb_schema *schemas[OVSDB_STORAGE_MAX_DBS] = {NULL};
	int n_schemas = 0, r = 0;
	while (r == 0 && n_schemas < n - 1) {
		schemas[n_schemas] = ovsdb_tool_read_schema(args[n_schemas + 1], err);
		if (schemas[n_schemas] != NULL)
			n_schemas++;
		else
			r = -EINVAL;
	}
	if (r == 0)
		r = ovsdb_storage_create(args[0], (const struct ovsdb_schema *const *)schemas,
		    (size_t)n_schemas, NULL, err);
	if (r == -EEXIST)
		err_set(err, ERR_EXISTS, "I/O error: %s: create failed (File exists)", args[0]);
	while (n_schemas > 0)
		ovsdb_schema_destroy(schemas[--n_schemas]);
	return r;
}

int ovsdb_tool_compact(int n, char *const *args, struct err *err)
{
	struct ovsdb_storage *s = ovsdb_tool_open(args[0], n == 2, err);
	if (s == NULL)
		return err_errno(err->code);
	int r = n == 2 ? ovsdb_storage_copy(s, args[1], err) : ovsdb_storage_compact(s, err);
	ovsdb_storage_close(s);
	return r;
}

int ovsdb_tool_convert(int n, char *const *args, struct err *err)
{
	const char *path = args[n == 3 ? 2 : 0];
	if (n == 3 && ovsdb_tool_compact(2, (char *const[]){args[0], args[2]}, err) != 0)
		return err_errno(err->code);
	struct ovsdb_schema *schema = ovsdb_tool_read_schema(args[1], err);
	struct ovsdb_storage *s = schema == NULL ? NULL : ovsdb_tool_open(path, false, err);
	if (s == NULL) {
		ovsdb_schema_destroy(schema);
		return err_errno(err->code);
	}
	int r = convert_in(s, schema, err);
	if (r == 0)
		r = ovsdb_storage_compact(s, err);
	ovsdb_storage_close(s);
	return r;
}

int ovsdb_tool_transact(int, char *const *args, struct err *err)
{
	struct ovsdb_storage *s = ovsdb_tool_open(args[0], false, err);
	if (s == NULL)
		return err_errno(err->code);
	int r = execute(s, args[1], false, err);
	ovsdb_storage_close(s);
	return r;
}

int ovsdb_tool_query(int, char *const *args, struct err *err)
{
	struct ovsdb_storage *s = ovsdb_tool_open(args[0], true, err);
	if (s == NULL)
		return err_errno(err->code);
	int r = execute(s, args[1], true, err);
	ovsdb_storage_close(s);
	return r;
}

int ovsdb_tool_db_name(int, char *const *args, struct err *err)
{
	struct ovsdb_storage *s = ovsdb_tool_open(args[0], true, err);
	if (s == NULL)
		return err_errno(err->code);
	for (size_t i = 0; i < ovsdb_storage_n_dbs(s); i++)
		puts(ovsdb_storage_db(s, i)->schema->name);
	ovsdb_storage_close(s);
	return 0;
}

int ovsdb_tool_db_version(int n, char *const *args, struct err *err)
{
	return print_member(args[0], n == 2 ? args[1] : NULL, version_of, err);
}

int ovsdb_tool_db_cksum(int n, char *const *args, struct err *err)
{
	return print_member(args[0], n == 2 ? args[1] : NULL, cksum_of, err);
}

int ovsdb_tool_get_schema(int n, char *const *args, struct err *err)
{
	struct ovsdb_storage *s = ovsdb_tool_open(args[0], true, err);
	if (s == NULL)
		return err_errno(err->code);
	struct ovsdb_db *db = ovsdb_tool_find_db(s, n == 2 ? args[1] : NULL, err);
	if (db != NULL)
		ovsdb_tool_print_json(ovsdb_schema_to_json(db->schema));
	ovsdb_storage_close(s);
	return db != NULL ? 0 : -ENOENT;
}

int ovsdb_tool_schema_name(int, char *const *args, struct err *err)
{
	return print_schema_member(args[0], name_of, err);
}

int ovsdb_tool_schema_version(int, char *const *args, struct err *err)
{
	return print_schema_member(args[0], version_of, err);
}

int ovsdb_tool_schema_cksum(int, char *const *args, struct err *err)
{
	return print_schema_member(args[0], cksum_of, err);
}

int ovsdb_tool_needs_conversion(int, char *const *args, struct err *err)
{
	struct ovsdb_schema *schema = ovsdb_tool_read_schema(args[1], err);
	struct ovsdb_storage *s = schema == NULL ? NULL : ovsdb_tool_open(args[0], true, err);
	struct ovsdb_db *db = s == NULL ? NULL : ovsdb_tool_find_db(s, schema->name, err);
	if (db != NULL)
		puts(ovsdb_schema_equals(db->schema, schema) ? "no" : "yes");
	ovsdb_storage_close(s);
	ovsdb_schema_destroy(schema);
	return db != NULL ? 0 : err_errno(err->code);
}

static int find_command(const char *name)
{
	for (int i = 0; ovsdb_tool_commands[i].name != NULL; i++)
		if (strcmp(ovsdb_tool_commands[i].name, name) == 0)
			return i;
	return -1;
}

/* Takes the schema. */
static int convert_in(struct ovsdb_storage *s, struct ovsdb_schema *schema, struct err *err)
{
	struct ovsdb_db *db = ovsdb_tool_find_db(s, schema->name, err);
	if (db == NULL) {
		ovsdb_schema_destroy(schema);
		return -ENOENT;
	}
	struct ovsdb_db *new = NULL;
	struct ovsdb_error *error = ovsdb_db_convert(db, schema, &new);
	if (error != NULL)
		return ovsdb_error_to_err(error, ERR_CONFLICT, err);
	int r = ovsdb_storage_convert(s, db, new, err);
	ovsdb_db_destroy(r == 0 ? db : new);
	return r;
}

static int print_member(const char *path, const char *db_name,
    const char *(*member)(const struct ovsdb_schema *), struct err *err)
{
	struct ovsdb_storage *s = ovsdb_tool_open(path, true, err);
	if (s == NULL)
		return err_errno(err->code);
	struct ovsdb_db *db = ovsdb_tool_find_db(s, db_name, err);
	if (db != NULL)
		puts(member(db->schema));
	ovsdb_storage_close(s);
	return db != NULL ? 0 : -ENOENT;
}

static int print_schema_member(
    const char *path, const char *(*member)(const struct ovsdb_schema *), struct err *err)
{
	struct ovsdb_schema *schema = ovsdb_tool_read_schema(path, err);
	if (schema == NULL)
		return err_errno(err->code);
	puts(member(schema));
	ovsdb_schema_destroy(schema);
	return 0;
}

static int execute(struct ovsdb_storage *s, const char *text, bool is_read_only, struct err *err)
{
	json_error_t fault;
	json_t *params = json_loads(text, JSON_REJECT_DUPLICATES, &fault);
	if (params == NULL)
		return err_set(err, ERR_PARSE, "the transaction is not JSON: %s", fault.text);
	const char *name = json_string_value(json_array_get(params, 0));
	struct ovsdb_db *db = name == NULL ? NULL : ovsdb_tool_find_db(s, name, err);
	if (name == NULL)
		err_set(err, ERR_PARAMS, "the transaction does not begin with a database's name");
	if (db == NULL) {
		json_decref(params);
		return err_errno(err->code);
	}
	const struct ovsdb_request request = {.params = params, .is_read_only = is_read_only};
	struct ovsdb_outcome outcome = {0};
	int r = 0;
	ovsdb_execute(db, &request, &outcome);
	json_decref(params);
	if (outcome.txn != NULL)
		r = keep(s, &outcome, err);
	/* Nobody else is there to wait for. */
	if (outcome.result == NULL)
		outcome.result = json_pack(
		    "[{s:s, s:s}]", "details", "triggers not supported", "error", "not supported");
	if (r == 0)
		ovsdb_tool_print_json(json_incref(outcome.result));
	json_decref(outcome.result);
	return r;
}

static int keep(struct ovsdb_storage *s, struct ovsdb_outcome *outcome, struct err *err)
{
	struct ovsdb_changes *changes = ovsdb_txn_commit(outcome->txn);
	if (changes->n > 0)
		ovsdb_storage_add(s, &changes, 1);
	ovsdb_changes_unref(changes);
	return ovsdb_storage_is_pending(s) ? ovsdb_storage_flush(s, err) : 0;
}
