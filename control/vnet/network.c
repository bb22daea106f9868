/* SPDX-License-Identifier: Apache-2.0 */
/* Networks: their groups, policies and limits; and what all networks share. */
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "control/vnet/vnet.h"

static void compile_groups(const struct model *m, const struct entity *e, struct unit *u);
static void compile_policies(const struct entity *e, struct rule_draft *r);

static void decode(struct model_plan *p, struct entity *e)
{
	struct network_conf *n = &e->network;
	struct key_buf kb;
	const char *unknown = member_string(e->data, "unknown_unicast"),
		   *unknown_arp = member_string(e->data, "unknown_arp");

	n->vni = (uint32_t)member_u64(e->data, "vni", 0);
	n->mtu = (uint16_t)member_u64(e->data, "mtu", 0);
	n->flood_unknown = unknown != NULL && strcmp(unknown, "flood") == 0;
	n->flood_unknown_arp = unknown_arp != NULL && strcmp(unknown_arp, "flood") == 0;
	n->arp_suppress = member_bool(e->data, "arp_suppress", true);
	entity_provide(plan_model(p), e, key_make(&kb, KEY_VNI, "", &n->vni, sizeof(n->vni)),
	    "/vni", -1, false);
}

static void touch(struct model_plan *p, const struct entity *old_e, const struct entity *new_e)
{
	struct key_buf kb;

	if (old_e == NULL || new_e == NULL)
		return; // its users are in the same transaction, or it has none
	struct anchor *a =
	    model_anchor(plan_model(p), key_object(&kb, API_TABLE_NETWORK, new_e->name));
	list_foreach (user, &a->users, struct key, link) {
		const struct entity *e = user->entity;
		plan_dirty(p, e->table, e->name);
		if (e->table == API_TABLE_PORT && !e->broken && e->port.kind == PK_REMOTE &&
		    e->port.peer != NULL)
			plan_dirty(p, API_TABLE_TUNNEL_PEER, e->port.peer);
	}
}

struct count {
	uint16_t largest_mtu; // of ports that ask for one
};

static void count_port(const struct entity *port, void *arg)
{
	struct count *c = arg;

	c->largest_mtu = MAX_OF(c->largest_mtu, port->port.mtu);
}

static void check(struct model_plan *p, const struct entity *e)
{
	const struct model *m = plan_model(p);
	unsigned int overhead = model_overhead(m), underlay = m->underlay.mtu;
	struct count c = {0};

	if (e->network.mtu != 0 && underlay != 0 && e->network.mtu + overhead > underlay) {
		struct err *err = plan_error(p, e);
		err_path(err, "/mtu");
		err_set(err, ERR_CONFLICT,
		    "an MTU of %u needs %u bytes on the underlay, which carries %u", e->network.mtu,
		    e->network.mtu + overhead, underlay);
		err_hint(err, "the largest is %u", underlay - overhead);
	}
	net_ports_foreach(m, e->name, count_port, &c);
	if (e->network.mtu != 0 && c.largest_mtu > e->network.mtu) {
		struct err *err = plan_error(p, e);
		err_path(err, "/mtu");
		err_set(err, ERR_CONFLICT, "a port of the network has an MTU of %u", c.largest_mtu);
		err_hint(err, "lower the port's first");
	}
}

static void compile(struct model *m, struct entity *e, struct unit *u)
{
	struct rule_draft r;

	compile_groups(m, e, u);
	rule_init(&r, u);
	compile_policies(e, &r);
	rule_fini(&r);
}

const struct table_ops network_ops = {
    .decode = decode, .touch = touch, .check = check, .compile = compile};

/* A group in the making: each bucket has one output. */
struct group_draft {
	struct rule_draft actions; // scratch: of the current bucket
	struct buf_writer body;
	struct dp_group_conf conf;
};

static void group_start(struct group_draft *g, struct unit *u, uint32_t id)
{
	rule_init(&g->actions, u);
	buf_writer_init(&g->body, DP_BODY_MAX);
	g->conf =
	    (struct dp_group_conf){.bridge = NET_BRIDGE_ID, .group_id = id, .type = DP_GROUP_ALL};
	buf_put(&g->body, &g->conf, sizeof(g->conf));
}

static void group_end_bucket(struct group_draft *g)
{
	struct buf_writer *actions = &g->actions.actions;
	struct dp_bucket_conf b = {.watch_port = DP_OFPORT_ANY,
	    .watch_group = UINT32_MAX,
	    .actions_size = (uint32_t)actions->size};

	buf_put(&g->body, &b, sizeof(b));
	buf_put(&g->body, actions->data, actions->size);
	actions->size = 0;
	g->conf.n_buckets++;
}

static void group_emit(struct group_draft *g)
{
	memcpy(g->body.data, &g->conf, sizeof(g->conf));
	unit_emit(g->actions.unit, DP_KIND_GROUP, (uint64_t)NET_BRIDGE_ID << 32 | g->conf.group_id,
	    g->body.data, g->body.size);
	rule_fini(&g->actions);
	buf_writer_fini(&g->body);
}

static void add_local_bucket(const struct entity *port, void *arg)
{
	struct group_draft *g = arg;

	if (port->port.kind == PK_REMOTE)
		return;
	rule_output(&g->actions, port->port.ofport);
	group_end_bucket(g);
}

static void add_peer_bucket(const struct entity *peer, void *arg)
{
	struct group_draft *g = arg;

	rule_set_tun_dst(&g->actions, &peer->peer.remote);
	rule_output(&g->actions, NET_VXLAN_OFPORT);
	group_end_bucket(g);
}

static void compile_groups(const struct model *m, const struct entity *e, struct unit *u)
{
	struct group_draft g;

	group_start(&g, u, GROUP_LOCAL + e->network.vni);
	net_ports_foreach(m, e->name, add_local_bucket, &g);
	group_emit(&g);

	group_start(&g, u, GROUP_FLOOD + e->network.vni);
	rule_group(&g.actions, GROUP_LOCAL + e->network.vni);
	group_end_bucket(&g);
	net_peers_foreach(m, e->name, add_peer_bucket, &g);
	group_emit(&g);
}

static void compile_policies(const struct entity *e, struct rule_draft *r)
{
	uint32_t vni = e->network.vni;

	rule_start(r, NET_BRIDGE_ID, NET_INGRESS, 100);
	rule_match(r, FIELD_IN_PORT, NET_VXLAN_OFPORT);
	rule_match(r, FIELD_TUN_ID, vni);
	rule_metadata(r, vni);
	rule_goto(r, NET_LOCAL);
	rule_emit(r);

	rule_start(r, NET_BRIDGE_ID, NET_REMOTE, 10);
	rule_match(r, FIELD_METADATA, vni);
	rule_match_multicast(r);
	rule_set(r, FIELD_TUN_ID, vni);
	rule_group(r, GROUP_FLOOD + vni);
	rule_emit(r);

	rule_start(r, NET_BRIDGE_ID, NET_LOCAL, 10);
	rule_match(r, FIELD_METADATA, vni);
	rule_match_multicast(r);
	rule_group(r, GROUP_LOCAL + vni);
	rule_emit(r);

	if (e->network.flood_unknown) {
		rule_start(r, NET_BRIDGE_ID, NET_LOCAL, 5);
		rule_match(r, FIELD_IN_PORT, NET_VXLAN_OFPORT);
		rule_match(r, FIELD_METADATA, vni);
		rule_group(r, GROUP_LOCAL + vni);
		rule_emit(r);

		rule_start(r, NET_BRIDGE_ID, NET_LOCAL, 1);
		rule_match(r, FIELD_METADATA, vni);
		rule_set(r, FIELD_TUN_ID, vni);
		rule_group(r, GROUP_FLOOD + vni);
		rule_emit(r);
	}
	if (!e->network.arp_suppress || e->network.flood_unknown_arp)
		return;
	// Requests that nobody here can answer. Unicast ones (a check that a neighbour is still there) go to their target.
	rule_start(r, NET_BRIDGE_ID, NET_RESPONDER, 10);
	rule_match(r, FIELD_METADATA, vni);
	rule_match(r, FIELD_ETH_TYPE, ETH_P_ARP);
	rule_match(r, FIELD_ARP_OP, 1);
	rule_match_multicast(r);
	rule_drop(r, DP_DROP_RESPONDER);
	rule_emit(r);

	rule_start(r, NET_BRIDGE_ID, NET_RESPONDER, 10);
	rule_match(r, FIELD_METADATA, vni);
	rule_match(r, FIELD_ETH_TYPE, ETH_P_IPV6);
	rule_match(r, FIELD_IP_PROTO, IPPROTO_ICMPV6);
	rule_match(r, FIELD_ICMPV6_TYPE, 135);
	rule_match_multicast(r);
	rule_drop(r, DP_DROP_RESPONDER);
	rule_emit(r);
}

struct visit {
	const struct entity **e;
	size_t n, capacity;
};

static int by_name(const void *a, const void *b)
{
	const struct entity *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* Sorted, so that what is compiled does not depend on the order of history. */
static void visit_all(struct visit *v, void (*cb)(const struct entity *e, void *arg), void *arg)
{
	if (v->n > 0)
		qsort(v->e, v->n, sizeof(struct entity *), by_name);
	for (size_t i = 0; i < v->n; i++) {
		if (i == 0 || v->e[i] != v->e[i - 1])
			cb(v->e[i], arg);
	}
	free(v->e);
}

static void visit_add(struct visit *v, const struct entity *e)
{
	if (e == NULL || e->broken)
		return;
	v->e = mem_grow(v->e, v->n, &v->capacity, sizeof(struct entity *));
	v->e[v->n++] = e;
}

void net_ports_foreach(const struct model *m, const char *network,
    void (*cb)(const struct entity *port, void *arg), void *arg)
{
	struct key_buf kb;
	struct anchor *a = model_anchor(m, key_object(&kb, API_TABLE_NETWORK, network));
	struct visit v = {0};

	if (a == NULL)
		return;
	list_foreach (user, &a->users, struct key, link) {
		if (user->entity->table == API_TABLE_PORT)
			visit_add(&v, user->entity);
	}
	visit_all(&v, cb, arg);
}

/* Peers that list the network, and peers that a remote port of it is behind. */
void net_peers_foreach(const struct model *m, const char *network,
    void (*cb)(const struct entity *peer, void *arg), void *arg)
{
	struct key_buf kb;
	struct anchor *a = model_anchor(m, key_object(&kb, API_TABLE_NETWORK, network));
	struct visit v = {0};

	if (a == NULL)
		return;
	list_foreach (user, &a->users, struct key, link) {
		const struct entity *e = user->entity;
		if (e->table == API_TABLE_TUNNEL_PEER)
			visit_add(&v, e);
		else if (e->table == API_TABLE_PORT && !e->broken && e->port.kind == PK_REMOTE &&
			 e->port.peer != NULL)
			visit_add(&v, model_entity(m, API_TABLE_TUNNEL_PEER, e->port.peer));
	}
	visit_all(&v, cb, arg);
}
