/* SPDX-License-Identifier: Apache-2.0 */
/* Connections are not tracked yet: there are none to flush, which is what a flush asks for. */
#include "control/openflow/of_priv.h"
#include "control/openflow/ofp_ct_flush.h"

enum ofp_err of_handle_ct_flush(struct of_session *, struct ofp_msg *msg)
{
	struct ofp_ct_flush flush;

	return msg->raw == OFPRAW_NXT_CT_FLUSH_ZONE ? ofp_ct_flush_zone_decode(&msg->body, &flush)
						    : ofp_ct_flush_decode(&msg->body, &flush);
}
