/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_queue.h"

#include <openflow/openflow-1.0.h>
#include <openflow/openflow-1.4.h>

#include "control/openflow/ofp_prop.h"
#include "control/openflow/ofp_wire.h"

static void put_rate(enum ofp_version version, uint16_t type, uint16_t rate, struct buf_writer *w);

enum ofp_err ofp_queue_config_request_decode(
    enum ofp_version version, struct buf *b, struct ofp_queue_request *ret)
{
	*ret = (struct ofp_queue_request){.queue_id = OFP_ALL_QUEUES};
	ret->port = version == OFP10_VERSION ? ofp_port_from_u16(buf_be16(b)) : buf_be32(b);
	if (version >= OFP14_VERSION)
		ret->queue_id = buf_be32(b);
	if (b->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	// Physical ports, and any of them since 1.1 (1.3.5 7.3.6).
	bool is_good = ret->port < DP_OFPORT_MAX ||
		       (version > OFP10_VERSION && ret->port == DP_OFPORT_ANY) ||
		       (version >= OFP14_VERSION && ret->port == DP_OFPORT_LOCAL);
	return is_good ? OFP_OK : OFPERR_OFPQOFC_BAD_PORT;
}

enum ofp_err ofp_queue_request_decode(
    enum ofp_version version, struct buf *b, struct ofp_queue_request *ret)
{
	if (version == OFP10_VERSION) {
		ret->port = ofp_port_from_u16(buf_be16(b));
		buf_skip(b, 2);
		if (ret->port == DP_OFPORT_ALL) // 1.0's word for it
			ret->port = DP_OFPORT_ANY;
	} else {
		ret->port = buf_be32(b);
	}
	ret->queue_id = buf_be32(b);
	return b->bad ? OFPERR_OFPBRC_BAD_LEN : OFP_OK;
}

void ofp_queue_config_head_encode(enum ofp_version version, uint32_t port, struct buf_writer *w)
{
	if (version == OFP10_VERSION) {
		wire_put_be16(w, ofp_port_to_u16(port));
		buf_put_zeros(w, 6);
	} else if (version < OFP14_VERSION) {
		wire_put_be32(w, port);
		buf_put_zeros(w, 4);
	}
}

void ofp_queue_config_encode(
    enum ofp_version version, const struct ofp_queue_config *q, struct buf_writer *w)
{
	size_t start = w->size;

	if (version >= OFP14_VERSION)
		wire_put_be32(w, q->port);
	wire_put_be32(w, q->queue_id);
	if (version == OFP12_VERSION || version == OFP13_VERSION)
		wire_put_be32(w, q->port);
	size_t len_at = w->size;
	buf_put_zeros(w, version >= OFP12_VERSION ? 8 : 4); // the length, padding
	put_rate(version, OFPQT10_MIN_RATE, q->min_rate, w);
	if (version > OFP10_VERSION)
		put_rate(version, OFPQT11_MAX_RATE, q->max_rate, w);
	wire_set_be16(w, len_at, (uint16_t)(w->size - start));
}

void ofp_queue_stats_encode(
    enum ofp_version version, const struct ofp_queue_stats *s, struct buf_writer *w)
{
	if (version >= OFP14_VERSION) {
		wire_put_be16(w, sizeof(struct ofp14_queue_stats));
		buf_put_zeros(w, 6);
	}
	if (version == OFP10_VERSION) {
		wire_put_be16(w, ofp_port_to_u16(s->port));
		buf_put_zeros(w, 2);
	} else {
		wire_put_be32(w, s->port);
	}
	wire_put_be32(w, s->queue_id);
	wire_put_be64(w, s->tx_bytes);
	wire_put_be64(w, s->tx_packets);
	wire_put_be64(w, s->tx_errors);
	if (version < OFP13_VERSION)
		return;
	wire_put_be32(w, s->duration_s);
	wire_put_be32(w, s->duration_ns);
}

/* The types have the same numbers in all versions. */
static void put_rate(enum ofp_version version, uint16_t type, uint16_t rate, struct buf_writer *w)
{
	if (rate == OFP_NO_RATE)
		return;
	if (version >= OFP14_VERSION) {
		ofp_prop_put_u16(w, type, rate);
		return;
	}
	wire_put_be16(w, type);
	wire_put_be16(w, sizeof(struct ofp10_queue_prop_rate));
	buf_put_zeros(w, 4);
	wire_put_be16(w, rate);
	buf_put_zeros(w, 6);
}
