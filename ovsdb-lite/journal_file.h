/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A file of records that is being written: what journal.c and draft.c share.
 *
 * Threads: caller excludes. Memory: an open descriptor until fini.
 */
#include "datapath/base/err.h"
#include "ovsdb-lite/journal_record.h"

/* What is asked of the system. Tests put faults here. */
struct ovsdb_journal_io {
	ssize_t (*write)(int fd, const void *data, size_t size, off_t at);
	int (*sync)(int fd);
	int (*truncate)(int fd, off_t size);
	int (*rename)(const char *from, const char *to);
	int (*sync_dir)(int fd);
};

extern const struct ovsdb_journal_io ovsdb_system_io;

struct ovsdb_journal_file {
	const struct ovsdb_journal_io *io;
	int fd;
	uint64_t end; // of the last record
	uint64_t reserved;
	struct ovsdb_record_chain chain;
};

/* Appends a record (not: durable). An error leaves the record chain as before, and maybe bytes after `end`. */
MUST_CHECK
int ovsdb_journal_file_put(
    struct ovsdb_journal_file *f, uint32_t type, const void *payload, size_t size, struct err *err);
void ovsdb_journal_file_fini(struct ovsdb_journal_file *f);

/* Nobody else has the file that is at path now. -EAGAIN: somebody has; -ESTALE: it was replaced meanwhile. */
MUST_CHECK
int ovsdb_file_lock(int fd, const char *path);
/* The directory that path is in. 0 or -errno. */
MUST_CHECK
int ovsdb_file_sync_dir(const struct ovsdb_journal_io *io, const char *path);
