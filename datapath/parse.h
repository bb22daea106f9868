/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Packet → session key and offsets (fast path), and packet → full flow key (miss path).
 *
 * Bounds: at most PKT_MAX_VLANS tags, PKT_MAX_IP6_EXT extension headers, PKT_HDR_MAX bytes. Total length fields are
 * checked against the frame; Ethernet padding is ignored. No byte outside the first segment is read: a packet
 * whose headers are cut by a segment border is linearised first.
 *
 * Threads: worker. Memory: none.
 */
#include "datapath/dp_drop.h"
#include "datapath/pkt.h"

/*
 * Fills pkt offsets and *key. Expects in_port, tun_* and PKT_F_CSUM_PARTIAL of struct pkt set by rx.
 * Returns DP_DROP__COUNT when the packet may go on, or the reason to drop it.
 */
enum dp_drop parse_packet(struct rte_mbuf *m, struct session_key *key);

/*
 * Adds to a parsed packet what only rules need: ARP and ND fields, flow label. in_port (ofport) and tunnel fields
 * are filled from the arguments; registers and metadata are zero.
 */
struct parse_tunnel {
	uint64_t tun_id; // host order
	struct ip_addr src, dst;
	uint8_t tos, ttl;
};
void parse_flow_key(struct rte_mbuf *m, const struct session_key *key, uint32_t ofport,
    const struct parse_tunnel *tunnel, struct flow_key *ret);
