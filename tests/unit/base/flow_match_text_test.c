/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "datapath/base/flow_field.h"
#include "tests/unit/test.h"

/* Adds "field=value,…" in the order given. */
static struct flow_match match_of(const char *text)
{
	struct flow_match m = {0};
	char copy[512];
	char *rest = copy;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *part = strsep(&rest, ","); part != NULL && *part != '\0';
	     part = strsep(&rest, ",")) {
		char *value = strchr(part, '=');
		assert_non_null(value);
		*value++ = '\0';
		const struct flow_field *f = flow_field_find(part);
		struct flow_value v, mask;
		struct err err = {0};
		assert_non_null(f);
		assert_int_equal(flow_field_parse(f, value, &v, &mask, &err), 0);
		assert_int_equal(flow_match_add_field(&m, flow_field_id(f), &v, &mask), 0);
	}
	return m;
}

static void match_text_is_canonical_and_comes_back(void **)
{
	static const char *const cases[][2] = {
	    {"", "any"},
	    {"tcp_dst=80,ip_proto=6,eth_type=0x800", "eth_type=0x800,ip_proto=6,tcp_dst=80"},
	    {"eth_type=0x86dd,ip_proto=17,udp_src=53", "eth_type=0x86dd,ip_proto=17,udp_src=53"},
	    {"eth_type=0x86dd,ip_proto=58,icmpv6_type=135,nd_target=fd00::1",
		"eth_type=0x86dd,ip_proto=58,icmpv6_type=135,nd_target=fd00::1"},
	    {"vlan_tci=0x1000/0x1000,vlan_vid=5,vlan_pcp=3",
		"vlan_tci=0x1000/0x1000,vlan_vid=5,vlan_pcp=3"},
	    {"vlan_tci=0/0x1fff", "vlan_tci=0x0/0x1fff"},
	    {"vlan_tci=0x3005/0x3fff",
		"vlan_tci=0x3005/0x3fff"}, // half a PCP: only vlan_tci can say it
	    {"ip_ttl=1", "ip_ttl=1"},      // without its prerequisite
	    {"udp_dst=5", "tcp_dst=5"},    // the first of the aliases
	    {"reg0=1,reg15=0x1/0x3,metadata=7", "metadata=0x7,reg0=0x1,reg15=0x1/0x3"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct flow_match m = match_of(cases[i][0]);
		char buf[512];
		assert_string_equal(flow_match_format(&m, buf, sizeof(buf)), cases[i][1]);
		if (i > 0) {
			struct flow_match again = match_of(buf);
			assert_true(flow_match_equal(&m, &again));
		}
	}
}

static void long_match_text_is_cut_visibly(void **)
{
	struct flow_match m = match_of("eth_dst=02:00:00:00:00:01,eth_src=02:00:00:00:00:02");
	char buf[20];

	flow_match_format(&m, buf, sizeof(buf));
	assert_int_equal(strlen(buf), sizeof(buf) - 1);
	assert_string_equal(buf + sizeof(buf) - sizeof("…"), "…");
	flow_match_format(&m, buf, 4);
	assert_string_equal(buf, "…");
}

static void adding_a_field_twice_needs_the_same_value(void **)
{
	struct flow_match m = match_of("tcp_dst=80");
	struct flow_value v80 = flow_value_from_u64(80), v81 = flow_value_from_u64(81),
			  ones = flow_value_ones(16);
	struct flow_match before = m;

	assert_int_equal(flow_match_add_field(&m, FIELD_TCP_DST, &v80, &ones), 0);
	assert_int_equal(flow_match_add_field(&m, FIELD_TCP_DST, &v81, &ones), -EEXIST);
	assert_int_equal(
	    flow_match_add_field(&m, FIELD_UDP_DST, &v81, &ones), -EEXIST); // one storage
	assert_true(flow_match_equal(&m, &before));
}

static void prerequisites_must_be_matched_exactly(void **)
{
	struct flow_match m = match_of("ip_proto=6");

	assert_false(flow_match_has_prereq(&m, FP_TCP));
	m = match_of("eth_type=0x800,ip_proto=6");
	assert_true(flow_match_has_prereq(&m, FP_TCP) && flow_match_has_prereq(&m, FP_TP));
	assert_true(flow_match_has_prereq(&m, FP_IP4) && flow_match_has_prereq(&m, FP_IP));
	assert_false(flow_match_has_prereq(&m, FP_UDP) || flow_match_has_prereq(&m, FP_IP6));
	m.mask.eth_type = 0x00ff;
	assert_false(flow_match_has_prereq(&m, FP_IP));
	m = match_of("eth_type=0x800,ip_proto=58");
	assert_false(flow_match_has_prereq(&m, FP_ICMP6));
	m = match_of("eth_type=0x86dd,ip_proto=58,icmpv6_type=136");
	assert_true(flow_match_has_prereq(&m, FP_NA) && flow_match_has_prereq(&m, FP_ND));
	assert_false(flow_match_has_prereq(&m, FP_NS));
	m = match_of("vlan_tci=0/0x1000");
	assert_false(flow_match_has_prereq(&m, FP_VLAN));
	m = match_of("vlan_tci=0x1000/0x1000");
	assert_true(flow_match_has_prereq(&m, FP_VLAN));
	assert_false(flow_match_has_prereq(&m, FP_VLAN2));
	for (int prereq = FP_NONE; prereq <= FP_NA; prereq++)
		assert_true(strlen(flow_prereq_describe((enum flow_field_prereq)prereq)) > 0);
}

static void first_difference_names_the_field_the_user_wrote(void **)
{
	struct flow_match m = match_of("eth_type=0x800,ip_proto=17,udp_dst=53");
	struct flow_key k = m.key;

	assert_null(flow_match_first_difference(&m, &k));
	k.tp_dst = 0;
	assert_string_equal(flow_match_first_difference(&m, &k)->name, "udp_dst");
	k.eth_type = 0;
	assert_string_equal(flow_match_first_difference(&m, &k)->name, "eth_type");
	m = match_of("vlan_tci=0x1000/0x1000,vlan_vid=5");
	k = (struct flow_key){.vlan_tci = {__builtin_bswap16(0x1006)}};
	assert_string_equal(flow_match_first_difference(&m, &k)->name, "vlan_vid");
	k = (struct flow_key){0};
	assert_string_equal(flow_match_first_difference(&m, &k)->name, "vlan_tci");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(match_text_is_canonical_and_comes_back),
	    cmocka_unit_test(long_match_text_is_cut_visibly),
	    cmocka_unit_test(adding_a_field_twice_needs_the_same_value),
	    cmocka_unit_test(prerequisites_must_be_matched_exactly),
	    cmocka_unit_test(first_difference_names_the_field_the_user_wrote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
