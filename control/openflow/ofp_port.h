/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ports on the wire: what they are (features reply, port description, port status) and their counters.
 *
 * Threads: any; pure functions. Memory: none.
 */
#include "control/openflow/ofp.h"
#include "control/openflow/ofp_error.h"
#include "datapath/base/net_types.h"

/* Config and state in the words of 1.1 and later: OFPPC_*, OFPPS_LINK_DOWN, OFPPS11_LIVE. */
struct ofp_port {
	uint32_t port_no;
	struct mac_addr hw_addr;
	char name[64]; // cut where the version has less room
	uint32_t config, state;
	uint32_t curr, advertised, supported, peer; // OFPPF_*
	uint32_t curr_kbps, max_kbps;
};

/* Size: 48, 64 or 72 bytes. */
void ofp_port_encode(enum ofp_version version, const struct ofp_port *port, struct buf_writer *w);

/* Counters that are not known are UINT64_MAX, as OpenFlow has it. */
struct ofp_port_stats {
	uint32_t port_no;
	uint32_t duration_s, duration_ns;
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, rx_dropped, tx_dropped;
};

void ofp_port_stats_encode(
    enum ofp_version version, const struct ofp_port_stats *stats, struct buf_writer *w);
/* Which port is asked about: DP_OFPORT_ANY for all. */
MUST_CHECK
enum ofp_err ofp_port_request_decode(enum ofp_version version, struct buf *b, uint32_t *ret_port);
