/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/table_hash.h"

#include <errno.h>
#include <immintrin.h>
#include <stdlib.h>
#include <string.h>

enum {
	N_SLOTS = 5,
	BUCKET_SIZE = 64,
	TAG_FREE = 0, // never used: ends a search
	TAG_GONE = 1, // was used: a search goes on
	TAG_USED = 2, // bit that every tag of an object has
};

struct bucket {
	uint32_t
	    tags[N_SLOTS]; // ctl: wo, worker: ro. High half of the hash, stored after the object
	uint32_t pad;
	void *objects[N_SLOTS]; // ctl: wo (rcu), worker: ro
};
static_assert(sizeof(struct bucket) == BUCKET_SIZE);

struct hash_array {
	uint32_t mask;   // buckets - 1
	uint32_t n_used; // ctl: slots that are not TAG_FREE
	struct bucket buckets[] __attribute__((aligned(BUCKET_SIZE)));
};

struct probe {
	uint64_t words[FLOW_KEY_N_WORDS]; // masked
	uint64_t hash;
};

static void probe_init(struct probe *p, const struct table_hash *h, const struct flow_key *k);
static uint32_t lanes_equal(__m256i tags, uint32_t tag);
static void **find(const struct table_hash *h, const struct probe *p);
static struct hash_array *array_create(size_t n_objects);
static void array_add(struct hash_array *a, uint64_t hash, void *object);
static int resize(struct table_hash *h);
static bool array_has_room(const struct hash_array *a);
static size_t array_slots(const struct hash_array *a);

size_t mask_words_init(struct mask_words *w, const struct flow_key *mask)
{
	const uint64_t *words = flow_key_words_const(mask);
	size_t n = 0;

	w->map = 0;
	for (unsigned int i = 0; i < FLOW_KEY_N_WORDS; i++) {
		if (words[i] == 0)
			continue;
		w->map |= UINT64_C(1) << i;
		w->words[n++] = words[i];
	}
	return n;
}

void mask_words_expand(uint64_t map, const uint64_t *words, struct flow_key *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (; map != 0; map &= map - 1)
		flow_key_words(ret)[__builtin_ctzll(map)] = *words++;
}

struct table_hash *table_hash_create(
    const struct table_seed *seed, const struct flow_key *mask, size_t words_ofs)
{
	struct mask_words m;
	size_t n = mask_words_init(&m, mask);
	struct table_hash *h = malloc(sizeof(*h) + n * sizeof(m.words[0]));

	if (h == NULL)
		return NULL;
	*h = (struct table_hash){.seed = seed, .map = m.map, .words_ofs = (uint32_t)words_ofs};
	memcpy(h->masks, m.words, n * sizeof(m.words[0]));
	h->array = array_create(0);
	if (h->array == NULL) {
		free(h);
		return NULL;
	}
	return h;
}

void table_hash_destroy(void *hash)
{
	struct table_hash *h = hash;

	if (h == NULL)
		return;
	free(h->array);
	free(h);
}

void *table_hash_lookup(const struct table_hash *h, const struct flow_key *k)
{
	struct probe p;

	probe_init(&p, h, k);
	void **slot = find(h, &p);
	return slot != NULL ? rcu_get(*slot) : NULL;
}

void **table_hash_find(const struct table_hash *h, const struct flow_key *k)
{
	struct probe p;

	probe_init(&p, h, k);
	return find(h, &p);
}

int table_hash_add(struct table_hash *h, const struct flow_key *k, void *object)
{
	struct probe p;

	if (!array_has_room(h->array)) {
		int rc = resize(h);
		if (rc != 0)
			return rc;
	}
	probe_init(&p, h, k);
	array_add(h->array, p.hash, object);
	h->n++;
	return 0;
}

void table_hash_del(struct table_hash *h, void **slot)
{
	struct bucket *b = (struct bucket *)((uintptr_t)slot & ~(uintptr_t)(BUCKET_SIZE - 1));

	__atomic_store_n(&b->tags[slot - b->objects], TAG_GONE, __ATOMIC_RELAXED);
	rcu_publish(*slot, NULL);
	h->n--;
	// A smaller array is a favour: without memory the large one stays.
	if (h->array->mask > 0 && h->n < array_slots(h->array) / 8)
		(void)!resize(h);
}

void *table_hash_next(const struct table_hash *h, size_t *pos)
{
	for (; *pos < array_slots(h->array); (*pos)++) {
		void *object = h->array->buckets[*pos / N_SLOTS].objects[*pos % N_SLOTS];
		if (object == NULL)
			continue;
		(*pos)++;
		return object;
	}
	return NULL;
}

size_t table_hash_memory(const struct table_hash *h)
{
	return sizeof(*h) + (size_t)__builtin_popcountll(h->map) * sizeof(h->masks[0]) +
	       sizeof(struct hash_array) + ((size_t)h->array->mask + 1) * sizeof(struct bucket);
}

static uint64_t fold(unsigned __int128 v)
{
	return (uint64_t)v ^ (uint64_t)(v >> 64);
}

/* words[n] is 0 when n is odd. */
static uint64_t hash_words(const struct table_seed *seed, const uint64_t *words, unsigned int n)
{
	const uint64_t *k = seed->k;
	unsigned __int128 sum = 0;

	for (unsigned int i = 0; i < n; i += 2)
		sum += (unsigned __int128)(words[i] + k[i]) * (words[i + 1] + k[i + 1]);
	k += FLOW_KEY_N_WORDS;
	return fold((unsigned __int128)((uint64_t)sum ^ k[0]) * ((uint64_t)(sum >> 64) ^ k[1]));
}

static void probe_init(struct probe *p, const struct table_hash *h, const struct flow_key *k)
{
	const uint64_t *key = flow_key_words_const(k);
	unsigned int n = 0;

	for (uint64_t map = h->map; map != 0; map &= map - 1, n++)
		p->words[n] = key[__builtin_ctzll(map)] & h->masks[n];
	if (n % 2 != 0)
		p->words[n] = 0;
	p->hash = hash_words(h->seed, p->words, n);
}

static uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)(hash >> 32) | TAG_USED;
}

static const uint64_t *object_words(const struct table_hash *h, const void *object)
{
	return (const uint64_t *)(const void *)((const uint8_t *)object + h->words_ofs);
}

static bool object_has_words(const struct table_hash *h, const void *object, const uint64_t *words)
{
	const uint64_t *w = object_words(h, object);

	for (uint64_t map = h->map; map != 0; map &= map - 1, w += 2)
		if (*words++ != w[0])
			return false;
	return true;
}

static void **find(const struct table_hash *h, const struct probe *p)
{
	struct hash_array *a = rcu_get(h->array);
	uint32_t tag = tag_of(p->hash);

	for (uint32_t i = (uint32_t)p->hash & a->mask;; i = (i + 1) & a->mask) {
		struct bucket *b = &a->buckets[i];
		// Pairs with array_add: the object is there when its tag is. On x86 a lane of an aligned load is read whole.
		__m256i tags = _mm256_load_si256((const __m256i *)(const void *)b);
		__atomic_signal_fence(__ATOMIC_ACQUIRE);

		for (uint32_t match = lanes_equal(tags, tag); match != 0; match &= match - 1) {
			void **slot = &b->objects[__builtin_ctz(match)];
			void *object = rcu_get(*slot);
			if (object != NULL && object_has_words(h, object, p->words))
				return slot;
		}
		if (lanes_equal(tags, TAG_FREE) != 0)
			return NULL;
	}
}

/* A bit for each slot with this tag. The load reaches into what follows the tags: those lanes are cut off. */
static uint32_t lanes_equal(__m256i tags, uint32_t tag)
{
	__m256i equal = _mm256_cmpeq_epi32(tags, _mm256_set1_epi32((int)tag));
	return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(equal)) & ((1u << N_SLOTS) - 1);
}

/* An array with room for twice n_objects. */
static struct hash_array *array_create(size_t n_objects)
{
	size_t n_buckets = 1;

	while (n_buckets * N_SLOTS < n_objects * 2)
		n_buckets *= 2;
	size_t size = sizeof(struct hash_array) + n_buckets * sizeof(struct bucket);
	struct hash_array *a = aligned_alloc(BUCKET_SIZE, size);
	if (a == NULL)
		return NULL;
	memset(a, 0, size);
	a->mask = (uint32_t)n_buckets - 1;
	return a;
}

static void array_add(struct hash_array *a, uint64_t hash, void *object)
{
	uint32_t i = (uint32_t)hash & a->mask;
	unsigned int j = 0;

	while (a->buckets[i].tags[j] > TAG_GONE) {
		if (++j < N_SLOTS)
			continue;
		j = 0;
		i = (i + 1) & a->mask;
	}
	struct bucket *b = &a->buckets[i];
	a->n_used += b->tags[j] == TAG_FREE;
	rcu_publish(b->objects[j], object);
	__atomic_store_n(&b->tags[j], tag_of(hash), __ATOMIC_RELEASE);
}

static int resize(struct table_hash *h)
{
	struct hash_array *old = h->array;
	struct hash_array *a = array_create(h->n + 1);
	void *object;

	if (a == NULL)
		return array_has_room(old) ? 0 : -ENOMEM;
	for (size_t pos = 0; (object = table_hash_next(h, &pos)) != NULL;) {
		const uint64_t *w = object_words(h, object);
		uint64_t words[FLOW_KEY_N_WORDS];
		unsigned int n = 0;

		for (; n < (unsigned int)__builtin_popcountll(h->map); n++)
			words[n] = w[n * 2];
		if (n % 2 != 0)
			words[n] = 0;
		array_add(a, hash_words(h->seed, words, n), object);
	}
	rcu_publish(h->array, a);
	rcu_defer(free, old);
	return 0;
}

/* Up to 4/5 of the slots: an overflow then ends within a bucket or two. */
static bool array_has_room(const struct hash_array *a)
{
	return a->n_used < array_slots(a) * 4 / 5;
}

static size_t array_slots(const struct hash_array *a)
{
	return ((size_t)a->mask + 1) * N_SLOTS;
}
