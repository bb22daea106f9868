/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Private to the validators of dp_validate.h: lists in lists.
 *
 * Threads: any; pure. Memory: none.
 */
#include "datapath/dp_validate.h"

MUST_CHECK
int dp_action_list_validate(
    const void *actions, size_t size, unsigned int depth, char what[DP_WHAT_SIZE]);
/* One action from DP_ACTION_NOTE on, whose len is within its list. */
MUST_CHECK
int dp_extension_validate(const struct dp_action *a, unsigned int depth, char *what);
