/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Limits of the engine, and how often each was met. Threads: one. Memory: none. */
#include <stdint.h>

enum {
#define LIMIT(id, value, name, help) OVSDB_MAX_##id = (value),
#include "ovsdb-lite/limit.def"
#undef LIMIT
};

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
