/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The worker's half of table_hash.h: look-ups of one key in the hashes of many masks, at a few dozen instructions each.
 *
 * A layout packs the words that any of the masks has into vectors. The key is packed once for all look-ups; a look-up is
 * then an AND with the mask, a sum of products, a bucket. The hash of a mask does not depend on the layout, so hashes
 * outlive lists of them: words that the mask does not have add a constant, which is taken off again.
 *
 * Threads: as table_hash.h; inline, because it runs dozens of times per missed packet. Memory: none.
 */
#include <immintrin.h>

#include "datapath/base/compiler.h"
#include "datapath/table_hash.h"

#define PROBE_INLINE static inline __attribute__((always_inline))

enum {
	PROBE_LANES = 4, // words of a vector
	PROBE_MAX_WORDS = (FLOW_KEY_N_WORDS + PROBE_LANES - 1) / PROBE_LANES * PROBE_LANES,
	PROBE_MAX_VECTORS = PROBE_MAX_WORDS / PROBE_LANES,
	HASH_SLOTS = 5,
	HASH_BUCKET_SIZE = 64,
	HASH_TAG_FREE = 0, // never used: ends a search
	HASH_TAG_GONE = 1, // was used: a search goes on
	HASH_TAG_USED = 2, // bit that every tag of an object has
};

struct hash_bucket {
	uint32_t
	    tags[HASH_SLOTS]; // ctl: wo, worker: ro. High half of the hash, stored after the object
	uint32_t pad;
	void *objects[HASH_SLOTS]; // ctl: wo (rcu), worker: ro
};
static_assert(sizeof(struct hash_bucket) == HASH_BUCKET_SIZE);

struct hash_array {
	uint32_t mask;   // buckets - 1
	uint32_t n_used; // ctl: slots that are not HASH_TAG_FREE
	struct hash_bucket buckets[] __attribute__((aligned(HASH_BUCKET_SIZE)));
};

struct probe_layout {
	uint64_t map; // the words
	uint64_t mix[2];
	uint64_t secret[PROBE_MAX_WORDS]; // of the packed words
	uint8_t words[PROBE_MAX_WORDS];   // their places in the key
	uint32_t n_vectors;
};

void probe_layout_init(struct probe_layout *l, uint64_t map, const struct table_seed *seed);
/* Packs h's mask, n_vectors * PROBE_LANES words. Returns the constant. Precondition: the layout has h's words. */
uint64_t probe_pack_mask(const struct probe_layout *l, const struct table_hash *h, uint64_t *ret);

/* Vector i of the packed key. */
PROBE_INLINE __m256i probe_pack_key(
    const struct probe_layout *l, unsigned int i, const struct flow_key *k)
{
	const uint64_t *key = flow_key_words_const(k);
	const uint8_t *w = &l->words[(size_t)i * PROBE_LANES];

	return _mm256_set_epi64x(
	    (long long)key[w[3]], (long long)key[w[2]], (long long)key[w[1]], (long long)key[w[0]]);
}

/* NH (RFC 4418) in words of 32 bits, of the words that the mask leaves. n_vectors is l's, known to the compiler where it pays. */
PROBE_INLINE uint64_t probe_hash(const struct probe_layout *l, unsigned int n_vectors,
    const __m256i *key, const uint64_t *mask, uint64_t constant)
{
	__m256i sum = _mm256_setzero_si256();

#pragma GCC unroll 2
	for (unsigned int i = 0; i < n_vectors; i++) {
		__m256i m = _mm256_loadu_si256((const __m256i_u *)(const void *)mask + i);
		__m256i s = _mm256_loadu_si256((const __m256i_u *)(const void *)l->secret + i);
		__m256i v = _mm256_add_epi32(_mm256_and_si256(key[i], m), s);
		sum = _mm256_add_epi64(sum, _mm256_mul_epu32(v, _mm256_srli_epi64(v, 32)));
	}
	__m128i half = _mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
	uint64_t nh = (uint64_t)_mm_extract_epi64(half, 0) + (uint64_t)_mm_extract_epi64(half, 1);
	return table_hash_mix(nh - constant, l->mix);
}

/* A bit for each slot with this tag. The load reaches into what follows the tags: those lanes are cut off. */
PROBE_INLINE uint32_t probe_tags_equal(__m256i tags, uint32_t tag)
{
	__m256i equal = _mm256_cmpeq_epi32(tags, _mm256_set1_epi32((int)tag));
	return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(equal)) & ((1u << HASH_SLOTS) - 1);
}

PROBE_INLINE uint32_t probe_tag(uint64_t hash)
{
	return (uint32_t)(hash >> 32) | HASH_TAG_USED;
}

/* Where the object of k's masked value hangs, or NULL. */
PROBE_INLINE void **probe_find(const struct table_hash *h, uint64_t hash, const struct flow_key *k)
{
	struct hash_array *a = rcu_get(h->array);
	uint32_t tag = probe_tag(hash);

	for (uint32_t i = (uint32_t)hash & a->mask;; i = (i + 1) & a->mask) {
		struct hash_bucket *b = &a->buckets[i];
		// Pairs with array_add: the object is there when its tag is. On x86 a lane of an aligned load is read whole.
		__m256i tags = _mm256_load_si256((const __m256i *)(const void *)b);
		__atomic_signal_fence(__ATOMIC_ACQUIRE);

		for (uint32_t match = probe_tags_equal(tags, tag); UNLIKELY(match != 0);
		     match &= match - 1) {
			void **slot = &b->objects[__builtin_ctz(match)];
			void *object = rcu_get(*slot);
			if (object != NULL && table_hash_object_matches(h, object, k))
				return slot;
		}
		if (LIKELY(probe_tags_equal(tags, HASH_TAG_FREE) != 0))
			return NULL;
	}
}
