/* SPDX-License-Identifier: Apache-2.0 */
/* Flows of raw bridges: what an object says becomes a rule of the switch. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "control/bridge_priv.h"
#include "control/flow_text.h"
#include "control/rule_draft.h"

static void flow_decode(struct model_plan *p, struct entity *e)
{
	struct json_span name = api_object_text_column(e->object, "bridge");
	char bridge[65] = "";
	struct key_buf kb;

	if (name.size == 0 || name.size >= sizeof(bridge)) {
		struct err *err = plan_error(p, e);
		err_path(err, "/bridge");
		err_set(err, ERR_PARAMS, "a flow needs a bridge");
		return;
	}
	memcpy(bridge, name.text, name.size);
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
    struct resolver *r, json_t *data, const char *member, struct buf_writer *w, struct err *err)
{
	json_t *list = json_object_get(data, member);

	if (list == NULL)
		return 0;
	err_path(err, "/%s", member);
	return flow_actions_from_json(list, &r->names, w, err);
}

static int read_match(struct resolver *r, json_t *data, struct flow_match *match, struct err *err)
{
	json_t *json = json_object_get(data, "match");

	if (json == NULL)
		return 0;
	err_path(err, "/match");
	return flow_match_from_json(json, &r->names, match, err);
}

/* Two hashes, one of them secret, stand for the match: nobody can make two that differ and agree in both. */
static void provide_rule(const struct resolver *r, const struct dp_rule_conf *conf,
    const uint8_t *match, size_t match_size)
{
	struct key_buf kb;
	const struct {
		uint64_t id, secret;
		uint32_t table, priority;
	} extra = {r->entity->body.id, hash_bytes(&r->m->secret, match, match_size), conf->table,
	    conf->priority};

	entity_provide(r->m, r->entity, key_make(&kb, KEY_RULE, r->bridge, &extra, sizeof(extra)),
	    "/match", -1, true);
}

static void put_body(
    struct entity *e, struct flow_rule *rule, const uint8_t *match, size_t match_size)
{
	const struct buf_writer *apply = &rule->apply, *write = &rule->write;
	struct dp_rule_conf *conf = &rule->conf;
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

static int read_from_json(struct resolver *r, struct flow_rule *rule, struct err *err)
{
	json_t *data = api_object_json(r->entity->object);
	int error = read_instructions(data, &rule->conf, err);

	if (error == 0)
		error = read_match(r, data, &rule->match, err);
	if (error == 0)
		error = read_actions(r, data, "actions", &rule->apply, err);
	if (error == 0)
		error = read_actions(r, data, "write_actions", &rule->write, err);
	if (error == 0)
		error = check_actions(&rule->match, &rule->apply, &rule->write, err);
	json_decref(data);
	return error;
}

static int read_rule(struct resolver *r, struct flow_rule *rule, struct err *err)
{
	flow_rule_reset(rule);
	if (flow_rule_from_text(rule, r->entity->object->text, &r->names))
		return 0;
	flow_rule_reset(rule);
	r->n_ports = 0;
	return read_from_json(r, rule, err);
}

static void flow_resolve(struct model_plan *p, struct entity *e)
{
	struct resolver r;
	struct flow_rule *rule = plan_flow_rule(p);
	struct err err = {0};
	uint8_t encoded[FLOW_MATCH_MAX_SIZE];

	resolver_init(&r, plan_model(p), e);
	if (r.bridge_id == 0)
		return; // the missing bridge is reported, or is broken itself
	if (read_rule(&r, rule, &err) < 0) {
		struct err *to = plan_error(p, e);
		memcpy(err.object, to->object, sizeof(err.object));
		*to = err;
		return;
	}
	resolver_need_ports(&r);
	resolver_need_groups(&r, &rule->apply, "/actions");
	resolver_need_groups(&r, &rule->write, "/write_actions");
	rule->conf.bridge = r.bridge_id;
	size_t match_size = flow_match_encode(&rule->match, encoded);
	put_body(e, rule, encoded, match_size);
	provide_rule(&r, &rule->conf, encoded, match_size);
}

static void flow_compile(struct model *, struct entity *e, struct unit *u)
{
	body_compile(e, u, DP_KIND_RULE);
}

const struct table_ops flow_ops = {
    .decode = flow_decode, .resolve = flow_resolve, .compile = flow_compile};
