/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Deletes rules whose idle or hard timeout is over, as a transaction of its own: same generation, next version, and the
 * digest no longer has them.
 *
 * Threads: control. Memory: none kept.
 */
#include "datapath/dp_state.h"

/* Once a second. cb: for each rule that went and has DP_RULE_F_SEND_REMOVED. Returns how many went. */
uint32_t rule_timeout_run(struct dp_state *st, uint64_t now_ms,
    void (*cb)(const struct dp_removed_event *ev, void *arg), void *arg);
