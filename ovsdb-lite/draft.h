/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A journal's file in the making, PATH.new: locked, and invisible until it is complete and durable.
 *
 * Its snapshot may be written by a forked child. Then the parent takes over with the end that the child reports.
 *
 * Threads: caller excludes. Memory: begin allocates; publish, replace and drop free.
 */
#include "ovsdb-lite/journal.h"

struct ovsdb_draft;

/* io NULL: the system's. */
MUST_CHECK
struct ovsdb_draft *ovsdb_draft_begin(
    const char *path, const struct ovsdb_journal_io *io, struct err *err);
MUST_CHECK
int ovsdb_draft_put(
    struct ovsdb_draft *d, uint32_t type, const void *payload, size_t size, struct err *err);
/* The snapshot is complete, and durable. */
MUST_CHECK
int ovsdb_draft_finish(struct ovsdb_draft *d, struct ovsdb_journal_mark *ret, struct err *err);
/* The parent's part after a child has finished the draft. */
void ovsdb_draft_take_over(struct ovsdb_draft *d, const struct ovsdb_journal_mark *end);
/* A finished draft is PATH from now on; -EEXIST when there is one. Frees the draft in any case. */
MUST_CHECK
int ovsdb_draft_publish(struct ovsdb_draft *d, struct err *err);
/*
 * A finished draft is the file of j from now on, with what was appended to j since it was at this mark, when the snapshot was taken. An
 * error leaves the old file in force. Frees the draft in any case.
 */
MUST_CHECK
int ovsdb_draft_replace(struct ovsdb_draft *d, struct ovsdb_journal *j,
    const struct ovsdb_journal_mark *since, struct err *err);
/* Removes the file. NULL is fine. */
void ovsdb_draft_drop(struct ovsdb_draft *d);
/* The descriptor that a forked child must keep. */
int ovsdb_draft_fd(const struct ovsdb_draft *d);
/* What a process that died left behind. */
void ovsdb_draft_remove_stale(const char *path);
