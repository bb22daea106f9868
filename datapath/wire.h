/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Loads and stores of packet bytes at any alignment, and the numbers of the protocols that the packet code handles.
 * load16 and load32 keep the bytes as they lie (network order); get_* convert to host order.
 *
 * Threads: any. Memory: none; callers have checked the bounds.
 */
#include <rte_byteorder.h>

#include <stdint.h>
#include <string.h>

enum {
	ETH_HDR_SIZE = 14,
	ETH_MACS_SIZE = 12,
	VLAN_TAG_SIZE = 4,
	ARP_SIZE = 28, // Ethernet/IPv4
	IP4_HDR_SIZE = 20,
	IP6_HDR_SIZE = 40,
	TCP_HDR_SIZE = 20,
	UDP_HDR_SIZE = 8,
	SCTP_HDR_SIZE = 12,
	ICMP_HDR_SIZE = 8, // of every message that ICMP (RFC 792) and ICMPv6 (RFC 4443) define
	VXLAN_HDR_SIZE = 8,

	ETH_TYPE_IP4 = 0x0800,
	ETH_TYPE_ARP = 0x0806,
	ETH_TYPE_VLAN = 0x8100,
	ETH_TYPE_IP6 = 0x86dd,
	ETH_TYPE_QINQ = 0x88a8,
	ETH_TYPE_MIN = 0x0600, // lower values are lengths of 802.3 LLC frames
	ETH_TYPE_LLC = 0x05ff, // what OpenFlow 1.3.5 7.2.3.7 calls those

	IP_PROTO_HOP_OPTS = 0,
	IP_PROTO_ICMP = 1,
	IP_PROTO_IGMP = 2,
	IP_PROTO_TCP = 6,
	IP_PROTO_UDP = 17,
	IP_PROTO_ROUTING = 43,
	IP_PROTO_FRAGMENT = 44,
	IP_PROTO_AH = 51,
	IP_PROTO_ICMP6 = 58,
	IP_PROTO_NONE = 59,
	IP_PROTO_DST_OPTS = 60,
	IP_PROTO_SCTP = 132,

	IP4_DF = 0x4000,
	IP4_MF = 0x2000,
	IP4_OFFSET_MASK = 0x1fff, // in units of 8 bytes

	TCP_CSUM_OFS = 16,
	UDP_CSUM_OFS = 6,
	ICMP_CSUM_OFS = 2,
	IP4_CSUM_OFS = 10,

	ND_RS = 133,
	ND_RA = 134,
	ND_NS = 135,
	ND_NA = 136,
	ND_REDIRECT = 137,
	ND_OPT_SLL = 1,
	ND_OPT_TLL = 2,
	ND_TARGET_OFS = 8, // in NS and NA
	ND_OPTS_OFS = 24,  // in NS and NA

	MLD_QUERY = 130,
	MLD_REPORT = 131,
	MLD_DONE = 132,
	MLD2_REPORT = 143,
};

static inline uint16_t load16(const void *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t load32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void store16(void *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void store32(void *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline uint16_t get_be16(const void *p)
{
	return rte_be_to_cpu_16(load16(p));
}

static inline uint32_t get_be32(const void *p)
{
	return rte_be_to_cpu_32(load32(p));
}

static inline void put_be16(void *p, uint16_t v)
{
	store16(p, rte_cpu_to_be_16(v));
}

static inline void put_be32(void *p, uint32_t v)
{
	store32(p, rte_cpu_to_be_32(v));
}
