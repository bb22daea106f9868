/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Masks made coarser, so that rules of many masks can share a tuple (as in TupleMerge: Daly et al., IEEE/ACM ToN 2019).
 *
 * A level keeps of a mask the units of which every bit is set: pairs of bytes at the coarsest level, then bytes, then half
 * bytes, and at the last everything. So a /20 is a /16, a /16, a /20 and a /20. At the coarsest level only the units that
 * most rules have are kept, and with them the number of tuples is small whatever the masks are. A level never keeps a
 * bit that the next drops: what shares a tuple at a level may be parted at the next, never the other way round.
 *
 * What is kept depends on rules only. Few masks are not relaxed at all.
 *
 * Threads: control. Memory: none.
 */
#include <stdbool.h>

#include "datapath/base/flow_key.h"
#include "datapath/base/hmap.h"

enum { RELAX_PAIRS, RELAX_BYTES, RELAX_NIBBLES, RELAX_EXACT };

struct relaxer {
	struct flow_key keep; // at RELAX_PAIRS
	size_t n_masks;       // that it was made for
	unsigned int first_level;
};

/* For these masks (struct table_mask by node). */
void relaxer_init(struct relaxer *r, const struct hmap *masks);
/* Whether these masks have changed so much that another would be better. */
bool relaxer_is_outgrown(const struct relaxer *r, const struct hmap *masks);
void relaxer_relax(
    const struct relaxer *r, unsigned int level, const struct flow_key *mask, struct flow_key *ret);
