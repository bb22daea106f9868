/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Makes transactions durable. A state directory holds a snapshot (all objects at a generation), the journal of what came
 * after, the snapshot before (snapshot.old, for a human in need) and a lock.
 *
 * A file is a chain of records {magic, size, generation, type, SHA-256 of the record before, payload, CRC32C}. The first record
 * of a journal names the snapshot it continues by the hash of its last record, so that files of two histories never mix. A record is
 * acknowledged after fdatasync. A torn tail is cut at start-up; a bad record with good ones after it, or any fault in a snapshot,
 * is corruption: journal_open refuses and says where.
 *
 * The first failed fsync ends all acknowledgement (the kernel may have dropped the pages): read-only until a restart.
 *
 * Threads: sluiced's loop. Memory: journal_open allocates; journal_close frees. Payloads, which are JSON text, are borrowed.
 */
#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "datapath/base/err.h"

enum journal_type {
	JOURNAL_HEAD = 1, // of a file; written and read here
	JOURNAL_TXN = 2,  // one transaction
	JOURNAL_ROWS = 3, // of a snapshot: some of its content
	JOURNAL_END = 4,  // of a snapshot
};

/* What persistence asks of the system; tests put faults here. */
struct journal_io {
	ssize_t (*write)(int fd, const void *data, size_t size, off_t at);
	int (*sync)(int fd);
};

/* One record of the past. Non-zero, with *err, refuses to start. */
typedef int journal_replay(
    uint64_t generation, enum journal_type type, json_t *payload, void *arg, struct err *err);

struct journal;

/* Takes the directory's lock and replays it. io NULL: the system's. NULL with *err when another daemon has it or it is bad. */
struct journal *journal_open(const char *dir, const struct journal_io *io, journal_replay *replay,
    void *arg, struct err *err);
void journal_close(struct journal *j);
/* 0: durable. Else ERR_STORAGE, and nothing was acknowledged nor kept. */
MUST_CHECK
int journal_append(
    struct journal *j, uint64_t generation, const void *payload, size_t size, struct err *err);
bool journal_is_read_only(const struct journal *j);
uint64_t journal_size(const struct journal *j); // bytes of the journal

/* The journal is much larger than its snapshot. */
bool journal_wants_snapshot(const struct journal *j);
/* A new snapshot: begin, rows, then end makes it the truth and empties the journal. An error leaves the old pair in force. */
MUST_CHECK
int journal_snapshot_begin(struct journal *j, uint64_t generation, struct err *err);
MUST_CHECK
int journal_snapshot_put(struct journal *j, const void *rows, size_t size, struct err *err);
MUST_CHECK
int journal_snapshot_end(struct journal *j, struct err *err);
