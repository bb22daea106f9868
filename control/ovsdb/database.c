/* SPDX-License-Identifier: Apache-2.0 */
#include "control/ovsdb/database.h"

#include <unistd.h>

#define LOG_MODULE "ovsdb"
#include "datapath/base/log.h"

/* Generated from vswitch.ovsschema. */
extern const char vswitch_schema_text[];
extern const size_t vswitch_schema_size;

static int create(const char *path, struct err *err);
static int convert(struct ovsdb_storage *storage, struct err *err);

struct ovsdb_schema *database_schema(struct err *err)
{
	struct ovsdb_schema *schema = NULL;
	json_error_t where;
	json_t *json = json_loadb(vswitch_schema_text, vswitch_schema_size, 0, &where);
	struct ovsdb_error *error = json != NULL ? ovsdb_schema_from_json(&schema, json)
						 : ovsdb_error_create("syntax error", "line %d: %s",
						       where.line, where.text);

	json_decref(json);
	if (error != NULL)
		ovsdb_error_to_err(error, ERR_INTERNAL, err);
	return schema;
}

struct ovsdb_storage *database_open(const char *path, struct event_base *base, struct err *err)
{
	const struct ovsdb_storage_options options = {.base = base};
	struct ovsdb_storage_report report;

	if (access(path, F_OK) != 0 && create(path, err) != 0)
		return NULL;
	struct ovsdb_storage *storage = ovsdb_storage_open(path, &options, &report, err);
	if (storage == NULL || convert(storage, err) == 0)
		return storage;
	ovsdb_storage_close(storage);
	return NULL;
}

static int create(const char *path, struct err *err)
{
	struct ovsdb_schema *schema = database_schema(err);

	if (schema == NULL)
		return -EINVAL;
	const struct ovsdb_schema *schemas[] = {schema};
	int rc = ovsdb_storage_create(path, schemas, 1, NULL, err);
	ovsdb_schema_destroy(schema);
	return rc;
}

static int convert(struct ovsdb_storage *storage, struct err *err)
{
	struct ovsdb_db *old = ovsdb_storage_find_db(storage, DATABASE_NAME), *new = NULL;
	struct ovsdb_schema *schema = database_schema(err);

	if (schema == NULL)
		return -EINVAL;
	if (old == NULL) {
		ovsdb_schema_destroy(schema);
		return err_set(err, ERR_STATE, "%s has no database %s", ovsdb_storage_path(storage),
		    DATABASE_NAME);
	}
	if (ovsdb_schema_equals(old->schema, schema)) {
		ovsdb_schema_destroy(schema);
		return 0;
	}
	log_info("database %s: schema %s becomes %s", DATABASE_NAME, old->schema->version,
	    schema->version);
	struct ovsdb_error *error = ovsdb_db_convert(old, schema, &new);
	if (error != NULL)
		return ovsdb_error_to_err(error, ERR_STATE, err);
	int rc = ovsdb_storage_convert(storage, old, new, err);
	ovsdb_db_destroy(rc == 0 ? old : new);
	return rc;
}
