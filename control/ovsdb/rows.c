/* SPDX-License-Identifier: Apache-2.0 */
#include "control/ovsdb/rows.h"

#include <stdlib.h>
#include <string.h>

#include "control/mem.h"

enum { MAX_OWN = 65536 };

static const char *const table_names[OVS_TABLE__COUNT] = {
#define OVS_TABLE(name) #name,
#define OVS_COLUMN(table, name)
#include "control/ovsdb/column.def"
#undef OVS_TABLE
#undef OVS_COLUMN
};

static const struct {
	enum ovs_table table;
	const char *name;
} column_names[OVS_COLUMN__COUNT] = {
#define OVS_TABLE(name)
#define OVS_COLUMN(table, name) {OVS_##table, #name},
#include "control/ovsdb/column.def"
#undef OVS_TABLE
#undef OVS_COLUMN
};

static struct ovsdb_datum of_text(const char *text);
static int compare_rows(const void *a, const void *b);
static struct row_write *add(struct row_writer *w);
static struct ovsdb_error *run(struct ovsdb_txn *txn, const struct row_write *writes, size_t n);
static void remember_own(struct rows *r, const struct ovsdb_uuid *txn_id);

int rows_init(
    struct rows *r, struct ovsdb_db *db, const struct rows_committer *committer, struct err *err)
{
	*r = (struct rows){.db = db, .committer = *committer};
	for (size_t t = 0; t < OVS_TABLE__COUNT; t++) {
		r->tables[t] = ovsdb_db_find_table(db, table_names[t]);
		if (r->tables[t] == NULL)
			return err_set(
			    err, ERR_INTERNAL, "the database has no table %s", table_names[t]);
	}
	for (size_t c = 0; c < OVS_COLUMN__COUNT; c++) {
		r->columns[c] =
		    ovsdb_table_find_column(r->tables[column_names[c].table], column_names[c].name);
		if (r->columns[c] == NULL)
			return err_set(err, ERR_INTERNAL, "table %s of the database has no %s",
			    table_names[column_names[c].table], column_names[c].name);
	}
	return 0;
}

void rows_fini(struct rows *r)
{
	free(r->own);
	*r = (struct rows){0};
}

bool rows_is_own(struct rows *r, const struct ovsdb_changes *changes)
{
	for (size_t i = 0; i < r->n_own; i++) {
		if (!ovsdb_uuid_equals(r->own[i], changes->txn_id))
			continue;
		/* What was made before is either told before, or undone. */
		r->n_own -= i + 1;
		memmove(r->own, r->own + i + 1, r->n_own * sizeof(*r->own));
		return true;
	}
	return false;
}

struct row_list rows_list(const struct rows *r, enum ovs_table table)
{
	const struct ovsdb_table *t = r->tables[table];
	struct row_list l = {
	    .rows = mem_alloc_array(ovsdb_table_count(t) + 1, sizeof(struct ovsdb_row *))};

	ovsdb_table_foreach_row (row, t)
		l.rows[l.n++] = ovsdb_row_ref(row);
	qsort(l.rows, l.n, sizeof(struct ovsdb_row *), compare_rows);
	return l;
}

struct row_list rows_referred(
    const struct rows *r, const struct ovsdb_row *row, enum ovs_column column, enum ovs_table table)
{
	struct ovsdb_datum d = rows_get(r, row, column);
	struct row_list l = {.rows = mem_alloc_array(d.n + 1, sizeof(struct ovsdb_row *))};

	for (uint32_t i = 0; i < d.n; i++) {
		union ovsdb_atom key = ovsdb_datum_key(&d, i);
		struct ovsdb_row *referred = ovsdb_table_find_row(r->tables[table], &key.uuid);
		if (referred != NULL)
			l.rows[l.n++] = ovsdb_row_ref(referred);
	}
	return l;
}

void row_list_fini(struct row_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		ovsdb_row_unref(l->rows[i]);
	free(l->rows);
	*l = (struct row_list){0};
}

const struct ovsdb_row *rows_root(const struct rows *r)
{
	ovsdb_table_foreach_row (row, r->tables[OVS_Open_vSwitch])
		return row;
	return NULL;
}

struct ovsdb_datum rows_get(
    const struct rows *r, const struct ovsdb_row *row, enum ovs_column column)
{
	return ovsdb_row_get(row, r->columns[column]);
}

const char *rows_string(const struct rows *r, const struct ovsdb_row *row, enum ovs_column column)
{
	struct ovsdb_datum d = rows_get(r, row, column);
	return d.n > 0 ? ovsdb_datum_key(&d, 0).string->s : "";
}

int64_t rows_integer(
    const struct rows *r, const struct ovsdb_row *row, enum ovs_column column, int64_t fallback)
{
	struct ovsdb_datum d = rows_get(r, row, column);
	return ovsdb_datum_integer(&d, fallback);
}

const char *rows_map(
    const struct rows *r, const struct ovsdb_row *row, enum ovs_column column, const char *key)
{
	struct ovsdb_datum d = rows_get(r, row, column);
	return ovsdb_datum_map_string(&d, key);
}

void writer_init(struct row_writer *w, struct rows *r)
{
	*w = (struct row_writer){.rows = r};
}

void writer_fini(struct row_writer *w)
{
	for (size_t i = 0; i < w->n; i++)
		ovsdb_datum_unref(&w->writes[i].datum);
	free(w->writes);
	*w = (struct row_writer){.rows = w->rows};
}

bool writer_set(struct row_writer *w, const struct ovsdb_row *row, enum ovs_column column,
    struct ovsdb_datum datum)
{
	struct ovsdb_datum now = rows_get(w->rows, row, column);

	if (ovsdb_datum_equals(&now, &datum)) {
		ovsdb_datum_unref(&datum);
		return false;
	}
	*add(w) = (struct row_write){.verb = ROW_SET,
	    .table = row->table,
	    .uuid = row->uuid,
	    .column = w->rows->columns[column],
	    .datum = datum};
	return true;
}

bool writer_set_text(
    struct row_writer *w, const struct ovsdb_row *row, enum ovs_column column, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return writer_clear(w, row, column);
	return writer_set(w, row, column, of_text(text));
}

bool writer_set_integer(
    struct row_writer *w, const struct ovsdb_row *row, enum ovs_column column, int64_t value)
{
	return writer_set(w, row, column, ovsdb_datum_of_integer(value));
}

bool writer_set_boolean(
    struct row_writer *w, const struct ovsdb_row *row, enum ovs_column column, bool value)
{
	return writer_set(w, row, column, ovsdb_datum_of_boolean(value));
}

bool writer_clear(struct row_writer *w, const struct ovsdb_row *row, enum ovs_column column)
{
	return writer_set(w, row, column, ovsdb_datum_default(&w->rows->columns[column]->type));
}

bool writer_set_key(struct row_writer *w, const struct ovsdb_row *row, enum ovs_column column,
    const char *key, const char *value)
{
	struct ovsdb_datum d = rows_get(w->rows, row, column);
	struct ovsdb_datum_builder b;

	ovsdb_datum_builder_init(&b, OVSDB_STRING, OVSDB_STRING);
	for (uint32_t i = 0; i < d.n; i++) {
		const char *k = ovsdb_datum_key(&d, i).string->s;
		if (strcmp(k, key) != 0)
			ovsdb_datum_builder_add_strings(&b, k, ovsdb_datum_value(&d, i).string->s);
	}
	if (value != NULL)
		ovsdb_datum_builder_add_strings(&b, key, value);
	return writer_set(w, row, column, ovsdb_datum_builder_finish(&b));
}

void writer_insert(struct row_writer *w, enum ovs_column column, const struct ovsdb_uuid *uuid,
    struct ovsdb_datum datum)
{
	*add(w) = (struct row_write){.verb = ROW_INSERT,
	    .table = w->rows->tables[column_names[column].table],
	    .uuid = *uuid,
	    .column = w->rows->columns[column],
	    .datum = datum};
}

void writer_delete(struct row_writer *w, const struct ovsdb_row *row)
{
	*add(w) = (struct row_write){.verb = ROW_DELETE, .table = row->table, .uuid = row->uuid};
}

int writer_commit(struct row_writer *w, struct err *err)
{
	if (w->n == 0)
		return 0;
	struct ovsdb_txn *txn = ovsdb_txn_create(w->rows->db);
	struct ovsdb_error *error = run(txn, w->writes, w->n);

	writer_fini(w);
	if (error == NULL)
		error = ovsdb_txn_prepare(txn);
	if (error != NULL) {
		ovsdb_txn_abort(txn);
		return ovsdb_error_to_err(error, ERR_INTERNAL, err);
	}
	const struct ovsdb_changes *changes = ovsdb_txn_changes(txn);
	if (changes->n == 0) {
		ovsdb_txn_abort(txn);
		return 0;
	}
	remember_own(w->rows, &changes->txn_id);
	w->rows->committer.commit(w->rows->committer.arg, txn);
	return 0;
}

struct ovsdb_datum datum_of_map(const char *const (*pairs)[2], size_t n)
{
	struct ovsdb_datum_builder b;

	ovsdb_datum_builder_init(&b, OVSDB_STRING, OVSDB_STRING);
	for (size_t i = 0; i < n; i++) {
		if (pairs[i][1] == NULL)
			continue;
		struct ovsdb_datum value = of_text(pairs[i][1]);
		ovsdb_datum_builder_add_strings(
		    &b, pairs[i][0], ovsdb_datum_key(&value, 0).string->s);
		ovsdb_datum_unref(&value);
	}
	return ovsdb_datum_builder_finish(&b);
}

/* A text that quotes a client may have been cut inside a character; what goes to clients is UTF-8. */
static struct ovsdb_datum of_text(const char *text)
{
	json_t *valid = json_string(text);
	char *copy = mem_copy_text(text, strlen(text));

	for (char *p = copy; valid == NULL && *p != '\0'; p++)
		*p = (unsigned char)*p < 0x80 ? *p : '?';
	json_decref(valid);
	struct ovsdb_datum d = ovsdb_datum_of_string(copy);
	free(copy);
	return d;
}

static int compare_rows(const void *a, const void *b)
{
	const struct ovsdb_row *const *x = a, *const *y = b;
	return ovsdb_uuid_compare(&(*x)->uuid, &(*y)->uuid);
}

static struct row_write *add(struct row_writer *w)
{
	w->writes = mem_grow(w->writes, w->n, &w->capacity, sizeof(*w->writes));
	return &w->writes[w->n++];
}

/* Writes of one row that stand together are one edit. */
static struct ovsdb_error *run(struct ovsdb_txn *txn, const struct row_write *writes, size_t n)
{
	struct ovsdb_error *error = NULL;
	struct ovsdb_cell *cells = mem_alloc_array(n, sizeof(*cells));

	for (size_t i = 0, end; i < n && error == NULL; i = end) {
		const struct row_write *first = &writes[i];
		for (end = i; end < n && writes[end].verb == first->verb &&
			      writes[end].table == first->table &&
			      ovsdb_uuid_equals(writes[end].uuid, first->uuid);
		     end++)
			cells[end - i] = (struct ovsdb_cell){
			    .column = writes[end].column, .datum = writes[end].datum};
		if (first->verb == ROW_DELETE)
			ovsdb_txn_delete(txn, first->table, &first->uuid);
		else if (first->verb == ROW_INSERT)
			error =
			    ovsdb_txn_insert(txn, first->table, &first->uuid, cells, end - i, NULL);
		else
			error = ovsdb_txn_update(txn, first->table, &first->uuid, cells, end - i);
	}
	free(cells);
	return error;
}

static void remember_own(struct rows *r, const struct ovsdb_uuid *txn_id)
{
	if (r->n_own == MAX_OWN)
		r->n_own = 0; // nobody asks: none of them will be told of any more
	r->own = mem_grow(r->own, r->n_own, &r->own_capacity, sizeof(*r->own));
	r->own[r->n_own++] = *txn_id;
}
