/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#include "control/openflow/ofp_action.h"
#include "datapath/dp_validate.h"
#include "tests/unit/control/openflow/hex.h"
#include "tests/unit/control/openflow/random_flow.h"

static struct buf_writer list;

static int start(void **)
{
	buf_writer_init(&list, OFP_MAX_ACTIONS_SIZE);
	return 0;
}

static int end(void **)
{
	buf_writer_fini(&list);
	return 0;
}

static enum ofp_err decode(enum ofp_version version, const char *hex)
{
	uint8_t bytes[1024];
	struct buf b = buf_from(bytes, bytes_of(hex, bytes));

	list.size = 0;
	return ofp_actions_decode(&b, b.size, version, &list);
}

static void name_field(const struct dp_action *a, char *ret, size_t size)
{
	char value[FIELD_STR_SIZE];
	const struct flow_field *f = &flow_fields[a->set_field.field];

	snprintf(ret, size, "%s=%s", f->name,
	    flow_field_format(f, &a->set_field.value, &a->set_field.mask, value));
}

/* The list in a language of this test. */
static const char *text_of_list(void)
{
	static char text[1024];
	size_t n = 0;

	text[0] = '\0';
	action_foreach (a, list.data, list.size) {
		char body[256] = "";
		switch ((enum dp_action_type)a->type) {
		case DP_ACTION_OUTPUT: snprintf(body, 256, "%x", a->output.port); break;
		case DP_ACTION_GROUP: snprintf(body, 256, "%u", a->group.id); break;
		case DP_ACTION_SET_FIELD: name_field(a, body, sizeof(body)); break;
		case DP_ACTION_MOVE:
			snprintf(body, 256, "%s+%u>%s+%u:%u", flow_fields[a->move.src].name,
			    a->move.src_ofs, flow_fields[a->move.dst].name, a->move.dst_ofs,
			    a->move.n_bits);
			break;
		case DP_ACTION_PUSH_VLAN: snprintf(body, 256, "%x", a->push_vlan.tpid); break;
		case DP_ACTION_RESUBMIT:
			snprintf(body, 256, "%x,%u", a->resubmit.in_port, a->resubmit.table);
			break;
		case DP_ACTION_CONTROLLER:
			snprintf(body, 256, "%u,%u", a->controller.max_len, a->controller.reason);
			break;
		case DP_ACTION_SET_VLAN:
			snprintf(body, 256, "%x/%x", a->set_vlan.value, a->set_vlan.mask);
			break;
		default: break;
		}
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s(%s)", n > 0 ? " " : "",
		    dp_action_names[a->type], body);
	}
	return text;
}

static void check(enum ofp_version version, const char *hex, const char *text)
{
	enum ofp_err err = decode(version, hex);

	if (err != OFP_OK)
		fail_msg("%s: %s", hex, ofp_err_name(err));
	assert_string_equal(text_of_list(), text);
}

/* And the other way round, to the byte. */
static void check_both(enum ofp_version version, const char *hex, const char *text)
{
	uint8_t bytes[1024];
	size_t size = bytes_of(hex, bytes);
	struct buf_writer w;

	check(version, hex, text);
	buf_writer_init(&w, 4096);
	ofp_actions_encode(&(struct ofp_actions){list.data, list.size}, version, &w);
	assert_int_equal(w.size, size);
	assert_memory_equal(w.data, bytes, size);
	buf_writer_fini(&w);
}

static void actions_of_1_0_and_back(void **)
{
	check_both(OFP10_VERSION, "0000 0008 0002 0000", "output(2)");
	check_both(OFP10_VERSION, "0000 0008 fffa 0000", "output(fffffffa)");
	check_both(OFP10_VERSION, "0000 0008 fffd 0400", "controller(1024,1)");
	check_both(OFP10_VERSION, "0001 0008 0009 0000", "set_vlan(9/fff)");
	check_both(OFP10_VERSION, "0002 0008 06 000000", "set_vlan(c000/e000)");
	check_both(OFP10_VERSION, "0003 0008 0000 0000", "pop_vlan()");
	check_both(OFP10_VERSION, "0004 0010 020000000001 000000000000",
	    "set_field(eth_src=02:00:00:00:00:01)");
	check_both(OFP10_VERSION, "0005 0010 020000000001 000000000000",
	    "set_field(eth_dst=02:00:00:00:00:01)");
	check_both(OFP10_VERSION, "0006 0008 0a000001", "set_field(ipv4_src=10.0.0.1)");
	check_both(OFP10_VERSION, "0008 0008 b8 000000", "set_field(ip_dscp=46)");
	check_both(OFP10_VERSION, "0009 0008 0050 0000", "set_field(tp_src=80)");
	check_both(OFP10_VERSION, "ffff 0010 00002320 0001 0005 00 000000", "resubmit(5,255)");
	check_both(OFP10_VERSION, "ffff 0010 00002320 000e fff8 05 000000", "resubmit(fffffff8,5)");
	check_both(OFP10_VERSION, "ffff 0010 00002320 0002 0000 00000007", "set_field(tun_id=7)");
	check_both(OFP10_VERSION, "ffff 0018 00002320 0009 000000000000 0000000100000007",
	    "set_field(tun_id=4294967303)");
	check_both(OFP10_VERSION, "ffff 0010 00002320 0012 000000000000", "dec_ttl()");
	check_both(OFP10_VERSION, "ffff 0010 00002320 0028 0000 00000005", "group(5)");
	check_both(OFP10_VERSION, "ffff 0018 00002320 0007 001f 00010004 0000000000000005",
	    "set_field(reg0=0x5)");
	check_both(OFP10_VERSION, "ffff 0018 00002320 0007 0103 00010004 0000000000000005",
	    "set_field(reg0=0x50/0xf0)");
	check_both(OFP10_VERSION, "ffff 0018 00002320 0006 0010 0000 0008 00000802 00010004",
	    "move(vlan_tci+0>reg0+8:16)");
	check_both(OFP10_VERSION, "ffff 0018 00002320 0007 000f 00000802 0000000000001009",
	    "set_vlan(9/efff)");
	check(
	    OFP10_VERSION, "ffff 0018 00002320 0007 000f 00000802 0000000000000000", "pop_vlan()");
	check_both(OFP10_VERSION, "ffff 0018 00002320 0007 000b 00000802 0000000000000009",
	    "set_field(vlan_vid=9)");
	check_both(OFP10_VERSION, "ffff 0010 00002320 0014 0400 0000 00 00", "controller(1024,0)");
	check(OFP10_VERSION,
	    "ffff 0020 00002320 0016 000000000000 0000000000000012 00000000000000ff",
	    "set_field(metadata=0x12/0xff)");
}

static void actions_of_1_3_and_back(void **)
{
	check_both(OFP13_VERSION, "0000 0010 00000002 0000 000000000000", "output(2)");
	check(OFP13_VERSION, "0000 0010 00000002 ffe5 000000000000", "output(2)");
	check_both(OFP13_VERSION, "0000 0010 fffffffd ffff 000000000000", "controller(65535,1)");
	check_both(OFP13_VERSION, "0011 0008 8100 0000", "push_vlan(8100)");
	check_both(OFP13_VERSION, "0012 0008 0000 0000", "pop_vlan()");
	check_both(OFP13_VERSION, "0016 0008 00000007", "group(7)");
	check(OFP13_VERSION, "0017 0008 40 000000", "set_field(ip_ttl=64)");
	check_both(OFP13_VERSION, "0018 0008 00000000", "dec_ttl()");
	check_both(OFP13_VERSION, "0019 0010 80000c02 1009 000000000000", "set_field(vlan_vid=9)");
	check_both(OFP13_VERSION, "0019 0010 00010604 00000005 00000000", "set_field(reg3=0x5)");
	check_both(
	    OFP13_VERSION, "0019 0010 80001604 0a000001 00000000", "set_field(ipv4_src=10.0.0.1)");
	check_both(OFP13_VERSION, "ffff 0018 00002320 0007 0103 00010004 0000000000000005",
	    "set_field(reg0=0x50/0xf0)");
	check_both(OFP13_VERSION,
	    "ffff 0020 00002320 0021 000000000000 00010108 00000050 000000f1 00000000",
	    "set_field(reg0=0x50/0xf1)");
	check(OFP13_VERSION,
	    "ffff 0020 4f4e4600 0c80 0000 0020 0000 0000 0000 00010004 00010204 00000000",
	    "move(reg0+0>reg1+0:32)");
}

static void masked_sets_of_1_5(void **)
{
	check_both(
	    OFP15_VERSION, "0019 0010 00010108 00000050 000000f0", "set_field(reg0=0x50/0xf0)");
	check_both(
	    OFP15_VERSION, "0019 0010 80000d04 1005 100f 00000000", "set_field(vlan_vid=0x5/0xf)");
	check_both(OFP15_VERSION, "001c 0018 0020 0000 0000 0000 00010004 00010204 00000000",
	    "move(reg0+0>reg1+0:32)");
	check_both(
	    OFP15_VERSION, "0019 0010 00000002 ffff 000000000000", "set_field(in_port=4294967295)");
}

static void what_is_wrong_has_its_error(void **)
{
	static const struct {
		enum ofp_version version;
		const char *hex;
		enum ofp_err err;
	} rows[] = {
	    {OFP10_VERSION, "0000 0008 0000 0000", OFPERR_OFPBAC_BAD_OUT_PORT},
	    {OFP10_VERSION, "0000 0010 0002 0000 0000000000000000", OFPERR_OFPBAC_BAD_LEN},
	    {OFP10_VERSION, "0000 0004 0002 0000", OFPERR_OFPBAC_BAD_LEN},
	    {OFP10_VERSION, "0000 0000 0002 0000", OFPERR_OFPBAC_BAD_LEN},
	    {OFP10_VERSION, "0000 0018 0002 0000", OFPERR_OFPBAC_BAD_LEN},
	    {OFP10_VERSION, "0000 0008 0002", OFPERR_OFPBRC_BAD_LEN},
	    {OFP10_VERSION, "0020 0008 0002 0000", OFPERR_OFPBAC_BAD_TYPE},
	    {OFP10_VERSION, "0001 0008 1000 0000", OFPERR_OFPBAC_BAD_ARGUMENT},
	    {OFP10_VERSION, "0002 0008 08 000000", OFPERR_OFPBAC_BAD_ARGUMENT},
	    {OFP10_VERSION, "0008 0008 b9 000000", OFPERR_OFPBAC_BAD_ARGUMENT},
	    {OFP10_VERSION, "ffff 0008 00001234", OFPERR_OFPBAC_BAD_VENDOR},
	    {OFP10_VERSION, "ffff 0008 00002320", OFPERR_OFPBAC_BAD_LEN},
	    {OFP10_VERSION, "ffff 0010 00002320 00fa 000000000000", OFPERR_OFPBAC_BAD_VENDOR_TYPE},
	    {OFP15_VERSION, "ffff 0018 00002320 0007 001f 00010004 0000000000000005",
		OFPERR_OFPBAC_BAD_VENDOR_TYPE},
	    {OFP13_VERSION, "0011 0008 0800 0000", OFPERR_OFPBAC_BAD_ARGUMENT},
	    {OFP13_VERSION, "0016 0008 ffffff01", OFPERR_OFPBAC_BAD_OUT_GROUP},
	    {OFP13_VERSION, "0019 0010 00010108 00000050 000000f0", OFPERR_OFPBAC_BAD_SET_MASK},
	    {OFP13_VERSION, "0019 0010 00010004 00000050 00000001", OFPERR_OFPBAC_BAD_SET_ARGUMENT},
	    {OFP13_VERSION, "0019 0010 80000a02 0800 000000000000", OFPERR_OFPBAC_BAD_SET_ARGUMENT},
	    {OFP13_VERSION, "0019 0010 80000c02 0009 000000000000", OFPERR_OFPBAC_BAD_SET_ARGUMENT},
	    {OFP13_VERSION, "0019 0010 80000004 00000009 00000000", OFPERR_OFPBAC_BAD_SET_ARGUMENT},
	    {OFP13_VERSION, "0019 0010 80004a03 000009 0000000000", OFPERR_OFPBAC_BAD_SET_TYPE},
	    {OFP13_VERSION, "0019 0010 80001003 000009 0000000000", OFPERR_OFPBAC_BAD_SET_LEN},
	    {OFP10_VERSION, "ffff 0018 00002320 0007 0020 00010004 0000000000000005",
		OFPERR_OFPBAC_BAD_SET_LEN},
	    {OFP10_VERSION, "ffff 0018 00002320 0007 0003 00010004 0000000000000010",
		OFPERR_OFPBAC_BAD_ARGUMENT},
	    {OFP10_VERSION, "ffff 0018 00002320 0006 0000 0000 0000 00010004 00010204",
		OFPERR_OFPBAC_BAD_SET_LEN},
	    {OFP10_VERSION, "ffff 0018 00002320 0006 0020 0001 0000 00010004 00010204",
		OFPERR_OFPBAC_BAD_SET_LEN},
	    {OFP10_VERSION, "ffff 0018 00002320 0006 0010 0000 0000 00010004 00000602",
		OFPERR_OFPBAC_BAD_SET_ARGUMENT},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum ofp_err err = decode(rows[i].version, rows[i].hex);
		if (err != rows[i].err)
			fail_msg("%s: %s, not %s", rows[i].hex, ofp_err_name(err),
			    ofp_err_name(rows[i].err));
	}
}

static void random_lists_read_back_in_every_version(void **)
{
	struct random_flow r = random_flow_start();

	for (unsigned int i = 0; i < test_size(5000, 200000); i++) {
		enum ofp_version v = OFP10_VERSION + i % 6;
		struct buf_writer in, wire;
		buf_writer_init(&in, OFP_MAX_ACTIONS_SIZE);
		buf_writer_init(&wire, 65536);
		random_actions(&r, v, &in);
		ofp_actions_encode(&(struct ofp_actions){in.data, in.size}, v, &wire);
		struct buf b = buf_from(wire.data, wire.size);
		list.size = 0;
		enum ofp_err err = ofp_actions_decode(&b, b.size, v, &list);
		if (err != OFP_OK || list.size != in.size ||
		    (in.size > 0 && memcmp(list.data, in.data, in.size) != 0)) {
			printf("version %d: %s\nread: %s\n", v, ofp_err_name(err), text_of_list());
			list.size = 0;
			buf_put(&list, in.data, in.size);
			fail_msg("written: %s", text_of_list());
		}
		char what[DP_WHAT_SIZE] = "";
		if (dp_actions_validate(list.data, list.size, what) < 0)
			fail_msg("the switch refuses %s: %s", text_of_list(), what);
		buf_writer_fini(&in);
		buf_writer_fini(&wire);
	}
}

static void prerequisites_follow_the_actions(void **)
{
	static const struct {
		const char *hex;
		uint64_t eth_type, ip_proto;
		bool tag;
		enum ofp_err err;
	} rows[] = {
	    {"0019 0010 80001604 0a000001 00000000", 0, 0, false, OFPERR_OFPBAC_MATCH_INCONSISTENT},
	    {"0019 0010 80001604 0a000001 00000000", 0x0800, 0, false, OFP_OK},
	    {"0019 0010 80001604 0a000001 00000000", 0x86dd, 0, false,
		OFPERR_OFPBAC_MATCH_INCONSISTENT},
	    {"0019 0010 80000c02 1009 000000000000", 0, 0, false, OFPERR_OFPBAC_MATCH_INCONSISTENT},
	    {"0019 0010 80000c02 1009 000000000000", 0, 0, true, OFP_OK},
	    {"0011 0008 8100 0000 0019 0010 80000c02 1009 000000000000", 0, 0, false, OFP_OK},
	    {"0012 0008 0000 0000 0019 0010 80000c02 1009 000000000000", 0, 0, true,
		OFPERR_OFPBAC_MATCH_INCONSISTENT},
	    {"0019 0010 80001c02 0050 000000000000", 0x0800, 17, false,
		OFPERR_OFPBAC_MATCH_INCONSISTENT},
	    {"0019 0010 80001c02 0050 000000000000", 0x0800, 6, false, OFP_OK},
	    {"ffff 0010 00002320 000e fff8 fe 000000", 0, 0, false, OFPERR_OFPBRC_BAD_TABLE_ID},
	    {"ffff 0010 00002320 000e fff8 fd 000000", 0, 0, false, OFP_OK},
	    {"0000 0010 fffffff9 0000 000000000000", 0, 0, false, OFPERR_OFPBAC_BAD_OUT_PORT},
	    {"0000 0010 00000064 0000 000000000000", 0, 0, false, OFPERR_OFPBAC_BAD_OUT_PORT},
	    {"0000 0010 00000063 0000 000000000000", 0, 0, false, OFP_OK},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct flow_match m = {0};
		struct flow_value v = flow_value_from_u64(rows[i].eth_type),
				  p = flow_value_from_u64(rows[i].ip_proto),
				  t = flow_value_from_u64(FLOW_VLAN_PRESENT),
				  ones16 = flow_value_ones(16), ones8 = flow_value_ones(8);
		if (rows[i].eth_type != 0)
			assert_int_equal(flow_match_add_field(&m, FIELD_ETH_TYPE, &v, &ones16), 0);
		if (rows[i].ip_proto != 0)
			assert_int_equal(flow_match_add_field(&m, FIELD_IP_PROTO, &p, &ones8), 0);
		if (rows[i].tag)
			assert_int_equal(flow_match_add_field(&m, FIELD_VLAN_TCI, &t, &t), 0);
		assert_int_equal(decode(OFP13_VERSION, rows[i].hex), OFP_OK);
		struct ofp_action_scope scope = {.match = &m, .max_port = 99, .n_tables = 254};
		enum ofp_err err =
		    ofp_actions_check(&(struct ofp_actions){list.data, list.size}, &scope);
		if (err != rows[i].err)
			fail_msg("row %zu: %s", i, ofp_err_name(err));
	}
}

/* A list may be as long as the switch takes, and not a byte longer. */
static void lists_have_a_limit(void **)
{
	static uint8_t wire[65536];
	size_t n = 0, fits = OFP_MAX_ACTIONS_SIZE / 8;

	for (n = 0; n < fits + 1; n++)
		memcpy(wire + n * 8, "\x00\x18\x00\x08\0\0\0\0", 8);
	struct buf b = buf_from(wire, fits * 8);
	list.size = 0;
	assert_int_equal(ofp_actions_decode(&b, b.size, OFP13_VERSION, &list), OFP_OK);
	b = buf_from(wire, (fits + 1) * 8);
	list.size = 0;
	assert_int_equal(
	    ofp_actions_decode(&b, b.size, OFP13_VERSION, &list), OFPERR_OFPBAC_TOO_MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(actions_of_1_0_and_back, start, end),
	    cmocka_unit_test_setup_teardown(actions_of_1_3_and_back, start, end),
	    cmocka_unit_test_setup_teardown(masked_sets_of_1_5, start, end),
	    cmocka_unit_test_setup_teardown(what_is_wrong_has_its_error, start, end),
	    cmocka_unit_test_setup_teardown(random_lists_read_back_in_every_version, start, end),
	    cmocka_unit_test_setup_teardown(prerequisites_follow_the_actions, start, end),
	    cmocka_unit_test_setup_teardown(lists_have_a_limit, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
