/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/dp_drop.h"

#include <string.h>

const struct dp_drop_info dp_drops[DP_DROP__COUNT] = {
#define DROP(id, word, text, next) \
	[DP_DROP_##id] = {.name = (word), .help = (text), .check = (next)},
#include "datapath/dp_drop.def"
#undef DROP
};

enum dp_drop dp_drop_find(const char *name)
{
	for (int i = 0; i < DP_DROP__COUNT; i++) {
		if (strcmp(dp_drops[i].name, name) == 0)
			return (enum dp_drop)i;
	}
	return DP_DROP__COUNT;
}
