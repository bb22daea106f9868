/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/dp_validate.h"

#include <stdio.h>
#include <string.h>

enum {
	SOCKET_PATH_MAX_LEN = 107, // sun_path without its NUL
	IFNAME_MAX_LEN = 15,
	MIN_MTU = 68, // RFC 791 3.2
	MAX_MACS = 1 << 20,
	MAX_RATE_PPS = 100000000,
	MAX_AGE_S = 24 * 3600,
	TUNNEL_FLAGS = DP_PORT_F_REMOTE_FLOW | DP_PORT_F_VNI_FLOW | DP_PORT_F_PEERS_ONLY |
		       DP_PORT_F_TOS_INHERIT | DP_PORT_F_INNER_VLAN | DP_PORT_F_ZERO_CSUM6 |
		       DP_PORT_F_OUT_VNI | DP_PORT_F_OUT_VNI_FLOW | DP_PORT_F_LOCAL_FLOW |
		       DP_PORT_F_TTL_INHERIT | DP_PORT_F_CSUM | DP_PORT_F_NO_DF,
	PORT_FLAGS = TUNNEL_FLAGS | DP_PORT_F_SERVER | DP_PORT_F_UPLINK | DP_PORT_F_NO_FLOOD |
		     DP_PORT_F_GUEST | DP_PORT_F_TRUNKS,
};

static int check_bridge(uint64_t id, const struct dp_bridge_conf *c, size_t size, char *what);
static int check_port(uint64_t id, const struct dp_port_conf *c, size_t size, char *what);
static int check_port_place(const struct dp_port_conf *c, char *what);
static int check_port_arg(const struct dp_port_conf *c, char *what);
static int check_port_tunnel(const struct dp_port_conf *c, char *what);
static int check_port_tunnel_out(const struct dp_port_conf *c, char *what);
static int check_port_vlan(const struct dp_port_conf *c, char *what);
static int check_rule(uint64_t id, const void *body, size_t size, char *what);
static int check_route(const struct dp_route_conf *c, size_t size, char *what);
static int check_local(const struct dp_local_conf *c, size_t size, char *what);
static int check_peer(const struct dp_peer_conf *c, size_t size, char *what);
static bool name_is_valid(const char *name, size_t size);
static bool text_is_valid(const char *text, size_t size);
static bool is_zero(const void *bytes, size_t size);
static bool is_host(const struct ip_addr *ip);
static bool is_station(const struct mac_addr *mac);
static int bad(char *what, const char *text);

int dp_validate_op(const struct dp_op *op, size_t left, char what[DP_WHAT_SIZE])
{
	assert((uintptr_t)op % 8 == 0);
	if (left < sizeof(*op) || op->size < sizeof(*op) || op->size > left || op->size % 8 != 0)
		return bad(what, "op: size is not within the message, or not a multiple of 8");
	if (op->kind == 0 || op->kind >= DP_KIND__COUNT)
		return bad(what, "op: unknown kind");
	const void *body = op + 1;
	size_t size = op->size - sizeof(*op);
	if (op->verb == DP_DEL)
		return size == 0 ? 0 : bad(what, "op: a delete has no body");
	if (op->verb != DP_PUT)
		return bad(what, "op: unknown verb");

	switch ((enum dp_kind)op->kind) {
	case DP_KIND_BRIDGE: return check_bridge(op->id, body, size, what);
	case DP_KIND_PORT: return check_port(op->id, body, size, what);
	case DP_KIND_RULE: return check_rule(op->id, body, size, what);
	case DP_KIND_GROUP: return dp_group_validate(op->id, body, size, what);
	case DP_KIND_ROUTE: return check_route(body, size, what);
	case DP_KIND_LOCAL: return check_local(body, size, what);
	case DP_KIND_PEER: return check_peer(body, size, what);
	case DP_KIND__COUNT: break;
	}
	return bad(what, "op: unknown kind");
}

static int check_bridge(uint64_t id, const struct dp_bridge_conf *c, size_t size, char *what)
{
	if (size != sizeof(*c))
		return bad(what, "bridge: wrong size");
	if (id == 0 || id > DP_MAX_BRIDGES)
		return bad(what, "bridge: id is not in 1..255");
	if (!name_is_valid(c->name, sizeof(c->name)))
		return bad(what, "bridge: bad name");
	if ((c->flags & ~(uint32_t)DP_BRIDGE_F_MISS_NORMAL) != 0 || c->pad != 0)
		return bad(what, "bridge: unknown flag or padding that is not zero");
	if (c->mac_age_s > MAX_AGE_S || c->max_macs > MAX_MACS)
		return bad(what, "bridge: mac_age_s or max_macs is over its limit");
	return 0;
}

static int check_port(uint64_t id, const struct dp_port_conf *c, size_t size, char *what)
{
	if (size != sizeof(*c))
		return bad(what, "port: wrong size");
	if (id == 0 || id >= DP_MAX_PORTS)
		return bad(what, "port: id is not in 1..4095");
	if (!name_is_valid(c->name, sizeof(c->name)))
		return bad(what, "port: bad name");
	if ((c->flags & ~(uint32_t)PORT_FLAGS) != 0 || !is_zero(c->pad, sizeof(c->pad)))
		return bad(what, "port: unknown flag or padding that is not zero");
	if (c->mtu < MIN_MTU || c->mtu > DP_MAX_MTU)
		return bad(what, "port: mtu is not in 68..9216");
	if (c->n_queues == 0 || c->n_queues > DP_MAX_QUEUES)
		return bad(what, "port: n_queues is not in 1..16");
	if (c->max_macs > MAX_MACS || c->copies_pps > MAX_RATE_PPS || c->punt_pps > MAX_RATE_PPS)
		return bad(what, "port: max_macs, copies_pps or punt_pps is over its limit");
	if (mac_is_multicast(&c->mac))
		return bad(what, "port: mac is a group address");
	if (c->kind == DP_PORT_PATCH && (c->peer == 0 || c->peer >= DP_MAX_PORTS || c->peer == id))
		return bad(what, "port: a patch needs another port as its peer");
	if (c->kind != DP_PORT_PATCH && c->peer != 0)
		return bad(what, "port: only a patch has a peer");
	int rc = check_port_place(c, what);
	if (rc < 0)
		return rc;
	rc = check_port_arg(c, what);
	if (rc == 0)
		rc = check_port_tunnel(c, what);
	return rc < 0 ? rc : check_port_vlan(c, what);
}

/* Where it is plugged in: an uplink is on no bridge; every other port has a bridge and a number there. */
static int check_port_place(const struct dp_port_conf *c, char *what)
{
	bool device = c->kind == DP_PORT_ETHDEV || c->kind == DP_PORT_TAP ||
		      c->kind == DP_PORT_NULL || c->kind == DP_PORT_PCAP;

	if ((c->flags & DP_PORT_F_SERVER) != 0 && c->kind != DP_PORT_VHOST_USER)
		return bad(what, "port: only vhost-user can be a server");
	if ((c->flags & DP_PORT_F_UPLINK) != 0) {
		if (!device)
			return bad(what, "port: this kind cannot be an uplink");
		if (c->bridge != 0 || c->ofport != 0)
			return bad(what, "port: an uplink is on no bridge");
		return 0;
	}
	if (c->bridge == 0 || c->bridge > DP_MAX_BRIDGES)
		return bad(what, "port: bridge is not in 1..255");
	if (c->ofport == 0 || (c->ofport >= DP_OFPORT_MAX && c->ofport != DP_OFPORT_LOCAL))
		return bad(what, "port: ofport is neither a plain port number nor the local port");
	return 0;
}

static int check_port_arg(const struct dp_port_conf *c, char *what)
{
	if (!text_is_valid(c->arg, sizeof(c->arg)))
		return bad(what, "port: arg is not printable text that ends in zeros");
	size_t len = strlen(c->arg);

	switch (c->kind) {
	case DP_PORT_VHOST_USER:
		return len > 0 && len <= SOCKET_PATH_MAX_LEN && c->arg[0] == '/'
			   ? 0
			   : bad(what, "port: vhost-user needs an absolute socket path of at most "
				       "107 bytes");
	case DP_PORT_TAP:
		if (len == 0 || len > IFNAME_MAX_LEN || strpbrk(c->arg, "/: %") != NULL ||
		    c->arg[0] == '.')
			return bad(what, "port: arg is not an interface name");
		return 0;
	case DP_PORT_ETHDEV:
	case DP_PORT_PCAP: return len > 0 ? 0 : bad(what, "port: this kind needs an arg");
	case DP_PORT_NULL: return 0;
	case DP_PORT_PATCH:
	case DP_PORT_VXLAN: return len == 0 ? 0 : bad(what, "port: this kind takes no arg");
	default: return bad(what, "port: unknown kind");
	}
}

static int check_port_tunnel(const struct dp_port_conf *c, char *what)
{
	bool remote_flow = (c->flags & DP_PORT_F_REMOTE_FLOW) != 0;
	bool vni_flow = (c->flags & DP_PORT_F_VNI_FLOW) != 0;

	if (c->kind != DP_PORT_VXLAN) {
		bool none = (c->flags & TUNNEL_FLAGS) == 0 && c->tnl_udp_port == 0 &&
			    c->tnl_vni == 0 && c->tnl_ttl == 0 && c->tnl_tos == 0 &&
			    c->tnl_out_vni == 0 && ip_is_zero(&c->tnl_remote) &&
			    ip_is_zero(&c->tnl_local);
		return none ? 0 : bad(what, "port: tunnel members on a port that is no tunnel");
	}
	if (c->tnl_vni > DP_MAX_VNI || (vni_flow && c->tnl_vni != 0))
		return bad(what, "port: VNI over 24 bits, or one beside vni_flow");
	if ((c->tnl_tos & 3) != 0)
		return bad(what, "port: tnl_tos has ECN bits");
	if (remote_flow ? !ip_is_zero(&c->tnl_remote) : !is_host(&c->tnl_remote))
		return bad(what, "port: a tunnel has a unicast remote or remote_flow, not both");
	return check_port_tunnel_out(c, what);
}

static int check_port_tunnel_out(const struct dp_port_conf *c, char *what)
{
	bool out_vni = (c->flags & DP_PORT_F_OUT_VNI) != 0;
	bool has_local = !ip_is_zero(&c->tnl_local), has_remote = !ip_is_zero(&c->tnl_remote);

	if (out_vni && (c->flags & DP_PORT_F_OUT_VNI_FLOW) != 0)
		return bad(what, "port: out_vni and out_vni_flow");
	if (c->tnl_out_vni > DP_MAX_VNI || (!out_vni && c->tnl_out_vni != 0))
		return bad(
		    what, "port: tnl_out_vni over 24 bits, or one that no flag says is there");
	if (has_local && (!is_host(&c->tnl_local) || (c->flags & DP_PORT_F_LOCAL_FLOW) != 0))
		return bad(what, "port: tnl_local is no host's, or stands beside local_flow");
	if (has_local && has_remote && ip_is_v4(&c->tnl_local) != ip_is_v4(&c->tnl_remote))
		return bad(what, "port: tnl_local and tnl_remote are of different families");
	return 0;
}

static int check_port_vlan(const struct dp_port_conf *c, char *what)
{
	bool is_polled = c->kind != DP_PORT_PATCH && c->kind != DP_PORT_VXLAN &&
			 (c->flags & DP_PORT_F_UPLINK) == 0;
	if (c->policing_kbps > DP_MAX_POLICING_KBPS ||
	    c->policing_burst_kbit > DP_MAX_POLICING_BURST_KBIT)
		return bad(what, "port: policing rate or burst is over its limit");
	if ((c->policing_kbps != 0 && !is_polled) ||
	    (c->policing_kbps == 0 && c->policing_burst_kbit != 0))
		return bad(what, "port: policing of a patch, a tunnel, an uplink or no rate");
	if (c->vlan_mode >= DP_VLAN__COUNT || c->priority_tags >= DP_PRIORITY_TAGS__COUNT)
		return bad(what, "port: unknown vlan_mode or priority_tags");
	if (c->vlan_tag >= DP_N_VLANS || (c->vlan_mode == DP_VLAN_TRUNK && c->vlan_tag != 0))
		return bad(what, "port: vlan_tag over 4095, or one in mode trunk");
	bool has_list = (c->flags & DP_PORT_F_TRUNKS) != 0;
	if (has_list && c->vlan_mode == DP_VLAN_ACCESS)
		return bad(what, "port: trunks in mode access");
	if (!has_list && !is_zero(c->trunks, sizeof(c->trunks)))
		return bad(what, "port: trunks that no flag says are there");
	return 0;
}

static int check_rule(uint64_t id, const void *body, size_t size, char *what)
{
	struct dp_rule_parts parts;

	if (id == 0)
		return bad(what, "rule: id is 0");
	return dp_rule_decode(body, size, &parts, what);
}

static int check_route(const struct dp_route_conf *c, size_t size, char *what)
{
	if (size != sizeof(*c))
		return bad(what, "route: wrong size");
	if (c->pad != 0 || !is_zero(c->pad1, sizeof(c->pad1)))
		return bad(what, "route: padding is not zero");
	if (!is_host(&c->remote))
		return bad(what, "route: remote is not a unicast address");
	if (c->uplink >= DP_MAX_PORTS)
		return bad(what, "route: uplink is not a port id");
	if (!ip_is_zero(&c->local) &&
	    (!is_host(&c->local) || ip_is_v4(&c->local) != ip_is_v4(&c->remote)))
		return bad(what, "route: local is not a unicast address of the remote's family");
	if (c->state > DP_ROUTE_NO_NEIGHBOUR)
		return bad(what, "route: unknown state");
	if (c->state != DP_ROUTE_UP)
		return 0;
	if (c->uplink == 0 || c->mtu < MIN_MTU || ip_is_zero(&c->local))
		return bad(what, "route: up without uplink, local address or mtu");
	if (!is_station(&c->src_mac) || !is_station(&c->dst_mac))
		return bad(what, "route: up without unicast MAC addresses");
	return 0;
}

static int check_local(const struct dp_local_conf *c, size_t size, char *what)
{
	if (size != sizeof(*c))
		return bad(what, "local: wrong size");
	if (!is_host(&c->addr))
		return bad(what, "local: not a unicast address");
	if (c->udp_port == 0 || !is_zero(c->pad, sizeof(c->pad)))
		return bad(what, "local: no UDP port, or padding that is not zero");
	return 0;
}

static int check_peer(const struct dp_peer_conf *c, size_t size, char *what)
{
	if (size < sizeof(*c) || c->n_vnis > DP_MAX_PEER_VNIS)
		return bad(what, "peer: wrong size or too many VNIs");
	size_t vnis_size = c->n_vnis * sizeof(uint32_t);
	if (size != sizeof(*c) + ROUND_UP(vnis_size, 8))
		return bad(what, "peer: wrong size");
	if (!is_host(&c->remote))
		return bad(what, "peer: remote is not a unicast address");
	if (c->port == 0 || c->port >= DP_MAX_PORTS)
		return bad(what, "peer: port is not in 1..4095");
	const uint32_t *vnis = (const uint32_t *)(c + 1);
	for (uint32_t i = 0; i < c->n_vnis; i++) {
		if (vnis[i] > DP_MAX_VNI)
			return bad(what, "peer: VNI over 24 bits");
	}
	if (!is_zero(vnis + c->n_vnis, size - sizeof(*c) - vnis_size))
		return bad(what, "peer: padding is not zero");
	return 0;
}

/* [A-Za-z0-9._:-]{1,64}, then zeros: as json_name_is_valid, which names come from. */
static bool name_is_valid(const char *name, size_t size)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-";
	size_t len = strnlen(name, size);

	if (len == 0 || len >= DP_NAME_SIZE || !is_zero(name + len, size - len))
		return false;
	return strspn(name, allowed) == len;
}

/* No control characters, ended by a NUL, and zeros behind it. */
static bool text_is_valid(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	for (size_t i = 0; i < len; i++) {
		if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	}
	return len < size && is_zero(text + len, size - len);
}

static bool is_zero(const void *bytes, size_t size)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < size; i++) {
		if (p[i] != 0)
			return false;
	}
	return true;
}

/* An address that one host can have. */
static bool is_host(const struct ip_addr *ip)
{
	if (ip_is_zero(ip) || ip_is_multicast(ip))
		return false;
	return !ip_is_v4(ip) || ip_v4_be(ip) != 0;
}

static bool is_station(const struct mac_addr *mac)
{
	return !mac_is_zero(mac) && !mac_is_multicast(mac);
}

static int bad(char *what, const char *text)
{
	snprintf(what, DP_WHAT_SIZE, "%s", text);
	return -EINVAL;
}
