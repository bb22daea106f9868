/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A worker: one pinned thread that polls its receive queues and runs each burst to completion.
 * This header is what the fast path shares: the worker's own state, its counters, and the two exits of a packet,
 * out_add() and pkt_drop().
 *
 * Threads: a struct worker is written by its thread only; control reads counters (aligned 64-bit loads, no lock).
 * Memory: everything is allocated at start (worker_create).
 */
#include <rte_ring.h>

#include "datapath/dp_drop.h"
#include "datapath/dp_proto.h"
#include "datapath/pkt.h"
#include "datapath/rule.h"

enum {
	BURST = 32,
	SAMPLES_PER_REASON = 8,
	RULE_STATS_CHUNK = 4096, // rules per counters chunk
	RULE_STATS_CHUNKS = (DP_MAX_RULES + DP_MAX_GROUPS) / RULE_STATS_CHUNK,
};

struct dp;
struct session_table;
struct program_cache;
struct pipeline;
struct worker_io;

struct rule_counters {
	uint64_t n_packets, n_bytes; // worker: rw, ctl: ro
	uint64_t used_ms;            // worker: rw, ctl: ro. Monotonic ms of the last packet
};

struct port_counters {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes; // interface view
	uint64_t copies, sent;                               // conservation view, see dp_port_stats
	int64_t held;                                        // in hand-off rings and device queues
	uint64_t tx_drops;
	uint64_t drops[DP_DROP__COUNT];  // of packets that came in by this port
	uint64_t punt_meter, icmp_meter; // worker: rw. See meter.h
};

/* The last packets per reason. Written by the worker, read by control under seq (odd: being written). */
struct drop_ring {
	uint32_t seq;
	uint32_t next;
	uint64_t last_tsc; // a reason is sampled at most once in 50 us
	struct dp_sample s[SAMPLES_PER_REASON];
};

struct out_queue {
	uint16_t port; // id
	uint16_t n;
	struct rte_mbuf *m[BURST];
};

struct worker {
	unsigned int id;
	unsigned int core;
	struct dp *dp;
	uint64_t version;         // dp->version as read at the start of this burst
	uint64_t now_tsc, now_ms; // at the start of this burst
	struct rte_mempool *pool; // for copies and replies
	struct session_table *sessions;
	struct program_cache *programs;
	struct pipeline *pipeline;
	struct port_counters *ports; // [DP_MAX_PORTS]
	struct rule_counters
	    *rules[RULE_STATS_CHUNKS]; // ctl: wo (NULL → chunk, before a rule is published)
	struct drop_ring *samples;     // [DP_DROP__COUNT]
	struct dp_worker_stats stats;
	struct rte_ring
	    *punts; // mbufs whose data starts with struct dp_punt_event; worker → control
	struct rte_ring *packet_outs; // of the first worker: packet_out.h. Control → worker
	struct out_queue *out;        // open queues of this burst, n_out of them
	uint16_t *out_of_port;        // [DP_MAX_PORTS] index into out + 1, or 0
	unsigned int n_out;
	struct worker_io *io; // receive queues, hand-off ring, sleep: worker_io.h
	uint32_t sweep_epoch; // worker: wo, ctl: ro. Full session sweeps done (frees stats slots)
	bool dry_run;         // trace: outputs are recorded, nothing is sent, learned or counted
};

static inline struct rule_counters *worker_rule_counters(struct worker *w, uint32_t stats_idx)
{
	return &w->rules[stats_idx / RULE_STATS_CHUNK][stats_idx % RULE_STATS_CHUNK];
}

/* Ends the packet: counts the reason on its in_port, keeps a sample, frees. rule 0: none. */
void pkt_drop(
    struct worker *w, struct rte_mbuf *m, enum dp_drop reason, uint64_t rule, uint64_t cookie);

/*
 * Ends the packet: queues it for a port. Flushed when BURST are queued and at the end of the burst. What the port does
 * not take is dropped with its reason. The packet is complete: checksums as the port needs are made at flush.
 */
void out_add(struct worker *w, uint16_t port, struct rte_mbuf *m);
/* Sends what out_add gathered. End of a burst. */
void out_flush(struct worker *w);

/*
 * A deep copy accounted as a copy of in_port: pkt metadata, checksum state and headroom kept. NULL when there is no mbuf
 * or the port's copies_pps budget is used up; the copy is then counted as made and dropped (NO_MBUF, NO_COPY_BUDGET), so
 * the caller just goes on.
 */
struct rte_mbuf *pkt_copy(struct worker *w, struct rte_mbuf *m);
