/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The flow key: everything a rule can match on, and the only representation of it in Sluice.
 *
 * Every member is in network byte order, so that a field is a plain bit string: wire codecs copy bytes,
 * and move/load between fields is bit arithmetic without a special case. Members a packet does not have
 * are zero. flow_field.def names the fields; JSON, CLI, OpenFlow and trace all speak through that table.
 *
 * Threads: any; pure values. Memory: none.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/base/net_types.h"

enum {
	FLOW_N_REGS = 16,
	FLOW_N_TUN_METADATA = 8,
	FLOW_VLAN_PRESENT =
	    0x1000,        // in vlan_tci (host order): the tag exists, as OpenFlow's OFPVID_PRESENT
	FLOW_FRAG_ANY = 1, // ip_frag: the packet is a fragment
	FLOW_FRAG_LATER = 2, // ip_frag: offset is not zero (no L4 header in it)
};

struct flow_key {
	/* Pipeline. in_port is the bridge's port number (OpenFlow), 32 bits. */
	uint32_t in_port;
	uint32_t pad0;
	uint64_t metadata;
	union {
		uint32_t reg[FLOW_N_REGS];
		/* The same, first register highest: in pairs (OpenFlow 1.5's packet registers) and in fours. */
		uint64_t xreg[FLOW_N_REGS / 2];
		struct ip6_addr xxreg[FLOW_N_REGS / 4];
	};
	/* Tunnel the packet came by or will leave by; tun_id is the VNI. v4 and v6 ends are separate. */
	uint64_t tun_id;
	uint32_t tun_src, tun_dst;
	struct ip6_addr tun6_src, tun6_dst;
	uint8_t tun_tos, tun_ttl;
	uint8_t tun_gbp_flags;
	uint8_t tun_flags; // OAM (1)
	uint16_t tun_gbp_id;
	uint16_t ct_zone;
	uint32_t tun_metadata[FLOW_N_TUN_METADATA]; // options of a TLV map
	/* Marks, and connection tracking: zero in packets that have not been tracked. */
	uint32_t pkt_mark, packet_type; // packet_type 0: Ethernet
	uint32_t ct_state, ct_mark;     // CT_* bits
	struct ip6_addr ct_label;
	uint32_t ct_ip4_src, ct_ip4_dst;
	struct ip6_addr ct_ip6_src, ct_ip6_dst;
	uint16_t ct_tp_src, ct_tp_dst;
	uint32_t conj_id, dp_hash;
	uint32_t actset_output, in_phy_port;
	uint8_t ct_ip_proto;
	uint8_t pad1[3];
	/* Ethernet. vlan_*[0] is the outer tag; vlan_tci carries FLOW_VLAN_PRESENT. */
	struct mac_addr eth_dst, eth_src;
	uint16_t eth_type; // after all VLAN tags known to the parser
	uint16_t vlan_tci[2];
	uint16_t vlan_tpid[2];
	uint16_t pad2;
	/* IPv4, IPv6 */
	uint32_t ip4_src, ip4_dst;
	struct ip6_addr ip6_src, ip6_dst;
	uint32_t ip6_label; // 20 bits
	uint8_t ip_proto;   // after IPv6 extension headers
	uint8_t ip_tos;     // DSCP (6) and ECN (2)
	uint8_t ip_ttl;
	uint8_t ip_frag; // FLOW_FRAG_*
	/* ARP */
	uint32_t arp_spa, arp_tpa;
	struct mac_addr arp_sha, arp_tha;
	uint16_t arp_op;
	uint16_t pad3;
	/* TCP, UDP, SCTP, ICMP, ICMPv6. Zero in later fragments. */
	uint16_t tp_src, tp_dst;
	uint16_t tcp_flags; // 12 bits
	uint8_t icmp_type, icmp_code;
	/* Neighbour discovery (RFC 4861): target, and the first source/target link-layer option. */
	struct ip6_addr nd_target;
	struct mac_addr nd_sll, nd_tll;
	uint32_t nd_reserved;
	/* Outermost MPLS label: label (20), traffic class (3), bottom of stack (1), TTL (8). */
	uint32_t mpls_lse;
	uint16_t ip6_exthdr; // OpenFlow 1.3.5 7.2.3.7: OFPIEH_*
	uint8_t nd_options_type;
	uint8_t pad4;
};

enum { FLOW_KEY_N_WORDS = sizeof(struct flow_key) / 8 };
static_assert(sizeof(struct flow_key) % 8 == 0);
static_assert(FLOW_KEY_N_WORDS <= 64, "a 64-bit map must name every word");

/* A match: key is significant where mask has one bits. Canonical: key & ~mask == 0. */
struct flow_match {
	struct flow_key key;
	struct flow_key mask;
};

static inline uint64_t *flow_key_words(struct flow_key *k)
{
	return (uint64_t *)(void *)k;
}

static inline const uint64_t *flow_key_words_const(const struct flow_key *k)
{
	return (const uint64_t *)(const void *)k;
}

/* Clears bits of key outside mask. */
void flow_match_canonicalise(struct flow_match *m);
bool flow_match_covers(const struct flow_match *m, const struct flow_key *k);
bool flow_match_equal(const struct flow_match *a, const struct flow_match *b);
/* True when some packet could match both. */
bool flow_match_overlaps(const struct flow_match *a, const struct flow_match *b);
/* True when every packet that a matches is matched by b (b is looser or equal). */
bool flow_match_is_subset(const struct flow_match *a, const struct flow_match *b);

/*
 * Compact wire and storage form: a map of the words whose mask is not zero, then for each such word its key
 * and mask (map order). Canonical form has one encoding, so bytes can be hashed and compared.
 */
enum { FLOW_MATCH_MAX_SIZE = 8 + FLOW_KEY_N_WORDS * 16 };

size_t flow_match_encode(const struct flow_match *m, uint8_t buf[FLOW_MATCH_MAX_SIZE]);
/* Reads one match from buf. Returns bytes used, or -EINVAL when short, non-canonical or with unknown words. */
MUST_CHECK
int flow_match_decode(const uint8_t *buf, size_t size, struct flow_match *ret);
