/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reproducible random numbers (SplitMix64): the same seed gives the same trace on every machine.
 *
 * Threads: caller excludes. Memory: a plain value.
 */
#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* Even over 0…n-1 but for a bias of n in 2^32. */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)(((rng_next(r) >> 32) * n) >> 32);
}
