/* SPDX-License-Identifier: Apache-2.0 */
/* The model's life, and what others ask of it. Changes are in plan.c. */
#include "control/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/model_priv.h"

static void make_lists(struct model *m);
static void list_udp_ports(struct model *m);
static int compare_udp_ports(const void *a, const void *b);

struct model *model_create(const struct model_options *options)
{
	struct model *m = mem_alloc(sizeof(*m));

	hash_key_init(&m->secret);
	snprintf(m->rundir, sizeof(m->rundir), "%s", options->rundir);
	hmap_init(&m->anchors);
	hmap_init(&m->flows);
	for (size_t t = 0; t < TABLE__COUNT; t++)
		hmap_init(&m->units[t]);
	hmap_init(&m->objs);
	return m;
}

void model_destroy(struct model *m)
{
	if (m == NULL)
		return;
	struct entity **entities = NULL;
	size_t n = 0, capacity = 0;
	hmap_foreach_safe (e, &m->flows, struct entity, body.node)
		entity_destroy(m, e);
	hmap_fini(&m->flows);
	hmap_foreach (a, &m->anchors, struct anchor, node) {
		if (a->kind != KEY_OBJECT || list_is_empty(&a->providers))
			continue;
		entities = mem_grow(entities, n, &capacity, sizeof(struct entity *));
		entities[n++] = list_entry(a->providers.next, struct key, link)->entity;
	}
	for (size_t i = 0; i < n; i++)
		entity_destroy(m, entities[i]);
	free(entities);
	for (size_t t = 0; t < TABLE__COUNT; t++) {
		hmap_foreach_safe (u, &m->units[t], struct unit, node)
			unit_destroy(u);
		hmap_fini(&m->units[t]);
	}
	hmap_fini(&m->anchors);
	hmap_fini(&m->objs);
	free(m->remotes);
	free(m->uplinks);
	free(m->udp_ports);
	free(m);
}

void model_set_underlay(struct model *m, const struct model_underlay *u)
{
	m->underlay = *u;
}

/* One IPv6 peer is enough: a network's packets may have to go there. */
unsigned int model_overhead(const struct model *m)
{
	return m->n_peers6 > 0 ? VXLAN_OVERHEAD6 : VXLAN_OVERHEAD4;
}

uint16_t model_default_mtu(const struct model *m)
{
	unsigned int underlay = m->underlay.mtu != 0 ? m->underlay.mtu : 1500;
	unsigned int mtu = underlay - MIN_OF(underlay - 68, model_overhead(m));

	return (uint16_t)MIN_OF(mtu, (unsigned int)DP_MAX_GUEST_MTU);
}

uint64_t model_digest(const struct model *m)
{
	return m->digest;
}

uint64_t model_n_objects(const struct model *m)
{
	return m->objs.n;
}

void model_foreach(const struct model *m,
    void (*cb)(const struct dp_op *op, uint64_t digest, void *arg), void *arg)
{
	static const enum dp_kind order[] = {DP_KIND_BRIDGE, DP_KIND_PORT, DP_KIND_LOCAL,
	    DP_KIND_ROUTE, DP_KIND_PEER, DP_KIND_GROUP, DP_KIND_RULE};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		hmap_foreach (o, &m->objs, struct dp_obj, node) {
			if (o->op.kind == order[i])
				cb(&o->op, o->digest, arg);
		}
	}
}

const struct dp_op *model_find(const struct model *m, enum dp_kind kind, uint64_t id)
{
	const struct dp_obj *o = model_obj(m, kind, id);

	return o != NULL ? &o->op : NULL;
}

static const struct entity *by_number(
    const struct model *m, enum key_kind kind, const char *name, uint32_t n)
{
	struct key_buf kb;

	return model_provider(m, key_make(&kb, kind, name, &n, sizeof(n)));
}

const char *model_port_name(const struct model *m, uint32_t dp_port_id)
{
	const struct entity *e = by_number(m, KEY_PORT_ID, "", dp_port_id);

	if (e == NULL && dp_port_id == NET_VXLAN_PORT_ID &&
	    m->n_entities[API_TABLE_TUNNEL_PEER] > 0)
		return NET_VXLAN_NAME;
	return e != NULL ? e->name : NULL;
}

uint32_t model_port_id(const struct model *m, const char *name)
{
	const struct entity *e = model_entity(m, API_TABLE_PORT, name);

	if (e == NULL && strcmp(name, NET_VXLAN_NAME) == 0 &&
	    m->n_entities[API_TABLE_TUNNEL_PEER] > 0)
		return NET_VXLAN_PORT_ID;
	return e != NULL ? e->port.id : 0;
}

const char *model_bridge_name(const struct model *m, uint32_t bridge_id)
{
	const struct entity *e = by_number(m, KEY_BRIDGE_ID, "", bridge_id);

	if (bridge_id == NET_BRIDGE_ID)
		return NET_BRIDGE_NAME;
	return e != NULL ? e->name : NULL;
}

uint32_t model_bridge_id(const struct model *m, const char *name)
{
	const struct entity *e = model_entity(m, API_TABLE_BRIDGE, name);

	if (strcmp(name, NET_BRIDGE_NAME) == 0)
		return NET_BRIDGE_ID;
	return e != NULL ? e->bridge_id : 0;
}

const char *model_ofport_name(const struct model *m, uint32_t bridge_id, uint32_t ofport)
{
	const char *bridge = model_bridge_name(m, bridge_id);
	const struct entity *e = bridge != NULL ? by_number(m, KEY_OFPORT, bridge, ofport) : NULL;

	if (e == NULL && bridge_id == NET_BRIDGE_ID && ofport == NET_VXLAN_OFPORT)
		return NET_VXLAN_NAME;
	return e != NULL ? e->name : NULL;
}

const char *model_flow_name(const struct model *m, uint64_t rule_id)
{
	const struct dp_obj *o = model_obj(m, DP_KIND_RULE, rule_id);

	return o != NULL ? o->unit->label : NULL;
}

const char *model_group_name(const struct model *m, uint64_t group_object_id)
{
	const struct dp_obj *o = model_obj(m, DP_KIND_GROUP, group_object_id);

	return o != NULL ? o->unit->label : NULL;
}

const char *model_object_name(const struct model *m, enum dp_kind kind, uint64_t id)
{
	const struct dp_obj *o = model_obj(m, kind, id);

	return o != NULL ? o->unit->label : "an object that is not wanted any more";
}

size_t model_uplinks(const struct model *m, const struct underlay_uplink **ret)
{
	make_lists((struct model *)m); // a cache: the state does not change
	*ret = m->uplinks;
	return m->n_uplinks;
}

size_t model_remotes(const struct model *m, const struct ip_addr **ret)
{
	make_lists((struct model *)m);
	*ret = m->remotes;
	return m->n_remotes;
}

size_t model_udp_ports(const struct model *m, const uint16_t **ret)
{
	make_lists((struct model *)m);
	*ret = m->local_udp_ports;
	return m->n_local_udp_ports;
}

static void add_remote(struct model *m, const struct ip_addr *remote, size_t *capacity)
{
	for (size_t i = 0; i < m->n_remotes; i++) {
		if (ip_equal(&m->remotes[i], remote))
			return;
	}
	if (m->n_remotes == DP_MAX_ROUTES)
		return;
	m->remotes = mem_grow(m->remotes, m->n_remotes, capacity, sizeof(struct ip_addr));
	m->remotes[m->n_remotes++] = *remote;
}

static void add_uplink(struct model *m, const struct entity *e, size_t *capacity)
{
	struct underlay_uplink u = {.dp_port = e->port.id};
	const char *interface = member_string(e->data, "interface");

	snprintf(u.interface, sizeof(u.interface), "%s", interface != NULL ? interface : "");
	m->uplinks = mem_grow(m->uplinks, m->n_uplinks, capacity, sizeof(struct underlay_uplink));
	m->uplinks[m->n_uplinks++] = u;
}

/* From the units, since every port and peer has one. */
static void make_lists(struct model *m)
{
	size_t remotes_capacity = 0, uplinks_capacity = 0;

	if (m->lists_version == m->version + 1)
		return;
	free(m->remotes);
	free(m->uplinks);
	m->remotes = NULL;
	m->uplinks = NULL;
	m->n_remotes = m->n_uplinks = 0;
	hmap_foreach (u, &m->units[API_TABLE_TUNNEL_PEER], struct unit, node)
		add_remote(m, &model_entity(m, API_TABLE_TUNNEL_PEER, unit_name(u))->peer.remote,
		    &remotes_capacity);
	hmap_foreach (u, &m->units[API_TABLE_PORT], struct unit, node) {
		const struct entity *e = model_entity(m, API_TABLE_PORT, unit_name(u));
		if (e->port.kind == PK_VXLAN && !e->port.remote_is_flow)
			add_remote(m, &e->port.remote, &remotes_capacity);
		else if (e->port.kind == PK_UPLINK)
			add_uplink(m, e, &uplinks_capacity);
	}
	list_udp_ports(m);
	m->lists_version = m->version + 1;
}

/* Networks use the default port, always the first; the others in rising order, so that nothing moves by itself. */
static void list_udp_ports(struct model *m)
{
	size_t n = 0;

	m->local_udp_ports[n++] = VXLAN_UDP_PORT;
	for (size_t i = 0; i < m->n_udp_ports && n < MODEL_MAX_UDP_PORTS; i++) {
		if (m->udp_ports[i].udp_port != VXLAN_UDP_PORT)
			m->local_udp_ports[n++] = m->udp_ports[i].udp_port;
	}
	qsort(&m->local_udp_ports[1], n - 1, sizeof(uint16_t), compare_udp_ports);
	m->n_local_udp_ports = n;
}

static int compare_udp_ports(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}
