/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/table_group.h"

#include <errno.h>
#include <immintrin.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 4 }; // 64-bit words compared at once

static struct table_group *group_create(
    const struct table_hash *h, const struct flow_key *key, uint32_t capacity);
static struct table_group *group_grow(const struct table_hash *h, const struct flow_key *key,
    struct table_group *old, const struct rule *head);
static unsigned int best_sift_word(
    const struct table_hash *h, struct table_group *old, const struct rule *head);
static void append(struct table_group *g, struct rule *head);
static uint64_t sift(const struct table_group *g, const struct flow_key *k, uint32_t n);
static struct rule *const *heads_of(const struct table_group *g);
static const uint64_t *keys_of(const struct table_group *g);
static const uint64_t *masks_of(const struct table_group *g);

const struct rule *table_group_lookup(const struct table_group *g, const struct flow_key *k,
    uint64_t version, const struct rule *best)
{
	// Pairs with append.
	uint32_t n = __atomic_load_n(&g->n, __ATOMIC_ACQUIRE);

	for (uint64_t left = sift(g, k, n); left != 0; left &= left - 1) {
		const struct rule *head = rcu_get(heads_of(g)[__builtin_ctzll(left)]);
		if (head == NULL || (best != NULL && best->priority > head->priority))
			continue;
		if (rule_matches(head, k))
			best = table_winner(best, table_chain_visible(head, version));
	}
	return best;
}

struct rule **table_group_find(
    struct table_group *g, const struct table_mask *mask, const struct flow_key *key)
{
	struct rule **heads = table_group_heads(g);

	for (uint32_t i = 0; i < g->n; i++) {
		const struct rule *r = heads[i];
		if (r == NULL || r->match_map != mask->map)
			continue;
		const uint64_t *w = r->words, *m = mask->words;
		uint64_t map = mask->map;
		while (map != 0 && w[1] == *m &&
		       w[0] == (flow_key_words_const(key)[__builtin_ctzll(map)] & *m)) {
			map &= map - 1;
			w += 2;
			m++;
		}
		if (map == 0)
			return &heads[i];
	}
	return NULL;
}

int table_group_add(struct table_hash *h, const struct flow_key *key, struct rule *head)
{
	void **slot = table_hash_find(h, key);
	struct table_group *g = slot != NULL ? *slot : NULL;

	if (g != NULL && g->n_live == GROUP_MAX)
		return -E2BIG;
	if (g != NULL && g->n < g->capacity) {
		append(g, head);
		return 0;
	}
	struct table_group *larger = group_grow(h, key, g, head);
	if (larger == NULL)
		return -ENOMEM;
	append(larger, head);
	if (g == NULL) {
		int rc = table_hash_add(h, key, larger);
		if (rc != 0)
			free(larger);
		return rc;
	}
	rcu_publish(*slot, larger);
	rcu_defer(free, g);
	return 0;
}

void table_group_del(
    struct table_hash *h, const struct table_mask *mask, const struct flow_key *key)
{
	void **slot = table_hash_find(h, key);
	struct table_group *g = *slot;

	rcu_publish(*table_group_find(g, mask, key), NULL);
	if (--g->n_live > 0)
		return;
	table_hash_del(h, slot);
	rcu_defer(free, g);
}

struct rule **table_group_heads(struct table_group *g)
{
	return (struct rule **)(void *)(g->words + (size_t)g->n_words * 2);
}

size_t table_group_memory(const struct table_group *g)
{
	return sizeof(*g) +
	       ((size_t)g->n_words * 2 + (size_t)g->capacity * 3) * sizeof(g->words[0]);
}

void table_group_hash_destroy(void *hash)
{
	struct table_hash *h = hash;
	void *g;

	if (h == NULL)
		return;
	for (size_t pos = 0; (g = table_hash_next(h, &pos)) != NULL;)
		free(g);
	table_hash_destroy(h);
}

/* Empty, with the relaxed key of key. */
static struct table_group *group_create(
    const struct table_hash *h, const struct flow_key *key, uint32_t capacity)
{
	struct table_group sized = {
	    .capacity = (uint16_t)capacity, .n_words = (uint8_t)__builtin_popcountll(h->map)};
	struct table_group *g = malloc(table_group_memory(&sized));

	if (g == NULL)
		return NULL;
	*g = sized;
	uint64_t *w = g->words;
	const uint64_t *m = h->masks;
	for (uint64_t map = h->map; map != 0; map &= map - 1, m++) {
		*w++ = flow_key_words_const(key)[__builtin_ctzll(map)] & *m;
		*w++ = *m;
	}
	return g;
}

/* What is alive in old (which may be NULL), with room for head and more. */
static struct table_group *group_grow(const struct table_hash *h, const struct flow_key *key,
    struct table_group *old, const struct rule *head)
{
	uint32_t capacity = LANES;

	while (old != NULL && capacity <= old->n_live)
		capacity *= 2;
	struct table_group *g = group_create(h, key, capacity);
	if (g == NULL)
		return NULL;
	g->sift_word = (uint8_t)best_sift_word(h, old, head);
	for (uint32_t i = 0; old != NULL && i < old->n; i++)
		if (table_group_heads(old)[i] != NULL)
			append(g, table_group_heads(old)[i]);
	return g;
}

/* The word of which the rules have most bits beyond the relaxed mask. */
static unsigned int best_sift_word(
    const struct table_hash *h, struct table_group *old, const struct rule *head)
{
	unsigned int n_bits[FLOW_KEY_N_WORDS] = {0}, best = 0;

	for (uint32_t i = 0; i <= (old != NULL ? old->n : 0); i++) {
		const struct rule *r = i == 0 ? head : table_group_heads(old)[i - 1];
		if (r == NULL)
			continue;
		const uint64_t *w = r->words;
		for (uint64_t map = r->match_map; map != 0; map &= map - 1, w += 2)
			n_bits[__builtin_ctzll(map)] += (unsigned int)__builtin_popcountll(w[1]);
	}
	const uint64_t *m = h->masks;
	unsigned int n_rules = old != NULL ? old->n_live + 1 : 1;
	for (uint64_t map = h->map; map != 0; map &= map - 1, m++)
		n_bits[__builtin_ctzll(map)] -= (unsigned int)__builtin_popcountll(*m) * n_rules;
	for (unsigned int i = 1; i < FLOW_KEY_N_WORDS; i++)
		if (n_bits[i] > n_bits[best])
			best = i;
	return best;
}

/* Precondition: there is room. */
static void append(struct table_group *g, struct rule *head)
{
	uint64_t *keys = (uint64_t *)(uintptr_t)keys_of(g);
	uint64_t *masks = (uint64_t *)(uintptr_t)masks_of(g);
	uint64_t below = (UINT64_C(1) << g->sift_word) - 1;
	const uint64_t *w = head->words + 2 * (size_t)__builtin_popcountll(head->match_map & below);
	bool has_word = (head->match_map >> g->sift_word & 1) != 0;

	keys[g->n] = has_word ? w[0] : 0;
	masks[g->n] = has_word ? w[1] : 0;
	rcu_publish(table_group_heads(g)[g->n], head);
	__atomic_store_n(&g->n, g->n + 1, __ATOMIC_RELEASE); // pairs with table_group_lookup
	g->n_live++;
}

/* A bit for each of the first n entries whose rule has the key's sift word. */
static uint64_t sift(const struct table_group *g, const struct flow_key *k, uint32_t n)
{
	const uint64_t *keys = keys_of(g), *masks = masks_of(g);
	uint64_t word = flow_key_words_const(k)[g->sift_word], ret = 0;
	__m256i words = _mm256_set1_epi64x((long long)word);
	uint32_t i = 0;

	for (; i + LANES <= n; i += LANES) {
		__m256i key = _mm256_loadu_si256((const __m256i_u *)(const void *)&keys[i]);
		__m256i mask = _mm256_loadu_si256((const __m256i_u *)(const void *)&masks[i]);
		__m256i equal = _mm256_cmpeq_epi64(_mm256_and_si256(words, mask), key);
		ret |= (uint64_t)(unsigned int)_mm256_movemask_pd(_mm256_castsi256_pd(equal)) << i;
	}
	for (; i < n; i++)
		ret |= (uint64_t)((word & masks[i]) == keys[i]) << i;
	return ret;
}

static struct rule *const *heads_of(const struct table_group *g)
{
	return (struct rule *const *)(const void *)(g->words + (size_t)g->n_words * 2);
}

static const uint64_t *keys_of(const struct table_group *g)
{
	return (const uint64_t *)(const void *)(heads_of(g) + g->capacity);
}

static const uint64_t *masks_of(const struct table_group *g)
{
	return keys_of(g) + g->capacity;
}
