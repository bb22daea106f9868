/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_async.h"

#include "control/openflow/ofp_wire.h"

enum { PROPERTY_SIZE = 8 };

/* Reasons of 1.4 and later; packet-in has fewer before. */
static const uint32_t reasons[OFP_ASYNC__COUNT] = {
    [OFP_ASYNC_PACKET_IN] = 0x3f,     // table miss to packet-out
    [OFP_ASYNC_PORT_STATUS] = 0x07,   // add, delete, modify
    [OFP_ASYNC_FLOW_REMOVED] = 0x3f,  // idle timeout to eviction
    [OFP_ASYNC_ROLE_STATUS] = 0x07,   // another's request, configuration, experimenter
    [OFP_ASYNC_TABLE_STATUS] = 0x18,  // vacancy down, up
    [OFP_ASYNC_REQUESTFORWARD] = 0x3, // group-mod, meter-mod
};

struct ofp_async_config ofp_async_default(enum ofp_version version)
{
	struct ofp_async_config c = {0};

	c.masks[OFP_ASYNC_PACKET_IN][OFP_ASYNC_PRIMARY] =
	    ofp_async_reasons(OFP_ASYNC_PACKET_IN, version) & ~(1U << OFPR_INVALID_TTL);
	c.masks[OFP_ASYNC_FLOW_REMOVED][OFP_ASYNC_PRIMARY] = reasons[OFP_ASYNC_FLOW_REMOVED];
	c.masks[OFP_ASYNC_PORT_STATUS][OFP_ASYNC_PRIMARY] = reasons[OFP_ASYNC_PORT_STATUS];
	c.masks[OFP_ASYNC_PORT_STATUS][OFP_ASYNC_SECONDARY] = reasons[OFP_ASYNC_PORT_STATUS];
	return c;
}

uint32_t ofp_async_reasons(enum ofp_async_kind kind, enum ofp_version version)
{
	bool few = kind == OFP_ASYNC_PACKET_IN && version < OFP14_VERSION;

	return few ? 0x07 : reasons[kind];
}

enum ofp_err ofp_async_masks_decode(
    enum ofp_version version, struct buf *b, struct ofp_async_config *ret)
{
	*ret = (struct ofp_async_config){0};
	for (enum ofp_async_kind kind = 0; kind <= OFP_ASYNC_FLOW_REMOVED; kind++) {
		for (int role = 0; role < 2; role++)
			ret->masks[kind][role] = buf_be32(b) & ofp_async_reasons(kind, version);
	}
	return b->bad ? OFPERR_OFPBRC_BAD_LEN : OFP_OK;
}

void ofp_async_masks_encode(const struct ofp_async_config *c, struct buf_writer *w)
{
	for (enum ofp_async_kind kind = 0; kind <= OFP_ASYNC_FLOW_REMOVED; kind++) {
		for (int role = 0; role < 2; role++)
			wire_put_be32(w, c->masks[kind][role]);
	}
}

/* Types come in pairs: a kind's for the secondary role, then for the primary. */
enum ofp_err ofp_async_properties_decode(
    enum ofp_version version, struct buf *b, struct ofp_async_config *config)
{
	struct ofp_async_config next = *config;

	while (buf_left(b) > 0) {
		uint16_t type = buf_be16(b), length = buf_be16(b);
		enum ofp_async_kind kind = type / 2;
		if (b->bad || length < 4 || ROUND_UP((size_t)length, 8) - 4 > buf_left(b))
			return OFPERR_OFPBPC_BAD_LEN;
		if (type >= 2 * OFP_ASYNC__COUNT)
			return OFPERR_OFPACFC_UNSUPPORTED;
		if (length != PROPERTY_SIZE)
			return OFPERR_OFPBPC_BAD_LEN;
		uint32_t mask = buf_be32(b);
		if ((mask & ~ofp_async_reasons(kind, version)) != 0)
			return OFPERR_OFPACFC_INVALID;
		next.masks[kind][type % 2 == 0 ? OFP_ASYNC_SECONDARY : OFP_ASYNC_PRIMARY] = mask;
	}
	*config = next;
	return OFP_OK;
}

void ofp_async_properties_encode(
    enum ofp_version version, const struct ofp_async_config *c, struct buf_writer *w)
{
	for (uint16_t type = 0; type < 2 * OFP_ASYNC__COUNT; type++) {
		enum ofp_async_kind kind = type / 2;
		int role = type % 2 == 0 ? OFP_ASYNC_SECONDARY : OFP_ASYNC_PRIMARY;
		wire_put_be16(w, type);
		wire_put_be16(w, PROPERTY_SIZE);
		wire_put_be32(w, c->masks[kind][role] & ofp_async_reasons(kind, version));
	}
}
