/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The envelope of an OpenFlow message: which of all messages of all versions it is, and where its body is. One row each, from the tables
 * of openvswitch-source (wire.py); bodies are others' to read.
 *
 * Threads: any; pure functions. Memory: a decoded message borrows its bytes.
 */
#include <openflow/nicira-ext.h>
#include <openflow/openflow.h>

#include "control/openflow/ofp_error.h"
#include "datapath/base/buf.h"

/* Names are OVS's: OFPRAW_OFPT10_FLOW_MOD is 1.0's. */
enum ofp_raw {
#define OFPMSG(name, ...) OFPRAW_##name,
#include <ofp_msgs.def>
#undef OFPMSG
	OFPRAW__COUNT
};

struct ofp_msg {
	enum ofp_raw raw;
	uint8_t version;
	uint32_t xid;      // as on the wire: opaque
	uint16_t mp_flags; // of multipart messages
	struct buf body;
	const uint8_t *data; // all of it, as errors quote it
	size_t size;
};

/* data has the size that its header says, 8 at least. Errors: OFPBRC_BAD_TYPE, _BAD_STAT, _BAD_VENDOR, _BAD_SUBTYPE, _BAD_LEN. */
MUST_CHECK
enum ofp_err ofp_msg_decode(const uint8_t *data, size_t size, struct ofp_msg *ret);
const char *ofp_raw_name(enum ofp_raw raw); // "OFPT10_FLOW_MOD"
bool ofp_raw_is_stats(enum ofp_raw raw);
bool ofp_raw_has_version(enum ofp_raw raw, uint8_t version);
/* The first of the names that the version has: a message that changed its form is in the table once for each. OFPRAW__COUNT: none. */
enum ofp_raw ofp_raw_of_version(const enum ofp_raw *raws, size_t n, uint8_t version);

/* Writes a message: begin, then its body, then end, which fills in the length (at most 65,535 bytes, else w is bad). */
struct ofp_mark {
	size_t start;
};
struct ofp_mark ofp_begin(struct buf_writer *w, enum ofp_raw raw, uint8_t version, uint32_t xid);
void ofp_end(struct buf_writer *w, struct ofp_mark mark);

/*
 * A multipart reply in as many messages as it takes: an entry never lies in two of them. ofp_reply_begin, then for each entry write it and
 * ofp_reply_entry; ofp_reply_end.
 */
struct ofp_reply {
	struct buf_writer *w;
	enum ofp_raw raw;
	uint8_t version;
	uint32_t xid;
	struct ofp_mark mark;
	size_t entry; // where the next one begins
};
void ofp_reply_begin(
    struct ofp_reply *r, struct buf_writer *w, enum ofp_raw raw, const struct ofp_msg *request);
void ofp_reply_entry(struct ofp_reply *r);
void ofp_reply_end(struct ofp_reply *r);
