/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Limits of the engine, and how often each was met. A program may set other values before it opens a database.
 *
 * Threads: one. Memory: none.
 */
#include <stdbool.h>
#include <stdint.h>

enum ovsdb_limit {
#define LIMIT(id, value, name, help) OVSDB_LIMIT_##id,
#include "ovsdb-lite/limit.def"
#undef LIMIT
	OVSDB_N_LIMITS
};

struct ovsdb_limit_info {
	const char *name, *help;
	uint64_t value;
	uint64_t n_hits; // requests that it refused
};

extern struct ovsdb_limit_info ovsdb_limits[OVSDB_N_LIMITS];

/* True, and counted, when n is over the limit. */
bool ovsdb_limit_is_over(enum ovsdb_limit limit, uint64_t n);
