/* SPDX-License-Identifier: Apache-2.0 */
/* Roles of controllers, and which news they want (OpenFlow 1.3.5 6.3.5, 7.3.10). */
#include <openflow/nicira-ext.h>
#include <openflow/openflow-1.2.h>
#include <openflow/openflow-1.3.h>
#include <openflow/openflow-common.h>

#include "control/openflow/of_priv.h"
#include "control/openflow/ofp_wire.h"

static enum ofp_err set_role(struct of_session *s, uint32_t role);
static void send_role(struct of_session *s, const struct ofp_msg *msg);
static bool is_secondary(const struct of_session *s);

/* A tool at the bridge's .mgmt gets packets when it has said how much of them it wants (as with OVS). */
bool of_session_wants(const struct of_session *s, enum ofp_async_kind what, uint8_t reason)
{
	if (s->version == 0 || s->is_over || reason >= 32)
		return false;
	if (s->controller == NULL && s->miss_send_len == 0)
		return false;
	return (s->async.masks[what][is_secondary(s)] & 1U << reason) != 0;
}

bool of_session_may_change(const struct of_session *s)
{
	return !is_secondary(s);
}

const char *of_session_role(const struct of_session *s)
{
	switch (s->role) {
	case OFPCR12_ROLE_PRIMARY: return "master";
	case OFPCR12_ROLE_SECONDARY: return "slave";
	default: return "other";
	}
}

enum ofp_err of_handle_role(struct of_session *s, struct ofp_msg *msg)
{
	struct of_bridge *b = s->bridge;
	uint32_t role = buf_be32(&msg->body);

	if (msg->raw ==
	    OFPRAW_NXT_ROLE_REQUEST) { // its numbers are one less, and it has no generation
		if (role > NX_ROLE_SECONDARY)
			return OFPERR_OFPRRFC_BAD_ROLE;
		role++;
	} else {
		buf_skip(&msg->body, 4);
		uint64_t generation = buf_be64(&msg->body);
		bool has_generation =
		    role == OFPCR12_ROLE_PRIMARY || role == OFPCR12_ROLE_SECONDARY;
		// "Distance" is taken modulo 2^64: a lower number is an election that is over.
		if (has_generation && b->has_generation &&
		    (int64_t)(generation - b->role_generation) < 0)
			return OFPERR_OFPRRFC_STALE;
		if (has_generation) {
			b->has_generation = true;
			b->role_generation = generation;
		}
	}
	enum ofp_err err = set_role(s, role);
	if (err == OFP_OK)
		send_role(s, msg);
	return err;
}

static enum ofp_err set_role(struct of_session *s, uint32_t role)
{
	if (role > OFPCR12_ROLE_SECONDARY)
		return OFPERR_OFPRRFC_BAD_ROLE;
	if (role == OFPCR12_ROLE_NOCHANGE)
		return OFP_OK;
	if (role == OFPCR12_ROLE_PRIMARY)
		list_foreach (other, &s->bridge->sessions, struct of_session, node)
			if (other != s && other->role == OFPCR12_ROLE_PRIMARY)
				other->role = OFPCR12_ROLE_SECONDARY;
	s->role = role;
	return OFP_OK;
}

static void send_role(struct of_session *s, const struct ofp_msg *msg)
{
	bool is_nicira = msg->raw == OFPRAW_NXT_ROLE_REQUEST;
	struct buf_writer w;

	buf_writer_init(&w, UINT16_MAX);
	struct ofp_mark mark = ofp_begin(
	    &w, is_nicira ? OFPRAW_NXT_ROLE_REPLY : OFPRAW_OFPT12_ROLE_REPLY, s->version, msg->xid);
	wire_put_be32(&w, is_nicira ? s->role - 1 : s->role);
	if (!is_nicira) {
		wire_put_be32(&w, 0);
		wire_put_be64(
		    &w, s->bridge->has_generation ? s->bridge->role_generation : UINT64_MAX);
	}
	ofp_end(&w, mark);
	of_session_send(s, &w);
}

static bool is_secondary(const struct of_session *s)
{
	return s->role == OFPCR12_ROLE_SECONDARY;
}

enum ofp_err of_handle_set_async(struct of_session *s, struct ofp_msg *msg)
{
	bool has_masks =
	    msg->raw == OFPRAW_OFPT13_SET_ASYNC || msg->raw == OFPRAW_NXT_SET_ASYNC_CONFIG;
	enum ofp_version version = (enum ofp_version)s->version;
	struct ofp_async_config config = s->async;
	enum ofp_err err = has_masks ? ofp_async_masks_decode(version, &msg->body, &config)
				     : ofp_async_properties_decode(version, &msg->body, &config);

	if (err == OFP_OK)
		s->async = config;
	return err;
}

enum ofp_err of_handle_get_async(struct of_session *s, struct ofp_msg *msg)
{
	bool has_masks = s->version == OFP13_VERSION;
	struct buf_writer w;

	buf_writer_init(&w, UINT16_MAX);
	struct ofp_mark mark =
	    ofp_begin(&w, has_masks ? OFPRAW_OFPT13_GET_ASYNC_REPLY : OFPRAW_OFPT14_GET_ASYNC_REPLY,
		s->version, msg->xid);
	if (has_masks)
		ofp_async_masks_encode(&s->async, &w);
	else
		ofp_async_properties_encode((enum ofp_version)s->version, &s->async, &w);
	ofp_end(&w, mark);
	of_session_send(s, &w);
	return OFP_OK;
}
