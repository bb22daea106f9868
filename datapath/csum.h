/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Internet checksums (RFC 1071, incremental RFC 1624; zero rule of UDP).
 *
 * A "sum" is a ones' complement sum not yet folded or inverted. It is byte-order neutral: 16-bit words are added as
 * they lie in memory.
 *
 * Threads: any. Memory: none.
 */
#include "datapath/pkt.h"

/* Completes a partial L4 checksum in software; clears PKT_F_CSUM_PARTIAL and offload flags. */
void csum_complete(struct rte_mbuf *m);
/* Updates *csum for a change of size bytes at an even offset, old to new. */
void csum_update(uint16_t *csum, const void *old_bytes, const void *new_bytes, size_t size);
/* The same for the field of a partial checksum: a sum of the pseudo-header that is not inverted. */
void csum_update_partial(uint16_t *csum, const void *old_bytes, const void *new_bytes, size_t size);
/* True when the L4 checksum of a parsed packet is right (or partial, absent for UDP/IPv4, or of a fragment). */
bool csum_l4_ok(struct rte_mbuf *m);

/* Adds size bytes at an even offset to a sum. */
uint64_t csum_add(uint64_t sum, const void *bytes, size_t size);
/* Sum of len bytes of a packet from ofs on, over all its segments. Precondition: ofs + len <= pkt_len. */
uint16_t csum_packet(const struct rte_mbuf *m, uint32_t ofs, uint32_t len);
/* Sum of the pseudo-header of an IPv4 or IPv6 header (RFC 9293 3.1, RFC 8200 8.1). */
uint64_t csum_pseudo(const uint8_t *ip, uint8_t proto, uint32_t l4_len);

/* Adding the halves crosswise leaves their sum, with its carry come round, in the upper half. */
static inline uint16_t csum_fold(uint64_t sum)
{
	sum += sum >> 32 | sum << 32;
	uint32_t half = (uint32_t)(sum >> 32);
	half += half >> 16 | half << 16;
	return (uint16_t)(half >> 16);
}

/* The folded sum of an IPv4 header: 0xffff when its checksum is right. */
static inline uint16_t csum_ip4_sum(const void *ip4, unsigned int size)
{
	const uint8_t *p = ip4;
	uint64_t sum = 0;
	for (unsigned int i = 0; i < size; i += 4) {
		uint32_t word;
		__builtin_memcpy(&word, p + i, 4);
		sum += word;
	}
	return csum_fold(sum);
}
