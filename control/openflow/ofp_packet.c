/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_packet.h"

#include <arpa/inet.h>
#include <openflow/nicira-ext.h>
#include <openflow/openflow-common.h>

#include "control/openflow/ofp_packet_priv.h"
#include "control/openflow/ofp_raw.h"
#include "control/openflow/ofp_wire.h"

static void encode10(const struct ofp_packet_in *pin, uint8_t reason, struct buf_writer *w);
static void encode11(const struct ofp_packet_in *pin, uint8_t reason, struct buf_writer *w);
static void encode12(enum ofp_version version, const struct ofp_packet_in *pin, uint8_t reason,
    struct buf_writer *w);
static void encode_nxt(const struct ofp_packet_in *pin, struct buf_writer *w);
static void put_head(const struct ofp_packet_in *pin, uint8_t reason, struct buf_writer *w);
static uint8_t reason_of(enum ofp_version version, uint8_t reason);
static enum ofp_err read_in_port(
    enum ofp_version version, struct buf *b, struct ofp_packet_out *ret, size_t *ret_actions);

void ofp_packet_in_encode(enum ofp_version version, enum ofp_packet_in_format format,
    const struct ofp_packet_in *pin, struct buf_writer *w)
{
	static const enum ofp_raw raws[] = {OFPRAW_OFPT10_PACKET_IN, OFPRAW_OFPT11_PACKET_IN,
	    OFPRAW_OFPT12_PACKET_IN, OFPRAW_OFPT13_PACKET_IN};
	enum ofp_raw raw = format == OFP_PACKET_IN_NXT ? OFPRAW_NXT_PACKET_IN
			   : format == OFP_PACKET_IN_NXT2
			       ? OFPRAW_NXT_PACKET_IN2
			       : ofp_raw_of_version(raws, ARRAY_SIZE(raws), (uint8_t)version);
	uint8_t reason = reason_of(version, pin->reason);
	struct ofp_mark mark = ofp_begin(w, raw, (uint8_t)version, 0);

	if (format == OFP_PACKET_IN_NXT)
		encode_nxt(pin, w);
	else if (format == OFP_PACKET_IN_NXT2)
		ofp_packet_in2_encode(version, pin, w);
	else if (version == OFP10_VERSION)
		encode10(pin, reason, w);
	else if (version == OFP11_VERSION)
		encode11(pin, reason, w);
	else
		encode12(version, pin, reason, w);
	ofp_end(w, mark);
}

enum ofp_err ofp_packet_out_decode(
    enum ofp_version version, struct buf *b, struct buf_writer *scratch, struct ofp_packet_out *ret)
{
	size_t actions_size;

	*ret = (struct ofp_packet_out){.buffer_id = buf_be32(b)};
	enum ofp_err err = read_in_port(version, b, ret, &actions_size);
	if (err != OFP_OK)
		return err;
	if (b->bad || actions_size > buf_left(b))
		return OFPERR_OFPBRC_BAD_LEN;
	scratch->size = 0;
	err = ofp_actions_decode(b, actions_size, version, scratch);
	if (err != OFP_OK)
		return err;
	ret->actions = (struct ofp_actions){scratch->data, scratch->size};
	ret->data_size = buf_left(b);
	ret->data = buf_take(b, ret->data_size);
	return OFP_OK;
}

/* And the length of the actions, which stands beside it. */
static enum ofp_err read_in_port(
    enum ofp_version version, struct buf *b, struct ofp_packet_out *ret, size_t *ret_actions)
{
	struct flow_match match;

	if (version == OFP10_VERSION) {
		ret->in_port = ofp_port_from_u16(buf_be16(b));
		*ret_actions = buf_be16(b);
	} else if (version < OFP15_VERSION) {
		ret->in_port = buf_be32(b);
		*ret_actions = buf_be16(b);
		buf_skip(b, 6);
	} else {
		*ret_actions = buf_be16(b);
		buf_skip(b, 2);
		enum ofp_err err = ofp11_match_decode(b, version, 0, &match);
		if (err != OFP_OK)
			return err;
		if (match.mask.in_port == 0)
			return OFPERR_OFPBRC_BAD_PORT;
		ret->in_port = ntohl(match.key.in_port);
	}
	// A port of the bridge, or one of those that mean that it came from none (1.3.5 7.3.7).
	bool is_good = ret->in_port != 0 &&
		       (ret->in_port < DP_OFPORT_MAX || ret->in_port == DP_OFPORT_LOCAL ||
			   ret->in_port == DP_OFPORT_CONTROLLER || ret->in_port == DP_OFPORT_ANY);
	return is_good ? OFP_OK : OFPERR_OFPBRC_BAD_PORT;
}

static void encode10(const struct ofp_packet_in *pin, uint8_t reason, struct buf_writer *w)
{
	wire_put_be32(w, OFP_NO_BUFFER);
	wire_put_be16(w, pin->total_size);
	wire_put_be16(w, ofp_port_to_u16(pin->in_port));
	buf_put_u8(w, reason);
	buf_put_u8(w, 0);
	buf_put(w, pin->data, pin->data_size);
}

static void encode11(const struct ofp_packet_in *pin, uint8_t reason, struct buf_writer *w)
{
	wire_put_be32(w, OFP_NO_BUFFER);
	wire_put_be32(w, pin->in_port);
	wire_put_be32(w, pin->in_port); // in_phy_port
	wire_put_be16(w, pin->total_size);
	buf_put_u8(w, reason);
	buf_put_u8(w, pin->table_id);
	buf_put(w, pin->data, pin->data_size);
}

static void encode12(
    enum ofp_version version, const struct ofp_packet_in *pin, uint8_t reason, struct buf_writer *w)
{
	put_head(pin, reason, w);
	if (version >= OFP13_VERSION)
		buf_put_u64(w, pin->cookie_be);
	ofp11_match_encode(&pin->metadata, version, w);
	wire_put_be16(w, 0);
	buf_put(w, pin->data, pin->data_size);
}

static void encode_nxt(const struct ofp_packet_in *pin, struct buf_writer *w)
{
	put_head(pin, pin->reason, w);
	buf_put_u64(w, pin->cookie_be);
	size_t size_at = w->size;
	buf_put_zeros(w, 8); // size of the match, padding
	size_t start = w->size;
	oxm_match_encode(&pin->metadata, NULL, OFP10_VERSION, w);
	size_t size = w->size - start;
	buf_put_zeros(w, ROUND_UP(size, 8) - size + 2);
	buf_put(w, pin->data, pin->data_size);
	if (w->bad)
		return;
	w->data[size_at] = (uint8_t)(size >> 8);
	w->data[size_at + 1] = (uint8_t)size;
}

static void put_head(const struct ofp_packet_in *pin, uint8_t reason, struct buf_writer *w)
{
	wire_put_be32(w, OFP_NO_BUFFER);
	wire_put_be16(w, pin->total_size);
	buf_put_u8(w, reason);
	buf_put_u8(w, pin->table_id);
}

static uint8_t reason_of(enum ofp_version version, uint8_t reason)
{
	uint8_t last = version >= OFP14_VERSION   ? OFPR_PACKET_OUT
		       : version >= OFP12_VERSION ? OFPR_INVALID_TTL
						  : OFPR_ACTION;

	return reason <= last ? reason : OFPR_ACTION;
}
