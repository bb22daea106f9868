/* SPDX-License-Identifier: Apache-2.0 */
/* _Server: the database that says which databases there are (ovsdb-server(5)). In memory only; clients read it. */
#include <stdlib.h>
#include <string.h>

#include "datapath/base/json_util.h"
#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/server_priv.h"
#include "ovsdb-lite/txn.h"

#define LOG_MODULE "ovsdb"
#include "datapath/base/log.h"

static const char schema_text[] =
    "{\"name\":\"_Server\",\"version\":\"1.2.0\",\"cksum\":\"3009684573 744\",\"tables\":{"
    "\"Database\":{\"isRoot\":true,\"columns\":{"
    "\"name\":{\"type\":\"string\"},"
    "\"model\":{\"type\":{\"key\":{\"type\":\"string\",\"enum\":[\"set\",[\"clustered\","
    "\"relay\",\"standalone\"]]}}},"
    "\"connected\":{\"type\":\"boolean\"},"
    "\"leader\":{\"type\":\"boolean\"},"
    "\"schema\":{\"type\":{\"key\":\"string\",\"min\":0,\"max\":1}},"
    "\"cid\":{\"type\":{\"key\":\"uuid\",\"min\":0,\"max\":1}},"
    "\"sid\":{\"type\":{\"key\":\"uuid\",\"min\":0,\"max\":1}},"
    "\"index\":{\"type\":{\"key\":\"integer\",\"min\":0,\"max\":1}}}}}}";

enum { N_CELLS = 5 };

static struct ovsdb_row *find_row(const struct ovsdb_table *table, const char *name);
static void drop_stale(struct ovsdb_server *s, struct ovsdb_txn *txn, struct ovsdb_table *table);
static void put(
    struct ovsdb_txn *txn, struct ovsdb_table *table, const struct ovsdb_served *served);
static struct ovsdb_datum schema_of(const struct ovsdb_db *db);

int ovsdb_server_db_create(struct ovsdb_server *s)
{
	struct ovsdb_schema *schema = NULL;
	struct err err = {0};
	json_t *json = json_loads(schema_text, 0, NULL);
	struct ovsdb_error *error = ovsdb_schema_from_json(&schema, json);
	json_decref(json);
	if (error != NULL)
		return ovsdb_error_to_err(error, ERR_INTERNAL, &err);
	return ovsdb_server_add_db(s, ovsdb_db_create(schema), NULL, &err);
}

void ovsdb_server_db_update(struct ovsdb_server *s)
{
	if (s->own == NULL)
		return;
	struct ovsdb_db *db = s->own->db;
	struct ovsdb_table *table = ovsdb_db_find_table(db, "Database");
	struct ovsdb_txn *txn = ovsdb_txn_create(db);
	drop_stale(s, txn, table);
	list_foreach (served, &s->dbs, struct ovsdb_served, node)
		put(txn, table, served);
	struct ovsdb_error *error = ovsdb_txn_prepare(txn);
	if (error == NULL) {
		ovsdb_server_commit(s, txn);
		return;
	}
	char *text = ovsdb_error_format(error);
	log_err("_Server: %s", text);
	free(text);
	ovsdb_error_destroy(error);
	ovsdb_txn_abort(txn);
}

static struct ovsdb_row *find_row(const struct ovsdb_table *table, const char *name)
{
	ovsdb_table_foreach_row (row, table) {
		struct ovsdb_datum d = ovsdb_row_get_named(row, "name");
		if (strcmp(ovsdb_datum_string(&d), name) == 0)
			return row;
	}
	return NULL;
}

static void drop_stale(struct ovsdb_server *s, struct ovsdb_txn *txn, struct ovsdb_table *table)
{
	struct ovsdb_uuid stale[OVSDB_STORAGE_MAX_DBS];
	size_t n = 0;
	ovsdb_table_foreach_row (row, table) {
		struct ovsdb_datum d = ovsdb_row_get_named(row, "name");
		if (n < ARRAY_SIZE(stale) &&
		    ovsdb_server_find_served(s, ovsdb_datum_string(&d)) == NULL)
			stale[n++] = row->uuid;
	}
	for (size_t i = 0; i < n; i++)
		ovsdb_txn_delete(txn, table, &stale[i]);
}

static void put(struct ovsdb_txn *txn, struct ovsdb_table *table, const struct ovsdb_served *served)
{
	const char *name = served->db->schema->name;
	struct ovsdb_cell cells[N_CELLS] = {
	    {ovsdb_table_find_column(table, "name"), ovsdb_datum_of_string(name)},
	    {ovsdb_table_find_column(table, "model"), ovsdb_datum_of_string("standalone")},
	    {ovsdb_table_find_column(table, "connected"), ovsdb_datum_of_boolean(true)},
	    {ovsdb_table_find_column(table, "leader"), ovsdb_datum_of_boolean(true)},
	    {ovsdb_table_find_column(table, "schema"), schema_of(served->db)},
	};
	struct ovsdb_row *row = find_row(table, name);
	struct ovsdb_error *error = row != NULL
					? ovsdb_txn_update(txn, table, &row->uuid, cells, N_CELLS)
					: ovsdb_txn_insert(txn, table, NULL, cells, N_CELLS, NULL);
	ovsdb_error_destroy(error); // prepare says it again
	for (size_t i = 0; i < N_CELLS; i++)
		ovsdb_datum_unref(&cells[i].datum);
}

static struct ovsdb_datum schema_of(const struct ovsdb_db *db)
{
	json_t *json = ovsdb_schema_to_json(db->schema);
	char *text = json_text(json, JSON_COMPACT | JSON_SORT_KEYS);
	struct ovsdb_datum d = ovsdb_datum_of_string(text);
	free(text);
	json_decref(json);
	return d;
}
