/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of raw bridges. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/json_util.h"

#include "control/bridge_priv.h"

enum { MAX_GROUP_DEPTH = 32 }; // groups in groups

static int read_bucket(
    const struct resolver *r, json_t *bucket, struct buf_writer *body, struct err *err);

static void decode(struct model_plan *p, struct entity *e)
{
	const char *bridge = member_string(e->data, "bridge");
	uint32_t id = (uint32_t)member_u64(e->data, "group_id", 0);
	struct key_buf kb;

	if (bridge == NULL) {
		struct err *err = plan_error(p, e);
		err_path(err, "/bridge");
		err_set(err, ERR_PARAMS, "a group needs a bridge");
		return;
	}
	entity_need(
	    plan_model(p), e, key_object(&kb, API_TABLE_BRIDGE, bridge), "/bridge", -1, false);
	entity_provide(plan_model(p), e, key_make(&kb, KEY_GROUP, bridge, &id, sizeof(id)),
	    "/group_id", -1, false);
}

static uint32_t group_type(const char *word)
{
	static const char *const words[] = {
	    [DP_GROUP_ALL] = "all",
	    [DP_GROUP_INDIRECT] = "indirect",
	    [DP_GROUP_SELECT] = "select",
	    [DP_GROUP_FAST_FAILOVER] = "fast_failover",
	};

	for (uint32_t i = 0; word != NULL && i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i], word) == 0)
			return i;
	}
	return DP_GROUP_ALL;
}

static int read_buckets(
    const struct resolver *r, json_t *buckets, struct buf_writer *body, struct err *err)
{
	struct dp_group_conf conf = {
	    .bridge = r->bridge_id,
	    .group_id = (uint32_t)member_u64(r->entity->data, "group_id", 0),
	    .type = group_type(member_string(r->entity->data, "type")),
	    .n_buckets = (uint32_t)json_array_size(buckets),
	};

	err_path(err, "/buckets");
	if (conf.type == DP_GROUP_INDIRECT && conf.n_buckets != 1)
		return err_set(err, ERR_PARAMS, "an indirect group has exactly one bucket");
	if (conf.n_buckets > DP_MAX_BUCKETS)
		return err_set(
		    err, ERR_TOO_LARGE, "a group has at most %u buckets", DP_MAX_BUCKETS);
	buf_put(body, &conf, sizeof(conf));
	for (size_t i = 0; i < conf.n_buckets; i++) {
		err_path(err, "/buckets/%zu", i);
		int error = read_bucket(r, json_array_get(buckets, i), body, err);
		if (error < 0)
			return error;
	}
	return body->bad ? err_set(err, ERR_TOO_LARGE, "the group is larger than the switch takes")
			 : 0;
}

static int read_watch(
    const struct resolver *r, json_t *bucket, struct dp_bucket_conf *conf, struct err *err)
{
	json_t *port = json_object_get(bucket, "watch_port");
	uint64_t group = UINT32_MAX;
	struct key_buf kb;
	char base[sizeof(err->path)];

	int error = json_get_u64(bucket, "watch_group", 0, DP_OFPORT_MAX - 1, &group, err);
	if (error == -EINVAL)
		return error;
	conf->watch_group = (uint32_t)group;
	if (group != UINT32_MAX)
		entity_need(r->m, r->entity,
		    key_make(&kb, KEY_GROUP, r->bridge, &conf->watch_group, sizeof(uint32_t)),
		    "/buckets", -1, true);
	conf->watch_port = DP_OFPORT_ANY;
	if (port == NULL)
		return 0;
	memcpy(base, err->path, sizeof(base));
	err_path(err, "%s/watch_port", base);
	error = flow_port_from_json(port, &r->names, false, &conf->watch_port, err);
	if (error == 0)
		err_path(err, "%s", base);
	return error;
}

static int read_bucket(
    const struct resolver *r, json_t *bucket, struct buf_writer *body, struct err *err)
{
	static const char *const known[] = {"actions", "weight", "watch_port", "watch_group"};
	struct dp_bucket_conf conf = {0};
	uint64_t weight = 1;
	struct buf_writer actions;
	char base[sizeof(err->path)];

	if (!json_is_object(bucket))
		return err_set(err, ERR_PARAMS, "a bucket is an object");
	int error = json_check_members(bucket, known, ARRAY_SIZE(known), err);
	if (error < 0)
		return error;
	if (json_get_u64(bucket, "weight", 0, UINT16_MAX, &weight, err) == -EINVAL)
		return -EINVAL;
	conf.weight = (uint16_t)weight;
	error = read_watch(r, bucket, &conf, err);
	if (error < 0)
		return error;
	buf_writer_init(&actions, DP_MAX_ACTIONS_SIZE);
	memcpy(base, err->path, sizeof(base));
	json_t *list = json_object_get(bucket, "actions");
	err_path(err, "%s/actions", base);
	if (list != NULL)
		error = flow_actions_from_json(list, &r->names, &actions, err);
	if (error == 0) {
		resolver_need_groups(r, &actions, "/buckets");
		conf.actions_size = (uint32_t)actions.size;
		buf_put(body, &conf, sizeof(conf));
		buf_put(body, actions.data, actions.size);
	}
	buf_writer_fini(&actions);
	return error;
}

static void resolve(struct model_plan *p, struct entity *e)
{
	struct resolver r;
	struct buf_writer body;
	struct err err = {0};

	resolver_init(&r, plan_model(p), e);
	if (r.bridge_id == 0)
		return;
	buf_writer_init(
	    &body, (size_t)DP_MAX_BUCKETS * (DP_MAX_ACTIONS_SIZE + sizeof(struct dp_bucket_conf)));
	if (read_buckets(&r, json_object_get(e->data, "buckets"), &body, &err) < 0) {
		struct err *to = plan_error(p, e);
		memcpy(err.object, to->object, sizeof(err.object));
		*to = err;
	} else {
		resolver_need_ports(&r);
		e->body.id =
		    (uint64_t)r.bridge_id << 32 | (uint32_t)member_u64(e->data, "group_id", 0);
		e->body.size = body.size;
		e->body.body = body.data;
		body.data = NULL;
	}
	buf_writer_fini(&body);
}

/* True when the walk from e comes back to target, or goes deeper than the switch follows. */
static bool reaches(const struct entity *e, const struct entity *target, unsigned int depth)
{
	for (const struct key *k = e->needs; k != NULL; k = k->next) {
		if (k->anchor->kind != KEY_GROUP || list_is_empty(&k->anchor->providers))
			continue;
		const struct entity *next =
		    list_entry(k->anchor->providers.next, struct key, link)->entity;
		if (next == target || depth == 0 || reaches(next, target, depth - 1))
			return true;
	}
	return false;
}

static void check(struct model_plan *p, const struct entity *e)
{
	if (!reaches(e, e, MAX_GROUP_DEPTH))
		return;
	struct err *err = plan_error(p, e);
	err_path(err, "/buckets");
	err_set(err, ERR_PARAMS, "the group leads back to itself, or through more than %u groups",
	    MAX_GROUP_DEPTH);
}

static void compile(struct model *, struct entity *e, struct unit *u)
{
	body_compile(e, u, DP_KIND_GROUP);
}

const struct table_ops group_ops = {
    .decode = decode, .resolve = resolve, .check = check, .compile = compile};
