/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/object_rows.h"

#include <stdlib.h>
#include <string.h>

#include "control/api/json_read.h"
#include "control/api/txn_build.h"
#include "control/mem.h"
#include "ovsdb-lite/error.h"

enum {
	CONTENT_MAX_SIZE = 1 << 30,
	MAX_TXNS = 65536, // of table transaction: txn_log.h keeps fewer
	N_CELLS = 4,
};

static json_t *table_schema(const char *const columns[], const char *index, size_t max_rows);
static struct ovsdb_row *find(struct ovsdb_table *table, const char *name);
static void change_row(const struct object_columns *c, const struct api_change *change,
    const struct ovsdb_datum *owner, struct buf_writer *text, struct ovsdb_changes *ret);
static void put(struct ovsdb_changes *changes, struct ovsdb_table *table, struct ovsdb_row *old,
    struct ovsdb_cell *cells, size_t n);
static int load_table(const struct object_rows *rows, enum api_table t, struct store *store,
    uint64_t generation, struct err *err);
static struct api_object *object_of(
    const struct object_columns *c, enum api_table t, const struct ovsdb_row *row, struct err *err);
static int compare_txns(const void *a, const void *b);

/* Columns are numbered in order of their names; cells are in that order. A type's name is its first letter. */
static const char *const object_columns[] = {
    "s:content", "i:generation", "s:name", "s:owner", NULL};
static const char *const state_columns[] = {"i:generation", NULL};
static const char *const txn_columns[] = {"s:digest", "i:generation", "s:txn_id", NULL};

struct ovsdb_schema *object_rows_schema(struct err *err)
{
	struct ovsdb_schema *schema = NULL;
	json_t *tables = json_object();

	for (enum api_table t = 0; t < API_TABLE__COUNT; t++)
		json_object_set_new(tables, api_tables[t].name,
		    table_schema(object_columns, "name", api_tables[t].max_rows));
	json_object_set_new(tables, "state", table_schema(state_columns, NULL, 1));
	json_object_set_new(tables, "transaction", table_schema(txn_columns, "txn_id", MAX_TXNS));
	json_t *json = json_pack(
	    "{s:s, s:s, s:o}", "name", OBJECT_DB_NAME, "version", "1.0.0", "tables", tables);
	struct ovsdb_error *error = ovsdb_schema_from_json(&schema, json);
	json_decref(json);
	if (error != NULL)
		ovsdb_error_to_err(error, ERR_INTERNAL, err);
	return schema;
}

void object_rows_init(struct object_rows *rows, struct ovsdb_db *db)
{
	*rows = (struct object_rows){.db = db};
	for (enum api_table t = 0; t < API_TABLE__COUNT; t++) {
		struct ovsdb_table *table = ovsdb_db_find_table(db, api_tables[t].name);
		rows->tables[t] = (struct object_columns){
		    .table = table,
		    .name = ovsdb_table_find_column(table, "name"),
		    .owner = ovsdb_table_find_column(table, "owner"),
		    .generation = ovsdb_table_find_column(table, "generation"),
		    .content = ovsdb_table_find_column(table, "content"),
		};
	}
	rows->state = ovsdb_db_find_table(db, "state");
	rows->state_generation = ovsdb_table_find_column(rows->state, "generation");
	rows->txns = ovsdb_db_find_table(db, "transaction");
	rows->txn_id = ovsdb_table_find_column(rows->txns, "txn_id");
	rows->txn_digest = ovsdb_table_find_column(rows->txns, "digest");
	rows->txn_generation = ovsdb_table_find_column(rows->txns, "generation");
}

int object_rows_load(const struct object_rows *rows, struct store *store, struct err *err)
{
	uint64_t generation = 0;

	ovsdb_table_foreach_row (row, rows->state) {
		struct ovsdb_datum d = ovsdb_row_get(row, rows->state_generation);
		generation = (uint64_t)ovsdb_datum_integer(&d, 0);
	}
	for (enum api_table t = 0; t < API_TABLE__COUNT; t++) {
		int r = load_table(rows, t, store, generation, err);
		if (r != 0)
			return r;
	}
	return 0;
}

void object_rows_change(const struct object_rows *rows, const struct api_change *changes, size_t n,
    uint64_t generation, struct ovsdb_changes *ret)
{
	struct ovsdb_cell cell = {
	    rows->state_generation, ovsdb_datum_of_integer((int64_t)generation)};
	struct ovsdb_datum owner = ovsdb_datum_of_string(""); // most have the one before's
	struct ovsdb_row *state = NULL;
	struct buf_writer text;

	ovsdb_table_foreach_row (row, rows->state)
		state = row;
	put(ret, rows->state, state, &cell, 1);
	buf_writer_init(&text, CONTENT_MAX_SIZE);
	for (size_t i = 0; i < n; i++) {
		const struct api_object *o = changes[i].new_object;
		if (o != NULL && strcmp(ovsdb_datum_string(&owner), o->owner) != 0) {
			ovsdb_datum_unref(&owner);
			owner = ovsdb_datum_of_string(o->owner);
		}
		change_row(&rows->tables[changes[i].table], &changes[i], &owner, &text, ret);
	}
	buf_writer_fini(&text);
	ovsdb_datum_unref(&owner);
}

void object_rows_put_txn(
    const struct object_rows *rows, const struct object_txn *what, struct ovsdb_changes *ret)
{
	struct ovsdb_cell cells[] = {
	    {rows->txn_digest, ovsdb_datum_of_string(what->digest)},
	    {rows->txn_generation, ovsdb_datum_of_integer((int64_t)what->generation)},
	    {rows->txn_id, ovsdb_datum_of_string(what->id)},
	};

	put(ret, rows->txns, find(rows->txns, what->id), cells, ARRAY_SIZE(cells));
}

void object_rows_del_txn(const struct object_rows *rows, const char *id, struct ovsdb_changes *ret)
{
	struct ovsdb_row *row = find(rows->txns, id);

	if (row != NULL)
		ovsdb_changes_add(ret, rows->txns, ovsdb_row_ref(row), NULL);
}

void object_rows_foreach_txn(
    const struct object_rows *rows, void (*cb)(const struct object_txn *what, void *arg), void *arg)
{
	struct object_txn *all = mem_alloc_array(ovsdb_table_count(rows->txns) + 1, sizeof(*all));
	size_t n = 0;

	ovsdb_table_foreach_row (row, rows->txns) {
		struct ovsdb_datum id = ovsdb_row_get(row, rows->txn_id);
		struct ovsdb_datum digest = ovsdb_row_get(row, rows->txn_digest);
		struct ovsdb_datum generation = ovsdb_row_get(row, rows->txn_generation);
		all[n++] = (struct object_txn){
		    .id = ovsdb_datum_key(&id, 0).string->s,
		    .digest = ovsdb_datum_key(&digest, 0).string->s,
		    .generation = (uint64_t)ovsdb_datum_integer(&generation, 0),
		};
	}
	qsort(all, n, sizeof(*all), compare_txns);
	for (size_t i = 0; i < n; i++)
		cb(&all[i], arg);
	free(all);
}

static json_t *table_schema(const char *const columns[], const char *index, size_t max_rows)
{
	json_t *list = json_object();

	for (; *columns != NULL; columns++)
		json_object_set_new(list, *columns + 2,
		    json_pack("{s:s}", "type", **columns == 's' ? "string" : "integer"));
	json_t *table = json_pack(
	    "{s:o, s:b, s:I}", "columns", list, "isRoot", true, "maxRows", (json_int_t)max_rows);
	if (index != NULL)
		json_object_set_new(table, "indexes", json_pack("[[s]]", index));
	return table;
}

/* By the only index of the table. */
static struct ovsdb_row *find(struct ovsdb_table *table, const char *name)
{
	struct ovsdb_datum key = ovsdb_datum_of_string(name);
	struct ovsdb_row *row = ovsdb_table_find_by_index(table, 0, &key);

	ovsdb_datum_unref(&key);
	return row;
}

static void change_row(const struct object_columns *c, const struct api_change *change,
    const struct ovsdb_datum *owner, struct buf_writer *text, struct ovsdb_changes *ret)
{
	const struct api_object *o = change->new_object;
	struct ovsdb_row *old = change->old_object != NULL ? find(c->table, change->name) : NULL;

	if (o == NULL) {
		if (old != NULL)
			ovsdb_changes_add(ret, c->table, ovsdb_row_ref(old), NULL);
		return;
	}
	text->size = 0;
	api_object_write(o, text);
	buf_put_u8(text, '\0');
	assert(!text->bad); // a message is much smaller
	struct ovsdb_cell cells[N_CELLS] = {
	    {c->content, ovsdb_datum_of_string((const char *)text->data)},
	    {c->generation, ovsdb_datum_of_integer((int64_t)o->generation)},
	    {c->name, ovsdb_datum_of_string(o->name)},
	    {c->owner, ovsdb_datum_ref(owner)},
	};
	put(ret, c->table, old, cells, N_CELLS);
}

/* old NULL: the row is new. Lets go of the cells' values. */
static void put(struct ovsdb_changes *changes, struct ovsdb_table *table, struct ovsdb_row *old,
    struct ovsdb_cell *cells, size_t n)
{
	struct ovsdb_uuid uuid = old != NULL ? old->uuid : ovsdb_uuid_random();
	struct ovsdb_row *new = ovsdb_row_create(table, uuid, old, cells, n);

	ovsdb_changes_add(changes, table, old != NULL ? ovsdb_row_ref(old) : NULL, new);
	for (size_t i = 0; i < n; i++)
		ovsdb_datum_unref(&cells[i].datum);
}

static int load_table(const struct object_rows *rows, enum api_table t, struct store *store,
    uint64_t generation, struct err *err)
{
	const struct object_columns *c = &rows->tables[t];
	struct change_set set;
	int r = 0;

	change_set_init(&set, ovsdb_table_count(c->table));
	ovsdb_table_foreach_row (row, c->table) {
		struct api_object *o = object_of(c, t, row, err);
		if (o == NULL) {
			r = -EIO;
			break;
		}
		change_set_add(&set, NULL, o, 0);
		api_object_unref(o);
	}
	if (r == 0)
		store_commit(store, set.changes, set.n, generation);
	change_set_fini(&set);
	return r;
}

static struct api_object *object_of(
    const struct object_columns *c, enum api_table t, const struct ovsdb_row *row, struct err *err)
{
	struct ovsdb_datum name_d = ovsdb_row_get(row, c->name);
	struct ovsdb_datum owner_d = ovsdb_row_get(row, c->owner);
	struct ovsdb_datum generation = ovsdb_row_get(row, c->generation);
	struct ovsdb_datum content_d = ovsdb_row_get(row, c->content);
	const char *name = ovsdb_datum_key(&name_d, 0).string->s;
	const char *owner = ovsdb_datum_key(&owner_d, 0).string->s;
	const struct ovsdb_text *content = ovsdb_datum_key(&content_d, 0).string;
	json_error_t fault;
	json_t *json = json_read(content->s, content->len, &fault);

	if (json == NULL)
		err_set(err, ERR_STORAGE, "its row is not JSON: %s", fault.text);
	json_t *data = json != NULL ? schema_restore(t, json, err) : NULL;
	json_decref(json);
	if (data != NULL)
		return api_object_create(
		    t, name, owner, (uint64_t)ovsdb_datum_integer(&generation, 0), data);
	err_object(err, "%s/%s", api_tables[t].name, name);
	return NULL;
}

static int compare_txns(const void *a, const void *b)
{
	uint64_t x = ((const struct object_txn *)a)->generation;
	uint64_t y = ((const struct object_txn *)b)->generation;

	return (x > y) - (x < y);
}
