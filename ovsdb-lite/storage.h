/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Databases in a journal's file: created from schemas, loaded, kept durable, compacted. Several databases may share a file, and then
 * a transaction over some of them is on disk as a whole or not at all.
 *
 *     ovsdb_execute, ovsdb_txn_commit   in memory, as often as the pass of the event loop has requests
 *     ovsdb_storage_add                 after each commit
 *     ovsdb_storage_flush               at the end of the pass: one write, one fdatasync; then tell everybody
 *
 * A flush that fails undoes all that was added since the last one. After a failed fsync the storage is read-only: storage_fault says why.
 *
 * Compaction writes the databases anew, in a forked child, into FILE.new, which takes FILE's place with what was added meanwhile. With
 * an event base it begins by itself when the file is much larger than its content.
 *
 * Threads: one. Memory: open allocates; the storage owns its databases; close frees it all.
 */
#include "ovsdb-lite/journal.h"
#include "ovsdb-lite/row_codec.h"

struct event_base;

/* Types of records. Numbers of databases count from 0 in the order of their schemas in the file. */
enum {
	OVSDB_STORAGE_SCHEMA =
	    OVSDB_JOURNAL_USER, // string name, string schema, uuid of last transaction
	OVSDB_STORAGE_ROWS,     // u16 database, changes: inserts of a snapshot
	OVSDB_STORAGE_BATCH,    // u32 n, then n × transaction
	OVSDB_STORAGE_CONVERT,  // u16 database, string schema, lists of all its rows
};

enum {
	OVSDB_COMPACT_MIN_SIZE =
	    10 << 20,             // of what came after the snapshot, unless the user says another
	OVSDB_COMPACT_FACTOR = 4, // and as many times the snapshot
	OVSDB_COMPACT_RETRY_MS = 60000, // after one that failed
	OVSDB_STORAGE_MAX_DBS = 16,
};

struct ovsdb_storage;

struct ovsdb_storage_options {
	const struct ovsdb_journal_io *io; // NULL: the system's
	struct event_base *base;           // NULL: no compaction by itself, none in the background
	uint64_t compact_min_size;         // bytes after the snapshot; 0: OVSDB_COMPACT_MIN_SIZE
	bool read_only;                    // without lock, also while another process writes
	bool
	    salvage; // what comes before the damage; ovsdb_storage_compact makes it a good file, nothing else is allowed before
	/* Each change set of a transaction after the snapshot, when it has been taken in. */
	void (*replayed)(const struct ovsdb_changes *changes, int64_t wall_ms, void *arg);
	void *arg;
};

/* What opening found, also when it failed. */
struct ovsdb_storage_report {
	struct ovsdb_journal_report journal;
	uint64_t snapshot_size; // bytes
	uint64_t n_rows;        // in the snapshot
	uint64_t n_batches, n_txns, n_conversions;
	struct ovsdb_uuid last_txn; // zeros: none
	int64_t last_txn_ms;        // wall clock
};

/* The file must not exist. Schemas are borrowed. */
MUST_CHECK
int ovsdb_storage_create(const char *path, const struct ovsdb_schema *const *schemas, size_t n,
    const struct ovsdb_journal_io *io, struct err *err);
/* The same with databases as they are; borrowed. */
MUST_CHECK
int ovsdb_storage_create_from(const char *path, struct ovsdb_db *const *dbs, size_t n,
    const struct ovsdb_journal_io *io, struct err *err);
/* report may be NULL. */
MUST_CHECK
struct ovsdb_storage *ovsdb_storage_open(const char *path,
    const struct ovsdb_storage_options *options, struct ovsdb_storage_report *report,
    struct err *err);
/* What was added and not flushed is lost. Destroys the databases. NULL is fine. */
void ovsdb_storage_close(struct ovsdb_storage *s);

size_t ovsdb_storage_n_dbs(const struct ovsdb_storage *s);
struct ovsdb_db *ovsdb_storage_db(const struct ovsdb_storage *s, size_t i);
struct ovsdb_db *ovsdb_storage_find_db(const struct ovsdb_storage *s, const char *name); // or NULL
/* Of a database's latest transaction; zeros: none yet. */
struct ovsdb_uuid ovsdb_storage_last_txn(const struct ovsdb_storage *s, const struct ovsdb_db *db);
const char *ovsdb_storage_path(const struct ovsdb_storage *s);
uint64_t ovsdb_storage_size(const struct ovsdb_storage *s);
/* Why changes are refused until the file is opened again; NULL when all is well. */
const char *ovsdb_storage_fault(const struct ovsdb_storage *s);

/* A committed transaction, of one database or of several: a change set each. Takes references of its own. */
void ovsdb_storage_add(
    struct ovsdb_storage *s, struct ovsdb_changes *const *changes, size_t n_changes);
/* Something was added since the last flush. */
bool ovsdb_storage_is_pending(const struct ovsdb_storage *s);
/* 0: all that was added is durable. Else all of it was undone, the latest first (listeners heard of it). */
MUST_CHECK
int ovsdb_storage_flush(struct ovsdb_storage *s, struct err *err);

/* Another, empty database. The schema is taken, also after an error. Nothing may be pending. */
MUST_CHECK
struct ovsdb_db *ovsdb_storage_add_db(
    struct ovsdb_storage *s, struct ovsdb_schema *schema, struct err *err);
/*
 * new (from ovsdb_db_convert) is in old's place from now on, durably. The caller destroys old, or after an error new. Nothing may be
 * pending.
 */
MUST_CHECK
int ovsdb_storage_convert(
    struct ovsdb_storage *s, struct ovsdb_db *old, struct ovsdb_db *new, struct err *err);

/* err NULL: the new file is in force. Else the old one stays in force. */
typedef void ovsdb_storage_compacted(const struct err *err, void *arg);

/*
 * In the background; needs the event base. When something is pending it begins after the flush. done (may be NULL) is called from flush or the
 * event loop, not from here, and not when closing ends it. ERR_BUSY: one is running.
 */
MUST_CHECK
int ovsdb_storage_compact_begin(
    struct ovsdb_storage *s, ovsdb_storage_compacted *done, void *arg, struct err *err);
bool ovsdb_storage_is_compacting(const struct ovsdb_storage *s);
/* At once, in this process. Nothing may be pending. */
MUST_CHECK
int ovsdb_storage_compact(struct ovsdb_storage *s, struct err *err);
/* The databases as they are, without their past, in a new file, which must not exist. */
MUST_CHECK
int ovsdb_storage_copy(const struct ovsdb_storage *s, const char *path, struct err *err);
