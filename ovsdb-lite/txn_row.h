/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside of a transaction: the rows that it touched. A row is touched when it is changed, or when another one's change counts references to it.
 *
 * Threads: one. Memory: the transaction owns its txn_rows, which hold references to their versions.
 */
#include "ovsdb-lite/txn.h"

struct ovsdb_txn_row {
	struct hmap_node node; // by table and uuid
	struct ovsdb_table *table;
	struct ovsdb_uuid uuid;
	struct ovsdb_row *old;  // before the transaction, or NULL
	struct ovsdb_row *new;  // in the table now, or NULL; == old: not changed
	size_t position;        // in order[]
	uint32_t n_strong_refs; // prepare counts here; commit writes them to the row
	bool is_weak_stale;     // refers weakly to a row that went
	bool is_weak_reported;  // went, and those who refer weakly to it know
};

struct ovsdb_txn {
	struct ovsdb_db *db;
	struct hmap rows;
	size_t n, capacity;
	struct ovsdb_txn_row **order; // as touched; NULL: inserted and deleted again
	char *comment;                // or NULL
	size_t comment_len, comment_capacity;
	struct ovsdb_changes *changes; // once prepared
};

struct ovsdb_txn_row *ovsdb_txn_find(
    const struct ovsdb_txn *txn, const struct ovsdb_table *table, const struct ovsdb_uuid *uuid);
/* Touches a row that is in the table; NULL when there is none and the transaction did not delete it. */
struct ovsdb_txn_row *ovsdb_txn_touch(
    struct ovsdb_txn *txn, struct ovsdb_table *table, const struct ovsdb_uuid *uuid);
/* Puts another version in its place (NULL: deletes it). Takes the caller's reference. */
void ovsdb_txn_replace(struct ovsdb_txn *txn, struct ovsdb_txn_row *tr, struct ovsdb_row *new);
/* A row that was not there. Takes the caller's reference. */
void ovsdb_txn_add(struct ovsdb_txn *txn, struct ovsdb_row *new);
/* False: a row with this UUID is there, or was deleted in this transaction. */
bool ovsdb_txn_may_insert(
    const struct ovsdb_txn *txn, const struct ovsdb_table *table, const struct ovsdb_uuid *uuid);
/* Row edit without checks of values; cells sorted by column number. */
void ovsdb_txn_edit(
    struct ovsdb_txn *txn, struct ovsdb_row *row, const struct ovsdb_cell *cells, size_t n_cells);

static inline bool ovsdb_txn_row_is_changed(const struct ovsdb_txn_row *tr)
{
	return tr != NULL && tr->old != tr->new;
}

static inline bool ovsdb_txn_row_is_deleted(const struct ovsdb_txn_row *tr)
{
	return tr != NULL && tr->old != NULL && tr->new == NULL;
}

/* The phases of prepare that have files of their own. */
MUST_CHECK
struct ovsdb_error *ovsdb_txn_check_references(struct ovsdb_txn *txn);
MUST_CHECK
struct ovsdb_error *ovsdb_txn_check_weak_references(struct ovsdb_txn *txn);
void ovsdb_txn_collect_garbage(struct ovsdb_txn *txn);
/* Counts the strong references that became different between two versions of one row. */
MUST_CHECK
struct ovsdb_error *ovsdb_txn_count_references(
    struct ovsdb_txn *txn, const struct ovsdb_row *old, const struct ovsdb_row *new);
MUST_CHECK
struct ovsdb_error *ovsdb_txn_check_indexes(struct ovsdb_txn *txn);
