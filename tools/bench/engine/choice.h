/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which flow the next packet belongs to: in turn, evenly at random, or by Zipf's law (flow k, counted from 1, with a
 * probability proportional to 1 / k^s; exact, by Walker's alias method).
 *
 * Threads: caller excludes. Memory: owns the alias table, 8 bytes a flow, of Zipf only.
 */
#include "tools/bench/engine/rng.h"
#include "tools/bench/engine/stream_conf.h"

struct choice_alias {
	uint32_t keep; // of 2^32, the share of this column that is its own
	uint32_t other;
};

struct choice {
	enum stream_distribution distribution;
	uint32_t n, next; // next: of the sequence
	struct rng rng;
	struct choice_alias *alias;
};

MUST_CHECK
int choice_init(struct choice *c, enum stream_distribution distribution, uint32_t n, double zipf_s,
    uint64_t seed);
void choice_fini(struct choice *c);

static inline uint32_t choice_next(struct choice *c)
{
	if (c->distribution == CHOOSE_SEQUENTIAL) {
		uint32_t at = c->next;
		c->next = at + 1 < c->n ? at + 1 : 0;
		return at;
	}
	uint64_t r = rng_next(&c->rng);
	uint32_t column = (uint32_t)(((r >> 32) * c->n) >> 32);
	if (c->distribution == CHOOSE_UNIFORM)
		return column;
	const struct choice_alias *a = &c->alias[column];
	return (uint32_t)r < a->keep ? column : a->other;
}
