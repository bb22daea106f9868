/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Flow messages: flow-mod, flow and aggregate statistics, flow-removed, in each form they have. Bodies only: what stands behind
 * ofp_header, the multipart header or the Nicira header. The forms of 1.0 are two, standard and Nicira (NXT_*, NXST_*), and the latter
 * exists in later versions also.
 *
 * Threads: any; pure functions. Memory: as ofp_instruction.h: lists borrow the scratch buffer until it is next written to.
 */
#include "control/openflow/ofp_instruction.h"
#include "control/openflow/ofp_match.h"

enum ofp_flow_form {
	OFP_FLOW_STANDARD, // OFPT_FLOW_MOD, OFPST_FLOW, …
	OFP_FLOW_NICIRA,   // NXT_FLOW_MOD, NXST_FLOW, …: NXM matches
};

/* Flags are 1.3's OFPFF_SEND_FLOW_REM, OFPFF_CHECK_OVERLAP, OFPFF12_RESET_COUNTS, OFPFF13_NO_PKT_COUNTS, OFPFF13_NO_BYT_COUNTS. */
enum { OFP_FLOW_FLAGS = 0x1f };

struct ofp_flow_mod {
	struct flow_match match;
	struct ofp_instructions ins;
	uint64_t cookie_be,
	    cookie_mask_be;     // modify, delete: only rules whose cookie this is under the mask
	uint64_t new_cookie_be; // add, modify
	uint32_t out_port;      // delete: filter; DP_OFPORT_ANY: none
	uint32_t out_group;     // delete: filter; OFP_ANY_GROUP: none
	uint32_t buffer_id;     // OFP_NO_BUFFER: none
	uint16_t priority;
	uint16_t idle_timeout_s, hard_timeout_s; // 0: never
	uint16_t importance;                     // 1.4 and later
	uint16_t flags;  // OFP_FLOW_FLAGS; 1.0 and 1.1 have RESET_COUNTS with each add
	uint8_t command; // enum ofp_flow_mod_command
	uint8_t
	    table_id; // 255: every table (delete), or the switch chooses (1.0: 255 unless table ids are enabled)
	bool modify_cookie; // modify gives matched rules new_cookie_be (1.0 and NXM)
};

/*
 * table_in_command: NXT_FLOW_MOD_TABLE_ID is on, so that in 1.0 and NXM the upper byte of command is the table.
 */
MUST_CHECK
enum ofp_err ofp_flow_mod_decode(enum ofp_version version, enum ofp_flow_form form,
    bool table_in_command, struct buf *b, struct buf_writer *scratch, struct ofp_flow_mod *ret);
void ofp_flow_mod_encode(enum ofp_version version, enum ofp_flow_form form, bool table_in_command,
    const struct ofp_flow_mod *fm, struct buf_writer *w);

/* Flow and aggregate statistics: the request is the same. */
struct ofp_flow_stats_request {
	struct flow_match match;
	uint64_t cookie_be, cookie_mask_be;
	uint32_t out_port;  // DP_OFPORT_ANY: any
	uint32_t out_group; // OFP_ANY_GROUP: any
	uint8_t table_id;   // 255: all
};

MUST_CHECK
enum ofp_err ofp_flow_stats_request_decode(enum ofp_version version, enum ofp_flow_form form,
    struct buf *b, struct ofp_flow_stats_request *ret);
void ofp_flow_stats_request_encode(enum ofp_version version, enum ofp_flow_form form,
    const struct ofp_flow_stats_request *request, struct buf_writer *w);

/* One rule as statistics, or as 1.5's OFPMP_FLOW_DESC, show it. */
struct ofp_flow_stats {
	struct flow_match match;
	struct ofp_instructions ins;
	uint64_t cookie_be;
	uint64_t n_packets, n_bytes; // UINT64_MAX: not known
	uint32_t duration_s, duration_ns;
	int32_t idle_age_s,
	    hard_age_s; // since the last packet, since the last change; -1: not known. NXST; 1.5 has the former
	uint16_t priority;
	uint16_t idle_timeout_s, hard_timeout_s;
	uint16_t importance; // 1.4 and later
	uint16_t flags;      // OFP_FLOW_FLAGS; 1.3 and later
	uint8_t table_id;
};

/* Reads the next entry of a reply; call until b is at its end. */
MUST_CHECK
enum ofp_err ofp_flow_stats_decode(enum ofp_version version, enum ofp_flow_form form, struct buf *b,
    struct buf_writer *scratch, struct ofp_flow_stats *ret);
/* Appends one entry. In 1.5 this is an entry of OFPMP_FLOW_DESC, which ovs-ofctl and OVN ask for. */
void ofp_flow_stats_encode(enum ofp_version version, enum ofp_flow_form form,
    const struct ofp_flow_stats *fs, struct buf_writer *w);

struct ofp_aggregate_stats {
	uint64_t n_packets, n_bytes; // UINT64_MAX: not known
	uint32_t n_flows;
};

MUST_CHECK
enum ofp_err ofp_aggregate_stats_decode(
    enum ofp_version version, struct buf *b, struct ofp_aggregate_stats *ret);
void ofp_aggregate_stats_encode(
    enum ofp_version version, const struct ofp_aggregate_stats *as, struct buf_writer *w);

struct ofp_flow_removed {
	struct flow_match match;
	uint64_t cookie_be;
	uint64_t n_packets, n_bytes;
	uint32_t duration_s, duration_ns;
	uint16_t priority;
	uint16_t idle_timeout_s, hard_timeout_s;
	uint8_t reason;   // enum ofp_flow_removed_reason
	uint8_t table_id; // 255: not told (1.0)
};

MUST_CHECK
enum ofp_err ofp_flow_removed_decode(
    enum ofp_version version, enum ofp_flow_form form, struct buf *b, struct ofp_flow_removed *ret);
void ofp_flow_removed_encode(enum ofp_version version, enum ofp_flow_form form,
    const struct ofp_flow_removed *fr, struct buf_writer *w);
