/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

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

/* The program of a packet that comes in by port 1, number 10, and meets the rule with the actions a. */
static const char *run(const char *packet)
{
	env_rule(e, 1, 0, 1, "", &a);
	env_commit(e);
	return program_text(env_run(e, 1, packet));
}

static void add_bits(enum dp_action_type type, enum flow_field_id field, uint16_t ofs, uint16_t n)
{
	struct dp_action *action = add_action(&a, type);

	action->subfield.field = (uint16_t)field;
	action->subfield.ofs = ofs;
	action->subfield.n_bits = n;
}

/* The actions behind the one at start are in it. */
static void close_list(size_t start)
{
	struct dp_action *outer = (struct dp_action *)(a.b + start);

	outer->len = (uint16_t)(a.size - start);
}

static void set_vlan_pushes_a_tag_where_there_is_none(void **)
{
	struct dp_action *action = add_action(&a, DP_ACTION_SET_VLAN);

	action->set_vlan.value = 5;
	action->set_vlan.mask = 0x0fff;
	add_output(&a, 20);
	assert_string_equal(run(UDP4), "push_vlan tpid=0x8100 tci=0x0005; output port 2");
	assert_string_equal(
	    program_text(env_run(e, 1, TAGGED UDP4)), "set vlan_tci=0x0005; output port 2");
}

static void what_a_clone_changes_ends_with_it(void **)
{
	size_t start = a.size;

	add_action(&a, DP_ACTION_CLONE);
	add_set(&a, FIELD_ETH_DST, "02:00:00:00:00:99");
	add_output(&a, 20);
	add_drop(&a, DP_DROP_SPOOF_MAC); // of the copy
	close_list(start);
	add_output(&a, 30);
	assert_string_equal(run(UDP4), "set eth_dst=02:00:00:00:00:99; output port 2 (copy); "
				       "set eth_dst=02:00:00:00:00:02; output port 3");
}

static void the_stack_swaps_what_was_pushed(void **)
{
	add_bits(DP_ACTION_STACK_PUSH, FIELD_ETH_SRC, 0, 48);
	add_bits(DP_ACTION_STACK_PUSH, FIELD_ETH_DST, 0, 48);
	add_bits(DP_ACTION_STACK_POP, FIELD_ETH_SRC, 0, 48);
	add_bits(DP_ACTION_STACK_POP, FIELD_ETH_DST, 0, 48);
	add_bits(DP_ACTION_STACK_POP, FIELD_ETH_DST, 0, 48); // empty: nothing
	add_output(&a, 20);
	assert_string_equal(run(UDP4), "set eth_dst=02:00:00:00:00:01 "
				       "eth_src=02:00:00:00:00:02; output port 2");
}

static void bits_are_pushed_and_popped_by_place(void **)
{
	add_set(&a, FIELD_REG0, "0x12345678");
	add_bits(DP_ACTION_STACK_PUSH, FIELD_REG0, 8, 16);
	add_set(&a, FIELD_REG1, "0");
	add_bits(DP_ACTION_STACK_POP, FIELD_REG1, 4, 16);
	add_resubmit(&a, DP_OFPORT_IN_PORT, 1);
	struct actions out = {.size = 0};
	add_output(&out, 20);
	env_rule(e, 1, 1, 1, "reg1=0x34560", &out);
	assert_string_equal(run(UDP4), "output port 2");
}

static void a_stack_has_a_bound(void **)
{
	for (int i = 0; i < 65; i++)
		add_bits(DP_ACTION_STACK_PUSH, FIELD_REG0, 0, 32);
	add_output(&a, 20);
	assert_string_equal(run(UDP4), "drop (pipeline_depth)");
}

static void a_register_names_the_port(void **)
{
	add_set(&a, FIELD_REG0, "20");
	struct dp_action *action = add_action(&a, DP_ACTION_OUTPUT_REG);

	action->output_reg.field = FIELD_REG0;
	action->output_reg.n_bits = 16;
	assert_string_equal(run(UDP4), "output port 2");
}

static void who_rewrites_in_port_may_send_back(void **)
{
	add_set(&a, FIELD_IN_PORT, "65535");
	add_output(&a, 10);
	assert_string_equal(run(UDP4), "output port 1");
}

static void exit_ends_the_caller_too(void **)
{
	struct actions inner = {.size = 0};

	add_output(&a, 20);
	add_resubmit(&a, DP_OFPORT_IN_PORT, 1);
	add_output(&a, 30);
	add_action(&inner, DP_ACTION_EXIT);
	env_rule(e, 1, 1, 1, "", &inner);
	assert_string_equal(run(UDP4), "output port 2");
}

static void what_means_nothing_to_the_switch_changes_nothing(void **)
{
	add_action(&a, DP_ACTION_NOTE);
	add_action(&a, DP_ACTION_SET_QUEUE)->queue.id = 5;
	add_action(&a, DP_ACTION_CT_CLEAR);
	add_bits(DP_ACTION_DELETE_FIELD, FIELD_TUN_METADATA0, 0, 0);
	add_action(&a, DP_ACTION_POP_QUEUE);
	add_action(&a, DP_ACTION_ENQUEUE)->enqueue.port = 20;
	assert_string_equal(run(UDP4), "output port 2");
}

static void tracking_is_refused_packet_by_packet(void **)
{
	size_t start = a.size;

	add_action(&a, DP_ACTION_CT)->ct.table = 1;
	add_action(&a, DP_ACTION_NAT);
	close_list(start);
	add_output(&a, 20);
	assert_string_equal(run(UDP4), "drop (unsupported_ct)");
}

static void what_is_only_stored_drops(void **)
{
	add_action(&a, DP_ACTION_LEARN);
	add_output(&a, 20);
	assert_string_equal(run(UDP4), "drop (unsupported_action)");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(set_vlan_pushes_a_tag_where_there_is_none),
	    TEST(what_a_clone_changes_ends_with_it),
	    TEST(the_stack_swaps_what_was_pushed),
	    TEST(bits_are_pushed_and_popped_by_place),
	    TEST(a_stack_has_a_bound),
	    TEST(a_register_names_the_port),
	    TEST(who_rewrites_in_port_may_send_back),
	    TEST(exit_ends_the_caller_too),
	    TEST(what_means_nothing_to_the_switch_changes_nothing),
	    TEST(tracking_is_refused_packet_by_packet),
	    TEST(what_is_only_stored_drops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
