/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Packets as an underlay may bring them, described by what is odd about them.
 *
 * Threads: any. Memory: the caller's.
 */
#include <stddef.h>
#include <stdint.h>

enum { UNDERLAY_PACKET_MAX = 512, UNDERLAY_UDP_PORT = 4789, UNDERLAY_VNI = 100 };

#define UNDERLAY_US4 "192.0.2.2"
#define UNDERLAY_US6 "2001:db8::2"

/* With nothing but version and src: a VXLAN packet of UNDERLAY_VNI to us, without tags, options, extension headers and oddities. */
struct underlay_packet {
	uint8_t version;       // 4 or 6
	const char *src, *dst; // dst NULL: us
	uint16_t udp_port;     // 0: VXLAN's
	uint32_t vni;          // 0: UNDERLAY_VNI
	uint8_t n_tags;
	uint16_t tpid;         // 0: 0x8100
	uint16_t ether_type;   // 0: the version's
	uint8_t ip_version;    // 0: the version
	uint8_t n_options;     // words of IPv4 options
	uint8_t protocol;      // 0: UDP
	uint16_t fragment;     // IPv4: the field; IPv6: the fragment header's, where there is one
	uint8_t extensions[8]; // IPv6: types, in order; 0 ends
	int ip_size_add, udp_size_add;
	uint8_t no_vni_flag;
	uint16_t cut; // bytes to keep; 0: all
};

/* Returns the packet's bytes. */
size_t underlay_packet_build(const struct underlay_packet *p, uint8_t ret[UNDERLAY_PACKET_MAX]);
