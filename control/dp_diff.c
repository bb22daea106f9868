/* SPDX-License-Identifier: Apache-2.0 */
#include "control/dp_diff.h"

#include <stdlib.h>
#include <string.h>

#include "control/mem.h"
#include "datapath/base/hash.h"

struct held {
	struct hmap_node node; // by object_hash
	const struct dp_dump_entry *entry;
	bool wanted;
};

struct diff {
	const struct dp_diff_input *in;
	struct dp_diff *ret;
	struct hmap held;
};

static void compare(const struct dp_op *op, uint64_t digest, void *arg);
static struct held *find_held(const struct diff *d, uint32_t kind, uint64_t id);
static void del(struct diff *d, uint32_t kind, uint64_t id);
static void forget_removed(struct diff *d);
static bool is_refused(const struct diff *d, uint32_t kind, uint64_t id);
static const struct dp_removed_event *find_removed(const struct diff *d, uint64_t rule);
static bool is_over(const struct diff *d, const struct dp_op *op, uint64_t digest);
static uint64_t object_hash(uint32_t kind, uint64_t id);
static int compare_removed(const void *a, const void *b);

void dp_diff_make(const struct dp_diff_input *in, struct dp_diff *ret)
{
	struct diff d = {.in = in, .ret = ret};
	struct held *helds = mem_alloc_array(in->n_held + 1, sizeof(*helds));

	*ret = (struct dp_diff){0};
	buf_writer_init(&ret->txn, DP_BODY_MAX);
	buf_writer_init(&ret->expired, DP_BODY_MAX);
	buf_put_zeros(&ret->txn, sizeof(struct dp_txn));
	hmap_init(&d.held);
	for (size_t i = 0; i < in->n_held; i++) {
		helds[i].entry = &in->held[i];
		hmap_add(&d.held, &helds[i].node, object_hash(in->held[i].kind, in->held[i].id));
	}
	model_foreach(in->model, compare, &d);
	for (size_t i = 0; i < in->n_held; i++) {
		const struct dp_dump_entry *e = helds[i].entry;
		if (helds[i].wanted)
			continue;
		if (is_refused(&d, e->kind, e->id))
			ret->digest ^= e->digest;
		else
			del(&d, e->kind, e->id);
	}
	forget_removed(&d);
	hmap_fini(&d.held);
	free(helds);
	if (!ret->txn.bad)
		((struct dp_txn *)(void *)ret->txn.data)->n_ops = ret->n_ops;
}

void dp_diff_fini(struct dp_diff *d)
{
	buf_writer_fini(&d->txn);
	buf_writer_fini(&d->expired);
}

const struct dp_op *dp_diff_op(const struct dp_diff *d, uint32_t index)
{
	const uint8_t *p = d->txn.data + sizeof(struct dp_txn);

	if (index >= d->n_ops)
		return NULL;
	for (uint32_t i = 0; i < index; i++)
		p += ((const struct dp_op *)(const void *)p)->size;
	return (const struct dp_op *)(const void *)p;
}

void dp_removed_sort(struct dp_removed_event *events, size_t n)
{
	if (n > 0)
		qsort(events, n, sizeof(*events), compare_removed);
}

static void compare(const struct dp_op *op, uint64_t digest, void *arg)
{
	struct diff *d = arg;
	struct held *h = find_held(d, op->kind, op->id);

	if (h != NULL)
		h->wanted = true;
	if (h != NULL && (h->entry->digest == digest || is_refused(d, op->kind, op->id))) {
		d->ret->digest ^= h->entry->digest;
		return;
	}
	if (is_refused(d, op->kind, op->id))
		return;
	if (op->kind == DP_KIND_RULE && h == NULL && is_over(d, op, digest))
		return;
	d->ret->digest ^= digest;
	buf_put(&d->ret->txn, op, op->size);
	d->ret->n_ops++;
}

static struct held *find_held(const struct diff *d, uint32_t kind, uint64_t id)
{
	hmap_foreach_with_hash (h, &d->held, object_hash(kind, id), struct held, node) {
		if (h->entry->kind == kind && h->entry->id == id)
			return h;
	}
	return NULL;
}

static void del(struct diff *d, uint32_t kind, uint64_t id)
{
	const struct dp_op op = {
	    .verb = DP_DEL, .kind = (uint16_t)kind, .size = sizeof(op), .id = id};

	buf_put(&d->ret->txn, &op, sizeof(op));
	d->ret->n_ops++;
}

/* What the model has let go of already: the switch may forget that it timed out. */
static void forget_removed(struct diff *d)
{
	for (size_t i = 0; i < d->in->n_removed; i++) {
		if (model_find(d->in->model, DP_KIND_RULE, d->in->removed[i].rule) == NULL)
			del(d, DP_KIND_RULE, d->in->removed[i].rule);
	}
}

static bool is_refused(const struct diff *d, uint32_t kind, uint64_t id)
{
	for (size_t i = 0; i < d->in->n_refusals; i++) {
		if (d->in->refusals[i].kind == kind && d->in->refusals[i].id == id)
			return true;
	}
	return false;
}

static const struct dp_removed_event *find_removed(const struct diff *d, uint64_t rule)
{
	const struct dp_removed_event key = {.rule = rule};

	if (d->in->n_removed == 0)
		return NULL;
	return bsearch(&key, d->in->removed, d->in->n_removed, sizeof(key), compare_removed);
}

/*
 * Whether a rule that the switch does not hold had its time: the switch says so of this very rule (not of one that was there
 * before), or the clock does.
 */
static bool is_over(const struct diff *d, const struct dp_op *op, uint64_t digest)
{
	const struct dp_rule_conf *conf = (const struct dp_rule_conf *)(const void *)(op + 1);
	const struct dp_removed_event *removed = find_removed(d, op->id);
	struct dp_removed_event ev = {.rule = op->id, .digest = digest, .reason = DP_REMOVED_HARD};

	if (removed != NULL && removed->digest == digest) {
		buf_put(&d->ret->expired, removed, sizeof(*removed));
		return true;
	}
	if (conf->hard_timeout_s == 0 || conf->installed_ms == 0 ||
	    d->in->now_wall_ms < conf->installed_ms + conf->hard_timeout_s * 1000ULL)
		return false;
	buf_put(&d->ret->expired, &ev, sizeof(ev));
	return true;
}

static uint64_t object_hash(uint32_t kind, uint64_t id)
{
	const uint64_t words[2] = {kind, id};
	return hash_stable(words, sizeof(words));
}

static int compare_removed(const void *a, const void *b)
{
	const struct dp_removed_event *x = a, *y = b;

	return x->rule < y->rule ? -1 : x->rule > y->rule;
}
