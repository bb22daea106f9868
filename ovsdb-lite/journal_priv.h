/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside of a journal, for draft.c, which puts another file into it.
 *
 * Threads, Memory: as journal.h.
 */
#include "ovsdb-lite/journal.h"

struct ovsdb_journal {
	struct ovsdb_journal_file file; // the end is that of the last acknowledged record
	char *path;
	uint64_t snapshot_size;
	char fault[160]; // "": none
	bool is_salvaged;
};

/* The payload of a file's first record. Little-endian. */
struct ovsdb_journal_head {
	char kind[12];
	uint32_t format;
	uint64_t created_ms; // wall clock
};

extern const char ovsdb_journal_kind[12];

/* Nothing is acknowledged any more. */
void ovsdb_journal_fail(struct ovsdb_journal *j, const char *fmt, ...) FORMAT(2, 3);
