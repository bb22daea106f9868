/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The interface between a rule table (table.c) and the structure that it is compiled to (table_exact.c, table_lpm.c,
 * table_tuple.c). Private to those files.
 *
 * The unit of a structure is the chain: all linked rules of one match, winner first (priority falls, then id rises),
 * linked by next_same. table.c makes chains; a structure says where the head of a match hangs and finds the heads
 * that a key matches. A chain means the same in every structure, so a new structure is built from the heads while
 * workers still read the old one: no rule has bookkeeping of its own.
 *
 * A structure must hold until it is replaced: (1) a look-up finds every rule that is visible at its version, while
 * control adds and deletes others; (2) what a look-up may still hold is freed by rcu_defer after it was unlinked;
 * (3) the shape depends on rules only, never on keys.
 *
 * Threads: lookup on workers (RCU read side) and control; the rest on control. Memory: no structure owns rules.
 */
#include <string.h>

#include "datapath/base/hmap.h"
#include "datapath/rcu.h"
#include "datapath/rule.h"
#include "datapath/table_hash.h"

/* A mask that linked rules have. Only control sees it. */
struct table_mask {
	struct hmap_node node; // hash of map and words
	uint64_t map;          // 0: matches any packet
	size_t n_rules;
	uint64_t words[]; // of the mask, by map
};

struct table_ops;

/* Begins every structure's body. */
struct table_body {
	const struct table_ops *ops;
	bool published; // ctl: workers may be in it
};

struct table_ops {
	const char *name;
	/* Whether the structure can hold rules of these masks (struct table_mask by node) and is worth it. */
	bool (*fits)(const struct hmap *masks);
	/* Whether a new body for the masks that there are now would be better. NULL: never. */
	bool (*is_outgrown)(const struct table_body *b, const struct hmap *masks);
	/* An empty body for these masks. seed outlives it. NULL when out of memory. */
	struct table_body *(*create)(const struct hmap *masks, const struct table_seed *seed);
	/* Frees at once: when no worker can be in it. */
	void (*destroy)(void *body);

	/* The winner among the visible rules that match, or NULL. */
	const struct rule *(*lookup)(
	    const struct table_body *b, const struct flow_key *k, uint64_t version);

	/*
	 * A rule of this mask and priority is about to be linked. 0; -ENOMEM; -EOPNOTSUPP when the structure cannot
	 * hold it: then table.c goes on with one that can. Harmless when no rule follows.
	 */
	int (*prepare)(struct table_body *b, const struct table_mask *mask, uint16_t priority);
	/* A rule of this mask and priority is about to be unlinked. */
	void (*forget)(struct table_body *b, const struct table_mask *mask, uint16_t priority);

	/* Where the chain of the match (mask, key) hangs, or NULL. table.c may replace the head with rcu_publish. */
	struct rule **(*find)(
	    struct table_body *b, const struct table_mask *mask, const struct flow_key *key);
	/* Precondition: prepared, and the match is not in it. 0 or -ENOMEM. */
	int (*add)(struct table_body *b, const struct table_mask *mask, const struct flow_key *key,
	    struct rule *head);
	/* Precondition: the match is in it. Unlinks the whole chain, which is invisible to all. Cannot fail. */
	void (*del)(
	    struct table_body *b, const struct table_mask *mask, const struct flow_key *key);

	/* End of a transaction: puts right what add and del left approximate (search order). 0 or -ENOMEM. */
	int (*settle)(struct table_body *b);
	/* Visits the head of every chain until cb returns false. */
	void (*foreach)(
	    const struct table_body *b, bool (*cb)(struct rule *head, void *arg), void *arg);
	size_t (*memory)(const struct table_body *b); // bytes
};

extern const struct table_ops table_exact_ops, table_lpm_ops, table_tuple_ops;

/* mask as the key's layout; words outside map are zero. */
void table_mask_expand(const struct table_mask *mask, struct flow_key *ret);

static inline bool table_mask_equal(const struct table_mask *m, uint64_t map, const uint64_t *words)
{
	return m->map == map &&
	       memcmp(m->words, words, (size_t)__builtin_popcountll(map) * sizeof(words[0])) == 0;
}

/* The first rule of a chain that is visible at version, or NULL. */
static inline const struct rule *table_chain_visible(const struct rule *r, uint64_t version)
{
	while (r != NULL && !rule_visible(r, version))
		r = rcu_get(r->next_same);
	return r;
}

/* Whether a wins over b: higher priority, then smaller id. */
static inline bool table_rule_wins(const struct rule *a, const struct rule *b)
{
	return a->priority != b->priority ? a->priority > b->priority : a->id < b->id;
}

/* The winner of two; either may be NULL. */
static inline const struct rule *table_winner(const struct rule *a, const struct rule *b)
{
	if (a == NULL || b == NULL)
		return a != NULL ? a : b;
	return table_rule_wins(a, b) ? a : b;
}
