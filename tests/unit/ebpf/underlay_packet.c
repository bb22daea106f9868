/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/ebpf/underlay_packet.h"

#include <arpa/inet.h>
#include <string.h>

enum { INNER_SIZE = 60, FRAGMENT = 44, UDP = 17 };

struct writer {
	uint8_t *buf;
	size_t n;
};

static void put8(struct writer *w, unsigned int v)
{
	w->buf[w->n++] = (uint8_t)v;
}

static void put16(struct writer *w, unsigned int v)
{
	put8(w, v >> 8 & 0xff);
	put8(w, v & 0xff);
}

static void put_bytes(struct writer *w, unsigned int v, size_t n)
{
	memset(w->buf + w->n, (int)v, n);
	w->n += n;
}

static void put_addr(struct writer *w, int family, const char *text)
{
	inet_pton(family, text, w->buf + w->n);
	w->n += family == AF_INET ? 4 : 16;
}

static void put_ip4(struct writer *w, const struct underlay_packet *p, size_t payload_size)
{
	size_t start = w->n, hdr_size = 20 + 4u * p->n_options;

	put8(w, (unsigned int)(p->ip_version != 0 ? p->ip_version : 4) << 4 | (5 + p->n_options));
	put8(w, 0);
	put16(w, (unsigned int)((int)(hdr_size + payload_size) + p->ip_size_add));
	put16(w, 0);
	put16(w, p->fragment);
	put8(w, 64);
	put8(w, p->protocol != 0 ? p->protocol : UDP);
	put16(w, 0);
	put_addr(w, AF_INET, p->src);
	put_addr(w, AF_INET, p->dst != NULL ? p->dst : UNDERLAY_US4);
	put_bytes(w, 1, 4u * p->n_options); // no operation
	uint32_t sum = 0;
	for (size_t i = start; i < w->n; i += 2)
		sum += (uint32_t)w->buf[i] << 8 | w->buf[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	w->buf[start + 10] = (uint8_t)(sum >> 8);
	w->buf[start + 11] = (uint8_t)sum;
}

static void put_ip6(struct writer *w, const struct underlay_packet *p, size_t payload_size)
{
	size_t n_ext = strlen((const char *)p->extensions);
	uint8_t last = p->protocol != 0 ? p->protocol : UDP;

	put16(w, (unsigned int)(p->ip_version != 0 ? p->ip_version : 6) << 12);
	put16(w, 0);
	put16(w, (unsigned int)((int)(payload_size + n_ext * 8) + p->ip_size_add));
	put8(w, n_ext > 0 ? p->extensions[0] : last);
	put8(w, 64);
	put_addr(w, AF_INET6, p->src);
	put_addr(w, AF_INET6, p->dst != NULL ? p->dst : UNDERLAY_US6);
	for (size_t i = 0; i < n_ext; i++) {
		put8(w, i + 1 < n_ext ? p->extensions[i + 1] : last);
		put8(w, 0);
		put16(w, p->extensions[i] == FRAGMENT ? p->fragment : 0);
		put_bytes(w, 0, 4);
	}
}

size_t underlay_packet_build(const struct underlay_packet *p, uint8_t ret[UNDERLAY_PACKET_MAX])
{
	struct writer w = {.buf = ret};
	uint32_t vni = p->vni != 0 ? p->vni : UNDERLAY_VNI;
	unsigned int ether_type = p->version == 4 ? 0x0800 : 0x86dd;

	put_bytes(&w, 2, 12);
	for (unsigned int i = 0; i < p->n_tags; i++) {
		put16(&w, p->tpid != 0 ? p->tpid : 0x8100);
		put16(&w, 7);
	}
	put16(&w, p->ether_type != 0 ? p->ether_type : ether_type);
	if (p->version == 4)
		put_ip4(&w, p, 16 + INNER_SIZE);
	else
		put_ip6(&w, p, 16 + INNER_SIZE);
	put16(&w, 50000);
	put16(&w, p->udp_port != 0 ? p->udp_port : UNDERLAY_UDP_PORT);
	put16(&w, (unsigned int)(16 + INNER_SIZE + p->udp_size_add));
	put16(&w, 0);
	put8(&w, p->no_vni_flag ? 0 : 8);
	put_bytes(&w, 0, 3);
	put16(&w, vni >> 8);
	put16(&w, (vni & 0xff) << 8);
	put_bytes(&w, 0, INNER_SIZE);
	return p->cut != 0 ? p->cut : w.n;
}
