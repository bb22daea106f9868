/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A bridge as workers read it: tables, groups, port numbers, learned MACs. bridge.c changes it for dp_state.c.
 *
 * Threads: members are read by workers through rcu_get; functions are for control. Memory: dp_state owns bridges.
 */
#include "datapath/fdb.h"
#include "datapath/pkt.h"
#include "datapath/port_vlan.h"
#include "datapath/rcu.h"
#include "datapath/table.h"

struct group_bucket {
	uint32_t watch_port, watch_group, weight;
	uint32_t actions_size;
	const struct dp_action *actions; // inside the group's allocation
};

struct group {
	uint64_t id; // object id
	uint32_t group_id;
	uint32_t type; // enum dp_group_type
	uint32_t stats_idx;
	uint32_t n_buckets;
	uint32_t opaque, wire_size; // of dp_group_conf; bytes of buckets as they came
	const uint8_t *wire;
	struct group_bucket buckets[];
};

/*
 * Immutable snapshots: sorted arrays, binary search. Replaced whole on change. A worker whose burst is of an earlier version
 * than the snapshot reads the one before: with the old rules it meets the old groups and ports. That one goes when
 * every worker works by the version (ctl: wo, worker: ro).
 */
struct bridge_port {
	uint32_t ofport;
	uint16_t port; // id
	uint8_t flood; // FLOOD sends to it
	uint8_t pad;
	struct port_vlan vlan;
};

struct bridge_ports {
	uint64_t version; // that it came with
	RCU_PTR(const struct bridge_ports) before;
	uint32_t n;
	struct bridge_port p[]; // lists of VLANs follow
};

struct bridge_groups {
	uint64_t version;
	RCU_PTR(const struct bridge_groups) before;
	uint32_t n;
	const struct group *g[]; // by group_id
};

struct bridge {
	uint32_t id;
	char name[DP_NAME_SIZE];
	uint32_t flags; // DP_BRIDGE_F_*
	// ctl: wo (atomic), worker: ro. Version of the last change that this bridge's sessions must notice: rules, groups,
	// ports, routes whose slot was reused, link state of a port that a group watches; here and on every bridge
	// that patch ports lead to. Set before
	// dp->version, so a session is fresh when session.version >= change_version.
	uint64_t change_version;
	RCU_PTR(struct table) tables[DP_N_TABLES]; // NULL: empty
	RCU_PTR(const struct bridge_ports) ports;
	RCU_PTR(const struct bridge_groups) groups;
	RCU_PTR(const struct session_key) session_mask; // see pkt.h
	RCU_PTR(struct fdb) fdb;
};

/* The bridge's ports as of a version, the worker's burst's or dp->version; NULL: none. Worker or control, as the rest. */
const struct bridge_ports *bridge_ports_at(const struct bridge *br, uint64_t version);
/* The port of an id as the bridge knew it then; its number, if it is still the same, finds it faster. NULL: not on it. */
const struct bridge_port *bridge_port_of(
    const struct bridge *br, uint16_t port, uint32_t ofport, uint64_t version);
/* Port id of a bridge port number, or 0. */
uint16_t bridge_find_port(const struct bridge *br, uint32_t ofport, uint64_t version);
/* NULL: none. */
const struct group *bridge_find_group(const struct bridge *br, uint32_t group_id, uint64_t version);
