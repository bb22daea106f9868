/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/csum.h"

#include "datapath/wire.h"

static uint32_t l3_end(struct rte_mbuf *m);
static uint64_t sum_change(const void *old_bytes, const void *new_bytes, size_t size);

void csum_complete(struct rte_mbuf *m)
{
	struct pkt *pkt = pkt_of(m);
	m->ol_flags &= ~(RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_IPV4 |
			 RTE_MBUF_F_TX_IPV6);
	if ((pkt->flags & PKT_F_CSUM_PARTIAL) == 0)
		return;
	pkt->flags &= (uint16_t)~PKT_F_CSUM_PARTIAL;

	// Padding behind the IP packet is not part of it, whatever the sender says.
	uint32_t end = pkt->l3_ofs != 0 ? l3_end(m) : m->pkt_len;
	uint32_t field = (uint32_t)pkt->csum_start + pkt->csum_offset;
	if (field + 2 > end || field + 2 > m->data_len)
		return;
	uint16_t csum = (uint16_t)~csum_packet(m, pkt->csum_start, end - pkt->csum_start);
	// RFC 768: zero means "none" for UDP. For the others both are the same number, but analysers expect zero.
	if (csum == 0 && pkt->csum_offset == UDP_CSUM_OFS)
		csum = 0xffff;
	store16(rte_pktmbuf_mtod_offset(m, uint8_t *, field), csum);
}

void csum_update(uint16_t *csum, const void *old_bytes, const void *new_bytes, size_t size)
{
	// RFC 1624 equation 3.
	uint64_t sum = (uint16_t)~load16(csum) + sum_change(old_bytes, new_bytes, size);
	store16(csum, (uint16_t)~csum_fold(sum));
}

void csum_update_partial(uint16_t *csum, const void *old_bytes, const void *new_bytes, size_t size)
{
	store16(csum, csum_fold(load16(csum) + sum_change(old_bytes, new_bytes, size)));
}

bool csum_l4_ok(struct rte_mbuf *m)
{
	const struct pkt *pkt = pkt_of(m);
	if (pkt->l4_ofs == 0 || (pkt->flags & (PKT_F_CSUM_PARTIAL | PKT_F_FRAGMENT)) != 0)
		return true;
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, pkt->l3_ofs);
	const uint8_t *l4 = rte_pktmbuf_mtod_offset(m, uint8_t *, pkt->l4_ofs);
	bool is_v4 = ip[0] >> 4 == 4;
	uint32_t len = l3_end(m) - pkt->l4_ofs;
	switch (pkt->l4_proto) {
	case IP_PROTO_UDP:
		if (load16(l4 + UDP_CSUM_OFS) == 0)
			return is_v4;
		len = MIN_OF(len, (uint32_t)get_be16(l4 + 4));
		break;
	case IP_PROTO_TCP: break;
	case IP_PROTO_ICMP6:
		if (is_v4)
			return true;
		break;
	case IP_PROTO_ICMP: return !is_v4 || csum_packet(m, pkt->l4_ofs, len) == 0xffff;
	default: return true;
	}
	return csum_fold(csum_pseudo(ip, pkt->l4_proto, len) + csum_packet(m, pkt->l4_ofs, len)) ==
	       0xffff;
}

uint64_t csum_add(uint64_t sum, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	for (; size >= 8; p += 8, size -= 8) {
		uint64_t word;
		memcpy(&word, p, 8);
		sum += (word & 0xffffffff) + (word >> 32);
	}
	for (; size >= 2; p += 2, size -= 2)
		sum += load16(p);
	if (size != 0) {
		uint16_t last = 0;
		memcpy(&last, p, 1);
		sum += last;
	}
	return sum;
}

uint16_t csum_packet(const struct rte_mbuf *m, uint32_t ofs, uint32_t len)
{
	while (ofs >= m->data_len && m->next != NULL) {
		ofs -= m->data_len;
		m = m->next;
	}
	uint64_t sum = 0;
	bool is_odd = false; // an odd number of bytes came before this segment
	for (; m != NULL && len > 0; m = m->next, ofs = 0) {
		uint32_t n = MIN_OF(len, m->data_len - ofs);
		uint16_t part =
		    csum_fold(csum_add(0, rte_pktmbuf_mtod_offset(m, const uint8_t *, ofs), n));
		sum += is_odd ? rte_bswap16(part) : part;
		is_odd ^= n & 1;
		len -= n;
	}
	return csum_fold(sum);
}

uint64_t csum_pseudo(const uint8_t *ip, uint8_t proto, uint32_t l4_len)
{
	uint64_t sum = rte_cpu_to_be_16(proto);
	if (ip[0] >> 4 == 4)
		return csum_add(sum + rte_cpu_to_be_16((uint16_t)l4_len), ip + 12, 8);
	return csum_add(sum + rte_cpu_to_be_32(l4_len), ip + 8, 32);
}

/* Where the IP packet ends. Precondition: parsed, so the lengths are true. */
static uint32_t l3_end(struct rte_mbuf *m)
{
	uint32_t ofs = pkt_of(m)->l3_ofs;
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, ofs);
	switch (ip[0] >> 4) {
	case 4: return ofs + get_be16(ip + 2);
	case 6: return ofs + IP6_HDR_SIZE + get_be16(ip + 4);
	default: return m->pkt_len;
	}
}

static uint64_t sum_change(const void *old_bytes, const void *new_bytes, size_t size)
{
	const uint8_t *o = old_bytes, *n = new_bytes;
	uint64_t sum = 0;
	for (size_t i = 0; i < size; i += 2)
		sum += (uint64_t)(uint16_t)~load16(o + i) + load16(n + i);
	return sum;
}
