/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/ovs_file.h"
#include "ovsdb-lite/tool_priv.h"

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
	else if (r == 0)
		ovsdb_ovs_file_write(stdout, db, "produced by \"ovsdb-lite dump\"");
	ovsdb_storage_close(s);
	return r;
}

int ovsdb_tool_import(int, char *const *args, struct err *err)
{
	uint64_t size = 0;
	struct stat st;
	struct ovsdb_db *db = ovsdb_ovs_file_read(args[1], &size, err);
	if (db == NULL)
		return err_errno(err->code);
	int r = ovsdb_storage_create_from(args[0], &db, 1, NULL, err);
	if (r == 0 && stat(args[1], &st) == 0 && (uint64_t)st.st_size > size)
		fprintf(stderr,
		    "ovsdb-lite: %s: what follows byte %" PRIu64
		    " is cut by the end of the file, and was left out\n",
		    args[1], size);
	ovsdb_db_destroy(db);
	return r;
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
