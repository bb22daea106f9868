/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/tuple_set.h"

#include <errno.h>
#include <stdlib.h>

#include "datapath/base/hash.h"
#include "datapath/table_group.h"

enum { RESCAN_SHARE = 16 }; // a bound is recomputed when 1/16 of the tuple's chains went since

/* A split that is being made. */
struct splitting {
	struct tuple_set *set;
	const struct tuple *from;
	int rc;
};

static struct tuple_place *place_create(struct tuple_set *s, const struct table_mask *mask);
static struct tuple *tuple_get(
    struct tuple_set *s, const struct flow_key *mask, unsigned int first_level);
static struct tuple *tuple_create(
    struct tuple_set *s, const struct flow_key *mask, unsigned int level, uint64_t hash);
static void tuple_destroy(struct tuple_set *s, struct tuple *t);
static void hash_destroy(struct tuple *t, void (*destroy)(void (*fn)(void *obj), void *obj));
static void at_once(void (*fn)(void *obj), void *obj);
static int tuple_add(
    struct tuple_set *s, struct tuple *t, const struct flow_key *key, struct rule *head);
static bool copy_chain(struct rule *head, void *arg);
static struct tuple *part_of_place(
    struct tuple_set *s, const struct tuple *t, const struct tuple_place *p);
static bool raise_to(struct rule *head, void *arg);

void tuple_set_init(struct tuple_set *s, const struct hmap *masks, const struct table_seed *seed)
{
	*s = (struct tuple_set){.seed = seed};
	relaxer_init(&s->relaxer, masks);
	hmap_init(&s->places);
	hmap_init(&s->map);
}

void tuple_set_fini(struct tuple_set *s)
{
	hmap_foreach_safe (p, &s->places, struct tuple_place, node) {
		hmap_del(&s->places, &p->node);
		free(p);
	}
	hmap_foreach_safe (t, &s->map, struct tuple, node) {
		hash_destroy(t, at_once);
		tuple_destroy(s, t);
	}
	hmap_fini(&s->places);
	hmap_fini(&s->map);
}

struct tuple_place *tuple_place_find(const struct tuple_set *s, const struct table_mask *mask)
{
	hmap_foreach_with_hash (p, &s->places, mask->node.hash, struct tuple_place, node)
		if (table_mask_equal(mask, p->map, p->words))
			return p;
	return NULL;
}

struct tuple_place *tuple_place_get(struct tuple_set *s, const struct table_mask *mask)
{
	struct tuple_place *p = tuple_place_find(s, mask);

	return p != NULL ? p : place_create(s, mask);
}

int tuple_place_add(
    struct tuple_set *s, struct tuple_place *p, const struct flow_key *key, struct rule *head)
{
	int rc = tuple_add(s, p->tuple, key, head);

	p->n_chains += rc == 0;
	return rc;
}

void tuple_place_del(struct tuple_set *s, struct tuple_place *p, const struct table_mask *mask,
    const struct flow_key *key)
{
	struct tuple *t = p->tuple;

	if (t->level == RELAX_EXACT)
		table_hash_del(t->hash, table_hash_find(t->hash, key));
	else
		table_group_del(t->hash, mask, key);
	p->n_chains--;
	if (--t->n_chains > 0)
		return;
	t->bound = TUPLE_NO_BOUND;
	t->n_gone = 0;
	s->n_empty++;
}

int tuple_split_begin(struct tuple_set *s, struct tuple *t)
{
	struct splitting sp = {.set = s, .from = t};

	tuple_foreach(t, copy_chain, &sp);
	// A mask may have no chain yet: the one that is being added has not.
	hmap_foreach (p, &s->places, struct tuple_place, node)
		if (p->tuple == t && sp.rc == 0 && part_of_place(s, t, p) == NULL)
			sp.rc = -ENOMEM;
	if (sp.rc != 0)
		tuple_split_undo(s, t);
	return sp.rc;
}

void tuple_split_undo(struct tuple_set *s, const struct tuple *t)
{
	hmap_foreach_safe (part, &s->map, struct tuple, node) {
		if (!tuple_is_part(s, part, t))
			continue;
		s->n_empty -= part->n_chains == 0;
		hash_destroy(part, at_once);
		tuple_destroy(s, part);
	}
}

void tuple_split_end(struct tuple_set *s, struct tuple *t)
{
	hmap_foreach (p, &s->places, struct tuple_place, node)
		if (p->tuple == t)
			p->tuple = part_of_place(s, t, p);
	hash_destroy(t, rcu_defer);
	t->n_chains = t->n_gone = 0;
	t->bound = t->listed = TUPLE_NO_BOUND;
}

/* The part's mask, relaxed as t's was, is t's. */
bool tuple_is_part(const struct tuple_set *s, const struct tuple *part, const struct tuple *t)
{
	struct flow_key mask;

	if (part->level != t->level + 1)
		return false;
	relaxer_relax(&s->relaxer, t->level, &part->mask, &mask);
	return memcmp(&mask, &t->mask, sizeof(mask)) == 0;
}

bool tuple_foreach(const struct tuple *t, bool (*cb)(struct rule *head, void *arg), void *arg)
{
	void *object;

	for (size_t pos = 0;
	     t->hash != NULL && (object = table_hash_next(t->hash, &pos)) != NULL;) {
		if (t->level == RELAX_EXACT) {
			if (!cb(object, arg))
				return false;
			continue;
		}
		const struct table_group *g = object;
		for (uint32_t i = 0; i < g->n; i++) {
			struct rule *head = table_group_heads(object)[i];
			if (head != NULL && !cb(head, arg))
				return false;
		}
	}
	return true;
}

void tuple_lower_bound(struct tuple *t)
{
	if (t->n_gone == 0 || t->n_gone * RESCAN_SHARE < t->n_chains)
		return;
	t->bound = 0;
	tuple_foreach(t, raise_to, &t->bound);
	t->n_gone = 0;
}

void tuple_set_sweep(struct tuple_set *s)
{
	hmap_foreach_safe (p, &s->places, struct tuple_place, node) {
		if (p->n_chains > 0)
			continue;
		hmap_del(&s->places, &p->node);
		free(p);
	}
	hmap_foreach_safe (t, &s->map, struct tuple, node) {
		if (t->n_chains > 0 || t->hash == NULL)
			continue;
		hash_destroy(t, rcu_defer);
		tuple_destroy(s, t);
	}
	s->n_empty = 0;
}

size_t tuple_set_memory(const struct tuple_set *s)
{
	size_t size = 0;
	void *g;

	hmap_foreach (p, &s->places, struct tuple_place, node)
		size += sizeof(*p) + sizeof(void *) +
			(size_t)__builtin_popcountll(p->map) * sizeof(p->words[0]);
	hmap_foreach (t, &s->map, struct tuple, node) {
		size += sizeof(*t) + sizeof(void *);
		size += t->hash != NULL ? table_hash_memory(t->hash) : 0;
		if (t->hash == NULL || t->level == RELAX_EXACT)
			continue;
		for (size_t pos = 0; (g = table_hash_next(t->hash, &pos)) != NULL;)
			size += table_group_memory(g);
	}
	return size;
}

static struct tuple_place *place_create(struct tuple_set *s, const struct table_mask *mask)
{
	size_t words_size = (size_t)__builtin_popcountll(mask->map) * sizeof(mask->words[0]);
	struct tuple_place *p = malloc(sizeof(*p) + words_size);
	struct flow_key m;

	if (p == NULL)
		return NULL;
	table_mask_expand(mask, &m);
	*p = (struct tuple_place){
	    .tuple = tuple_get(s, &m, s->relaxer.first_level), .map = mask->map};
	if (p->tuple == NULL) {
		free(p);
		return NULL;
	}
	memcpy(p->words, mask->words, words_size);
	hmap_add(&s->places, &p->node, mask->node.hash);
	return p;
}

/* The tuple for a mask from that level on, made when it is not there. NULL when out of memory. */
static struct tuple *tuple_get(
    struct tuple_set *s, const struct flow_key *mask, unsigned int first_level)
{
	for (unsigned int level = first_level;; level++) {
		struct {
			struct flow_key mask;
			uint64_t level;
		} id = {.level = level};
		struct tuple *found = NULL;

		relaxer_relax(&s->relaxer, level, mask, &id.mask);
		struct hash_key secret = {{s->seed->k[0], s->seed->k[1]}};
		uint64_t hash = hash_bytes(&secret, &id, sizeof(id));
		hmap_foreach_with_hash (t, &s->map, hash, struct tuple, node)
			if (t->level == level && memcmp(&t->mask, &id.mask, sizeof(id.mask)) == 0)
				found = t;
		if (found == NULL)
			return tuple_create(s, &id.mask, level, hash);
		if (found->hash != NULL)
			return found;
	}
}

static struct tuple *tuple_create(
    struct tuple_set *s, const struct flow_key *mask, unsigned int level, uint64_t hash)
{
	struct tuple *t = malloc(sizeof(*t));
	size_t words_ofs = level == RELAX_EXACT ? offsetof(struct rule, words)
						: offsetof(struct table_group, words);

	if (t == NULL)
		return NULL;
	*t = (struct tuple){
	    .mask = *mask, .level = level, .bound = TUPLE_NO_BOUND, .listed = TUPLE_NO_BOUND};
	t->hash = table_hash_create(s->seed, mask, words_ofs);
	if (t->hash == NULL) {
		free(t);
		return NULL;
	}
	hmap_add(&s->map, &t->node, hash);
	s->n_empty++;
	return t;
}

/* The hash is gone already. */
static void tuple_destroy(struct tuple_set *s, struct tuple *t)
{
	hmap_del(&s->map, &t->node);
	free(t);
}

/* destroy: at_once or rcu_defer. */
static void hash_destroy(struct tuple *t, void (*destroy)(void (*fn)(void *obj), void *obj))
{
	destroy(t->level == RELAX_EXACT ? table_hash_destroy : table_group_hash_destroy, t->hash);
	t->hash = NULL;
}

static void at_once(void (*fn)(void *obj), void *obj)
{
	if (obj != NULL)
		fn(obj);
}

static int tuple_add(
    struct tuple_set *s, struct tuple *t, const struct flow_key *key, struct rule *head)
{
	int rc = t->level == RELAX_EXACT ? table_hash_add(t->hash, key, head)
					 : table_group_add(t->hash, key, head);

	if (rc == 0 && t->n_chains++ == 0)
		s->n_empty--;
	return rc;
}

static bool copy_chain(struct rule *head, void *arg)
{
	struct splitting *sp = arg;
	struct flow_match m;

	rule_match(head, &m);
	struct tuple *part = tuple_get(sp->set, &m.mask, sp->from->level + 1);
	sp->rc = part == NULL ? -ENOMEM : tuple_add(sp->set, part, &m.key, head);
	if (sp->rc == 0)
		part->bound = MAX_OF(part->bound, (int32_t)head->priority);
	return sp->rc == 0;
}

/* The tuple of a mask of t at the next level. NULL when out of memory. */
static struct tuple *part_of_place(
    struct tuple_set *s, const struct tuple *t, const struct tuple_place *p)
{
	struct flow_key mask;

	mask_words_expand(p->map, p->words, &mask);
	return tuple_get(s, &mask, t->level + 1);
}

static bool raise_to(struct rule *head, void *arg)
{
	int32_t *bound = arg;

	*bound = MAX_OF(*bound, (int32_t)head->priority);
	return true;
}
