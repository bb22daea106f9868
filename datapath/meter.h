/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A rate limit in one word: the time at which the bucket would be full again (GCRA, ITU-T I.371). Zero is a full bucket.
 *
 * Threads: caller excludes; workers keep one each. Memory: the word is the caller's.
 */
#include <stdbool.h>
#include <stdint.h>

/* Takes one of rate tokens per second, at most burst at once. now and hz: the same clock's ticks and rate. */
static inline bool meter_take(
    uint64_t *full_at, uint64_t now, uint64_t hz, uint32_t rate, uint32_t burst)
{
	uint64_t interval = hz / rate;
	uint64_t t = *full_at > now ? *full_at : now;
	if (t - now > interval * (burst - 1))
		return false;
	*full_at = t + interval;
	return true;
}
