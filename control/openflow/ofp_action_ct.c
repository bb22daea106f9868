/* SPDX-License-Identifier: Apache-2.0 */
/* Connection tracking, and what else has lists in it: from the wire, and what may stand in what. */
#include <string.h>

#include "control/openflow/ofp_action_priv.h"

enum {
	CT_COMMIT = 1,
	CT_FORCE = 2,
	NAT_SRC = 1 << 0,
	NAT_DST = 1 << 1,
	NAT_PERSISTENT = 1 << 2,
	NAT_HASH = 1 << 3,
	NAT_RANDOM = 1 << 4,
	NAT_FLAGS = 0x1f,
	RANGE_IP4_MIN = 1 << 0,
	RANGE_IP4_MAX = 1 << 1,
	RANGE_IP6_MIN = 1 << 2,
	RANGE_IP6_MAX = 1 << 3,
	RANGE_PORT_MIN = 1 << 4,
	RANGE_PORT_MAX = 1 << 5,
	RANGE_KNOWN = 0x3f,
	ZONE_BITS = 16,
};

static enum ofp_err decode_zone(struct action_reader *r, struct dp_action *a);
static bool nat_range_is_known(uint16_t range);
static bool needs_no_commit(const void *list, size_t size);
static enum ofp_err check_one(const struct dp_action *a, enum dp_action_type outer);
static enum ofp_err check_write(unsigned int field, enum dp_action_type outer);

enum ofp_err action_decode_clone(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_CLONE);

	buf_skip(&r->body, 6);
	size_t start = action_open(r, &a);
	enum ofp_err err = actions_decode_nested(r, buf_left(&r->body));
	return err != OFP_OK ? err : action_close(r, start);
}

enum ofp_err action_decode_ct(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_CT);

	a.ct.flags = buf_be16(&r->body);
	enum ofp_err err = decode_zone(r, &a);
	if (err != OFP_OK)
		return err;
	a.ct.table = buf_u8(&r->body);
	buf_skip(&r->body, 3);
	a.ct.alg = buf_be16(&r->body);
	if ((a.ct.flags & ~(CT_COMMIT | CT_FORCE)) != 0 ||
	    ((a.ct.flags & CT_FORCE) != 0 && (a.ct.flags & CT_COMMIT) == 0))
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	size_t start = action_open(r, &a), list = r->out->size;
	err = actions_decode_nested(r, buf_left(&r->body));
	if (err != OFP_OK)
		return err;
	if ((a.ct.flags & CT_COMMIT) == 0 &&
	    !needs_no_commit(r->out->data + list, r->out->size - list))
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	return action_close(r, start);
}

/* A field's header and 16 bits of it, or 0 and the zone. */
static enum ofp_err decode_zone(struct action_reader *r, struct dp_action *a)
{
	struct buf head = r->body;
	struct subfield sf;

	if (buf_be32(&head) == 0) {
		buf_skip(&r->body, 4);
		a->ct.zone = buf_be16(&r->body);
		return OFP_OK;
	}
	uint16_t range = buf_be16(&head);
	enum ofp_err err = subfield_decode(&r->body, range >> 6, (range & 0x3f) + 1U, false, &sf);
	buf_skip(&r->body, 2);
	if (err != OFP_OK)
		return err;
	a->ct.zone_field = (uint16_t)sf.field;
	a->ct.zone_ofs = sf.ofs;
	a->ct.zone_n_bits = sf.n_bits;
	return sf.n_bits == ZONE_BITS ? OFP_OK : OFPERR_OFPBAC_BAD_SET_LEN;
}

/* Without commit only nat(), which gives a connection the translation that it has. */
static bool needs_no_commit(const void *list, size_t size)
{
	action_foreach (a, list, size) {
		if (a->type != DP_ACTION_NAT || a->nat.flags != 0 || a->nat.range != 0)
			return false;
	}
	return true;
}

enum ofp_err action_decode_nat(struct action_reader *r)
{
	struct dp_action a = action_of(DP_ACTION_NAT);
	uint32_t ip4[2] = {0};
	struct ip6_addr ip6[2] = {0};

	buf_skip(&r->body, 2);
	a.nat.flags = buf_be16(&r->body);
	a.nat.range = buf_be16(&r->body);
	bool both_ends = (a.nat.flags & (NAT_SRC | NAT_DST)) == (NAT_SRC | NAT_DST);
	bool both_ways = (a.nat.flags & (NAT_HASH | NAT_RANDOM)) == (NAT_HASH | NAT_RANDOM);
	if ((a.nat.flags & ~NAT_FLAGS) != 0 || both_ends || both_ways ||
	    !nat_range_is_known(a.nat.range))
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	for (unsigned int i = 0; i < 2; i++) {
		if ((a.nat.range & RANGE_IP4_MIN << i) != 0)
			buf_bytes(&r->body, &ip4[i], sizeof(ip4[i]));
		if ((a.nat.range & RANGE_IP6_MIN << i) != 0)
			buf_bytes(&r->body, &ip6[i], sizeof(ip6[i]));
	}
	if ((a.nat.range & RANGE_PORT_MIN) != 0)
		a.nat.min_port = buf_be16(&r->body);
	if ((a.nat.range & RANGE_PORT_MAX) != 0)
		a.nat.max_port = buf_be16(&r->body);
	if (r->body.bad)
		return OFPERR_OFPBAC_BAD_ARGUMENT;
	bool is4 = (a.nat.range & RANGE_IP4_MIN) != 0, is6 = (a.nat.range & RANGE_IP6_MIN) != 0;
	if (is4 || is6)
		a.nat.min_addr = is4 ? ip_from_v4(ip4[0]) : ip_from_v6(&ip6[0]);
	if ((a.nat.range & (RANGE_IP4_MAX | RANGE_IP6_MAX)) != 0)
		a.nat.max_addr = is4 ? ip_from_v4(ip4[1]) : ip_from_v6(&ip6[1]);
	bool backwards =
	    ((a.nat.range & (RANGE_IP4_MAX | RANGE_IP6_MAX)) != 0 &&
		memcmp(&a.nat.max_addr, &a.nat.min_addr, sizeof(a.nat.min_addr)) < 0) ||
	    ((a.nat.range & RANGE_PORT_MAX) != 0 && a.nat.max_port < a.nat.min_port);
	bool nothing = (is4 && ip4[0] == 0) || (is6 && ip_is_zero(&a.nat.min_addr)) ||
		       ((a.nat.range & RANGE_PORT_MIN) != 0 && a.nat.min_port == 0);
	return backwards || nothing ? OFPERR_OFPBAC_BAD_ARGUMENT : action_put(r, &a);
}

/* A maximum needs its minimum, ports need addresses, and there is one family. */
static bool nat_range_is_known(uint16_t range)
{
	bool ip4 = (range & RANGE_IP4_MIN) != 0, ip6 = (range & RANGE_IP6_MIN) != 0;

	if ((range & ~RANGE_KNOWN) != 0 || (ip4 && (range & (RANGE_IP6_MIN | RANGE_IP6_MAX)) != 0))
		return false;
	if ((!ip4 && (range & RANGE_IP4_MAX) != 0) || (!ip6 && (range & RANGE_IP6_MAX) != 0))
		return false;
	if ((range & RANGE_PORT_MIN) == 0)
		return (range & RANGE_PORT_MAX) == 0;
	return ip4 || ip6;
}

enum ofp_err actions_check_nesting(const void *list, size_t size, enum dp_action_type outer)
{
	bool conjunction = false, other = false;

	action_foreach (a, list, size) {
		enum ofp_err err = check_one(a, outer);
		if (err != OFP_OK)
			return err;
		conjunction = conjunction || a->type == DP_ACTION_CONJUNCTION;
		other = other || (a->type != DP_ACTION_CONJUNCTION && a->type != DP_ACTION_NOTE);
		if (a->type != DP_ACTION_CLONE && a->type != DP_ACTION_CT)
			continue;
		size_t fixed = dp_action_size(a->type);
		err = actions_check_nesting(
		    (const uint8_t *)a + fixed, a->len - fixed, (enum dp_action_type)a->type);
		if (err != OFP_OK)
			return err;
	}
	return conjunction && (other || outer != DP_ACTION__COUNT) ? OFPERR_NXBAC_BAD_CONJUNCTION
								   : OFP_OK;
}

static enum ofp_err check_one(const struct dp_action *a, enum dp_action_type outer)
{
	bool in_ct = outer == DP_ACTION_CT;

	switch ((enum dp_action_type)a->type) {
	case DP_ACTION_NAT: return in_ct ? OFP_OK : OFPERR_OFPBAC_BAD_ARGUMENT;
	case DP_ACTION_SET_FIELD: return check_write(a->set_field.field, outer);
	case DP_ACTION_MOVE: return check_write(a->move.dst, outer);
	case DP_ACTION_STACK_POP: return check_write(a->subfield.field, outer);
	default: return in_ct ? OFPERR_OFPBAC_BAD_ARGUMENT : OFP_OK;
	}
}

static enum ofp_err check_write(unsigned int field, enum dp_action_type outer)
{
	bool is_ct = field == FIELD_CT_MARK || field == FIELD_CT_LABEL;

	if (outer == DP_ACTION_CT)
		return is_ct ? OFP_OK : OFPERR_OFPBAC_BAD_ARGUMENT;
	return is_ct ? OFPERR_OFPBAC_BAD_SET_ARGUMENT : OFP_OK;
}
