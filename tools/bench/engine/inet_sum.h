/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Internet checksum (RFC 1071) for frames that the generator makes and the sink checks. A sum is not yet folded or
 * inverted; 16-bit words are added as they lie in memory, so byte order does not matter.
 *
 * Threads: any. Memory: none.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t inet_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Adds size bytes that begin at an even offset. */
static inline uint64_t inet_add(uint64_t sum, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	for (; size >= 4; size -= 4, p += 4) {
		uint32_t word;
		memcpy(&word, p, sizeof(word));
		sum += word;
	}
	if ((size & 2) != 0) {
		uint16_t word;
		memcpy(&word, p, sizeof(word));
		sum += word;
		p += 2;
	}
	return (size & 1) != 0 ? sum + *p : sum;
}
