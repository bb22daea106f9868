/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Log-linear histogram of unsigned values: 32 buckets an octave, so a bucket is at most 1/32 (3.1 %) of its value wide, and
 * values below 64 are exact. Adding costs a few cycles and never fails; the whole range of 64 bits has a bucket.
 *
 * Threads: caller excludes. Memory: a plain value of 15 KiB.
 */
#include <stdint.h>

#include "datapath/base/compiler.h"

enum {
	HISTOGRAM_SUB_BITS = 5,
	HISTOGRAM_N_BUCKETS = (64 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS,
};

struct histogram {
	uint64_t n;
	uint64_t min, max; // exact; UINT64_MAX and 0 while empty
	uint64_t counts[HISTOGRAM_N_BUCKETS];
};

void histogram_init(struct histogram *h);
/* Adds all of from to h. */
void histogram_merge(struct histogram *h, const struct histogram *from);
/* Smallest and largest value of a bucket. */
uint64_t histogram_low(unsigned int bucket);
uint64_t histogram_high(unsigned int bucket);
/*
 * The value that a share of 0…1 of all values does not exceed (nearest rank), as the largest value of its bucket, never
 * more than max. 0 while empty.
 */
uint64_t histogram_quantile(const struct histogram *h, double share);

static inline unsigned int histogram_bucket(uint64_t value)
{
	if (value < 1u << HISTOGRAM_SUB_BITS)
		return (unsigned int)value;
	unsigned int shift = 63 - (unsigned int)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
	// The leading one of value >> shift adds the 32 that makes the octaves meet.
	return (shift << HISTOGRAM_SUB_BITS) + (unsigned int)(value >> shift);
}

static inline void histogram_add(struct histogram *h, uint64_t value)
{
	h->n++;
	h->min = MIN_OF(h->min, value);
	h->max = MAX_OF(h->max, value);
	h->counts[histogram_bucket(value)]++;
}
