/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the switch was told: objects {kind, id, digest}, changed by transactions only. A transaction is collected into the
 * net change of each object, checked against the state it would lead to, prepared out of the workers' sight, and then
 * becomes visible with one store to dp->version; a refusal leaves no trace. Order among its ops does not matter
 * but for ops on the same object, of which the last counts.
 *
 * Threads: the control thread of the switch. Memory: owns bridges, tables, rules, groups and ports.
 */
#include "datapath/dp.h"

struct dp_state;
struct rule_stats;
struct removed_rules;

enum {
	STATE_MAX_OPS = 4 << 20, // of one transaction
	STATE_MAX_PEERS = 65536, // DP_KIND_PEER objects
	STATE_MAX_TUNNEL_PORTS = 256,
};

/* Sets dp->state. RCU is initialised, the workers exist. 0 or -ENOMEM. */
MUST_CHECK
int dp_state_create(struct dp *dp);
/* The workers have ended; RCU still exists. Clears dp->state. Accepts NULL. */
void dp_state_destroy(struct dp_state *st);
/*
 * Commits a transaction of txn->n_ops ops in size bytes, 8-byte aligned and not changing meanwhile. Returns 0 when every
 * worker works by the new state, with *ret filled; or -errno, nothing changed, and *ret_error says why.
 */
MUST_CHECK
int dp_state_commit(struct dp_state *st, const struct dp_txn *txn, const uint8_t *ops, size_t size,
    struct dp_txn_reply *ret, struct dp_error *ret_error);
/*
 * The same in two steps. Prepare does all that can fail; ops are copied. Until commit or abort no other transaction is taken
 * (-EBUSY), ports are not polled and no rule times out, so the caller ends it soon: dp_state_poll_ports does after
 * DP_PREPARED_MS.
 */
MUST_CHECK
int dp_state_prepare(struct dp_state *st, const struct dp_txn *txn, const uint8_t *ops, size_t size,
    struct dp_error *ret_error);
/* -ESTALE: no transaction of that generation is prepared. */
MUST_CHECK
int dp_state_commit_prepared(
    struct dp_state *st, uint64_t generation, struct dp_txn_reply *ret, struct dp_error *ret_error);
void dp_state_abort(struct dp_state *st); // nothing prepared: does nothing
bool dp_state_is_prepared(const struct dp_state *st);
uint64_t dp_state_generation(const struct dp_state *st);
uint64_t dp_state_digest(const struct dp_state *st);
size_t dp_state_n_objects(const struct dp_state *st);
size_t dp_state_n_of_kind(const struct dp_state *st, enum dp_kind kind);
/* Visits all objects in no order. */
void dp_state_foreach(
    const struct dp_state *st, void (*cb)(const struct dp_dump_entry *e, void *arg), void *arg);
/* Visits rules of a bridge, or of all (0). */
void dp_state_foreach_rule(const struct dp_state *st, uint32_t bridge,
    void (*cb)(const struct rule *r, void *arg), void *arg);
void dp_state_foreach_group(
    const struct dp_state *st, void (*cb)(const struct group *g, void *arg), void *arg);
const struct removed_rules *dp_state_removed(const struct dp_state *st);
const struct rule_stats *dp_state_rule_stats(const struct dp_state *st);
/* Once a second: ages learned MACs, recycles counter slots, runs deferred frees. */
void dp_state_run(struct dp_state *st, uint64_t now_ms);
/* Some times per second: opens, watches links. cb for every port whose state or link changed. */
void dp_state_poll_ports(struct dp_state *st, uint64_t now_ms,
    void (*cb)(const struct dp_port_event *ev, void *arg), void *arg);
