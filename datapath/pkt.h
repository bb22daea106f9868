/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A packet in the switch: an rte_mbuf whose private area is a struct pkt. All pools of the switch are made with
 * PKT_PRIV_SIZE; every packet's first segment holds all headers that the parser read (PKT_HDR_MAX at most), and
 * is never shared with another mbuf (copies are deep), so headers may be written.
 *
 * Threads: a packet belongs to one worker at a time. Memory: whoever holds the mbuf owns it; a packet leaves
 * through out_add() or pkt_drop(), never by a bare rte_pktmbuf_free().
 */
#include <rte_mbuf.h>

#include "datapath/base/flow_key.h"

enum {
	PKT_PRIV_SIZE = 64,
	PKT_HDR_MAX = 256,  // bytes of headers the parser may look at
	PKT_HEADROOM = 128, // RTE_PKTMBUF_HEADROOM: outer Ethernet, VLAN, IPv6, UDP, VXLAN fit
	PKT_MAX_VLANS = 2,
	PKT_MAX_IP6_EXT = 8, // extension headers walked
};

enum pkt_flags {
	PKT_F_CSUM_PARTIAL =
	    1 << 0, // L4 checksum field holds the pseudo-header sum only (guest offload): complete
	// it before the packet leaves where the receiver cannot (see csum.h)
	PKT_F_NO_SESSION = 1 << 1, // ARP, ND, malformed-but-forwardable…: always runs the rules
	PKT_F_FRAGMENT = 1 << 2,   // IP fragment: its L4 checksum and ports are not (all) in it
};

struct pkt {
	uint16_t in_port;        // port id it is accounted to
	uint16_t flags;          // PKT_F_*
	uint16_t l3_ofs;         // from the start of the packet; 0: none
	uint16_t l4_ofs;         // 0: none or later fragment
	uint16_t l4_payload_ofs; // 0: none
	uint8_t n_vlans;
	uint8_t tun_ecn;   // outer ECN after decapsulation
	uint32_t tun_vni;  // host order; valid when tun_peer is not PKT_NO_PEER
	uint16_t tun_peer; // route slot of the outer source, or PKT_NO_PEER
	uint8_t tun_local; // index of the local address it was sent to
	uint8_t l4_proto;  // of the header at l4_ofs
	uint16_t csum_start,
	    csum_offset;        // PKT_F_CSUM_PARTIAL: as virtio's, from the start of the packet
	struct ip_addr tun_src; // outer source when tunnelled (for peers without a slot)
};
static_assert(sizeof(struct pkt) <= PKT_PRIV_SIZE);

enum { PKT_NO_PEER = 0xffff, PKT_NO_SLOT = 0xfffe };

static inline struct pkt *pkt_of(struct rte_mbuf *m)
{
	return (struct pkt *)rte_mbuf_to_priv(m);
}

/* A packet that has just arrived or was just made: nothing is known about it. */
static inline void pkt_reset(struct rte_mbuf *m)
{
	*pkt_of(m) = (struct pkt){.tun_peer = PKT_NO_PEER};
}

/*
 * Makes the first PKT_HDR_MAX bytes (or the whole packet) contiguous in the first segment. False: it has no room,
 * which no pool of the switch allows.
 */
MUST_CHECK
bool pkt_pull_headers(struct rte_mbuf *m);
/* Cuts the packet to len bytes, len <= pkt_len, and frees segments left empty. */
void pkt_trim(struct rte_mbuf *m, uint32_t len);

/* Looked up, compared and hashed as it is: a vector of 32 bytes and a word. */
struct session_half {
	uint64_t words[5];
};

/*
 * What the parser extracts from each packet, and the exact-match key of its session. Everything that comes from the
 * packet is in network order, as in struct flow_key; the rest as noted. Bytes with no meaning are zero. Before look-up it is
 * ANDed with the bridge's session mask, which clears the volatile fields (TTL, TOS, TCP flags, flow label) that no rule looks
 * at: so the shape of the table is chosen by rules, never by packets.
 */
struct session_key {
	union {
		struct {
			uint16_t port;     // ingress (tunnel port after decapsulation), host order
			uint16_t eth_type; // after VLAN tags
			struct mac_addr eth_dst, eth_src;
			uint32_t ip4_src, ip4_dst;
			// 0: not tunnelled; or 1 + route slot (low 12 bits) and local index (high 4)
			uint16_t tun_peer;
			uint8_t ip_ttl;
			// FLOW_FRAG_* in bits 0-1; bit 2+i: tag i has TPID 0x88a8
			uint8_t ip_frag_tpid;
			uint32_t tun_vni;        // host order
			uint16_t tp_src, tp_dst; // ICMP: type and code
			uint16_t tcp_flags;
			uint8_t ip_proto;
			uint8_t ip_tos;
			// The second half: zero in IPv4 without tags.
			struct ip6_addr ip6_src, ip6_dst;
			uint16_t vlan_tci[PKT_MAX_VLANS]; // with FLOW_VLAN_PRESENT
			uint32_t ip6_label;               // 20 bits
		};
		struct session_half half[2];
	};
};
static_assert(sizeof(struct session_key) == 80 && offsetof(struct session_key, ip6_src) == 40);
