/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the switch believes of a message: every wire body of dp_proto.h is checked here before anything acts on it.
 * Checks look at one op alone (sizes, ranges, names, padding, bits outside fields); whether an object that it names exists,
 * and limits over all objects, are for dp_state. Field prerequisites are control's to check: a rule without them is
 * harmless, since members that a packet does not have are zero.
 *
 * Bytes must not change under the check: bodies in a memfd are sealed before they come here.
 *
 * Threads: any; pure. Memory: none; decoded parts point into the op. Ops are 8-byte aligned.
 */
#include "datapath/dp_proto.h"

enum { DP_WHAT_SIZE = 256 }; // as dp_error.what

/*
 * The op at the start of the left bytes. 0: it is whole, op->size may be stepped over, and its body is valid.
 * Otherwise -EINVAL and a sentence.
 */
MUST_CHECK
int dp_validate_op(const struct dp_op *op, size_t left, char what[DP_WHAT_SIZE]);

/* A rule's body, taken apart. */
struct dp_rule_parts {
	const struct dp_rule_conf *conf;
	struct flow_match match;
	const struct dp_action *apply, *write; // conf->apply_size and write_size bytes
};

/* Decodes and validates the body of a DP_KIND_RULE op: what follows struct dp_op. 0 or -EINVAL and a sentence. */
MUST_CHECK
int dp_rule_decode(
    const void *body, size_t size, struct dp_rule_parts *ret, char what[DP_WHAT_SIZE]);

/* A whole list of actions. 0 or -EINVAL and a sentence. */
MUST_CHECK
int dp_actions_validate(const void *actions, size_t size, char what[DP_WHAT_SIZE]);

/* A group's body, buckets included. 0 or -EINVAL and a sentence. */
MUST_CHECK
int dp_group_validate(uint64_t id, const void *body, size_t size, char what[DP_WHAT_SIZE]);
