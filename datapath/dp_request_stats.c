/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics: workers' counters added up, read while they count. */
#include "datapath/dp_request.h"

#include <stdio.h>
#include <string.h>

#include "datapath/base/clock.h"
#include "datapath/dp_state.h"
#include "datapath/rule_stats.h"
#include "datapath/session.h"

enum { SAMPLE_TRIES = 8 };

struct rules_arg {
	const struct rule_stats *stats;
	uint64_t now_ms;
	struct buf_writer *ret;
};

static void write_ports(const struct dp *dp, struct buf_writer *ret);
static void add_port_counters(struct dp_port_stats *s, int64_t *held, struct worker *w);
static void write_rules(const struct dp *dp, uint32_t bridge, struct buf_writer *ret);
static void write_rule(const struct rule *r, void *arg);
static void write_groups(const struct dp *dp, uint32_t bridge, struct buf_writer *ret);
static void write_workers(const struct dp *dp, struct buf_writer *ret);
static void write_tables(const struct dp *dp, uint32_t bridge, struct buf_writer *ret);
static void write_table(const struct bridge *br, uint32_t table, struct buf_writer *ret);
static bool read_ring(const struct drop_ring *ring, struct drop_ring *ret);

void dp_stats_write(const struct dp *dp, const struct dp_stats_req *req, struct buf_writer *ret)
{
	switch ((enum dp_stats_kind)req->kind) {
	case DP_STATS_PORTS: write_ports(dp, ret); break;
	case DP_STATS_RULES: write_rules(dp, req->bridge, ret); break;
	case DP_STATS_GROUPS: write_groups(dp, req->bridge, ret); break;
	case DP_STATS_WORKERS: write_workers(dp, ret); break;
	case DP_STATS_TABLES: write_tables(dp, req->bridge, ret); break;
	}
}

void dp_samples_write(const struct dp *dp, struct buf_writer *ret)
{
	struct drop_ring copy;

	for (unsigned int i = 0; i < dp->n_workers; i++) {
		for (unsigned int reason = 0; reason < DP_DROP__COUNT; reason++) {
			if (!read_ring(&dp->workers[i]->samples[reason], &copy))
				continue;
			for (unsigned int k = 0; k < SAMPLES_PER_REASON; k++) {
				if (copy.s[k].wall_ms != 0)
					buf_put(ret, &copy.s[k], sizeof(copy.s[k]));
			}
		}
	}
}

static void write_ports(const struct dp *dp, struct buf_writer *ret)
{
	uint64_t now_ms = clock_ms();

	for (unsigned int id = 1; id < DP_MAX_PORTS; id++) {
		const struct port *p = dp->ports[id];
		if (p == NULL)
			continue;
		struct dp_port_stats s = {.id = id,
		    .link_up = p->link_up,
		    .state = p->state,
		    .state_since_ms = now_ms - MIN_OF(now_ms, p->state_since_ms),
		    .features = p->features};
		snprintf(s.error, sizeof(s.error), "%s", p->error);
		int64_t held = 0;
		for (unsigned int i = 0; i < dp->n_workers; i++)
			add_port_counters(&s, &held, dp->workers[i]);
		s.held =
		    held > 0 ? (uint64_t)held : 0; // below zero: read between two workers' steps
		buf_put(ret, &s, sizeof(s));
	}
}

/* Relaxed: each counter has one writer and is right for itself. */
static void add_port_counters(struct dp_port_stats *s, int64_t *held, struct worker *w)
{
	const struct port_counters *c = &w->ports[s->id];

#define ADD(member) s->member += __atomic_load_n(&c->member, __ATOMIC_RELAXED)
	ADD(rx_packets);
	ADD(rx_bytes);
	ADD(tx_packets);
	ADD(tx_bytes);
	ADD(copies);
	ADD(sent);
	ADD(tx_drops);
	for (unsigned int i = 0; i < DP_DROP__COUNT; i++)
		ADD(drops[i]);
#undef ADD
	*held += __atomic_load_n(&c->held, __ATOMIC_RELAXED);
	s->sessions += session_count_of_port(w->sessions, (uint16_t)s->id);
}

static void write_rules(const struct dp *dp, uint32_t bridge, struct buf_writer *ret)
{
	struct rules_arg arg = {dp_state_rule_stats(dp->state), clock_ms(), ret};

	dp_state_foreach_rule(dp->state, bridge, write_rule, &arg);
}

static void write_rule(const struct rule *r, void *arg)
{
	const struct rules_arg *a = arg;
	struct rule_counts c = rule_stats_read(a->stats, r->stats_idx);
	uint64_t used_ms = MAX_OF(c.created_ms, c.used_ms);
	struct dp_rule_stats s = {.id = r->id,
	    .n_packets = c.n_packets,
	    .n_bytes = c.n_bytes,
	    .age_ms = a->now_ms - MIN_OF(a->now_ms, c.created_ms),
	    .idle_ms = a->now_ms - MIN_OF(a->now_ms, used_ms)};

	buf_put(a->ret, &s, sizeof(s));
}

static void write_groups(const struct dp *dp, uint32_t bridge, struct buf_writer *ret)
{
	const struct rule_stats *stats = dp_state_rule_stats(dp->state);

	for (uint32_t b = 1; b <= DP_MAX_BRIDGES; b++) {
		if (dp->bridges[b] == NULL || (bridge != 0 && bridge != b))
			continue;
		const struct bridge_groups *groups = dp->bridges[b]->groups;
		for (uint32_t i = 0; groups != NULL && i < groups->n; i++) {
			struct rule_counts c = rule_stats_read(stats, groups->g[i]->stats_idx);
			struct dp_group_stats s = {groups->g[i]->id, c.n_packets, c.n_bytes};
			buf_put(ret, &s, sizeof(s));
		}
	}
}

static void write_workers(const struct dp *dp, struct buf_writer *ret)
{
	for (unsigned int i = 0; i < dp->n_workers; i++) {
		struct dp_worker_stats s = dp->workers[i]->stats;
		s.n_sessions = session_count(dp->workers[i]->sessions);
		buf_put(ret, &s, sizeof(s));
	}
}

static void write_tables(const struct dp *dp, uint32_t bridge, struct buf_writer *ret)
{
	for (uint32_t b = 1; b <= DP_MAX_BRIDGES; b++) {
		if (dp->bridges[b] == NULL || (bridge != 0 && bridge != b))
			continue;
		for (uint32_t t = 0; t < DP_N_TABLES; t++) {
			if (dp->bridges[b]->tables[t] != NULL)
				write_table(dp->bridges[b], t, ret);
		}
	}
}

static void write_table(const struct bridge *br, uint32_t table, struct buf_writer *ret)
{
	const struct table *t = br->tables[table];
	struct dp_table_stats s = {.bridge = br->id,
	    .table = table,
	    .n_rules = table_n_rules(t),
	    .n_masks = table_n_masks(t),
	    .memory = table_memory(t)};

	snprintf(s.structure, sizeof(s.structure), "%s", table_structure(t));
	buf_put(ret, &s, sizeof(s));
}

/* A sequence lock's reader (pairs with pkt_drop): false when the worker keeps writing. */
static bool read_ring(const struct drop_ring *ring, struct drop_ring *ret)
{
	for (int i = 0; i < SAMPLE_TRIES; i++) {
		uint32_t seq = __atomic_load_n(&ring->seq, __ATOMIC_ACQUIRE);
		if (seq == 0)
			return false; // never written
		if ((seq & 1) != 0)
			continue;
		memcpy(ret, ring, sizeof(*ret));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&ring->seq, __ATOMIC_RELAXED) == seq)
			return true;
	}
	return false;
}
