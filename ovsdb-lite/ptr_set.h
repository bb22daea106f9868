/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A hash set of pointers: 12 bytes for a slot, at most 3/4 full; a search looks at what a pointer points to only when hashes agree.
 *
 * Threads: one. Memory: borrows what the pointers point to.
 */
#include <stddef.h>
#include <stdint.h>

struct ovsdb_ptr_set {
	void **items; // NULL: free
	uint32_t *hashes;
	size_t mask; // number of slots - 1
	size_t n;
};

void ovsdb_ptr_set_init(struct ovsdb_ptr_set *set);
void ovsdb_ptr_set_fini(struct ovsdb_ptr_set *set);
void ovsdb_ptr_set_add(struct ovsdb_ptr_set *set, void *item, uint64_t hash);
void ovsdb_ptr_set_del(struct ovsdb_ptr_set *set, const void *item, uint64_t hash); // must be in it
void ovsdb_ptr_set_replace(struct ovsdb_ptr_set *set, const void *old, void *new, uint64_t hash);
/* Candidates with this hash, one after the other: *cursor starts at SIZE_MAX. NULL at the end. */
void *ovsdb_ptr_set_next_with_hash(const struct ovsdb_ptr_set *set, uint64_t hash, size_t *cursor);
/* All: *cursor starts at 0. The set may not change in between. */
void *ovsdb_ptr_set_next(const struct ovsdb_ptr_set *set, size_t *cursor);
