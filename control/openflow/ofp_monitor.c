/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_monitor.h"

#include <string.h>

#include "control/openflow/ofp_flow_priv.h"

enum {
	WHEN = OFPFMF_ADD | OFPFMF_REMOVED | OFPFMF_MODIFY,
	OLD_FLAGS = 0x3f, // the same numbers, but that bit 5 is "own"
	NEW_FLAGS = 0x7f,
	UPDATE_SIZE = 24, // of the fixed part, in each form
	SHORT_SIZE = 8,
};

static enum ofp_err decode_old(
    enum ofp_version version, struct buf *b, struct ofp_flow_monitor *ret);
static enum ofp_err decode_14(
    enum ofp_version version, struct buf *b, struct ofp_flow_monitor *ret);
static bool flags_are_good(uint16_t flags, uint16_t known);
static enum ofp_err update_decode_full(enum ofp_version version, struct buf *entry,
    struct buf_writer *scratch, struct ofp_flow_update *ret);
static enum ofp_err update_decode_old(
    enum ofp_version version, struct buf *entry, struct ofp_flow_update *ret);
static enum ofp_err update_decode_14(
    enum ofp_version version, struct buf *entry, struct ofp_flow_update *ret);
static void update_encode_old(
    enum ofp_version version, const struct ofp_flow_update *u, struct buf_writer *w);
static void update_encode_14(
    enum ofp_version version, const struct ofp_flow_update *u, struct buf_writer *w);
static int event_from_old(uint16_t event);
static uint16_t event_to_old(uint8_t event);

enum ofp_err ofp_flow_monitor_decode(
    enum ofp_version version, struct buf *b, struct ofp_flow_monitor *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->out_group = OFP_ANY_GROUP;
	return version >= OFP14_VERSION ? decode_14(version, b, ret) : decode_old(version, b, ret);
}

static enum ofp_err decode_old(
    enum ofp_version version, struct buf *b, struct ofp_flow_monitor *ret)
{
	uint16_t match_len = 0;

	ret->command = OFPFMC_ADD;
	ret->id = buf_be32(b);
	ret->flags = buf_be16(b);
	if (version < OFP13_VERSION) {
		ret->out_port = ofp_port_from_u16(buf_be16(b));
		match_len = buf_be16(b);
	} else {
		buf_skip(b, 2); // the match says its length itself
		ret->out_port = buf_be32(b);
	}
	ret->table_id = buf_u8(b);
	uint32_t zeros =
	    version < OFP13_VERSION ? buf_u8(b) | buf_be32(b) : buf_u8(b) | (uint32_t)buf_be16(b);
	if (b->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	if (!flags_are_good(ret->flags, OLD_FLAGS))
		return OFPERR_OFPMOFC_BAD_FLAGS;
	if (zeros != 0)
		return OFPERR_NXBRC_MUST_BE_ZERO;
	return version < OFP13_VERSION ? nx_match_decode(b, match_len, &ret->match, NULL)
				       : ofp11_match_decode(b, version, 0, &ret->match);
}

static enum ofp_err decode_14(enum ofp_version version, struct buf *b, struct ofp_flow_monitor *ret)
{
	ret->id = buf_be32(b);
	ret->out_port = buf_be32(b);
	ret->out_group = buf_be32(b);
	ret->flags = buf_be16(b);
	ret->table_id = buf_u8(b);
	ret->command = buf_u8(b);
	if (b->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	if (ret->command > OFPFMC_DELETE)
		return OFPERR_OFPMOFC_BAD_COMMAND;
	if (ret->command != OFPFMC_DELETE && !flags_are_good(ret->flags, NEW_FLAGS))
		return OFPERR_OFPMOFC_BAD_FLAGS;
	return ofp11_match_decode(b, version, 0, &ret->match);
}

/* One that is never told of anything makes no sense. */
static bool flags_are_good(uint16_t flags, uint16_t known)
{
	return (flags & WHEN) != 0 && (flags & ~known) == 0;
}

void ofp_flow_monitor_encode(
    enum ofp_version version, const struct ofp_flow_monitor *m, struct buf_writer *w)
{
	size_t start = w->size;

	wire_put_be32(w, m->id);
	if (version >= OFP14_VERSION) {
		wire_put_be32(w, m->out_port);
		wire_put_be32(w, m->out_group);
		wire_put_be16(w, m->flags);
		buf_put_u8(w, m->table_id);
		buf_put_u8(w, m->command);
		ofp11_match_encode(&m->match, version, w);
		return;
	}
	wire_put_be16(w, m->flags & OLD_FLAGS);
	if (version < OFP13_VERSION) {
		wire_put_be16(w, ofp_port_to_u16(m->out_port));
		wire_put_be16(w, 0);
	} else {
		wire_put_be16(w, 0);
		wire_put_be32(w, m->out_port);
	}
	buf_put_u8(w, m->table_id);
	buf_put_zeros(w, start + 16 - w->size);
	if (version < OFP13_VERSION) {
		uint16_t length = nx_match_encode(&m->match, NULL, version, w);
		wire_set_be16(
		    w, start + offsetof(struct nx_flow_monitor_request, match_len), length);
		return;
	}
	ofp11_match_encode(&m->match, version, w);
	wire_set_be16(w, start + offsetof(struct onf_flow_monitor_request, match_len),
	    (uint16_t)(w->size - start - 16));
}

enum ofp_err ofp_flow_update_decode(enum ofp_version version, struct buf *b,
    struct buf_writer *scratch, struct ofp_flow_update *ret)
{
	struct buf head = *b;
	uint16_t length = buf_be16(&head), event = buf_be16(&head);
	int kind = version >= OFP14_VERSION ? event : event_from_old(event);

	memset(ret, 0, sizeof(*ret));
	if (head.bad || length > buf_left(b) || length % 8 != 0 || length < SHORT_SIZE)
		return OFPERR_OFPBRC_BAD_LEN;
	if (kind < 0 || kind > OFPFME_RESUMED)
		return OFPERR_NXBRC_FM_BAD_EVENT;
	ret->event = (uint8_t)kind;
	struct buf entry = buf_from(buf_take(b, length), length);
	if (kind <= OFPFME_MODIFIED)
		return update_decode_full(version, &entry, scratch, ret);
	buf_skip(&entry, 4);
	uint32_t word = buf_u32(&entry);
	if (kind == OFPFME_ABBREV)
		ret->xid = word;
	return length == SHORT_SIZE ? OFP_OK : OFPERR_OFPBRC_BAD_LEN;
}

static enum ofp_err update_decode_full(enum ofp_version version, struct buf *entry,
    struct buf_writer *scratch, struct ofp_flow_update *ret)
{
	if (entry->size < UPDATE_SIZE)
		return OFPERR_OFPBRC_BAD_LEN;
	buf_skip(entry, 4);
	enum ofp_err err = version >= OFP14_VERSION ? update_decode_14(version, entry, ret)
						    : update_decode_old(version, entry, ret);
	if (err != OFP_OK)
		return err;
	// Nicira's form has actions, whatever the version's rules have.
	if (version == OFP10_VERSION)
		return ofp10_instructions_decode(entry, scratch, &ret->ins);
	if (version >= OFP13_VERSION)
		return ofp_instructions_decode(entry, version, scratch, &ret->ins);
	scratch->size = 0;
	err = ofp_actions_decode(entry, buf_left(entry), version, scratch);
	ret->ins.apply = (struct ofp_actions){scratch->data, scratch->size};
	return err;
}

static enum ofp_err update_decode_old(
    enum ofp_version version, struct buf *entry, struct ofp_flow_update *ret)
{
	ret->reason = (uint8_t)buf_be16(entry);
	ret->priority = buf_be16(entry);
	ret->idle_timeout_s = buf_be16(entry);
	ret->hard_timeout_s = buf_be16(entry);
	uint16_t match_len = buf_be16(entry);
	ret->table_id = buf_u8(entry);
	buf_skip(entry, 1);
	buf_bytes(entry, &ret->cookie_be, sizeof(ret->cookie_be));
	return version < OFP13_VERSION ? nx_match_decode(entry, match_len, &ret->match, NULL)
				       : ofp11_match_decode(entry, version, 0, &ret->match);
}

static enum ofp_err update_decode_14(
    enum ofp_version version, struct buf *entry, struct ofp_flow_update *ret)
{
	ret->table_id = buf_u8(entry);
	ret->reason = buf_u8(entry);
	ret->idle_timeout_s = buf_be16(entry);
	ret->hard_timeout_s = buf_be16(entry);
	ret->priority = buf_be16(entry);
	buf_skip(entry, 4);
	buf_bytes(entry, &ret->cookie_be, sizeof(ret->cookie_be));
	return ofp11_match_decode(entry, version, 0, &ret->match);
}

void ofp_flow_update_encode(
    enum ofp_version version, const struct ofp_flow_update *u, struct buf_writer *w)
{
	size_t start = w->size;

	wire_put_be16(w, SHORT_SIZE);
	wire_put_be16(w, version >= OFP14_VERSION ? u->event : event_to_old(u->event));
	if (u->event > OFPFME_MODIFIED) {
		buf_put_u32(w, u->event == OFPFME_ABBREV ? u->xid : 0);
		return;
	}
	if (version >= OFP14_VERSION)
		update_encode_14(version, u, w);
	else
		update_encode_old(version, u, w);
	if (version == OFP11_VERSION || version == OFP12_VERSION)
		ofp_actions_encode(&u->ins.apply, version, w);
	else
		ofp_instructions_encode(&u->ins, version, w);
	wire_set_be16(w, start, (uint16_t)(w->size - start));
}

static void update_encode_old(
    enum ofp_version version, const struct ofp_flow_update *u, struct buf_writer *w)
{
	size_t start = w->size - 4; // behind length and event

	wire_put_be16(w, u->event == OFPFME_REMOVED ? u->reason : 0);
	wire_put_be16(w, u->priority);
	wire_put_be16(w, u->idle_timeout_s);
	wire_put_be16(w, u->hard_timeout_s);
	wire_put_be16(w, 0);
	buf_put_u8(w, u->table_id);
	buf_put_u8(w, 0);
	buf_put_u64(w, u->cookie_be);
	size_t match = w->size;
	uint16_t length;
	if (version < OFP13_VERSION) {
		length = nx_match_encode(&u->match, NULL, version, w);
	} else {
		ofp11_match_encode(&u->match, version, w);
		length = (uint16_t)(w->size - match);
	}
	wire_set_be16(w, start + offsetof(struct nx_flow_update_full, match_len), length);
}

static void update_encode_14(
    enum ofp_version version, const struct ofp_flow_update *u, struct buf_writer *w)
{
	buf_put_u8(w, u->table_id);
	buf_put_u8(w, u->event == OFPFME_REMOVED ? u->reason : 0);
	wire_put_be16(w, u->idle_timeout_s);
	wire_put_be16(w, u->hard_timeout_s);
	wire_put_be16(w, u->priority);
	wire_put_be32(w, 0);
	buf_put_u64(w, u->cookie_be);
	ofp11_match_encode(&u->match, version, w);
}

/* -1: there is none. */
static int event_from_old(uint16_t event)
{
	static const uint8_t events[] = {
	    [NXFME_ADDED] = OFPFME_ADDED,
	    [NXFME_DELETED] = OFPFME_REMOVED,
	    [NXFME_MODIFIED] = OFPFME_MODIFIED,
	    [NXFME_ABBREV] = OFPFME_ABBREV,
	};

	return event < ARRAY_SIZE(events) ? events[event] : -1;
}

static uint16_t event_to_old(uint8_t event)
{
	switch (event) {
	case OFPFME_REMOVED: return NXFME_DELETED;
	case OFPFME_MODIFIED: return NXFME_MODIFIED;
	case OFPFME_ABBREV: return NXFME_ABBREV;
	default: assert(event <= OFPFME_ADDED); return NXFME_ADDED;
	}
}
