/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rules and groups were before a bundle, so that one that fails leaves nothing behind. Only what was changed is noted, as it was; going back
 * through the notes, last first, restores it. Nothing of the bundle has been sent to the switch by then.
 */
#include <stdlib.h>
#include <string.h>

#include "control/openflow/of_priv.h"

/* A place (table, priority and match, or a group's id) and what was there. */
struct note {
	struct list node;
	enum dp_kind kind;
	struct of_bridge *bridge;
	bool was_there;
	uint64_t created_ms, modified_ms;
	struct dp_op *op; // a copy; of a place that was empty: of what names it, without an id
};

static struct dp_op *copy_op(const struct dp_op *op);
static void undo_flow(const struct note *n);
static void undo_group(const struct note *n);
static void free_all(struct of_switch *s);

void of_undo_begin(struct of_switch *s)
{
	of_switch_flush(s);
	s->is_noting = true;
}

void of_undo_end(struct of_switch *s)
{
	s->is_noting = false;
	free_all(s);
}

void of_undo_roll_back(struct of_switch *s)
{
	s->is_noting = false;
	while (!list_is_empty(&s->notes)) {
		struct note *n = list_entry(s->notes.prev, struct note, node);
		if (n->kind == DP_KIND_RULE)
			undo_flow(n);
		else
			undo_group(n);
		list_del(&n->node);
		free(n->op);
		free(n);
	}
	of_removed_fini(s);
	s->ops.size = 0;
	s->n_ops = 0;
}

void of_undo_note_flow(struct of_bridge *b, const struct of_flow *f, const struct dp_op *place)
{
	if (!b->sw->is_noting)
		return;
	struct note *n = mem_alloc(sizeof(*n));
	*n = (struct note){.kind = DP_KIND_RULE, .bridge = b, .was_there = f != NULL};
	if (f != NULL) {
		n->created_ms = f->created_ms;
		n->modified_ms = f->modified_ms;
	}
	n->op = copy_op(f != NULL ? f->op : place);
	list_add(&b->sw->notes, &n->node);
}

void of_undo_note_group(struct of_bridge *b, const struct of_group *g, const struct dp_op *place)
{
	if (!b->sw->is_noting)
		return;
	struct note *n = mem_alloc(sizeof(*n));
	*n = (struct note){.kind = DP_KIND_GROUP, .bridge = b, .was_there = g != NULL};
	if (g != NULL)
		n->created_ms = g->created_ms;
	n->op = copy_op(g != NULL ? g->op : place);
	list_add(&b->sw->notes, &n->node);
}

static struct dp_op *copy_op(const struct dp_op *op)
{
	struct dp_op *copy = mem_alloc(op->size);

	memcpy(copy, op, op->size);
	return copy;
}

static void undo_flow(const struct note *n)
{
	const struct dp_rule_conf *conf = (const struct dp_rule_conf *)(const void *)(n->op + 1);
	struct of_flow *now = of_flow_find(
	    n->bridge, conf->table, conf->priority, (const uint8_t *)(conf + 1), conf->match_size);

	if (now != NULL)
		of_flow_del(n->bridge, now);
	if (!n->was_there || of_flow_restore(n->bridge, n->op) != 0)
		return;
	now = of_flow_by_id(n->bridge, n->op->id);
	now->created_ms = n->created_ms;
	now->modified_ms = n->modified_ms;
}

static void undo_group(const struct note *n)
{
	const struct dp_group_conf *conf = (const struct dp_group_conf *)(const void *)(n->op + 1);

	of_group_forget(n->bridge, conf->group_id);
	if (n->was_there && of_group_restore(n->bridge, n->op) == 0)
		of_group_find(n->bridge, conf->group_id)->created_ms = n->created_ms;
}

static void free_all(struct of_switch *s)
{
	list_foreach_safe (n, &s->notes, struct note, node) {
		list_del(&n->node);
		free(n->op);
		free(n);
	}
}
