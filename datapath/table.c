/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/hash.h"
#include "datapath/table_ops.h"

/*
 * A better structure is worth its rebuild when 1/64 of the rules changed since the last one: the work per change stays
 * bounded whatever a controller does, and a table of up to 64 rules always has the best.
 */
enum { REBUILD_SHARE = 64 };

struct table {
	RCU_PTR(struct table_body) body;
	struct hmap masks; // struct table_mask
	size_t n_rules;
	size_t n_changes; // rules added and deleted since the last rebuild
	struct hash_key mask_key;
	struct table_seed seed;
};

/* By cost of a look-up: the first that fits is chosen. */
static const struct table_ops *const structures[] = {
    &table_exact_ops,
    &table_lpm_ops,
    &table_tuple_ops,
};

static int prepare(struct table *t, const struct table_mask *mask, const struct rule *rule);
static int rebuild(struct table *t, const struct table_ops *ops);
static int chain_add(struct table_body *b, const struct table_mask *mask,
    const struct flow_key *key, struct rule *rule);
static void chain_del(struct table_body *b, const struct table_mask *mask,
    const struct flow_key *key, struct rule *rule);
static struct table_mask *mask_find(const struct table *t, const struct flow_key *mask);
static struct table_mask *mask_get(struct table *t, const struct flow_key *mask);
static void mask_put(struct table *t, struct table_mask *mask);

struct table *table_create(void)
{
	struct table *t = calloc(1, sizeof(*t));
	struct hash_key secret;

	if (t == NULL)
		return NULL;
	hmap_init(&t->masks);
	hash_key_init(&t->mask_key);
	hash_key_init(&secret);
	for (uint64_t i = 0; i < ARRAY_SIZE(t->seed.k); i++)
		t->seed.k[i] = hash_bytes(&secret, &i, sizeof(i));
	t->body = table_exact_ops.create(&t->masks, &t->seed);
	if (t->body == NULL) {
		free(t);
		return NULL;
	}
	t->body->published = true;
	return t;
}

void table_destroy(struct table *t)
{
	if (t == NULL)
		return;
	t->body->ops->destroy(t->body);
	hmap_foreach_safe (m, &t->masks, struct table_mask, node) {
		hmap_del(&t->masks, &m->node);
		free(m);
	}
	hmap_fini(&t->masks);
	free(t);
}

int table_add(struct table *t, struct rule *rule)
{
	struct flow_match m;

	rule_match(rule, &m);
	struct table_mask *mask = mask_get(t, &m.mask);
	if (mask == NULL)
		return -ENOMEM;
	int rc = prepare(t, mask, rule);
	if (rc == 0)
		rc = chain_add(t->body, mask, &m.key, rule);
	if (rc != 0) {
		mask_put(t, mask);
		return rc;
	}
	t->n_rules++;
	t->n_changes++;
	return 0;
}

void table_del(struct table *t, struct rule *rule)
{
	struct flow_match m;

	rule_match(rule, &m);
	struct table_mask *mask = mask_find(t, &m.mask);
	t->body->ops->forget(t->body, mask, rule->priority);
	chain_del(t->body, mask, &m.key, rule);
	mask_put(t, mask);
	t->n_rules--;
	t->n_changes++;
}

int table_compile(struct table *t)
{
	unsigned int i = 0;

	while (!structures[i]->fits(&t->masks))
		i++;
	const struct table_ops *ops = t->body->ops;
	bool pays = t->n_changes * REBUILD_SHARE >= t->n_rules;
	bool is_best = structures[i] == ops &&
		       (ops->is_outgrown == NULL || !ops->is_outgrown(t->body, &t->masks));
	if (is_best || !pays)
		return t->body->ops->settle(t->body);
	return rebuild(t, structures[i]);
}

const struct rule *table_lookup(const struct table *t, const struct flow_key *k, uint64_t version)
{
	const struct table_body *b = rcu_get(t->body);

	return b->ops->lookup(b, k, version);
}

void table_mask_union(const struct table *t, struct flow_key *ret)
{
	struct flow_key mask;

	memset(ret, 0, sizeof(*ret));
	hmap_foreach (m, &t->masks, struct table_mask, node) {
		table_mask_expand(m, &mask);
		for (unsigned int i = 0; i < FLOW_KEY_N_WORDS; i++)
			flow_key_words(ret)[i] |= flow_key_words(&mask)[i];
	}
}

size_t table_n_rules(const struct table *t)
{
	return t->n_rules;
}

size_t table_n_masks(const struct table *t)
{
	return t->masks.n;
}

size_t table_memory(const struct table *t)
{
	size_t size = sizeof(*t) + t->body->ops->memory(t->body);

	hmap_foreach (m, &t->masks, struct table_mask, node)
		size += sizeof(*m) + (size_t)__builtin_popcountll(m->map) * sizeof(m->words[0]);
	return size;
}

const char *table_structure(const struct table *t)
{
	return t->body->ops->name;
}

struct rule_list {
	const struct rule **rules;
	size_t n;
};

static bool list_chain(struct rule *head, void *arg)
{
	struct rule_list *list = arg;

	for (const struct rule *r = head; r != NULL; r = r->next_same)
		list->rules[list->n++] = r;
	return true;
}

static int by_win(const void *a, const void *b)
{
	const struct rule *ra = *(const struct rule *const *)a,
			  *rb = *(const struct rule *const *)b;

	return ra == rb ? 0 : table_rule_wins(ra, rb) ? -1 : 1;
}

void table_foreach(const struct table *t, bool (*cb)(const struct rule *r, void *arg), void *arg)
{
	struct rule_list list = {.rules = malloc((t->n_rules + 1) * sizeof(struct rule *))};

	// As hmap: a visit that skips rules would lie to its caller.
	if (list.rules == NULL)
		abort();
	t->body->ops->foreach(t->body, list_chain, &list);
	qsort(list.rules, list.n, sizeof(list.rules[0]), by_win);
	for (size_t i = 0; i < list.n; i++)
		if (!cb(list.rules[i], arg))
			break;
	free(list.rules);
}

struct rule *table_find_strict(const struct table *t, const struct flow_match *m, uint16_t priority)
{
	const struct table_mask *mask = mask_find(t, &m->mask);

	if (mask == NULL)
		return NULL;
	struct rule **slot = t->body->ops->find(t->body, mask, &m->key);
	for (struct rule *r = slot != NULL ? *slot : NULL; r != NULL; r = r->next_same)
		if (r->priority == priority && r->del_version == UINT64_MAX)
			return r;
	return NULL;
}

void table_mask_expand(const struct table_mask *mask, struct flow_key *ret)
{
	mask_words_expand(mask->map, mask->words, ret);
}

/* Makes room for rule in the structure, or in tuples when it has a shape that the structure cannot hold. */
static int prepare(struct table *t, const struct table_mask *mask, const struct rule *rule)
{
	int rc = t->body->ops->prepare(t->body, mask, rule->priority);

	if (rc == -EOPNOTSUPP)
		rc = rebuild(t, &table_tuple_ops);
	else
		return rc;
	return rc != 0 ? rc : t->body->ops->prepare(t->body, mask, rule->priority);
}

struct rebuild {
	struct table *t;
	struct table_body *to;
	int rc;
};

static bool rebuild_chain(struct rule *head, void *arg)
{
	struct rebuild *rb = arg;
	struct flow_match m;

	rule_match(head, &m);
	const struct table_mask *mask = mask_find(rb->t, &m.mask);
	for (const struct rule *r = head; r != NULL && rb->rc == 0; r = r->next_same)
		rb->rc = rb->to->ops->prepare(rb->to, mask, r->priority);
	if (rb->rc == 0)
		rb->rc = rb->to->ops->add(rb->to, mask, &m.key, head);
	return rb->rc == 0;
}

static int rebuild(struct table *t, const struct table_ops *ops)
{
	struct table_body *old = t->body;
	struct rebuild rb = {.t = t, .to = ops->create(&t->masks, &t->seed)};

	if (rb.to == NULL)
		return -ENOMEM;
	old->ops->foreach(old, rebuild_chain, &rb);
	if (rb.rc == 0)
		rb.rc = ops->settle(rb.to);
	if (rb.rc != 0) {
		ops->destroy(rb.to);
		return rb.rc;
	}
	rb.to->published = true;
	rcu_publish(t->body, rb.to);
	rcu_defer(old->ops->destroy, old);
	t->n_changes = 0;
	return 0;
}

/* Links rule at its place. A worker sees the chain with it or without; it is invisible to that worker anyway. */
static int chain_add(struct table_body *b, const struct table_mask *mask,
    const struct flow_key *key, struct rule *rule)
{
	struct rule **slot = b->ops->find(b, mask, key);

	if (slot == NULL) {
		rule->next_same = NULL;
		return b->ops->add(b, mask, key, rule);
	}
	while (*slot != NULL && table_rule_wins(*slot, rule))
		slot = &(*slot)->next_same;
	rule->next_same = *slot;
	rcu_publish(*slot, rule);
	return 0;
}

/* rule keeps its own link: a worker that stands on it walks on along the chain. */
static void chain_del(struct table_body *b, const struct table_mask *mask,
    const struct flow_key *key, struct rule *rule)
{
	struct rule **slot = b->ops->find(b, mask, key);

	if (*slot == rule && rule->next_same == NULL) {
		b->ops->del(b, mask, key);
		return;
	}
	while (*slot != rule)
		slot = &(*slot)->next_same;
	rcu_publish(*slot, rule->next_same);
}

static uint64_t mask_hash(const struct table *t, const struct mask_words *w, size_t n)
{
	return hash_bytes(&t->mask_key, w, sizeof(w->map) + n * sizeof(w->words[0]));
}

static struct table_mask *mask_find(const struct table *t, const struct flow_key *mask)
{
	struct mask_words w;
	size_t n = mask_words_init(&w, mask);

	hmap_foreach_with_hash (m, &t->masks, mask_hash(t, &w, n), struct table_mask, node)
		if (table_mask_equal(m, w.map, w.words))
			return m;
	return NULL;
}

static struct table_mask *mask_create(struct table *t, const struct flow_key *mask)
{
	struct mask_words w;
	size_t n = mask_words_init(&w, mask);
	struct table_mask *m = malloc(sizeof(*m) + n * sizeof(w.words[0]));

	if (m == NULL)
		return NULL;
	*m = (struct table_mask){.map = w.map};
	memcpy(m->words, w.words, n * sizeof(w.words[0]));
	hmap_add(&t->masks, &m->node, mask_hash(t, &w, n));
	return m;
}

/* The mask with one rule more; NULL when out of memory. */
static struct table_mask *mask_get(struct table *t, const struct flow_key *mask)
{
	struct table_mask *m = mask_find(t, mask);

	if (m == NULL)
		m = mask_create(t, mask);
	if (m != NULL)
		m->n_rules++;
	return m;
}

/* With one rule less. */
static void mask_put(struct table *t, struct table_mask *mask)
{
	if (--mask->n_rules > 0)
		return;
	hmap_del(&t->masks, &mask->node);
	free(mask);
}
