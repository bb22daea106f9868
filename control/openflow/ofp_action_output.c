/* SPDX-License-Identifier: Apache-2.0 */
/* Actions that decide where packets go, and those that change headers without naming a field. */
#include "control/openflow/ofp_action_priv.h"

enum { ETH_VLAN = 0x8100, ETH_QINQ = 0x88a8, TABLE_CURRENT = 255 };

static enum ofp_err put_output(struct action_reader *r, uint32_t port, uint16_t max_len);
static enum ofp_err put_resubmit(struct action_reader *r, uint16_t in_port, uint8_t table);

enum ofp_err action_decode_output_10(struct action_reader *r)
{
	uint16_t port = buf_be16(&r->body);

	return put_output(r, ofp_port_from_u16(port), buf_be16(&r->body));
}

enum ofp_err action_decode_output_11(struct action_reader *r)
{
	uint32_t port = buf_be32(&r->body);

	return put_output(r, port, buf_be16(&r->body));
}

/* max_len counts for the controller alone (OpenFlow 1.3.5 7.2.5). */
static enum ofp_err put_output(struct action_reader *r, uint32_t port, uint16_t max_len)
{
	struct dp_action a = action_of(DP_ACTION_OUTPUT);

	if (port == 0 || port == DP_OFPORT_ANY ||
	    (port >= DP_OFPORT_MAX && port < DP_OFPORT_IN_PORT))
		return OFPERR_OFPBAC_BAD_OUT_PORT;
	if (port == DP_OFPORT_CONTROLLER) {
		a = action_of(DP_ACTION_CONTROLLER);
		a.controller.max_len = max_len;
		a.controller.reason = OFPR_ACTION;
		return action_put(r, &a);
	}
	a.output.port = port;
	return action_put(r, &a);
}

enum ofp_err action_decode_controller(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_CONTROLLER);

	a.controller.max_len = buf_be16(&r->body);
	uint16_t id = buf_be16(&r->body);
	a.controller.reason = buf_u8(&r->body);
	if (buf_u8(&r->body) != 0)
		return OFPERR_NXBRC_MUST_BE_ZERO;
	if (id == 0)
		return action_put(r, &a);
	struct dp_action to = action_of(DP_ACTION_CONTROLLER_EXT);
	to.controller_ext.max_len = a.controller.max_len;
	to.controller_ext.reason = (uint8_t)a.controller.reason;
	to.controller_ext.controller_id = id;
	return action_put(r, &to);
}

enum ofp_err action_decode_group(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_GROUP);

	if (r->version == OFP10_VERSION) // Nicira's, whose header ends in the middle of a word
		buf_skip(&r->body, 2);
	a.group.id = buf_be32(&r->body);
	if (a.group.id > OFPG_MAX)
		return OFPERR_OFPBAC_BAD_OUT_GROUP;
	return action_put(r, &a);
}

enum ofp_err action_decode_resubmit(struct action_reader *r)
{
	return put_resubmit(r, buf_be16(&r->body), TABLE_CURRENT);
}

enum ofp_err action_decode_resubmit_table(struct action_reader *r)
{
	uint16_t in_port = buf_be16(&r->body);
	uint8_t table = buf_u8(&r->body);
	enum ofp_err err = action_end(r, OFPERR_OFPBAC_BAD_ARGUMENT);

	return err != OFP_OK ? err : put_resubmit(r, in_port, table);
}

static enum ofp_err put_resubmit(struct action_reader *r, uint16_t in_port, uint8_t table)
{
	struct dp_action a = action_of(DP_ACTION_RESUBMIT);

	a.resubmit.in_port = ofp_port_from_u16(in_port);
	a.resubmit.table = table;
	if (a.resubmit.in_port == DP_OFPORT_ANY)
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	return action_put(r, &a);
}

enum ofp_err action_decode_push_vlan(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_PUSH_VLAN);

	a.push_vlan.tpid = buf_be16(&r->body);
	if (a.push_vlan.tpid != ETH_VLAN && a.push_vlan.tpid != ETH_QINQ)
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	return action_put(r, &a);
}

enum ofp_err action_decode_pop_vlan(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_POP_VLAN);

	return action_put(r, &a);
}

enum ofp_err action_decode_dec_ttl(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_DEC_TTL);

	return action_put(r, &a);
}
