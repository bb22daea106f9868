/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the parser's files share: a packet under the parser's eyes.
 *
 * Two ends bound every read: hdr_end is where the contiguous bytes end that may be looked at, end is where the packet
 * ends by its own length fields. A header is whole when it ends before both.
 *
 * Threads: worker. Memory: on the stack of parse_packet.
 */
#include "datapath/parse.h"
#include "datapath/wire.h"

struct parser {
	const uint8_t *data;
	uint32_t hdr_end;
	uint32_t end; // of the frame; of the IP packet as soon as its length is known
	struct pkt *pkt;
	struct session_key *key;
};

static inline bool parser_has(const struct parser *p, uint32_t ofs, uint32_t size)
{
	return ofs + size <= p->hdr_end && ofs + size <= p->end;
}

/* The IPv6 header at ofs, its extension headers and L4. */
enum dp_drop parse_ip6(struct parser *p, uint32_t ofs);
/* The L4 header at ofs. IP addresses and fragment bits are in the key. */
enum dp_drop parse_l4(struct parser *p, uint32_t ofs, uint8_t proto);
/* A neighbour discovery message (RFC 4861, RFC 6980). Precondition: ICMP_HDR_SIZE bytes are there. */
enum dp_drop parse_nd(const struct parser *p, uint32_t ofs);

/*
 * Offset of the address in the link-layer option of that type (ND_OPT_*) of a parsed NS or NA, or 0. nd_ofs is the
 * ICMPv6 header; end is the packet's.
 */
uint32_t nd_find_lladdr(const uint8_t *data, uint32_t nd_ofs, uint32_t end, uint8_t type);
