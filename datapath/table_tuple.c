/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "tuple": a hash per mask (a tuple), searched by falling priority until no tuple left can beat the rule in hand. Where
 * there are many masks, those that are alike when relaxed (table_relax.h) share a tuple, whose hash then holds groups of
 * chains (table_group.h) rather than chains: the number of probes hardly grows with the number of masks. A tuple in which
 * a group becomes full is split: its masks move to tuples of the next finer level. At the finest nothing is relaxed.
 *
 * Workers read a list of {hash, bound}, with all masks in one layout (table_probe.h): bounds rise, and the search runs from the end. A tuple that is new, or whose
 * bound has risen, is appended UNRANKED, so it is searched first whatever its place; settle() sorts at the end of the
 * transaction. A tuple may then be in the list twice: the worse place does no harm. Bounds are upper bounds over the
 * linked rules, so they may be too high for a while (more work), never too low (a wrong winner).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/table_group.h"
#include "datapath/table_probe.h"
#include "datapath/tuple_set.h"

enum {
	UNRANKED = UINT16_MAX + 1, // above every priority
	MIN_CAPACITY = 4,
	EMPTY_SHARE = 2, // empty tuples are swept by del when they are half of all
};

struct tuple_ref {
	const struct table_hash *hash;
	uint64_t constant; // of the hash in the list's layout
	int32_t bound;
	bool has_groups;
};

struct tuple_list {
	uint32_t n; // ctl: wo, worker: ro. Stored after the reference it counts
	uint32_t capacity;
	struct probe_layout layout;
	uint64_t *masks; // of the references, packed; behind them
	struct tuple_ref refs[];
};

struct tuples {
	struct table_body body;
	RCU_PTR(struct tuple_list) list;
	RCU_PTR(struct rule) any; // chain of the rules that match any packet
	struct tuple_set set;
	bool unsettled; // the list is not what settle() would make
};

/* Of one look-up. */
struct search {
	const struct tuple_list *list;
	const struct flow_key *key;
	uint64_t version;
};

PROBE_INLINE const struct rule *search_tuples(
    const struct search *s, unsigned int n_vectors, const struct rule *best);
static struct tuples *tuples_of(struct table_body *b);
static const struct tuples *tuples_of_const(const struct table_body *b);
static int tuples_settle(struct table_body *b);
static int raise_bound(struct tuples *ts, struct tuple *t, uint16_t priority);
static int split(struct tuples *ts, struct tuple *t);
static void list_replace(struct tuples *ts, const struct tuple *t, struct tuple_list *list);
static int list_append(struct tuples *ts, struct tuple *t);
static struct tuple_list *list_create(const struct tuple_set *set, size_t capacity);
static void list_pack(struct tuple_list *list, uint32_t from, uint32_t to);
static size_t list_size(size_t capacity, const struct probe_layout *l);
static uint64_t words_of_all(const struct tuple_set *set);
static struct tuple_ref ref_of(const struct tuple *t, int32_t bound);
static int by_bound(const void *a, const void *b);

static bool tuple_fits(const struct hmap *)
{
	return true;
}

static struct table_body *tuples_create(const struct hmap *masks, const struct table_seed *seed)
{
	struct tuples *ts = malloc(sizeof(*ts));

	if (ts == NULL)
		return NULL;
	*ts = (struct tuples){.body.ops = &table_tuple_ops};
	tuple_set_init(&ts->set, masks, seed);
	ts->list = list_create(&ts->set, masks->n);
	if (ts->list != NULL)
		return &ts->body;
	tuple_set_fini(&ts->set);
	free(ts);
	return NULL;
}

static void tuples_destroy(void *body)
{
	struct tuples *ts = tuples_of(body);

	tuple_set_fini(&ts->set);
	free(ts->list);
	free(ts);
}

static const struct rule *tuples_lookup(
    const struct table_body *b, const struct flow_key *k, uint64_t version)
{
	const struct tuples *ts = tuples_of_const(b);
	struct search s = {.list = rcu_get(ts->list), .key = k, .version = version};
	const struct rule *any = table_chain_visible(rcu_get(ts->any), version);

	// Most tables look at a few words only.
	switch (s.list->layout.n_vectors) {
	case 1: return search_tuples(&s, 1, any);
	case 2: return search_tuples(&s, 2, any);
	default: return search_tuples(&s, s.list->layout.n_vectors, any);
	}
}

/* The winner among best and what the tuples have. */
PROBE_INLINE const struct rule *search_tuples(
    const struct search *s, unsigned int n_vectors, const struct rule *best)
{
	const struct tuple_list *list = s->list;
	__m256i key[PROBE_MAX_VECTORS];

#pragma GCC unroll 2
	for (unsigned int i = 0; i < n_vectors; i++)
		key[i] = probe_pack_key(&list->layout, i, s->key);
	// Pairs with list_append.
	for (uint32_t i = __atomic_load_n(&list->n, __ATOMIC_ACQUIRE); i-- > 0;) {
		const struct tuple_ref *ref = &list->refs[i];
		if (best != NULL && best->priority > ref->bound)
			break; // equal may still win by id
		const uint64_t *mask = list->masks + (size_t)i * n_vectors * PROBE_LANES;
		uint64_t hash = probe_hash(&list->layout, n_vectors, key, mask, ref->constant);
		void **slot = probe_find(ref->hash, hash, s->key);
		const void *found = slot != NULL ? rcu_get(*slot) : NULL;
		if (found == NULL)
			continue;
		best = ref->has_groups ? table_group_lookup(found, s->key, s->version, best)
				       : table_winner(best, table_chain_visible(found, s->version));
	}
	return best;
}

static bool tuples_is_outgrown(const struct table_body *b, const struct hmap *masks)
{
	return relaxer_is_outgrown(&tuples_of_const(b)->set.relaxer, masks);
}

static int tuples_prepare(struct table_body *b, const struct table_mask *mask, uint16_t priority)
{
	struct tuples *ts = tuples_of(b);

	if (mask->map == 0)
		return 0;
	struct tuple_place *p = tuple_place_get(&ts->set, mask);
	return p != NULL ? raise_bound(ts, p->tuple, priority) : -ENOMEM;
}

static void tuples_forget(struct table_body *b, const struct table_mask *mask, uint16_t priority)
{
	struct tuples *ts = tuples_of(b);

	if (mask->map == 0)
		return;
	struct tuple *t = tuple_place_find(&ts->set, mask)->tuple;
	if (priority != t->bound)
		return;
	t->n_gone++;
	ts->unsettled = true;
}

static struct rule **tuples_find(
    struct table_body *b, const struct table_mask *mask, const struct flow_key *key)
{
	struct tuples *ts = tuples_of(b);

	if (mask->map == 0)
		return ts->any != NULL ? &ts->any : NULL;
	const struct tuple *t = tuple_place_find(&ts->set, mask)->tuple;
	void **slot = table_hash_find(t->hash, key);

	if (t->level == RELAX_EXACT || slot == NULL)
		return (struct rule **)slot;
	return table_group_find(*slot, mask, key);
}

static int tuples_add(struct table_body *b, const struct table_mask *mask,
    const struct flow_key *key, struct rule *head)
{
	struct tuples *ts = tuples_of(b);
	int rc;

	if (mask->map == 0) {
		rcu_publish(ts->any, head);
		return 0;
	}
	struct tuple_place *p = tuple_place_find(&ts->set, mask);
	while ((rc = tuple_place_add(&ts->set, p, key, head)) == -E2BIG) {
		rc = split(ts, p->tuple);
		if (rc == 0) // the tuple is another: it was not prepared
			rc = raise_bound(ts, p->tuple, head->priority);
		if (rc != 0)
			return rc;
	}
	return rc;
}

static void tuples_del(
    struct table_body *b, const struct table_mask *mask, const struct flow_key *key)
{
	struct tuples *ts = tuples_of(b);

	if (mask->map == 0) {
		rcu_publish(ts->any, NULL);
		return;
	}
	struct tuple_place *p = tuple_place_find(&ts->set, mask);
	tuple_place_del(&ts->set, p, mask, key);
	if (p->n_chains > 0)
		return;
	ts->unsettled = true;
	// Without memory the empty tuples wait for the next settle.
	if (ts->set.n_empty > ts->set.map.n / EMPTY_SHARE)
		(void)!tuples_settle(b);
}

static int tuples_settle(struct table_body *b)
{
	struct tuples *ts = tuples_of(b);

	if (!ts->unsettled)
		return 0;
	struct tuple_list *old = ts->list;
	struct tuple_list *list = list_create(&ts->set, ts->set.map.n);
	if (list == NULL)
		return -ENOMEM;
	hmap_foreach (t, &ts->set.map, struct tuple, node) {
		if (t->n_chains == 0)
			continue;
		tuple_lower_bound(t);
		t->listed = t->bound;
		list->refs[list->n++] = ref_of(t, t->bound);
	}
	qsort(list->refs, list->n, sizeof(list->refs[0]), by_bound);
	list_pack(list, 0, list->n);
	rcu_publish(ts->list, list);
	rcu_defer(free, old);
	tuple_set_sweep(&ts->set);
	ts->unsettled = false;
	return 0;
}

static void tuples_foreach(
    const struct table_body *b, bool (*cb)(struct rule *head, void *arg), void *arg)
{
	const struct tuples *ts = tuples_of_const(b);

	if (ts->any != NULL && !cb(ts->any, arg))
		return;
	hmap_foreach (t, &ts->set.map, struct tuple, node)
		if (!tuple_foreach(t, cb, arg))
			return;
}

static size_t tuples_memory(const struct table_body *b)
{
	const struct tuples *ts = tuples_of_const(b);

	return sizeof(*ts) + list_size(ts->list->capacity, &ts->list->layout) +
	       tuple_set_memory(&ts->set);
}

static struct tuples *tuples_of(struct table_body *b)
{
	return CONTAINER_OF(b, struct tuples, body);
}

static const struct tuples *tuples_of_const(const struct table_body *b)
{
	return CONTAINER_OF(b, const struct tuples, body);
}

/* A rule of that priority may come: it must not be missed. 0 or -ENOMEM. */
static int raise_bound(struct tuples *ts, struct tuple *t, uint16_t priority)
{
	if (priority > t->listed) {
		int rc = list_append(ts, t);
		if (rc != 0)
			return rc;
	}
	if (priority > t->bound) {
		t->bound = priority;
		t->n_gone = 0;
		ts->unsettled = true;
	}
	return 0;
}

/*
 * Moves the chains of t to tuples of the next level: complete before any worker finds them, and then in one step of the
 * list. Workers that still have the old list find them in t. 0 or -ENOMEM; then nothing changed.
 */
static int split(struct tuples *ts, struct tuple *t)
{
	int rc = tuple_split_begin(&ts->set, t);

	if (rc != 0)
		return rc;
	struct tuple_list *list = list_create(&ts->set, ts->list->n + ts->set.map.n);
	if (list == NULL) {
		tuple_split_undo(&ts->set, t);
		return -ENOMEM;
	}
	list_replace(ts, t, list);
	tuple_split_end(&ts->set, t);
	return 0;
}

/* Publishes the list without t and with its parts. */
static void list_replace(struct tuples *ts, const struct tuple *t, struct tuple_list *list)
{
	struct tuple_list *old = ts->list;

	for (uint32_t i = 0; i < old->n; i++)
		if (old->refs[i].hash != t->hash)
			list->refs[list->n++] = old->refs[i];
	hmap_foreach (part, &ts->set.map, struct tuple, node) {
		if (part->n_chains == 0 || !tuple_is_part(&ts->set, part, t))
			continue;
		list->refs[list->n++] = ref_of(part, UNRANKED);
		part->listed = UNRANKED;
	}
	list_pack(list, 0, list->n);
	rcu_publish(ts->list, list);
	rcu_defer(free, old);
	ts->unsettled = true;
}

static int list_append(struct tuples *ts, struct tuple *t)
{
	struct tuple_list *list = ts->list;

	if (list->n == list->capacity || (t->hash->map & ~list->layout.map) != 0) {
		struct tuple_list *old = list;
		list = list_create(&ts->set, (size_t)old->n * 2);
		if (list == NULL)
			return -ENOMEM;
		memcpy(list->refs, old->refs, old->n * sizeof(old->refs[0]));
		list->n = old->n;
		list_pack(list, 0, list->n);
		rcu_publish(ts->list, list);
		rcu_defer(free, old);
	}
	list->refs[list->n] = ref_of(t, UNRANKED);
	list_pack(list, list->n, list->n + 1);
	__atomic_store_n(&list->n, list->n + 1, __ATOMIC_RELEASE); // pairs with tuples_lookup
	t->listed = UNRANKED;
	ts->unsettled = true;
	return 0;
}

/* Empty. Every tuple of the set has its words in the layout. */
static struct tuple_list *list_create(const struct tuple_set *set, size_t capacity)
{
	struct probe_layout l;

	probe_layout_init(&l, words_of_all(set), set->seed);
	capacity = MAX_OF(capacity, (size_t)MIN_CAPACITY);
	struct tuple_list *list = malloc(list_size(capacity, &l));
	if (list == NULL)
		return NULL;
	*list = (struct tuple_list){.capacity = (uint32_t)capacity, .layout = l};
	list->masks = (uint64_t *)(void *)&list->refs[capacity];
	return list;
}

static size_t list_size(size_t capacity, const struct probe_layout *l)
{
	size_t masks_size = (size_t)l->n_vectors * PROBE_LANES * sizeof(uint64_t);

	return sizeof(struct tuple_list) + capacity * (sizeof(struct tuple_ref) + masks_size);
}

/* Packs the masks of the references from … to - 1. */
static void list_pack(struct tuple_list *list, uint32_t from, uint32_t to)
{
	size_t n_words = (size_t)list->layout.n_vectors * PROBE_LANES;

	for (uint32_t i = from; i < to; i++) {
		struct tuple_ref *ref = &list->refs[i];
		ref->constant =
		    probe_pack_mask(&list->layout, ref->hash, list->masks + i * n_words);
	}
}

static uint64_t words_of_all(const struct tuple_set *set)
{
	uint64_t map = 0;

	hmap_foreach (t, &set->map, struct tuple, node)
		map |= t->hash != NULL ? t->hash->map : 0;
	return map;
}

static struct tuple_ref ref_of(const struct tuple *t, int32_t bound)
{
	return (struct tuple_ref){
	    .hash = t->hash, .bound = bound, .has_groups = t->level != RELAX_EXACT};
}

static int by_bound(const void *a, const void *b)
{
	int32_t ab = ((const struct tuple_ref *)a)->bound,
		bb = ((const struct tuple_ref *)b)->bound;

	return (ab > bb) - (ab < bb);
}

const struct table_ops table_tuple_ops = {
    .name = "tuple",
    .fits = tuple_fits,
    .is_outgrown = tuples_is_outgrown,
    .create = tuples_create,
    .destroy = tuples_destroy,
    .lookup = tuples_lookup,
    .prepare = tuples_prepare,
    .forget = tuples_forget,
    .find = tuples_find,
    .add = tuples_add,
    .del = tuples_del,
    .settle = tuples_settle,
    .foreach = tuples_foreach,
    .memory = tuples_memory,
};
