/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Counter slots of rules and groups: stats_idx names a slot in every worker's rules[]. A slot that was given back is handed
 * out again only when every worker has swept its sessions twice since: no session can credit it any more.
 *
 * Threads: control. Memory: rule_stats_create allocates; counters' chunks are made as slots are used and
 * live as long as the switch.
 */
#include "datapath/worker.h"

struct dp;
struct rule_stats;

enum { RULE_STATS_NONE = UINT32_MAX };

struct rule_counts {
	uint64_t n_packets, n_bytes;
	uint64_t created_ms; // of the slot; monotonic, as the next
	uint64_t used_ms;    // 0: never
};

struct rule_stats *rule_stats_create(struct dp *dp); // NULL: no memory
/* Frees the workers' chunks too: they have ended. Accepts NULL. */
void rule_stats_destroy(struct rule_stats *s);
/*
 * A slot with zero counters that every worker can write to. 0, -ENOSPC when all are used (some may be waiting for their
 * sweeps) or -ENOMEM.
 */
MUST_CHECK
int rule_stats_alloc(struct rule_stats *s, uint64_t now_ms, uint32_t *ret_idx);
/* Gives a slot back. Accepts RULE_STATS_NONE. */
void rule_stats_release(struct rule_stats *s, uint32_t idx);
/* Once a second or so: looks how far the sweeps are. */
void rule_stats_tick(struct rule_stats *s, uint64_t now_ms);
/* The sum over all workers, as far as sessions are settled. */
struct rule_counts rule_stats_read(const struct rule_stats *s, uint32_t idx);
/*
 * Packets before this time are in the counters for sure: every session was settled later. What is idle is judged by
 * this clock, or a busy rule would look idle between sweeps.
 */
uint64_t rule_stats_settled_ms(const struct rule_stats *s);
uint32_t rule_stats_n_used(const struct rule_stats *s); // waiting ones included
