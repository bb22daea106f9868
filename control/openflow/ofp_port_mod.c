/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_port_mod.h"

#include <openflow/openflow-1.4.h>
#include <openflow/openflow-common.h>

#include "control/openflow/ofp_prop.h"

enum {
	CONFIG10 = 0x7f, // with spanning tree's and NO_FLOOD
	CONFIG11 = OFPPC_PORT_DOWN | OFPPC_NO_RECV | OFPPC_NO_FWD | OFPPC_NO_PACKET_IN,
	FEATURES = 0xffff,
	FEATURES10 = 0xfff,
	SPEEDS10 = 0x7f, // the others stand four bits further up since 1.1
};

static enum ofp_err decode14_props(struct buf *b, uint32_t *ret_advertise);
static enum ofp_err decode10_features(uint32_t bits, uint32_t *ret);

enum ofp_err ofp_port_mod_decode(enum ofp_version version, struct buf *b, struct ofp_port_mod *ret)
{
	enum ofp_err err = OFP_OK;

	*ret = (struct ofp_port_mod){};
	if (version == OFP10_VERSION) {
		ret->port_no = ofp_port_from_u16(buf_be16(b));
	} else {
		ret->port_no = buf_be32(b);
		buf_skip(b, 4);
	}
	buf_bytes(b, &ret->hw_addr, sizeof(ret->hw_addr));
	buf_skip(b, version == OFP10_VERSION ? 0 : 2);
	ret->config = buf_be32(b);
	ret->mask = buf_be32(b);
	ret->config &= ret->mask;
	if (version < OFP14_VERSION)
		ret->advertise = buf_be32(b);
	if (b->bad)
		return OFPERR_OFPBRC_BAD_LEN;
	if ((ret->mask & ~(uint32_t)(version == OFP10_VERSION ? CONFIG10 : CONFIG11)) != 0)
		return OFPERR_OFPPMFC_BAD_CONFIG;
	if (version == OFP10_VERSION)
		err = decode10_features(ret->advertise, &ret->advertise);
	else if (version >= OFP14_VERSION)
		err = decode14_props(b, &ret->advertise);
	if (err != OFP_OK)
		return err;
	return (ret->advertise & ~(uint32_t)FEATURES) != 0 ? OFPERR_OFPPMFC_BAD_ADVERTISE : OFP_OK;
}

static enum ofp_err decode14_props(struct buf *b, uint32_t *ret_advertise)
{
	while (buf_left(b) > 0) {
		struct ofp_prop prop;
		enum ofp_err err = ofp_prop_decode(b, &prop);
		if (err != OFP_OK)
			return err;
		if (prop.type != OFPPMPT14_ETHERNET)
			return ofp_prop_refuse(&prop);
		err = ofp_prop_u32(&prop, ret_advertise);
		if (err != OFP_OK)
			return err;
	}
	return OFP_OK;
}

static enum ofp_err decode10_features(uint32_t bits, uint32_t *ret)
{
	if (bits > FEATURES10)
		return OFPERR_OFPPMFC_BAD_ADVERTISE;
	*ret = (bits & SPEEDS10) | (bits & ~(uint32_t)SPEEDS10) << 4;
	return OFP_OK;
}
