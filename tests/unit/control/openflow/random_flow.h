/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Random matches and actions that the codec must take, for tests of encode and decode. The sequence follows from the seed, which tests print.
 *
 * Threads: one. Memory: none.
 */
#include "control/openflow/ofp_action.h"
#include "control/openflow/ofp_match.h"

struct random_flow {
	unsigned int seed;
};

/* The seed of the environment's SEED, or one of the clock; printed. */
struct random_flow random_flow_start(void);
unsigned int random_below(struct random_flow *r, unsigned int limit);
/* Any fields whose prerequisites hold, masked where their rows may be. */
struct flow_match random_match(struct random_flow *r);
/* Any actions that the version can say, in the form in which it says them. */
void random_actions(struct random_flow *r, enum ofp_version version, struct buf_writer *w);
