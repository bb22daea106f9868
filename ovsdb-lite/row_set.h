/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A hash set of rows: 12 bytes for a slot, at most 3/4 full. A table has one by UUID and one for each of its indexes.
 *
 * Threads: one. Memory: borrows the rows.
 */
#include <stddef.h>
#include <stdint.h>

struct ovsdb_row;

struct ovsdb_row_set {
	struct ovsdb_row **rows; // NULL: free
	uint32_t *hashes;
	size_t mask; // number of slots - 1
	size_t n;
};

void ovsdb_row_set_init(struct ovsdb_row_set *set);
void ovsdb_row_set_fini(struct ovsdb_row_set *set);
void ovsdb_row_set_add(struct ovsdb_row_set *set, struct ovsdb_row *row, uint64_t hash);
void ovsdb_row_set_del(
    struct ovsdb_row_set *set, const struct ovsdb_row *row, uint64_t hash); // must be in it
void ovsdb_row_set_replace(
    struct ovsdb_row_set *set, const struct ovsdb_row *old, struct ovsdb_row *new, uint64_t hash);
/* Candidates with this hash, one after the other: *cursor starts at SIZE_MAX. NULL at the end. */
struct ovsdb_row *ovsdb_row_set_next_with_hash(
    const struct ovsdb_row_set *set, uint64_t hash, size_t *cursor);
/* All rows: *cursor starts at 0. The set may not change in between. */
struct ovsdb_row *ovsdb_row_set_next(const struct ovsdb_row_set *set, size_t *cursor);
