/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rows of the database Open_vSwitch, read by column and written in one transaction: the only file of the mapping that knows how the
 * engine holds them.
 *
 * Threads: sluiced's loop. Memory: what is read is borrowed from the row, until the database changes. A writer holds values until
 * writer_commit or writer_fini.
 */
#include "ovsdb-lite/txn.h"

enum ovs_table {
#define OVS_TABLE(name) OVS_##name,
#define OVS_COLUMN(table, name)
#include "control/ovsdb/column.def"
#undef OVS_TABLE
#undef OVS_COLUMN
	OVS_TABLE__COUNT
};

enum ovs_column {
#define OVS_TABLE(name)
#define OVS_COLUMN(table, name) OVS_##table##_##name,
#include "control/ovsdb/column.def"
#undef OVS_TABLE
#undef OVS_COLUMN
	OVS_COLUMN__COUNT
};

/* How a prepared transaction of the mapping is committed: by the server, or by a test. */
struct rows_committer {
	void (*commit)(void *arg, struct ovsdb_txn *txn);
	void *arg;
};

struct rows {
	struct ovsdb_db *db;
	struct ovsdb_table *tables[OVS_TABLE__COUNT];
	const struct ovsdb_column *columns[OVS_COLUMN__COUNT];
	struct rows_committer committer;
	struct ovsdb_uuid *own; // transactions of writers that rows_is_own has not been asked about
	size_t n_own, own_capacity;
};

/* -EINVAL: the database lacks a table or column. */
MUST_CHECK
int rows_init(
    struct rows *r, struct ovsdb_db *db, const struct rows_committer *committer, struct err *err);
void rows_fini(struct rows *r);
/* Whether a writer made it. Each of them is asked about once. */
bool rows_is_own(struct rows *r, const struct ovsdb_changes *changes);

/* The table's rows by UUID, referenced; for row_list_fini. The table may change while they are looked at. */
struct row_list {
	struct ovsdb_row **rows;
	size_t n;
};
struct row_list rows_list(const struct rows *r, enum ovs_table table);
/* The rows that a column of references names. */
struct row_list rows_referred(const struct rows *r, const struct ovsdb_row *row,
    enum ovs_column column, enum ovs_table table);
void row_list_fini(struct row_list *l);
const struct ovsdb_row *rows_root(const struct rows *r); // of Open_vSwitch; NULL: there is none

struct ovsdb_datum rows_get(
    const struct rows *r, const struct ovsdb_row *row, enum ovs_column column);
const char *rows_string(const struct rows *r, const struct ovsdb_row *row,
    enum ovs_column column); // "" when empty
int64_t rows_integer(
    const struct rows *r, const struct ovsdb_row *row, enum ovs_column column, int64_t fallback);
const char *rows_map(const struct rows *r, const struct ovsdb_row *row, enum ovs_column column,
    const char *key); // NULL: it has no such key

/* Changes to be, in one transaction. */
struct row_write {
	enum { ROW_SET, ROW_INSERT, ROW_DELETE } verb;
	struct ovsdb_table *table;
	struct ovsdb_uuid uuid;
	const struct ovsdb_column *column; // not of ROW_DELETE
	struct ovsdb_datum datum;
};

struct row_writer {
	struct rows *rows;
	struct row_write *writes;
	size_t n, capacity;
};

void writer_init(struct row_writer *w, struct rows *r);
void writer_fini(struct row_writer *w);
/* Takes datum. Nothing is written when the row has that value already: false. Writes of a row follow one another. */
bool writer_set(struct row_writer *w, const struct ovsdb_row *row, enum ovs_column column,
    struct ovsdb_datum datum);
/* text NULL or "": nothing in an optional column. */
bool writer_set_text(
    struct row_writer *w, const struct ovsdb_row *row, enum ovs_column column, const char *text);
bool writer_set_integer(
    struct row_writer *w, const struct ovsdb_row *row, enum ovs_column column, int64_t value);
bool writer_set_boolean(
    struct row_writer *w, const struct ovsdb_row *row, enum ovs_column column, bool value);
bool writer_clear(struct row_writer *w, const struct ovsdb_row *row, enum ovs_column column);
/* value NULL: the key goes. Of maps of strings. */
bool writer_set_key(struct row_writer *w, const struct ovsdb_row *row, enum ovs_column column,
    const char *key, const char *value);
/* A column of a new row; rows with the same uuid are one. */
void writer_insert(struct row_writer *w, enum ovs_column column, const struct ovsdb_uuid *uuid,
    struct ovsdb_datum datum);
void writer_delete(struct row_writer *w, const struct ovsdb_row *row);
/* Nothing is done when nothing was written. Empties w. */
MUST_CHECK
int writer_commit(struct row_writer *w, struct err *err);

struct ovsdb_datum datum_of_map(
    const char *const (*pairs)[2], size_t n); // pairs whose value is NULL are left out
