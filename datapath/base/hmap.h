/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Intrusive chained hash map that grows by doubling. The caller hashes and compares.
 * For control-side objects; the fast path has structures of its own.
 *
 * Threads: caller excludes. Memory: owns its bucket array only; nodes belong to their containers.
 */
#include <stddef.h>
#include <stdint.h>

#include "datapath/base/compiler.h"

struct hmap_node {
	struct hmap_node *next;
	uint64_t hash;
};

struct hmap {
	struct hmap_node **buckets; // NULL while empty
	size_t mask;                // bucket count - 1
	size_t n;
};

void hmap_init(struct hmap *map);
void hmap_fini(struct hmap *map);                                       // nodes are not touched
void hmap_add(struct hmap *map, struct hmap_node *node, uint64_t hash); // aborts when out of memory
void hmap_del(struct hmap *map, struct hmap_node *node); // precondition: node is in map
struct hmap_node *hmap_first_with_hash(const struct hmap *map, uint64_t hash);
struct hmap_node *hmap_next_with_hash(const struct hmap_node *node);
struct hmap_node *hmap_first(const struct hmap *map);
struct hmap_node *hmap_next(const struct hmap *map, const struct hmap_node *node);

#define hmap_entry(node, type, member) CONTAINER_OF(node, type, member)
#define hmap_foreach_with_hash(it, map, h, type, member)                                        \
	for (struct hmap_node *it##_n = hmap_first_with_hash(map, h); it##_n != NULL;           \
	     it##_n = hmap_next_with_hash(it##_n))                                              \
		for (type *it = hmap_entry(it##_n, type, member), *it##_1 = it; it##_1 != NULL; \
		     it##_1 = NULL)
#define hmap_foreach(it, map, type, member)                                                     \
	for (struct hmap_node *it##_n = hmap_first(map); it##_n != NULL;                        \
	     it##_n = hmap_next(map, it##_n))                                                   \
		for (type *it = hmap_entry(it##_n, type, member), *it##_1 = it; it##_1 != NULL; \
		     it##_1 = NULL)
/* The body may delete and free it. A break ends only the current element: use return or goto. */
#define hmap_foreach_safe(it, map, type, member)                                                \
	for (struct hmap_node *it##_n = hmap_first(map),                                        \
			      *it##_next = it##_n != NULL ? hmap_next(map, it##_n) : NULL;      \
	     it##_n != NULL;                                                                    \
	     it##_n = it##_next, it##_next = it##_n != NULL ? hmap_next(map, it##_n) : NULL)    \
		for (type *it = hmap_entry(it##_n, type, member), *it##_1 = it; it##_1 != NULL; \
		     it##_1 = NULL)
