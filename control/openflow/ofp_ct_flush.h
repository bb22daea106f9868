/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * NXT_CT_FLUSH_ZONE and NXT_CT_FLUSH: which tracked connections are to be forgotten.
 *
 * Threads: any; pure functions. Memory: none.
 */
#include "control/openflow/ofp.h"
#include "control/openflow/ofp_error.h"
#include "datapath/base/net_types.h"

/* One direction of a connection; what is zero is any. Numbers are in host order. */
struct ofp_ct_tuple {
	struct ip6_addr src, dst; // IPv4 is mapped, ::ffff:a.b.c.d
	uint16_t src_port, dst_port;
	uint16_t icmp_id;
	uint8_t icmp_type, icmp_code;
};

struct ofp_ct_flush {
	bool has_zone; // else all zones
	uint16_t zone;
	uint8_t ip_proto; // 0: any
	struct ofp_ct_tuple orig, reply;
};

/* NXBRC_MUST_BE_ZERO. */
MUST_CHECK
enum ofp_err ofp_ct_flush_zone_decode(struct buf *b, struct ofp_ct_flush *ret);
/*
 * As above, and OFPBPC_BAD_TYPE for what it does not know: a newer client asks so whether it may match on marks and labels. Addresses of
 * both families in one message: OFPBPC_BAD_VALUE.
 */
MUST_CHECK
enum ofp_err ofp_ct_flush_decode(struct buf *b, struct ofp_ct_flush *ret);
