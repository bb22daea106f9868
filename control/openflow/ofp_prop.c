/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_prop.h"

#include "control/openflow/ofp_wire.h"

enum { HEADER_SIZE = 4, EXPERIMENTER_SIZE = 8 };

static enum ofp_err answer(const struct ofp_prop *p);

enum ofp_err ofp_prop_decode(struct buf *b, struct ofp_prop *ret)
{
	*ret = (struct ofp_prop){.type = buf_be16(b)};
	size_t len = buf_be16(b);
	if (b->bad || len < HEADER_SIZE || ROUND_UP(len, 8) - HEADER_SIZE > buf_left(b))
		return OFPERR_OFPBPC_BAD_LEN;
	ret->body = buf_from(buf_take(b, len - HEADER_SIZE), len - HEADER_SIZE);
	buf_skip(b, ROUND_UP(len, 8) - len);
	if (ret->type != OFP_PROP_EXPERIMENTER)
		return OFP_OK;
	if (ret->body.size < EXPERIMENTER_SIZE)
		return OFPERR_OFPBPC_BAD_LEN;
	ret->experimenter = buf_be32(&ret->body);
	ret->exp_type = buf_be32(&ret->body);
	return ret->experimenter != 0 ? OFP_OK : OFPERR_OFPBPC_BAD_EXPERIMENTER;
}

enum ofp_err ofp_prop_refuse(const struct ofp_prop *p)
{
	return p->type == OFP_PROP_EXPERIMENTER ? OFPERR_OFPBPC_BAD_EXPERIMENTER
						: OFPERR_OFPBPC_BAD_TYPE;
}

enum ofp_err ofp_prop_u8(struct ofp_prop *p, uint8_t *ret)
{
	*ret = buf_u8(&p->body);
	return answer(p);
}

enum ofp_err ofp_prop_u16(struct ofp_prop *p, uint16_t *ret)
{
	*ret = buf_be16(&p->body);
	return answer(p);
}

enum ofp_err ofp_prop_u32(struct ofp_prop *p, uint32_t *ret)
{
	*ret = buf_be32(&p->body);
	return answer(p);
}

enum ofp_err ofp_prop_nested(struct ofp_prop *p, struct buf *ret)
{
	buf_skip(&p->body, HEADER_SIZE);
	size_t left = buf_left(&p->body);
	*ret = buf_from(buf_take(&p->body, left), left);
	return answer(p);
}

static enum ofp_err answer(const struct ofp_prop *p)
{
	return p->body.bad ? OFPERR_OFPBPC_BAD_LEN : OFP_OK;
}

size_t ofp_prop_begin(struct buf_writer *w, uint16_t type)
{
	size_t start = w->size;

	wire_put_be16(w, type);
	wire_put_be16(w, 0);
	return start;
}

void ofp_prop_end(struct buf_writer *w, size_t start)
{
	wire_set_be16(w, start + 2, (uint16_t)(w->size - start));
	wire_put_align8(w, start);
}

void ofp_prop_put_u16(struct buf_writer *w, uint16_t type, uint16_t v)
{
	size_t start = ofp_prop_begin(w, type);

	wire_put_be16(w, v);
	wire_put_be16(w, 0); // the length counts it
	ofp_prop_end(w, start);
}

void ofp_prop_put_u32(struct buf_writer *w, uint16_t type, uint32_t v)
{
	size_t start = ofp_prop_begin(w, type);

	wire_put_be32(w, v);
	ofp_prop_end(w, start);
}
