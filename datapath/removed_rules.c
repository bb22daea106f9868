/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/removed_rules.h"

#include <stdlib.h>

#include "datapath/base/hash.h"
#include "datapath/base/hmap.h"

struct removed_rule {
	struct hmap_node node; // by id
	struct dp_removed_event ev;
};

struct removed_rules {
	struct hmap by_id;
	uint64_t n_lost;
};

static uint64_t id_hash(uint64_t rule);
static struct removed_rule *find(const struct removed_rules *r, uint64_t rule);

struct removed_rules *removed_rules_create(void)
{
	struct removed_rules *r = calloc(1, sizeof(*r));
	if (r != NULL)
		hmap_init(&r->by_id);
	return r;
}

void removed_rules_destroy(struct removed_rules *r)
{
	if (r == NULL)
		return;
	hmap_foreach_safe (one, &r->by_id, struct removed_rule, node)
		free(one);
	hmap_fini(&r->by_id);
	free(r);
}

void removed_rules_add(struct removed_rules *r, const struct dp_removed_event *ev)
{
	struct removed_rule *one = find(r, ev->rule);
	if (one == NULL && r->by_id.n < REMOVED_RULES_MAX) {
		one = malloc(sizeof(*one));
		if (one != NULL)
			hmap_add(&r->by_id, &one->node, id_hash(ev->rule));
	}
	if (one != NULL)
		one->ev = *ev;
	else
		r->n_lost++;
}

void removed_rules_del(struct removed_rules *r, uint64_t rule)
{
	struct removed_rule *one = find(r, rule);
	if (one == NULL)
		return;
	hmap_del(&r->by_id, &one->node);
	free(one);
}

size_t removed_rules_count(const struct removed_rules *r)
{
	return r->by_id.n;
}

uint64_t removed_rules_n_lost(const struct removed_rules *r)
{
	return r->n_lost;
}

void removed_rules_encode(const struct removed_rules *r, struct buf_writer *w)
{
	hmap_foreach (one, &r->by_id, struct removed_rule, node)
		buf_put(w, &one->ev, sizeof(one->ev));
}

/* Ids are hashes already, or small numbers; nobody but control chooses them. */
static uint64_t id_hash(uint64_t rule)
{
	return hash_stable(&rule, sizeof(rule));
}

static struct removed_rule *find(const struct removed_rules *r, uint64_t rule)
{
	hmap_foreach_with_hash (one, &r->by_id, id_hash(rule), struct removed_rule, node) {
		if (one->ev.rule == rule)
			return one;
	}
	return NULL;
}
