/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The parser's way for what most packets are. Inline: it runs for every packet, and parse_packet does for the others.
 *
 * Threads: worker. Memory: none.
 */
#include <immintrin.h>

#include "datapath/csum.h"
#include "datapath/parse.h"
#include "datapath/wire.h"

#define PARSE_INLINE static inline __attribute__((always_inline))

/* The tunnel members of a key whose packet came by one. */
void parse_add_tunnel(struct pkt *pkt, struct session_key *key);

/* 0 when something is wrong with the header. n_there: bytes of the IP packet from it on; below 0 when it is cut before. */
PARSE_INLINE uint32_t usual_l4_size(const uint8_t *l4, uint8_t proto, int32_t n_there)
{
	if (proto == IP_PROTO_UDP) {
		int32_t len = get_be16(l4 + 4);
		return len >= UDP_HDR_SIZE && len <= n_there ? UDP_HDR_SIZE : 0;
	}
	if (proto != IP_PROTO_TCP)
		return 0;
	int32_t size = (l4[12] >> 4) * 4;
	return size >= TCP_HDR_SIZE && size <= n_there ? (uint32_t)size : 0;
}

static_assert(
    offsetof(struct session_key, eth_type) == 2 && offsetof(struct session_key, eth_dst) == 4 &&
	offsetof(struct session_key, ip4_src) == 16 &&
	offsetof(struct session_key, ip4_dst) == 20 && offsetof(struct session_key, ip_ttl) == 26 &&
	offsetof(struct session_key, tp_src) == 32 &&
	offsetof(struct session_key, tcp_flags) == 36 &&
	offsetof(struct session_key, ip_proto) == 38 && offsetof(struct session_key, ip_tos) == 39,
    "usual_key");

/* As parse_any would fill it, but in whole vectors. What is not named is zero. */
PARSE_INLINE void usual_key(const uint8_t *data, uint16_t port, struct session_key *key)
{
	enum { IP = ETH_HDR_SIZE, L4 = IP + IP4_HDR_SIZE, NONE = -1 };
	// Key bytes 0-15: port, type, addresses, of the frame's first 16. 16-31: addresses and TTL, of those from the TTL on.
	const __m128i low = _mm_setr_epi8(NONE, NONE, 12, 13, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
	const __m128i high =
	    _mm_setr_epi8(4, 5, 6, 7, 8, 9, 10, 11, NONE, NONE, 0, NONE, NONE, NONE, NONE, NONE);
	__m128i l2 = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i_u *)data), low);
	__m128i l3 = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i_u *)(data + IP + 8)), high);
	l2 = _mm_insert_epi16(l2, (short)port, 0);
	_mm256_storeu_si256((__m256i_u *)(void *)key, _mm256_set_m128i(l3, l2));
	_mm256_storeu_si256((__m256i_u *)(void *)&key->half[1], _mm256_setzero_si256());
	key->half[1].words[4] = 0;
	// One store: the look-up loads these as one word soon.
	bool is_tcp = data[IP + 9] == IP_PROTO_TCP;
	uint64_t flags = is_tcp ? load16(data + L4 + 12) & RTE_BE16(0x0fff) : 0;
	uint64_t last = load32(data + L4) | flags << 32 | (uint64_t)data[IP + 9] << 48 |
			(uint64_t)data[IP + 1] << 56;
	memcpy(&key->tp_src, &last, sizeof(last));
}

/*
 * TCP or UDP over IPv4, no tag, options or fragment, in one segment: what most packets are. False when it is not, or something
 * is wrong with it; parse_any then says what.
 */
PARSE_INLINE bool parse_usual(struct rte_mbuf *m, struct session_key *key)
{
	enum { L3 = ETH_HDR_SIZE, L4 = L3 + IP4_HDR_SIZE };
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	struct pkt *pkt = pkt_of(m);

	if (UNLIKELY(m->data_len < L4 + UDP_HDR_SIZE || m->nb_segs > 1))
		return false;
	uint8_t proto = data[L3 + 9];
	uint32_t end = L3 + get_be16(data + L3 + 2);
	bool is_usual = load16(data + L3 - 2) == RTE_BE16(ETH_TYPE_IP4) && data[L3] == 0x45 &&
			(load16(data + L3 + 6) & RTE_BE16(IP4_MF | IP4_OFFSET_MASK)) == 0 &&
			end <= m->pkt_len;
	if (UNLIKELY(!is_usual || m->data_len < L4 + (proto == IP_PROTO_TCP ? TCP_HDR_SIZE : 0)))
		return false;
	uint32_t l4_size = usual_l4_size(data + L4, proto, (int32_t)end - L4);
	if (UNLIKELY(l4_size == 0))
		return false;
	if ((m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) != RTE_MBUF_F_RX_IP_CKSUM_GOOD &&
	    UNLIKELY(csum_ip4_sum(data + L3, IP4_HDR_SIZE) != 0xffff))
		return false;
	pkt->l3_ofs = L3;
	pkt->l4_ofs = L4;
	pkt->l4_payload_ofs = (uint16_t)(L4 + l4_size);
	pkt->n_vlans = 0;
	pkt->l4_proto = proto;
	usual_key(data, pkt->in_port, key);
	if (UNLIKELY(pkt->tun_peer != PKT_NO_PEER))
		parse_add_tunnel(pkt, key);
	return true;
}
