/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/engine/frame.h"

enum {
	ETH_SIZE = 14,
	VLAN_SIZE = 4,
	IP4_SIZE = 20,
	IP6_SIZE = 40,
	UDP_SIZE = 8,
	TCP_SIZE = 20,
	VXLAN_SIZE = 8,
	HOP_LIMIT = 64,
	ENTROPY_PORT = 0xc000, // 49152…65535 (RFC 7348 5)
	ENTROPY_MASK = 0x3fff,
};

/* Where the next header goes, and from where on bytes are the pattern's. */
struct writer {
	uint8_t *bytes;
	uint16_t at;
};

static void put_eth(struct writer *w, const struct mac_addr *src, const struct mac_addr *dst,
    int32_t vlan, bool is_v6);
static uint32_t put_ip(struct writer *w, const struct ip_addr *src, const struct ip_addr *dst,
    uint8_t proto, uint16_t l4_size, uint16_t *ret_csum_ofs);
static void put_vxlan(struct writer *w, struct frame_template *t, const struct vxlan_conf *vxlan,
    uint16_t inner_size);
static void put_inner(struct writer *w, struct frame_template *t, const struct frame_spec *spec);
static void put_l4(struct writer *w, const struct frame_spec *spec, uint16_t l4_size);
static uint16_t l4_header_size(const struct frame_spec *spec);
static void clear_flow_fields(struct frame_template *t);
static uint32_t pseudo_sum(const struct frame_spec *spec, uint16_t l4_size);
static uint64_t sum_with_pattern(const struct frame_template *t, unsigned int from);
static void put16(uint8_t *to, uint16_t v);

void frame_template_init(struct frame_template *t, const struct frame_spec *spec)
{
	*t = (struct frame_template){.is_udp = spec->proto == IP_PROTO_UDP};
	struct writer w = {.bytes = t->bytes};
	for (unsigned int i = 0; i < FRAME_COPY_MAX; i++)
		t->bytes[i] = frame_pattern(i);
	bool is_v6 = !ip_is_v4(&spec->src);
	uint16_t l4_size = l4_header_size(spec) + spec->payload_size;
	uint16_t inner_size = ETH_SIZE + (spec->vlan != VLAN_NONE ? VLAN_SIZE : 0) +
			      (is_v6 ? IP6_SIZE : IP4_SIZE) + l4_size;
	if (spec->vxlan != NULL)
		put_vxlan(&w, t, spec->vxlan, inner_size);
	uint16_t inner_ofs = w.at;
	t->size = inner_ofs + inner_size;
	put_inner(&w, t, spec);
	if (spec->payload_size >= STAMP_SIZE) {
		t->stamp_ofs = w.at;
		memset(t->bytes + w.at, 0, STAMP_SIZE); // a stamp's sum is zero, so is this one's
		w.at += STAMP_SIZE;
	}
	t->copy_size = ROUND_UP(w.at, FRAME_COPY_UNIT);
	clear_flow_fields(t);
	if (t->ip_csum_ofs != 0)
		t->ip_sum = inet_fold(inet_add(0, t->bytes + t->src_ofs - 12, IP4_SIZE));
	t->l4_sum = inet_fold(pseudo_sum(spec, l4_size) + sum_with_pattern(t, t->l4_ofs));
	if (t->has_outer_csum)
		t->outer_sum = inet_fold(t->outer_sum + sum_with_pattern(t, t->outer_udp_ofs));
	if (spec->zero_udp_csum && t->is_udp)
		t->l4_csum_ofs = 0;
}

struct frame_spec frame_spec_of(const struct stream_conf *conf, uint16_t size)
{
	bool is_tcp = conf->kind == STREAM_TCP || conf->kind == STREAM_TCP_CONNECTIONS;
	return (struct frame_spec){
	    .eth_src = conf->eth_src,
	    .eth_dst = conf->eth_dst,
	    .vlan = conf->vlan,
	    .src = conf->src,
	    .dst = conf->dst,
	    .proto = is_tcp ? IP_PROTO_TCP : IP_PROTO_UDP,
	    .tcp_flags = TCP_PSH | TCP_ACK,
	    .zero_udp_csum = !conf->udp_checksum,
	    .payload_size = (uint16_t)(size - stream_conf_min_size(conf) + STAMP_SIZE),
	    .vxlan = conf->has_vxlan ? &conf->vxlan : NULL,
	};
}

/* The outer source port spreads flows; the outer checksum follows from the inner ones, which close the sums they cover. */
void frame_write_outer(uint8_t *to, const struct frame_template *t, const struct flow *f,
    uint16_t ip_csum, uint16_t l4_csum)
{
	uint8_t *udp = to + t->outer_udp_ofs;
	uint16_t sport_be = __builtin_bswap16(ENTROPY_PORT | (f->l4_sum & ENTROPY_MASK));
	frame_put16(udp, sport_be);
	if (!t->has_outer_csum)
		return;
	uint64_t sum = (uint64_t)t->outer_sum + sport_be + f->l4_sum + ip_csum + l4_csum;
	frame_put16(udp + 6, frame_csum(sum, true));
}

static void put_eth(struct writer *w, const struct mac_addr *src, const struct mac_addr *dst,
    int32_t vlan, bool is_v6)
{
	uint8_t *p = w->bytes + w->at;
	memcpy(p, dst->b, 6);
	memcpy(p + 6, src->b, 6);
	p += 12;
	if (vlan != VLAN_NONE) {
		put16(p, 0x8100);
		put16(p + 2, (uint16_t)vlan);
		p += VLAN_SIZE;
	}
	put16(p, is_v6 ? 0x86dd : 0x0800);
	w->at = (uint16_t)(p + 2 - w->bytes);
}

/* Returns the sum of both addresses. *ret_csum_ofs: of the IPv4 checksum, which is zero here; 0 for IPv6. */
static uint32_t put_ip(struct writer *w, const struct ip_addr *src, const struct ip_addr *dst,
    uint8_t proto, uint16_t l4_size, uint16_t *ret_csum_ofs)
{
	uint8_t *p = w->bytes + w->at;
	*ret_csum_ofs = 0;
	if (ip_is_v4(src)) {
		memset(p, 0, IP4_SIZE);
		p[0] = 0x45;
		put16(p + 2, IP4_SIZE + l4_size);
		put16(p + 6, 0x4000); // don't fragment
		p[8] = HOP_LIMIT;
		p[9] = proto;
		memcpy(p + 12, src->a.b + 12, 4);
		memcpy(p + 16, dst->a.b + 12, 4);
		*ret_csum_ofs = w->at + 10;
		w->at += IP4_SIZE;
		return inet_fold(inet_add(0, p + 12, 8));
	}
	memset(p, 0, 8);
	p[0] = 0x60;
	put16(p + 4, l4_size);
	p[6] = proto;
	p[7] = HOP_LIMIT;
	memcpy(p + 8, src->a.b, 16);
	memcpy(p + 24, dst->a.b, 16);
	w->at += IP6_SIZE;
	return inet_fold(inet_add(0, p + 8, 32));
}

static void put_vxlan(
    struct writer *w, struct frame_template *t, const struct vxlan_conf *vxlan, uint16_t inner_size)
{
	uint16_t l4_size = UDP_SIZE + VXLAN_SIZE + inner_size, csum_ofs;
	bool is_v6 = !ip_is_v4(&vxlan->src);
	put_eth(w, &vxlan->eth_src, &vxlan->eth_dst, VLAN_NONE, is_v6);
	uint8_t *ip = w->bytes + w->at;
	uint32_t sum = put_ip(w, &vxlan->src, &vxlan->dst, IP_PROTO_UDP, l4_size, &csum_ofs);
	if (csum_ofs != 0)
		frame_put16(w->bytes + csum_ofs, frame_csum(inet_add(0, ip, IP4_SIZE), false));
	uint8_t *udp = w->bytes + w->at;
	memset(udp, 0, UDP_SIZE + VXLAN_SIZE);
	put16(udp + 2, VXLAN_PORT);
	put16(udp + 4, l4_size);
	udp[8] = 0x08; // the VNI is valid
	udp[12] = (uint8_t)(vxlan->vni >> 16);
	put16(udp + 13, (uint16_t)vxlan->vni);
	t->outer_udp_ofs = w->at;
	// RFC 7348 sends no checksum; RFC 8200 demands one where IPv6 is not told otherwise.
	t->has_outer_csum = is_v6;
	t->outer_sum = sum + __builtin_bswap16(IP_PROTO_UDP) + __builtin_bswap16(l4_size);
	w->at += UDP_SIZE + VXLAN_SIZE;
}

static void put_inner(struct writer *w, struct frame_template *t, const struct frame_spec *spec)
{
	uint16_t l4_size = l4_header_size(spec) + spec->payload_size;
	bool is_v6 = !ip_is_v4(&spec->src);
	put_eth(w, &spec->eth_src, &spec->eth_dst, spec->vlan, is_v6);
	uint16_t ip_ofs = w->at;
	(void)put_ip(w, &spec->src, &spec->dst, spec->proto, l4_size, &t->ip_csum_ofs);
	t->src_ofs = ip_ofs + (is_v6 ? 8 + 12 : 12);
	t->dst_ofs = ip_ofs + (is_v6 ? 24 + 12 : 16);
	t->l4_ofs = w->at;
	t->l4_csum_ofs = w->at + (spec->proto == IP_PROTO_UDP ? 6 : 16);
	put_l4(w, spec, l4_size);
}

static void put_l4(struct writer *w, const struct frame_spec *spec, uint16_t l4_size)
{
	uint8_t *p = w->bytes + w->at;
	memset(p, 0, l4_header_size(spec));
	w->at += l4_header_size(spec);
	if (spec->proto == IP_PROTO_UDP) {
		put16(p + 4, l4_size);
		return;
	}
	p[12] = TCP_SIZE / 4 << 4;
	p[13] = spec->tcp_flags;
	put16(p + 14, UINT16_MAX); // window
}

static uint16_t l4_header_size(const struct frame_spec *spec)
{
	return spec->proto == IP_PROTO_UDP ? UDP_SIZE : TCP_SIZE;
}

/* Their sum comes with the flow. */
static void clear_flow_fields(struct frame_template *t)
{
	memset(t->bytes + t->src_ofs, 0, 4);
	memset(t->bytes + t->dst_ofs, 0, 4);
	memset(t->bytes + t->l4_ofs, 0, 4);
}

/* Of the pseudo-header, without the low 32 bits of the addresses. */
static uint32_t pseudo_sum(const struct frame_spec *spec, uint16_t l4_size)
{
	uint64_t sum = __builtin_bswap16(spec->proto) + __builtin_bswap16(l4_size);
	if (!ip_is_v4(&spec->src)) {
		sum = inet_add(sum, spec->src.a.b, 12);
		sum = inet_add(sum, spec->dst.a.b, 12);
	}
	return inet_fold(sum);
}

/* Sum of the frame's bytes from an offset on, the payload's that are not in the template included. */
static uint64_t sum_with_pattern(const struct frame_template *t, unsigned int from)
{
	uint64_t sum = 0;
	for (unsigned int i = from; i < t->size; i++) {
		uint64_t byte = i < FRAME_COPY_MAX ? t->bytes[i] : frame_pattern(i);
		sum += (i - from) % 2 == 0 ? byte : byte << 8; // little endian words
	}
	return sum;
}

static void put16(uint8_t *to, uint16_t v)
{
	frame_put16(to, __builtin_bswap16(v));
}
