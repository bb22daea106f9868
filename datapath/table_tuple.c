/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "tuple": a hash per mask (a tuple), searched by falling priority until no tuple left can beat the rule in hand.
 *
 * Workers read a list of {hash, bound}: bounds rise, and the search runs from the end. A tuple that is new, or whose
 * bound has risen, is appended UNRANKED, so it is searched first whatever its place; settle() sorts at the end of the
 * transaction. A tuple may then be in the list twice: the worse place does no harm. Bounds are upper bounds over the
 * linked rules, so they may be too high for a while (more work), never too low (a wrong winner).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/table_ops.h"

enum {
	UNRANKED = UINT16_MAX + 1, // above every priority
	NO_BOUND = -1,             // below every priority
	MIN_CAPACITY = 4,
	RESCAN_SHARE = 16, // a bound is recomputed when 1/16 of the tuple's rules went since
	EMPTY_SHARE = 2,   // empty tuples are swept by del when they are half of all
};

struct tuple {
	struct hmap_node node; // hash of the table_mask
	struct table_hash *hash;
	int32_t bound;  // no rule has a higher priority
	int32_t listed; // its highest bound in the current list, or NO_BOUND
	size_t n_gone;  // rules of priority bound unlinked since the bound was computed
};

struct tuple_ref {
	const struct table_hash *hash;
	int32_t bound;
};

struct tuple_list {
	uint32_t n; // ctl: wo, worker: ro. Stored after the reference it counts
	uint32_t capacity;
	struct tuple_ref refs[];
};

struct tuples {
	struct table_body body;
	RCU_PTR(struct tuple_list) list;
	const struct table_seed *seed;
	struct hmap map;
	size_t n_empty;
	bool unsettled; // the list is not what settle() would make
};

static struct tuples *tuples_of(struct table_body *b);
static const struct tuples *tuples_of_const(const struct table_body *b);
static int tuples_settle(struct table_body *b);
static struct tuple *tuple_find(const struct tuples *ts, const struct table_mask *mask);
static struct tuple *tuple_create(struct tuples *ts, const struct table_mask *mask);
static int list_append(struct tuples *ts, struct tuple *t);
static struct tuple_list *list_create(size_t capacity);
static void lower_bound(struct tuple *t);
static int by_bound(const void *a, const void *b);
static void sweep(struct tuples *ts);

static bool tuple_fits(const struct hmap *)
{
	return true;
}

static struct table_body *tuples_create(const struct hmap *masks, const struct table_seed *seed)
{
	struct tuples *ts = malloc(sizeof(*ts));
	struct tuple_list *list = list_create(masks->n);

	if (ts == NULL || list == NULL) {
		free(ts);
		free(list);
		return NULL;
	}
	*ts = (struct tuples){.body.ops = &table_tuple_ops, .list = list, .seed = seed};
	hmap_init(&ts->map);
	return &ts->body;
}

static void tuples_destroy(void *body)
{
	struct tuples *ts = tuples_of(body);

	hmap_foreach_safe (t, &ts->map, struct tuple, node) {
		hmap_del(&ts->map, &t->node);
		table_hash_destroy(t->hash);
		free(t);
	}
	hmap_fini(&ts->map);
	free(ts->list);
	free(ts);
}

static const struct rule *tuples_lookup(
    const struct table_body *b, const struct flow_key *k, uint64_t version)
{
	const struct tuple_list *list = rcu_get(tuples_of_const(b)->list);
	const struct rule *best = NULL;

	// Pairs with list_append.
	for (uint32_t i = __atomic_load_n(&list->n, __ATOMIC_ACQUIRE); i-- > 0;) {
		const struct tuple_ref *ref = &list->refs[i];
		if (best != NULL && best->priority > ref->bound)
			break; // equal may still win by id
		const struct rule *r = table_hash_lookup(ref->hash, k);
		best = table_winner(best, table_chain_visible(r, version));
	}
	return best;
}

static int tuples_prepare(struct table_body *b, const struct table_mask *mask, uint16_t priority)
{
	struct tuples *ts = tuples_of(b);
	struct tuple *t = tuple_find(ts, mask);

	if (t == NULL)
		t = tuple_create(ts, mask);
	if (t == NULL)
		return -ENOMEM;
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

static void tuples_forget(struct table_body *b, const struct table_mask *mask, uint16_t priority)
{
	struct tuples *ts = tuples_of(b);
	struct tuple *t = tuple_find(ts, mask);

	if (priority != t->bound)
		return;
	t->n_gone++;
	ts->unsettled = true;
}

static struct rule **tuples_find(
    struct table_body *b, const struct table_mask *mask, const struct flow_key *key)
{
	return (struct rule **)table_hash_find(tuple_find(tuples_of(b), mask)->hash, key);
}

static int tuples_add(struct table_body *b, const struct table_mask *mask,
    const struct flow_key *key, struct rule *head)
{
	struct tuples *ts = tuples_of(b);
	struct table_hash *h = tuple_find(ts, mask)->hash;
	int rc = table_hash_add(h, key, head);

	if (rc == 0 && h->n == 1)
		ts->n_empty--;
	return rc;
}

static void tuples_del(
    struct table_body *b, const struct table_mask *mask, const struct flow_key *key)
{
	struct tuples *ts = tuples_of(b);
	struct tuple *t = tuple_find(ts, mask);

	table_hash_del(t->hash, table_hash_find(t->hash, key));
	if (t->hash->n > 0)
		return;
	t->bound = NO_BOUND;
	t->n_gone = 0;
	ts->n_empty++;
	ts->unsettled = true;
	// Without memory the empty tuples wait for the next settle.
	if (ts->n_empty > ts->map.n / EMPTY_SHARE)
		(void)!tuples_settle(b);
}

static int tuples_settle(struct table_body *b)
{
	struct tuples *ts = tuples_of(b);

	if (!ts->unsettled)
		return 0;
	struct tuple_list *old = ts->list;
	struct tuple_list *list = list_create(ts->map.n - ts->n_empty);
	if (list == NULL)
		return -ENOMEM;
	hmap_foreach (t, &ts->map, struct tuple, node) {
		if (t->hash->n == 0)
			continue;
		lower_bound(t);
		t->listed = t->bound;
		list->refs[list->n++] = (struct tuple_ref){.hash = t->hash, .bound = t->bound};
	}
	qsort(list->refs, list->n, sizeof(list->refs[0]), by_bound);
	rcu_publish(ts->list, list);
	rcu_defer(free, old);
	sweep(ts);
	ts->unsettled = false;
	return 0;
}

static void tuples_foreach(
    const struct table_body *b, bool (*cb)(struct rule *head, void *arg), void *arg)
{
	struct rule *head;

	hmap_foreach (t, &tuples_of_const(b)->map, struct tuple, node) {
		for (size_t pos = 0; (head = table_hash_next(t->hash, &pos)) != NULL;)
			if (!cb(head, arg))
				return;
	}
}

static size_t tuples_memory(const struct table_body *b)
{
	const struct tuples *ts = tuples_of_const(b);
	size_t size =
	    sizeof(*ts) + sizeof(*ts->list) + ts->list->capacity * sizeof(ts->list->refs[0]);

	hmap_foreach (t, &ts->map, struct tuple, node)
		size += sizeof(*t) + sizeof(void *) + table_hash_memory(t->hash);
	return size;
}

static struct tuples *tuples_of(struct table_body *b)
{
	return CONTAINER_OF(b, struct tuples, body);
}

static const struct tuples *tuples_of_const(const struct table_body *b)
{
	return CONTAINER_OF(b, const struct tuples, body);
}

static struct tuple *tuple_find(const struct tuples *ts, const struct table_mask *mask)
{
	hmap_foreach_with_hash (t, &ts->map, mask->node.hash, struct tuple, node)
		if (table_mask_equal(mask, t->hash->map, t->hash->masks))
			return t;
	return NULL;
}

static struct tuple *tuple_create(struct tuples *ts, const struct table_mask *mask)
{
	struct tuple *t = calloc(1, sizeof(*t));
	struct flow_key m;

	if (t == NULL)
		return NULL;
	table_mask_expand(mask, &m);
	t->hash = table_hash_create(ts->seed, &m, offsetof(struct rule, words));
	if (t->hash == NULL) {
		free(t);
		return NULL;
	}
	hmap_add(&ts->map, &t->node, mask->node.hash);
	t->bound = t->listed = NO_BOUND;
	ts->n_empty++;
	ts->unsettled = true;
	return t;
}

static int list_append(struct tuples *ts, struct tuple *t)
{
	struct tuple_list *list = ts->list;

	if (list->n == list->capacity) {
		struct tuple_list *old = list;
		list = list_create((size_t)old->capacity * 2);
		if (list == NULL)
			return -ENOMEM;
		memcpy(list->refs, old->refs, old->n * sizeof(old->refs[0]));
		list->n = old->n;
		rcu_publish(ts->list, list);
		rcu_defer(free, old);
	}
	list->refs[list->n] = (struct tuple_ref){.hash = t->hash, .bound = UNRANKED};
	__atomic_store_n(&list->n, list->n + 1, __ATOMIC_RELEASE); // pairs with tuples_lookup
	t->listed = UNRANKED;
	ts->unsettled = true;
	return 0;
}

static struct tuple_list *list_create(size_t capacity)
{
	capacity = MAX_OF(capacity, (size_t)MIN_CAPACITY);
	struct tuple_list *list = malloc(sizeof(*list) + capacity * sizeof(list->refs[0]));

	if (list != NULL)
		*list = (struct tuple_list){.capacity = (uint32_t)capacity};
	return list;
}

/* Makes the bound tight again when enough rules went to pay for the scan. */
static void lower_bound(struct tuple *t)
{
	const struct rule *head;

	if (t->n_gone == 0 || t->n_gone * RESCAN_SHARE < t->hash->n)
		return;
	t->bound = 0;
	for (size_t pos = 0; (head = table_hash_next(t->hash, &pos)) != NULL;)
		t->bound = MAX_OF(t->bound, (int32_t)head->priority);
	t->n_gone = 0;
}

static int by_bound(const void *a, const void *b)
{
	int32_t ab = ((const struct tuple_ref *)a)->bound,
		bb = ((const struct tuple_ref *)b)->bound;

	return (ab > bb) - (ab < bb);
}

/* Frees the empty tuples; the list that is published has none of them. */
static void sweep(struct tuples *ts)
{
	hmap_foreach_safe (t, &ts->map, struct tuple, node) {
		if (t->hash->n > 0)
			continue;
		hmap_del(&ts->map, &t->node);
		rcu_defer(table_hash_destroy, t->hash);
		free(t);
	}
	ts->n_empty = 0;
}

const struct table_ops table_tuple_ops = {
    .name = "tuple",
    .fits = tuple_fits,
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
