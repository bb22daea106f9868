/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside of a storage: storage.c keeps it, storage_record.c knows what is in records, compaction.c writes it anew.
 *
 * Threads, Memory: as storage.h.
 */
#include "ovsdb-lite/draft.h"
#include "ovsdb-lite/storage.h"

enum {
	OVSDB_STORAGE_ROWS_MAX = 1000,     // in one record of a snapshot
	OVSDB_STORAGE_ROWS_SIZE = 1 << 20, // bytes, and the row that goes past it
};

struct ovsdb_stored_db {
	struct ovsdb_db *db;
	struct ovsdb_uuid last_txn;
};

/* What was added and is not flushed. */
struct ovsdb_batch {
	struct buf_writer payload;
	uint32_t n_txns; // in payload
	struct ovsdb_changes **changes;
	size_t n, capacity;
};

struct ovsdb_compaction;

struct ovsdb_storage {
	struct ovsdb_journal *journal; // NULL while it is read
	const struct ovsdb_journal_io *io;
	struct ovsdb_storage_options options;
	struct ovsdb_storage_report *report; // while the file is read
	struct ovsdb_stored_db dbs[OVSDB_STORAGE_MAX_DBS];
	size_t n_dbs;
	struct ovsdb_batch batch;
	struct ovsdb_compaction *compaction; // that runs, or waits for the flush
	uint64_t no_compaction_before_ms;
};

/* storage_record.c: a change set for each database. Appends nothing when all of it is ephemeral. */
void ovsdb_storage_put_txn(const struct ovsdb_storage *s, struct ovsdb_batch *batch,
    struct ovsdb_changes *const *changes, size_t n_changes);
void ovsdb_storage_put_schema(
    struct buf_writer *w, const struct ovsdb_schema *schema, struct ovsdb_uuid last_txn);
void ovsdb_storage_put_conversion(
    struct buf_writer *w, size_t i, const struct ovsdb_db *db, struct ovsdb_uuid txn_id);
MUST_CHECK
int ovsdb_storage_put_snapshot(
    const struct ovsdb_storage *s, struct ovsdb_draft *d, struct err *err);
/* One record, into the databases; an ovsdb_journal_replay. */
int ovsdb_storage_replay(
    const struct ovsdb_record *record, bool in_snapshot, void *storage, struct err *err);

/* storage.c */
size_t ovsdb_storage_index(const struct ovsdb_storage *s, const struct ovsdb_db *db);

/* compaction.c: after a flush. */
void ovsdb_compaction_after_flush(struct ovsdb_storage *s);
void ovsdb_compaction_stop(struct ovsdb_storage *s);
