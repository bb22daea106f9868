/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rule sets of a given shape. Every table has n_rules rules of n_masks masks that no flow of traffic.h matches (though many
 * agree with it in the first bits), and below them one rule for any packet that goes on to the next table, in
 * the last to a port. So a look-up can stop early nowhere: the winner is the last in line.
 *
 * Masks are a source prefix and a destination prefix of 8 to 32 bits each, half of them with a UDP destination port: what
 * access lists are made of.
 *
 * Threads: one. Memory: none.
 */
#include "tools/bench/path/bench_switch.h"

enum { RULESET_MAX_MASKS = 25 * 25 * 2 };

struct ruleset {
	uint32_t n_tables;
	uint32_t n_rules, n_masks; // per table
	uint32_t output;           // port number at the end
};

/* Puts all rules, and commits them. */
void ruleset_put(struct bench_switch *s, const struct ruleset *rs);
/* The i-th rule of a table of such a set. */
struct bench_rule ruleset_rule(const struct ruleset *rs, uint8_t table, uint32_t i);
