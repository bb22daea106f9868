/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Groups on the wire: group-mod and group description in the forms of 1.1 and of 1.5, which 1.0 has by Nicira's extension; features.
 *
 * Threads: any; pure functions. Memory: buckets and their actions borrow the writers that they were decoded into.
 */
#include "control/openflow/ofp_action.h"

enum { OFP_NO_BUCKET_ID = 0xffffffff, OFP_SELECTION_METHOD_SIZE = 16 };

struct ofp_bucket {
	struct ofp_actions actions;
	uint32_t bucket_id;   // OFP_NO_BUCKET_ID: the version has none
	uint32_t watch_port;  // DP_OFPORT_ANY: none
	uint32_t watch_group; // OFP_ANY_GROUP: none
	uint16_t weight;      // of select groups
};

struct ofp_group_mod {
	uint32_t group_id;
	uint32_t command_bucket_id;
	uint16_t command; // OFPGC15_*
	uint8_t type;     // OFPGT11_*
	const struct ofp_bucket *buckets;
	size_t n_buckets;
	char selection_method[OFP_SELECTION_METHOD_SIZE]; // "": the switch's own
	uint64_t selection_param;
};

/* is_15_form: OFPT15_GROUP_MOD and NXT_GROUP_MOD. The writers are emptied first. */
MUST_CHECK
enum ofp_err ofp_group_mod_decode(enum ofp_version version, bool is_15_form, struct buf *b,
    struct buf_writer *actions, struct buf_writer *buckets, struct ofp_group_mod *ret);
/* One entry of a group description, of the same members. */
void ofp_group_desc_encode(enum ofp_version version, bool is_15_form,
    const struct ofp_group_mod *group, struct buf_writer *w);

struct ofp_group_stats {
	uint32_t group_id, ref_count;
	uint64_t n_packets, n_bytes;
	uint32_t duration_s, duration_ns;
	size_t n_buckets; // whose counters are not known
};
void ofp_group_stats_encode(
    enum ofp_version version, const struct ofp_group_stats *gs, struct buf_writer *w);
