/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/db_column.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/txn.h"

#define LOG_MODULE "ovsdb"
#include "datapath/base/log.h"

enum { MAX_REMOTES = 1024, MAX_PART = 128, MAX_INTERVAL_MS = 1 << 30 };

static bool split(const char *name, char parts[3][MAX_PART]);
static bool refers(const struct ovsdb_column *column);
static void add_text(struct ovsdb_remote_list *list, const char *name);
static void add_name(
    struct ovsdb_remote_list *list, const char *name, const struct ovsdb_remote_options *options);
static void add_row(struct ovsdb_remote_list *list, const struct ovsdb_row *row);
static bool read_column(const struct ovsdb_row *row, const char *name, enum ovsdb_atomic_type type,
    struct ovsdb_datum *ret);
static void read_interval(const struct ovsdb_row *row, const char *name, unsigned int *ret);
static bool write_row(struct ovsdb_server *s, struct ovsdb_txn *txn, struct ovsdb_row *row);
static struct ovsdb_datum status_of(const struct ovsdb_remote_status *status);
static void add_number(struct ovsdb_datum_builder *b, const char *key, int64_t value);

bool ovsdb_is_db_column(const char *name)
{
	return strncmp(name, "db:", 3) == 0;
}

char *ovsdb_db_column_find(
    const struct ovsdb_server *s, const char *name, struct ovsdb_db_column *ret)
{
	char parts[3][MAX_PART];
	if (!split(name, parts))
		return ovsdb_format_text("\"%s\": invalid syntax", name);
	struct ovsdb_db *db = ovsdb_server_find_db(s, parts[0]);
	if (db == NULL)
		return ovsdb_format_text("\"%s\": no database named %s", name, parts[0]);
	ret->table = ovsdb_db_find_table(db, parts[1]);
	if (ret->table == NULL)
		return ovsdb_format_text("\"%s\": no table named %s", name, parts[1]);
	ret->column = ovsdb_table_find_column(ret->table, parts[2]);
	if (ret->column == NULL)
		return ovsdb_format_text(
		    "\"%s\": table \"%s\" has no column \"%s\"", name, parts[1], parts[2]);
	return NULL;
}

const char *ovsdb_db_column_text(const struct ovsdb_server *s, const char *name)
{
	struct ovsdb_db_column c;
	if (name == NULL || !ovsdb_is_db_column(name))
		return name;
	char *fault = ovsdb_db_column_find(s, name, &c);
	if (fault != NULL) {
		free(fault);
		return NULL;
	}
	if (c.column->type.key.type != OVSDB_STRING || ovsdb_type_is_map(&c.column->type))
		return NULL;
	ovsdb_table_foreach_row (row, c.table) {
		struct ovsdb_datum d = ovsdb_row_get(row, c.column);
		for (uint32_t i = 0; i < d.n; i++)
			if (ovsdb_datum_key(&d, i).string->len > 0)
				return ovsdb_datum_key(&d, i).string->s;
	}
	return NULL;
}

void ovsdb_remote_list_add(
    struct ovsdb_remote_list *list, const struct ovsdb_server *s, const char *name)
{
	struct ovsdb_db_column c;
	if (!ovsdb_is_db_column(name)) {
		struct ovsdb_remote_options options = ovsdb_remote_default_options(name);
		add_name(list, name, &options);
		return;
	}
	char *fault = ovsdb_db_column_find(s, name, &c);
	if (fault != NULL) {
		log_warn("%s", fault);
		free(fault);
		return;
	}
	bool is_text =
	    c.column->type.key.type == OVSDB_STRING && !ovsdb_type_is_map(&c.column->type);
	ovsdb_table_foreach_row (row, c.table) {
		struct ovsdb_datum d = ovsdb_row_get(row, c.column);
		for (uint32_t i = 0; i < d.n && is_text; i++)
			add_text(list, ovsdb_datum_key(&d, i).string->s);
		for (uint32_t i = 0; i < d.n && refers(c.column); i++) {
			struct ovsdb_uuid uuid = ovsdb_datum_key(&d, i).uuid;
			add_row(
			    list, ovsdb_table_find_row(c.column->type.key.uuid.ref_table, &uuid));
		}
	}
}

void ovsdb_remote_list_fini(struct ovsdb_remote_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free((char *)list->array[i].name);
	free(list->array);
}

void ovsdb_db_column_write_status(struct ovsdb_server *s, const char *name)
{
	struct ovsdb_db_column c;
	char *fault = ovsdb_is_db_column(name) ? ovsdb_db_column_find(s, name, &c) : NULL;
	if (!ovsdb_is_db_column(name) || fault != NULL || !refers(c.column)) {
		free(fault);
		return;
	}
	bool changed = false;
	struct ovsdb_txn *txn = ovsdb_txn_create(c.table->db);
	ovsdb_table_foreach_row (row, c.table) {
		struct ovsdb_datum d = ovsdb_row_get(row, c.column);
		for (uint32_t i = 0; i < d.n; i++) {
			struct ovsdb_uuid uuid = ovsdb_datum_key(&d, i).uuid;
			struct ovsdb_row *target =
			    ovsdb_table_find_row(c.column->type.key.uuid.ref_table, &uuid);
			changed |= target != NULL && write_row(s, txn, target);
		}
	}
	struct ovsdb_error *error = changed ? ovsdb_txn_prepare(txn) : NULL;
	if (changed && error == NULL)
		ovsdb_server_commit(s, txn);
	else
		ovsdb_txn_abort(txn);
	ovsdb_error_destroy(error);
}

static bool split(const char *name, char parts[3][MAX_PART])
{
	const char *p = name + 3;
	for (int i = 0; i < 3; i++) {
		size_t len = strcspn(p, ",");
		if (len == 0 || len >= MAX_PART)
			return false;
		memcpy(parts[i], p, len);
		parts[i][len] = '\0';
		p += len;
		p += *p == ',';
	}
	return true;
}

static bool refers(const struct ovsdb_column *column)
{
	return column->type.key.type == OVSDB_UUID && column->type.key.uuid.ref_table != NULL &&
	       !ovsdb_type_is_map(&column->type);
}

/* Of a column, where clients write: it names a remote, not another column. */
static void add_text(struct ovsdb_remote_list *list, const char *name)
{
	struct ovsdb_remote_options options = ovsdb_remote_default_options(name);
	if (ovsdb_is_db_column(name))
		log_warn("\"%.100s\" is in a column of remotes, and is none", name);
	else
		add_name(list, name, &options);
}

static void add_name(
    struct ovsdb_remote_list *list, const char *name, const struct ovsdb_remote_options *options)
{
	if (list->n > MAX_REMOTES)
		return; // the server says that there are too many
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->array[i].name, name) != 0)
			continue;
		list->array[i].options = *options;
		return;
	}
	list->array = ovsdb_grow(list->array, list->n, &list->capacity, sizeof(*list->array));
	list->array[list->n++] =
	    (struct ovsdb_remote_conf){.name = ovsdb_copy_text(name), .options = *options};
}

/* A row of Manager, or of a table like it. */
static void add_row(struct ovsdb_remote_list *list, const struct ovsdb_row *row)
{
	struct ovsdb_datum d;
	if (row == NULL || !read_column(row, "target", OVSDB_STRING, &d)) {
		log_info("a remote's row has a missing or invalid \"target\" column");
		return;
	}
	const char *target = ovsdb_datum_string(&d);
	struct ovsdb_datum role;
	if (read_column(row, "role", OVSDB_STRING, &role) && ovsdb_datum_string(&role)[0] != '\0') {
		log_warn("%.100s is not served: it is for role \"%.100s\", and there is no "
			 "role-based access control; empty the column \"role\" to give its clients "
			 "all rights",
		    target, ovsdb_datum_string(&role));
		return;
	}
	struct ovsdb_remote_options options = ovsdb_remote_default_options(target);
	read_interval(row, "inactivity_probe", &options.probe_ms);
	read_interval(row, "max_backoff", &options.max_backoff_ms);
	if (read_column(row, "read_only", OVSDB_BOOLEAN, &d))
		options.is_read_only = ovsdb_datum_boolean(&d, false);
	add_name(list, target, &options);
}

/* One value of the type, in a column that may not be there. */
static bool read_column(const struct ovsdb_row *row, const char *name, enum ovsdb_atomic_type type,
    struct ovsdb_datum *ret)
{
	const struct ovsdb_column *column = ovsdb_table_find_column(row->table, name);
	if (column == NULL || column->type.key.type != type || ovsdb_type_is_map(&column->type))
		return false;
	*ret = ovsdb_row_get(row, column);
	return ret->n == 1;
}

static void read_interval(const struct ovsdb_row *row, const char *name, unsigned int *ret)
{
	struct ovsdb_datum d;
	if (!read_column(row, name, OVSDB_INTEGER, &d))
		return;
	int64_t value = ovsdb_datum_integer(&d, 0);
	*ret = (unsigned int)MIN_OF(MAX_OF(value, (int64_t)0), (int64_t)MAX_INTERVAL_MS);
}

/* False when the row says so already. */
static bool write_row(struct ovsdb_server *s, struct ovsdb_txn *txn, struct ovsdb_row *row)
{
	struct ovsdb_remote_status status;
	struct ovsdb_datum d;
	struct ovsdb_cell cells[2];
	size_t n = 0;
	bool changed = false;
	const struct ovsdb_column *connected = ovsdb_table_find_column(row->table, "is_connected");
	const struct ovsdb_column *column = ovsdb_table_find_column(row->table, "status");
	if (!read_column(row, "target", OVSDB_STRING, &d))
		return false;
	(void)!ovsdb_server_remote_status(s, ovsdb_datum_string(&d), &status);
	if (connected != NULL && connected->type.key.type == OVSDB_BOOLEAN)
		cells[n++] =
		    (struct ovsdb_cell){connected, ovsdb_datum_of_boolean(status.is_connected)};
	if (column != NULL && column->type.key.type == OVSDB_STRING &&
	    column->type.value.type == OVSDB_STRING)
		cells[n++] = (struct ovsdb_cell){column, status_of(&status)};
	for (size_t i = 0; i < n; i++) {
		struct ovsdb_datum now = ovsdb_row_get(row, cells[i].column);
		changed |= !ovsdb_datum_equals(&now, &cells[i].datum);
	}
	struct ovsdb_uuid uuid = row->uuid;
	struct ovsdb_error *error =
	    changed ? ovsdb_txn_update(txn, row->table, &uuid, cells, n) : NULL;
	ovsdb_error_destroy(error);
	for (size_t i = 0; i < n; i++)
		ovsdb_datum_unref(&cells[i].datum);
	ovsdb_remote_status_fini(&status);
	return changed;
}

static struct ovsdb_datum status_of(const struct ovsdb_remote_status *status)
{
	struct ovsdb_datum_builder b;
	ovsdb_datum_builder_init(&b, OVSDB_STRING, OVSDB_STRING);
	if (status->state != NULL)
		ovsdb_datum_builder_add_strings(&b, "state", status->state);
	if (status->connected_s >= 0)
		add_number(&b, "sec_since_connect", status->connected_s);
	if (status->disconnected_s >= 0)
		add_number(&b, "sec_since_disconnect", status->disconnected_s);
	if (status->last_error[0] != '\0')
		ovsdb_datum_builder_add_strings(&b, "last_error", status->last_error);
	if (status->locks_held != NULL)
		ovsdb_datum_builder_add_strings(&b, "locks_held", status->locks_held);
	if (status->locks_waiting != NULL)
		ovsdb_datum_builder_add_strings(&b, "locks_waiting", status->locks_waiting);
	if (status->locks_lost != NULL)
		ovsdb_datum_builder_add_strings(&b, "locks_lost", status->locks_lost);
	if (status->n_connections > 1)
		add_number(&b, "n_connections", status->n_connections);
	if (status->bound_port != 0)
		add_number(&b, "bound_port", status->bound_port);
	return ovsdb_datum_builder_finish(&b);
}

static void add_number(struct ovsdb_datum_builder *b, const char *key, int64_t value)
{
	char text[24];
	snprintf(text, sizeof(text), "%ld", value);
	ovsdb_datum_builder_add_strings(b, key, text);
}
