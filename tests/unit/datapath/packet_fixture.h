/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What tests of the packet code share: packets in real mbufs, the table of tests/data/packets.txt, and a worker
 * whose two exits keep what they are given.
 *
 * Threads: one. Memory: fixture_reset frees all packets that the exits took.
 */
#include "datapath/dp.h"
#include "datapath/program.h"

enum { FIXTURE_MAX_OUT = 64, FIXTURE_PACKET_MAX = 2048 };

struct fixture {
	struct worker w;
	struct dp dp;
	struct rte_mempool *pool;
	struct {
		uint16_t port;
		struct rte_mbuf *m;
	} out[FIXTURE_MAX_OUT];
	unsigned int n_out;
	enum dp_drop drop; // the last; DP_DROP__COUNT: none
	uint64_t drop_rule;
	unsigned int n_drops;
	bool copies_fail;
	bool is_fresh; // what fdb_refresh answers
};

extern struct fixture fx;

/* cmocka group setup: EAL without huge pages, a pool, a ring. */
int fixture_init(void **state);
/* cmocka test setup: frees what the exits hold and checks that no mbuf is lost. */
int fixture_reset(void **state);

struct rte_mbuf *fixture_packet(const void *bytes, size_t size);
/* The same, its bytes from at on in a second segment. */
struct rte_mbuf *fixture_packet_split(const void *bytes, size_t size, size_t at);
/* A packet of the table; parsed, arrived by port 1. */
struct rte_mbuf *fixture_parsed(const char *name);
void fixture_parse(struct rte_mbuf *m);

struct packet_row {
	char name[64];
	char expect[512];
	uint8_t bytes[FIXTURE_PACKET_MAX];
	size_t size;
};
/* Every row of packets.txt, in order. Fails the test when there are none. */
void fixture_foreach_row(void (*cb)(const struct packet_row *row, void *arg), void *arg);
void fixture_row(const char *name, struct packet_row *ret);

/* Plain and slow, unlike csum.c: the IPv4 header checksum and the L4 checksum of a whole packet are right. */
bool fixture_checksums_ok(struct rte_mbuf *m);

/* xorshift; the seed is printed by fixture_init and taken from SEED in the environment. */
uint32_t fixture_random(void);
