/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Makes records durable, in one file: a head, the records of a snapshot, an end, and what came after. What they mean is the
 * user's; several databases, and records of other kinds, share a journal.
 *
 * A record is acknowledged after fdatasync, and is the unit of recovery: it is there or not. A torn tail is cut when the
 * file is opened; anything else that is wrong is damage (journal_record.h), and opening refuses and says where. A file gets its name
 * when it is durable up to its end record, so that a fault before that is always damage.
 *
 * A write that fails leaves the state before. The first failed fsync ends all acknowledgement until the file is opened again: the
 * kernel may have dropped the pages, and a later fsync would not say so.
 *
 * The file is locked (flock) while it is open for writing, and so is the one that takes its place.
 *
 * Threads: caller excludes. Memory: open allocates; close frees. Payloads are borrowed.
 */
#include "ovsdb-lite/journal_file.h"

enum {
	OVSDB_JOURNAL_HEAD = 1, // written and read here
	OVSDB_JOURNAL_END = 2,  // of the snapshot; written here
	OVSDB_JOURNAL_USER = 16,
	OVSDB_JOURNAL_FORMAT = 2,
};

/* One record of the user's, of the snapshot or after it. Non-zero, with *err, refuses to open. */
typedef int ovsdb_journal_replay(
    const struct ovsdb_record *record, bool in_snapshot, void *arg, struct err *err);

struct ovsdb_journal_options {
	const struct ovsdb_journal_io *io; // NULL: the system's
	bool read_only;                    // no lock; a torn tail is left alone
	bool
	    salvage; // damage after the snapshot ends the reading without an error; nothing can be appended until a draft replaced the file
};

/* What opening found, also when it failed. */
struct ovsdb_journal_report {
	uint64_t n_records;    // good ones
	uint64_t good_size;    // bytes up to the last of them
	uint64_t file_size;    // bytes
	bool is_torn;          // what follows was never acknowledged, and was cut
	bool is_damaged;       // at good_size; n_records is the number of the first bad one
	bool is_snapshot_good; // the damage, if any, comes after it
	const char *fault;     // of the first bad one
};

struct ovsdb_journal;

/* Where a file has come to. A plain value, that a forked child sends to its parent. */
struct ovsdb_journal_mark {
	uint64_t size;
	struct ovsdb_record_chain chain;
};

/* Reads all of the file. NULL with *err when it is in use, damaged or refused by replay. */
MUST_CHECK
struct ovsdb_journal *ovsdb_journal_open(const char *path,
    const struct ovsdb_journal_options *options, ovsdb_journal_replay *replay, void *arg,
    struct ovsdb_journal_report *report, struct err *err);
void ovsdb_journal_close(struct ovsdb_journal *j);
/* 0: durable. Else ERR_STORAGE, and the journal is as before. */
MUST_CHECK
int ovsdb_journal_append(
    struct ovsdb_journal *j, uint32_t type, const void *payload, size_t size, struct err *err);
/* Why nothing is accepted any more; NULL when all is well. */
const char *ovsdb_journal_fault(const struct ovsdb_journal *j);
const char *ovsdb_journal_path(const struct ovsdb_journal *j); // without symbolic links
struct ovsdb_journal_mark ovsdb_journal_mark(const struct ovsdb_journal *j);
uint64_t ovsdb_journal_size(const struct ovsdb_journal *j);
uint64_t ovsdb_journal_snapshot_size(const struct ovsdb_journal *j);
