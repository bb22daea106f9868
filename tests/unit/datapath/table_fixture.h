/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Random rules in the shapes that tables are compiled for, keys that hit them, and the reference: a linear search.
 *
 * Threads: caller excludes. Memory: rule_set owns its rules.
 */
#include "datapath/table.h"

struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t n); // 0..n-1
/* From SEED, else from the clock; printed, so that a failure can be repeated. */
uint64_t test_seed(void);

enum shape {
	SHAPE_EXACT,         // one mask
	SHAPE_EXACT_ANY,     // and rules that match any packet
	SHAPE_LPM4,          // priority rises with length
	SHAPE_LPM4_SHUFFLED, // any priority
	SHAPE_LPM6,
	SHAPE_OPENFLOW,   // any fields, any masks
	SHAPE_PRIORITIES, // few masks, priorities from end to end
	SHAPE_DUPLICATES, // few matches, many rules of each
	SHAPE_ACL,        // two prefixes of any length: hundreds of masks, groups that are split
	SHAPE_SUBSETS,    // any subset of many exact fields
	SHAPE__COUNT
};

extern const char *const shape_names[SHAPE__COUNT];

void shape_match(struct rng *rng, enum shape shape, struct flow_match *ret, uint16_t *ret_priority);
struct rule *make_rule(
    uint64_t id, const struct flow_match *m, uint16_t priority, uint64_t add_version);
/* A rule of the shape, add_version set, alive. */
struct rule *shape_rule(struct rng *rng, enum shape shape, uint64_t id, uint64_t add_version);

enum { RULE_SET_MAX = 512 };

/* Kept in winning order. */
struct rule_set {
	struct rule *rules[RULE_SET_MAX];
	size_t n;
};

void rule_set_add(struct rule_set *s, struct rule *r);
void rule_set_remove(struct rule_set *s, size_t i);
const struct rule *rule_set_lookup(
    const struct rule_set *s, const struct flow_key *k, uint64_t version);
/* A key of a rule of the set with its other bits random, or all random. */
void random_key(struct rng *rng, const struct rule_set *s, struct flow_key *ret);
