/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_raw.h"

#include "control/openflow/ofp_wire.h"

#include <openflow/openflow-1.0.h>
#include <openflow/openflow-1.1.h>
#include <openflow/openflow-1.2.h>
#include <openflow/openflow-1.3.h>
#include <openflow/openflow-1.4.h>
#include <openflow/openflow-1.5.h>
#include <stdlib.h>
#include <string.h>

enum msg_class {
	OFPT,
	OFPST_REQUEST,
	OFPST_REPLY,
	NXT,
	NXST_REQUEST,
	NXST_REPLY,
	ONFT,
	ONFST_REQUEST,
	ONFST_REPLY
};

enum {
	TYPE_VENDOR = 4,   // OFPT_VENDOR, later OFPT_EXPERIMENTER
	TYPE_STATS10 = 16, // OFPT_STATS_REQUEST of 1.0; its reply's is the next number
	TYPE_STATS11 = 18, // OFPT_MULTIPART_REQUEST
	STATS_MORE = 1,    // OFPSF_REPLY_MORE
	STATS_VENDOR = 0xffff,
	REPLY_ROOM = 60000, // a reply's message is ended beyond it
};

/* Row of the table; what it says of a body: at least min, and more in multiples of unit (0: no more). */
struct row {
	const char *name;
	uint8_t first, last, class;
	uint16_t number;
	uint16_t min, unit;
};

static const struct row rows[OFPRAW__COUNT] = {
#define OFPMSG(name, first, last, class, number, min, unit) \
	[OFPRAW_##name] = {#name, first, last, class, number, min, unit},
#include <ofp_msgs.def>
#undef OFPMSG
};

static enum ofp_err decode_stats(struct buf *b, uint8_t version, bool is_reply,
    enum msg_class *ret_class, uint32_t *ret_number, uint16_t *ret_flags);
static enum ofp_err decode_vendor(struct buf *b, enum msg_class *ret_class, uint32_t *ret_number);
static enum ofp_err find(uint8_t version, enum msg_class class, uint32_t number, enum ofp_raw *ret);
static bool is_stats(enum msg_class class);
static bool is_reply(enum msg_class class);
static uint8_t stats_type(uint8_t version, bool is_reply);
static uint32_t vendor_of(enum msg_class class);

enum ofp_err ofp_msg_decode(const uint8_t *data, size_t size, struct ofp_msg *ret)
{
	struct buf b = buf_from(data, size);
	uint8_t version = buf_u8(&b), type = buf_u8(&b);
	enum msg_class class = OFPT;
	uint32_t number = type;
	enum ofp_err err = OFP_OK;

	buf_skip(&b, 2);
	*ret = (struct ofp_msg){.raw = OFPRAW__COUNT,
	    .version = version,
	    .xid = buf_u32(&b),
	    .data = data,
	    .size = size};
	if (type == TYPE_VENDOR)
		err = decode_vendor(&b, &class, &number);
	else if (type == stats_type(version, false) || type == stats_type(version, true))
		err = decode_stats(&b, version, type == stats_type(version, true), &class, &number,
		    &ret->mp_flags);
	if (err == OFP_OK)
		err = find(version, class, number, &ret->raw);
	if (err != OFP_OK)
		return err;
	const struct row *row = &rows[ret->raw];
	size_t left = buf_left(&b);
	if (left < row->min ||
	    (row->unit == 0 ? left > row->min : (left - row->min) % row->unit != 0))
		return OFPERR_OFPBRC_BAD_LEN;
	ret->body = buf_from(b.data + b.pos, left);
	return OFP_OK;
}

const char *ofp_raw_name(enum ofp_raw raw)
{
	return (size_t)raw < OFPRAW__COUNT ? rows[raw].name : "unknown";
}

bool ofp_raw_is_stats(enum ofp_raw raw)
{
	return is_stats((enum msg_class)rows[raw].class);
}

bool ofp_raw_has_version(enum ofp_raw raw, uint8_t version)
{
	return version >= rows[raw].first && version <= rows[raw].last;
}

enum ofp_raw ofp_raw_of_version(const enum ofp_raw *raws, size_t n, uint8_t version)
{
	for (size_t i = 0; i < n; i++)
		if (ofp_raw_has_version(raws[i], version))
			return raws[i];
	return OFPRAW__COUNT;
}

struct ofp_mark ofp_begin(struct buf_writer *w, enum ofp_raw raw, uint8_t version, uint32_t xid)
{
	const struct row *row = &rows[raw];
	struct ofp_mark mark = {.start = w->size};
	enum msg_class class = row->class;
	uint32_t vendor = vendor_of(class);

	assert(ofp_raw_has_version(raw, version));
	buf_put_u8(w, version);
	buf_put_u8(w, is_stats(class) ? stats_type(version, is_reply(class))
		      : vendor != 0   ? TYPE_VENDOR
				      : (uint8_t)row->number);
	wire_put_be16(w, 0);
	buf_put_u32(w, xid);
	if (is_stats(class)) {
		wire_put_be16(w, vendor != 0 ? STATS_VENDOR : row->number);
		wire_put_be16(w, 0); // flags
		if (version > OFP10_VERSION)
			wire_put_be32(w, 0);
	}
	if (vendor == 0)
		return mark;
	wire_put_be32(w, vendor);
	wire_put_be32(w, row->number);
	if (is_stats(class) && version == OFP10_VERSION)
		wire_put_be32(w, 0); // struct nicira10_stats_msg
	return mark;
}

void ofp_end(struct buf_writer *w, struct ofp_mark mark)
{
	size_t size = w->size - mark.start;

	if (size > UINT16_MAX)
		w->bad = true;
	if (w->bad)
		return;
	w->data[mark.start + 2] = (uint8_t)(size >> 8);
	w->data[mark.start + 3] = (uint8_t)size;
}

void ofp_reply_begin(
    struct ofp_reply *r, struct buf_writer *w, enum ofp_raw raw, const struct ofp_msg *request)
{
	*r = (struct ofp_reply){
	    .w = w, .raw = raw, .version = request->version, .xid = request->xid};
	r->mark = ofp_begin(w, raw, r->version, r->xid);
	r->entry = w->size;
}

void ofp_reply_entry(struct ofp_reply *r)
{
	struct buf_writer *w = r->w;
	size_t size = w->size - r->entry, body = r->entry;

	if (w->bad || w->size - r->mark.start <= REPLY_ROOM) {
		r->entry = w->size;
		return;
	}
	// The entry moves into a message of its own, behind this one, which says that more follows.
	uint8_t *copy = size > 0 ? malloc(size) : NULL;
	if (copy == NULL) {
		w->bad = true;
		return;
	}
	memcpy(copy, w->data + body, size);
	w->size = body;
	w->data[r->mark.start + sizeof(struct ofp_header) + 3] |= STATS_MORE;
	ofp_end(w, r->mark);
	r->mark = ofp_begin(w, r->raw, r->version, r->xid);
	buf_put(w, copy, size);
	free(copy);
	r->entry = w->size;
}

void ofp_reply_end(struct ofp_reply *r)
{
	ofp_end(r->w, r->mark);
}

static enum ofp_err decode_stats(struct buf *b, uint8_t version, bool reply,
    enum msg_class *ret_class, uint32_t *ret_number, uint16_t *ret_flags)
{
	uint32_t type = buf_be16(b);
	enum msg_class class = OFPT;

	*ret_flags = buf_be16(b);
	if (version > OFP10_VERSION)
		buf_skip(b, 4);
	if (b->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	*ret_class = reply ? OFPST_REPLY : OFPST_REQUEST;
	*ret_number = type;
	if (type != STATS_VENDOR)
		return OFP_OK;
	enum ofp_err err = decode_vendor(b, &class, ret_number);
	if (err != OFP_OK)
		return err;
	if (version == OFP10_VERSION)
		buf_skip(b, 4);
	*ret_class = class == NXT ? (reply ? NXST_REPLY : NXST_REQUEST)
				  : (reply ? ONFST_REPLY : ONFST_REQUEST);
	return b->bad ? OFPERR_OFPBRC_BAD_LEN : OFP_OK;
}

static enum ofp_err decode_vendor(struct buf *b, enum msg_class *ret_class, uint32_t *ret_number)
{
	uint32_t vendor = buf_be32(b);

	if (b->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	if (vendor != NX_VENDOR_ID && vendor != ONF_VENDOR_ID)
		return OFPERR_OFPBRC_BAD_VENDOR;
	*ret_class = vendor == NX_VENDOR_ID ? NXT : ONFT;
	*ret_number = buf_be32(b);
	return b->bad ? OFPERR_OFPBRC_BAD_LEN : OFP_OK;
}

static enum ofp_err find(uint8_t version, enum msg_class class, uint32_t number, enum ofp_raw *ret)
{
	for (size_t i = 0; i < OFPRAW__COUNT; i++) {
		const struct row *r = &rows[i];
		// Hello, error and echo mean the same in versions to come (class OFPT, 0 to 3).
		bool has_version =
		    (version >= r->first && version <= r->last) || (class == OFPT && number <= 3);
		if (has_version && r->class == class && r->number == number) {
			*ret = (enum ofp_raw)i;
			return OFP_OK;
		}
	}
	return class == OFPT                                    ? OFPERR_OFPBRC_BAD_TYPE
	       : class == OFPST_REQUEST || class == OFPST_REPLY ? OFPERR_OFPBRC_BAD_STAT
								: OFPERR_OFPBRC_BAD_SUBTYPE;
}

static bool is_stats(enum msg_class class)
{
	return class != OFPT && class != NXT && class != ONFT;
}

static bool is_reply(enum msg_class class)
{
	return class == OFPST_REPLY || class == NXST_REPLY || class == ONFST_REPLY;
}

static uint8_t stats_type(uint8_t version, bool reply)
{
	return (uint8_t)((version == OFP10_VERSION ? TYPE_STATS10 : TYPE_STATS11) + reply);
}

static uint32_t vendor_of(enum msg_class class)
{
	switch (class) {
	case NXT:
	case NXST_REQUEST:
	case NXST_REPLY: return NX_VENDOR_ID;
	case ONFT:
	case ONFST_REQUEST:
	case ONFST_REPLY: return ONF_VENDOR_ID;
	default: return 0;
	}
}
