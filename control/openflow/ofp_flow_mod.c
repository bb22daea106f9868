/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <string.h>

#include "control/openflow/ofp_flow_priv.h"

enum { ALL_TABLES = 255, EMERGENCY_10 = 1 << 2 };

static enum ofp_err decode_11(enum ofp_version version, struct buf *b, struct ofp_flow_mod *ret);
static enum ofp_err decode_10(bool table_in_command, struct buf *b, struct ofp_flow_mod *ret);
static enum ofp_err decode_nicira(bool table_in_command, struct buf *b, struct ofp_flow_mod *ret);
static enum ofp_err take_command(uint16_t command, bool table_in_command, struct ofp_flow_mod *ret);
static enum ofp_err decode_instructions(
    enum ofp_version version, struct buf *b, struct buf_writer *scratch, struct ofp_flow_mod *ret);
static bool is_delete(uint8_t command);

enum ofp_err ofp_flow_mod_decode(enum ofp_version version, enum ofp_flow_form form,
    bool table_in_command, struct buf *b, struct buf_writer *scratch, struct ofp_flow_mod *ret)
{
	enum ofp_err err;

	memset(ret, 0, sizeof(*ret));
	if (form == OFP_FLOW_NICIRA)
		err = decode_nicira(table_in_command, b, ret);
	else if (version == OFP10_VERSION)
		err = decode_10(table_in_command, b, ret);
	else
		err = decode_11(version, b, ret);
	if (err != OFP_OK)
		return err;
	if (ret->command > OFPFC_DELETE_STRICT)
		return OFPERR_OFPFMFC_BAD_COMMAND;
	err = decode_instructions(version, b, scratch, ret);
	if (err != OFP_OK)
		return err;
	uint16_t flags = ret->flags;
	if (version == OFP10_VERSION && (flags & EMERGENCY_10) != 0)
		return ret->idle_timeout_s != 0 || ret->hard_timeout_s != 0
			   ? OFPERR_OFPFMFC_BAD_EMERG_TIMEOUT
			   : OFPERR_OFPFMFC_TABLE_FULL; // there is no emergency table
	if (!flow_flags_are_known(flags, version))
		return OFPERR_OFPFMFC_BAD_FLAGS;
	if (version < OFP12_VERSION && ret->command == OFPFC_ADD)
		ret->flags |= OFPFF12_RESET_COUNTS;
	return OFP_OK;
}

static enum ofp_err decode_11(enum ofp_version version, struct buf *b, struct ofp_flow_mod *ret)
{
	struct ofp11_flow_mod w;

	buf_bytes(b, &w, sizeof(w));
	if (b->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	enum ofp_err err = ofp11_match_decode(b, version, 0, &ret->match);
	if (err != OFP_OK)
		return err;
	// 1.1 alone adds what a modify did not find, unless it asks for a cookie: then the cookie is a new one.
	bool modify = w.command == OFPFC_MODIFY || w.command == OFPFC_MODIFY_STRICT;
	bool is_new =
	    w.command == OFPFC_ADD || (version == OFP11_VERSION && modify && w.cookie_mask == 0);
	ret->new_cookie_be = is_new ? w.cookie : UINT64_MAX;
	ret->cookie_be = is_new ? 0 : w.cookie & w.cookie_mask;
	ret->cookie_mask_be = is_new ? 0 : w.cookie_mask;
	ret->command = w.command;
	ret->table_id = w.table_id;
	if (w.table_id == ALL_TABLES && (version == OFP11_VERSION || !is_delete(w.command)))
		return OFPERR_OFPFMFC_BAD_TABLE_ID;
	ret->priority = be16toh(w.priority);
	ret->idle_timeout_s = be16toh(w.idle_timeout);
	ret->hard_timeout_s = be16toh(w.hard_timeout);
	if (version >= OFP14_VERSION && w.command == OFPFC_ADD)
		ret->importance = be16toh(w.importance);
	ret->flags = be16toh(w.flags);
	ret->buffer_id = be32toh(w.buffer_id);
	ret->out_port = is_delete(w.command) ? be32toh(w.out_port) : (uint32_t)DP_OFPORT_ANY;
	ret->out_group = is_delete(w.command) ? be32toh(w.out_group) : (uint32_t)OFP_ANY_GROUP;
	return OFP_OK;
}

static enum ofp_err decode_10(bool table_in_command, struct buf *b, struct ofp_flow_mod *ret)
{
	struct ofp10_flow_mod w;
	struct buf whole = *b;

	buf_bytes(&whole, &w, sizeof(w));
	if (whole.bad)
		return OFPERR_OFPBRC_BAD_LEN;
	enum ofp_err err = ofp10_match_decode(b, &ret->match);
	if (err != OFP_OK)
		return err;
	*b = whole;
	// A match on everything has the highest priority there is (OpenFlow 1.0.0 3.4).
	bool is_exact = (be32toh(w.match.wildcards) & OFPFW10_ALL) == 0;
	ret->priority = is_exact ? UINT16_MAX : be16toh(w.priority);
	ret->new_cookie_be = w.cookie;
	ret->idle_timeout_s = be16toh(w.idle_timeout);
	ret->hard_timeout_s = be16toh(w.hard_timeout);
	ret->buffer_id = be32toh(w.buffer_id);
	ret->out_port = ofp_port_from_u16(be16toh(w.out_port));
	ret->flags = be16toh(w.flags);
	return take_command(be16toh(w.command), table_in_command, ret);
}

static enum ofp_err decode_nicira(bool table_in_command, struct buf *b, struct ofp_flow_mod *ret)
{
	struct nx_flow_mod w;
	struct ofp_match_cookie cookie;

	buf_bytes(b, &w, sizeof(w));
	if (b->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	enum ofp_err err = nx_match_decode(b, be16toh(w.match_len), &ret->match, &cookie);
	if (err != OFP_OK)
		return err;
	ret->cookie_be = cookie.cookie_be;
	ret->cookie_mask_be = cookie.mask_be;
	ret->new_cookie_be = w.cookie;
	ret->priority = be16toh(w.priority);
	ret->idle_timeout_s = be16toh(w.idle_timeout);
	ret->hard_timeout_s = be16toh(w.hard_timeout);
	ret->buffer_id = be32toh(w.buffer_id);
	ret->out_port = ofp_port_from_u16(be16toh(w.out_port));
	ret->flags = be16toh(w.flags);
	err = take_command(be16toh(w.command), table_in_command, ret);
	if (err == OFP_OK && ret->command == OFPFC_ADD && cookie.mask_be != 0)
		return OFPERR_NXBRC_NXM_INVALID; // what is added has no cookie yet to be asked for
	return err;
}

static enum ofp_err take_command(uint16_t command, bool table_in_command, struct ofp_flow_mod *ret)
{
	ret->out_group = OFP_ANY_GROUP;
	ret->table_id = table_in_command ? (uint8_t)(command >> 8) : ALL_TABLES;
	if (!table_in_command && command > UINT8_MAX)
		return OFPERR_OFPFMFC_BAD_COMMAND;
	ret->command = (uint8_t)command;
	ret->modify_cookie = ret->new_cookie_be != UINT64_MAX;
	if (!is_delete(ret->command))
		ret->out_port = DP_OFPORT_ANY;
	return OFP_OK;
}

static enum ofp_err decode_instructions(
    enum ofp_version version, struct buf *b, struct buf_writer *scratch, struct ofp_flow_mod *ret)
{
	return version == OFP10_VERSION ? ofp10_instructions_decode(b, scratch, &ret->ins)
					: ofp_instructions_decode(b, version, scratch, &ret->ins);
}

static bool is_delete(uint8_t command)
{
	return command == OFPFC_DELETE || command == OFPFC_DELETE_STRICT;
}

void ofp_flow_mod_encode(enum ofp_version version, enum ofp_flow_form form, bool table_in_command,
    const struct ofp_flow_mod *fm, struct buf_writer *w)
{
	uint16_t command = (uint16_t)(fm->command | (table_in_command ? fm->table_id << 8 : 0));
	uint16_t flags = flow_flags_for(fm->flags, version);

	if (form == OFP_FLOW_NICIRA) {
		struct ofp_match_cookie cookie = {fm->cookie_be, fm->cookie_mask_be};
		size_t start = w->size;
		struct nx_flow_mod out = {
		    .cookie = fm->new_cookie_be,
		    .command = htobe16(command),
		    .idle_timeout = htobe16(fm->idle_timeout_s),
		    .hard_timeout = htobe16(fm->hard_timeout_s),
		    .priority = htobe16(fm->priority),
		    .buffer_id = htobe32(fm->buffer_id),
		    .out_port = htobe16(ofp_port_to_u16(fm->out_port)),
		    .flags = htobe16(flags),
		};
		buf_put(w, &out, sizeof(out));
		uint16_t len = nx_match_encode(&fm->match, &cookie, version, w);
		wire_set_be16(w, start + offsetof(struct nx_flow_mod, match_len), len);
	} else if (version == OFP10_VERSION) {
		struct ofp10_flow_mod out = {
		    .cookie = fm->new_cookie_be,
		    .command = htobe16(command),
		    .idle_timeout = htobe16(fm->idle_timeout_s),
		    .hard_timeout = htobe16(fm->hard_timeout_s),
		    .priority = htobe16(fm->priority),
		    .buffer_id = htobe32(fm->buffer_id),
		    .out_port = htobe16(ofp_port_to_u16(fm->out_port)),
		    .flags = htobe16(flags),
		};
		ofp10_match_encode(&fm->match, w);
		buf_put(w, (uint8_t *)&out + sizeof(out.match), sizeof(out) - sizeof(out.match));
	} else {
		bool is_new = fm->command == OFPFC_ADD || fm->new_cookie_be != UINT64_MAX;
		struct ofp11_flow_mod out = {
		    .cookie = is_new ? fm->new_cookie_be : fm->cookie_be,
		    .cookie_mask = is_new ? 0 : fm->cookie_mask_be,
		    .table_id = fm->table_id,
		    .command = fm->command,
		    .idle_timeout = htobe16(fm->idle_timeout_s),
		    .hard_timeout = htobe16(fm->hard_timeout_s),
		    .priority = htobe16(fm->priority),
		    .buffer_id = htobe32(fm->buffer_id),
		    .out_port = htobe32(fm->out_port),
		    .out_group = htobe32(fm->out_group),
		    .flags = htobe16(flags),
		    .importance = version >= OFP14_VERSION ? htobe16(fm->importance) : 0,
		};
		buf_put(w, &out, sizeof(out));
		ofp11_match_encode(&fm->match, version, w);
	}
	ofp_instructions_encode(&fm->ins, version, w);
}
