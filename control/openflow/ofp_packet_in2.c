/* SPDX-License-Identifier: Apache-2.0 */
/* NXT_PACKET_IN2 and its answer, NXT_RESUME: the same properties. */
#include <openflow/nicira-ext.h>

#include "control/openflow/ofp_packet_priv.h"
#include "control/openflow/ofp_prop.h"
#include "control/openflow/ofp_wire.h"

static void put_bytes(struct buf_writer *w, uint16_t type, const uint8_t *data, size_t size);
static void put_u8(struct buf_writer *w, uint16_t type, uint8_t v);
static enum ofp_err decode_prop(struct ofp_prop *p, struct ofp_packet_in *ret);
static enum ofp_err decode_bytes(struct buf *b, const uint8_t **ret, size_t *ret_size);
static enum ofp_err decode_number(struct ofp_prop *p, struct ofp_packet_in *ret);
static enum ofp_err decode_cookie(struct ofp_prop *p, uint64_t *ret_be);

void ofp_packet_in2_encode(
    enum ofp_version version, const struct ofp_packet_in *pin, struct buf_writer *w)
{
	put_bytes(w, NXPINT_PACKET, pin->data, pin->data_size);
	if (pin->data_size < pin->total_size)
		ofp_prop_put_u32(w, NXPINT_FULL_LEN, pin->total_size);
	put_u8(w, NXPINT_TABLE_ID, pin->table_id);
	size_t at = ofp_prop_begin(w, NXPINT_COOKIE);
	buf_put_zeros(w, 4);
	buf_put_u64(w, pin->cookie_be);
	ofp_prop_end(w, at);
	put_u8(w, NXPINT_REASON, pin->reason);
	at = ofp_prop_begin(w, NXPINT_METADATA);
	oxm_match_encode(&pin->metadata, NULL, version, w);
	ofp_prop_end(w, at);
	if (pin->userdata_size > 0)
		put_bytes(w, NXPINT_USERDATA, pin->userdata, pin->userdata_size);
	if (pin->continuation_size == 0)
		return;
	at = ofp_prop_begin(w, NXPINT_CONTINUATION);
	buf_put_zeros(w, 4); // it nests
	buf_put(w, pin->continuation, pin->continuation_size);
	ofp_prop_end(w, at);
}

enum ofp_err ofp_resume_decode(struct buf *b, struct ofp_packet_in *ret)
{
	*ret = (struct ofp_packet_in){};
	while (buf_left(b) > 0) {
		struct ofp_prop prop;
		enum ofp_err err = ofp_prop_decode(b, &prop);
		if (err == OFP_OK)
			err = decode_prop(&prop, ret);
		if (err != OFP_OK)
			return err;
	}
	if (ret->total_size == 0)
		ret->total_size = ret->data_size;
	if (ret->data_size == 0 || ret->total_size < ret->data_size)
		return OFPERR_OFPBRC_BAD_LEN;
	ret->in_port = be32toh(ret->metadata.key.in_port);
	return OFP_OK;
}

static enum ofp_err decode_prop(struct ofp_prop *p, struct ofp_packet_in *ret)
{
	enum ofp_err err;
	struct buf nested;
	size_t size;

	switch (p->type) {
	case NXPINT_PACKET:
		err = decode_bytes(&p->body, &ret->data, &size);
		ret->data_size = (uint16_t)size; // no message is longer
		return err;
	case NXPINT_METADATA: return oxm_match_decode(&p->body, 0, &ret->metadata, NULL);
	case NXPINT_USERDATA: return decode_bytes(&p->body, &ret->userdata, &ret->userdata_size);
	case NXPINT_CONTINUATION:
		err = ofp_prop_nested(p, &nested);
		return err == OFP_OK
			   ? decode_bytes(&nested, &ret->continuation, &ret->continuation_size)
			   : err;
	default: return decode_number(p, ret);
	}
}

static enum ofp_err decode_number(struct ofp_prop *p, struct ofp_packet_in *ret)
{
	enum ofp_err err;
	uint32_t v;

	switch (p->type) {
	case NXPINT_FULL_LEN:
		err = ofp_prop_u32(p, &v);
		if (err == OFP_OK && (v == 0 || v > UINT16_MAX))
			return OFPERR_OFPBPC_BAD_VALUE;
		ret->total_size = (uint16_t)v;
		return err;
	case NXPINT_BUFFER_ID:
		err = ofp_prop_u32(p, &v);
		return err == OFP_OK && v != OFP_NO_BUFFER ? OFPERR_OFPBRC_BUFFER_UNKNOWN : err;
	case NXPINT_TABLE_ID: return ofp_prop_u8(p, &ret->table_id);
	case NXPINT_REASON: return ofp_prop_u8(p, &ret->reason);
	case NXPINT_COOKIE: return decode_cookie(p, &ret->cookie_be);
	default: return ofp_prop_refuse(p);
	}
}

static enum ofp_err decode_cookie(struct ofp_prop *p, uint64_t *ret_be)
{
	buf_skip(&p->body, 4);
	*ret_be = buf_u64(&p->body);
	return p->body.bad || buf_left(&p->body) > 0 ? OFPERR_OFPBPC_BAD_LEN : OFP_OK;
}

static enum ofp_err decode_bytes(struct buf *b, const uint8_t **ret, size_t *ret_size)
{
	*ret_size = buf_left(b);
	*ret = buf_take(b, *ret_size);
	return OFP_OK;
}

static void put_bytes(struct buf_writer *w, uint16_t type, const uint8_t *data, size_t size)
{
	size_t at = ofp_prop_begin(w, type);

	buf_put(w, data, size);
	ofp_prop_end(w, at);
}

static void put_u8(struct buf_writer *w, uint16_t type, uint8_t v)
{
	size_t at = ofp_prop_begin(w, type);

	buf_put_u8(w, v);
	ofp_prop_end(w, at);
}
