/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The difference between what the switch says it holds and the model: puts for what is missing or different, deletions for
 * what should not be there.
 *
 * Threads: sluiced's loop. Memory: the writer is the caller's.
 */
#include "control/model.h"

/* Appends struct dp_op to ops and returns how many. held: the switch's dump. */
uint32_t dp_diff(
    const struct model *m, const struct dp_dump_entry *held, size_t n_held, struct buf_writer *ops);
