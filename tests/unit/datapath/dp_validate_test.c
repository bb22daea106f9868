/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/dp_validate.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"

/* An op under construction. */
static struct {
	struct dp_op op;
	uint8_t body[128 * 1024];
} msg __attribute__((aligned(8)));
static char what[DP_WHAT_SIZE];

static void *start(enum dp_kind kind, uint64_t id, size_t body_size)
{
	memset(&msg, 0, sizeof(msg.op) + body_size);
	msg.op = (struct dp_op){DP_PUT, (uint16_t)kind, (uint32_t)(sizeof(msg.op) + body_size), id};
	return msg.body;
}

static bool is_valid(void)
{
	what[0] = '\0';
	int rc = dp_validate_op(&msg.op, msg.op.size, what);
	assert_int_equal(rc == 0, what[0] == '\0');
	return rc == 0;
}

static struct ip_addr ip_of(const char *s)
{
	struct ip_addr ip = {0};

	assert_int_equal(ip_parse(s, &ip), 0);
	return ip;
}

/* The text, and zeros behind it. */
static void set_text(char *dst, size_t size, const char *text)
{
	memset(dst, 0, size);
	memcpy(dst, text, strlen(text));
}

static struct dp_port_conf *vhost_port(void)
{
	struct dp_port_conf *c = start(DP_KIND_PORT, 7, sizeof(*c));

	set_text(c->name, sizeof(c->name), "vm1");
	set_text(c->arg, sizeof(c->arg), "/run/sluice/vm1.sock");
	c->kind = DP_PORT_VHOST_USER;
	c->bridge = 1;
	c->ofport = 3;
	c->mtu = 1500;
	c->n_queues = 1;
	return c;
}

static struct dp_port_conf *vxlan_port(void)
{
	struct dp_port_conf *c = vhost_port();

	memset(c->arg, 0, sizeof(c->arg));
	c->kind = DP_PORT_VXLAN;
	c->flags = DP_PORT_F_REMOTE_FLOW | DP_PORT_F_VNI_FLOW;
	return c;
}

/* A rule with a match on metadata and the given lists. */
static struct dp_rule_conf *rule(
    const void *apply, size_t apply_size, const void *write, size_t write_size)
{
	struct flow_match m = {.key.metadata = 5, .mask.metadata = UINT64_MAX};
	uint8_t match[FLOW_MATCH_MAX_SIZE];
	size_t match_size = flow_match_encode(&m, match);
	struct dp_rule_conf *c =
	    start(DP_KIND_RULE, 1, sizeof(*c) + match_size + apply_size + write_size);
	uint8_t *p = (uint8_t *)(c + 1);

	c->bridge = 1;
	c->match_size = (uint32_t)match_size;
	c->apply_size = (uint32_t)apply_size;
	c->write_size = (uint32_t)write_size;
	memcpy(p, match, match_size);
	if (apply_size > 0)
		memcpy(p + match_size, apply, apply_size);
	if (write_size > 0)
		memcpy(p + match_size + apply_size, write, write_size);
	return c;
}

static struct dp_action action(enum dp_action_type type)
{
	return (struct dp_action){.type = (uint16_t)type, .len = (uint16_t)dp_action_size(type)};
}

static bool action_is_valid(const struct dp_action *a)
{
	rule(a, a->len, NULL, 0);
	return is_valid();
}

static void op_must_lie_within_its_message(void **)
{
	vhost_port();
	assert_true(is_valid());
	for (size_t left = 0; left < msg.op.size; left++)
		assert_int_equal(dp_validate_op(&msg.op, left, what), -EINVAL);
	static const uint32_t sizes[] = {0, 8, 15, 17, UINT32_MAX, UINT32_MAX - 7};
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		msg.op.size = sizes[i];
		assert_int_equal(dp_validate_op(&msg.op, sizeof(msg), what), -EINVAL);
	}
}

static void every_kind_refuses_every_other_size(void **)
{
	for (uint16_t kind = 0; kind <= DP_KIND__COUNT; kind++) {
		for (size_t size = 0; size < sizeof(struct dp_port_conf) + 64; size += 8) {
			start((enum dp_kind)kind, 1, size);
			assert_false(is_valid()); // zeros are not valid for any kind
		}
	}
}

static void deletes_have_no_body_and_verbs_are_known(void **)
{
	start(DP_KIND_RULE, 1, 0);
	msg.op.verb = DP_DEL;
	assert_true(is_valid());
	vhost_port();
	msg.op.verb = DP_DEL;
	assert_false(is_valid());
	vhost_port();
	msg.op.verb = 3;
	assert_false(is_valid());
}

static void names_are_terminated_and_plain(void **)
{
	struct dp_port_conf *c = vhost_port();

	memset(c->name, 'a', sizeof(c->name));
	assert_false(is_valid());
	memset(c->name + 64, 0, sizeof(c->name) - 64);
	assert_true(is_valid());
	c->name[64] = 'a';
	assert_false(is_valid());
	c = vhost_port();
	c->name[5] = 'x'; // behind the NUL
	assert_false(is_valid());
	c = vhost_port();
	c->name[0] = '/';
	assert_false(is_valid());
	c = vhost_port();
	memset(c->name, 0, sizeof(c->name));
	assert_false(is_valid());
}

static void port_arguments_fit_their_kind(void **)
{
	struct dp_port_conf *c = vhost_port();

	memset(c->arg, 'a', sizeof(c->arg));
	assert_false(is_valid());
	c = vhost_port();
	memset(c->arg + 1, 'a', 107);
	assert_false(is_valid());
	c->arg[107] = '\0';
	assert_true(is_valid());
	c = vhost_port();
	c->arg[0] = 'x'; // not absolute
	assert_false(is_valid());
	c = vhost_port();
	c->arg[3] = '\n';
	assert_false(is_valid());
	c = vhost_port();
	c->kind = DP_PORT_TAP;
	assert_false(is_valid()); // a path is no interface name
	memset(c->arg, 0, sizeof(c->arg));
	set_text(c->arg, sizeof(c->arg), "abcdefghijklmno");
	assert_true(is_valid());
	set_text(c->arg, sizeof(c->arg), "abcdefghijklmnop");
	assert_false(is_valid());
	c = vxlan_port();
	assert_true(is_valid());
	c->arg[0] = 'x';
	assert_false(is_valid());
	c = vhost_port();
	c->kind = 99;
	assert_false(is_valid());
}

static void port_numbers_are_in_range(void **)
{
	struct dp_port_conf *c;

#define REFUSED(statement) \
	c = vhost_port();  \
	statement;         \
	assert_false(is_valid())
	REFUSED(c->mtu = 67);
	REFUSED(c->mtu = 9217);
	REFUSED(c->n_queues = 0);
	REFUSED(c->n_queues = 17);
	REFUSED(c->bridge = 0);
	REFUSED(c->policing_kbps = DP_MAX_POLICING_KBPS + 1);
	REFUSED(c->policing_burst_kbit = 5); // of no rate
	REFUSED(c->bridge = 256);
	REFUSED(c->ofport = 0);
	REFUSED(c->ofport = DP_OFPORT_MAX);
	REFUSED(c->ofport = DP_OFPORT_CONTROLLER);
	REFUSED(c->flags = 1U << 31);
	REFUSED(c->flags = DP_PORT_F_UPLINK);
	REFUSED(c->flags = DP_PORT_F_PEERS_ONLY);
	REFUSED(c->tnl_vni = 1);
	REFUSED(c->peer = 1);
	REFUSED(c->pad[1] = 1);
	REFUSED(c->mac.b[0] = 1);
	REFUSED(c->max_macs = UINT32_MAX);
	REFUSED(msg.op.id = 0);
	REFUSED(msg.op.id = 4096);
	REFUSED(c->kind = DP_PORT_PATCH; memset(c->arg, 0, sizeof(c->arg)); c->peer = 7);
#undef REFUSED
	c = vhost_port();
	c->ofport = DP_OFPORT_LOCAL;
	assert_true(is_valid());
	c = vhost_port();
	memset(c->arg, 0, sizeof(c->arg));
	c->kind = DP_PORT_PATCH;
	c->peer = 8;
	assert_true(is_valid());
}

static void uplinks_are_devices_on_no_bridge(void **)
{
	struct dp_port_conf *c = vhost_port();

	c->kind = DP_PORT_ETHDEV;
	c->flags = DP_PORT_F_UPLINK;
	assert_false(is_valid());
	c->bridge = c->ofport = 0;
	assert_true(is_valid());
	c->flags = 0;
	assert_false(is_valid());
}

static void tunnels_say_where_to_once(void **)
{
	struct dp_port_conf *c = vxlan_port();

	assert_true(is_valid());
	c->tnl_remote = ip_of("192.0.2.1");
	assert_false(is_valid()); // beside remote_flow
	c->flags = DP_PORT_F_VNI_FLOW;
	assert_true(is_valid());
	c->tnl_vni = 5;
	assert_false(is_valid()); // beside vni_flow
	c->flags = 0;
	c->tnl_vni = DP_MAX_VNI;
	assert_true(is_valid());
	c->tnl_vni = DP_MAX_VNI + 1;
	assert_false(is_valid());
	c->tnl_vni = 1;
	static const char *const bad[] = {
	    "0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::1"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		c->tnl_remote = ip_of(bad[i]);
		assert_false(is_valid());
	}
	c->tnl_remote = ip_of("fd00::1");
	c->tnl_tos = 1;
	assert_false(is_valid());
}

static void tunnels_send_what_their_flags_say(void **)
{
	struct dp_port_conf *c = vxlan_port();

	c->tnl_out_vni = 5;
	assert_false(is_valid()); // without out_vni
	c->flags |= DP_PORT_F_OUT_VNI;
	assert_true(is_valid());
	c->tnl_out_vni = DP_MAX_VNI + 1;
	assert_false(is_valid());
	c->tnl_out_vni = 0;
	assert_true(is_valid());
	c->flags |= DP_PORT_F_OUT_VNI_FLOW;
	assert_false(is_valid());
	c->flags = DP_PORT_F_VNI_FLOW | DP_PORT_F_TTL_INHERIT | DP_PORT_F_CSUM | DP_PORT_F_NO_DF;
	c->tnl_remote = ip_of("192.0.2.1");
	c->tnl_local = ip_of("192.0.2.2");
	assert_true(is_valid());
	c->tnl_local = ip_of("2001:db8::2");
	assert_false(is_valid()); // of another family
	c->tnl_local = ip_of("224.0.0.1");
	assert_false(is_valid());
	c->tnl_local = ip_of("192.0.2.2");
	c->flags |= DP_PORT_F_LOCAL_FLOW;
	assert_false(is_valid());
	c = vhost_port();
	c->tnl_local = ip_of("192.0.2.2");
	assert_false(is_valid());
	c = vhost_port();
	c->flags |= DP_PORT_F_CSUM;
	assert_false(is_valid());
}

static void vlans_of_ports_make_sense(void **)
{
	struct dp_port_conf *c = vhost_port();

	c->vlan_tag = 5;
	assert_false(is_valid()); // of a trunk
	c->vlan_mode = DP_VLAN_ACCESS;
	assert_true(is_valid());
	c->vlan_tag = DP_N_VLANS;
	assert_false(is_valid());
	c->vlan_tag = 5;
	c->trunks[1] = 1;
	assert_false(is_valid()); // without the flag
	c->flags |= DP_PORT_F_TRUNKS;
	assert_false(is_valid()); // of an access port
	c->vlan_mode = DP_VLAN_NATIVE_TAGGED;
	assert_true(is_valid());
	c->vlan_mode = DP_VLAN__COUNT;
	assert_false(is_valid());
	c->vlan_mode = DP_VLAN_TRUNK;
	c->vlan_tag = 0;
	c->priority_tags = DP_PRIORITY_TAGS__COUNT;
	assert_false(is_valid());
	c->priority_tags = DP_PRIORITY_TAGS_ALWAYS;
	assert_true(is_valid());
}

static void bridges_are_checked(void **)
{
	struct dp_bridge_conf *c = start(DP_KIND_BRIDGE, 255, sizeof(*c));

	set_text(c->name, sizeof(c->name), "br0");
	assert_true(is_valid());
	c->flags = 2;
	assert_false(is_valid());
	c->flags = 0;
	c->pad = 1;
	assert_false(is_valid());
	c->pad = 0;
	c->max_macs = UINT32_MAX;
	assert_false(is_valid());
	c->max_macs = 0;
	msg.op.id = 256;
	assert_false(is_valid());
}

static void rule_parts_come_back_as_written(void **)
{
	struct dp_action pop = action(DP_ACTION_POP_VLAN), out = action(DP_ACTION_OUTPUT);
	struct dp_rule_parts parts;

	out.output.port = 4;
	struct dp_rule_conf *c = rule(&pop, pop.len, &out, out.len);
	assert_int_equal(dp_rule_decode(c, msg.op.size - sizeof(msg.op), &parts, what), 0);
	assert_ptr_equal(parts.conf, c);
	assert_int_equal(parts.match.key.metadata, 5);
	assert_int_equal(parts.apply->type, DP_ACTION_POP_VLAN);
	assert_int_equal(parts.write->output.port, 4);
}

static void rule_sizes_must_add_up(void **)
{
	struct dp_action pop = action(DP_ACTION_POP_VLAN);
	struct dp_rule_conf *c;

#define REFUSED(statement)                \
	c = rule(&pop, pop.len, NULL, 0); \
	statement;                        \
	assert_false(is_valid())
	REFUSED(c->match_size += 8);
	REFUSED(c->match_size = 0);
	REFUSED(c->match_size -= 8; c->apply_size += 8);
	REFUSED(c->match_size += 8; c->apply_size -= 8);
	REFUSED(c->apply_size = UINT32_MAX - 7);
	REFUSED(c->apply_size = UINT32_MAX - 7; c->write_size = 16);
	REFUSED(c->apply_size += 4);
	REFUSED(c->write_size = 8);
	REFUSED(msg.op.size -= 8);
	REFUSED(msg.op.size += 8);
#undef REFUSED
}

static void rule_members_are_in_range(void **)
{
	struct dp_rule_conf *c;

#define CHECK(valid, statement)     \
	c = rule(NULL, 0, NULL, 0); \
	statement;                  \
	assert_int_equal(is_valid(), valid)
	CHECK(true, (void)c);
	CHECK(false, msg.op.id = 0);
	CHECK(false, c->bridge = 0);
	CHECK(false, c->bridge = 256);
	CHECK(false, c->table = 254);
	CHECK(false, c->flags = 1U << 4);
	CHECK(true, c->opaque = 1);
	CHECK(false, c->goto_table = 1);
	CHECK(true, c->goto_table = 1; c->flags = DP_RULE_F_GOTO);
	CHECK(false, c->goto_table = 254; c->flags = DP_RULE_F_GOTO);
	CHECK(false, c->goto_table = 3; c->table = 3; c->flags = DP_RULE_F_GOTO);
	CHECK(false, c->metadata_mask_be = 1);
	CHECK(false, c->metadata_be = 2; c->metadata_mask_be = 1;
	      c->flags = DP_RULE_F_WRITE_METADATA);
	CHECK(true, c->metadata_be = 1; c->metadata_mask_be = 1;
	      c->flags = DP_RULE_F_WRITE_METADATA);
#undef CHECK
}

/* Each bit of the key: matchable exactly when some field names it that packets have. */
static void rules_match_on_fields_and_nothing_else(void **)
{
	struct flow_key named = {0};

	for (int id = 0; id < FIELD__COUNT; id++) {
		struct flow_value ones = flow_value_ones(flow_fields[id].n_bits);
		if ((flow_fields[id].flags & FW_ABSENT) == 0)
			flow_field_set_masked(&flow_fields[id], &named, &ones, &ones);
	}
	for (unsigned int bit = 0; bit < sizeof(named) * 8; bit++) {
		struct flow_match m = {0};
		struct dp_rule_conf *c = start(DP_KIND_RULE, 1, sizeof(*c) + 24);
		((uint8_t *)&m.mask)[bit / 8] = (uint8_t)(1U << bit % 8);
		c->bridge = 1;
		c->match_size = (uint32_t)flow_match_encode(&m, (uint8_t *)(c + 1));
		bool is_named = (((uint8_t *)&named)[bit / 8] >> bit % 8 & 1) != 0;
		assert_int_equal(is_valid(), is_named);
	}
}

static void outputs_name_real_ports(void **)
{
	static const uint32_t good[] = {1, DP_OFPORT_MAX - 1, DP_OFPORT_IN_PORT, DP_OFPORT_NORMAL,
	    DP_OFPORT_FLOOD, DP_OFPORT_ALL, DP_OFPORT_CONTROLLER, DP_OFPORT_LOCAL};
	static const uint32_t bad[] = {
	    0, DP_OFPORT_MAX, DP_OFPORT_IN_PORT - 1, DP_OFPORT_IN_PORT + 1, DP_OFPORT_ANY};
	struct dp_action a = action(DP_ACTION_OUTPUT);

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		a.output.port = good[i];
		assert_true(action_is_valid(&a));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		a.output.port = bad[i];
		assert_false(action_is_valid(&a));
	}
}

static void set_field_stays_inside_a_writable_field(void **)
{
	for (uint16_t id = 0; id < FIELD__COUNT; id++) {
		const struct flow_field *f = &flow_fields[id];
		struct dp_action a = action(DP_ACTION_SET_FIELD);
		bool writable = (f->flags & (FW_SET | FW_ABSENT)) == FW_SET;
		a.set_field.field = id;
		a.set_field.value = a.set_field.mask = flow_value_ones(f->n_bits);
		assert_int_equal(action_is_valid(&a), writable);
		a.set_field.value = flow_value_from_u64(0);
		a.set_field.mask = flow_value_from_u64(1);
		assert_int_equal(
		    action_is_valid(&a), writable); // a part of any field may be written
		a.set_field.mask = flow_value_from_u64(0);
		assert_false(action_is_valid(&a));
		a.set_field.value = flow_value_from_u64(1);
		assert_false(action_is_valid(&a)); // outside the mask
		if (f->n_bits < 128) {
			a.set_field.value = a.set_field.mask = flow_value_ones(f->n_bits + 1U);
			assert_false(action_is_valid(&a));
		}
	}
	struct dp_action a = action(DP_ACTION_SET_FIELD);
	a.set_field.field = FIELD__COUNT;
	assert_false(action_is_valid(&a));
}

static void move_stays_inside_both_fields(void **)
{
	struct dp_action a = action(DP_ACTION_MOVE);

	a.move.src = FIELD_IPV4_SRC;
	a.move.dst = FIELD_REG0;
	a.move.n_bits = 32;
	assert_true(action_is_valid(&a));
	a.move.src_ofs = 1;
	assert_false(action_is_valid(&a));
	a.move.n_bits = 31;
	assert_true(action_is_valid(&a));
	a.move.dst_ofs = 2;
	assert_false(action_is_valid(&a));
	a.move.dst_ofs = 0;
	a.move.n_bits = 0;
	assert_false(action_is_valid(&a));
	a.move.n_bits = 0xffff;
	a.move.src_ofs = 0xffff;
	assert_false(action_is_valid(&a));
	a.move.src_ofs = 0;
	a.move.n_bits = 8;
	a.move.dst = FIELD_IP_PROTO; // cannot be written
	assert_false(action_is_valid(&a));
	a.move.dst = 0xffff;
	assert_false(action_is_valid(&a));
}

static void other_actions_are_in_range(void **)
{
	struct dp_action a = action(DP_ACTION_PUSH_VLAN);

	assert_false(action_is_valid(&a));
	a.push_vlan.tpid = 0x88a8;
	assert_true(action_is_valid(&a));
	a = action(DP_ACTION_RESUBMIT);
	a.resubmit.in_port = DP_OFPORT_IN_PORT;
	a.resubmit.table = 253;
	assert_true(action_is_valid(&a));
	a.resubmit.table = 254;
	assert_false(action_is_valid(&a));
	a = action(DP_ACTION_DROP);
	a.drop.reason = DP_DROP__COUNT;
	assert_false(action_is_valid(&a));
	a = action(DP_ACTION_ARP_REPLY);
	assert_false(action_is_valid(&a));
	a.reply.mac.b[0] = 2;
	assert_true(action_is_valid(&a));
	a.reply.router = 2;
	assert_false(action_is_valid(&a));
	a = action(DP_ACTION_GROUP);
	a.group.id = UINT32_MAX;
	assert_false(action_is_valid(&a));
}

/* Any byte that is one must be a meaningful one: padding of each action, header included. */
static void actions_have_zero_padding_and_exact_length(void **)
{
	for (int type = 0; type < DP_ACTION__COUNT; type++) {
		struct dp_action a = action((enum dp_action_type)type);
		a.pad = 1;
		assert_false(action_is_valid(&a));
		a.pad = 0;
		uint8_t list[sizeof(a) + 8] = {0};
		a.len += 8;
		memcpy(list, &a, sizeof(a));
		rule(list, a.len, NULL, 0);
		assert_false(is_valid());
		a.len = 0;
		rule(&a, 8, NULL, 0);
		assert_false(is_valid()); // or a walk would never end
	}
	struct dp_action a = {.type = DP_ACTION__COUNT, .len = 8};
	assert_false(action_is_valid(&a));
	a = action(DP_ACTION_CONTROLLER);
	assert_true(action_is_valid(&a));
	a.controller.pad = 1;
	assert_false(action_is_valid(&a));
}

static void action_lists_have_a_limit(void **)
{
	static uint8_t list[DP_MAX_ACTIONS_SIZE + 8];
	struct dp_action pop = action(DP_ACTION_POP_VLAN);

	for (size_t i = 0; i < sizeof(list); i += 8)
		memcpy(list + i, &pop, 8);
	rule(list, DP_MAX_ACTIONS_SIZE, list, DP_MAX_ACTIONS_SIZE);
	assert_true(is_valid());
	rule(list, DP_MAX_ACTIONS_SIZE + 8, NULL, 0);
	assert_false(is_valid());
	rule(NULL, 0, list, DP_MAX_ACTIONS_SIZE + 8);
	assert_false(is_valid());
}

enum { BUCKET_SIZE = sizeof(struct dp_bucket_conf) + 16 }; // with an output

static struct dp_group_conf *group(uint32_t n_buckets)
{
	struct dp_group_conf *c =
	    start(DP_KIND_GROUP, UINT64_C(1) << 32 | 9, sizeof(*c) + n_buckets * BUCKET_SIZE);
	struct dp_action out = action(DP_ACTION_OUTPUT);

	out.output.port = 2;
	*c = (struct dp_group_conf){.bridge = 1, .group_id = 9, .n_buckets = n_buckets};
	for (uint32_t i = 0; i < n_buckets; i++) {
		uint8_t *p = (uint8_t *)(c + 1) + i * BUCKET_SIZE;
		const struct dp_bucket_conf b = {
		    .watch_port = DP_OFPORT_ANY, .watch_group = UINT32_MAX, .actions_size = 16};
		memcpy(p, &b, sizeof(b));
		memcpy(p + sizeof(b), &out, out.len);
	}
	return c;
}

static void groups_are_walked_to_their_end(void **)
{
	struct dp_group_conf *c = group(3);
	struct dp_bucket_conf *b = (struct dp_bucket_conf *)(c + 1);

	assert_true(is_valid());
	c->n_buckets = 2;
	assert_false(is_valid());
	c->n_buckets = 4;
	assert_false(is_valid());
	c->n_buckets = 3;
	b->actions_size = 8;
	assert_false(is_valid());
	b->actions_size = UINT32_MAX - 7;
	assert_false(is_valid());
	b->actions_size = 12;
	assert_false(is_valid());
	b->actions_size = 16;
	b->watch_port = 0;
	assert_false(is_valid());
	b->watch_port = 5;
	assert_true(is_valid());
	b->opaque = 7;
	assert_true(is_valid());
	b->pad = 1;
	assert_false(is_valid());
	b->pad = 0;
	b->pad1 = 1;
	assert_false(is_valid());
	b->pad1 = 0;
	c->opaque = 7;
	assert_true(is_valid());
	c->pad = 1;
	assert_false(is_valid());
}

static void groups_are_in_range(void **)
{
	struct dp_group_conf *c = group(DP_MAX_BUCKETS);

	assert_true(is_valid());
	c = group(DP_MAX_BUCKETS + 1);
	assert_false(is_valid());
	c = group(0);
	assert_true(is_valid());
	c->type = DP_GROUP_INDIRECT;
	assert_false(is_valid());
	c = group(1);
	c->type = DP_GROUP_INDIRECT;
	assert_true(is_valid());
	c->type = 4;
	assert_false(is_valid());
	c = group(1);
	msg.op.id++;
	assert_false(is_valid());
	c = group(1);
	c->bridge = 0;
	msg.op.id = 9;
	assert_false(is_valid());
}

static void routes_that_are_up_are_complete(void **)
{
	struct dp_route_conf *c = start(DP_KIND_ROUTE, 1, sizeof(*c));

	c->remote = ip_of("192.0.2.2");
	c->state = DP_ROUTE_NO_ROUTE;
	assert_true(is_valid());
	c->state = DP_ROUTE_UP;
	assert_false(is_valid());
	c->local = ip_of("192.0.2.1");
	c->uplink = 3;
	c->mtu = 1500;
	c->src_mac.b[0] = c->dst_mac.b[0] = 2;
	assert_true(is_valid());
	c->local = ip_of("fd00::1");
	assert_false(is_valid());
	c->local = ip_of("192.0.2.1");
	c->dst_mac.b[0] = 3;
	assert_false(is_valid());
	c->dst_mac.b[0] = 2;
	c->uplink = 4096;
	assert_false(is_valid());
	c->uplink = 3;
	c->state = 3;
	assert_false(is_valid());
	c->state = DP_ROUTE_UP;
	c->pad1[3] = 1;
	assert_false(is_valid());
}

static void locals_are_host_addresses(void **)
{
	struct dp_local_conf *c = start(DP_KIND_LOCAL, 1, sizeof(*c));

	c->addr = ip_of("fd00::1");
	c->udp_port = 4789;
	assert_true(is_valid());
	c->pad[5] = 1;
	assert_false(is_valid());
	c->pad[5] = 0;
	c->udp_port = 0;
	assert_false(is_valid());
	c->udp_port = 4789;
	c->addr = ip_of("ff02::1");
	assert_false(is_valid());
}

static void peers_list_vnis_in_range(void **)
{
	struct dp_peer_conf *c = start(DP_KIND_PEER, 1, sizeof(*c) + 16);
	uint32_t *vnis = (uint32_t *)(c + 1);

	c->remote = ip_of("192.0.2.2");
	c->port = 4;
	c->n_vnis = 3;
	vnis[2] = DP_MAX_VNI;
	assert_true(is_valid());
	vnis[3] = 1; // padding
	assert_false(is_valid());
	c->n_vnis = 4;
	assert_true(is_valid());
	vnis[0] = DP_MAX_VNI + 1;
	assert_false(is_valid());
	vnis[0] = 0;
	c->n_vnis = 5;
	assert_false(is_valid());
	c->n_vnis = 1;
	assert_false(is_valid());
	c->n_vnis = UINT32_MAX;
	assert_false(is_valid());
	c = start(DP_KIND_PEER, 1, sizeof(*c) + 4 * (DP_MAX_PEER_VNIS + 2));
	c->remote = ip_of("192.0.2.2");
	c->port = 4;
	c->n_vnis = DP_MAX_PEER_VNIS + 2;
	assert_false(is_valid());
}

static void drop_reasons_and_actions_have_words(void **)
{
	for (int i = 0; i < DP_DROP__COUNT; i++) {
		assert_int_equal(dp_drop_find(dp_drops[i].name), i);
		assert_true(strlen(dp_drops[i].help) > 0 && strlen(dp_drops[i].check) > 0);
	}
	assert_int_equal(dp_drop_find("nothing"), DP_DROP__COUNT);
	for (int i = 0; i < DP_ACTION__COUNT; i++)
		assert_true(strlen(dp_action_names[i]) > 0);
	assert_int_equal(dp_action_size(DP_ACTION__COUNT), 0);
	assert_int_equal(dp_action_size((enum dp_action_type)60000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(op_must_lie_within_its_message),
	    cmocka_unit_test(every_kind_refuses_every_other_size),
	    cmocka_unit_test(deletes_have_no_body_and_verbs_are_known),
	    cmocka_unit_test(names_are_terminated_and_plain),
	    cmocka_unit_test(port_arguments_fit_their_kind),
	    cmocka_unit_test(port_numbers_are_in_range),
	    cmocka_unit_test(uplinks_are_devices_on_no_bridge),
	    cmocka_unit_test(tunnels_say_where_to_once),
	    cmocka_unit_test(tunnels_send_what_their_flags_say),
	    cmocka_unit_test(vlans_of_ports_make_sense),
	    cmocka_unit_test(bridges_are_checked),
	    cmocka_unit_test(rule_parts_come_back_as_written),
	    cmocka_unit_test(rule_sizes_must_add_up),
	    cmocka_unit_test(rule_members_are_in_range),
	    cmocka_unit_test(rules_match_on_fields_and_nothing_else),
	    cmocka_unit_test(outputs_name_real_ports),
	    cmocka_unit_test(set_field_stays_inside_a_writable_field),
	    cmocka_unit_test(move_stays_inside_both_fields),
	    cmocka_unit_test(other_actions_are_in_range),
	    cmocka_unit_test(actions_have_zero_padding_and_exact_length),
	    cmocka_unit_test(action_lists_have_a_limit),
	    cmocka_unit_test(groups_are_walked_to_their_end),
	    cmocka_unit_test(groups_are_in_range),
	    cmocka_unit_test(routes_that_are_up_are_complete),
	    cmocka_unit_test(locals_are_host_addresses),
	    cmocka_unit_test(peers_list_vnis_in_range),
	    cmocka_unit_test(drop_reasons_and_actions_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
