/* SPDX-License-Identifier: Apache-2.0 */
/* Raw bridges, and what their flows (flow_model.c) and groups (group_model.c) share. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/bridge_priv.h"
#include "control/openflow/of_conf.h"

static struct entity *recent_port(struct model *m, const char *name);

static void bridge_decode(struct model_plan *p, struct entity *e)
{
	if (strcmp(e->name, NET_BRIDGE_NAME) == 0) {
		struct err *err = plan_error(p, e);
		err_path(err, "/name");
		err_set(err, ERR_EXISTS, "\"%s\" is the networks' bridge", e->name);
		return;
	}
	struct of_bridge_conf openflow;
	struct err err = {0};
	if (of_bridge_conf_read(e->data, &openflow, &err) == 0)
		return;
	struct err *to = plan_error(p, e);
	memcpy(err.object, to->object, sizeof(err.object));
	*to = err;
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

/* What OpenFlow put on it goes with it. */
static void bridge_touch(
    struct model_plan *p, const struct entity *old_e, const struct entity *new_e)
{
	if (new_e == NULL && model_unit(plan_model(p), TABLE_OPENFLOW, old_e->name) != NULL)
		plan_dirty(p, TABLE_OPENFLOW, old_e->name);
}

const struct table_ops bridge_ops = {
    .decode = bridge_decode, .touch = bridge_touch, .compile = bridge_compile};

/* Names of ports on the bridge of a flow or group. */
static uint32_t find_port(void *arg, const char *name)
{
	struct resolver *r = arg;
	struct entity *port = recent_port(r->m, name);

	if (port == NULL || port->broken || port->port.bridge == NULL || port->port.ofport == 0 ||
	    strcmp(port->port.bridge, r->bridge) != 0)
		return 0;
	if (r->n_ports < ARRAY_SIZE(r->ports))
		r->ports[r->n_ports++] = port;
	else
		entity_need_entity(r->entity, port);
	return port->port.ofport;
}

/* Rules that come together name the same few ports. */
static struct entity *recent_port(struct model *m, const char *name)
{
	size_t len = strlen(name);
	struct entity **slot =
	    &m->recent_ports[(len + (len > 0 ? (uint8_t)name[len - 1] : 0)) % MODEL_N_RECENT_PORTS];

	if (*slot == NULL || strcmp((*slot)->name, name) != 0)
		*slot = model_entity(m, API_TABLE_PORT, name);
	return *slot;
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
	const struct key *k = e->needs;

	*r = (struct resolver){.m = m, .entity = e};
	while (k != NULL && !key_is_object(k, API_TABLE_BRIDGE))
		k = k->next;
	if (k == NULL)
		return;
	r->bridge = (const char *)k->anchor->bytes;
	if (!list_is_empty(&k->anchor->providers))
		r->bridge_id =
		    list_entry(k->anchor->providers.next, struct key, link)->entity->bridge_id;
	r->names =
	    (struct flow_names){.port_number = find_port, .port_nearest = nearest_port, .arg = r};
}

void resolver_need_ports(struct resolver *r)
{
	for (size_t i = 0; i < r->n_ports; i++)
		entity_need_entity(r->entity, r->ports[i]);
	r->n_ports = 0;
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

/* The body goes to the unit, which is what stays; an entity that is compiled again is made again first. */
void body_compile(struct entity *e, struct unit *u, enum dp_kind kind)
{
	if (e->body.body == NULL)
		return;
	unit_emit(u, kind, e->body.id, e->body.body, e->body.size);
	free(e->body.body);
	e->body.body = NULL;
}
