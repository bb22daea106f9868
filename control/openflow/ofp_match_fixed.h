/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Private to the match codec: the fixed match of 1.1. ofp_match.h has the public functions.
 *
 * Threads: any; pure functions. Memory: none.
 */
#include "control/openflow/ofp_match.h"

/* What follows struct ofp11_match_header, whose length is given. */
MUST_CHECK
enum ofp_err ofp11_standard_match_decode(struct buf *b, uint16_t length, struct flow_match *ret);
void ofp11_standard_match_encode(const struct flow_match *m, struct buf_writer *w);
