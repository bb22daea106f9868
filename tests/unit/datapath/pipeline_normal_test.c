/* SPDX-License-Identifier: Apache-2.0 */
/* NORMAL and the VLANs of ports. What it does without them is in pipeline_test.c. */
#include "datapath/pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/datapath/pipeline_env.h"

static struct env *e;
static struct actions a; // cleared before each test

static int setup(void **)
{
	e = env_create_with_ports();
	a.size = 0;
	return 0;
}

static int teardown(void **)
{
	env_destroy(e);
	return 0;
}

static const char *run_1(const char *packet)
{
	return program_text(env_run(e, 1, packet));
}

static void normal_rule(void)
{
	add_output(&a, DP_OFPORT_NORMAL);
	env_rule(e, 1, 0, 0, "", &a);
}

static void normal_keeps_vlans_apart(void **)
{
	static const uint16_t list[] = {7, 8, ENV_LIST_END};
	env_vlan(e, 1, DP_VLAN_ACCESS, 7, NULL, DP_PRIORITY_TAGS_NO);
	env_vlan(e, 2, DP_VLAN_ACCESS, 7, NULL, DP_PRIORITY_TAGS_NO);
	env_vlan(e, 3, DP_VLAN_ACCESS, 9, NULL, DP_PRIORITY_TAGS_NO);
	env_vlan(e, 4, DP_VLAN_TRUNK, 0, list, DP_PRIORITY_TAGS_NO);
	env_vlan(e, 5, DP_VLAN_TRUNK, 0, NULL, DP_PRIORITY_TAGS_NO);
	normal_rule();
	env_commit(e);
	// Untagged to its like, tagged once for all trunks.
	assert_string_equal(run_1(UDP4),
	    "refresh source MAC on port 1, VLAN 7; output port 2 (copy); "
	    "push_vlan tpid=0x8100 tci=0x0007; output port 4 (copy); "
	    "output port 5");
	assert_string_equal(run_1(TAGGED UDP4), "drop (vlan_not_carried)");
	const char *back = "eth_src=02:00:00:00:00:02,eth_dst=02:00:00:00:00:01,eth_type=0x0800";
	char text[200];
	snprintf(text, sizeof(text), TAGGED "%s", back);
	assert_string_equal(program_text(env_run(e, 4, text)),
	    "refresh source MAC on port 4, VLAN 7; pop_vlan; output port 1");
	assert_string_equal(program_text(env_run(e, 4, back)), "drop (vlan_not_carried)");
	assert_string_equal(run_1(UDP4), "refresh source MAC on port 1, VLAN 7; "
					 "push_vlan tpid=0x8100 tci=0x0007; output port 4");
	// In VLAN 9 nobody knows these addresses.
	assert_string_equal(program_text(env_run(e, 3, back)),
	    "refresh source MAC on port 3, VLAN 9; push_vlan "
	    "tpid=0x8100 tci=0x0009; output port 5");
	// The port left the VLAN, and what was learned is not forgotten yet.
	env_vlan(e, 4, DP_VLAN_ACCESS, 9, NULL, DP_PRIORITY_TAGS_NO);
	assert_string_equal(
	    run_1(UDP4), "refresh source MAC on port 1, VLAN 7; drop (vlan_not_carried)");
}

static void vlan_tags_of_normal_are_not_seen_by_later_actions(void **)
{
	env_vlan(e, 1, DP_VLAN_ACCESS, 7, NULL, DP_PRIORITY_TAGS_NO);
	((struct bridge_ports *)(uintptr_t)e->bridges[1].ports)->p[2].flood = 0;
	add_output(&a, DP_OFPORT_NORMAL);
	add_output(&a, 30);
	env_rule(e, 1, 0, 0, "", &a);
	env_commit(e);
	assert_string_equal(run_1("eth_src=02:00:00:00:00:01,eth_dst=ff:ff:ff:ff:ff:ff"),
	    "refresh source MAC on port 1, VLAN 7; push_vlan tpid=0x8100 tci=0x0007; "
	    "output port 2 (copy); output port 4 (copy); output port 5 (copy); pop_vlan; "
	    "output port 3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    TEST(normal_keeps_vlans_apart),
	    TEST(vlan_tags_of_normal_are_not_seen_by_later_actions),
#undef TEST
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
