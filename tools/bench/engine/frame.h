/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Frames from templates: everything that is the same in all packets of one size is made once, checksums included. A packet
 * is a copy of the headers, its flow's fields, two checksums put together from sums that are known, and the stamp.
 * The payload behind the headers is not copied: transmit buffers hold frame_pattern() from their first byte on, always.
 *
 * Threads: built by main, read by the trial. Memory: a plain value.
 */
#include "tools/bench/engine/flow.h"
#include "tools/bench/engine/stamp.h"

enum {
	FRAME_COPY_MAX = 192, // outer headers of IPv6, inner ones, stamp
	FRAME_COPY_UNIT = 64,
	FRAME_ROOM = 10240, // buffer that holds the largest frame, encapsulated
	IP_PROTO_TCP = 6,
	IP_PROTO_UDP = 17,
	TCP_FIN = 1,
	TCP_SYN = 2,
	TCP_PSH = 8,
	TCP_ACK = 16,
};

struct frame_spec {
	struct mac_addr eth_src, eth_dst;
	int32_t vlan;
	struct ip_addr src, dst; // of IPv6, the high 96 bits count
	uint8_t proto, tcp_flags;
	bool zero_udp_csum;
	uint16_t payload_size;          // with the stamp, if it is to have one
	const struct vxlan_conf *vxlan; // NULL: not encapsulated
};

struct frame_template {
	_Alignas(FRAME_COPY_UNIT) uint8_t bytes[FRAME_COPY_MAX];
	uint16_t size;      // of the frame, without FCS
	uint16_t copy_size; // a multiple of FRAME_COPY_UNIT; may be more than size
	uint16_t src_ofs, dst_ofs, l4_ofs;
	uint16_t ip_csum_ofs;   // 0: none
	uint16_t l4_csum_ofs;   // 0: none
	uint16_t stamp_ofs;     // 0: none
	uint16_t outer_udp_ofs; // 0: not encapsulated
	bool has_outer_csum, is_udp;
	uint32_t ip_sum, l4_sum; // without the flow's fields, folded
	uint32_t
	    outer_sum; // without the flow's fields, the inner checksums and the outer source port
};

/* What every transmit buffer holds at byte i of the frame. */
static inline uint8_t frame_pattern(unsigned int i)
{
	return (uint8_t)(i * 37 + (i >> 8));
}

void frame_template_init(struct frame_template *t, const struct frame_spec *spec);
/* The spec of a stream's frames of size bytes, FCS included. Precondition: size is at least stream_conf_min_size(). */
struct frame_spec frame_spec_of(const struct stream_conf *conf, uint16_t size);

static inline void frame_put16(uint8_t *to, uint16_t v)
{
	memcpy(to, &v, sizeof(v));
}

/* The checksum field for a folded sum. UDP sends 0xffff for 0, which would mean none (RFC 768). */
static inline uint16_t frame_csum(uint64_t sum, bool is_udp)
{
	uint16_t csum = (uint16_t)~inet_fold(sum);
	return csum == 0 && is_udp ? 0xffff : csum;
}

void frame_write_outer(uint8_t *to, const struct frame_template *t, const struct flow *f,
    uint16_t ip_csum, uint16_t l4_csum);

/* All but the stamp. more_l4: sum of what the caller changes behind the addresses and ports; 0 for a stamp. */
static inline __attribute__((always_inline)) void frame_write(
    uint8_t *to, const struct frame_template *t, const struct flow *f, uint64_t more_l4)
{
	uint16_t ip_csum = 0, l4_csum = 0;
	memcpy(to, t->bytes, FRAME_COPY_UNIT);
	for (unsigned int at = FRAME_COPY_UNIT; UNLIKELY(at < t->copy_size); at += FRAME_COPY_UNIT)
		memcpy(to + at, t->bytes + at, FRAME_COPY_UNIT);
	memcpy(to + t->src_ofs, &f->src_be, 4);
	memcpy(to + t->dst_ofs, &f->dst_be, 4);
	memcpy(to + t->l4_ofs, &f->sport_be, 4); // and dport_be
	if (LIKELY(t->ip_csum_ofs != 0)) {
		ip_csum = frame_csum(t->ip_sum + f->addr_sum, false);
		frame_put16(to + t->ip_csum_ofs, ip_csum);
	}
	if (LIKELY(t->l4_csum_ofs != 0)) {
		l4_csum = frame_csum(t->l4_sum + f->l4_sum + more_l4, t->is_udp);
		frame_put16(to + t->l4_csum_ofs, l4_csum);
	}
	if (UNLIKELY(t->outer_udp_ofs != 0))
		frame_write_outer(to, t, f, ip_csum, l4_csum);
}
