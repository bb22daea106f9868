/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Flow monitors: what a controller asks to be told of rules that come, change and go. Nicira's form up to 1.2 (NXST_FLOW_MONITOR), the
 * ONF's in 1.3, the standard's from 1.4 on. Bodies only.
 *
 * Threads: any; pure functions. Memory: as ofp_instruction.h: lists borrow the scratch buffer until it is next written to.
 */
#include "control/openflow/ofp_instruction.h"
#include "control/openflow/ofp_match.h"

struct ofp_flow_monitor {
	struct flow_match match;
	uint32_t id;
	uint32_t out_port;  // DP_OFPORT_ANY: any
	uint32_t out_group; // OFP_ANY_GROUP: any
	/*
	 * OFPFMF_*. Nicira's and the ONF's "own" is OFPFMF_NO_ABBREV: own changes in full. OVS's tools say that in 1.4 with
	 * OFPFMF_ONLY_OWN, and expect others' changes too.
	 */
	uint16_t flags;
	uint8_t table_id; // 255: all
	uint8_t command;  // OFPFMC_*; add before 1.4
};

/* Reads the next of a request's; call until b is at its end. OFPMOFC_BAD_FLAGS, OFPMOFC_BAD_COMMAND. Of a deletion only the id counts. */
MUST_CHECK
enum ofp_err ofp_flow_monitor_decode(
    enum ofp_version version, struct buf *b, struct ofp_flow_monitor *ret);
void ofp_flow_monitor_encode(
    enum ofp_version version, const struct ofp_flow_monitor *m, struct buf_writer *w);

/* One event of a reply. */
struct ofp_flow_update {
	struct flow_match match;
	struct ofp_instructions
	    ins; // empty unless OFPFMF_INSTRUCTIONS was asked for and the rule is there
	uint64_t cookie_be;
	uint32_t xid; // OFPFME_ABBREV: of the flow-mod, as on the wire
	uint16_t priority;
	uint16_t idle_timeout_s, hard_timeout_s;
	uint8_t
	    event; // OFPFME_*; before 1.4 INITIAL is told as ADDED, and PAUSED and RESUMED are messages of their own
	uint8_t reason; // OFPFME_REMOVED: OFPRR_*
	uint8_t table_id;
};

MUST_CHECK
enum ofp_err ofp_flow_update_decode(enum ofp_version version, struct buf *b,
    struct buf_writer *scratch, struct ofp_flow_update *ret);
/* Precondition: before 1.4 the event is not OFPFME_PAUSED or OFPFME_RESUMED. */
void ofp_flow_update_encode(
    enum ofp_version version, const struct ofp_flow_update *u, struct buf_writer *w);
