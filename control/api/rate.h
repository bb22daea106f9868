/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Writes per second and owner: a token bucket each. The least recently active owner makes room for a new one.
 *
 * Threads: caller excludes. Memory: none beyond the struct.
 */
#include <stdbool.h>
#include <stdint.h>

enum { RATE_MAX_OWNERS = 64 };

struct rate {
	uint32_t per_s, burst;
	struct rate_bucket {
		char owner[65];
		uint64_t tokens_milli;
		uint64_t filled_ms; // last time
	} buckets[RATE_MAX_OWNERS];
};

void rate_init(struct rate *r, uint32_t per_s, uint32_t burst);
bool rate_take(struct rate *r, const char *owner);
