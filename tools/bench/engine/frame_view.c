/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/engine/frame_view.h"

#include "datapath/base/compiler.h"
#include "tools/bench/engine/frame.h"

enum {
	ETH_SIZE = 14,
	TYPE_OFS = 12,
	VLAN_SIZE = 4,
	MAX_TAGS = 2,
	IP4_SIZE = 20,
	IP6_SIZE = 40,
	UDP_SIZE = 8,
	TCP_SIZE = 20,
	VXLAN_SIZE = 8,
	VXLAN_FLAGS_VNI = 0x08,
	IP4_FRAGMENT = 0x3fff, // more fragments, or an offset
};

static bool find_l4(struct frame_view *v, uint32_t eth_ofs);
static inline bool find_l4_v4(struct frame_view *v, const uint8_t *ip, uint32_t room);
static inline bool find_l4_v6(struct frame_view *v, const uint8_t *ip, uint32_t room);
static inline void find_stamp(struct frame_view *v);
static bool is_vxlan(const struct frame_view *v);
static inline uint16_t get16(const uint8_t *p);

bool frame_view_init(struct frame_view *v, const uint8_t *frame, uint32_t size)
{
	*v = (struct frame_view){.frame = frame, .size = size};
	if (UNLIKELY(!find_l4(v, 0)))
		return false;
	find_stamp(v);
	if (LIKELY(v->stamp_ofs != 0) || !is_vxlan(v))
		return true;
	v->is_encapsulated = true;
	if (!find_l4(v, v->l4_ofs + UDP_SIZE + VXLAN_SIZE))
		return false;
	find_stamp(v);
	return true;
}

bool frame_view_is_intact(const struct frame_view *v)
{
	const uint8_t *ip = v->frame + v->l3_ofs, *l4 = v->frame + v->l4_ofs;
	uint64_t sum = __builtin_bswap16(v->proto) + __builtin_bswap16((uint16_t)v->l4_size);
	if (v->is_v4) {
		if (inet_fold(inet_add(0, ip, v->l4_ofs - v->l3_ofs)) != 0xffff)
			return false;
		if (v->proto == IP_PROTO_UDP && get16(l4 + 6) == 0)
			return true;
		sum = inet_add(sum, ip + 12, 8);
	} else {
		sum = inet_add(sum, ip + 8, 32);
	}
	return inet_fold(inet_add(sum, l4, v->l4_size)) == 0xffff;
}

static bool find_l4(struct frame_view *v, uint32_t eth_ofs)
{
	uint32_t at = eth_ofs + ETH_SIZE;
	if (UNLIKELY(v->size < at))
		return false;
	uint16_t type = get16(v->frame + eth_ofs + TYPE_OFS);
	for (unsigned int i = 0; i < MAX_TAGS && UNLIKELY(type == 0x8100 || type == 0x88a8); i++) {
		at += VLAN_SIZE;
		if (v->size < at)
			return false;
		type = get16(v->frame + at - 2);
	}
	v->l3_ofs = at;
	if (LIKELY(type == 0x0800))
		return find_l4_v4(v, v->frame + at, v->size - at);
	return type == 0x86dd && find_l4_v6(v, v->frame + at, v->size - at);
}

static inline bool find_l4_v4(struct frame_view *v, const uint8_t *ip, uint32_t room)
{
	if (room < IP4_SIZE)
		return false;
	uint32_t header_size = (ip[0] & 0xfu) * 4, total = get16(ip + 2);
	if (ip[0] >> 4 != 4 || header_size < IP4_SIZE || total > room || total < header_size ||
	    (get16(ip + 6) & IP4_FRAGMENT) != 0)
		return false;
	v->is_v4 = true;
	v->proto = ip[9];
	v->l4_ofs = v->l3_ofs + header_size;
	v->l4_size = total - header_size;
	return (v->proto == IP_PROTO_UDP && v->l4_size >= UDP_SIZE) ||
	       (v->proto == IP_PROTO_TCP && v->l4_size >= TCP_SIZE);
}

static inline bool find_l4_v6(struct frame_view *v, const uint8_t *ip, uint32_t room)
{
	if (room < IP6_SIZE || ip[0] >> 4 != 6 || get16(ip + 4) > room - IP6_SIZE)
		return false;
	v->is_v4 = false;
	v->proto = ip[6];
	v->l4_ofs = v->l3_ofs + IP6_SIZE;
	v->l4_size = get16(ip + 4);
	return (v->proto == IP_PROTO_UDP && v->l4_size >= UDP_SIZE) ||
	       (v->proto == IP_PROTO_TCP && v->l4_size >= TCP_SIZE);
}

static inline void find_stamp(struct frame_view *v)
{
	uint32_t header_size = UDP_SIZE;
	if (v->proto == IP_PROTO_TCP)
		header_size = (uint32_t)(v->frame[v->l4_ofs + 12] >> 4) * 4;
	bool fits = header_size >= UDP_SIZE && v->l4_size >= header_size + STAMP_SIZE;
	if (fits && stamp_is_at(v->frame + v->l4_ofs + header_size))
		v->stamp_ofs = v->l4_ofs + header_size;
}

static bool is_vxlan(const struct frame_view *v)
{
	const uint8_t *udp = v->frame + v->l4_ofs;
	return v->proto == IP_PROTO_UDP && v->l4_size >= UDP_SIZE + VXLAN_SIZE + ETH_SIZE &&
	       get16(udp + 2) == VXLAN_PORT && (udp[UDP_SIZE] & VXLAN_FLAGS_VNI) != 0;
}

static inline uint16_t get16(const uint8_t *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return __builtin_bswap16(v);
}
