/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which asynchronous messages a controller asks for, by their reasons: as masks (1.3, NXT_SET_ASYNC_CONFIG) and as properties (1.4 and
 * later, NXT_SET_ASYNC_CONFIG2). Bodies only.
 *
 * Threads: any; pure functions. Memory: none.
 */
#include "control/openflow/ofp.h"
#include "control/openflow/ofp_error.h"
#include "datapath/base/buf.h"

enum ofp_async_kind {
	OFP_ASYNC_PACKET_IN,
	OFP_ASYNC_PORT_STATUS,
	OFP_ASYNC_FLOW_REMOVED,
	OFP_ASYNC_ROLE_STATUS,
	OFP_ASYNC_TABLE_STATUS,
	OFP_ASYNC_REQUESTFORWARD,
	OFP_ASYNC__COUNT
};

enum ofp_async_role { OFP_ASYNC_PRIMARY, OFP_ASYNC_SECONDARY }; // primary: or equal

struct ofp_async_config {
	uint32_t masks[OFP_ASYNC__COUNT][2]; // 1 << reason; by kind and role
};

/* What a connection has before it asks, as with OVS: the specification's default but that an invalid TTL is not told. */
struct ofp_async_config ofp_async_default(enum ofp_version version);
/* Reasons that a version has for a kind. */
uint32_t ofp_async_reasons(enum ofp_async_kind kind, enum ofp_version version);

/* 24 bytes: packet-in, port-status and flow-removed; the other kinds become 0. Bits of no reason are left out. */
MUST_CHECK
enum ofp_err ofp_async_masks_decode(
    enum ofp_version version, struct buf *b, struct ofp_async_config *ret);
void ofp_async_masks_encode(const struct ofp_async_config *c, struct buf_writer *w);
/* Changes what the properties name of *config, or nothing. Errors: OFPACFC_INVALID, OFPACFC_UNSUPPORTED, OFPBPC_BAD_LEN. */
MUST_CHECK
enum ofp_err ofp_async_properties_decode(
    enum ofp_version version, struct buf *b, struct ofp_async_config *config);
/* All of them. */
void ofp_async_properties_encode(
    enum ofp_version version, const struct ofp_async_config *c, struct buf_writer *w);
