/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "datapath/dp_validate_priv.h"

enum {
	MAX_GROUP_ID = 0xffffff00, // OFPG_MAX
	TABLE_CURRENT = 255,
	NO_WATCH_GROUP = 0xffffffff,
	TPID_8021Q = 0x8100,
	TPID_8021AD = 0x88a8,
	RULE_FLAGS =
	    DP_RULE_F_CLEAR | DP_RULE_F_GOTO | DP_RULE_F_WRITE_METADATA | DP_RULE_F_SEND_REMOVED,
};

/*
 * Union of all fields of flow_field.def but the absent ones (a test ties them): mask bits outside could never be named or shown, or no
 * packet has them yet.
 */
static const struct flow_key matchable = {
    .in_port = UINT32_MAX,
    .metadata = UINT64_MAX,
    .reg = {[0 ... FLOW_N_REGS - 1] = UINT32_MAX},
    .tun_id = UINT64_MAX,
    .tun_src = UINT32_MAX,
    .tun_dst = UINT32_MAX,
    .tun6_src = {{[0 ... 15] = 0xff}},
    .tun6_dst = {{[0 ... 15] = 0xff}},
    .eth_dst = {{[0 ... 5] = 0xff}},
    .eth_src = {{[0 ... 5] = 0xff}},
    .eth_type = UINT16_MAX,
    .vlan_tci = {UINT16_MAX, UINT16_MAX},
    .vlan_tpid = {UINT16_MAX},
    .ip4_src = UINT32_MAX,
    .ip4_dst = UINT32_MAX,
    .ip6_src = {{[0 ... 15] = 0xff}},
    .ip6_dst = {{[0 ... 15] = 0xff}},
    .ip6_label = __builtin_bswap32(0xfffff),
    .ip_proto = UINT8_MAX,
    .ip_tos = UINT8_MAX,
    .ip_ttl = UINT8_MAX,
    .ip_frag = FLOW_FRAG_ANY | FLOW_FRAG_LATER,
    .arp_spa = UINT32_MAX,
    .arp_tpa = UINT32_MAX,
    .arp_sha = {{[0 ... 5] = 0xff}},
    .arp_tha = {{[0 ... 5] = 0xff}},
    .arp_op = UINT16_MAX,
    .tp_src = UINT16_MAX,
    .tp_dst = UINT16_MAX,
    .tcp_flags = __builtin_bswap16(0xfff),
    .icmp_type = UINT8_MAX,
    .icmp_code = UINT8_MAX,
    .nd_target = {{[0 ... 15] = 0xff}},
    .nd_sll = {{[0 ... 5] = 0xff}},
    .nd_tll = {{[0 ... 5] = 0xff}},
    .tun_tos = UINT8_MAX,
    .tun_ttl = UINT8_MAX,
    .tun_gbp_flags = UINT8_MAX,
    .tun_gbp_id = UINT16_MAX,
    .tun_flags = 1,
    .tun_metadata = {[0 ... FLOW_N_TUN_METADATA - 1] = UINT32_MAX},
    .pkt_mark = UINT32_MAX,
    .packet_type = UINT32_MAX,
    .ct_state = UINT32_MAX,
    .ct_zone = UINT16_MAX,
    .ct_mark = UINT32_MAX,
    .ct_label = {{[0 ... 15] = 0xff}},
    .ct_ip_proto = UINT8_MAX,
    .ct_ip4_src = UINT32_MAX,
    .ct_ip4_dst = UINT32_MAX,
    .ct_ip6_src = {{[0 ... 15] = 0xff}},
    .ct_ip6_dst = {{[0 ... 15] = 0xff}},
    .ct_tp_src = UINT16_MAX,
    .ct_tp_dst = UINT16_MAX,
    .conj_id = UINT32_MAX,
};

static int check_rule_conf(const struct dp_rule_conf *c, char *what);
static bool mask_is_matchable(const struct flow_key *mask);
static int check_action(const struct dp_action *a, char *what);
static int check_set_field(const struct dp_action *a, char *what);
static int check_move(const struct dp_action *a, char *what);
static int check_action_padding(const struct dp_action *a, char *what);
static bool port_is_plain(uint32_t port);
static int bad(char *what, const char *text);

int dp_rule_decode(
    const void *body, size_t size, struct dp_rule_parts *ret, char what[DP_WHAT_SIZE])
{
	const struct dp_rule_conf *c = body;

	if (size < sizeof(*c))
		return bad(what, "rule: cut short");
	size_t left = size - sizeof(*c);
	if (c->match_size % 8 != 0 || c->apply_size % 8 != 0 || c->write_size % 8 != 0)
		return bad(what, "rule: a part's size is not a multiple of 8");
	if (c->match_size > FLOW_MATCH_MAX_SIZE || c->apply_size > DP_MAX_ACTIONS_SIZE ||
	    c->write_size > DP_MAX_ACTIONS_SIZE)
		return bad(what, "rule: match or actions are over their limit");
	if ((size_t)c->match_size + c->apply_size + c->write_size != left)
		return bad(what, "rule: sizes of the parts do not add up");
	int rc = check_rule_conf(c, what);
	if (rc < 0)
		return rc;

	const uint8_t *match = (const uint8_t *)(c + 1);
	rc = flow_match_decode(match, c->match_size, &ret->match);
	if (rc < 0 || (uint32_t)rc != c->match_size)
		return bad(what, "rule: match is cut short or not canonical");
	if (!mask_is_matchable(&ret->match.mask))
		return bad(what,
		    "rule: match names bits outside all fields, or a field that no packet has yet");
	ret->conf = c;
	ret->apply = (const struct dp_action *)(match + c->match_size);
	ret->write = (const struct dp_action *)(match + c->match_size + c->apply_size);
	rc = dp_actions_validate(ret->apply, c->apply_size, what);
	return rc < 0 ? rc : dp_actions_validate(ret->write, c->write_size, what);
}

int dp_actions_validate(const void *actions, size_t size, char what[DP_WHAT_SIZE])
{
	if (size > DP_MAX_ACTIONS_SIZE)
		return bad(what, "actions: list is over its limit");
	return dp_action_list_validate(actions, size, 0, what);
}

int dp_action_list_validate(
    const void *actions, size_t size, unsigned int depth, char what[DP_WHAT_SIZE])
{
	const uint8_t *p = actions;
	size_t left = size;

	while (left > 0) {
		const struct dp_action *a = (const struct dp_action *)p;
		if (left < DP_ACTION_HDR_SIZE)
			return bad(what, "actions: cut short");
		size_t needed = dp_action_size((enum dp_action_type)a->type);
		if (needed == 0)
			return bad(what, "actions: unknown type");
		bool fits = dp_action_is_variable((enum dp_action_type)a->type)
				? a->len >= needed && a->len % 8 == 0
				: a->len == needed;
		if (!fits || a->len > left)
			return bad(what, "actions: wrong length for the type, or cut short");
		int rc = a->type >= DP_ACTION_NOTE ? dp_extension_validate(a, depth, what)
						   : check_action(a, what);
		if (rc < 0)
			return rc;
		p += a->len;
		left -= a->len;
	}
	return 0;
}

int dp_group_validate(uint64_t id, const void *body, size_t size, char what[DP_WHAT_SIZE])
{
	const struct dp_group_conf *c = body;

	if (size < sizeof(*c))
		return bad(what, "group: cut short");
	if (c->bridge == 0 || c->bridge > DP_MAX_BRIDGES || c->group_id > MAX_GROUP_ID)
		return bad(what, "group: bridge or group id out of range");
	if (id != ((uint64_t)c->bridge << 32 | c->group_id))
		return bad(what, "group: object id is not bridge << 32 | group id");
	if (c->type > DP_GROUP_FAST_FAILOVER || c->pad != 0)
		return bad(what, "group: unknown type, or padding that is not zero");
	if (c->n_buckets > DP_MAX_BUCKETS)
		return bad(what, "group: too many buckets");
	if (c->type == DP_GROUP_INDIRECT && c->n_buckets != 1)
		return bad(what, "group: an indirect group has one bucket");

	const uint8_t *p = (const uint8_t *)(c + 1);
	size_t left = size - sizeof(*c);
	for (uint32_t i = 0; i < c->n_buckets; i++) {
		const struct dp_bucket_conf *b = (const struct dp_bucket_conf *)p;
		if (left < sizeof(*b) || b->actions_size > left - sizeof(*b) ||
		    b->actions_size % 8 != 0)
			return bad(what, "group: bucket is cut short or not a multiple of 8");
		if (b->pad != 0 || b->pad1 != 0)
			return bad(what, "group: padding is not zero");
		if (!port_is_plain(b->watch_port) && b->watch_port != DP_OFPORT_ANY)
			return bad(what, "group: watch_port is neither a port nor any");
		if (b->watch_group > MAX_GROUP_ID && b->watch_group != NO_WATCH_GROUP)
			return bad(what, "group: watch_group is neither a group nor any");
		int rc = dp_actions_validate(b + 1, b->actions_size, what);
		if (rc < 0)
			return rc;
		p += sizeof(*b) + b->actions_size;
		left -= sizeof(*b) + b->actions_size;
	}
	return left == 0 ? 0 : bad(what, "group: bytes behind the last bucket");
}

static int check_rule_conf(const struct dp_rule_conf *c, char *what)
{
	bool go = (c->flags & DP_RULE_F_GOTO) != 0;
	bool metadata = (c->flags & DP_RULE_F_WRITE_METADATA) != 0;

	if (c->bridge == 0 || c->bridge > DP_MAX_BRIDGES)
		return bad(what, "rule: bridge is not in 1..255");
	if (c->table >= DP_N_TABLES)
		return bad(what, "rule: table is not in 0..253");
	if ((c->flags & ~(uint32_t)RULE_FLAGS) != 0)
		return bad(what, "rule: unknown flag");
	if (c->installed_ms != 0 && c->hard_timeout_s == 0)
		return bad(what, "rule: a time of installation without a hard timeout");
	if (go ? c->goto_table <= c->table || c->goto_table >= DP_N_TABLES : c->goto_table != 0)
		return bad(
		    what, "rule: goto_table is not a later table, or there without its flag");
	if ((c->metadata_be & ~c->metadata_mask_be) != 0 || (!metadata && c->metadata_mask_be != 0))
		return bad(what, "rule: metadata outside its mask, or there without its flag");
	return 0;
}

static bool mask_is_matchable(const struct flow_key *mask)
{
	const uint64_t *words = flow_key_words_const(mask);
	const uint64_t *allowed = flow_key_words_const(&matchable);

	for (int i = 0; i < FLOW_KEY_N_WORDS; i++) {
		if ((words[i] & ~allowed[i]) != 0)
			return false;
	}
	return true;
}

static int check_action(const struct dp_action *a, char *what)
{
	switch ((enum dp_action_type)a->type) {
	case DP_ACTION_OUTPUT:
		if (!port_is_plain(a->output.port) &&
		    (a->output.port < DP_OFPORT_IN_PORT || a->output.port == DP_OFPORT_ANY ||
			a->output.port == DP_OFPORT_IN_PORT + 1)) // OFPP_TABLE: packet-out only
			return bad(what, "output: neither a port nor a known reserved port");
		break;
	case DP_ACTION_GROUP:
		if (a->group.id > MAX_GROUP_ID)
			return bad(what, "group: id out of range");
		break;
	case DP_ACTION_SET_FIELD: return check_set_field(a, what);
	case DP_ACTION_MOVE: return check_move(a, what);
	case DP_ACTION_PUSH_VLAN:
		if (a->push_vlan.tpid != TPID_8021Q && a->push_vlan.tpid != TPID_8021AD)
			return bad(what, "push_vlan: TPID is neither 0x8100 nor 0x88a8");
		break;
	case DP_ACTION_RESUBMIT:
		if (a->resubmit.table >= DP_N_TABLES && a->resubmit.table != TABLE_CURRENT)
			return bad(what, "resubmit: no such table");
		if (a->resubmit.in_port == DP_OFPORT_ANY)
			return bad(what, "resubmit: in_port is not a port");
		break;
	case DP_ACTION_ARP_REPLY:
	case DP_ACTION_ND_REPLY:
		if (mac_is_zero(&a->reply.mac) || mac_is_multicast(&a->reply.mac) ||
		    a->reply.router > 1)
			return bad(what, "reply: mac is not a station's, or router is no boolean");
		break;
	case DP_ACTION_DROP:
		if (a->drop.reason >= DP_DROP__COUNT)
			return bad(what, "drop: unknown reason");
		break;
	case DP_ACTION_SET_VLAN:
		if ((a->set_vlan.mask != 0x0fff && a->set_vlan.mask != 0xe000 &&
			a->set_vlan.mask != 0xefff) ||
		    (a->set_vlan.value & ~a->set_vlan.mask) != 0)
			return bad(what, "set_vlan: neither VID nor PCP, or bits outside the mask");
		break;
	case DP_ACTION_CONTROLLER:
	case DP_ACTION_POP_VLAN:
	case DP_ACTION_DEC_TTL: break;
	default: return bad(what, "actions: unknown type");
	}
	return check_action_padding(a, what);
}

static int check_set_field(const struct dp_action *a, char *what)
{
	if (a->set_field.field >= FIELD__COUNT ||
	    (flow_fields[a->set_field.field].flags & FW_SET) == 0)
		return bad(what, "set_field: unknown field, or one that cannot be written");
	const struct flow_field *f = &flow_fields[a->set_field.field];
	if ((f->flags & FW_ABSENT) != 0)
		return bad(what, "set_field: no packet has this field yet");
	struct flow_value ones = flow_value_ones(f->n_bits);
	bool empty = true;

	for (size_t i = 0; i < sizeof(ones.b); i++) {
		if ((a->set_field.mask.b[i] & ~ones.b[i]) != 0 ||
		    (a->set_field.value.b[i] & ~a->set_field.mask.b[i]) != 0)
			return bad(what, "set_field: bits outside the field or the mask");
		empty = empty && a->set_field.mask.b[i] == 0;
	}
	if (empty)
		return bad(what, "set_field: mask is empty");
	return check_action_padding(a, what);
}

static int check_move(const struct dp_action *a, char *what)
{
	if (a->move.src >= FIELD__COUNT || a->move.dst >= FIELD__COUNT)
		return bad(what, "move: unknown field");
	const struct flow_field *src = &flow_fields[a->move.src];
	const struct flow_field *dst = &flow_fields[a->move.dst];
	if ((dst->flags & FW_SET) == 0)
		return bad(what, "move: destination cannot be written");
	if (((src->flags | dst->flags) & FW_ABSENT) != 0)
		return bad(what, "move: no packet has this field yet");
	if (a->move.n_bits == 0 || a->move.src_ofs + a->move.n_bits > src->n_bits ||
	    a->move.dst_ofs + a->move.n_bits > dst->n_bits)
		return bad(what, "move: no bits, or bits outside a field");
	return check_action_padding(a, what);
}

static int check_action_padding(const struct dp_action *a, char *what)
{
	uint32_t pad = a->pad;

	switch ((enum dp_action_type)a->type) {
	case DP_ACTION_OUTPUT: pad |= a->output.pad; break;
	case DP_ACTION_GROUP: pad |= a->group.pad; break;
	case DP_ACTION_SET_FIELD:
		pad |= a->set_field.pad[0] | a->set_field.pad[1] | a->set_field.pad[2];
		break;
	case DP_ACTION_MOVE: pad |= a->move.pad[0] | a->move.pad[1] | a->move.pad[2]; break;
	case DP_ACTION_PUSH_VLAN:
		pad |= a->push_vlan.pad[0] | a->push_vlan.pad[1] | a->push_vlan.pad[2];
		break;
	case DP_ACTION_RESUBMIT:
		pad |= a->resubmit.pad[0] | a->resubmit.pad[1] | a->resubmit.pad[2];
		break;
	case DP_ACTION_CONTROLLER: pad |= a->controller.pad; break;
	case DP_ACTION_ARP_REPLY:
	case DP_ACTION_ND_REPLY: pad |= a->reply.pad; break;
	case DP_ACTION_DROP: pad |= a->drop.pad; break;
	case DP_ACTION_SET_VLAN: pad |= a->set_vlan.pad[0] | a->set_vlan.pad[1]; break;
	case DP_ACTION_POP_VLAN:
	case DP_ACTION_DEC_TTL:
	default: break;
	}
	return pad == 0 ? 0 : bad(what, "actions: padding is not zero");
}

static bool port_is_plain(uint32_t port)
{
	return port > 0 && port < DP_OFPORT_MAX;
}

static int bad(char *what, const char *text)
{
	snprintf(what, DP_WHAT_SIZE, "%s", text);
	return -EINVAL;
}
