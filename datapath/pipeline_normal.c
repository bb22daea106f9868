/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/pipeline_priv.h"

#include <string.h>

enum { DEFAULT_MAX_MACS = 1024 };

static const struct bridge_port *find_port(const struct pipeline *p, uint16_t port);
static void forward(
    struct pipeline *p, const struct vlan_tags *came, const struct vlan_tags *inside);
static void flood(struct pipeline *p, const struct vlan_tags *came, const struct vlan_tags *inside);
static void forward_to(struct pipeline *p, const struct bridge_port *port,
    const struct vlan_tags *came, const struct vlan_tags *inside);
static struct vlan_tags read_tags(const struct flow_key *k);
static void write_tags(struct flow_key *k, const struct vlan_tags *tags);
static bool learn(struct pipeline *p, struct fdb *fdb, uint16_t vlan);
static void keep_young(struct pipeline *p, int32_t idx, uint16_t vlan);
static void forget_other_port(struct pipeline *p, int32_t idx);

/* A VLAN-aware learning bridge (IEEE 802.1Q 8.6, 8.7): learns the source, forwards to where the destination is, or floods. */
void pipeline_normal(struct pipeline *p)
{
	if (mac_is_link_local_multicast(&p->now.key.eth_dst)) {
		pipeline_fail(p, DP_DROP_LINK_LOCAL_MCAST);
		return;
	}
	const struct bridge_port *in = find_port(p, p->in_port);
	const struct vlan_tags came = read_tags(&p->now.key);
	struct vlan_tags inside = came;
	int vlan = in != NULL ? port_vlan_enter(&in->vlan, &inside) : -1;
	if (vlan < 0) {
		pipeline_note(p, "the port does not carry VLAN %u", vlan_tags_id(&came));
		pipeline_fail(p, DP_DROP_VLAN_NOT_CARRIED);
		return;
	}
	forward(p, &came, &inside);
	write_tags(&p->now.key, &came);
}

bool mac_is_link_local_multicast(const struct mac_addr *mac)
{
	static const uint8_t prefix[5] = {0x01, 0x80, 0xc2, 0x00, 0x00};
	return memcmp(mac->b, prefix, sizeof(prefix)) == 0 && (mac->b[5] & 0xf0) == 0;
}

static const struct bridge_port *find_port(const struct pipeline *p, uint16_t port)
{
	const struct port *now = rcu_get(p->w->dp->ports[port]);
	uint32_t ofport = now != NULL ? now->conf.ofport : 0;
	return bridge_port_of(p->bridge, port, ofport, p->w->version);
}

static void forward(
    struct pipeline *p, const struct vlan_tags *came, const struct vlan_tags *inside)
{
	struct fdb *fdb = rcu_get(p->bridge->fdb);
	const struct flow_key *k = &p->now.key;
	uint16_t vlan = vlan_tags_id(inside);
	if (fdb != NULL && !mac_is_multicast(&k->eth_src) && !learn(p, fdb, vlan)) {
		p->builder.prog->cacheable = 0;
		pipeline_fail(p, DP_DROP_MAC_LIMIT);
		return;
	}
	if (fdb == NULL || mac_is_multicast(&k->eth_dst)) {
		pipeline_note(p, "multicast: floods VLAN %u", vlan);
		flood(p, came, inside);
		return;
	}
	// The generation is read first: a change in between makes the session stale, never wrong.
	struct program_fdb dep = {
	    .bridge = p->bridge->id, .shard = fdb_shard(fdb, &k->eth_dst, vlan)};
	dep.generation = fdb_shard_generation(fdb, dep.shard);
	program_add_fdb(&p->builder, &dep);
	int32_t port = fdb_lookup(fdb, &k->eth_dst, vlan, p->w->now_ms);
	if (port < 0) {
		pipeline_note(p, "destination not learned: floods VLAN %u", vlan);
		flood(p, came, inside);
	} else if (port == p->in_port) {
		pipeline_fail(p, DP_DROP_HAIRPIN);
	} else {
		pipeline_note(p, "destination learned on port %d", port);
		forward_to(p, find_port(p, (uint16_t)port), came, inside);
	}
}

static void flood(struct pipeline *p, const struct vlan_tags *came, const struct vlan_tags *inside)
{
	const struct bridge_ports *ports = bridge_ports_at(p->bridge, p->w->version);
	for (uint32_t i = 0; ports != NULL && i < ports->n && pipeline_goes_on(p); i++) {
		const struct bridge_port *port = &ports->p[i];
		if (port->port != p->in_port && port->flood != 0 &&
		    port_vlan_carries(&port->vlan, inside))
			forward_to(p, port, came, inside);
	}
}

/* With the tags that the port gives it. port may be NULL or of other VLANs: it changed since the address was learned. */
static void forward_to(struct pipeline *p, const struct bridge_port *port,
    const struct vlan_tags *came, const struct vlan_tags *inside)
{
	if (port == NULL || !port_vlan_carries(&port->vlan, inside)) {
		pipeline_fail(p, DP_DROP_VLAN_NOT_CARRIED);
		return;
	}
	struct vlan_tags tags = *inside;
	port_vlan_leave(&port->vlan, came, &tags);
	write_tags(&p->now.key, &tags);
	pipeline_output_port(p, port->port);
}

static struct vlan_tags read_tags(const struct flow_key *k)
{
	return (struct vlan_tags){
	    {k->vlan_tci[0], k->vlan_tci[1]}, {k->vlan_tpid[0], k->vlan_tpid[1]}};
}

static void write_tags(struct flow_key *k, const struct vlan_tags *tags)
{
	memcpy(k->vlan_tci, tags->tci, sizeof(k->vlan_tci));
	memcpy(k->vlan_tpid, tags->tpid, sizeof(k->vlan_tpid));
}

/* False when the source is over a limit. Trace learns nothing. */
static bool learn(struct pipeline *p, struct fdb *fdb, uint16_t vlan)
{
	const struct port *port = rcu_get(p->w->dp->ports[p->in_port]);
	if (p->listener != NULL || p->w->dry_run || port == NULL)
		return true;
	uint32_t max = port->conf.max_macs != 0 ? port->conf.max_macs : DEFAULT_MAX_MACS;
	int32_t idx;
	if (fdb_learn(fdb, &p->now.key.eth_src, vlan, p->in_port, max, p->w->now_ms, &idx) ==
	    FDB_LIMIT)
		return false;
	keep_young(p, idx, vlan);
	return true;
}

/*
 * REFRESH looks at the packet before anything is written to it: when rules changed the source since, sessions
 * cannot keep the entry young, so that every packet comes here.
 */
static void keep_young(struct pipeline *p, int32_t idx, uint16_t vlan)
{
	if (!mac_equal(&p->now.key.eth_src, &p->came->eth_src)) {
		p->builder.prog->cacheable = 0;
		return;
	}
	forget_other_port(p, idx);
	struct prog_op op = {.type = PROG_REFRESH};
	op.refresh.idx = idx;
	op.refresh.bridge = p->bridge->id;
	op.refresh.vlan = vlan;
	op.refresh.port = p->in_port;
	program_prepend(&p->builder, &op);
}

/*
 * A packet that comes round through patch ports moves its own source. The earlier entry is no longer true when act
 * looks, and a session would move it back and forth.
 */
static void forget_other_port(struct pipeline *p, int32_t idx)
{
	struct program_builder *b = &p->builder;
	for (unsigned int at = 0; at < b->prologue_size;) {
		struct prog_op *op = (struct prog_op *)(void *)(b->prologue + at);
		bool is_entry = op->type == PROG_REFRESH && op->refresh.idx == idx &&
				op->refresh.bridge == p->bridge->id;
		if (is_entry && op->refresh.port != p->in_port) {
			op->refresh.idx = FDB_NONE;
			b->prog->cacheable = 0;
		}
		at += op->len;
	}
}
