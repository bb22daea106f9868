/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A transaction: create, edit rows (these functions, or execute.h from JSON), prepare, then commit or abort.
 *
 * From create to commit or abort the tables show the transaction's work, and nothing else may use the database: no event loop in between. prepare
 * does all that can fail (references, garbage, maxRows, weak references, indexes); commit cannot fail. The journal is written between the two, or
 * after several commits and then, if that fails, ovsdb_undo takes them back, the latest first.
 *
 * Threads: one; one open transaction for a database. Memory: commit and abort end the transaction's life.
 */
#include "ovsdb-lite/db.h"

struct ovsdb_txn *ovsdb_txn_create(struct ovsdb_db *db);

/* Row edits. They check that values fit their columns' types, and mutability; not what prepare checks. cells' datums are borrowed. */
/* uuid NULL: a random one. *ret (may be NULL) is its UUID. Errors: the row exists ("duplicate uuid"), constraints. */
MUST_CHECK
struct ovsdb_error *ovsdb_txn_insert(struct ovsdb_txn *txn, struct ovsdb_table *table,
    const struct ovsdb_uuid *uuid, const struct ovsdb_cell *cells, size_t n_cells,
    struct ovsdb_uuid *ret);
/* No error when the row is not there: nothing happens then. */
MUST_CHECK
struct ovsdb_error *ovsdb_txn_update(struct ovsdb_txn *txn, struct ovsdb_table *table,
    const struct ovsdb_uuid *uuid, const struct ovsdb_cell *cells, size_t n_cells);
void ovsdb_txn_delete(
    struct ovsdb_txn *txn, struct ovsdb_table *table, const struct ovsdb_uuid *uuid);
/* NULL unless a column that is not among cells has a default that its own type refuses. */
MUST_CHECK
struct ovsdb_error *ovsdb_table_check_defaults(
    const struct ovsdb_table *table, const struct ovsdb_cell *cells, size_t n);
/* Joined by newlines when there are several. */
void ovsdb_txn_add_comment(struct ovsdb_txn *txn, const char *comment);

/* After an error only abort is left. */
MUST_CHECK
struct ovsdb_error *ovsdb_txn_prepare(struct ovsdb_txn *txn);
/* Of a prepared transaction, borrowed: what the journal writes. n is 0 when nothing changed; ids are given by prepare. */
struct ovsdb_changes *ovsdb_txn_changes(struct ovsdb_txn *txn);
/* Ends a prepared transaction; calls the listeners if it changed something. Returns a reference to the changes. */
struct ovsdb_changes *ovsdb_txn_commit(struct ovsdb_txn *txn);
void ovsdb_txn_abort(struct ovsdb_txn *txn);
