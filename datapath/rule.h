/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A rule as the switch holds it: compact match, immutable actions, the versions between which it is visible.
 *
 * Threads: made and freed by control; workers read through RCU. Memory: rule_create allocates, rule_free frees;
 * between them the table and the object store point to it.
 */
#include "datapath/base/buf.h"
#include "datapath/base/hmap.h"
#include "datapath/dp_types.h"

enum { RULE_ALIVE = -1 };

struct rule {
	uint64_t id;
	uint64_t cookie;
	uint64_t add_version; // visible to look-ups with version >= this
	uint64_t
	    del_version; // ctl: wo (atomic), worker: ro. Invisible from this version on; UINT64_MAX alive
	uint64_t timed_since_ms; // monotonic: what its timeouts count from. Ctl only
	uint32_t stats_idx;      // slot in every worker's rule counters
	uint32_t bridge;
	uint16_t priority;
	uint8_t table;
	uint8_t goto_table; // with DP_RULE_F_GOTO
	uint32_t flags;     // DP_RULE_F_*
	uint32_t opaque;    // control's
	uint64_t metadata_be, metadata_mask_be;
	uint64_t hard_end_ms; // monotonic; 0: counted from timed_since_ms
	uint16_t idle_timeout_s, hard_timeout_s;
	uint16_t apply_size, write_size; // bytes of the lists behind match
	uint64_t match_map;              // words of struct flow_key whose mask is not zero
	struct rule *
	    next_same; // table.c's: the next best rule of the same match. ctl: wo (rcu), worker: ro
	uint64_t words[]; // per mapped word: key then mask; then apply actions, write actions
};

/*
 * Builds a rule from a validated wire body (dp_rule_conf and what follows). NULL when out of memory.
 * stats_idx and versions are the caller's to set.
 */
struct rule *rule_create(uint64_t id, const struct dp_rule_conf *conf,
    const struct flow_match *match, const void *apply, const void *write);
/* The wire body that it was made of; the hard timeout is told as what is left of it. now_ms: monotonic, wall clock. */
void rule_encode(const struct rule *r, uint64_t now_ms, uint64_t now_wall_ms, struct buf_writer *w);
void rule_free(void *rule); // void * to fit rcu_defer
const struct dp_action *rule_apply_actions(const struct rule *r);
const struct dp_action *rule_write_actions(const struct rule *r);
void rule_match(const struct rule *r, struct flow_match *ret);
size_t rule_size(const struct rule *r); // bytes allocated

static inline bool rule_visible(const struct rule *r, uint64_t version)
{
	// Pairs with the store in rule deletion; relaxed is enough: dp->version orders both.
	return r->add_version <= version &&
	       version < __atomic_load_n(&r->del_version, __ATOMIC_RELAXED);
}

/* Whether the visible part of the key matches; the slow, certain way. */
bool rule_matches(const struct rule *r, const struct flow_key *k);
