/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/pipeline_priv.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

enum {
	REASON_NO_MATCH = 0, // OFPR_NO_MATCH: a table-miss rule sent it
	REASON_ACTION = 1,   // OFPR_ACTION
	WHOLE_PACKET = UINT16_MAX,
	DEFAULT_UDP_PORT = 4789,
	DEFAULT_TTL = 64,
};

static void output_patch(struct pipeline *p, const struct port *port);
static void enter_bridge(struct pipeline *p, const struct bridge *br, const struct port *port);
static void clear_pipeline_fields(struct flow_key *k);
static void output_tunnel(struct pipeline *p, const struct port *port);
static uint64_t tunnel_vni(const struct dp_port_conf *c, const struct flow_key *k);
static bool tunnel_remote(const struct port *port, const struct flow_key *k, struct ip_addr *ret);
static int tunnel_source(
    const struct tunnel_cfg *cfg, const struct dp_port_conf *c, const struct flow_key *k);
static uint16_t tunnel_flags(uint32_t port_flags);

const struct port *pipeline_port(const struct pipeline *p, uint16_t id)
{
	const struct port *port = rcu_get(p->w->dp->ports[id]);
	return LIKELY(port != NULL && port->add_version <= p->w->version) ? port : NULL;
}

void pipeline_output(struct pipeline *p, uint32_t ofport)
{
	const struct rule *r = p->rule;
	bool is_miss_rule = r != NULL && r->priority == 0 && r->match_map == 0;
	switch (ofport) {
	case DP_OFPORT_IN_PORT: pipeline_output_port(p, p->in_port); return;
	case DP_OFPORT_NORMAL: pipeline_normal(p); return;
	case DP_OFPORT_FLOOD: pipeline_flood(p, false); return;
	case DP_OFPORT_ALL: pipeline_flood(p, true); return;
	case DP_OFPORT_CONTROLLER:
		pipeline_punt(p, WHOLE_PACKET, is_miss_rule ? REASON_NO_MATCH : REASON_ACTION);
		return;
	default: break;
	}
	uint16_t id = bridge_find_port(p->bridge, ofport, p->w->version);
	if (id == 0)
		pipeline_fail(p, DP_DROP_BAD_OUTPUT_PORT);
	else if (htonl(ofport) == p->now.key.in_port)
		pipeline_fail(p, DP_DROP_HAIRPIN); // only IN_PORT sends back (OpenFlow 1.3.5 4.5)
	else
		pipeline_output_port(p, id);
}

void pipeline_output_port(struct pipeline *p, uint16_t id)
{
	const struct port *port = pipeline_port(p, id);
	if (port == NULL) {
		pipeline_fail(p, DP_DROP_BAD_OUTPUT_PORT);
	} else if (port->kind == DP_PORT_PATCH) {
		output_patch(p, port);
	} else if (port->kind == DP_PORT_VXLAN) {
		output_tunnel(p, port);
	} else {
		pipeline_commit(p);
		program_append_output(
		    &p->builder, &(struct prog_op){.type = PROG_OUTPUT, .output.port = id});
	}
}

void pipeline_flood(struct pipeline *p, bool all)
{
	const struct bridge_ports *ports = bridge_ports_at(p->bridge, p->w->version);
	for (uint32_t i = 0; ports != NULL && i < ports->n && pipeline_goes_on(p); i++) {
		if (ports->p[i].port != p->in_port && (all || ports->p[i].flood != 0))
			pipeline_output_port(p, ports->p[i].port);
	}
}

void pipeline_punt(struct pipeline *p, uint16_t max_len, uint32_t reason)
{
	struct prog_op op = {.type = PROG_PUNT, .punt = {.max_len = max_len, .reason = reason}};
	op.punt.bridge = p->bridge->id;
	op.punt.rule = p->rule != NULL ? p->rule->id : 0;
	op.punt.cookie = p->rule != NULL ? p->rule->cookie : 0;
	op.punt.table = p->table;
	pipeline_commit(p);
	program_append_output(&p->builder, &op);
	p->n_punts++;
}

void pipeline_reply(struct pipeline *p, enum prog_op_type type, const struct dp_action *a)
{
	struct prog_op op = {.type = (uint8_t)type, .reply = {a->reply.mac, a->reply.router}};
	pipeline_commit(p);
	program_append_output(&p->builder, &op);
	p->builder.prog->cacheable = 0;
}

static void output_patch(struct pipeline *p, const struct port *port)
{
	const struct port *peer = pipeline_port(p, port->conf.peer);
	const struct bridge *br = peer != NULL && peer->conf.bridge != 0
				      ? rcu_get(p->w->dp->bridges[peer->conf.bridge])
				      : NULL;
	if (br == NULL || peer->kind != DP_PORT_PATCH) {
		pipeline_fail(p, DP_DROP_BAD_OUTPUT_PORT);
		return;
	}
	struct prog_op op = {.type = PROG_PATCH, .patch = {port->id, peer->id}};
	program_prepend(&p->builder, &op);
	enter_bridge(p, br, peer);
}

/* The packet arrives at port of another bridge, and comes back here when that has done with its copy. */
static void enter_bridge(struct pipeline *p, const struct bridge *br, const struct port *port)
{
	struct pipeline_copy copy;
	if (!pipeline_copy_begin(p, &copy))
		return;
	const struct bridge *bridge = p->bridge;
	const struct rule *rule = p->rule;
	struct action_set *set = p->set;
	uint16_t in_port = p->in_port;
	uint8_t table = p->table;

	clear_pipeline_fields(&p->now.key);
	p->now.key.in_port = htonl(port->conf.ofport);
	p->bridge = br;
	p->in_port = port->id;
	pipeline_bridge(p);

	p->bridge = bridge;
	p->rule = rule;
	p->set = set;
	p->in_port = in_port;
	p->table = table;
	pipeline_copy_end(p, &copy);
}

/* Registers, metadata and tunnel do not cross bridges. */
static void clear_pipeline_fields(struct flow_key *k)
{
	memset(k, 0, offsetof(struct flow_key, eth_dst));
}

static void output_tunnel(struct pipeline *p, const struct port *port)
{
	const struct dp_port_conf *c = &port->conf;
	const struct tunnel_cfg *cfg = rcu_get(p->w->dp->tunnels);
	uint64_t vni = tunnel_vni(c, &p->now.key);
	struct ip_addr remote;
	if (!tunnel_remote(port, &p->now.key, &remote) || vni > DP_MAX_VNI) {
		pipeline_fail(p, DP_DROP_TUNNEL_NO_ID);
		return;
	}
	uint16_t route = cfg != NULL ? tunnel_find_route(cfg, &remote) : (uint16_t)PKT_NO_SLOT;
	int local = cfg != NULL ? tunnel_source(cfg, c, &p->now.key) : -1;
	if (route == PKT_NO_SLOT || local < 0) {
		// A route or an address may appear without a change of the bridge.
		p->builder.prog->cacheable = 0;
		pipeline_fail(p, DP_DROP_TUNNEL_NO_ROUTE);
		return;
	}
	struct prog_op op = {.type = PROG_TUNNEL};
	op.tunnel.port = port->id;
	op.tunnel.local = (uint8_t)local;
	op.tunnel.route = route;
	op.tunnel.vni = (uint32_t)vni;
	op.tunnel.tos = c->tnl_tos;
	op.tunnel.ttl = c->tnl_ttl != 0 ? c->tnl_ttl : DEFAULT_TTL;
	op.tunnel.udp_port = c->tnl_udp_port != 0 ? c->tnl_udp_port : DEFAULT_UDP_PORT;
	op.tunnel.tnl_flags = tunnel_flags(c->flags);
	pipeline_commit(p);
	program_append_output(&p->builder, &op);
}

static uint64_t tunnel_vni(const struct dp_port_conf *c, const struct flow_key *k)
{
	if ((c->flags & DP_PORT_F_OUT_VNI) != 0)
		return c->tnl_out_vni;
	bool is_flow = (c->flags & (DP_PORT_F_VNI_FLOW | DP_PORT_F_OUT_VNI_FLOW)) != 0;
	return is_flow ? be64toh(k->tun_id) : c->tnl_vni;
}

static bool tunnel_remote(const struct port *port, const struct flow_key *k, struct ip_addr *ret)
{
	if ((port->conf.flags & DP_PORT_F_REMOTE_FLOW) == 0)
		*ret = port->conf.tnl_remote;
	else if (k->tun_dst != 0)
		*ret = ip_from_v4(k->tun_dst);
	else
		*ret = ip_from_v6(&k->tun6_dst);
	return !ip_is_zero(ret);
}

/* prog_op.tunnel.local; -1: an address that is not ours. */
static int tunnel_source(
    const struct tunnel_cfg *cfg, const struct dp_port_conf *c, const struct flow_key *k)
{
	struct ip_addr source = c->tnl_local;
	if ((c->flags & DP_PORT_F_LOCAL_FLOW) != 0)
		source = k->tun_src != 0 ? ip_from_v4(k->tun_src) : ip_from_v6(&k->tun6_src);
	if (ip_is_zero(&source))
		return 0;
	int idx = tunnel_find_source(cfg, &source);
	return idx >= 0 ? idx + 1 : -1;
}

static uint16_t tunnel_flags(uint32_t port_flags)
{
	static const struct {
		uint32_t port;
		uint16_t program;
	} flags[] = {
	    {DP_PORT_F_TOS_INHERIT, PROG_TNL_TOS_INHERIT},
	    {DP_PORT_F_ZERO_CSUM6, PROG_TNL_ZERO_CSUM6},
	    {DP_PORT_F_INNER_VLAN, PROG_TNL_INNER_VLAN},
	    {DP_PORT_F_TTL_INHERIT, PROG_TNL_TTL_INHERIT},
	    {DP_PORT_F_CSUM, PROG_TNL_CSUM},
	    {DP_PORT_F_NO_DF, PROG_TNL_NO_DF},
	};
	uint16_t ret = 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(flags); i++)
		ret |= (port_flags & flags[i].port) != 0 ? flags[i].program : 0;
	return ret;
}
