/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a bridge. Their content is in the model's objects alone; here is what finds them, and what the switch need not know. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/openflow/of_priv.h"
#include "datapath/base/clock.h"

static uint64_t flow_hash(const struct of_bridge *b, uint8_t table, uint16_t priority,
    const uint8_t *match, size_t match_size);
static void note_place(struct of_bridge *b, const struct of_flow *flow,
    const struct dp_rule_conf *conf, const uint8_t *match, size_t match_size);
static bool is_whole(const struct dp_rule_conf *conf, size_t size);
static bool is_carried_out(const struct ofp_actions *list);
static const uint8_t *match_bytes(const struct of_flow *f);
static void put_actions(struct buf_writer *w, const struct ofp_actions *actions);

const struct dp_rule_conf *of_flow_conf(const struct of_flow *f)
{
	return (const struct dp_rule_conf *)(const void *)(f->op + 1);
}

void of_flow_match(const struct of_flow *f, struct flow_match *ret)
{
	// It is our own encoding.
	int used = flow_match_decode(match_bytes(f), of_flow_conf(f)->match_size, ret);
	assert(used >= 0);
}

struct ofp_instructions of_flow_instructions(const struct of_flow *f)
{
	const struct dp_rule_conf *conf = of_flow_conf(f);
	const uint8_t *apply = match_bytes(f) + conf->match_size;

	return (struct ofp_instructions){
	    .apply = {apply, conf->apply_size},
	    .write = {apply + conf->apply_size, conf->write_size},
	    .metadata_be = conf->metadata_be,
	    .metadata_mask_be = conf->metadata_mask_be,
	    .goto_table = conf->goto_table,
	    .has_goto = (conf->flags & DP_RULE_F_GOTO) != 0,
	    .has_write_metadata = (conf->flags & DP_RULE_F_WRITE_METADATA) != 0,
	    .clear = (conf->flags & DP_RULE_F_CLEAR) != 0,
	};
}

uint16_t of_flow_flags(const struct of_flow *f)
{
	return (uint16_t)of_flow_conf(f)->opaque;
}

uint16_t of_flow_importance(const struct of_flow *f)
{
	return (uint16_t)(of_flow_conf(f)->opaque >> 16);
}

struct of_flow *of_flow_find(const struct of_bridge *b, uint8_t table, uint16_t priority,
    const uint8_t *match, size_t match_size)
{
	uint64_t hash = flow_hash(b, table, priority, match, match_size);

	hmap_foreach_with_hash (f, &b->flows, hash, struct of_flow, node) {
		const struct dp_rule_conf *conf = of_flow_conf(f);
		if (conf->table == table && conf->priority == priority &&
		    conf->match_size == ROUND_UP(match_size, 8) &&
		    memcmp(match_bytes(f), match, match_size) == 0)
			return f;
	}
	return NULL;
}

struct of_flow *of_flow_by_id(const struct of_bridge *b, uint64_t rule)
{
	const struct dp_op *op = model_find(b->sw->d->model, DP_KIND_RULE, rule);
	if (op == NULL)
		return NULL;
	const struct dp_rule_conf *conf = (const struct dp_rule_conf *)(const void *)(op + 1);
	if (conf->bridge != b->id)
		return NULL;
	return of_flow_find(
	    b, conf->table, conf->priority, (const uint8_t *)(conf + 1), conf->match_size);
}

struct of_flow *of_flow_put(struct of_bridge *b, struct of_flow *flow, struct dp_rule_conf *conf,
    const uint8_t *match, size_t match_size, const struct ofp_instructions *ins, bool is_new)
{
	struct of_switch *s = b->sw;
	struct buf_writer *w = &s->body;
	uint64_t now_ms = clock_ms();
	uint64_t id = flow != NULL && !is_new ? flow->op->id : OPENFLOW_RULE | ++s->last_rule;

	conf->bridge = b->id;
	conf->match_size = (uint32_t)ROUND_UP(match_size, 8);
	conf->apply_size = (uint32_t)ins->apply.size;
	conf->write_size = (uint32_t)ins->write.size;
	w->size = 0;
	buf_put(w, conf, sizeof(*conf));
	buf_put(w, match, match_size);
	buf_put_align(w, 8);
	put_actions(w, &ins->apply);
	put_actions(w, &ins->write);
	note_place(b, flow, conf, match, match_size);
	if (flow == NULL) {
		flow = mem_alloc(sizeof(*flow));
		*flow = (struct of_flow){.created_ms = now_ms};
		hmap_add(&b->flows, &flow->node,
		    flow_hash(b, conf->table, conf->priority, match, conf->match_size));
		b->n_flows[conf->table]++;
	} else if (is_new) {
		model_part_del(s->d->model, b->part, DP_KIND_RULE, flow->op->id, of_switch_ops(s));
		flow->created_ms = now_ms;
	}
	flow->modified_ms = now_ms;
	flow->op = model_part_put(
	    s->d->model, b->part, DP_KIND_RULE, id, w->data, w->size, of_switch_ops(s));
	return flow;
}

static void note_place(struct of_bridge *b, const struct of_flow *flow,
    const struct dp_rule_conf *conf, const uint8_t *match, size_t match_size)
{
	struct {
		struct dp_op op;
		struct dp_rule_conf conf;
		uint8_t match[FLOW_MATCH_MAX_SIZE];
	} place = {.conf = *conf};

	if (!b->sw->is_noting)
		return;
	memcpy(place.match, match, match_size);
	place.op.size = (uint32_t)(offsetof(typeof(place), match) + match_size);
	of_undo_note_flow(b, flow, &place.op);
}

int of_flow_restore(struct of_bridge *b, const struct dp_op *op)
{
	struct of_switch *s = b->sw;
	struct buf_writer none;
	const struct dp_rule_conf *conf = (const struct dp_rule_conf *)(const void *)(op + 1);
	const uint8_t *match = (const uint8_t *)(conf + 1);

	if (op->id & 1ULL << 62) // of_bridge.c's, who puts it again
		return -EINVAL;
	if (op->size < sizeof(*op) + sizeof(*conf) || !is_whole(conf, op->size - sizeof(*op)))
		return -EINVAL;
	if (of_flow_find(b, conf->table, conf->priority, match, conf->match_size) != NULL)
		return -EEXIST;
	struct of_flow *flow = mem_alloc(sizeof(*flow));
	*flow = (struct of_flow){.created_ms = clock_ms(), .modified_ms = clock_ms()};
	buf_writer_init(&none, DP_BODY_MAX);
	flow->op = model_part_put(
	    s->d->model, b->part, DP_KIND_RULE, op->id, conf, op->size - sizeof(*op), &none);
	buf_writer_fini(&none);
	hmap_add(&b->flows, &flow->node,
	    flow_hash(b, conf->table, conf->priority, match, conf->match_size));
	b->n_flows[conf->table]++;
	s->last_rule = MAX_OF(s->last_rule, op->id & ~OPENFLOW_RULE);
	return 0;
}

/* The switch has validated it once; that its parts are where they should be is looked at again. */
static bool is_whole(const struct dp_rule_conf *conf, size_t size)
{
	struct buf b = buf_from(conf + 1, size - sizeof(*conf));
	struct flow_match match;
	const uint8_t *bytes = buf_take(&b, conf->match_size);

	if (bytes == NULL || conf->table >= DP_N_TABLES ||
	    flow_match_decode(bytes, conf->match_size, &match) != (int)conf->match_size)
		return false;
	const uint8_t *apply = buf_take(&b, conf->apply_size),
		      *write = buf_take(&b, conf->write_size);
	return apply != NULL && write != NULL && buf_left(&b) == 0 &&
	       of_actions_are_whole(apply, conf->apply_size) &&
	       of_actions_are_whole(write, conf->write_size);
}

bool of_actions_are_whole(const uint8_t *list, size_t size)
{
	for (size_t ofs = 0; ofs < size;) {
		const struct dp_action *a = (const struct dp_action *)(const void *)(list + ofs);
		if (size - ofs < DP_ACTION_HDR_SIZE || a->len < DP_ACTION_HDR_SIZE ||
		    a->len % 8 != 0 || a->len > size - ofs)
			return false;
		ofs += a->len;
	}
	return true;
}

size_t of_flows_count_unsupported(const struct of_bridge *b)
{
	size_t n = 0;

	hmap_foreach (f, &b->flows, struct of_flow, node) {
		struct ofp_instructions ins = of_flow_instructions(f);
		n += !is_carried_out(&ins.apply) || !is_carried_out(&ins.write);
	}
	return n;
}

static bool is_carried_out(const struct ofp_actions *list)
{
	if (list->size == 0)
		return true;
	action_foreach (a, list->data, list->size)
		if (!dp_action_is_carried_out((enum dp_action_type)a->type))
			return false;
	return true;
}

void of_flow_del(struct of_bridge *b, struct of_flow *flow)
{
	struct of_switch *s = b->sw;

	of_undo_note_flow(b, flow, NULL);
	b->n_flows[of_flow_conf(flow)->table]--;
	hmap_del(&b->flows, &flow->node);
	model_part_del(s->d->model, b->part, DP_KIND_RULE, flow->op->id, of_switch_ops(s));
	free(flow);
}

void of_flows_destroy(struct of_bridge *b)
{
	hmap_foreach_safe (f, &b->flows, struct of_flow, node)
		free(f);
	hmap_fini(&b->flows);
}

bool of_flow_is_meant(const struct of_flow *f, const struct of_flow_filter *filter)
{
	const struct dp_rule_conf *conf = of_flow_conf(f);
	uint64_t cookie_be = htobe64(conf->cookie);

	if (filter->table != 255 && conf->table != filter->table)
		return false;
	if (((cookie_be ^ filter->cookie_be) & filter->cookie_mask_be) != 0)
		return false;
	if (!filter->match_is_empty) {
		struct flow_match match;
		of_flow_match(f, &match);
		if (!flow_match_is_subset(&match, filter->match))
			return false;
	}
	if (filter->out_port == DP_OFPORT_ANY && filter->out_group == OFP_ANY_GROUP)
		return true;
	struct ofp_instructions ins = of_flow_instructions(f);
	if (filter->out_port != DP_OFPORT_ANY &&
	    !ofp_actions_output_to(&ins.apply, filter->out_port) &&
	    !ofp_actions_output_to(&ins.write, filter->out_port))
		return false;
	return filter->out_group == OFP_ANY_GROUP ||
	       ofp_actions_use_group(&ins.apply, filter->out_group) ||
	       ofp_actions_use_group(&ins.write, filter->out_group);
}

static uint64_t flow_hash(const struct of_bridge *b, uint8_t table, uint16_t priority,
    const uint8_t *match, size_t match_size)
{
	const struct {
		uint64_t match, place;
	} words = {hash_bytes(&b->sw->secret, match, match_size), (uint64_t)table << 16 | priority};

	return hash_bytes(&b->sw->secret, &words, sizeof(words));
}

static const uint8_t *match_bytes(const struct of_flow *f)
{
	return (const uint8_t *)(of_flow_conf(f) + 1);
}

static void put_actions(struct buf_writer *w, const struct ofp_actions *actions)
{
	if (actions->size > 0)
		buf_put(w, actions->data, actions->size);
}
