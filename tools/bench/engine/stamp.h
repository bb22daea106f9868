/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The 18 bytes that every generated packet carries, at an even offset of its L4 payload: with UDP over IPv4 they just fit a
 * frame of 64 bytes.
 *
 *   0 magic · 2 stream id · 3 trial · 4 sequence (32 bits) · 8 time (TSC) · 16 checksum        little endian
 *
 * The checksum makes the ones' complement sum of the 18 bytes 0xffff, which is zero in that arithmetic. So a stamp changes no
 * checksum that covers it: a template's UDP or TCP checksum is right for every sequence number and time.
 *
 * Threads: any. Memory: none.
 */
#include <stdbool.h>

#include "tools/bench/engine/inet_sum.h"

enum { STAMP_SIZE = 18, STAMP_CSUM_OFS = 16 };
#define STAMP_MAGIC 0xb55eu // its first byte is no VXLAN flags byte

struct stamp {
	uint8_t stream_id, trial;
	uint32_t seq;
	uint64_t tsc;
};

/* What is the same in all stamps of a stream in a trial. */
static inline uint32_t stamp_head(uint8_t stream_id, uint8_t trial)
{
	return STAMP_MAGIC | (uint32_t)stream_id << 16 | (uint32_t)trial << 24;
}

static inline void stamp_write(uint8_t *to, uint32_t head, uint32_t seq, uint64_t tsc)
{
	uint64_t first = head | (uint64_t)seq << 32;
	uint64_t sum = (uint64_t)head + seq + (tsc & 0xffffffff) + (tsc >> 32);
	uint16_t csum = (uint16_t)~inet_fold(sum);
	memcpy(to, &first, sizeof(first));
	memcpy(to + 8, &tsc, sizeof(tsc));
	memcpy(to + STAMP_CSUM_OFS, &csum, sizeof(csum));
}

static inline bool stamp_is_at(const uint8_t *from)
{
	uint16_t magic;
	memcpy(&magic, from, sizeof(magic));
	return magic == STAMP_MAGIC;
}

/* False when the checksum is wrong; *ret is filled all the same. */
static inline bool stamp_read(const uint8_t *from, struct stamp *ret)
{
	uint64_t first;
	uint16_t csum;
	memcpy(&first, from, sizeof(first));
	memcpy(&ret->tsc, from + 8, sizeof(ret->tsc));
	memcpy(&csum, from + STAMP_CSUM_OFS, sizeof(csum));
	ret->stream_id = (uint8_t)(first >> 16);
	ret->trial = (uint8_t)(first >> 24);
	ret->seq = (uint32_t)(first >> 32);
	return inet_fold((first & 0xffffffff) + (first >> 32) + (ret->tsc & 0xffffffff) +
			 (ret->tsc >> 32) + csum) == 0xffff;
}
