/* SPDX-License-Identifier: Apache-2.0 */
/* Which tunnel options the fields tun_metadata0… stand for (NXT_TLV_TABLE_*). The map is the bridge's. */
#include <openflow/nicira-ext.h>

#include "control/openflow/of_priv.h"

enum ofp_err of_handle_tlv_mod(struct of_session *s, struct ofp_msg *msg)
{
	struct ofp_tlv_mod mod;
	enum ofp_err err = ofp_tlv_mod_decode(&msg->body, &mod);

	return err == OFP_OK ? ofp_tlv_table_apply(&s->bridge->tlvs, &mod) : err;
}

enum ofp_err of_handle_tlv_request(struct of_session *s, struct ofp_msg *msg)
{
	struct buf_writer w;

	buf_writer_init(&w, UINT16_MAX);
	struct ofp_mark mark = ofp_begin(&w, OFPRAW_NXT_TLV_TABLE_REPLY, s->version, msg->xid);
	ofp_tlv_reply_encode(&s->bridge->tlvs, &w);
	ofp_end(&w, mark);
	of_session_send(s, &w);
	return OFP_OK;
}
