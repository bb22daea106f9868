/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/pipeline_priv.h"

#include <netinet/in.h>
#include <string.h>

enum { DEFAULT_MAX_MACS = 1024, VLAN_VID_BITS = 0xfff };

static bool learn(struct pipeline *p, struct fdb *fdb, uint16_t vlan);
static void keep_young(struct pipeline *p, int32_t idx, uint16_t vlan);
static void forget_other_port(struct pipeline *p, int32_t idx);
static uint16_t vlan_of(const struct flow_key *k);

/* A VLAN-aware learning bridge (IEEE 802.1Q 8.6, 8.7): learns the source, forwards to where the destination is, or floods. */
void pipeline_normal(struct pipeline *p)
{
	const struct flow_key *k = &p->now.key;
	struct fdb *fdb = rcu_get(p->bridge->fdb);
	uint16_t vlan = vlan_of(k);
	if (mac_is_link_local_multicast(&k->eth_dst)) {
		pipeline_fail(p, DP_DROP_LINK_LOCAL_MCAST);
		return;
	}
	if (fdb != NULL && !mac_is_multicast(&k->eth_src) && !learn(p, fdb, vlan)) {
		p->builder.prog->cacheable = 0;
		pipeline_fail(p, DP_DROP_MAC_LIMIT);
		return;
	}
	if (fdb == NULL || mac_is_multicast(&k->eth_dst)) {
		pipeline_note(p, "multicast: floods VLAN %u", vlan);
		pipeline_flood(p, false);
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
		pipeline_flood(p, false);
	} else if (port == p->in_port) {
		pipeline_fail(p, DP_DROP_HAIRPIN);
	} else {
		pipeline_note(p, "destination learned on port %d", port);
		pipeline_output_port(p, (uint16_t)port);
	}
}

bool mac_is_link_local_multicast(const struct mac_addr *mac)
{
	static const uint8_t prefix[5] = {0x01, 0x80, 0xc2, 0x00, 0x00};
	return memcmp(mac->b, prefix, sizeof(prefix)) == 0 && (mac->b[5] & 0xf0) == 0;
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

static uint16_t vlan_of(const struct flow_key *k)
{
	return ntohs(k->vlan_tci[0]) & VLAN_VID_BITS;
}
