/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for flow and aggregate statistics, and what is answered. */
#include <endian.h>
#include <string.h>

#include "control/openflow/ofp_flow_priv.h"

static enum ofp_err entry_decode_10(struct buf *entry, struct ofp_flow_stats *ret);
static enum ofp_err entry_decode_nicira(struct buf *entry, struct ofp_flow_stats *ret);
static enum ofp_err entry_decode_11(
    enum ofp_version version, struct buf *entry, struct ofp_flow_stats *ret);
static enum ofp_err entry_decode_15(struct buf *entry, struct ofp_flow_stats *ret);
static void entry_encode_10(const struct ofp_flow_stats *fs, struct buf_writer *w);
static void entry_encode_nicira(
    const struct ofp_flow_stats *fs, enum ofp_version version, struct buf_writer *w);
static void entry_encode_11(
    const struct ofp_flow_stats *fs, enum ofp_version version, struct buf_writer *w);
static void entry_encode_15(const struct ofp_flow_stats *fs, struct buf_writer *w);
static uint16_t age_plus_one(int32_t age_s);

enum ofp_err ofp_flow_stats_request_decode(enum ofp_version version, enum ofp_flow_form form,
    struct buf *b, struct ofp_flow_stats_request *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->out_group = OFP_ANY_GROUP;
	if (form == OFP_FLOW_NICIRA) {
		struct nx_flow_stats_request in;
		struct ofp_match_cookie cookie;
		buf_bytes(b, &in, sizeof(in));
		if (b->bad)
			return OFPERR_OFPBRC_BAD_LEN;
		enum ofp_err err = nx_match_decode(b, be16toh(in.match_len), &ret->match, &cookie);
		ret->cookie_be = cookie.cookie_be;
		ret->cookie_mask_be = cookie.mask_be;
		ret->out_port = ofp_port_from_u16(be16toh(in.out_port));
		ret->table_id = in.table_id;
		return err != OFP_OK ? err : buf_left(b) > 0 ? OFPERR_OFPBRC_BAD_LEN : OFP_OK;
	}
	if (version == OFP10_VERSION) {
		enum ofp_err err = ofp10_match_decode(b, &ret->match);
		ret->table_id = buf_u8(b);
		buf_skip(b, 1);
		ret->out_port = ofp_port_from_u16(buf_be16(b));
		return err != OFP_OK ? err : b->bad ? OFPERR_OFPBRC_BAD_LEN : OFP_OK;
	}
	struct ofp11_flow_stats_request in;
	buf_bytes(b, &in, sizeof(in));
	if (b->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	ret->table_id = in.table_id;
	ret->out_port = be32toh(in.out_port);
	ret->out_group = be32toh(in.out_group);
	ret->cookie_be = in.cookie & in.cookie_mask;
	ret->cookie_mask_be = in.cookie_mask;
	return ofp11_match_decode(b, version, 0, &ret->match);
}

void ofp_flow_stats_request_encode(enum ofp_version version, enum ofp_flow_form form,
    const struct ofp_flow_stats_request *request, struct buf_writer *w)
{
	if (form == OFP_FLOW_NICIRA) {
		struct ofp_match_cookie cookie = {request->cookie_be, request->cookie_mask_be};
		size_t start = w->size;
		struct nx_flow_stats_request out = {
		    .out_port = htobe16(ofp_port_to_u16(request->out_port)),
		    .table_id = request->table_id,
		};
		buf_put(w, &out, sizeof(out));
		uint16_t length = nx_match_encode(&request->match, &cookie, version, w);
		wire_set_be16(w, start + offsetof(struct nx_flow_stats_request, match_len), length);
		return;
	}
	if (version == OFP10_VERSION) {
		ofp10_match_encode(&request->match, w);
		buf_put_u8(w, request->table_id);
		buf_put_u8(w, 0);
		wire_put_be16(w, ofp_port_to_u16(request->out_port));
		return;
	}
	struct ofp11_flow_stats_request out = {
	    .table_id = request->table_id,
	    .out_port = htobe32(request->out_port),
	    .out_group = htobe32(request->out_group),
	    .cookie = request->cookie_be,
	    .cookie_mask = request->cookie_mask_be,
	};
	buf_put(w, &out, sizeof(out));
	ofp11_match_encode(&request->match, version, w);
}

enum ofp_err ofp_flow_stats_decode(enum ofp_version version, enum ofp_flow_form form, struct buf *b,
    struct buf_writer *scratch, struct ofp_flow_stats *ret)
{
	struct buf head = *b;
	uint16_t length = buf_be16(&head);
	enum ofp_err err;

	if (head.bad || length > buf_left(b))
		return OFPERR_OFPBRC_BAD_LEN;
	memset(ret, 0, sizeof(*ret));
	ret->idle_age_s = ret->hard_age_s = -1;
	struct buf entry = buf_from(buf_take(b, length), length);
	if (form == OFP_FLOW_NICIRA)
		err = entry_decode_nicira(&entry, ret);
	else if (version == OFP10_VERSION)
		err = entry_decode_10(&entry, ret);
	else if (version >= OFP15_VERSION)
		err = entry_decode_15(&entry, ret);
	else
		err = entry_decode_11(version, &entry, ret);
	if (err == OFP_OK && entry.bad)
		err = OFPERR_OFPBRC_BAD_LEN;
	if (err != OFP_OK)
		return err;
	return version == OFP10_VERSION
		   ? ofp10_instructions_decode(&entry, scratch, &ret->ins)
		   : ofp_instructions_decode(&entry, version, scratch, &ret->ins);
}

void ofp_flow_stats_encode(enum ofp_version version, enum ofp_flow_form form,
    const struct ofp_flow_stats *fs, struct buf_writer *w)
{
	size_t start = w->size;

	if (form == OFP_FLOW_NICIRA)
		entry_encode_nicira(fs, version, w);
	else if (version == OFP10_VERSION)
		entry_encode_10(fs, w);
	else if (version >= OFP15_VERSION)
		entry_encode_15(fs, w);
	else
		entry_encode_11(fs, version, w);
	ofp_instructions_encode(&fs->ins, version, w);
	wire_set_be16(w, start, (uint16_t)(w->size - start));
}

static enum ofp_err entry_decode_10(struct buf *entry, struct ofp_flow_stats *ret)
{
	struct ofp10_flow_stats in;
	struct buf match;

	buf_bytes(entry, &in, sizeof(in));
	if (entry->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	match = buf_from(&in.match, sizeof(in.match));
	ret->table_id = in.table_id;
	ret->duration_s = be32toh(in.duration_sec);
	ret->duration_ns = be32toh(in.duration_nsec);
	ret->priority = be16toh(in.priority);
	ret->idle_timeout_s = be16toh(in.idle_timeout);
	ret->hard_timeout_s = be16toh(in.hard_timeout);
	memcpy(&ret->cookie_be, &in.cookie, sizeof(ret->cookie_be));
	memcpy(&ret->n_packets, &in.packet_count, sizeof(ret->n_packets));
	memcpy(&ret->n_bytes, &in.byte_count, sizeof(ret->n_bytes));
	ret->n_packets = be64toh(ret->n_packets);
	ret->n_bytes = be64toh(ret->n_bytes);
	return ofp10_match_decode(&match, &ret->match);
}

static void entry_encode_10(const struct ofp_flow_stats *fs, struct buf_writer *w)
{
	size_t match_ofs = w->size + offsetof(struct ofp10_flow_stats, match);
	struct ofp10_flow_stats out = {
	    .table_id = fs->table_id,
	    .duration_sec = htobe32(fs->duration_s),
	    .duration_nsec = htobe32(fs->duration_ns),
	    .priority = htobe16(fs->priority),
	    .idle_timeout = htobe16(fs->idle_timeout_s),
	    .hard_timeout = htobe16(fs->hard_timeout_s),
	};
	uint64_t n_packets_be = htobe64(fs->n_packets), n_bytes_be = htobe64(fs->n_bytes);

	memcpy(&out.cookie, &fs->cookie_be, sizeof(out.cookie));
	memcpy(&out.packet_count, &n_packets_be, sizeof(out.packet_count));
	memcpy(&out.byte_count, &n_bytes_be, sizeof(out.byte_count));
	buf_put(w, &out, match_ofs - w->size);
	ofp10_match_encode(&fs->match, w);
	size_t rest = offsetof(struct ofp10_flow_stats, duration_sec);
	buf_put(w, (uint8_t *)&out + rest, sizeof(out) - rest);
}

static enum ofp_err entry_decode_nicira(struct buf *entry, struct ofp_flow_stats *ret)
{
	struct nx_flow_stats in;

	buf_bytes(entry, &in, sizeof(in));
	if (entry->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	ret->table_id = in.table_id;
	ret->duration_s = be32toh(in.duration_sec);
	ret->duration_ns = be32toh(in.duration_nsec);
	ret->priority = be16toh(in.priority);
	ret->idle_timeout_s = be16toh(in.idle_timeout);
	ret->hard_timeout_s = be16toh(in.hard_timeout);
	ret->idle_age_s = be16toh(in.idle_age) - 1;
	ret->hard_age_s = be16toh(in.hard_age) - 1;
	ret->cookie_be = in.cookie;
	ret->n_packets = be64toh(in.packet_count);
	ret->n_bytes = be64toh(in.byte_count);
	return nx_match_decode(entry, be16toh(in.match_len), &ret->match, NULL);
}

static void entry_encode_nicira(
    const struct ofp_flow_stats *fs, enum ofp_version version, struct buf_writer *w)
{
	size_t start = w->size;
	struct nx_flow_stats out = {
	    .table_id = fs->table_id,
	    .duration_sec = htobe32(fs->duration_s),
	    .duration_nsec = htobe32(fs->duration_ns),
	    .priority = htobe16(fs->priority),
	    .idle_timeout = htobe16(fs->idle_timeout_s),
	    .hard_timeout = htobe16(fs->hard_timeout_s),
	    .idle_age = htobe16(age_plus_one(fs->idle_age_s)),
	    .hard_age = htobe16(age_plus_one(fs->hard_age_s)),
	    .cookie = fs->cookie_be,
	    .packet_count = htobe64(fs->n_packets),
	    .byte_count = htobe64(fs->n_bytes),
	};

	buf_put(w, &out, sizeof(out));
	uint16_t length = nx_match_encode(&fs->match, NULL, version, w);
	wire_set_be16(w, start + offsetof(struct nx_flow_stats, match_len), length);
}

/* 0 says that it is not known. */
static uint16_t age_plus_one(int32_t age_s)
{
	return age_s < 0 ? 0 : (uint16_t)(MIN_OF(age_s, UINT16_MAX - 1) + 1);
}

static enum ofp_err entry_decode_11(
    enum ofp_version version, struct buf *entry, struct ofp_flow_stats *ret)
{
	struct ofp11_flow_stats in;

	buf_bytes(entry, &in, sizeof(in));
	if (entry->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	ret->table_id = in.table_id;
	ret->duration_s = be32toh(in.duration_sec);
	ret->duration_ns = be32toh(in.duration_nsec);
	ret->priority = be16toh(in.priority);
	ret->idle_timeout_s = be16toh(in.idle_timeout);
	ret->hard_timeout_s = be16toh(in.hard_timeout);
	if (version >= OFP13_VERSION)
		ret->flags = be16toh(in.flags);
	if (version >= OFP14_VERSION)
		ret->importance = be16toh(in.importance);
	ret->cookie_be = in.cookie;
	ret->n_packets = be64toh(in.packet_count);
	ret->n_bytes = be64toh(in.byte_count);
	return ofp11_match_decode(entry, version, 0, &ret->match);
}

static void entry_encode_11(
    const struct ofp_flow_stats *fs, enum ofp_version version, struct buf_writer *w)
{
	struct ofp11_flow_stats out = {
	    .table_id = fs->table_id,
	    .duration_sec = htobe32(fs->duration_s),
	    .duration_nsec = htobe32(fs->duration_ns),
	    .priority = htobe16(fs->priority),
	    .idle_timeout = htobe16(fs->idle_timeout_s),
	    .hard_timeout = htobe16(fs->hard_timeout_s),
	    .flags = version >= OFP13_VERSION ? htobe16(flow_flags_for(fs->flags, version)) : 0,
	    .importance = version >= OFP14_VERSION ? htobe16(fs->importance) : 0,
	    .cookie = fs->cookie_be,
	    .packet_count = htobe64(fs->n_packets),
	    .byte_count = htobe64(fs->n_bytes),
	};

	buf_put(w, &out, sizeof(out));
	ofp11_match_encode(&fs->match, version, w);
}

static enum ofp_err entry_decode_15(struct buf *entry, struct ofp_flow_stats *ret)
{
	struct ofp15_flow_desc in;
	struct oxs s;

	buf_bytes(entry, &in, sizeof(in));
	if (entry->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	ret->table_id = in.table_id;
	ret->priority = be16toh(in.priority);
	ret->idle_timeout_s = be16toh(in.idle_timeout);
	ret->hard_timeout_s = be16toh(in.hard_timeout);
	ret->flags = be16toh(in.flags);
	ret->importance = be16toh(in.importance);
	ret->cookie_be = in.cookie;
	enum ofp_err err = ofp11_match_decode(entry, OFP15_VERSION, 0, &ret->match);
	if (err == OFP_OK)
		err = oxs_decode(entry, &s);
	if (err != OFP_OK)
		return err;
	ret->duration_s = s.duration_s;
	ret->duration_ns = s.duration_ns;
	ret->n_packets = s.n_packets;
	ret->n_bytes = s.n_bytes;
	ret->idle_age_s = s.idle_s <= INT32_MAX ? (int32_t)s.idle_s : -1;
	return OFP_OK;
}

static void entry_encode_15(const struct ofp_flow_stats *fs, struct buf_writer *w)
{
	struct ofp15_flow_desc out = {
	    .table_id = fs->table_id,
	    .priority = htobe16(fs->priority),
	    .idle_timeout = htobe16(fs->idle_timeout_s),
	    .hard_timeout = htobe16(fs->hard_timeout_s),
	    .flags = htobe16(flow_flags_for(fs->flags, OFP15_VERSION)),
	    .importance = htobe16(fs->importance),
	    .cookie = fs->cookie_be,
	};
	struct oxs s = {
	    .n_packets = fs->n_packets,
	    .n_bytes = fs->n_bytes,
	    .duration_s = fs->duration_s,
	    .duration_ns = fs->duration_ns,
	    .idle_s = fs->idle_age_s < 0 ? UINT32_MAX : (uint32_t)fs->idle_age_s,
	    .n_flows = UINT32_MAX,
	};

	buf_put(w, &out, sizeof(out));
	ofp11_match_encode(&fs->match, OFP15_VERSION, w);
	oxs_encode(&s, w);
}

enum ofp_err ofp_aggregate_stats_decode(
    enum ofp_version version, struct buf *b, struct ofp_aggregate_stats *ret)
{
	struct oxs s = {0};

	if (version >= OFP15_VERSION) {
		enum ofp_err err = oxs_decode(b, &s);
		*ret = (struct ofp_aggregate_stats){s.n_packets, s.n_bytes, s.n_flows};
		return err;
	}
	ret->n_packets = buf_be64(b);
	ret->n_bytes = buf_be64(b);
	ret->n_flows = buf_be32(b);
	buf_skip(b, 4);
	return b->bad ? OFPERR_OFPBRC_BAD_LEN : OFP_OK;
}

void ofp_aggregate_stats_encode(
    enum ofp_version version, const struct ofp_aggregate_stats *as, struct buf_writer *w)
{
	if (version >= OFP15_VERSION) {
		oxs_encode(&(struct oxs){.n_packets = as->n_packets,
			       .n_bytes = as->n_bytes,
			       .n_flows = as->n_flows,
			       .duration_s = UINT32_MAX,
			       .idle_s = UINT32_MAX},
		    w);
		return;
	}
	wire_put_be64(w, as->n_packets);
	wire_put_be64(w, as->n_bytes);
	wire_put_be32(w, as->n_flows);
	wire_put_be32(w, 0);
}
