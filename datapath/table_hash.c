/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/table_probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t hash_key(const struct table_hash *h, const struct flow_key *k);
static uint64_t hash_object(const struct table_hash *h, const void *object);
static const uint64_t *object_words(const struct table_hash *h, const void *object);
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
	void **slot = probe_find(h, hash_key(h, k), k);

	return slot != NULL ? rcu_get(*slot) : NULL;
}

void **table_hash_find(const struct table_hash *h, const struct flow_key *k)
{
	return probe_find(h, hash_key(h, k), k);
}

int table_hash_add(struct table_hash *h, const struct flow_key *k, void *object)
{
	if (!array_has_room(h->array)) {
		int rc = resize(h);
		if (rc != 0)
			return rc;
	}
	array_add(h->array, hash_key(h, k), object);
	h->n++;
	return 0;
}

void table_hash_del(struct table_hash *h, void **slot)
{
	struct hash_bucket *b =
	    (struct hash_bucket *)((uintptr_t)slot & ~(uintptr_t)(HASH_BUCKET_SIZE - 1));

	__atomic_store_n(&b->tags[slot - b->objects], HASH_TAG_GONE, __ATOMIC_RELAXED);
	rcu_publish(*slot, NULL);
	h->n--;
	// A smaller array is a favour: without memory the large one stays.
	if (h->array->mask > 0 && h->n < array_slots(h->array) / 8)
		(void)!resize(h);
}

void *table_hash_next(const struct table_hash *h, size_t *pos)
{
	for (; *pos < array_slots(h->array); (*pos)++) {
		void *object = h->array->buckets[*pos / HASH_SLOTS].objects[*pos % HASH_SLOTS];
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
	       sizeof(struct hash_array) +
	       ((size_t)h->array->mask + 1) * sizeof(struct hash_bucket);
}

void probe_layout_init(struct probe_layout *l, uint64_t map, const struct table_seed *seed)
{
	unsigned int n = 0;

	*l = (struct probe_layout){
	    .map = map, .mix = {seed->k[FLOW_KEY_N_WORDS], seed->k[FLOW_KEY_N_WORDS + 1]}};
	for (; map != 0; map &= map - 1, n++) {
		l->words[n] = (uint8_t)__builtin_ctzll(map);
		l->secret[n] = seed->k[l->words[n]];
	}
	l->n_vectors = (n + PROBE_LANES - 1) / PROBE_LANES;
}

uint64_t probe_pack_mask(const struct probe_layout *l, const struct table_hash *h, uint64_t *ret)
{
	const uint64_t *mask = h->masks;
	uint64_t constant = 0;

	for (unsigned int i = 0; i < l->n_vectors * PROBE_LANES; i++) {
		bool is_used = i < (unsigned int)__builtin_popcountll(l->map);
		bool is_mapped = is_used && (h->map >> l->words[i] & 1) != 0;
		ret[i] = is_mapped ? *mask++ : 0;
		constant += is_mapped ? 0 : table_hash_product(0, l->secret[i]);
	}
	return constant;
}

static uint64_t hash_key(const struct table_hash *h, const struct flow_key *k)
{
	const uint64_t *key = flow_key_words_const(k), *mask = h->masks;
	uint64_t sum = 0;

	for (uint64_t map = h->map; map != 0; map &= map - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(map);
		sum += table_hash_product(key[i] & *mask++, h->seed->k[i]);
	}
	return table_hash_mix(sum, h->seed->k + FLOW_KEY_N_WORDS);
}

static uint64_t hash_object(const struct table_hash *h, const void *object)
{
	const uint64_t *w = object_words(h, object);
	uint64_t sum = 0;

	for (uint64_t map = h->map; map != 0; map &= map - 1, w += 2)
		sum += table_hash_product(w[0], h->seed->k[__builtin_ctzll(map)]);
	return table_hash_mix(sum, h->seed->k + FLOW_KEY_N_WORDS);
}

bool table_hash_object_matches(
    const struct table_hash *h, const void *object, const struct flow_key *k)
{
	const uint64_t *w = object_words(h, object), *key = flow_key_words_const(k);
	const uint64_t *mask = h->masks;

	for (uint64_t map = h->map; map != 0; map &= map - 1, w += 2, mask++)
		if ((key[__builtin_ctzll(map)] & *mask) != w[0])
			return false;
	return true;
}

static const uint64_t *object_words(const struct table_hash *h, const void *object)
{
	return (const uint64_t *)(const void *)((const uint8_t *)object + h->words_ofs);
}

/* An array with room for twice n_objects. */
static struct hash_array *array_create(size_t n_objects)
{
	size_t n_buckets = 1;

	while (n_buckets * HASH_SLOTS < n_objects * 2)
		n_buckets *= 2;
	size_t size = sizeof(struct hash_array) + n_buckets * sizeof(struct hash_bucket);
	struct hash_array *a = aligned_alloc(HASH_BUCKET_SIZE, size);
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

	while (a->buckets[i].tags[j] > HASH_TAG_GONE) {
		if (++j < HASH_SLOTS)
			continue;
		j = 0;
		i = (i + 1) & a->mask;
	}
	struct hash_bucket *b = &a->buckets[i];
	a->n_used += b->tags[j] == HASH_TAG_FREE;
	rcu_publish(b->objects[j], object);
	__atomic_store_n(&b->tags[j], probe_tag(hash), __ATOMIC_RELEASE);
}

static int resize(struct table_hash *h)
{
	struct hash_array *old = h->array;
	struct hash_array *a = array_create(h->n + 1);
	void *object;

	if (a == NULL)
		return array_has_room(old) ? 0 : -ENOMEM;
	for (size_t pos = 0; (object = table_hash_next(h, &pos)) != NULL;)
		array_add(a, hash_object(h, object), object);
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
	return ((size_t)a->mask + 1) * HASH_SLOTS;
}
