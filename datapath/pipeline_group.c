/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/pipeline_priv.h"

#include <string.h>

static void run_bucket(struct pipeline *p, const struct group_bucket *b);
static void run_all(struct pipeline *p, const struct group *g);
static const struct group_bucket *first_live(struct pipeline *p, const struct group *g);
static const struct group_bucket *select_bucket(struct pipeline *p, const struct group *g);
static bool bucket_is_live(struct pipeline *p, const struct group_bucket *b, unsigned int depth);
static bool port_is_live(const struct pipeline *p, uint32_t ofport);
static uint64_t tuple_hash(const struct pipeline *p);

void pipeline_group(struct pipeline *p, uint32_t group_id)
{
	const struct group *g = bridge_find_group(p->bridge, group_id, p->w->version);
	if (g == NULL) {
		pipeline_fail(p, DP_DROP_BAD_GROUP);
		return;
	}
	program_add_rule(&p->builder, g->stats_idx);
	if (g->type == DP_GROUP_ALL) {
		run_all(p, g);
		return;
	}
	const struct group_bucket *b = NULL;
	if (g->type == DP_GROUP_INDIRECT)
		b = g->n_buckets > 0 ? &g->buckets[0] : NULL;
	else if (g->type == DP_GROUP_SELECT)
		b = select_bucket(p, g);
	else
		b = first_live(p, g);
	if (b == NULL) {
		pipeline_fail(p, DP_DROP_BAD_GROUP);
		return;
	}
	pipeline_note(p, "group %u: bucket %zu", group_id, (size_t)(b - g->buckets));
	run_bucket(p, b);
}

static void run_all(struct pipeline *p, const struct group *g)
{
	for (uint32_t i = 0; i < g->n_buckets && pipeline_goes_on(p); i++) {
		pipeline_note(p, "group %u: bucket %u", g->group_id, i);
		run_bucket(p, &g->buckets[i]);
	}
}

/* A bucket is a set of actions, run in the order of the action set (OpenFlow 1.3.5 5.6.1, 5.10), on a copy. */
static void run_bucket(struct pipeline *p, const struct group_bucket *b)
{
	struct pipeline_copy copy;
	if (!pipeline_copy_begin(p, &copy))
		return;
	struct action_set set = {0};
	action_set_write(&set, p, b->actions, b->actions_size);
	action_set_run(&set, p);
	pipeline_copy_end(p, &copy);
}

static const struct group_bucket *first_live(struct pipeline *p, const struct group *g)
{
	for (uint32_t i = 0; i < g->n_buckets; i++) {
		if (bucket_is_live(p, &g->buckets[i], 0))
			return &g->buckets[i];
	}
	return NULL;
}

/* Weighted choice by what all packets of a connection's direction share, so that they take one way. */
static const struct group_bucket *select_bucket(struct pipeline *p, const struct group *g)
{
	uint64_t total = 0;
	for (uint32_t i = 0; i < g->n_buckets; i++)
		total += bucket_is_live(p, &g->buckets[i], 0) ? g->buckets[i].weight : 0;
	if (total == 0)
		return NULL;
	uint64_t at = tuple_hash(p) % total;
	for (uint32_t i = 0; i < g->n_buckets; i++) {
		uint64_t weight = bucket_is_live(p, &g->buckets[i], 0) ? g->buckets[i].weight : 0;
		if (at < weight)
			return &g->buckets[i];
		at -= weight;
	}
	return NULL; // a port went down between the two rounds
}

/* A bucket that watches nothing is live. Groups may watch each other in circles: the look is charged as an action. */
static bool bucket_is_live(struct pipeline *p, const struct group_bucket *b, unsigned int depth)
{
	if (depth == MAX_DEPTH || ++p->n_actions > MAX_ACTIONS) {
		p->exceeded = true;
		return false;
	}
	if (b->watch_port == DP_OFPORT_ANY && b->watch_group == UINT32_MAX)
		return true;
	if (b->watch_port != DP_OFPORT_ANY && port_is_live(p, b->watch_port))
		return true;
	const struct group *g = b->watch_group != UINT32_MAX
				    ? bridge_find_group(p->bridge, b->watch_group, p->w->version)
				    : NULL;
	for (uint32_t i = 0; g != NULL && i < g->n_buckets; i++) {
		if (bucket_is_live(p, &g->buckets[i], depth + 1))
			return true;
	}
	return false;
}

static bool port_is_live(const struct pipeline *p, uint32_t ofport)
{
	uint16_t id = bridge_find_port(p->bridge, ofport, p->w->version);
	const struct port *port = id != 0 ? pipeline_port(p, id) : NULL;
	if (port == NULL)
		return false;
	bool has_no_link = port->kind == DP_PORT_PATCH || port->kind == DP_PORT_VXLAN;
	return has_no_link || __atomic_load_n(&port->link_up, __ATOMIC_RELAXED);
}

/* Of the packet as it came, without fields that differ between packets of a session. */
static uint64_t tuple_hash(const struct pipeline *p)
{
	const struct flow_key *k = p->came;
	struct {
		struct mac_addr eth_dst, eth_src;
		uint16_t eth_type, vlan_tci[2], tp_src, tp_dst;
		uint16_t ip_proto;
		uint32_t ip4_src, ip4_dst;
		struct ip6_addr ip6_src, ip6_dst;
	} t = {k->eth_dst, k->eth_src, k->eth_type, {k->vlan_tci[0], k->vlan_tci[1]}, k->tp_src,
	    k->tp_dst, k->ip_proto, k->ip4_src, k->ip4_dst, k->ip6_src, k->ip6_dst};
	static_assert(sizeof(t) == 12 + 12 + 8 + 32, "no padding: it is hashed");
	return hash_bytes(&p->w->dp->secret, &t, sizeof(t));
}
