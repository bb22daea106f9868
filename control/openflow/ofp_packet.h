/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Packets between switch and controller: packet-in in the form of each version and Nicira's two, packet-out.
 *
 * Threads: any; pure functions. Memory: packet data is borrowed; actions borrow the scratch buffer that they were decoded into.
 */
#include "control/openflow/ofp_action.h"
#include "control/openflow/ofp_match.h"

/* Numbers of NXT_SET_PACKET_IN_FORMAT. */
enum ofp_packet_in_format {
	OFP_PACKET_IN_STANDARD,
	OFP_PACKET_IN_NXT,  // NXT_PACKET_IN
	OFP_PACKET_IN_NXT2, // NXT_PACKET_IN2: properties
};

struct ofp_packet_in {
	struct flow_match
	    metadata; // in_port, tunnel, registers: what the packet's bytes do not say
	uint32_t in_port;
	uint64_t cookie_be;
	uint8_t reason; // OFPR_*
	uint8_t table_id;
	const uint8_t *data;
	uint16_t data_size, total_size; // total_size: of the packet, when data is cut
	// The next two are of OFP_PACKET_IN_NXT2 alone; size 0: there is none.
	const uint8_t *userdata; // of the action that sent it
	size_t userdata_size;
	const uint8_t *
	    continuation; // the packet waits; opaque to the controller, which sends it back to let it go on
	size_t continuation_size; // a multiple of 8
};

/* A whole message. A reason that the version does not know becomes OFPR_ACTION. */
void ofp_packet_in_encode(enum ofp_version version, enum ofp_packet_in_format format,
    const struct ofp_packet_in *pin, struct buf_writer *w);
/*
 * Body of NXT_RESUME: a packet-in of the second form, which a controller may have changed. data, userdata and continuation borrow the
 * message. OFPBRC_BAD_LEN: no packet, or more of it than its full length; OFPBPC_* for properties,
 * OFPBMC_* for metadata. Without a continuation there is none.
 */
MUST_CHECK
enum ofp_err ofp_resume_decode(struct buf *b, struct ofp_packet_in *ret);

struct ofp_packet_out {
	uint32_t buffer_id; // OFP_NO_BUFFER: data is the packet
	uint32_t in_port;
	struct ofp_actions actions;
	const uint8_t *data;
	size_t data_size;
};

MUST_CHECK
enum ofp_err ofp_packet_out_decode(enum ofp_version version, struct buf *b,
    struct buf_writer *scratch, struct ofp_packet_out *ret);
