/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Control's side of a bridge: how its tables and snapshots change with a transaction.
 *
 * For each bridge that a transaction touches: bridge_ctl_prepare (may fail, nothing visible), then either
 * bridge_ctl_abort, or bridge_ctl_commit before dp->version and bridge_ctl_retire after a grace period.
 *
 * Threads: control. Memory: bridge_ctl_destroy frees tables and snapshots, not the rules and groups in them.
 */
#include "datapath/bridge.h"
#include "datapath/dp_state.h"

enum { TABLE_MAP_WORDS = (DP_N_TABLES + 63) / 64 };

struct bridge_ctl {
	struct bridge br; // what workers see
	struct dp_bridge_conf conf;
	uint32_t n_rules, n_groups;
	/*
	 * Fields that rules and actions of this bridge look at. Only grows, until more rules and groups have gone since it
	 * was computed than there are left: then it is computed anew. So that is cheap on average.
	 */
	struct flow_key mask_union;
	uint32_t n_gone;
	/* During a transaction. */
	bool touched; // sessions must notice
	bool ports_changed;
	bool groups_changed;
	uint64_t tables_changed[TABLE_MAP_WORDS];
	struct flow_key next_mask_union;
	struct flow_key joined_mask_union; // of all bridges joined by patch ports
	struct bridge_ports *next_ports;
	struct bridge_groups *next_groups;
	struct session_key *next_mask;
};

/* An empty bridge. NULL: no memory. */
struct bridge_ctl *bridge_ctl_create(uint32_t id, const struct dp_bridge_conf *conf);
void bridge_ctl_destroy(void *bc); // no worker can reach it; accepts NULL
struct fdb *bridge_ctl_make_fdb(const struct dp_bridge_conf *conf); // NULL: no memory
/* The table, made and published empty if need be; it counts as changed. NULL: no memory. */
struct table *bridge_ctl_table(struct bridge_ctl *bc, uint8_t table);
/* Adds what a rule or a group's bucket looks at to next_mask_union. */
void bridge_ctl_add_rule_mask(
    struct bridge_ctl *bc, const struct flow_key *mask, const struct rule *r);
void bridge_ctl_add_actions_mask(
    struct bridge_ctl *bc, const struct dp_action *actions, size_t size);

/* ports: by id, of the new state. 0 or -ENOMEM. */
MUST_CHECK
int bridge_ctl_prepare_ports(struct bridge_ctl *bc, const struct dp_port_conf *const *ports);

struct group_change {
	uint32_t group_id;
	struct group *group; // NULL: it goes
};
/* changes: one per group, sorted by group id. 0 or -ENOMEM. */
MUST_CHECK
int bridge_ctl_prepare_groups(
    struct bridge_ctl *bc, const struct group_change *changes, uint32_t n);
/* Makes the session mask of joined_mask_union, if it differs. Compiles changed tables. 0 or -ENOMEM. */
MUST_CHECK
int bridge_ctl_prepare_lookup(struct bridge_ctl *bc);
void bridge_ctl_abort(struct bridge_ctl *bc);
/* Publishes what was prepared. version is the one about to be published. */
void bridge_ctl_commit(struct bridge_ctl *bc, uint64_t version);
/* After a grace period: frees the snapshots before, compiles changed tables and drops empty ones, now that dead rules are unlinked. */
void bridge_ctl_retire(struct bridge_ctl *bc);
/* Whether some group's choice depends on the link of a port. */
bool bridge_ctl_watches_ports(const struct bridge_ctl *bc);
/* A session mask of joined_mask_union, which may be smaller than before. After a grace period. */
void bridge_ctl_shrink_mask(struct bridge_ctl *bc);
