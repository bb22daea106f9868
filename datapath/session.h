/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sessions: the exact-match table of one worker. A hit is the whole cost of a packet's classification.
 *
 * 64-byte buckets of 16-bit tags and 32-bit entry numbers, compared with one vector instruction, two choices of
 * bucket; entries of one cache line. The second half of a key, zero in untagged IPv4, is in memory apart and read only
 * when it is not: a usual hit reads two lines. The hash is keyed with a per-boot secret: a tenant cannot aim collisions.
 * Fixed budget. A port's creation tokens (rate and share) keep a flood from pushing others out.
 *
 * Threads: its worker. Memory: session_table_create allocates all.
 */
#include "datapath/base/hash.h"
#include "datapath/dp_types.h"
#include "datapath/pkt.h"
#include "datapath/program_cache.h"
#include "datapath/worker.h"

struct session {
	struct session_half key; // the first half
	uint64_t version;        // the rules it was computed from
	uint32_t program : 30;   // number, see program_at
	uint32_t has_tail : 1;   // the second half of the key is not zero
	uint32_t is_used : 1;    // 0: in the list of free entries
	uint32_t n_packets;      // not yet settled
	uint32_t n_bytes;        // not yet settled
	union {
		uint32_t used_ms; // low 32 bits
		uint32_t next_free;
	};
} __attribute__((aligned(64)));
static_assert(sizeof(struct session) == 64);
static_assert(PROGRAM_ARENA_SIZE / PROGRAM_UNIT < 1 << 30);

enum {
	SESSION_IDLE_MS = 30000,
	SESSION_RATE = 500000, // creation tokens of a port per second
	SESSION_BURST = 65536, // and at once
};

struct session_table *session_table_create(
    uint32_t max_sessions, const struct hash_key *secret); // NULL: no memory
void session_table_destroy(struct session_table *t);
uint32_t session_hash(const struct session_table *t, const struct session_key *k);
/*
 * Look-up of a burst, in three steps with other work between them: each asks for the memory that the next one needs.
 * Packets with the key of the one before are a run, and looked up once.
 */
struct session_runs {
	unsigned int n;
	uint32_t with_tail;       // bit i: the second half of key i is not zero
	uint8_t first[BURST + 1]; // packet that run i begins with; first[n]: the number of packets
	uint32_t hash[BURST];
	struct session *session
	    [BURST]; // a guess after the second step, what session_find finds after the third
	struct session_key key[BURST];
};

/*
 * First: appends packets from … to - 1. Key: what was parsed & the packet's mask (NULL: all of it). A packet whose bit in
 * alone is set is a run of its own.
 */
void session_runs_add(const struct session_table *t, const struct session_key *parsed,
    const struct session_key *const *masks, uint32_t alone, unsigned int from, unsigned int to,
    struct session_runs *runs);
/* Second: runs from … to - 1. */
void session_runs_guess(
    const struct session_table *t, struct session_runs *runs, unsigned int from, unsigned int to);
/* Third: runs from … to - 1. */
void session_runs_find(
    struct session_table *t, struct session_runs *runs, unsigned int from, unsigned int to);
/* NULL: miss. */
struct session *session_find(struct session_table *t, const struct session_key *k, uint32_t hash);
/* NULL when the budget or the port's tokens are used up. The caller calls session_set_program. */
struct session *session_add(
    struct session_table *t, const struct session_key *k, uint32_t hash, uint64_t now_ms);
void session_del(struct session_table *t, struct session *s);
/* The key that it was added with. */
void session_read_key(
    const struct session_table *t, const struct session *s, struct session_key *ret);
uint32_t session_count(const struct session_table *t);
uint32_t session_count_of_port(const struct session_table *t, uint16_t port);

static inline struct program *session_program(const struct worker *w, const struct session *s)
{
	return program_at(w->programs, s->program);
}
/* Computed from the rules of now. Takes the reference. */
static inline void session_set_program(
    const struct worker *w, struct session *s, const struct program *prog)
{
	s->program = program_number(w->programs, prog) & ((1u << 30) - 1);
	s->version = w->version;
}
/* Adds the packets counted since the last time to every rule and group of the session's program. */
void session_settle(struct worker *w, struct session *s);
/* Counts packets that it was used for just now. */
static inline void session_count_packets(
    struct worker *w, struct session *s, uint32_t n_packets, uint32_t n_bytes)
{
	if (UNLIKELY(n_bytes > UINT32_MAX - s->n_bytes)) // in a third of a second at 100 Gbit/s
		session_settle(w, s);
	s->n_packets += n_packets;
	s->n_bytes += n_bytes;
	s->used_ms = (uint32_t)w->now_ms;
}
/* Settles, gives the program back and deletes. */
void session_release(struct worker *w, struct session *s);
/*
 * Looks at up to n more entries of w->sessions: settles, releases those idle for SESSION_IDLE_MS. True when this ended a
 * full round.
 */
bool session_sweep(struct worker *w, uint32_t n);
/* How many entries a sweep should look at now so that a round takes a second; bounded. */
uint32_t session_sweep_due(struct session_table *t, uint64_t now_ms);

/*
 * The session mask of a bridge. mask_union: the union of the masks of its rules, and of those of every bridge that
 * its patch ports lead to, plus what session_mask_add_actions adds for every action list (rules and groups). A mask that
 * grows must be published before the version whose rules need it.
 */
void session_mask_from_rules(const struct flow_key *mask_union, struct session_key *ret);
/* Adds the fields whose values actions read (MOVE, partial writes): the outcome depends on them as on a match. */
void session_mask_add_actions(
    const struct dp_action *actions, size_t size, struct flow_key *mask_union);
