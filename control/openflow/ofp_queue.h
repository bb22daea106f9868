/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Queues of ports: their configuration (queue-get-config, from 1.4 on a multipart description) and statistics.
 *
 * Threads: any; pure functions. Memory: none.
 */
#include "control/openflow/ofp.h"
#include "control/openflow/ofp_error.h"

enum { OFP_ALL_QUEUES = 0xffffffff, OFP_NO_RATE = 0xffff };

struct ofp_queue_request {
	uint32_t port; // DP_OFPORT_ANY: of all
	uint32_t queue_id;
};

/* OFPT10_, OFPT11_QUEUE_GET_CONFIG_REQUEST, OFPST14_QUEUE_DESC_REQUEST. OFPQOFC_BAD_PORT: a reserved port. */
MUST_CHECK
enum ofp_err ofp_queue_config_request_decode(
    enum ofp_version version, struct buf *b, struct ofp_queue_request *ret);
/* OFPST10_, OFPST11_QUEUE_REQUEST. */
MUST_CHECK
enum ofp_err ofp_queue_request_decode(
    enum ofp_version version, struct buf *b, struct ofp_queue_request *ret);

struct ofp_queue_config {
	uint32_t port;
	uint32_t queue_id;
	uint16_t min_rate, max_rate; // tenths of a percent; OFP_NO_RATE: none
};

/* What stands before the queues in a reply of 1.0 to 1.3: the port that was asked about. Nothing in later ones. */
void ofp_queue_config_head_encode(enum ofp_version version, uint32_t port, struct buf_writer *w);
/* One queue of such a reply, of OFPST14_QUEUE_DESC_REPLY from 1.4 on. */
void ofp_queue_config_encode(
    enum ofp_version version, const struct ofp_queue_config *q, struct buf_writer *w);

/* Counters that are not known are UINT64_MAX, the duration UINT32_MAX. */
struct ofp_queue_stats {
	uint32_t port;
	uint32_t queue_id;
	uint64_t tx_bytes, tx_packets, tx_errors;
	uint32_t duration_s, duration_ns;
};

void ofp_queue_stats_encode(
    enum ofp_version version, const struct ofp_queue_stats *s, struct buf_writer *w);
