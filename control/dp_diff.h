/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The difference between what the switch says it holds and the model: puts for what is missing or different, deletions for
 * what should not be there. Left out is what the switch has refused, and rules whose time is over.
 *
 * Threads: sluiced's loop. Memory: dp_diff_make fills, dp_diff_fini frees; the rest is borrowed.
 */
#include "control/dp_client.h"

struct dp_diff_input {
	const struct model *model;
	const struct dp_dump_entry *held; // the switch's dump
	size_t n_held;
	const struct dp_refusal *refusals;
	size_t n_refusals;
	const struct dp_removed_event
	    *removed; // sorted by rule: what the switch says has timed out
	size_t n_removed;
	uint64_t now_wall_ms;
};

struct dp_diff {
	struct buf_writer txn; // struct dp_txn (n_ops filled), then the ops
	uint32_t n_ops;
	uint64_t digest;           // of what the switch will hold
	struct buf_writer expired; // struct dp_removed_event: rules of the model that are over
};

void dp_diff_make(const struct dp_diff_input *in, struct dp_diff *ret);
void dp_diff_fini(struct dp_diff *d);
/* The op of this number, or NULL. */
const struct dp_op *dp_diff_op(const struct dp_diff *d, uint32_t index);
void dp_removed_sort(struct dp_removed_event *events, size_t n);
