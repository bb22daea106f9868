/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/ovs_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/clock.h"
#include "datapath/base/json_util.h"
#include "ovsdb-lite/digest.h"
#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/row_codec.h"

enum { RECORD_MAX = 1 << 30, HASH_LEN = 2 * OVSDB_SHA1_SIZE, HEADER_SIZE = 128 };

/* The row that a record changes, with its new values. */
struct row_edit {
	struct ovsdb_table *table;
	struct ovsdb_row *old; // NULL: it is new
	bool is_diff;
	struct ovsdb_cell *cells;
	size_t n_cells;
};

static struct ovsdb_error *read_txns(FILE *f, struct ovsdb_db *db, uint64_t *ret_size);
static json_t *read_record(FILE *f, const char **fault);
static bool is_cut_header(FILE *f, const char *line);
static json_t *read_text(FILE *f, size_t size, const char *hash, const char **fault);
static void format_hash(const char *text, size_t size, char hash[HASH_LEN + 1]);
static struct ovsdb_db *read_schema(FILE *f, const char *path, struct err *err);
static struct ovsdb_error *apply_record(struct ovsdb_db *db, const json_t *record);
static struct ovsdb_error *apply_table(
    struct ovsdb_changes *changes, struct ovsdb_table *table, const json_t *rows, bool is_diff);
static struct ovsdb_error *apply_row(struct ovsdb_changes *changes, struct ovsdb_table *table,
    const char *uuid_text, const json_t *values, bool is_diff);
static struct ovsdb_error *read_cells(struct row_edit *edit, const json_t *values);
static int compare_cells(const void *a, const void *b);
static struct ovsdb_error *read_cell(const struct row_edit *edit, const struct ovsdb_column *column,
    const json_t *value, struct ovsdb_datum *ret);
static void write_record(FILE *f, json_t *json);
static json_t *content_of(const struct ovsdb_db *db, const char *comment);
static json_t *row_values(const struct ovsdb_row *row);

struct ovsdb_db *ovsdb_ovs_file_read(const char *path, uint64_t *ret_size, struct err *err)
{
	FILE *f = fopen(path, "re");
	if (f == NULL) {
		err_set(err, ERR_NOT_FOUND, "%s: %s", path, strerror(errno));
		return NULL;
	}
	uint64_t size;
	struct ovsdb_db *db = read_schema(f, path, err);
	struct ovsdb_error *error = NULL;
	if (db != NULL) {
		ovsdb_db_begin_load(db);
		error = read_txns(f, db, ret_size != NULL ? ret_size : &size);
	}
	fclose(f);
	if (db != NULL && error == NULL)
		error = ovsdb_db_end_load(db);
	if (error == NULL)
		return db;
	ovsdb_error_to_err(ovsdb_error_wrap(error, "%s", path), ERR_STORAGE, err);
	ovsdb_db_destroy(db);
	return NULL;
}

void ovsdb_ovs_file_write(FILE *f, const struct ovsdb_db *db, const char *comment)
{
	write_record(f, ovsdb_schema_to_json(db->schema));
	write_record(f, content_of(db, comment));
}

static struct ovsdb_error *read_txns(FILE *f, struct ovsdb_db *db, uint64_t *ret_size)
{
	struct ovsdb_error *error = NULL;
	const char *fault = NULL;
	for (json_t *record = NULL; error == NULL; json_decref(record)) {
		*ret_size = (uint64_t)ftell(f);
		record = read_record(f, &fault);
		if (record == NULL)
			break;
		error = apply_record(db, record);
	}
	if (error == NULL && fault != NULL)
		error = ovsdb_error_create(
		    "ovsdb error", "the file is damaged at byte %" PRIu64 ": %s", *ret_size, fault);
	return error;
}

/* NULL with no fault: there is no more, but maybe a record that the end of the file cuts. */
static json_t *read_record(FILE *f, const char **fault)
{
	char line[HEADER_SIZE], hash[HASH_LEN + 1] = "";
	unsigned long size = 0;
	int end = 0;
	*fault = NULL;
	if (fgets(line, sizeof(line), f) == NULL) {
		if (ferror(f))
			*fault = "it cannot be read";
		return NULL;
	}
	if (sscanf(line, "OVSDB JSON %9lu %40[0-9a-f]%n", &size, hash, &end) == 2 &&
	    strlen(hash) == HASH_LEN && line[end] == '\n' && size <= RECORD_MAX)
		return read_text(f, size, hash, fault);
	if (strncmp(line, "OVSDB CLUSTER ", 14) == 0)
		*fault = "it is a clustered database";
	else if (!is_cut_header(f, line))
		*fault = "no record of ovsdb-server begins there";
	return NULL;
}

static bool is_cut_header(FILE *f, const char *line)
{
	static const char start[] = "OVSDB JSON ";
	size_t len = strlen(line), start_len = MIN_OF(len, sizeof(start) - 1);
	return feof(f) && memcmp(line, start, start_len) == 0 &&
	       strspn(line + start_len, "0123456789abcdef ") == len - start_len;
}

/* One line: when it has an end it was not cut, and its size is wrong. */
static json_t *read_text(FILE *f, size_t size, const char *hash, const char **fault)
{
	char got[HASH_LEN + 1];
	char *text = ovsdb_alloc_dirty(size);
	json_t *json = NULL;
	size_t n = fread(text, 1, size, f);
	if (ferror(f)) {
		*fault = "it cannot be read";
	} else if (n < size) {
		*fault = memchr(text, '\n', n) != NULL ? "its size is wrong" : NULL;
	} else {
		format_hash(text, size, got);
		if (strcmp(hash, got) == 0)
			json = json_loadb(text, size, 0, NULL);
		if (json == NULL)
			*fault = strcmp(hash, got) != 0 ? "its checksum is wrong" : "it is no JSON";
	}
	free(text);
	return json;
}

static void format_hash(const char *text, size_t size, char hash[HASH_LEN + 1])
{
	uint8_t bytes[OVSDB_SHA1_SIZE];
	ovsdb_sha1(text, size, bytes);
	for (size_t i = 0; i < OVSDB_SHA1_SIZE; i++)
		snprintf(hash + 2 * i, 3, "%02x", bytes[i]);
}

static struct ovsdb_db *read_schema(FILE *f, const char *path, struct err *err)
{
	const char *fault;
	struct ovsdb_schema *schema = NULL;
	json_t *json = read_record(f, &fault);
	if (json == NULL) {
		fault = fault != NULL ? fault : "it ends early";
		err_set(err, ERR_UNSUPPORTED, "%s is no database of a stand-alone ovsdb-server: %s",
		    path, fault);
		if (strstr(fault, "clustered") != NULL)
			err_hint(
			    err, "\"ovsdb-tool cluster-to-standalone\" makes another file of it");
		return NULL;
	}
	struct ovsdb_error *error = ovsdb_schema_from_json(&schema, json);
	json_decref(json);
	if (error == NULL)
		return ovsdb_db_create(schema);
	ovsdb_error_to_err(ovsdb_error_wrap(error, "%s", path), ERR_STORAGE, err);
	return NULL;
}

static struct ovsdb_error *apply_record(struct ovsdb_db *db, const json_t *record)
{
	bool is_diff = json_is_true(json_object_get(record, "_is_diff"));
	struct ovsdb_changes *changes = ovsdb_changes_create(db);
	struct ovsdb_error *error = NULL;
	const char *name;
	json_t *rows;
	json_object_foreach ((json_t *)record, name, rows) {
		struct ovsdb_table *table = ovsdb_db_find_table(db, name);
		if (error != NULL || name[0] == '_')
			continue;
		if (table == NULL)
			error = ovsdb_error_create("syntax error", "No table named %s.", name);
		else
			error = apply_table(changes, table, rows, is_diff);
	}
	if (error == NULL)
		error = ovsdb_changes_check_distinct(changes); // one UUID in both cases of letters
	if (error == NULL)
		ovsdb_db_load(db, changes);
	ovsdb_changes_unref(changes);
	return error;
}

static struct ovsdb_error *apply_table(
    struct ovsdb_changes *changes, struct ovsdb_table *table, const json_t *rows, bool is_diff)
{
	struct ovsdb_error *error = NULL;
	const char *uuid;
	json_t *values;
	json_object_foreach ((json_t *)rows, uuid, values)
		if (error == NULL)
			error = apply_row(changes, table, uuid, values, is_diff);
	return error;
}

static struct ovsdb_error *apply_row(struct ovsdb_changes *changes, struct ovsdb_table *table,
    const char *uuid_text, const json_t *values, bool is_diff)
{
	struct ovsdb_uuid uuid;
	if (!ovsdb_uuid_parse(uuid_text, &uuid))
		return ovsdb_error_create("syntax error", "\"%s\" is not a valid UUID", uuid_text);
	struct row_edit edit = {.table = table, .old = ovsdb_table_find_row(table, &uuid)};
	edit.is_diff = is_diff && edit.old != NULL;
	if (json_is_null(values) && edit.old == NULL)
		return ovsdb_error_create(
		    "syntax error", "Row %s is deleted and not there", uuid_text);
	struct ovsdb_error *error = json_is_null(values) ? NULL : read_cells(&edit, values);
	struct ovsdb_row *new = NULL;
	if (error == NULL && !json_is_null(values))
		new = ovsdb_row_create(table, uuid, edit.old, edit.cells, edit.n_cells);
	if (error == NULL)
		ovsdb_changes_add(
		    changes, table, edit.old == NULL ? NULL : ovsdb_row_ref(edit.old), new);
	for (size_t i = 0; i < edit.n_cells; i++)
		ovsdb_datum_unref(&edit.cells[i].datum);
	free(edit.cells);
	return error;
}

static struct ovsdb_error *read_cells(struct row_edit *edit, const json_t *values)
{
	struct ovsdb_error *error = NULL;
	const char *name;
	json_t *value;
	edit->cells = ovsdb_alloc_array(json_object_size(values), sizeof(edit->cells[0]));
	json_object_foreach ((json_t *)values, name, value) {
		const struct ovsdb_column *column = ovsdb_table_find_column(edit->table, name);
		struct ovsdb_datum datum;
		if (error != NULL)
			continue;
		if (column == NULL || column->number < OVSDB_N_STD_COLUMNS)
			error = ovsdb_error_create("unknown column", "No column %s in table %s.",
			    name, edit->table->schema->name);
		else
			error = read_cell(edit, column, value, &datum);
		if (error == NULL)
			edit->cells[edit->n_cells++] = (struct ovsdb_cell){column, datum};
	}
	qsort(edit->cells, edit->n_cells, sizeof(edit->cells[0]), compare_cells);
	return error;
}

/* A row's cells come in the order of its columns. */
static int compare_cells(const void *a, const void *b)
{
	const struct ovsdb_cell *x = a, *y = b;
	return (int)x->column->number - (int)y->column->number;
}

static struct ovsdb_error *read_cell(const struct row_edit *edit, const struct ovsdb_column *column,
    const json_t *value, struct ovsdb_datum *ret)
{
	if (!edit->is_diff)
		return ovsdb_datum_from_json(ret, &column->type, value, NULL);
	struct ovsdb_datum diff, old = ovsdb_row_get(edit->old, column);
	struct ovsdb_error *error =
	    ovsdb_datum_from_json_partial(&diff, &column->type, value, NULL);
	if (error != NULL)
		return error;
	error = ovsdb_datum_apply_diff(ret, &old, &diff, &column->type);
	ovsdb_datum_unref(&diff);
	return error;
}

/* Takes the reference. The line's end counts. */
static void write_record(FILE *f, json_t *json)
{
	char hash[HASH_LEN + 1];
	char *line = json_text(json, JSON_COMPACT);
	char *text = ovsdb_format_text("%s\n", line);
	size_t size = strlen(text);
	format_hash(text, size, hash);
	fprintf(f, "OVSDB JSON %zu %s\n", size, hash);
	fwrite(text, 1, size, f);
	free(text);
	free(line);
	json_decref(json);
}

static json_t *content_of(const struct ovsdb_db *db, const char *comment)
{
	json_t *content = json_pack("{s:I, s:b, s:s}", "_date", (json_int_t)clock_wall_ms(),
	    "_is_diff", 1, "_comment", comment);
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
