/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "tuple": a hash per mask (a tuple), searched by falling priority until no tuple left can beat the rule in hand. Where
 * there are many masks, those that are alike when relaxed (table_relax.h) share a tuple, whose hash then holds groups of
 * chains (table_group.h) rather than chains: the number of probes hardly grows with the number of masks. A tuple in which
 * a group becomes full is split: its masks move to tuples of the next finer level. At the finest nothing is relaxed.
 *
 * Workers read a list of {hash, bound}: bounds rise, and the search runs from the end. A tuple that is new, or whose
 * bound has risen, is appended UNRANKED, so it is searched first whatever its place; settle() sorts at the end of the
 * transaction. A tuple may then be in the list twice: the worse place does no harm. Bounds are upper bounds over the
 * linked rules, so they may be too high for a while (more work), never too low (a wrong winner).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/table_group.h"
#include "datapath/tuple_set.h"

enum {
	UNRANKED = UINT16_MAX + 1, // above every priority
	MIN_CAPACITY = 4,
	EMPTY_SHARE = 2, // empty tuples are swept by del when they are half of all
};

struct tuple_ref {
	const struct table_hash *hash;
	int32_t bound;
	bool has_groups;
};

struct tuple_list {
	uint32_t n; // ctl: wo, worker: ro. Stored after the reference it counts
	uint32_t capacity;
	struct tuple_ref refs[];
};

struct tuples {
	struct table_body body;
	RCU_PTR(struct tuple_list) list;
	struct tuple_set set;
	bool unsettled; // the list is not what settle() would make
};

static struct tuples *tuples_of(struct table_body *b);
static const struct tuples *tuples_of_const(const struct table_body *b);
static int tuples_settle(struct table_body *b);
static int raise_bound(struct tuples *ts, struct tuple *t, uint16_t priority);
static int split(struct tuples *ts, struct tuple *t);
static void list_replace(struct tuples *ts, const struct tuple *t, struct tuple_list *list);
static int list_append(struct tuples *ts, struct tuple *t);
static struct tuple_list *list_create(size_t capacity);
static struct tuple_ref ref_of(const struct tuple *t, int32_t bound);
static int by_bound(const void *a, const void *b);

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
	*ts = (struct tuples){.body.ops = &table_tuple_ops, .list = list};
	tuple_set_init(&ts->set, masks, seed);
	return &ts->body;
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
	const struct tuple_list *list = rcu_get(tuples_of_const(b)->list);
	const struct rule *best = NULL;

	// Pairs with list_append.
	for (uint32_t i = __atomic_load_n(&list->n, __ATOMIC_ACQUIRE); i-- > 0;) {
		const struct tuple_ref *ref = &list->refs[i];
		if (best != NULL && best->priority > ref->bound)
			break; // equal may still win by id
		const void *found = table_hash_lookup(ref->hash, k);
		if (found == NULL)
			continue;
		best = ref->has_groups ? table_group_lookup(found, k, version, best)
				       : table_winner(best, table_chain_visible(found, version));
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
	struct tuple_place *p = tuple_place_get(&ts->set, mask);

	return p != NULL ? raise_bound(ts, p->tuple, priority) : -ENOMEM;
}

static void tuples_forget(struct table_body *b, const struct table_mask *mask, uint16_t priority)
{
	struct tuples *ts = tuples_of(b);
	struct tuple *t = tuple_place_find(&ts->set, mask)->tuple;

	if (priority != t->bound)
		return;
	t->n_gone++;
	ts->unsettled = true;
}

static struct rule **tuples_find(
    struct table_body *b, const struct table_mask *mask, const struct flow_key *key)
{
	const struct tuple *t = tuple_place_find(&tuples_of(b)->set, mask)->tuple;
	void **slot = table_hash_find(t->hash, key);

	if (t->level == RELAX_EXACT || slot == NULL)
		return (struct rule **)slot;
	return table_group_find(*slot, mask, key);
}

static int tuples_add(struct table_body *b, const struct table_mask *mask,
    const struct flow_key *key, struct rule *head)
{
	struct tuples *ts = tuples_of(b);
	struct tuple_place *p = tuple_place_find(&ts->set, mask);
	int rc;

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
	struct tuple_list *list = list_create(ts->set.map.n);
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
	rcu_publish(ts->list, list);
	rcu_defer(free, old);
	tuple_set_sweep(&ts->set);
	ts->unsettled = false;
	return 0;
}

static void tuples_foreach(
    const struct table_body *b, bool (*cb)(struct rule *head, void *arg), void *arg)
{
	hmap_foreach (t, &tuples_of_const(b)->set.map, struct tuple, node)
		if (!tuple_foreach(t, cb, arg))
			return;
}

static size_t tuples_memory(const struct table_body *b)
{
	const struct tuples *ts = tuples_of_const(b);

	return sizeof(*ts) + sizeof(*ts->list) + ts->list->capacity * sizeof(ts->list->refs[0]) +
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
	struct tuple_list *list = list_create(ts->list->n + ts->set.map.n);
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
	rcu_publish(ts->list, list);
	rcu_defer(free, old);
	ts->unsettled = true;
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
	list->refs[list->n] = ref_of(t, UNRANKED);
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
