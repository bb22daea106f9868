/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The outcome of a packet's way through the rules: a flat list of operations on packet bytes. The pipeline writes
 * programs, act.c runs them. Programs are interned per worker: sessions of equal outcome share one, so the code
 * that runs stays in the cache whatever the number of sessions.
 *
 * A program's ops are executed in order. Outputs copy the packet except the last (PROG_F_LAST). A program that ends
 * without having output anything must end in DROP.
 *
 * Threads: worker. Memory: program_cache owns programs; program_intern returns a reference.
 */
#include <stddef.h>
#include <stdint.h>

#include "datapath/base/net_types.h"
#include "datapath/dp_drop.h"

enum prog_op_type {
	PROG_OUTPUT, // to a port
	PROG_TUNNEL, // encapsulate and send to the route's uplink
	PROG_PUNT,   // copy to the controller
	PROG_SET_ETH,
	PROG_PUSH_VLAN,
	PROG_POP_VLAN,
	PROG_SET_VLAN,
	PROG_SET_IP4,
	PROG_SET_IP6,
	PROG_SET_TOS,
	PROG_SET_TTL,
	PROG_DEC_TTL,
	PROG_SET_TP,   // TCP, UDP, SCTP ports; checksums follow
	PROG_SET_ICMP, // type, code
	PROG_SET_ARP,
	PROG_SET_ND,
	PROG_ARP_REPLY,
	PROG_ND_REPLY,
	PROG_REFRESH, // keep a learned MAC young; stale session when it moved
	PROG_PATCH,   // count a crossing: tx on one port, rx on its peer
	PROG_DROP,
	PROG__COUNT
};

enum { PROG_F_LAST = 1 }; // this output takes the packet itself

/* Which members of a set op are written: bit i for the i-th named member. */
struct prog_op {
	uint8_t type;
	uint8_t len;   // bytes of the op, a multiple of 8, header included
	uint8_t flags; // PROG_F_*, or the members bitmap of set ops
	uint8_t pad;
	union {
		struct {
			uint16_t port; // id
		} output;
		struct {
			uint16_t port; // id of the tunnel port (counted)
			uint8_t local; // outer source: index of a local address + 1; 0: the route's
			uint8_t pad;
			uint16_t route;     // slot
			uint8_t tos;        // DSCP to set, unless inherit
			uint8_t ttl;        // unless inherit
			uint32_t vni;       // host order
			uint16_t udp_port;  // host order
			uint16_t tnl_flags; // PROG_TNL_*
		} tunnel;
		struct {
			uint16_t max_len;
			uint32_t reason;
			uint32_t bridge;
			uint64_t rule, cookie;
			uint8_t table;
		} punt;
		struct {
			struct mac_addr dst, src;
		} eth;
		struct {
			uint16_t tpid, tci; // host order; SET_VLAN: tci of the outer tag
		} vlan;
		struct {
			uint32_t src, dst; // network order
		} ip4;
		struct {
			uint32_t label; // network order
			struct ip6_addr src, dst;
		} ip6;
		struct {
			uint8_t value, mask;
		} tos;
		struct {
			uint8_t ttl; // SET_TTL: the value; DEC_TTL: how often
		} ttl;
		struct {
			uint16_t src, dst; // network order
		} tp;
		struct {
			uint8_t type, code;
		} icmp;
		struct {
			uint16_t op; // network order
			struct mac_addr sha, tha;
			uint32_t spa, tpa;
		} arp;
		struct {
			struct mac_addr sll, tll;
			struct ip6_addr target;
		} nd;
		struct {
			struct mac_addr mac;
			uint8_t router;
		} reply;
		struct {
			int32_t idx; // fdb entry
			uint32_t bridge;
			uint16_t vlan, port;
		} refresh;
		struct {
			uint16_t tx_port, rx_port; // ids
		} patch;
		struct {
			uint32_t reason; // enum dp_drop
		} drop;
	};
} __attribute__((aligned(8)));

enum {
	PROG_TNL_TOS_INHERIT = 1,
	PROG_TNL_ZERO_CSUM6 = 2,
	PROG_TNL_INNER_VLAN = 4,
	PROG_TNL_TTL_INHERIT = 8,
	PROG_TNL_CSUM = 16,  // on IPv4
	PROG_TNL_NO_DF = 32, // on IPv4
};

enum {
	PROG_MAX_SIZE =
	    32768, // bytes of ops, enough for a group of DP_MAX_BUCKETS tunnels; longer outcomes are PIPELINE_DEPTH
	PROG_MAX_RULES = 256, // rules and groups passed; more are PIPELINE_DEPTH
	PROG_MAX_FDB = 4,     // bridges whose NORMAL it used; more are not cacheable
};

/* NORMAL chose by this shard of a bridge's MAC table: the session is stale when the generation differs. */
struct program_fdb {
	uint32_t bridge, shard, generation;
};

struct program {
	uint32_t n_refs; // sessions
	uint32_t hash;
	uint16_t size;    // bytes of ops
	uint16_t n_rules; // stats slots below
	uint16_t n_outputs;
	uint16_t cacheable; // 0: do not make a session (drop verdict, sessionless outcome)
	uint64_t rule;      // id of the deciding rule: for samples
	uint64_t cookie;
	uint8_t n_fdb; // learned destinations it depends on
	uint8_t pad[7];
	struct program_fdb fdb[PROG_MAX_FDB];
	struct program *next; // hash chain
	uint32_t *rules;      // stats_idx of every rule and group passed; settled from sessions
	struct prog_op ops[]; // packed by len
};

#define prog_foreach(op, prog)                                                  \
	for (const struct prog_op *op = (prog)->ops;                            \
	     (const uint8_t *)op < (const uint8_t *)(prog)->ops + (prog)->size; \
	     op = (const struct prog_op *)((const uint8_t *)op + op->len))

/* Bytes an op of this type takes: a multiple of 8. */
uint8_t prog_op_size(enum prog_op_type type);
/* Text of one op as trace prints it ("output vm2", "set eth_dst=…"). Returns buf. */
const char *prog_op_format(const struct prog_op *op, char *buf, size_t size);
