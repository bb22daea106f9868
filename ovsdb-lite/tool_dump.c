/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database as other programs read it: the file format of ovsdb-server ("OVSDB JSON", length, SHA-1, JSON), which "ovsdb-client
 * backup" writes too, and "ovsdb-client restore" and ovsdb-server read.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/clock.h"
#include "datapath/base/json_util.h"
#include "ovsdb-lite/digest.h"
#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/tool_priv.h"

static void print_record(json_t *json);
static json_t *content_of(const struct ovsdb_db *db);
static json_t *row_values(const struct ovsdb_row *row);
static int dump_table(const struct ovsdb_db *db, const char *name, struct err *err);
static int compare_rows(const void *a, const void *b);

int ovsdb_tool_dump(int n, char *const *args, struct err *err)
{
	struct ovsdb_storage *s = ovsdb_tool_open(args[0], true, err);
	if (s == NULL)
		return err_errno(err->code);
	struct ovsdb_db *db = ovsdb_tool_find_db(s, n > 1 ? args[1] : NULL, err);
	int r = db != NULL ? 0 : -ENOENT;
	if (r == 0 && n == 3)
		r = dump_table(db, args[2], err);
	else if (r == 0) {
		print_record(ovsdb_schema_to_json(db->schema));
		print_record(content_of(db));
	}
	ovsdb_storage_close(s);
	return r;
}

/* Takes the reference. */
static void print_record(json_t *json)
{
	uint8_t hash[OVSDB_SHA1_SIZE];
	char *line = json_text(json, JSON_COMPACT);
	/* The line's end counts. */
	char *text = ovsdb_format_text("%s\n", line);
	size_t len = strlen(text);
	free(line);
	json_decref(json);
	ovsdb_sha1(text, len, hash);
	printf("OVSDB JSON %zu ", len);
	for (size_t i = 0; i < OVSDB_SHA1_SIZE; i++)
		printf("%02x", hash[i]);
	putchar('\n');
	fwrite(text, 1, len, stdout);
	free(text);
}

static json_t *content_of(const struct ovsdb_db *db)
{
	json_t *content = json_pack("{s:I, s:b, s:s}", "_date", (json_int_t)clock_wall_ms(),
	    "_is_diff", 1, "_comment", "produced by \"ovsdb-lite dump\"");
	for (size_t i = 0; i < db->schema->n_tables; i++) {
		const struct ovsdb_table *table = &db->tables[i];
		if (ovsdb_table_count(table) == 0)
			continue;
		json_t *rows = json_object();
		ovsdb_table_foreach_row (row, table) {
			char uuid[OVSDB_UUID_LEN + 1];
			json_object_set_new(
			    rows, ovsdb_uuid_format(&row->uuid, uuid), row_values(row));
		}
		json_object_set_new(content, table->schema->name, rows);
	}
	return content;
}

static json_t *row_values(const struct ovsdb_row *row)
{
	json_t *values = json_object();
	const struct ovsdb_table_schema *schema = row->table->schema;
	for (size_t i = OVSDB_N_STD_COLUMNS; i < schema->n_columns; i++) {
		const struct ovsdb_column *column = &schema->columns[i];
		if (!column->is_persistent || !ovsdb_row_has(row, column))
			continue;
		struct ovsdb_datum datum = ovsdb_row_get(row, column);
		json_object_set_new(
		    values, column->name, ovsdb_datum_to_json(&datum, &column->type));
	}
	return values;
}

/* Like ovsdb-client --format=json dump. */
static int dump_table(const struct ovsdb_db *db, const char *name, struct err *err)
{
	const struct ovsdb_table *table = ovsdb_db_find_table(db, name);
	if (table == NULL)
		return err_set(
		    err, ERR_NOT_FOUND, "database %s has no table %s", db->schema->name, name);
	size_t n = ovsdb_table_count(table), i = 0;
	const struct ovsdb_row **rows = ovsdb_alloc_array(n, sizeof(rows[0]));
	ovsdb_table_foreach_row (row, table)
		rows[i++] = row;
	qsort(rows, n, sizeof(rows[0]), compare_rows);
	json_t *headings = json_array(), *data = json_array();
	for (size_t c = 0; c < table->schema->n_columns; c++)
		if (c != OVSDB_COL_VERSION)
			json_array_append_new(
			    headings, json_string(table->schema->columns[c].name));
	for (i = 0; i < n; i++) {
		json_t *cells = json_array();
		for (size_t c = 0; c < table->schema->n_columns; c++) {
			const struct ovsdb_column *column = &table->schema->columns[c];
			struct ovsdb_datum datum = ovsdb_row_get(rows[i], column);
			if (c != OVSDB_COL_VERSION)
				json_array_append_new(
				    cells, ovsdb_datum_to_json(&datum, &column->type));
		}
		json_array_append_new(data, cells);
	}
	free(rows);
	ovsdb_tool_print_json(json_pack("{s:o, s:o, s:o}", "data", data, "headings", headings,
	    "caption", json_sprintf("%s table", name)));
	return 0;
}

static int compare_rows(const void *a, const void *b)
{
	const struct ovsdb_row *const *x = a, *const *y = b;
	return ovsdb_uuid_compare(&(*x)->uuid, &(*y)->uuid);
}
