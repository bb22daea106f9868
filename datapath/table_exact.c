/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "exact": all rules share one mask, but for the rules that match any packet. One probe and one comparison.
 */
#include <errno.h>
#include <stdlib.h>

#include "datapath/table_ops.h"

struct exact {
	struct table_body body;
	RCU_PTR(struct table_hash) hash; // NULL until a rule has a mask
	RCU_PTR(struct rule) any;        // chain of the rules that match any packet
	const struct table_seed *seed;
};

static struct exact *exact_of(struct table_body *b);
static const struct exact *exact_of_const(const struct table_body *b);

static bool exact_fits(const struct hmap *masks)
{
	size_t n = 0;

	if (masks->n > 2)
		return false;
	hmap_foreach (m, masks, struct table_mask, node)
		n += m->map != 0;
	return n <= 1;
}

static struct table_body *exact_create(const struct hmap *, const struct table_seed *seed)
{
	struct exact *e = malloc(sizeof(*e));

	if (e == NULL)
		return NULL;
	*e = (struct exact){.body.ops = &table_exact_ops, .seed = seed};
	return &e->body;
}

static void exact_destroy(void *body)
{
	struct exact *e = exact_of(body);

	table_hash_destroy(e->hash);
	free(e);
}

static const struct rule *exact_lookup(
    const struct table_body *b, const struct flow_key *k, uint64_t version)
{
	const struct exact *e = exact_of_const(b);
	const struct table_hash *h = rcu_get(e->hash);
	const struct rule *any = table_chain_visible(rcu_get(e->any), version);

	if (h == NULL)
		return any;
	return table_winner(table_chain_visible(table_hash_lookup(h, k), version), any);
}

/* The hash is made for the first mask and kept when empty: a table is often emptied and filled again. */
static int exact_prepare(struct table_body *b, const struct table_mask *mask, uint16_t)
{
	struct exact *e = exact_of(b);
	struct flow_key m;

	if (mask->map == 0)
		return 0;
	if (e->hash != NULL && table_mask_equal(mask, e->hash->map, e->hash->masks))
		return 0;
	if (e->hash != NULL && e->hash->n > 0)
		return -EOPNOTSUPP;
	table_mask_expand(mask, &m);
	struct table_hash *old = e->hash;
	struct table_hash *h = table_hash_create(e->seed, &m, offsetof(struct rule, words));
	if (h == NULL)
		return -ENOMEM;
	rcu_publish(e->hash, h);
	if (old != NULL)
		rcu_defer(table_hash_destroy, old);
	return 0;
}

static void exact_forget(struct table_body *, const struct table_mask *, uint16_t)
{
	// Nothing here depends on priorities.
}

static struct rule **exact_find(
    struct table_body *b, const struct table_mask *mask, const struct flow_key *key)
{
	struct exact *e = exact_of(b);

	if (mask->map == 0)
		return e->any != NULL ? &e->any : NULL;
	return (struct rule **)table_hash_find(e->hash, key);
}

static int exact_add(struct table_body *b, const struct table_mask *mask,
    const struct flow_key *key, struct rule *head)
{
	struct exact *e = exact_of(b);

	if (mask->map != 0)
		return table_hash_add(e->hash, key, head);
	rcu_publish(e->any, head);
	return 0;
}

static void exact_del(
    struct table_body *b, const struct table_mask *mask, const struct flow_key *key)
{
	struct exact *e = exact_of(b);

	if (mask->map != 0)
		table_hash_del(e->hash, table_hash_find(e->hash, key));
	else
		rcu_publish(e->any, NULL);
}

static int exact_settle(struct table_body *)
{
	return 0;
}

static void exact_foreach(
    const struct table_body *b, bool (*cb)(struct rule *head, void *arg), void *arg)
{
	const struct exact *e = exact_of_const(b);
	struct rule *head;

	if (e->any != NULL && !cb(e->any, arg))
		return;
	if (e->hash == NULL)
		return;
	for (size_t pos = 0; (head = table_hash_next(e->hash, &pos)) != NULL;)
		if (!cb(head, arg))
			return;
}

static size_t exact_memory(const struct table_body *b)
{
	const struct exact *e = exact_of_const(b);

	return sizeof(*e) + (e->hash != NULL ? table_hash_memory(e->hash) : 0);
}

static struct exact *exact_of(struct table_body *b)
{
	return CONTAINER_OF(b, struct exact, body);
}

static const struct exact *exact_of_const(const struct table_body *b)
{
	return CONTAINER_OF(b, const struct exact, body);
}

const struct table_ops table_exact_ops = {
    .name = "exact",
    .fits = exact_fits,
    .create = exact_create,
    .destroy = exact_destroy,
    .lookup = exact_lookup,
    .prepare = exact_prepare,
    .forget = exact_forget,
    .find = exact_find,
    .add = exact_add,
    .del = exact_del,
    .settle = exact_settle,
    .foreach = exact_foreach,
    .memory = exact_memory,
};
