/* SPDX-License-Identifier: Apache-2.0 */
#include "control/query/packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "datapath/base/buf.h"

enum {
	ETH_TYPE_IP4 = 0x0800,
	ETH_TYPE_ARP = 0x0806,
	ETH_TYPE_VLAN = 0x8100,
	ETH_TYPE_QINQ = 0x88a8,
	ETH_TYPE_IP6 = 0x86dd,
	PAYLOAD_SIZE = 64,
	ND_SOLICIT = 135,
	ND_ADVERT = 136,
};

/* A frame under construction; sizes are known to fit PACKET_BUILD_MAX. */
struct frame {
	uint8_t *data;
	size_t size;
};

static void put(struct frame *f, const void *bytes, size_t size)
{
	memcpy(f->data + f->size, bytes, size);
	f->size += size;
}

static void put_u8(struct frame *f, uint8_t v)
{
	put(f, &v, 1);
}

static void put_be16(struct frame *f, uint16_t v)
{
	v = htons(v);
	put(f, &v, 2);
}

static void put_zeros(struct frame *f, size_t size)
{
	memset(f->data + f->size, 0, size);
	f->size += size;
}

static uint32_t sum16(const uint8_t *p, size_t size, uint32_t sum)
{
	for (size_t i = 0; i < size; i++)
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	return sum;
}

static void write_csum(uint8_t *at, uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	uint16_t csum = htons((uint16_t)~sum);
	memcpy(at, &csum, 2);
}

static void build_arp(struct frame *f, const struct flow_key *k)
{
	const uint16_t op = k->arp_op != 0 ? k->arp_op : htons(1);
	put(f, (const uint8_t[]){0, 1, 8, 0, 6, 4}, 6);
	put(f, &op, 2);
	put(f, &k->arp_sha, 6);
	put(f, &k->arp_spa, 4);
	put(f, &k->arp_tha, 6);
	put(f, &k->arp_tpa, 4);
}

static void build_nd(struct frame *f, const struct flow_key *k)
{
	const struct mac_addr *mac = k->icmp_type == ND_SOLICIT ? &k->nd_sll : &k->nd_tll;
	put_zeros(f, 4);
	put(f, &k->nd_target, 16);
	if (mac_is_zero(mac))
		return;
	put_u8(f, k->icmp_type == ND_SOLICIT ? 1 : 2);
	put_u8(f, 1);
	put(f, mac, 6);
}

/* The transport header and payload; its checksum is zero. Returns where the checksum goes, 0 for none. */
static size_t build_l4(struct frame *f, const struct flow_key *k)
{
	size_t at = f->size;
	bool nd = k->ip_proto == IPPROTO_ICMPV6 &&
		  (k->icmp_type == ND_SOLICIT || k->icmp_type == ND_ADVERT);

	switch (k->ip_proto) {
	case IPPROTO_TCP:
		put(f, &k->tp_src, 2);
		put(f, &k->tp_dst, 2);
		put_zeros(f, 8);
		put_be16(f,
		    (uint16_t)(0x5000 | (k->tcp_flags != 0 ? ntohs(k->tcp_flags) & 0xfff : 0x002)));
		put_be16(f, 65535);
		put_zeros(f, 4 + PAYLOAD_SIZE);
		return at + 16;
	case IPPROTO_UDP:
		put(f, &k->tp_src, 2);
		put(f, &k->tp_dst, 2);
		put_be16(f, 8 + PAYLOAD_SIZE);
		put_zeros(f, 2 + PAYLOAD_SIZE);
		return at + 6;
	case IPPROTO_SCTP: // its CRC32c is not looked at by rules
		put(f, &k->tp_src, 2);
		put(f, &k->tp_dst, 2);
		put_zeros(f, 8 + PAYLOAD_SIZE);
		return 0;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		put_u8(f, k->icmp_type);
		put_u8(f, k->icmp_code);
		put_zeros(f, 2);
		if (nd)
			build_nd(f, k);
		else
			put_zeros(f, 4 + PAYLOAD_SIZE);
		return at + 2;
	default: put_zeros(f, PAYLOAD_SIZE); return 0;
	}
}

static void build_ip(struct frame *f, const struct flow_key *k, bool v4)
{
	size_t l3 = f->size;
	const bool nd = k->ip_proto == IPPROTO_ICMPV6 &&
			(k->icmp_type == ND_SOLICIT || k->icmp_type == ND_ADVERT);
	const uint8_t ttl = k->ip_ttl != 0 ? k->ip_ttl : nd ? 255 : 64;

	if (v4) {
		put(f, (const uint8_t[]){0x45, k->ip_tos, 0, 0, 0, 0}, 6);
		// first: more fragments; later: an offset
		put_be16(f, (k->ip_frag & FLOW_FRAG_LATER) != 0 ? 185
			    : k->ip_frag != 0                   ? 0x2000
								: 0);
		put(f, (const uint8_t[]){ttl, k->ip_proto, 0, 0}, 4);
		put(f, &k->ip4_src, 4);
		put(f, &k->ip4_dst, 4);
	} else {
		uint32_t first = htonl(6u << 28 | (uint32_t)k->ip_tos << 20) | k->ip6_label;
		put(f, &first, 4);
		put(f, (const uint8_t[]){0, 0, k->ip_proto, ttl}, 4);
		put(f, &k->ip6_src, 16);
		put(f, &k->ip6_dst, 16);
	}
	size_t l4 = f->size;
	size_t csum_at = build_l4(f, k);
	uint16_t len = htons((uint16_t)(f->size - (v4 ? l3 : l4)));
	memcpy(f->data + l3 + (v4 ? 2 : 4), &len, 2);
	if (v4)
		write_csum(f->data + l3 + 10, sum16(f->data + l3, 20, 0));
	if (csum_at == 0)
		return;
	uint32_t sum = sum16(f->data + l4, f->size - l4, 0);
	if (k->ip_proto != IPPROTO_ICMP) // the pseudo-header
		sum = sum16(f->data + l3 + (v4 ? 12 : 8), v4 ? 8 : 32, sum) + k->ip_proto +
		      (uint32_t)(f->size - l4);
	write_csum(f->data + csum_at, sum);
}

int packet_build(const struct flow_key *k, uint8_t buf[PACKET_BUILD_MAX], struct err *err)
{
	struct frame f = {.data = buf};
	uint16_t type = ntohs(k->eth_type);

	if (k->ip_frag != 0 && type == ETH_TYPE_IP6) {
		err_set(err, ERR_UNSUPPORTED, "an IPv6 fragment cannot be made from fields");
		return err_hint(err, "give the packet as hex");
	}
	put(&f, &k->eth_dst, 6);
	put(&f, &k->eth_src, 6);
	for (unsigned int i = 0; i < 2; i++) {
		uint16_t tpid = k->vlan_tpid[i] != 0            ? ntohs(k->vlan_tpid[i])
				: i == 0 && k->vlan_tci[1] != 0 ? ETH_TYPE_QINQ
								: ETH_TYPE_VLAN;
		if (k->vlan_tci[i] == 0)
			continue;
		put_be16(&f, tpid);
		put_be16(&f, (uint16_t)(ntohs(k->vlan_tci[i]) & ~FLOW_VLAN_PRESENT));
	}
	put_be16(&f, type);
	if (type == ETH_TYPE_ARP)
		build_arp(&f, k);
	else if (type == ETH_TYPE_IP4 || type == ETH_TYPE_IP6)
		build_ip(&f, k, type == ETH_TYPE_IP4);
	else
		put_zeros(&f, PAYLOAD_SIZE);
	return (int)f.size;
}

static size_t append(char text[PACKET_TEXT_SIZE], size_t len, const char *fmt, ...) FORMAT(3, 4);

static size_t append(char text[PACKET_TEXT_SIZE], size_t len, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text + len, PACKET_TEXT_SIZE - len, fmt, ap);
	va_end(ap);
	return MIN_OF(len + (size_t)MAX_OF(n, 0), (size_t)PACKET_TEXT_SIZE - 1);
}

static size_t format_l4(struct buf *b, uint8_t proto, char text[PACKET_TEXT_SIZE], size_t len)
{
	const char *name = proto == IPPROTO_TCP    ? "TCP"
			   : proto == IPPROTO_UDP  ? "UDP"
			   : proto == IPPROTO_SCTP ? "SCTP"
						   : NULL;
	uint16_t first = buf_be16(b), second = buf_be16(b);

	if (b->bad)
		return append(text, len, " proto %u", proto);
	if (name != NULL)
		return append(text, len, " %s %u > %u", name, first, second);
	if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6)
		return append(text, len, " %s type %u code %u",
		    proto == IPPROTO_ICMP ? "ICMP" : "ICMPv6", first >> 8, first & 0xff);
	return append(text, len, " proto %u", proto);
}

static size_t format_ip4(struct buf *b, char text[PACKET_TEXT_SIZE], size_t len)
{
	uint8_t h[20];
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];

	buf_bytes(b, h, sizeof(h));
	if (b->bad || (h[0] & 0x0f) < 5)
		return append(text, len, " IPv4, cut short");
	buf_skip(b, (size_t)(h[0] & 0x0f) * 4 - sizeof(h));
	inet_ntop(AF_INET, h + 12, src, sizeof(src));
	inet_ntop(AF_INET, h + 16, dst, sizeof(dst));
	len = append(text, len, " IPv4 %s > %s", src, dst);
	if ((((unsigned int)h[6] << 8 | h[7]) & 0x1fff) != 0)
		return append(text, len, " later fragment, proto %u", h[9]);
	return format_l4(b, h[9], text, len);
}

static size_t format_ip6(struct buf *b, char text[PACKET_TEXT_SIZE], size_t len)
{
	uint8_t h[40];
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	buf_bytes(b, h, sizeof(h));
	if (b->bad)
		return append(text, len, " IPv6, cut short");
	inet_ntop(AF_INET6, h + 8, src, sizeof(src));
	inet_ntop(AF_INET6, h + 24, dst, sizeof(dst));
	len = append(text, len, " IPv6 %s > %s", src, dst);
	return format_l4(b, h[6], text, len);
}

static size_t format_arp(struct buf *b, char text[PACKET_TEXT_SIZE], size_t len)
{
	uint8_t a[28];
	char spa[INET_ADDRSTRLEN], tpa[INET_ADDRSTRLEN];

	buf_bytes(b, a, sizeof(a));
	if (b->bad)
		return append(text, len, " ARP, cut short");
	inet_ntop(AF_INET, a + 14, spa, sizeof(spa));
	inet_ntop(AF_INET, a + 24, tpa, sizeof(tpa));
	return append(
	    text, len, " ARP op %u, %s asks for %s", (unsigned int)a[6] << 8 | a[7], spa, tpa);
}

const char *packet_format(const uint8_t *data, size_t size, char text[PACKET_TEXT_SIZE])
{
	struct buf b = buf_from(data, size);
	struct mac_addr dst, src;
	char d[MAC_STR_SIZE], s[MAC_STR_SIZE];

	buf_bytes(&b, &dst, sizeof(dst));
	buf_bytes(&b, &src, sizeof(src));
	uint16_t type = buf_be16(&b);
	if (b.bad) {
		snprintf(
		    text, PACKET_TEXT_SIZE, "%zu bytes, shorter than an Ethernet header", size);
		return text;
	}
	size_t len = append(text, 0, "%s > %s", mac_format(&src, s), mac_format(&dst, d));
	for (unsigned int i = 0; i < 2 && (type == ETH_TYPE_VLAN || type == ETH_TYPE_QINQ); i++) {
		len = append(text, len, " vlan %u", buf_be16(&b) & 0xfff);
		type = buf_be16(&b);
	}
	switch (type) {
	case ETH_TYPE_IP4: format_ip4(&b, text, len); break;
	case ETH_TYPE_IP6: format_ip6(&b, text, len); break;
	case ETH_TYPE_ARP: format_arp(&b, text, len); break;
	default: append(text, len, " type 0x%04x", type);
	}
	return text;
}
