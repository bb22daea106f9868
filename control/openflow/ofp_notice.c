/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_notice.h"

#include "control/openflow/ofp_raw.h"
#include "control/openflow/ofp_wire.h"

void ofp_role_status_encode(
    enum ofp_version version, const struct ofp_role_status *s, struct buf_writer *w)
{
	static const enum ofp_raw raws[] = {OFPRAW_ONFT13_ROLE_STATUS, OFPRAW_OFPT14_ROLE_STATUS};
	enum ofp_raw raw = ofp_raw_of_version(raws, ARRAY_SIZE(raws), (uint8_t)version);
	struct ofp_mark mark = ofp_begin(w, raw, (uint8_t)version, 0);

	wire_put_be32(w, s->role);
	buf_put_u8(w, s->reason);
	buf_put_zeros(w, 3);
	wire_put_be64(w, s->generation_id);
	ofp_end(w, mark);
}

void ofp_requestforward_encode(
    enum ofp_version version, const void *request, size_t size, struct buf_writer *w)
{
	static const enum ofp_raw raws[] = {
	    OFPRAW_NXT_REQUESTFORWARD, OFPRAW_ONFT13_REQUESTFORWARD, OFPRAW_OFPT14_REQUESTFORWARD};
	enum ofp_raw raw = ofp_raw_of_version(raws, ARRAY_SIZE(raws), (uint8_t)version);
	struct ofp_mark mark = ofp_begin(w, raw, (uint8_t)version, 0);

	buf_put(w, request, size);
	ofp_end(w, mark);
}
