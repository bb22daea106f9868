/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A database in memory: schema, tables, and who wants to hear of its changes. It knows nothing of files and sessions.
 *
 * A reader of a journal fills it between ovsdb_db_begin_load and ovsdb_db_end_load, which checks the whole: references, indexes, counts.
 *
 * Threads: one. Memory: ovsdb_db_destroy; rows, changes and transactions of it must be gone by then.
 */
#include "datapath/base/hmap.h"
#include "datapath/base/list.h"
#include "ovsdb-lite/change.h"
#include "ovsdb-lite/table.h"

struct ovsdb_txn;

/* Called in ovsdb_txn_commit (committed) and ovsdb_undo (undone), after the tables changed. It may not begin a transaction in there. */
struct ovsdb_listener {
	struct list node;
	void (*committed)(
	    struct ovsdb_listener *listener, struct ovsdb_changes *changes);            // borrowed
	void (*undone)(struct ovsdb_listener *listener, struct ovsdb_changes *changes); // or NULL
};

struct ovsdb_db {
	const struct ovsdb_schema *schema;
	struct ovsdb_table *tables; // as schema->tables
	struct list listeners;
	struct ovsdb_txn *txn; // the one that is open, or NULL
	struct hmap weak_refs; // by referenced row: reference.c
	bool is_loading;
	uint64_t work;     // rows, clauses and elements that ovsdb_execute looked at
	uint64_t max_work; // 0: nobody counts
};

static inline bool ovsdb_db_is_work_over(const struct ovsdb_db *db)
{
	return db->max_work != 0 && db->work > db->max_work;
}

struct ovsdb_db *ovsdb_db_create(struct ovsdb_schema *schema); // takes the schema
void ovsdb_db_destroy(struct ovsdb_db *db);                    // NULL is fine
struct ovsdb_table *ovsdb_db_find_table(const struct ovsdb_db *db, const char *name); // or NULL
void ovsdb_db_add_listener(struct ovsdb_db *db, struct ovsdb_listener *listener);
void ovsdb_db_del_listener(struct ovsdb_listener *listener);
size_t ovsdb_db_count_rows(const struct ovsdb_db *db);

/*
 * Loading: changes come in any order as far as references go; references, indexes and maxRows are looked at when all is there.
 * end_load: an error names the first that is wrong; the database is then fit only to be destroyed.
 */
uint32_t ovsdb_table_max_rows(const struct ovsdb_table *table); // the schema's, or the limit of all
void ovsdb_db_begin_load(struct ovsdb_db *db);
void ovsdb_db_load(
    struct ovsdb_db *db, const struct ovsdb_changes *changes); // from ovsdb_changes_decode
MUST_CHECK
struct ovsdb_error *ovsdb_db_end_load(struct ovsdb_db *db);

/*
 * Makes changes the state without a transaction: for a user who alone writes the database and knows that values, maxRows and indexes
 * hold, and that no column refers to rows. Listeners hear of it; ovsdb_undo takes it back.
 */
void ovsdb_db_apply(struct ovsdb_db *db, struct ovsdb_changes *changes);

/* Puts the versions before a committed transaction back. The latest committed one first. */
void ovsdb_undo(struct ovsdb_db *db, struct ovsdb_changes *changes);

/*
 * A new database of another schema (taken, also after an error) with db's rows: columns of the same name are kept where the new type takes their
 * value, tables and columns that are not in schema are left out, new ones are at default. db is not touched.
 */
MUST_CHECK
struct ovsdb_error *ovsdb_db_convert(
    const struct ovsdb_db *db, struct ovsdb_schema *schema, struct ovsdb_db **ret);
