/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The tuples of a table: which masks share one, and the hash of each. What control keeps behind table_tuple.c.
 *
 * Masks that are alike when relaxed (table_relax.h) share a tuple. At RELAX_EXACT its hash holds chains (table_ops.h), at
 * coarser levels groups of chains (table_group.h). A tuple in which a group is full is split into its parts, the tuples of
 * the next level; it stays as a sign that they are there.
 *
 * Threads: control; workers know the hashes only. Memory: the set owns tuples, places and hashes. A hash that
 * workers may know ends by rcu_defer.
 */
#include "datapath/table_ops.h"
#include "datapath/table_relax.h"

enum { TUPLE_NO_BOUND = -1 }; // below every priority

struct tuple {
	struct hmap_node node;   // hash of level and relaxed mask
	struct flow_key mask;    // relaxed
	unsigned int level;      // RELAX_*
	struct table_hash *hash; // NULL: was split
	size_t n_chains;
	int32_t bound;  // no rule has a higher priority
	int32_t listed; // table_tuple.c's: its highest bound in the current list, or TUPLE_NO_BOUND
	size_t n_gone;  // rules of priority bound unlinked since the bound was computed
};

/* Where the rules of a mask are. */
struct tuple_place {
	struct hmap_node node; // hash of the table_mask
	struct tuple *tuple;
	size_t n_chains;
	uint64_t map, words[]; // of the mask
};

struct tuple_set {
	const struct table_seed *seed;
	struct relaxer relaxer;
	struct hmap places; // struct tuple_place
	struct hmap map;    // struct tuple
	size_t n_empty;     // tuples without chains, not split
};

void tuple_set_init(struct tuple_set *s, const struct hmap *masks, const struct table_seed *seed);
void tuple_set_fini(struct tuple_set *s); // when no worker can be in it
struct tuple_place *tuple_place_find(const struct tuple_set *s, const struct table_mask *mask);
/* Makes it when it is not there. NULL when out of memory. */
struct tuple_place *tuple_place_get(struct tuple_set *s, const struct table_mask *mask);
/* 0, -ENOMEM, or -E2BIG when the tuple must be split first. */
MUST_CHECK
int tuple_place_add(
    struct tuple_set *s, struct tuple_place *p, const struct flow_key *key, struct rule *head);
/* Precondition: the chain of that match is there. */
void tuple_place_del(struct tuple_set *s, struct tuple_place *p, const struct table_mask *mask,
    const struct flow_key *key);

/* Makes the parts of t with all its chains; no worker finds them yet. 0 or -ENOMEM; then nothing changed. */
MUST_CHECK
int tuple_split_begin(struct tuple_set *s, struct tuple *t);
void tuple_split_undo(struct tuple_set *s, const struct tuple *t);
/* Workers find the parts now, and t no more. */
void tuple_split_end(struct tuple_set *s, struct tuple *t);
bool tuple_is_part(const struct tuple_set *s, const struct tuple *part, const struct tuple *t);

/* Visits the heads of t; false when cb ended it. */
bool tuple_foreach(const struct tuple *t, bool (*cb)(struct rule *head, void *arg), void *arg);
/* Makes the bound tight again when enough rules went to pay for the scan. */
void tuple_lower_bound(struct tuple *t);
/* Frees what has no chains. Precondition: no list has it. */
void tuple_set_sweep(struct tuple_set *s);
size_t tuple_set_memory(const struct tuple_set *s); // bytes
