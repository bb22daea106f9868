/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The database Sluice: the API's objects as rows, a table for each of schema.def, so that what the API acknowledged is as durable as
 * any other row, and whoever speaks OVSDB can read it. The store has the same objects decoded.
 *
 * A row has its object's name (an index), owner, generation, and all else as JSON text: lists of objects are in an order, which sets of
 * OVSDB have not, and a million flows are kept as text anyway. Two tables more: `state` has the generation of all, in one row, and
 * `transaction` the ids that make transactions repeatable (txn_log.h).
 *
 * Threads: sluiced's loop. Memory: none but the caller's struct; the storage owns the database.
 */
#include "control/api/store.h"
#include "ovsdb-lite/db.h"

#define OBJECT_DB_NAME "Sluice"

struct object_columns {
	struct ovsdb_table *table;
	const struct ovsdb_column *name, *owner, *generation, *content;
};

struct object_rows {
	struct ovsdb_db *db;
	struct object_columns tables[API_TABLE__COUNT];
	struct ovsdb_table *state, *txns;
	const struct ovsdb_column *state_generation;
	const struct ovsdb_column *txn_id, *txn_digest, *txn_generation;
};

/* The database's schema, of the tables that this version knows. */
struct ovsdb_schema *object_rows_schema(struct err *err);
/* db is of that schema. */
void object_rows_init(struct object_rows *rows, struct ovsdb_db *db);
/* Fills the empty store. -EIO: a row is not an object of its table, which the error names. */
MUST_CHECK
int object_rows_load(const struct object_rows *rows, struct store *store, struct err *err);
/* Adds what a transaction of the API does to the rows; changes has each object once. */
void object_rows_change(const struct object_rows *rows, const struct api_change *changes, size_t n,
    uint64_t generation, struct ovsdb_changes *ret);

/* The id of a transaction, as its row has it. Texts are borrowed. */
struct object_txn {
	const char *id, *digest;
	uint64_t generation;
};
/* Adds the row of one, or its new version; deletes one's. */
void object_rows_put_txn(
    const struct object_rows *rows, const struct object_txn *what, struct ovsdb_changes *ret);
void object_rows_del_txn(const struct object_rows *rows, const char *id, struct ovsdb_changes *ret);
/* All of them, the oldest first. */
void object_rows_foreach_txn(const struct object_rows *rows,
    void (*cb)(const struct object_txn *what, void *arg), void *arg);
