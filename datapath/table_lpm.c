/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "lpm": rules that differ in the prefix length of one address field, all other fields being exact alike, and rules
 * that match any packet. A hash of the other fields gives the trie.
 *
 * Where priority rises with length ("ordered", as routers compile their routes) the longest visible prefix wins and ends
 * the search; otherwise all prefixes on the way are weighed.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/lpm_trie.h"
#include "datapath/table_ops.h"

enum { MIN_MASKS = 3 }; // with fewer, a hash of each is cheaper

struct lpm_root {
	struct lpm_trie trie;
	uint64_t words[]; // of the other fields: key and mask, as struct rule has them
};

struct bounds {
	int32_t min, max; // of priorities; min > max: no rule
};

struct field {
	uint16_t ofs;
	uint16_t n_bits;
};

struct lpm {
	struct table_body body;
	RCU_PTR(struct rule) any; // chain of the rules that match any packet
	struct table_hash *roots;
	bool ordered; // ctl: wo (atomic), worker: ro
	struct field field;
	struct lpm_nodes nodes;
	struct flow_key other_mask;
	struct bounds bounds[LPM_MAX_BITS + 1]; // by prefix length
};

static const struct field fields[] = {
    {offsetof(struct flow_key, ip4_dst), 32},
    {offsetof(struct flow_key, ip6_dst), 128},
    {offsetof(struct flow_key, ip4_src), 32},
    {offsetof(struct flow_key, ip6_src), 128},
};

static struct lpm *lpm_of(struct table_body *b);
static const struct lpm *lpm_of_const(const struct table_body *b);
static const struct field *pick_field(const struct hmap *masks, struct flow_key *ret_other);
static bool field_fits(const struct field *f, const struct hmap *masks, struct flow_key *ret_other);
static int split_mask(
    const struct field *f, const struct table_mask *mask, struct flow_key *ret_other);
static lpm_bits field_bits(const struct flow_key *k, const struct field *f);
static void note_priority(struct lpm *l, int len, int32_t priority);
static struct lpm_place place_of(
    const struct lpm *l, const struct table_mask *mask, const struct flow_key *key);
static struct lpm_root *root_create(const struct lpm *l, const struct flow_key *key);

static bool lpm_fits(const struct hmap *masks)
{
	struct flow_key other;

	return masks->n >= MIN_MASKS && pick_field(masks, &other) != NULL;
}

static struct table_body *lpm_create(const struct hmap *masks, const struct table_seed *seed)
{
	struct lpm *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	const struct field *f = pick_field(masks, &l->other_mask);
	l->body.ops = &table_lpm_ops;
	l->ordered = true;
	l->field = *f;
	for (unsigned int i = 0; i <= LPM_MAX_BITS; i++)
		l->bounds[i] = (struct bounds){.min = INT32_MAX, .max = -1};
	l->roots = table_hash_create(seed, &l->other_mask, offsetof(struct lpm_root, words));
	if (l->roots == NULL) {
		free(l);
		return NULL;
	}
	return &l->body;
}

static void lpm_destroy(void *body)
{
	struct lpm *l = lpm_of(body);
	struct lpm_root *root;

	for (size_t pos = 0; (root = table_hash_next(l->roots, &pos)) != NULL;) {
		lpm_trie_fini(&root->trie);
		free(root);
	}
	table_hash_destroy(l->roots);
	free(l);
}

static const struct rule *lpm_lookup(
    const struct table_body *b, const struct flow_key *k, uint64_t version)
{
	const struct lpm *l = lpm_of_const(b);
	const struct lpm_root *root = table_hash_lookup(l->roots, k);
	const struct rule *any = table_chain_visible(rcu_get(l->any), version);

	if (root == NULL)
		return any;
	bool ordered = __atomic_load_n(&l->ordered, __ATOMIC_RELAXED);
	lpm_bits bits = field_bits(k, &l->field);
	return table_winner(lpm_trie_lookup(&root->trie, bits, k, version, ordered), any);
}

static int lpm_prepare(struct table_body *b, const struct table_mask *mask, uint16_t priority)
{
	struct lpm *l = lpm_of(b);
	struct flow_key other;

	if (mask->map == 0)
		return 0;
	int len = split_mask(&l->field, mask, &other);
	if (len < 0 || memcmp(&other, &l->other_mask, sizeof(other)) != 0)
		return -EOPNOTSUPP;
	note_priority(l, len, priority);
	return 0;
}

static void lpm_forget(struct table_body *, const struct table_mask *, uint16_t)
{
	// Bounds only widen: an order that is lost comes back with the next rebuild.
}

static struct rule **lpm_find(
    struct table_body *b, const struct table_mask *mask, const struct flow_key *key)
{
	struct lpm *l = lpm_of(b);

	if (mask->map == 0)
		return l->any != NULL ? &l->any : NULL;
	struct lpm_root *root = table_hash_lookup(l->roots, key);
	if (root == NULL)
		return NULL;
	struct lpm_place at = place_of(l, mask, key);
	return lpm_trie_find(&root->trie, &at);
}

static int lpm_add(struct table_body *b, const struct table_mask *mask, const struct flow_key *key,
    struct rule *head)
{
	struct lpm *l = lpm_of(b);

	if (mask->map == 0) {
		rcu_publish(l->any, head);
		return 0;
	}
	l->nodes.published = b->published;
	struct lpm_place at = place_of(l, mask, key);
	struct lpm_root *root = table_hash_lookup(l->roots, key);
	if (root != NULL)
		return lpm_trie_add(&root->trie, &l->nodes, &at, head);
	root = root_create(l, key);
	if (root == NULL)
		return -ENOMEM;
	int rc = lpm_trie_add(&root->trie, &l->nodes, &at, head);
	if (rc == 0)
		rc = table_hash_add(l->roots, key, root);
	if (rc != 0) {
		lpm_trie_fini(&root->trie);
		free(root);
	}
	return rc;
}

static void lpm_del(struct table_body *b, const struct table_mask *mask, const struct flow_key *key)
{
	struct lpm *l = lpm_of(b);

	if (mask->map == 0) {
		rcu_publish(l->any, NULL);
		return;
	}
	l->nodes.published = b->published;
	struct lpm_place at = place_of(l, mask, key);
	void **slot = table_hash_find(l->roots, key);
	struct lpm_root *root = *slot;
	lpm_trie_del(&root->trie, &l->nodes, &at);
	if (root->trie.root != NULL)
		return;
	table_hash_del(l->roots, slot);
	rcu_defer(free, root);
}

static int lpm_settle(struct table_body *)
{
	return 0;
}

static void lpm_foreach(
    const struct table_body *b, bool (*cb)(struct rule *head, void *arg), void *arg)
{
	const struct lpm *l = lpm_of_const(b);
	const struct lpm_root *root;

	if (l->any != NULL && !cb(l->any, arg))
		return;
	for (size_t pos = 0; (root = table_hash_next(l->roots, &pos)) != NULL;)
		if (!lpm_trie_foreach(&root->trie, cb, arg))
			return;
}

static size_t lpm_memory(const struct table_body *b)
{
	const struct lpm *l = lpm_of_const(b);
	size_t n_words = (size_t)__builtin_popcountll(l->roots->map) * 2;

	return sizeof(*l) + table_hash_memory(l->roots) + l->nodes.n_bytes +
	       l->roots->n * (sizeof(struct lpm_root) + n_words * sizeof(uint64_t));
}

static struct lpm *lpm_of(struct table_body *b)
{
	return CONTAINER_OF(b, struct lpm, body);
}

static const struct lpm *lpm_of_const(const struct table_body *b)
{
	return CONTAINER_OF(b, const struct lpm, body);
}

/* The field in whose prefix length alone the masks differ, or NULL. */
static const struct field *pick_field(const struct hmap *masks, struct flow_key *ret_other)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (masks->n <= fields[i].n_bits + 2u && field_fits(&fields[i], masks, ret_other))
			return &fields[i];
	return NULL;
}

static bool field_fits(const struct field *f, const struct hmap *masks, struct flow_key *ret_other)
{
	struct flow_key other;
	bool first = true;

	hmap_foreach (m, masks, struct table_mask, node) {
		if (m->map == 0)
			continue;
		if (split_mask(f, m, first ? ret_other : &other) < 0)
			return false;
		if (!first && memcmp(&other, ret_other, sizeof(other)) != 0)
			return false;
		first = false;
	}
	return !first;
}

/* Prefix length of the field and the mask without it; -1 when the field's mask is no prefix. */
static int split_mask(
    const struct field *f, const struct table_mask *mask, struct flow_key *ret_other)
{
	table_mask_expand(mask, ret_other);
	lpm_bits bits = field_bits(ret_other, f);
	memset((uint8_t *)ret_other + f->ofs, 0, f->n_bits / 8);
	bool contiguous = (~bits & (~bits + 1)) == 0;
	return contiguous ? __builtin_popcountll((uint64_t)bits) +
				__builtin_popcountll((uint64_t)(bits >> 64))
			  : -1;
}

/* The field's value, left-aligned. */
static lpm_bits field_bits(const struct flow_key *k, const struct field *f)
{
	const uint8_t *p = (const uint8_t *)k + f->ofs;
	uint64_t words[2];
	uint32_t word;

	if (f->n_bits == 32) {
		memcpy(&word, p, sizeof(word));
		return (lpm_bits)be32toh(word) << 96;
	}
	memcpy(words, p, sizeof(words));
	return (lpm_bits)be64toh(words[0]) << 64 | be64toh(words[1]);
}

static void note_priority(struct lpm *l, int len, int32_t priority)
{
	struct bounds *b = &l->bounds[len];
	bool ordered = l->ordered;

	if (priority >= b->min && priority <= b->max)
		return;
	b->min = MIN_OF(b->min, priority);
	b->max = MAX_OF(b->max, priority);
	for (int i = 0; i <= LPM_MAX_BITS && ordered; i++)
		ordered =
		    i == len || (i < len ? l->bounds[i].max < b->min : l->bounds[i].min > b->max);
	// The rule that breaks the order is published after this: who sees it sees the flag.
	__atomic_store_n(&l->ordered, ordered, __ATOMIC_RELAXED);
}

static struct lpm_place place_of(
    const struct lpm *l, const struct table_mask *mask, const struct flow_key *key)
{
	struct flow_key other;
	unsigned int len = (unsigned int)split_mask(&l->field, mask, &other);

	return lpm_place(field_bits(key, &l->field), len);
}

static struct lpm_root *root_create(const struct lpm *l, const struct flow_key *key)
{
	size_t n_words = (size_t)__builtin_popcountll(l->roots->map);
	struct lpm_root *root = malloc(sizeof(*root) + n_words * 2 * sizeof(root->words[0]));
	uint64_t map = l->roots->map;

	if (root == NULL)
		return NULL;
	root->trie.root = NULL;
	for (size_t i = 0; i < n_words; i++, map &= map - 1) {
		uint64_t mask = l->roots->masks[i];
		root->words[i * 2] = flow_key_words_const(key)[__builtin_ctzll(map)] & mask;
		root->words[i * 2 + 1] = mask;
	}
	return root;
}

const struct table_ops table_lpm_ops = {
    .name = "lpm",
    .fits = lpm_fits,
    .create = lpm_create,
    .destroy = lpm_destroy,
    .lookup = lpm_lookup,
    .prepare = lpm_prepare,
    .forget = lpm_forget,
    .find = lpm_find,
    .add = lpm_add,
    .del = lpm_del,
    .settle = lpm_settle,
    .foreach = lpm_foreach,
    .memory = lpm_memory,
};
