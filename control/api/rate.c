/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/rate.h"

#include <stdio.h>
#include <string.h>

#include "datapath/base/clock.h"
#include "datapath/base/compiler.h"

static struct rate_bucket *find(struct rate *r, const char *owner);

void rate_init(struct rate *r, uint32_t per_s, uint32_t burst)
{
	*r = (struct rate){.per_s = per_s, .burst = burst};
}

bool rate_take(struct rate *r, const char *owner)
{
	struct rate_bucket *b = find(r, owner);
	uint64_t now = clock_ms();
	b->tokens_milli =
	    MIN_OF(b->tokens_milli + (now - b->filled_ms) * r->per_s, (uint64_t)r->burst * 1000);
	b->filled_ms = now;
	if (b->tokens_milli < 1000)
		return false;
	b->tokens_milli -= 1000;
	return true;
}

static struct rate_bucket *find(struct rate *r, const char *owner)
{
	struct rate_bucket *oldest = &r->buckets[0];
	for (size_t i = 0; i < RATE_MAX_OWNERS; i++) {
		struct rate_bucket *b = &r->buckets[i];
		if (strcmp(b->owner, owner) == 0)
			return b;
		if (b->filled_ms < oldest->filled_ms)
			oldest = b;
	}
	snprintf(oldest->owner, sizeof(oldest->owner), "%s", owner);
	oldest->tokens_milli = (uint64_t)r->burst * 1000;
	oldest->filled_ms = clock_ms();
	return oldest;
}
