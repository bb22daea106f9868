/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Private to the codecs of flow messages: NXM matches behind fixed parts, flags by version, and statistics of 1.5.
 *
 * Threads: any; pure functions. Memory: none.
 */
#include <openflow/nicira-ext.h>

#include "control/openflow/ofp_flow.h"
#include "control/openflow/ofp_wire.h"

/* An NXM match of length bytes and its padding. cookie NULL: may not be in it. */
MUST_CHECK
enum ofp_err nx_match_decode(
    struct buf *b, uint16_t length, struct flow_match *ret, struct ofp_match_cookie *cookie);
/* Writes it with its padding; returns its length without. */
uint16_t nx_match_encode(const struct flow_match *m, const struct ofp_match_cookie *cookie,
    enum ofp_version version, struct buf_writer *w);

bool flow_flags_are_known(uint16_t flags, enum ofp_version version);
/* Those that the version has. */
uint16_t flow_flags_for(uint16_t flags, enum ofp_version version);

/* Statistics as OXS fields. UINT64_MAX, UINT32_MAX: not told. */
struct oxs {
	uint64_t n_packets, n_bytes;
	uint32_t duration_s, duration_ns, idle_s, n_flows;
};

MUST_CHECK
enum ofp_err oxs_decode(struct buf *b, struct oxs *ret);
void oxs_encode(const struct oxs *s, struct buf_writer *w);
