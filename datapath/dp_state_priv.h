/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside dp_state: the store, a transaction under way, and what each kind of object does in its phases.
 *
 * Threads: control. Memory: see dp_state.h; a transaction and its changes live until they are committed or refused.
 */
#include <stdlib.h>

#include "datapath/base/list.h"
#include "datapath/bridge_ctl.h"
#include "datapath/dp_state.h"

struct txn;
struct change;

enum { REPORTED_NONE = 0xffff };

struct object {
	struct hmap_node node;
	uint64_t id;
	uint64_t digest;
	void *body; // of the kind: bridge_ctl, port, rule, group, tunnel_object
	uint32_t kind;
};
static_assert(sizeof(struct object) <= 56, "100,000 rules have one each: one 64-byte malloc chunk");

/* The phases in the order they run; all but check once per change. NULL: nothing to do. */
struct kind_ops {
	const char *name;
	uint32_t max; // objects
	/* References and limits of all changes of the kind, against the final state. 0 or txn_refuse(). */
	int (*check)(struct txn *t);
	/* Makes c->body for a put, touches bridges. May link what no worker can see yet. 0 or txn_refuse(). */
	int (*prepare)(struct txn *t, struct change *c);
	/* Takes back what prepare did; also after a prepare that failed half-way. */
	void (*undo)(struct txn *t, struct change *c);
	/* Just before the version is published. */
	void (*commit)(struct txn *t, struct change *c);
	/* After the version is published and every worker works by it: frees what c->old_body holds. */
	void (*retire)(struct txn *t, struct change *c);
	/* Frees a body when the switch ends. */
	void (*destroy)(struct dp_state *st, void *body);
};

extern const struct kind_ops bridge_kind, port_kind, rule_kind, group_kind, route_kind, local_kind,
    peer_kind;

struct dp_state {
	struct dp *dp;
	uint64_t generation;
	uint64_t digest;
	struct hmap objects;
	struct hash_key key;
	uint32_t n_of[DP_KIND__COUNT];
	struct bridge_ctl *bridges[DP_MAX_BRIDGES + 1];
	struct port *ports[DP_MAX_PORTS];
	struct rule_stats *stats;
	uint32_t n_timed_rules;                          // with a timeout
	struct list tunnel_objects[DP_KIND__COUNT];      // routes, local addresses, peers
	uint8_t joined[DP_MAX_BRIDGES + 1];              // as txn.joined, of the state as it is
	struct flow_key mask_unions[DP_MAX_BRIDGES + 1]; // scratch of join_masks
	struct {
		uint16_t state, link_up;
	} reported[DP_MAX_PORTS];      // by the last event; REPORTED_NONE: no event yet
	struct removed_rules *removed; // that timed out
	struct prepared *prepared;     // NULL: no transaction is
	struct port **dead_ports; // gone, but workers may still poll them: workers_assign failed
	uint32_t n_dead_ports;
};

/* The net change of one object. */
struct change {
	struct hmap_node node;
	struct list of_kind;
	const struct dp_op *op; // the put, or NULL: the object goes
	uint32_t index;         // of the op in the transaction
	uint16_t kind;
	bool keeps_stats; // rules, groups: counters go over from the old body
	bool linked;      // rules: in its table
	bool in_place;    // ports: c->body is old_body, updated
	uint64_t id;
	uint64_t digest;
	struct object *old;    // NULL: new
	struct object *object; // the entry to be: old or a new one
	void *old_body;
	void *body;
	void *extra; // bridges: the new fdb; ports: the old conf
};

struct txn {
	struct dp_state *st;
	struct dp_error *error;
	uint64_t version; // to be published
	uint64_t now_ms;
	struct change *changes;
	uint32_t n_changes;
	struct hmap by_id;             // changes
	uint32_t n_of[DP_KIND__COUNT]; // objects of the final state
	struct list of_kind[DP_KIND__COUNT];
	const struct dp_port_conf *ports[DP_MAX_PORTS]; // final state
	bool workers_changed;                           // dp->ports differs: other queues to poll
	bool workers_stayed; // workers_assign failed: old queues are still polled
	const struct dp_route_conf *routes[DP_MAX_ROUTES]; // by slot; final state, once prepared
	bool tunnels_changed;                              // a new tunnel_cfg is needed
	bool slots_changed; // a route slot or local address means another than before
	int32_t rules_delta[DP_MAX_BRIDGES + 1], groups_delta[DP_MAX_BRIDGES + 1];
	uint8_t joined[DP_MAX_BRIDGES + 1]; // towards the smallest bridge joined by patch ports
	uint8_t joined_or_were[DP_MAX_BRIDGES + 1]; // or that were joined before this transaction
	struct tunnel_cfg *tunnels;
};

static inline void auto_free(void *p)
{
	free(*(void **)p);
}

#define txn_foreach(it, t, k) list_foreach (it, &(t)->of_kind[k], struct change, of_kind)

/* dp_state.c */
/* Collects, checks and prepares. *ret is to be applied or dropped. 0, or -errno and *error says why. */
MUST_CHECK
int txn_create(struct dp_state *st, const struct dp_txn *txn, const uint8_t *ops, size_t size,
    struct dp_error *error, struct txn **ret);
void txn_apply(struct txn *t, uint64_t generation); // frees t
void txn_drop(struct txn *t);                       // undoes and frees t
int txn_refuse(struct txn *t, const struct change *c, int errno_value, const char *fmt, ...)
    FORMAT(4, 5);
/* t->error->what is filled already. */
int txn_refuse_as_said(struct txn *t, uint32_t op_index, int errno_value);
int txn_no_memory(struct txn *t, const struct change *c);
/* Whether the final state has the object. */
bool txn_has(const struct txn *t, enum dp_kind kind, uint64_t id);
/* A put's body. */
static inline const void *change_conf(const struct change *c)
{
	return c->op + 1;
}
static inline size_t change_conf_size(const struct change *c)
{
	return c->op->size - sizeof(*c->op);
}
struct object *state_find(const struct dp_state *st, enum dp_kind kind, uint64_t id);
/* Commits at the same generation: what the switch does by itself. 0 or -errno. */
MUST_CHECK
int state_commit_internal(struct dp_state *st, const uint8_t *ops, size_t size, uint32_t n_ops,
    struct dp_error *ret_error);

/* dp_prepared.c. Whether a transaction is prepared; one that waited too long is dropped. */
bool state_wait_prepared(struct dp_state *st, uint64_t now_ms);

/* state_tunnel.c. The snapshot of the final state. */
MUST_CHECK
int txn_prepare_tunnels(struct txn *t);

/* state_port.c */
void state_free_dead_ports(struct dp_state *st);

/* state_bridge.c */
/* Another version, with which sessions of this bridge and those joined to it run anew. */
void state_refresh_bridge(struct dp_state *st, uint32_t bridge);
void txn_touch(struct txn *t, uint32_t bridge);
MUST_CHECK
int txn_prepare_bridges(struct txn *t);
void txn_abort_bridges(struct txn *t);
void txn_commit_bridges(struct txn *t);
void txn_retire_bridges(struct txn *t);
