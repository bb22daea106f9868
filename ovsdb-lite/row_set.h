/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A hash set of rows (ptr_set.h with a type). A table has one by UUID and one for each of its indexes.
 *
 * Threads: one. Memory: borrows the rows.
 */
#include "ovsdb-lite/ptr_set.h"

struct ovsdb_row;

#define ovsdb_row_set ovsdb_ptr_set

static inline void ovsdb_row_set_init(struct ovsdb_row_set *set)
{
	ovsdb_ptr_set_init(set);
}

static inline void ovsdb_row_set_fini(struct ovsdb_row_set *set)
{
	ovsdb_ptr_set_fini(set);
}

static inline void ovsdb_row_set_add(
    struct ovsdb_row_set *set, struct ovsdb_row *row, uint64_t hash)
{
	ovsdb_ptr_set_add(set, row, hash);
}

/* Must be in it. */
static inline void ovsdb_row_set_del(
    struct ovsdb_row_set *set, const struct ovsdb_row *row, uint64_t hash)
{
	ovsdb_ptr_set_del(set, row, hash);
}

static inline void ovsdb_row_set_replace(
    struct ovsdb_row_set *set, const struct ovsdb_row *old, struct ovsdb_row *new, uint64_t hash)
{
	ovsdb_ptr_set_replace(set, old, new, hash);
}

/* Candidates with this hash, one after the other: *cursor starts at SIZE_MAX. NULL at the end. */
static inline struct ovsdb_row *ovsdb_row_set_next_with_hash(
    const struct ovsdb_row_set *set, uint64_t hash, size_t *cursor)
{
	return ovsdb_ptr_set_next_with_hash(set, hash, cursor);
}

/* All rows: *cursor starts at 0. The set may not change in between. */
static inline struct ovsdb_row *ovsdb_row_set_next(const struct ovsdb_row_set *set, size_t *cursor)
{
	return ovsdb_ptr_set_next(set, cursor);
}
