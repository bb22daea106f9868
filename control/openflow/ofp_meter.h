/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Meters on the wire (OpenFlow 1.3 to 1.5, which have them alike): meter-mod, and what multipart messages ask and tell of them. Bodies
 * only.
 *
 * Threads: any; pure functions. Memory: none.
 */
#include "control/openflow/ofp.h"
#include "control/openflow/ofp_error.h"
#include "datapath/base/buf.h"

enum {
	OFP_MAX_METER_BANDS = 16,
	OFP_METER_MAX =
	    0xffff0000, // ids are 1 to it; above it are the virtual ones of enum ofp13_meter
};

struct ofp_meter_band {
	uint16_t type;      // OFPMBT13_DROP, OFPMBT13_DSCP_REMARK
	uint8_t prec_level; // remark: drop precedences to add
	uint32_t rate;      // kb/s, or packets/s with OFPMF13_PKTPS
	uint32_t burst;     // kb or packets; with OFPMF13_BURST
};

struct ofp_meter {
	uint32_t id;
	uint16_t flags; // OFPMF13_*
	uint16_t n_bands;
	struct ofp_meter_band bands[OFP_MAX_METER_BANDS];
};

struct ofp_meter_mod {
	uint16_t command;       // OFPMC13_*
	struct ofp_meter meter; // delete: the id alone, or OFPM13_ALL
};

/* Errors: OFPMMFC_BAD_COMMAND, _INVALID_METER, _BAD_FLAGS, _BAD_BAND, _BAD_RATE, _OUT_OF_BANDS, OFPBRC_BAD_LEN. */
MUST_CHECK
enum ofp_err ofp_meter_mod_decode(struct buf *b, struct ofp_meter_mod *ret);
void ofp_meter_mod_encode(const struct ofp_meter_mod *mm, struct buf_writer *w);

/* The meter that statistics or configuration are asked of: an id or OFPM13_ALL. */
MUST_CHECK
enum ofp_err ofp_meter_request_decode(struct buf *b, uint32_t *ret_id);
void ofp_meter_request_encode(uint32_t id, struct buf_writer *w);

/* One entry of a configuration reply. */
MUST_CHECK
enum ofp_err ofp_meter_config_decode(struct buf *b, struct ofp_meter *ret);
void ofp_meter_config_encode(const struct ofp_meter *m, struct buf_writer *w);

struct ofp_meter_counter {
	uint64_t n_packets, n_bytes; // UINT64_MAX: not known
};

struct ofp_meter_stats {
	uint32_t id;
	uint32_t n_flows;            // that name it
	struct ofp_meter_counter in; // what came to it
	uint32_t duration_s, duration_ns;
	uint16_t n_bands;
	struct ofp_meter_counter bands[OFP_MAX_METER_BANDS]; // what went over each band's rate
};

/* One entry of a statistics reply. */
MUST_CHECK
enum ofp_err ofp_meter_stats_decode(struct buf *b, struct ofp_meter_stats *ret);
void ofp_meter_stats_encode(const struct ofp_meter_stats *s, struct buf_writer *w);

struct ofp_meter_features {
	uint32_t max_meters;
	uint32_t band_types;   // bits of 1 << OFPMBT13_*
	uint32_t capabilities; // OFPMF13_*
	uint8_t max_bands, max_color;
};

MUST_CHECK
enum ofp_err ofp_meter_features_decode(struct buf *b, struct ofp_meter_features *ret);
void ofp_meter_features_encode(const struct ofp_meter_features *f, struct buf_writer *w);
