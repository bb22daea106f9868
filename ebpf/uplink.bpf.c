/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XDP on the host's NIC. UDP to one of our VTEPs goes to the switch, by AF_XDP; what may not come in is dropped and counted; the rest is
 * the kernel's, untouched, malformed or not.
 *
 * A packet is ours when its destination address and UDP port are. Later fragments have no port: they pass, because the host may
 * receive fragments of its own at that address. Their first fragment is dropped here, so the kernel never completes such a packet.
 *
 * Ours is what datapath/vxlan.c takes for ours: one 802.1Q tag at most. Checksums are left to it; they are verified once.
 *
 * When no switch listens on the queue the packet is dropped: overlay traffic never reaches the host by surprise.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#include "ebpf/ebpf_shared.h"

enum {
	MAX_IP6_EXT = 4,
	MIN_OURS_SIZE = 14 + 20 + 8, // Ethernet, IPv4, UDP
	IP4_MF = 0x2000,
	IP4_OFFSET_MASK = 0x1fff,
	IP6_OFFSET_MASK = 0xfff8,
	VXLAN_F_VNI = 0x08,
	TOKEN = 1 << 20,
	NSEC_PER_SEC = 1000000000,
};

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, XDP_MAX_QUEUES);
	__type(key, __u32);
	__type(value, __u32);
} xsks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, XDP_MAX_VTEPS);
	__type(key, struct xdp_vtep_key);
	__type(value, struct xdp_vtep);
} vteps SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, XDP_MAX_ALLOWED);
	__type(key, struct xdp_allowed_key);
	__type(value, __u8);
} allowed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdp_settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, XDP_MAX_SOURCES);
	__type(key, __u8[16]);
	__type(value, struct xdp_bucket);
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, XDP_COUNTER__COUNT);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} sampled_ns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, XDP_SAMPLES_SIZE);
} samples SEC(".maps");

/* The outer headers as found. */
struct outer {
	struct xdp_allowed_key from; // its VNI comes last
	struct xdp_vtep_key to;
	void *udp;
	void *ip_end; // as the IP header says
	bool is_fragment, is_later_fragment, is_bad, has_extensions;
};

/* An IPv6 extension header's start (RFC 8200 4); a fragment header's whole. */
struct ip6_ext {
	__u8 next, len;
	__be16 offset; // of fragment headers
	__be32 id;
};

/* What is left to read. */
struct packet {
	void *at, *end;
};

static __always_inline bool read_ip4(const struct packet *p, struct outer *o)
{
	const struct iphdr *ip = p->at;
	if ((void *)(ip + 1) > p->end || ip->version != 4 || ip->ihl < 5 ||
	    ip->protocol != IPPROTO_UDP)
		return false;
	__u32 hdr_size = ip->ihl * 4, size = bpf_ntohs(ip->tot_len);
	__u16 frag = bpf_ntohs(ip->frag_off);
	o->from.addr[10] = o->from.addr[11] = o->to.addr[10] = o->to.addr[11] = 0xff;
	__builtin_memcpy(o->from.addr + 12, &ip->saddr, 4);
	__builtin_memcpy(o->to.addr + 12, &ip->daddr, 4);
	o->is_fragment = (frag & (IP4_MF | IP4_OFFSET_MASK)) != 0;
	o->is_later_fragment = (frag & IP4_OFFSET_MASK) != 0;
	o->is_bad = ip->saddr == 0 || (bpf_ntohl(ip->saddr) >> 28) == 0xe ||
		    ip->saddr == 0xffffffff || size < hdr_size;
	o->udp = p->at + hdr_size;
	o->ip_end = p->at + size;
	return true;
}

static __always_inline bool is_v4_mapped(const struct in6_addr *a)
{
	return a->in6_u.u6_addr32[0] == 0 && a->in6_u.u6_addr32[1] == 0 &&
	       a->in6_u.u6_addr32[2] == bpf_htonl(0xffff);
}

static __always_inline bool is_zero(const struct in6_addr *a)
{
	return (a->in6_u.u6_addr32[0] | a->in6_u.u6_addr32[1] | a->in6_u.u6_addr32[2] |
		   a->in6_u.u6_addr32[3]) == 0;
}

/* Leaves o->udp at the UDP header, behind a bounded number of extension headers. */
static __always_inline bool skip_extensions(const struct packet *p, __u8 next, struct outer *o)
{
	for (int i = 0; i < MAX_IP6_EXT && next != IPPROTO_UDP; i++) {
		const struct ip6_ext *ext = o->udp;
		if ((void *)(ext + 1) > p->end)
			return false;
		__u32 size = 8;
		if (next == IPPROTO_FRAGMENT) {
			o->is_fragment = true;
			o->is_later_fragment = (bpf_ntohs(ext->offset) & IP6_OFFSET_MASK) != 0;
		} else if (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING ||
			   next == IPPROTO_DSTOPTS) {
			size += ext->len * 8u;
		} else {
			return false;
		}
		o->has_extensions = true;
		next = ext->next;
		o->udp += size;
		if (o->is_later_fragment)
			return false;
	}
	return next == IPPROTO_UDP;
}

static __always_inline bool read_ip6(const struct packet *p, struct outer *o)
{
	const struct ipv6hdr *ip = p->at;
	// On the wire an address of IPv4 form would pass for an IPv4 peer (RFC 4942 2.2).
	if ((void *)(ip + 1) > p->end || ip->version != 6 || is_v4_mapped(&ip->daddr))
		return false;
	__builtin_memcpy(o->from.addr, &ip->saddr, 16);
	__builtin_memcpy(o->to.addr, &ip->daddr, 16);
	o->is_bad =
	    is_v4_mapped(&ip->saddr) || is_zero(&ip->saddr) || ip->saddr.in6_u.u6_addr8[0] == 0xff;
	o->udp = (void *)(ip + 1);
	o->ip_end = o->udp + bpf_ntohs(ip->payload_len);
	return skip_extensions(p, ip->nexthdr, o);
}

/* False: not UDP over IP, so not ours. */
static __always_inline bool read_outer(struct packet *p, struct outer *o)
{
	const struct ethhdr *eth = p->at;
	if ((void *)(eth + 1) > p->end)
		return false;
	__be16 type = eth->h_proto;
	p->at += sizeof(*eth);
	if (type == bpf_htons(ETH_P_8021Q)) {
		if (p->at + 4 > p->end)
			return false;
		type = *(__be16 *)(p->at + 2);
		p->at += 4;
	}
	if (type == bpf_htons(ETH_P_IP))
		return read_ip4(p, o);
	return type == bpf_htons(ETH_P_IPV6) && read_ip6(p, o);
}

/* XDP_REDIRECTED: may come in. Precondition: the UDP header can be read. */
static __always_inline enum xdp_counter check_headers(const struct packet *p, struct outer *o)
{
	const struct udphdr *udp = o->udp;
	if (o->is_fragment)
		return XDP_FRAGMENT;
	__u32 udp_size = bpf_ntohs(udp->len);
	if (o->is_bad || o->has_extensions || o->ip_end > p->end || udp_size < sizeof(*udp) ||
	    o->udp + udp_size > o->ip_end)
		return XDP_BAD;
	const __u8 *vxlan = (const void *)(udp + 1);
	if (udp_size < sizeof(*udp) + 8 || (void *)(vxlan + 8) > p->end ||
	    (vxlan[0] & VXLAN_F_VNI) == 0)
		return XDP_BAD_FLAGS;
	o->from.vni = (__u32)vxlan[4] << 16 | (__u32)vxlan[5] << 8 | vxlan[6];
	return XDP_REDIRECTED;
}

static __always_inline enum xdp_counter check_peer(const struct xdp_allowed_key *from)
{
	const __u8 *listed = bpf_map_lookup_elem(&allowed, from);
	if (listed != NULL)
		return XDP_REDIRECTED;
	struct xdp_allowed_key anybody = {.vni = from->vni};
	listed = bpf_map_lookup_elem(&allowed, &anybody);
	if (listed == NULL)
		return XDP_UNKNOWN_VNI;
	return *listed == XDP_ALLOWED ? XDP_REDIRECTED : XDP_UNKNOWN_PEER;
}

/* Only for who may send at all, so that forged sources push no bucket out where there is an allow-list. */
static __always_inline bool take_token(const struct xdp_settings *s, const void *addr)
{
	__u64 now = bpf_ktime_get_ns(), full = (__u64)s->source_burst * TOKEN;
	struct xdp_bucket *b = bpf_map_lookup_elem(&sources, addr);
	if (b == NULL) {
		struct xdp_bucket fresh = {.filled_ns = now, .tokens = full - TOKEN};
		bpf_map_update_elem(&sources, addr, &fresh, BPF_ANY);
		return true;
	}
	__u64 passed = now - b->filled_ns;
	if (passed > NSEC_PER_SEC)
		passed = NSEC_PER_SEC; // at most a second's worth: no overflow below
	__u64 tokens =
	    b->tokens + ((passed * s->source_pps / 1000) * TOKEN) / (NSEC_PER_SEC / 1000);
	b->filled_ns = now;
	b->tokens = tokens < full ? tokens : full;
	if (b->tokens < TOKEN)
		return false;
	b->tokens -= TOKEN;
	return true;
}

static __always_inline void count(__u32 counter)
{
	__u64 *n = bpf_map_lookup_elem(&counters, &counter);
	if (n != NULL)
		++*n;
}

static __always_inline void sample(
    struct xdp_md *ctx, const struct xdp_settings *s, enum xdp_counter counter)
{
	__u32 zero = 0;
	__u64 now = bpf_ktime_get_ns(), *last = bpf_map_lookup_elem(&sampled_ns, &zero);
	if (s->sample_interval_ns == 0 || last == NULL || now - *last < s->sample_interval_ns)
		return;
	struct xdp_sample *ret = bpf_ringbuf_reserve(&samples, sizeof(*ret), 0);
	if (ret == NULL)
		return; // nobody reads: the counter has it
	*last = now;
	__u32 size = (__u32)(ctx->data_end - ctx->data);
	__u32 data_size = size < XDP_SAMPLE_DATA_SIZE ? size : XDP_SAMPLE_DATA_SIZE;
	__builtin_memset(ret, 0, sizeof(*ret));
	ret->at_ns = now;
	ret->if_index = ctx->ingress_ifindex;
	ret->queue = ctx->rx_queue_index;
	ret->counter = counter;
	ret->size = size;
	asm volatile("" : "+r"(data_size)); // two comparisons, as the verifier needs them
	if (data_size >= MIN_OURS_SIZE && bpf_xdp_load_bytes(ctx, 0, ret->data, data_size) == 0)
		ret->data_size = data_size;
	bpf_ringbuf_submit(ret, 0);
}

static __always_inline int drop(
    struct xdp_md *ctx, const struct xdp_settings *s, enum xdp_counter counter)
{
	count(counter);
	sample(ctx, s, counter);
	return XDP_DROP;
}

static __always_inline int pass(void)
{
	count(XDP_PASSED);
	return XDP_PASS;
}

SEC("xdp")
int uplink(struct xdp_md *ctx)
{
	struct packet p = {(void *)(long)ctx->data, (void *)(long)ctx->data_end};
	struct outer o = {};
	__u32 zero = 0;

	const struct xdp_settings *s = bpf_map_lookup_elem(&settings, &zero);
	if (s == NULL || !read_outer(&p, &o) || o.is_later_fragment)
		return pass();
	const struct udphdr *udp = o.udp;
	if ((void *)(udp + 1) > p.end)
		return pass();
	o.to.udp_port = udp->dest;
	const struct xdp_vtep *vtep = bpf_map_lookup_elem(&vteps, &o.to);
	if (vtep == NULL)
		return pass();

	enum xdp_counter reason = check_headers(&p, &o);
	if (reason == XDP_REDIRECTED && (vtep->flags & XDP_VTEP_F_ANY_PEER) == 0)
		reason = check_peer(&o.from);
	if (reason == XDP_REDIRECTED && s->source_pps != 0 && !take_token(s, o.from.addr))
		reason = XDP_SOURCE_RATE;
	if (reason != XDP_REDIRECTED)
		return drop(ctx, s, reason);
	if (bpf_redirect_map(&xsks, ctx->rx_queue_index, XDP_DROP) != XDP_REDIRECT)
		return drop(ctx, s, XDP_NO_SWITCH);
	count(XDP_REDIRECTED);
	return XDP_REDIRECT;
}

/* Every helper used is open to programs that are not under the GPL. */
char LICENSE[] SEC("license") = "Apache-2.0";
