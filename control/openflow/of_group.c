/* SPDX-License-Identifier: Apache-2.0 */
/* Groups (OpenFlow 1.3.5 6.5): objects of the model as rules are; here is what finds them, and what the switch need not know. */
#include <errno.h>
#include <openflow/openflow-1.1.h>
#include <openflow/openflow-1.5.h>
#include <openflow/openflow-common.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/openflow/of_priv.h"
#include "control/openflow/ofp_group.h"
#include "datapath/base/clock.h"

enum { MAX_DEPTH = 32 }; // groups in groups, as the switch follows them

enum { SELECTION_DP_HASH = 1 }; // in dp_group_conf.opaque

static enum ofp_err add(struct of_bridge *b, const struct ofp_group_mod *gm);
static enum ofp_err modify(struct of_bridge *b, struct of_group *g, const struct ofp_group_mod *gm);
static enum ofp_err del(struct of_bridge *b, uint32_t id);
static bool is_chained(const struct of_bridge *b, uint32_t id);
static void del_one(struct of_bridge *b, struct of_group *g);
static void del_users(struct of_bridge *b, uint32_t id);
static enum ofp_err insert_buckets(
    struct of_bridge *b, struct of_group *g, const struct ofp_group_mod *gm);
static enum ofp_err remove_buckets(
    struct of_bridge *b, struct of_group *g, const struct ofp_group_mod *gm);
static enum ofp_err check(const struct of_bridge *b, const struct ofp_group_mod *gm);
static enum ofp_err check_bucket(
    const struct of_bridge *b, const struct ofp_group_mod *gm, const struct ofp_bucket *bucket);
static bool reaches(const struct of_bridge *b, const struct ofp_actions *actions, uint32_t target,
    unsigned int depth);
static void put(struct of_bridge *b, struct of_group *g, const struct ofp_group_mod *gm);
static bool is_whole(const struct dp_op *op);

/* Types of the wire and of the switch, both ways: they are each other's inverse. */
static const uint8_t types[] = {[OFPGT11_ALL] = DP_GROUP_ALL,
    [OFPGT11_SELECT] = DP_GROUP_SELECT,
    [OFPGT11_INDIRECT] = DP_GROUP_INDIRECT,
    [OFPGT11_FF] = DP_GROUP_FAST_FAILOVER};

enum ofp_err of_handle_group_mod(struct of_session *s, struct ofp_msg *msg)
{
	struct of_switch *sw = s->bridge->sw;
	struct of_bridge *b = s->bridge;
	struct ofp_group_mod gm;
	enum ofp_err err = ofp_group_mod_decode((enum ofp_version)s->version,
	    msg->raw != OFPRAW_OFPT11_GROUP_MOD, &msg->body, &sw->group_actions, &sw->buckets, &gm);

	if (err != OFP_OK)
		return err;
	struct of_group *g = of_group_find(b, gm.group_id);
	switch (gm.command) {
	case OFPGC15_ADD: return g == NULL ? add(b, &gm) : OFPERR_OFPGMFC_GROUP_EXISTS;
	case OFPGC15_MODIFY: return g != NULL ? modify(b, g, &gm) : OFPERR_OFPGMFC_UNKNOWN_GROUP;
	case OFPGC15_ADD_OR_MOD: return g != NULL ? modify(b, g, &gm) : add(b, &gm);
	case OFPGC15_DELETE: return del(b, gm.group_id);
	case OFPGC15_INSERT_BUCKET:
		return g != NULL ? insert_buckets(b, g, &gm) : OFPERR_OFPGMFC_UNKNOWN_GROUP;
	case OFPGC15_REMOVE_BUCKET:
		return g != NULL ? remove_buckets(b, g, &gm) : OFPERR_OFPGMFC_UNKNOWN_GROUP;
	default: return OFPERR_OFPGMFC_BAD_COMMAND;
	}
}

static enum ofp_err add(struct of_bridge *b, const struct ofp_group_mod *gm)
{
	uint64_t object = (uint64_t)b->id << 32 | gm->group_id;

	if (gm->group_id > OFPG_MAX)
		return OFPERR_OFPGMFC_INVALID_GROUP;
	if (model_find(b->sw->d->model, DP_KIND_GROUP, object) != NULL) // the API's
		return OFPERR_OFPGMFC_GROUP_EXISTS;
	if (b->groups.n >= OF_MAX_GROUPS)
		return OFPERR_OFPGMFC_OUT_OF_GROUPS;
	enum ofp_err err = check(b, gm);
	if (err != OFP_OK)
		return err;
	const struct {
		struct dp_op op;
		struct dp_group_conf conf;
	} place = {{.size = sizeof(place)}, {.group_id = gm->group_id}};
	of_undo_note_group(b, NULL, &place.op);
	struct of_group *g = mem_alloc(sizeof(*g));
	*g = (struct of_group){.created_ms = clock_ms()};
	hmap_add(&b->groups, &g->node, gm->group_id);
	put(b, g, gm);
	return OFP_OK;
}

static enum ofp_err modify(struct of_bridge *b, struct of_group *g, const struct ofp_group_mod *gm)
{
	enum ofp_err err = check(b, gm);

	if (err != OFP_OK)
		return err;
	of_undo_note_group(b, g, NULL);
	put(b, g, gm);
	return OFP_OK;
}

/* One that there is not is no error (6.5). */
static enum ofp_err del(struct of_bridge *b, uint32_t id)
{
	struct of_group *g = of_group_find(b, id);

	if (id != OFPG_ALL && id > OFPG_MAX)
		return OFPERR_OFPGMFC_INVALID_GROUP;
	if (id == OFPG_ALL)
		of_groups_flush(b);
	if (g != NULL && is_chained(b, id))
		return OFPERR_OFPGMFC_CHAINED_GROUP;
	if (g != NULL)
		del_one(b, g);
	return OFP_OK;
}

static bool is_chained(const struct of_bridge *b, uint32_t id)
{
	struct ofp_group_mod group;
	struct buf_writer buckets;
	bool found = false;

	buf_writer_init(&buckets, OF_GROUP_SIZE);
	hmap_foreach (g, &b->groups, struct of_group, node) {
		buckets.size = 0;
		of_group_describe(g, &buckets, &group);
		for (size_t i = 0; i < group.n_buckets && !found; i++)
			found = group.buckets[i].watch_group == id ||
				ofp_actions_use_group(&group.buckets[i].actions, id);
	}
	buf_writer_fini(&buckets);
	return found;
}

/* Rules that lead to it go too. */
static void del_one(struct of_bridge *b, struct of_group *g)
{
	of_undo_note_group(b, g, NULL);
	del_users(b, of_group_conf(g)->group_id);
	of_group_forget(b, of_group_conf(g)->group_id);
}

void of_group_forget(struct of_bridge *b, uint32_t id)
{
	struct of_group *g = of_group_find(b, id);

	if (g == NULL)
		return;
	hmap_del(&b->groups, &g->node);
	model_part_del(b->sw->d->model, b->part, DP_KIND_GROUP, g->op->id, of_switch_ops(b->sw));
	free(g);
}

static void del_users(struct of_bridge *b, uint32_t id)
{
	hmap_foreach_safe (f, &b->flows, struct of_flow, node) {
		struct ofp_instructions ins = of_flow_instructions(f);
		if (!ofp_actions_use_group(&ins.apply, id) &&
		    !ofp_actions_use_group(&ins.write, id))
			continue;
		of_removed_note(b, f, OFPRR_GROUP_DELETE);
		of_flow_del(b, f);
	}
}

static enum ofp_err insert_buckets(
    struct of_bridge *b, struct of_group *g, const struct ofp_group_mod *gm)
{
	struct buf_writer old, all;
	struct ofp_group_mod now;
	size_t at = 0;

	buf_writer_init(&old, OF_GROUP_SIZE);
	buf_writer_init(&all, OF_GROUP_SIZE);
	of_group_describe(g, &old, &now);
	if (gm->command_bucket_id == OFPG15_BUCKET_LAST)
		at = now.n_buckets;
	else if (gm->command_bucket_id <= OFPG15_BUCKET_MAX)
		while (at < now.n_buckets && now.buckets[at++].bucket_id != gm->command_bucket_id)
			;
	bool is_known = gm->command_bucket_id > OFPG15_BUCKET_MAX ||
			(at > 0 && now.buckets[at - 1].bucket_id == gm->command_bucket_id);
	buf_put(&all, now.buckets, at * sizeof(*now.buckets));
	buf_put(&all, gm->buckets, gm->n_buckets * sizeof(*gm->buckets));
	buf_put(&all, now.buckets + at, (now.n_buckets - at) * sizeof(*now.buckets));
	now.n_buckets += gm->n_buckets;
	now.buckets = (const struct ofp_bucket *)(const void *)all.data;
	enum ofp_err err = !is_known ? OFPERR_OFPGMFC_UNKNOWN_BUCKET
			   : gm->command_bucket_id == OFPG15_BUCKET_ALL ? OFPERR_OFPGMFC_BAD_BUCKET
			   : now.n_buckets > DP_MAX_BUCKETS ? OFPERR_OFPGMFC_OUT_OF_BUCKETS
							    : modify(b, g, &now);
	buf_writer_fini(&old);
	buf_writer_fini(&all);
	return err;
}

static enum ofp_err remove_buckets(
    struct of_bridge *b, struct of_group *g, const struct ofp_group_mod *gm)
{
	struct buf_writer old, left;
	struct ofp_group_mod now;
	uint32_t id = gm->command_bucket_id;

	buf_writer_init(&old, OF_GROUP_SIZE);
	buf_writer_init(&left, OF_GROUP_SIZE);
	of_group_describe(g, &old, &now);
	for (size_t i = 0; i < now.n_buckets; i++) {
		bool goes = id == OFPG15_BUCKET_ALL || (id == OFPG15_BUCKET_FIRST && i == 0) ||
			    (id == OFPG15_BUCKET_LAST && i + 1 == now.n_buckets) ||
			    now.buckets[i].bucket_id == id;
		if (!goes)
			buf_put(&left, &now.buckets[i], sizeof(now.buckets[i]));
	}
	size_t n = left.size / sizeof(struct ofp_bucket);
	bool found = n < now.n_buckets || id > OFPG15_BUCKET_MAX;
	now.n_buckets = n;
	now.buckets = (const struct ofp_bucket *)(const void *)left.data;
	enum ofp_err err = found ? modify(b, g, &now) : OFPERR_OFPGMFC_UNKNOWN_BUCKET;
	buf_writer_fini(&old);
	buf_writer_fini(&left);
	return err;
}

static enum ofp_err check(const struct of_bridge *b, const struct ofp_group_mod *gm)
{
	if (gm->type >= ARRAY_SIZE(types))
		return OFPERR_OFPGMFC_BAD_TYPE;
	if (gm->type == OFPGT11_INDIRECT && gm->n_buckets != 1)
		return OFPERR_OFPGMFC_INVALID_GROUP;
	// Packets of a session take one bucket: that is all that "dp_hash" says, and all that there is.
	if (gm->selection_method[0] != '\0' &&
	    (gm->type != OFPGT11_SELECT || strcmp(gm->selection_method, "dp_hash") != 0 ||
		gm->selection_param != 0))
		return OFPERR_OFPBPC_BAD_VALUE;
	for (size_t i = 0; i < gm->n_buckets; i++) {
		enum ofp_err err = check_bucket(b, gm, &gm->buckets[i]);
		for (size_t k = 0; k < i && err == OFP_OK; k++)
			if (gm->buckets[i].bucket_id != OFP_NO_BUCKET_ID &&
			    gm->buckets[k].bucket_id == gm->buckets[i].bucket_id)
				err = OFPERR_OFPGMFC_BUCKET_EXISTS;
		if (err != OFP_OK)
			return err;
	}
	return OFP_OK;
}

static enum ofp_err check_bucket(
    const struct of_bridge *b, const struct ofp_group_mod *gm, const struct ofp_bucket *bucket)
{
	const struct ofp_action_scope scope = {.n_tables = DP_N_TABLES};
	enum ofp_err err = ofp_actions_check(&bucket->actions, &scope);

	if (err != OFP_OK)
		return err;
	if (gm->type == OFPGT11_FF && bucket->watch_port == DP_OFPORT_ANY &&
	    bucket->watch_group == OFP_ANY_GROUP)
		return OFPERR_OFPGMFC_INVALID_GROUP;
	if (bucket->watch_group != OFP_ANY_GROUP && of_group_find(b, bucket->watch_group) == NULL)
		return OFPERR_OFPGMFC_BAD_WATCH;
	if (bucket->watch_port != DP_OFPORT_ANY &&
	    (bucket->watch_port == 0 ||
		(bucket->watch_port >= DP_OFPORT_MAX && bucket->watch_port != DP_OFPORT_LOCAL)))
		return OFPERR_OFPGMFC_BAD_WATCH;
	err = of_groups_exist(b, &bucket->actions);
	if (err == OFP_OK && reaches(b, &bucket->actions, gm->group_id, 0))
		err = OFPERR_OFPGMFC_LOOP;
	return err;
}

/* Also when it is deeper than the switch follows. */
static bool reaches(const struct of_bridge *b, const struct ofp_actions *actions, uint32_t target,
    unsigned int depth)
{
	struct ofp_group_mod group;
	struct buf_writer buckets;
	bool found = false;

	if (actions->size == 0)
		return false;
	action_foreach (a, actions->data, actions->size) {
		if (a->type != DP_ACTION_GROUP || found)
			continue;
		const struct of_group *next = of_group_find(b, a->group.id);
		found = a->group.id == target || depth == MAX_DEPTH;
		if (next == NULL || found)
			continue;
		buf_writer_init(&buckets, OF_GROUP_SIZE);
		of_group_describe(next, &buckets, &group);
		for (size_t i = 0; i < group.n_buckets && !found; i++)
			found = reaches(b, &group.buckets[i].actions, target, depth + 1);
		buf_writer_fini(&buckets);
	}
	return found;
}

enum ofp_err of_groups_exist(const struct of_bridge *b, const struct ofp_actions *actions)
{
	if (actions->size == 0)
		return OFP_OK;
	action_foreach (a, actions->data, actions->size) {
		uint64_t object = (uint64_t)b->id << 32 | a->group.id;
		if (a->type == DP_ACTION_GROUP &&
		    model_find(b->sw->d->model, DP_KIND_GROUP, object) == NULL)
			return OFPERR_OFPBAC_BAD_OUT_GROUP;
	}
	return OFP_OK;
}

static void put(struct of_bridge *b, struct of_group *g, const struct ofp_group_mod *gm)
{
	struct of_switch *s = b->sw;
	struct buf_writer *w = &s->body;
	const struct dp_group_conf conf = {.bridge = b->id,
	    .group_id = gm->group_id,
	    .type = types[gm->type],
	    .n_buckets = (uint32_t)gm->n_buckets,
	    .opaque = gm->selection_method[0] != '\0' ? SELECTION_DP_HASH : 0};

	w->size = 0;
	buf_put(w, &conf, sizeof(conf));
	for (size_t i = 0; i < gm->n_buckets; i++) {
		const struct ofp_bucket *in = &gm->buckets[i];
		const struct dp_bucket_conf bucket = {.watch_port = in->watch_port,
		    .watch_group = in->watch_group,
		    .weight = in->weight,
		    .actions_size = (uint32_t)in->actions.size,
		    .opaque = in->bucket_id != OFP_NO_BUCKET_ID ? in->bucket_id : (uint32_t)i};
		buf_put(w, &bucket, sizeof(bucket));
		if (in->actions.size > 0)
			buf_put(w, in->actions.data, in->actions.size);
	}
	g->op = model_part_put(s->d->model, b->part, DP_KIND_GROUP,
	    (uint64_t)b->id << 32 | gm->group_id, w->data, w->size, of_switch_ops(s));
}

void of_groups_destroy(struct of_bridge *b)
{
	hmap_foreach_safe (g, &b->groups, struct of_group, node)
		free(g);
	hmap_fini(&b->groups);
}

void of_groups_flush(struct of_bridge *b)
{
	hmap_foreach_safe (g, &b->groups, struct of_group, node)
		del_one(b, g);
}

struct of_group *of_group_find(const struct of_bridge *b, uint32_t id)
{
	hmap_foreach_with_hash (g, &b->groups, id, struct of_group, node)
		if (of_group_conf(g)->group_id == id)
			return g;
	return NULL;
}

const struct dp_group_conf *of_group_conf(const struct of_group *g)
{
	return (const struct dp_group_conf *)(const void *)(g->op + 1);
}

void of_group_describe(
    const struct of_group *g, struct buf_writer *buckets, struct ofp_group_mod *ret)
{
	const struct dp_group_conf *conf = of_group_conf(g);
	const uint8_t *next = (const uint8_t *)(conf + 1);

	*ret = (struct ofp_group_mod){.group_id = conf->group_id};
	if (conf->opaque == SELECTION_DP_HASH)
		snprintf(ret->selection_method, sizeof(ret->selection_method), "dp_hash");
	while (types[ret->type] != conf->type)
		ret->type++;
	for (uint32_t i = 0; i < conf->n_buckets; i++) {
		const struct dp_bucket_conf *in = (const struct dp_bucket_conf *)(const void *)next;
		const struct ofp_bucket out = {.actions = {in + 1, in->actions_size},
		    .bucket_id = in->opaque,
		    .watch_port = in->watch_port,
		    .watch_group = in->watch_group,
		    .weight = in->weight};
		buf_put(buckets, &out, sizeof(out));
		next += sizeof(*in) + in->actions_size;
	}
	ret->n_buckets = conf->n_buckets;
	ret->buckets = (const struct ofp_bucket *)(const void *)buckets->data;
}

int of_group_restore(struct of_bridge *b, const struct dp_op *op)
{
	const struct dp_group_conf *conf = (const struct dp_group_conf *)(const void *)(op + 1);
	struct buf_writer none;

	if (!is_whole(op) || of_group_find(b, conf->group_id) != NULL)
		return -EINVAL;
	struct of_group *g = mem_alloc(sizeof(*g));
	*g = (struct of_group){.created_ms = clock_ms()};
	hmap_add(&b->groups, &g->node, conf->group_id);
	buf_writer_init(&none, DP_BODY_MAX);
	g->op = model_part_put(
	    b->sw->d->model, b->part, DP_KIND_GROUP, op->id, conf, op->size - sizeof(*op), &none);
	buf_writer_fini(&none);
	return 0;
}

/* The switch has validated it once; that its parts are where they should be is looked at again. */
static bool is_whole(const struct dp_op *op)
{
	struct buf b = buf_from(op + 1, op->size - sizeof(*op));
	const struct dp_group_conf *conf =
	    (const struct dp_group_conf *)(const void *)buf_take(&b, sizeof(*conf));

	if (conf == NULL || op->id != ((uint64_t)conf->bridge << 32 | conf->group_id) ||
	    conf->type > DP_GROUP_FAST_FAILOVER)
		return false;
	for (uint32_t i = 0; i < conf->n_buckets; i++) {
		const struct dp_bucket_conf *bucket =
		    (const struct dp_bucket_conf *)(const void *)buf_take(&b, sizeof(*bucket));
		const uint8_t *actions = bucket != NULL ? buf_take(&b, bucket->actions_size) : NULL;
		if (actions == NULL || !of_actions_are_whole(actions, bucket->actions_size))
			return false;
	}
	return buf_left(&b) == 0;
}
