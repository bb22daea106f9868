/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Objects of one mask, by their masked key: the hash under the rule tables.
 *
 * Buckets are cache lines of five tags and five pointers; a full bucket overflows into the next. A search ends at
 * the first bucket with a slot that was never used. When slots run out, control builds a larger array, publishes it
 * and frees the old one after a grace period: the objects themselves are not touched, so both arrays stay whole.
 *
 * Why a reader misses nothing it may see: a rule is added before the version that shows it is published, and
 * deleted after a grace period in which no version shows it. So whatever changes under a reader (slot filled,
 * freed, reused, array replaced) concerns rules that are invisible to it; the slot of a visible rule's match stays
 * where it is in every array that the reader can hold. Every search ends: an array always has a never-used slot.
 *
 * The hash is NH (RFC 4418: universal over a secret key) of the mapped words, mixed to 64 bits, with a secret of each
 * table: who sends packets cannot aim at buckets, and who sends rules cannot either.
 *
 * Threads: table_hash_lookup on workers (RCU read side) and control; the rest on control.
 * Memory: does not own objects. table_hash_destroy frees at once: for use after a grace period (fits rcu_defer).
 */
#include "datapath/base/flow_key.h"
#include "datapath/rcu.h"

struct table_seed {
	uint64_t k[FLOW_KEY_N_WORDS + 2];
};

/* The words of a mask that are not zero: the first n of words, named by map. */
struct mask_words {
	uint64_t map;
	uint64_t words[FLOW_KEY_N_WORDS];
};

struct hash_array;

struct table_hash {
	RCU_PTR(struct hash_array) array;
	const struct table_seed *seed;
	uint64_t map; // words of the key that matter
	uint32_t n;   // ctl: objects
	uint32_t
	    words_ofs; // in an object: key and mask of every mapped word, as struct rule has them
	uint64_t masks[]; // of the mapped words
};

/* Returns how many words there are. */
size_t mask_words_init(struct mask_words *w, const struct flow_key *mask);
/* The way back: words outside map are zero. */
void mask_words_expand(uint64_t map, const uint64_t *words, struct flow_key *ret);

/* seed is borrowed. NULL when out of memory. */
struct table_hash *table_hash_create(
    const struct table_seed *seed, const struct flow_key *mask, size_t words_ofs);
void table_hash_destroy(void *h);
/* The object of k's masked value, or NULL. */
void *table_hash_lookup(const struct table_hash *h, const struct flow_key *k);
/* Where the object hangs, or NULL. Replace it with rcu_publish; valid until the next add or del. */
void **table_hash_find(const struct table_hash *h, const struct flow_key *k);
/* Precondition: no object of k's masked value is there. 0 or -ENOMEM. */
MUST_CHECK
int table_hash_add(struct table_hash *h, const struct flow_key *k, void *object);
/* Precondition: slot is from table_hash_find. */
void table_hash_del(struct table_hash *h, void **slot);
/* Whether the object's key is k's masked value. */
bool table_hash_object_matches(
    const struct table_hash *h, const void *object, const struct flow_key *k);
/* Next object, from *pos = 0 on; NULL at the end. */
void *table_hash_next(const struct table_hash *h, size_t *pos);
size_t table_hash_memory(const struct table_hash *h);

/* What one word adds to the sum. */
static inline uint64_t table_hash_product(uint64_t word, uint64_t secret)
{
	uint64_t low = (uint32_t)((uint32_t)word + (uint32_t)secret);
	uint64_t high = (uint32_t)((uint32_t)(word >> 32) + (uint32_t)(secret >> 32));

	return low * high;
}

/* Spreads the sum over all bits. */
static inline uint64_t table_hash_mix(uint64_t sum, const uint64_t secret[2])
{
	unsigned __int128 mixed = (unsigned __int128)(sum ^ secret[0]) * (secret[1] | 1);

	return (uint64_t)mixed ^ (uint64_t)(mixed >> 64);
}
