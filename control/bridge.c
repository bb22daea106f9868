/* SPDX-License-Identifier: Apache-2.0 */
/* Raw bridges and their flows: JSON to the rules of the switch. Groups are in group_model.c. */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/bridge_priv.h"
#include "control/rule_draft.h"

static void bridge_decode(struct model_plan *p, struct entity *e)
{
	if (strcmp(e->name, NET_BRIDGE_NAME) == 0) {
		struct err *err = plan_error(p, e);
		err_path(err, "/name");
		err_set(err, ERR_EXISTS, "\"%s\" is the networks' bridge", e->name);
	}
}

static void bridge_compile(struct model *, struct entity *e, struct unit *u)
{
	struct dp_bridge_conf conf = {
	    .mac_age_s = (uint32_t)member_u64(e->data, "mac_age_s", 300),
	    .max_macs = (uint32_t)member_u64(e->data, "max_macs", 8192),
	};
	const char *miss = member_string(e->data, "miss");

	snprintf(conf.name, sizeof(conf.name), "%s", e->name);
	if (miss != NULL && strcmp(miss, "normal") == 0)
		conf.flags |= DP_BRIDGE_F_MISS_NORMAL;
	unit_emit(u, DP_KIND_BRIDGE, e->bridge_id, &conf, sizeof(conf));
}

const struct table_ops bridge_ops = {.decode = bridge_decode, .compile = bridge_compile};

/* Names of ports on the bridge of a flow or group; each that is used becomes a need of it. */
static uint32_t find_port(void *arg, const char *name)
{
	const struct resolver *r = arg;
	const struct entity *port = model_entity(r->m, API_TABLE_PORT, name);
	struct key_buf kb;

	if (port == NULL || port->broken || port->port.bridge == NULL || port->port.ofport == 0 ||
	    strcmp(port->port.bridge, r->bridge) != 0)
		return 0;
	entity_need(r->m, r->entity, key_object(&kb, API_TABLE_PORT, name), "", -1, true);
	return port->port.ofport;
}

static const char *nearest_port(void *arg, const char *name)
{
	const struct resolver *r = arg;
	const char *names[256];
	size_t n = 0;
	struct key_buf kb;
	struct anchor *a = model_anchor(r->m, key_object(&kb, API_TABLE_BRIDGE, r->bridge));

	if (a == NULL)
		return NULL;
	list_foreach (user, &a->users, struct key, link) {
		if (user->entity->table == API_TABLE_PORT && n < ARRAY_SIZE(names))
			names[n++] = user->entity->name;
	}
	return nearest_word(name, names, n);
}

void resolver_init(struct resolver *r, struct model *m, struct entity *e)
{
	const struct entity *bridge;

	r->m = m;
	r->entity = e;
	r->bridge = member_string(e->data, "bridge");
	bridge = r->bridge != NULL ? model_entity(m, API_TABLE_BRIDGE, r->bridge) : NULL;
	r->bridge_id = bridge != NULL ? bridge->bridge_id : 0;
	r->names =
	    (struct flow_names){.port_number = find_port, .port_nearest = nearest_port, .arg = r};
}

void resolver_need_groups(
    const struct resolver *r, const struct buf_writer *actions, const char *path)
{
	struct key_buf kb;

	action_foreach (a, actions->data, actions->size) {
		if (a->type == DP_ACTION_GROUP)
			entity_need(r->m, r->entity,
			    key_make(&kb, KEY_GROUP, r->bridge, &a->group.id, sizeof(a->group.id)),
			    path, -1, true);
	}
}

static void flow_decode(struct model_plan *p, struct entity *e)
{
	const char *bridge = member_string(e->data, "bridge");
	struct key_buf kb;

	if (bridge == NULL) {
		struct err *err = plan_error(p, e);
		err_path(err, "/bridge");
		err_set(err, ERR_PARAMS, "a flow needs a bridge");
		return;
	}
	entity_need(
	    plan_model(p), e, key_object(&kb, API_TABLE_BRIDGE, bridge), "/bridge", -1, false);
}

/* Instructions other than actions. */
static int read_instructions(const json_t *data, struct dp_rule_conf *conf, struct err *err)
{
	uint64_t next = member_u64(data, "goto", UINT64_MAX);
	const char *metadata = member_string(data, "metadata"),
		   *cookie = member_string(data, "cookie");

	conf->table = (uint8_t)member_u64(data, "table", 0);
	conf->priority = (uint16_t)member_u64(data, "priority", 32768);
	conf->cookie = cookie != NULL ? strtoull(cookie, NULL, 16) : 0;
	conf->idle_timeout_s = (uint16_t)member_u64(data, "idle_timeout_s", 0);
	conf->hard_timeout_s = (uint16_t)member_u64(data, "hard_timeout_s", 0);
	conf->installed_ms = member_u64(data, "_installed_ms", 0);
	if (conf->idle_timeout_s != 0 || conf->hard_timeout_s != 0)
		conf->flags |= DP_RULE_F_SEND_REMOVED;
	if (member_bool(data, "clear_actions", false))
		conf->flags |= DP_RULE_F_CLEAR;
	if (next != UINT64_MAX) {
		if (next <= conf->table || next >= DP_N_TABLES) {
			err_path(err, "/goto");
			return err_set(err, ERR_PARAMS, "goto leads to a later table: %u..%u",
			    conf->table + 1, DP_N_TABLES - 1);
		}
		conf->flags |= DP_RULE_F_GOTO;
		conf->goto_table = (uint8_t)next;
	}
	if (metadata != NULL) {
		struct flow_value v, mask;
		err_path(err, "/metadata");
		int r = flow_field_parse(&flow_fields[FIELD_METADATA], metadata, &v, &mask, err);
		if (r < 0)
			return r;
		conf->flags |= DP_RULE_F_WRITE_METADATA;
		conf->metadata_be = htobe64(flow_value_to_u64(&v));
		conf->metadata_mask_be = htobe64(flow_value_to_u64(&mask));
	}
	return 0;
}

static int read_actions(
    const struct resolver *r, const char *member, struct buf_writer *w, struct err *err)
{
	json_t *list = json_object_get(r->entity->data, member);
	char path[32];

	if (list == NULL)
		return 0;
	snprintf(path, sizeof(path), "/%s", member);
	err_path(err, "%s", path);
	int error = flow_actions_from_json(list, &r->names, w, err);
	if (error == 0)
		resolver_need_groups(
		    r, w, strcmp(member, "actions") == 0 ? "/actions" : "/write_actions");
	return error;
}

static int read_match(const struct resolver *r, struct flow_match *match, struct err *err)
{
	json_t *json = json_object_get(r->entity->data, "match");

	memset(match, 0, sizeof(*match));
	if (json == NULL)
		return 0;
	err_path(err, "/match");
	return flow_match_from_json(json, &r->names, match, err);
}

static void provide_rule(const struct resolver *r, const struct dp_rule_conf *conf,
    const uint8_t *match, size_t match_size)
{
	struct key_buf kb;
	uint8_t extra[4 + FLOW_MATCH_MAX_SIZE] = {
	    conf->table, (uint8_t)(conf->priority >> 8), (uint8_t)conf->priority};

	memcpy(extra + 4, match, match_size);
	entity_provide(r->m, r->entity, key_make(&kb, KEY_RULE, r->bridge, extra, 4 + match_size),
	    "/match", -1, true);
}

static void put_body(struct entity *e, struct dp_rule_conf *conf, const uint8_t *match,
    size_t match_size, const struct buf_writer *apply, const struct buf_writer *write)
{
	size_t padded = ROUND_UP(match_size, 8);
	struct body_conf *b = &e->body;

	conf->match_size = (uint32_t)padded;
	conf->apply_size = (uint32_t)apply->size;
	conf->write_size = (uint32_t)write->size;
	b->size = sizeof(*conf) + padded + apply->size + write->size;
	b->body = mem_alloc(b->size);
	memcpy(b->body, conf, sizeof(*conf));
	memcpy(b->body + sizeof(*conf), match, match_size);
	if (apply->size > 0)
		memcpy(b->body + sizeof(*conf) + padded, apply->data, apply->size);
	if (write->size > 0)
		memcpy(b->body + sizeof(*conf) + padded + apply->size, write->data, write->size);
	b->id = rule_id(conf->bridge, conf->table, conf->priority, match, match_size);
}

/* What the match says of the packet follows it through the actions to the action set. */
static int check_actions(const struct flow_match *match, const struct buf_writer *apply,
    const struct buf_writer *write, struct err *err)
{
	struct flow_match packet = *match;

	err_path(err, "/actions");
	int error = flow_actions_check(&packet, apply, err);
	if (error < 0)
		return error;
	err_path(err, "/write_actions");
	return flow_action_set_check(&packet, write, err);
}

static int resolve_parts(
    const struct resolver *r, struct buf_writer *apply, struct buf_writer *write, struct err *err)
{
	struct dp_rule_conf conf = {.bridge = r->bridge_id};
	struct flow_match match;
	uint8_t encoded[FLOW_MATCH_MAX_SIZE];
	int error = read_instructions(r->entity->data, &conf, err);

	if (error == 0)
		error = read_match(r, &match, err);
	if (error == 0)
		error = read_actions(r, "actions", apply, err);
	if (error == 0)
		error = read_actions(r, "write_actions", write, err);
	if (error == 0)
		error = check_actions(&match, apply, write, err);
	if (error < 0)
		return error;
	size_t match_size = flow_match_encode(&match, encoded);
	provide_rule(r, &conf, encoded, match_size);
	put_body(r->entity, &conf, encoded, match_size, apply, write);
	return 0;
}

static void flow_resolve(struct model_plan *p, struct entity *e)
{
	struct resolver r;
	struct buf_writer apply, write;
	struct err err = {0};

	resolver_init(&r, plan_model(p), e);
	if (r.bridge_id == 0)
		return; // the missing bridge is reported, or is broken itself
	buf_writer_init(&apply, DP_MAX_ACTIONS_SIZE);
	buf_writer_init(&write, DP_MAX_ACTIONS_SIZE);
	if (resolve_parts(&r, &apply, &write, &err) < 0) {
		struct err *to = plan_error(p, e);
		memcpy(err.object, to->object, sizeof(err.object));
		*to = err;
	}
	buf_writer_fini(&apply);
	buf_writer_fini(&write);
}

/* The body goes to the unit, which is what stays; an entity that is compiled again is made again first. */
void body_compile(struct entity *e, struct unit *u, enum dp_kind kind)
{
	if (e->body.body == NULL)
		return;
	unit_emit(u, kind, e->body.id, e->body.body, e->body.size);
	free(e->body.body);
	e->body.body = NULL;
}

static void flow_compile(struct model *, struct entity *e, struct unit *u)
{
	body_compile(e, u, DP_KIND_RULE);
}

const struct table_ops flow_ops = {
    .decode = flow_decode, .resolve = flow_resolve, .compile = flow_compile};
