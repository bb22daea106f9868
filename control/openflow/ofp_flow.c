/* SPDX-License-Identifier: Apache-2.0 */
/* What the flow messages share, and flow-removed. */
#include "control/openflow/ofp_flow.h"

#include <endian.h>
#include <string.h>

#include "control/openflow/ofp_flow_priv.h"
#include "control/openflow/oxm.h"

enum { OXS_DURATION, OXS_IDLE_TIME, OXS_FLOW_COUNT = 3, OXS_PACKET_COUNT, OXS_BYTE_COUNT };

static void oxs_put(struct buf_writer *w, unsigned int field, uint64_t v);
static enum ofp_err removed_decode_15(struct buf *b, struct ofp_flow_removed *ret);
static enum ofp_err removed_decode_11(
    enum ofp_version version, struct buf *b, struct ofp_flow_removed *ret);
static enum ofp_err removed_decode_10(struct buf *b, struct ofp_flow_removed *ret);
static enum ofp_err removed_decode_nicira(struct buf *b, struct ofp_flow_removed *ret);
static void removed_encode_15(const struct ofp_flow_removed *fr, struct buf_writer *w);
static void removed_encode_nicira(
    const struct ofp_flow_removed *fr, enum ofp_version version, struct buf_writer *w);

enum ofp_err nx_match_decode(
    struct buf *b, uint16_t length, struct flow_match *ret, struct ofp_match_cookie *cookie)
{
	size_t padded = ROUND_UP((size_t)length, 8);

	if (padded > buf_left(b))
		return OFPERR_OFPBMC_BAD_LEN;
	struct buf list = buf_from(buf_take(b, length), length);
	buf_skip(b, padded - length);
	return oxm_match_decode(&list, 0, ret, cookie);
}

uint16_t nx_match_encode(const struct flow_match *m, const struct ofp_match_cookie *cookie,
    enum ofp_version version, struct buf_writer *w)
{
	size_t start = w->size;

	(void)version; // NXM is NXM in each
	oxm_match_encode(m, cookie, OFP10_VERSION, w);
	uint16_t length = (uint16_t)(w->size - start);
	wire_put_align8(w, start);
	return length;
}

bool flow_flags_are_known(uint16_t flags, enum ofp_version version)
{
	return flags == flow_flags_for(flags, version);
}

uint16_t flow_flags_for(uint16_t flags, enum ofp_version version)
{
	uint16_t known = OFPFF_SEND_FLOW_REM | OFPFF_CHECK_OVERLAP;

	if (version >= OFP12_VERSION)
		known |= OFPFF12_RESET_COUNTS;
	if (version >= OFP13_VERSION)
		known |= OFPFF13_NO_PKT_COUNTS | OFPFF13_NO_BYT_COUNTS;
	return flags & known;
}

enum ofp_err oxs_decode(struct buf *b, struct oxs *ret)
{
	memset(ret, 0xff, sizeof(*ret));
	buf_skip(b, 2);
	uint16_t length = buf_be16(b);
	if (b->bad || length < 4 || ROUND_UP((size_t)length, 8) - 4 > buf_left(b))
		return OFPERR_OFPBMC_BAD_LEN;
	struct buf list = buf_from(buf_take(b, length - 4U), length - 4U);
	buf_skip(b, ROUND_UP((size_t)length, 8) - length);
	while (buf_left(&list) > 0) {
		uint32_t header = buf_be32(&list);
		size_t size = header & 0xff;
		struct buf value = buf_from(buf_take(&list, size), size);
		if (list.bad)
			return OFPERR_OFPBMC_BAD_LEN;
		if (header >> 16 != OXM_CLASS_OXS)
			continue;
		unsigned int field = header >> 9 & 0x7f;
		uint64_t v = field == OXS_FLOW_COUNT ? buf_be32(&value) : buf_be64(&value);
		if (value.bad)
			return OFPERR_OFPBMC_BAD_LEN;
		switch (field) {
		case OXS_DURATION:
			ret->duration_s = (uint32_t)(v >> 32);
			ret->duration_ns = (uint32_t)v;
			break;
		case OXS_IDLE_TIME: ret->idle_s = (uint32_t)(v >> 32); break;
		case OXS_FLOW_COUNT: ret->n_flows = (uint32_t)v; break;
		case OXS_PACKET_COUNT: ret->n_packets = v; break;
		case OXS_BYTE_COUNT: ret->n_bytes = v; break;
		default: break;
		}
	}
	return OFP_OK;
}

void oxs_encode(const struct oxs *s, struct buf_writer *w)
{
	size_t start = w->size;

	wire_put_be32(w, 0);
	if (s->duration_s != UINT32_MAX)
		oxs_put(w, OXS_DURATION, (uint64_t)s->duration_s << 32 | s->duration_ns);
	if (s->idle_s != UINT32_MAX)
		oxs_put(w, OXS_IDLE_TIME, (uint64_t)s->idle_s << 32);
	if (s->n_packets != UINT64_MAX)
		oxs_put(w, OXS_PACKET_COUNT, s->n_packets);
	if (s->n_bytes != UINT64_MAX)
		oxs_put(w, OXS_BYTE_COUNT, s->n_bytes);
	if (s->n_flows != UINT32_MAX)
		oxs_put(w, OXS_FLOW_COUNT, s->n_flows);
	wire_set_be16(w, start + 2, (uint16_t)(w->size - start));
	wire_put_align8(w, start);
}

static void oxs_put(struct buf_writer *w, unsigned int field, uint64_t v)
{
	bool narrow = field == OXS_FLOW_COUNT;

	wire_put_be32(w, (uint32_t)OXM_CLASS_OXS << 16 | field << 9 | (narrow ? 4 : 8));
	if (narrow)
		wire_put_be32(w, (uint32_t)v);
	else
		wire_put_be64(w, v);
}

enum ofp_err ofp_flow_removed_decode(
    enum ofp_version version, enum ofp_flow_form form, struct buf *b, struct ofp_flow_removed *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (form == OFP_FLOW_NICIRA)
		return removed_decode_nicira(b, ret);
	if (version == OFP10_VERSION)
		return removed_decode_10(b, ret);
	return version >= OFP15_VERSION ? removed_decode_15(b, ret)
					: removed_decode_11(version, b, ret);
}

void ofp_flow_removed_encode(enum ofp_version version, enum ofp_flow_form form,
    const struct ofp_flow_removed *fr, struct buf_writer *w)
{
	if (form == OFP_FLOW_NICIRA) {
		removed_encode_nicira(fr, version, w);
		return;
	}
	if (version >= OFP15_VERSION) {
		removed_encode_15(fr, w);
		return;
	}
	if (version == OFP10_VERSION) {
		struct ofp10_flow_removed out = {
		    .cookie = fr->cookie_be,
		    .priority = htobe16(fr->priority),
		    .reason = fr->reason,
		    .duration_sec = htobe32(fr->duration_s),
		    .duration_nsec = htobe32(fr->duration_ns),
		    .idle_timeout = htobe16(fr->idle_timeout_s),
		    .packet_count = htobe64(fr->n_packets),
		    .byte_count = htobe64(fr->n_bytes),
		};
		ofp10_match_encode(&fr->match, w);
		buf_put(w, (uint8_t *)&out + sizeof(out.match), sizeof(out) - sizeof(out.match));
		return;
	}
	struct ofp12_flow_removed out = {
	    .cookie = fr->cookie_be,
	    .priority = htobe16(fr->priority),
	    .reason = fr->reason,
	    .table_id = fr->table_id,
	    .duration_sec = htobe32(fr->duration_s),
	    .duration_nsec = htobe32(fr->duration_ns),
	    .idle_timeout = htobe16(fr->idle_timeout_s),
	    .hard_timeout = version >= OFP12_VERSION ? htobe16(fr->hard_timeout_s) : 0,
	    .packet_count = htobe64(fr->n_packets),
	    .byte_count = htobe64(fr->n_bytes),
	};
	buf_put(w, &out, sizeof(out));
	ofp11_match_encode(&fr->match, version, w);
}

static enum ofp_err removed_decode_11(
    enum ofp_version version, struct buf *b, struct ofp_flow_removed *ret)
{
	struct ofp12_flow_removed in;

	buf_bytes(b, &in, sizeof(in));
	if (b->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	ret->cookie_be = in.cookie;
	ret->priority = be16toh(in.priority);
	ret->reason = in.reason;
	ret->table_id = in.table_id;
	ret->duration_s = be32toh(in.duration_sec);
	ret->duration_ns = be32toh(in.duration_nsec);
	ret->idle_timeout_s = be16toh(in.idle_timeout);
	ret->hard_timeout_s = be16toh(in.hard_timeout);
	ret->n_packets = be64toh(in.packet_count);
	ret->n_bytes = be64toh(in.byte_count);
	return ofp11_match_decode(b, version, OFP_MATCH_LOOSE, &ret->match);
}

static enum ofp_err removed_decode_10(struct buf *b, struct ofp_flow_removed *ret)
{
	struct ofp10_flow_removed in;
	struct buf whole = *b;

	buf_bytes(&whole, &in, sizeof(in));
	if (whole.bad)
		return OFPERR_OFPBRC_BAD_LEN;
	ret->cookie_be = in.cookie;
	ret->priority = be16toh(in.priority);
	ret->reason = in.reason;
	ret->table_id = 255;
	ret->duration_s = be32toh(in.duration_sec);
	ret->duration_ns = be32toh(in.duration_nsec);
	ret->idle_timeout_s = be16toh(in.idle_timeout);
	ret->n_packets = be64toh(in.packet_count);
	ret->n_bytes = be64toh(in.byte_count);
	enum ofp_err err = ofp10_match_decode(b, &ret->match);
	*b = whole;
	return err;
}

static enum ofp_err removed_decode_15(struct buf *b, struct ofp_flow_removed *ret)
{
	struct ofp15_flow_removed in;
	struct oxs s;

	buf_bytes(b, &in, sizeof(in));
	if (b->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	ret->cookie_be = in.cookie;
	ret->priority = be16toh(in.priority);
	ret->reason = in.reason;
	ret->table_id = in.table_id;
	ret->idle_timeout_s = be16toh(in.idle_timeout);
	ret->hard_timeout_s = be16toh(in.hard_timeout);
	enum ofp_err err = ofp11_match_decode(b, OFP15_VERSION, OFP_MATCH_LOOSE, &ret->match);
	if (err == OFP_OK)
		err = oxs_decode(b, &s);
	if (err != OFP_OK)
		return err;
	ret->duration_s = s.duration_s;
	ret->duration_ns = s.duration_ns;
	ret->n_packets = s.n_packets;
	ret->n_bytes = s.n_bytes;
	return OFP_OK;
}

static void removed_encode_15(const struct ofp_flow_removed *fr, struct buf_writer *w)
{
	struct ofp15_flow_removed out = {
	    .table_id = fr->table_id,
	    .reason = fr->reason,
	    .priority = htobe16(fr->priority),
	    .idle_timeout = htobe16(fr->idle_timeout_s),
	    .hard_timeout = htobe16(fr->hard_timeout_s),
	    .cookie = fr->cookie_be,
	};
	struct oxs s = {
	    .n_packets = fr->n_packets,
	    .n_bytes = fr->n_bytes,
	    .duration_s = fr->duration_s,
	    .duration_ns = fr->duration_ns,
	    .idle_s = UINT32_MAX,
	    .n_flows = UINT32_MAX,
	};

	buf_put(w, &out, sizeof(out));
	ofp11_match_encode(&fr->match, OFP15_VERSION, w);
	oxs_encode(&s, w);
}

static enum ofp_err removed_decode_nicira(struct buf *b, struct ofp_flow_removed *ret)
{
	struct nx_flow_removed in;

	buf_bytes(b, &in, sizeof(in));
	if (b->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	ret->cookie_be = in.cookie;
	ret->priority = be16toh(in.priority);
	ret->reason = in.reason;
	ret->table_id = (uint8_t)(in.table_id - 1); // 0: not told
	ret->duration_s = be32toh(in.duration_sec);
	ret->duration_ns = be32toh(in.duration_nsec);
	ret->idle_timeout_s = be16toh(in.idle_timeout);
	ret->n_packets = be64toh(in.packet_count);
	ret->n_bytes = be64toh(in.byte_count);
	return nx_match_decode(b, be16toh(in.match_len), &ret->match, NULL);
}

static void removed_encode_nicira(
    const struct ofp_flow_removed *fr, enum ofp_version version, struct buf_writer *w)
{
	size_t start = w->size;
	struct nx_flow_removed out = {
	    .cookie = fr->cookie_be,
	    .priority = htobe16(fr->priority),
	    .reason = fr->reason,
	    .table_id = (uint8_t)(fr->table_id + 1),
	    .duration_sec = htobe32(fr->duration_s),
	    .duration_nsec = htobe32(fr->duration_ns),
	    .idle_timeout = htobe16(fr->idle_timeout_s),
	    .packet_count = htobe64(fr->n_packets),
	    .byte_count = htobe64(fr->n_bytes),
	};

	buf_put(w, &out, sizeof(out));
	uint16_t length = nx_match_encode(&fr->match, NULL, version, w);
	wire_set_be16(w, start + offsetof(struct nx_flow_removed, match_len), length);
}
