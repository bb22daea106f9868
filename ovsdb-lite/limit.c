/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/limit.h"

struct ovsdb_limit_info ovsdb_limits[OVSDB_N_LIMITS] = {
#define LIMIT(id, limit_value, limit_name, limit_help) \
	[OVSDB_LIMIT_##id] = {.name = limit_name, .help = limit_help, .value = limit_value},
#include "ovsdb-lite/limit.def"
#undef LIMIT
};

bool ovsdb_limit_is_over(enum ovsdb_limit limit, uint64_t n)
{
	if (n <= ovsdb_limits[limit].value)
		return false;
	ovsdb_limits[limit].n_hits++;
	return true;
}
