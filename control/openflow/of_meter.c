/* SPDX-License-Identifier: Apache-2.0 */
/* Meters: the switch has none yet, and says so. What asks for them is answered truly; one that is to be added finds no room. */
#include <openflow/openflow-1.3.h>

#include "control/openflow/of_priv.h"
#include "control/openflow/ofp_meter.h"

static enum ofp_err send_none(struct of_session *s, struct ofp_msg *msg, enum ofp_raw raw);

enum ofp_err of_handle_meter_mod(struct of_session *, struct ofp_msg *msg)
{
	struct ofp_meter_mod mod;
	enum ofp_err err = ofp_meter_mod_decode(&msg->body, &mod);

	if (err != OFP_OK || mod.command == OFPMC13_DELETE) // of one that there is not: no error
		return err;
	return mod.command == OFPMC13_ADD ? OFPERR_OFPMMFC_OUT_OF_METERS
					  : OFPERR_OFPMMFC_UNKNOWN_METER;
}

enum ofp_err of_handle_meter_config(struct of_session *s, struct ofp_msg *msg)
{
	return send_none(s, msg, OFPRAW_OFPST13_METER_CONFIG_REPLY);
}

enum ofp_err of_handle_meter_stats(struct of_session *s, struct ofp_msg *msg)
{
	return send_none(s, msg, OFPRAW_OFPST13_METER_REPLY);
}

enum ofp_err of_handle_meter_features(struct of_session *s, struct ofp_msg *msg)
{
	const struct ofp_meter_features none = {0};
	struct buf_writer w;

	buf_writer_init(&w, UINT16_MAX);
	struct ofp_mark mark =
	    ofp_begin(&w, OFPRAW_OFPST13_METER_FEATURES_REPLY, s->version, msg->xid);
	ofp_meter_features_encode(&none, &w);
	ofp_end(&w, mark);
	of_session_send(s, &w);
	return OFP_OK;
}

static enum ofp_err send_none(struct of_session *s, struct ofp_msg *msg, enum ofp_raw raw)
{
	struct buf_writer w;
	uint32_t id;
	enum ofp_err err = ofp_meter_request_decode(&msg->body, &id);

	if (err == OFP_OK && id != OFPM13_ALL)
		err = OFPERR_OFPMMFC_UNKNOWN_METER;
	if (err != OFP_OK)
		return err;
	buf_writer_init(&w, UINT16_MAX);
	ofp_end(&w, ofp_begin(&w, raw, s->version, msg->xid));
	of_session_send(s, &w);
	return OFP_OK;
}
