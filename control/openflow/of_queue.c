/* SPDX-License-Identifier: Apache-2.0 */
/* Queues: ports have none but their own, so that every list of them is empty, and one that is asked for by number is not there. */
#include <openflow/openflow-common.h>

#include "control/openflow/of_priv.h"
#include "control/openflow/ofp_queue.h"

enum ofp_err of_handle_queue_config(struct of_session *s, struct ofp_msg *msg)
{
	static const enum ofp_raw raws[] = {OFPRAW_OFPT10_QUEUE_GET_CONFIG_REPLY,
	    OFPRAW_OFPT11_QUEUE_GET_CONFIG_REPLY, OFPRAW_OFPST14_QUEUE_DESC_REPLY};
	enum ofp_version version = (enum ofp_version)s->version;
	struct ofp_queue_request req;
	struct buf_writer w;
	enum ofp_err err = ofp_queue_config_request_decode(version, &msg->body, &req);

	if (err != OFP_OK)
		return err;
	buf_writer_init(&w, UINT16_MAX);
	struct ofp_mark mark = ofp_begin(
	    &w, ofp_raw_of_version(raws, ARRAY_SIZE(raws), s->version), s->version, msg->xid);
	ofp_queue_config_head_encode(version, req.port, &w);
	ofp_end(&w, mark);
	of_session_send(s, &w);
	return OFP_OK;
}

enum ofp_err of_handle_queue_stats(struct of_session *s, struct ofp_msg *msg)
{
	static const enum ofp_raw raws[] = {OFPRAW_OFPST10_QUEUE_REPLY, OFPRAW_OFPST11_QUEUE_REPLY,
	    OFPRAW_OFPST13_QUEUE_REPLY, OFPRAW_OFPST14_QUEUE_REPLY};
	struct ofp_queue_request req;
	struct buf_writer w;
	enum ofp_err err = ofp_queue_request_decode((enum ofp_version)s->version, &msg->body, &req);

	if (err == OFP_OK && req.queue_id != OFP_ALL_QUEUES)
		err = OFPERR_OFPQOFC_BAD_QUEUE;
	if (err != OFP_OK)
		return err;
	buf_writer_init(&w, UINT16_MAX);
	ofp_end(&w, ofp_begin(&w, ofp_raw_of_version(raws, ARRAY_SIZE(raws), s->version),
			s->version, msg->xid));
	of_session_send(s, &w);
	return OFP_OK;
}
