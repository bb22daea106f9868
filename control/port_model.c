/* SPDX-License-Identifier: Apache-2.0 */
/* Ports: what the API says, checked, as struct dp_port_conf. Rules of ports of networks are in vnet/port_rules.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/port_priv.h"
#include "control/vnet/vnet.h"

static const char *const kind_words[PK__COUNT] = {
    [PK_VHOST_USER] = "vhost-user",
    [PK_ETHDEV] = "ethdev",
    [PK_TAP] = "tap",
    [PK_PATCH] = "patch",
    [PK_VXLAN] = "vxlan",
    [PK_NULL] = "null",
    [PK_PCAP] = "pcap",
    [PK_UPLINK] = "uplink",
    [PK_REMOTE] = "remote",
};

static const uint16_t dp_kinds[PK__COUNT] = {
    [PK_VHOST_USER] = DP_PORT_VHOST_USER,
    [PK_ETHDEV] = DP_PORT_ETHDEV,
    [PK_TAP] = DP_PORT_TAP,
    [PK_PATCH] = DP_PORT_PATCH,
    [PK_VXLAN] = DP_PORT_VXLAN,
    [PK_NULL] = DP_PORT_NULL,
    [PK_PCAP] = DP_PORT_PCAP,
    [PK_UPLINK] = DP_PORT_ETHDEV,
};

#define KINDS(...) ((uint32_t)(0 __VA_ARGS__))
#define K(kind)    | 1U << PK_##kind

/* Members without a default: which kinds take them, and which cannot do without. */
static const struct {
	const char *name;
	uint32_t allowed, required;
} members[] = {
    {"socket", KINDS(K(VHOST_USER)), 0},
    {"device", KINDS(K(ETHDEV) K(TAP) K(PCAP) K(UPLINK)), KINDS(K(ETHDEV) K(PCAP))},
    {"interface", KINDS(K(UPLINK)), KINDS(K(UPLINK))},
    {"peer", KINDS(K(PATCH) K(REMOTE)), KINDS(K(PATCH) K(REMOTE))},
    {"remote_ip", KINDS(K(VXLAN)), KINDS(K(VXLAN))},
    {"vni", KINDS(K(VXLAN)), KINDS(K(VXLAN))},
    {"in_vni", KINDS(K(VXLAN)), 0},
    {"out_vni", KINDS(K(VXLAN)), 0},
    {"local_ip", KINDS(K(VXLAN)), 0},
    {"ttl", KINDS(K(VXLAN)), 0},
    {"df", KINDS(K(VXLAN)), 0},
    {"csum", KINDS(K(VXLAN)), 0},
    {"inner_vlan", KINDS(K(VXLAN)), 0},
    {"ofport", ~KINDS(K(UPLINK) K(REMOTE)), 0},
    {"network", ~KINDS(K(UPLINK) K(PATCH) K(VXLAN)), KINDS(K(REMOTE))},
    {"bridge", ~KINDS(K(UPLINK) K(REMOTE)), KINDS(K(PATCH) K(VXLAN))},
    {"vlan_mode", ~KINDS(K(UPLINK) K(REMOTE)), 0},
    {"tag", ~KINDS(K(UPLINK) K(REMOTE)), 0},
    {"trunks", ~KINDS(K(UPLINK) K(REMOTE)), 0},
    {"priority_tags", ~KINDS(K(UPLINK) K(REMOTE)), 0},
    {"policing_kbps", ~KINDS(K(UPLINK) K(REMOTE) K(PATCH) K(VXLAN)), 0},
    {"policing_burst_kbit", ~KINDS(K(UPLINK) K(REMOTE) K(PATCH) K(VXLAN)), 0},
};

static bool check_members(struct model_plan *p, const struct entity *e);
static void read_addresses(struct model_plan *p, struct entity *e);
static void provide_keys(struct model *m, struct entity *e);
static bool is_one_of_many(const char *device);
static void default_device(const struct model *m, const struct entity *e, char buf[256]);

struct err *port_error(struct model_plan *p, const struct entity *e, const char *path)
{
	struct err *err = plan_error(p, e);

	err_path(err, "%s", path);
	return err;
}

static void decode(struct model_plan *p, struct entity *e)
{
	struct port_conf *port = &e->port;
	const char *word = member_string(e->data, "kind");

	for (unsigned int k = 0; word != NULL && k < PK__COUNT; k++) {
		if (strcmp(word, kind_words[k]) == 0)
			port->kind = (enum port_kind)k;
	}
	if (strcmp(e->name, NET_VXLAN_NAME) == 0) {
		err_set(port_error(p, e, "/name"), ERR_EXISTS, "\"%s\" is the daemon's own port",
		    e->name);
		return;
	}
	port->network = member_string(e->data, "network");
	port->bridge = member_string(e->data, "bridge");
	port->peer = member_string(e->data, "peer");
	port->ofport = (uint32_t)member_u64(e->data, "ofport", 0);
	port->mtu = (uint16_t)member_u64(e->data, "mtu", 0);
	port->security = member_bool(e->data, "security", true);
	const char *mac = member_string(e->data, "mac");
	port->has_mac = mac != NULL && mac_parse(mac, &port->mac) == 0;
	if (port->ofport > PORT_MAX_OFPORT && port->ofport != PORT_LOCAL_OFPORT)
		err_set(port_error(p, e, "/ofport"), ERR_PARAMS,
		    "a number of 1 to %d, or %d for the bridge's own port", PORT_MAX_OFPORT,
		    PORT_LOCAL_OFPORT);
	if (!check_members(p, e))
		return;
	read_addresses(p, e);
	port_vlan_check(p, e);
	if (port->kind == PK_VXLAN)
		port_tunnel_decode(p, e);
	if (port->network != NULL && port->kind != PK_REMOTE)
		port->bridge = NET_BRIDGE_NAME;
	if (port->ofport == PORT_LOCAL_OFPORT)
		port->ofport = DP_OFPORT_LOCAL; // what rules call it
	provide_keys(plan_model(p), e);
}

static bool check_members(struct model_plan *p, const struct entity *e)
{
	const struct port_conf *port = &e->port;
	uint32_t bit = 1U << port->kind;
	size_t n_errs = 0;

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		bool there = json_object_get(e->data, members[i].name) != NULL;
		char path[32];
		snprintf(path, sizeof(path), "/%s", members[i].name);
		if (there && !(members[i].allowed & bit))
			n_errs++, err_set(port_error(p, e, path), ERR_PARAMS,
				      "a port of kind %s has no %s", kind_words[port->kind],
				      members[i].name);
		if (!there && (members[i].required & bit))
			n_errs++, err_set(port_error(p, e, path), ERR_PARAMS,
				      "a port of kind %s needs %s", kind_words[port->kind],
				      members[i].name);
	}
	if (n_errs > 0)
		return false;
	if (port->network != NULL && port->bridge != NULL) {
		err_set(port_error(p, e, "/bridge"), ERR_PARAMS,
		    "a port is in a network or on a bridge, not both");
		return false;
	}
	if (port->network == NULL && port->bridge == NULL && port->kind != PK_UPLINK) {
		err_set(port_error(p, e, ""), ERR_PARAMS,
		    "a port is in a network or on a bridge: give one");
		return false;
	}
	if (port->network != NULL &&
	    (!port->has_mac || mac_is_multicast(&port->mac) || mac_is_zero(&port->mac))) {
		struct err *err = port_error(p, e, "/mac");
		err_set(err, ERR_PARAMS,
		    "a port of a network needs the unicast MAC address of what is behind it");
		err_hint(err, "02:xx:xx:xx:xx:xx are free to use");
		return false;
	}
	return true;
}

static void read_addresses(struct model_plan *p, struct entity *e)
{
	struct port_conf *port = &e->port;
	json_t *list = json_object_get(e->data, "addresses");
	size_t n = json_array_size(list);

	if (n == 0)
		return;
	if (port->network == NULL) {
		err_set(port_error(p, e, "/addresses"), ERR_PARAMS,
		    "addresses are for ports of a network");
		return;
	}
	port->addrs = mem_alloc(n * sizeof(struct prefix));
	for (size_t i = 0; i < n; i++) {
		struct prefix a;
		const char *text = json_string_value(json_array_get(list, i));
		char path[32];
		snprintf(path, sizeof(path), "/addresses/%zu", i);
		if (text == NULL || ip_prefix_parse(text, &a.addr, &a.len) < 0 ||
		    ip_is_multicast(&a.addr)) {
			err_set(port_error(p, e, path), ERR_PARAMS,
			    "not an address or prefix that a port may use");
			return;
		}
		for (size_t k = 0; k < port->n_addrs; k++) {
			if (port->addrs[k].len != a.len || !ip_equal(&port->addrs[k].addr, &a.addr))
				continue;
			err_set(port_error(p, e, path), ERR_PARAMS, "%s is listed twice", text);
			return;
		}
		port->addrs[port->n_addrs++] = a;
	}
}

static void provide_ip(
    struct model *m, struct entity *e, const struct ip_addr *ip, const char *path, int index)
{
	struct key_buf kb;

	entity_provide(
	    m, e, key_make(&kb, KEY_IP, e->port.network, ip, sizeof(*ip)), path, index, false);
}

static void provide_network_keys(struct model *m, struct entity *e)
{
	const struct port_conf *port = &e->port;
	struct key_buf kb;

	entity_need(m, e, key_object(&kb, API_TABLE_NETWORK, port->network), "/network", -1, false);
	entity_provide(m, e, key_make(&kb, KEY_MAC, port->network, &port->mac, sizeof(port->mac)),
	    "/mac", -1, false);
	struct ip6_addr ll6 = ip6_link_local(&port->mac);
	struct ip_addr ll = ip_from_v6(&ll6);
	provide_ip(m, e, &ll, "/mac", -1);
	for (size_t i = 0; i < port->n_addrs; i++) {
		const struct prefix *a = &port->addrs[i];
		if (a->len == (ip_is_v4(&a->addr) ? 32 : 128) && !ip_equal(&a->addr, &ll))
			provide_ip(m, e, &a->addr, "/addresses", (int)i);
	}
}

static void provide_keys(struct model *m, struct entity *e)
{
	const struct port_conf *port = &e->port;
	struct key_buf kb;
	char device[256];

	if (port->network != NULL)
		provide_network_keys(m, e);
	else if (port->bridge != NULL)
		entity_need(
		    m, e, key_object(&kb, API_TABLE_BRIDGE, port->bridge), "/bridge", -1, false);
	if (port->ofport != 0)
		entity_provide(m, e,
		    key_make(&kb, KEY_OFPORT, port->bridge, &port->ofport, sizeof(port->ofport)),
		    "/ofport", -1, false);
	if (port->peer != NULL)
		entity_need(m, e,
		    key_object(&kb, port->kind == PK_PATCH ? API_TABLE_PORT : API_TABLE_TUNNEL_PEER,
			port->peer),
		    "/peer", -1, false);
	default_device(m, e, device);
	if (device[0] != '\0' && port->kind != PK_PCAP && !is_one_of_many(device)) {
		const char *path = port->kind == PK_VHOST_USER ? "/socket" : "/device";
		uint16_t dp_kind = dp_kinds[port->kind];
		uint8_t extra[sizeof(device) + 2];
		memcpy(extra, &dp_kind, 2);
		memcpy(extra + 2, device, strlen(device));
		entity_provide(m, e, key_make(&kb, KEY_DEVICE, "", extra, strlen(device) + 2), path,
		    -1, false);
	}
}

/* Null devices without a number are not the same device: the switch gives each its own. */
static bool is_one_of_many(const char *device)
{
	static const char name[] = "net_null";
	size_t size = strlen(name);

	return strncmp(device, name, size) == 0 && (device[size] == '\0' || device[size] == ',');
}

/* The argument of the port's kind, as the API says or by default; "" when it has none. */
static void default_device(const struct model *m, const struct entity *e, char buf[256])
{
	const char *device = member_string(e->data, "device"),
		   *socket = member_string(e->data, "socket");
	const char *interface = member_string(e->data, "interface");

	buf[0] = '\0';
	if (e->port.kind == PK_VHOST_USER && socket != NULL)
		snprintf(buf, 256, "%s", socket);
	else if (e->port.kind == PK_VHOST_USER)
		snprintf(buf, 256, "%s/%s.sock", m->rundir, e->name);
	else if (device != NULL)
		snprintf(buf, 256, "%s", device);
	else if (e->port.kind == PK_TAP)
		snprintf(buf, 256, "%s", e->name);
	else if (e->port.kind == PK_UPLINK && interface != NULL)
		snprintf(buf, 256, "net_af_packet_%s,iface=%s", interface, interface);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Flows and groups that name the port hold its number. */
static void remake_users(struct model_plan *p, const struct entity *e)
{
	struct key_buf kb;
	struct anchor *a = model_anchor(plan_model(p), key_object(&kb, API_TABLE_PORT, e->name));
	struct entity **users = NULL;
	size_t n = 0, capacity = 0;

	list_foreach (user, &a->users, struct key, link) {
		if (user->entity->table != API_TABLE_FLOW && user->entity->table != API_TABLE_GROUP)
			continue;
		if (n > 0 && users[n - 1] == user->entity)
			continue;
		users = mem_grow(users, n, &capacity, sizeof(struct entity *));
		users[n++] = user->entity;
	}
	for (size_t i = 0; i < n; i++) {
		if (model_entity(plan_model(p), users[i]->table, users[i]->name) == users[i])
			plan_remake(p, users[i], e->op);
	}
	free(users);
}

static void touch_around(struct model_plan *p, const struct entity *e)
{
	if (e->port.network != NULL)
		plan_dirty(p, API_TABLE_NETWORK, e->port.network);
	if (e->port.kind == PK_REMOTE && e->port.peer != NULL)
		plan_dirty(p, API_TABLE_TUNNEL_PEER, e->port.peer);
}

static void touch(struct model_plan *p, const struct entity *old_e, const struct entity *new_e)
{
	if (old_e != NULL)
		touch_around(p, old_e);
	if (new_e == NULL)
		return;
	touch_around(p, new_e);
	if (old_e != NULL && (old_e->port.ofport != new_e->port.ofport ||
				 !same_text(old_e->port.bridge, new_e->port.bridge)))
		remake_users(p, new_e);
}

struct port_counts {
	size_t n_local;
};

static void count_local(const struct entity *port, void *arg)
{
	struct port_counts *c = arg;

	if (port->port.kind != PK_REMOTE)
		c->n_local++;
}

static void count_peer(const struct entity *, void *arg)
{
	(*(size_t *)arg)++;
}

static void check_network(struct model_plan *p, const struct entity *e)
{
	const struct model *m = plan_model(p);
	const struct entity *net = model_entity(m, API_TABLE_NETWORK, e->port.network);
	struct port_counts counts = {0};

	if (net->broken)
		return;
	unsigned int mtu = net->network.mtu != 0 ? net->network.mtu : model_default_mtu(m);
	bool known = net->network.mtu != 0 || m->underlay.mtu != 0;
	if (known && e->port.mtu > mtu) {
		struct err *err = port_error(p, e, "/mtu");
		err_set(err, ERR_CONFLICT, "an MTU of %u is more than the network's %u",
		    e->port.mtu, mtu);
		err_hint(err, "the largest is %u", mtu);
	}
	if (e->port.kind == PK_REMOTE && m->n_entities[API_TABLE_TUNNEL_PEER] > NET_MAX_PEERS) {
		size_t n_peers = 0;
		net_peers_foreach(m, e->port.network, count_peer, &n_peers);
		if (n_peers > NET_MAX_PEERS)
			err_set(port_error(p, e, "/peer"), ERR_TABLE_FULL,
			    "network \"%s\" has more than %u peers", net->name, NET_MAX_PEERS);
	}
	if (m->n_entities[API_TABLE_PORT] <= NET_MAX_LOCAL_PORTS)
		return;
	net_ports_foreach(m, e->port.network, count_local, &counts);
	if (counts.n_local > NET_MAX_LOCAL_PORTS)
		err_set(port_error(p, e, "/network"), ERR_TABLE_FULL,
		    "a network has at most %u ports on a host", NET_MAX_LOCAL_PORTS);
}

static void check(struct model_plan *p, const struct entity *e)
{
	char device[256];

	if (e->port.network != NULL)
		check_network(p, e);
	if (e->port.kind == PK_VXLAN)
		port_tunnel_check(p, e);
	if (e->port.kind == PK_PATCH) {
		const struct entity *peer =
		    model_entity(plan_model(p), API_TABLE_PORT, e->port.peer);
		if (!peer->broken && (peer->port.kind != PK_PATCH || peer == e ||
					 !same_text(peer->port.peer, e->name))) {
			struct err *err = port_error(p, e, "/peer");
			err_set(err, ERR_CONFLICT,
			    "port \"%s\" is not a patch port whose peer is \"%s\"", peer->name,
			    e->name);
			err_hint(err, "put both ports in one transaction");
		}
	}
	default_device(plan_model(p), e, device);
	if (e->port.kind == PK_VHOST_USER && strlen(device) > 107)
		err_set(port_error(p, e, "/socket"), ERR_PARAMS,
		    "the default socket path is over 107 characters: give a shorter one");
	if (e->port.kind == PK_TAP && strlen(device) > 15)
		err_set(port_error(p, e, "/device"), ERR_PARAMS,
		    "an interface name has at most 15 characters: give a shorter device");
}

static uint16_t port_mtu(const struct model *m, const struct port_conf *port)
{
	if (port->mtu != 0)
		return port->mtu;
	if (port->kind == PK_UPLINK)
		return m->underlay.mtu != 0
			   ? (uint16_t)MIN_OF((int)m->underlay.mtu, (int)DP_MAX_MTU)
			   : 1500;
	if (port->kind == PK_VXLAN)
		return DP_MAX_MTU; // what the path carries is known by its route
	if (port->network == NULL)
		return 1500;
	const struct entity *net = model_entity(m, API_TABLE_NETWORK, port->network);
	return net->network.mtu != 0 ? net->network.mtu : model_default_mtu(m);
}

static void compile(struct model *m, struct entity *e, struct unit *u)
{
	const struct port_conf *port = &e->port;
	const char *mode = member_string(e->data, "mode");
	struct dp_port_conf conf = {
	    .ofport = port->ofport,
	    .kind = dp_kinds[port->kind],
	    .mtu = port_mtu(m, port),
	    .n_queues = (uint16_t)member_u64(e->data, "queues", 1),
	    .max_macs = (uint32_t)member_u64(e->data, "max_macs", 1024),
	    .copies_pps = (uint32_t)member_u64(e->data, "copies_pps", 100000),
	    .punt_pps = (uint32_t)member_u64(e->data, "punt_pps", 100),
	    .policing_kbps = (uint32_t)member_u64(e->data, "policing_kbps", 0),
	};

	if (conf.policing_kbps != 0)
		conf.policing_burst_kbit = (uint32_t)member_u64(e->data, "policing_burst_kbit", 0);
	if (port->kind != PK_REMOTE) {
		snprintf(conf.name, sizeof(conf.name), "%s", e->name);
		default_device(m, e, conf.arg);
		conf.bridge = port->bridge != NULL ? model_bridge_id(m, port->bridge) : 0;
		if (port->kind == PK_VHOST_USER && mode != NULL && strcmp(mode, "server") == 0)
			conf.flags |= DP_PORT_F_SERVER;
		if (port->kind == PK_VHOST_USER || port->network != NULL)
			conf.flags |= DP_PORT_F_GUEST;
		if (port->kind == PK_UPLINK)
			conf.flags |= DP_PORT_F_UPLINK;
		if (port->has_mac && port->kind == PK_TAP)
			conf.mac = port->mac;
		if (port->kind == PK_PATCH)
			conf.peer = (uint16_t)model_port_id(m, port->peer);
		if (port->kind == PK_VXLAN)
			port_tunnel_fill(e, &conf);
		if (port->network == NULL && port->bridge != NULL)
			port_vlan_fill(e, &conf);
		unit_emit(u, DP_KIND_PORT, port->id, &conf, sizeof(conf));
	}
	if (port->network != NULL)
		net_port_compile(m, e, u);
}

const struct table_ops port_ops = {
    .decode = decode, .touch = touch, .check = check, .compile = compile};
