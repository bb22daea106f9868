/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Drop reasons by number and name. Threads: any; the table is constant. Memory: none. */
#include <stdint.h>

enum dp_drop {
#define DROP(id, ...) DP_DROP_##id,
#include "datapath/dp_drop.def"
#undef DROP
	DP_DROP__COUNT
};

struct dp_drop_info {
	const char *name;
	const char *help;
	const char *check;
};

extern const struct dp_drop_info dp_drops[DP_DROP__COUNT];

/* The reason of that name, or DP_DROP__COUNT. */
enum dp_drop dp_drop_find(const char *name);
