/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The two hash tables of a tunnel snapshot: filled once to a known size, then only read. Open addressing at half load.
 * Keys are configuration; a peer can choose what is looked up, but not what is in them.
 *
 * Threads: filled by control before it is published, then any. Memory: init allocates, fini frees.
 */
#include "datapath/base/net_types.h"

struct ip_map_entry {
	struct ip_addr ip;
	uint64_t extra;
	uint32_t value; // stored + 1; 0: free
	uint32_t pad;
};

/* (address, number) → number below UINT32_MAX. */
struct ip_map {
	struct ip_map_entry *entries;
	uint64_t mask;
};

/* A set of numbers other than 0. */
struct id_set {
	uint64_t *ids;
	uint64_t mask;
};

enum { IP_MAP_NONE = -1 };

MUST_CHECK
int ip_map_init(struct ip_map *map, uint64_t n_max); // 0 or -ENOMEM
void ip_map_fini(struct ip_map *map);
/* Adds, or returns what is there already. Returns the value. */
int64_t ip_map_add(struct ip_map *map, const struct ip_addr *ip, uint64_t extra, uint32_t value);
/* The value, or IP_MAP_NONE. */
int64_t ip_map_find(const struct ip_map *map, const struct ip_addr *ip, uint64_t extra);

MUST_CHECK
int id_set_init(struct id_set *set, uint64_t n_max); // 0 or -ENOMEM
void id_set_fini(struct id_set *set);
void id_set_add(struct id_set *set, uint64_t id);
bool id_set_has(const struct id_set *set, uint64_t id);
