/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/pipeline.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
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

static const struct program *run_from(uint16_t port, const char *packet)
{
	return env_run(e, port, packet);
}

/* The program of a packet that comes in by port 1. */
static const char *run(const char *packet)
{
	return program_text(run_from(1, packet));
}

static struct actions *fresh(void)
{
	static struct actions lists[8];
	static unsigned int next;
	struct actions *l = &lists[next++ % 8];
	l->size = 0;
	return l;
}

static struct actions *output_to(uint32_t ofport)
{
	struct actions *l = fresh();
	add_output(l, ofport);
	return l;
}

static void no_rule_is_a_table_miss(void **)
{
	assert_string_equal(run(UDP4), "drop (table_miss)");
	env_rule(e, 1, 0, 1, "eth_type=0x0806", output_to(20));
	env_commit(e);
	assert_string_equal(run(UDP4), "drop (table_miss)");
	assert_int_equal(run_from(1, UDP4)->cacheable, 0);
}

static void rule_without_output_drops_and_is_named(void **)
{
	env_rule(e, 1, 0, 1, "", NULL);
	env_commit(e);
	assert_string_equal(run(UDP4), "drop (rule_drop)");
	assert_int_equal(run_from(1, UDP4)->rule, 1);
}

static void highest_priority_wins(void **)
{
	env_rule(e, 1, 0, 1, "", output_to(20));
	env_rule(e, 1, 0, 9, "eth_type=0x0800", output_to(30));
	env_rule(e, 1, 0, 5, "eth_type=0x0800,ip_proto=17", output_to(40));
	env_commit(e);
	assert_string_equal(run(UDP4), "output port 3");
	assert_string_equal(run("eth_type=0x0806"), "output port 2");
}

static void plain_output_to_ingress_is_a_hairpin_and_in_port_is_not(void **)
{
	env_rule(e, 1, 0, 1, "", output_to(10));
	env_rule(e, 1, 0, 2, "eth_type=0x0800", output_to(DP_OFPORT_IN_PORT));
	env_commit(e);
	assert_string_equal(run("eth_type=0x0806"), "drop (hairpin)");
	assert_string_equal(run(UDP4), "output port 1");
}

static void failed_output_matters_only_when_nothing_else_leaves(void **)
{
	add_output(&a, 77);
	add_output(&a, 10);
	env_rule(e, 1, 0, 1, "", &a);
	add_output(&a, 30);
	env_rule(e, 1, 0, 2, "eth_type=0x0800", &a);
	env_commit(e);
	assert_string_equal(run("eth_type=0x0806"), "drop (bad_output_port)");
	assert_string_equal(run(UDP4), "output port 3");
}

static void flood_leaves_out_ingress_and_no_flood_ports_and_all_only_ingress(void **)
{
	env_rule(e, 1, 0, 1, "", output_to(DP_OFPORT_FLOOD));
	env_rule(e, 1, 0, 2, "eth_type=0x0800", output_to(DP_OFPORT_ALL));
	((struct bridge_ports *)(uintptr_t)e->bridges[1].ports)->p[2].flood = 0;
	env_commit(e);
	assert_string_equal(
	    run("eth_type=0x0806"), "output port 2 (copy); output port 4 (copy); output port 5");
	assert_string_equal(run(UDP4),
	    "output port 2 (copy); output port 3 (copy); output port 4 (copy); output port 5");
}

static void fields_are_written_once_and_only_before_an_output(void **)
{
	add_set(&a, FIELD_ETH_DST, "02:00:00:00:00:aa");
	add_set(&a, FIELD_ETH_DST, "02:00:00:00:00:bb");
	add_set(&a, FIELD_IPV4_SRC, "10.0.0.1"); // as it is
	add_output(&a, 20);
	add_set(&a, FIELD_UDP_DST, "54");
	add_output(&a, 30);
	add_set(&a, FIELD_ETH_SRC, "02:00:00:00:00:cc");
	env_rule(e, 1, 0, 1, "", &a);
	env_commit(e);
	assert_string_equal(run(UDP4),
	    "set eth_dst=02:00:00:00:00:bb; output port 2 (copy); set tp_dst=54; output port 3");
}

static void fields_the_packet_does_not_have_are_left_alone(void **)
{
	add_set(&a, FIELD_TCP_DST, "80");
	add_set(&a, FIELD_IPV6_SRC, "2001:db8::1");
	add_set(&a, FIELD_VLAN_VID, "5");
	add_set(&a, FIELD_ARP_OP, "2");
	add_output(&a, 20);
	env_rule(e, 1, 0, 1, "", &a);
	env_commit(e);
	assert_string_equal(run(UDP4), "output port 2");
	assert_string_equal(run("eth_type=0x0800,ip_proto=6,ip_frag=later"), "output port 2");
	assert_string_equal(run("eth_type=0x0806,arp_op=1"), "set arp_op=2; output port 2");
}

static void volatile_fields_are_written_even_when_this_packet_has_the_value(void **)
{
	add_set(&a, FIELD_IP_TTL, "64");
	add_set(&a, FIELD_IP_DSCP, "0");
	add_output(&a, 20);
	env_rule(e, 1, 0, 1, "", &a);
	env_commit(e);
	assert_string_equal(run(UDP4), "set ip_tos=0x00/0xfc; set ip_ttl=64; output port 2");
}

static void ttl_is_decremented_packet_by_packet(void **)
{
	add_action(&a, DP_ACTION_DEC_TTL);
	add_action(&a, DP_ACTION_DEC_TTL);
	add_output(&a, 20);
	env_rule(e, 1, 0, 1, "", &a);
	env_commit(e);
	assert_string_equal(run(UDP4), "dec_ttl 2 times; output port 2");
	assert_int_equal(run_from(1, UDP4)->cacheable, 1);
	// One that runs out makes no session for the others.
	assert_string_equal(run("eth_type=0x0800,ip_proto=17,ip_ttl=2"), "drop (ttl_expired)");
	assert_string_equal(run("eth_type=0x0806"), "output port 2");
}

static void setting_ttl_does_not_revive_an_expired_packet(void **)
{
	add_action(&a, DP_ACTION_DEC_TTL);
	add_set(&a, FIELD_IP_TTL, "9");
	add_action(&a, DP_ACTION_DEC_TTL);
	add_output(&a, 20);
	env_rule(e, 1, 0, 1, "", &a);
	env_commit(e);
	assert_string_equal(run(UDP4), "dec_ttl; set ip_ttl=8; output port 2");
}

static void ttl_that_a_rule_set_to_one_expires_in_the_rules(void **)
{
	add_set(&a, FIELD_IP_TTL, "1");
	add_action(&a, DP_ACTION_DEC_TTL);
	add_output(&a, 20);
	env_rule(e, 1, 0, 1, "", &a);
	env_commit(e);
	assert_string_equal(run(UDP4), "drop (ttl_expired)");
}

static void vlan_push_takes_the_outer_tag_and_pop_removes_it(void **)
{
	add_action(&a, DP_ACTION_PUSH_VLAN)->push_vlan.tpid = 0x88a8;
	add_set(&a, FIELD_VLAN_VID, "99");
	add_output(&a, 20);
	add_action(&a, DP_ACTION_POP_VLAN);
	add_action(&a, DP_ACTION_POP_VLAN);
	add_output(&a, 30);
	env_rule(e, 1, 0, 1, "", &a);
	env_commit(e);
	assert_string_equal(run(TAGGED UDP4), "push_vlan tpid=0x88a8 tci=0x0063; output port 2 "
					      "(copy); pop_vlan; pop_vlan; output port 3");
	assert_string_equal(run(UDP4),
	    "push_vlan tpid=0x88a8 tci=0x0063; output port 2 (copy); pop_vlan; output port 3");
	assert_string_equal(run(TAGGED "vlan_tci2=0x1008," UDP4), "drop (bad_vlan)");
}

static void vlan_rewrite_is_one_op(void **)
{
	add_action(&a, DP_ACTION_POP_VLAN);
	add_action(&a, DP_ACTION_PUSH_VLAN)->push_vlan.tpid = 0x8100;
	add_set(&a, FIELD_VLAN_VID, "8");
	add_set(&a, FIELD_VLAN_PCP, "5");
	add_output(&a, 20);
	env_rule(e, 1, 0, 1, "", &a);
	env_commit(e);
	assert_string_equal(run(TAGGED UDP4), "set vlan_tci=0xa008; output port 2");
	assert_string_equal(run(UDP4), "push_vlan tpid=0x8100 tci=0xa008; output port 2");
}

static void goto_metadata_and_registers_steer_later_tables(void **)
{
	struct dp_rule_conf c = {.bridge = 1,
	    .priority = 1,
	    .goto_table = 7,
	    .flags = DP_RULE_F_GOTO | DP_RULE_F_WRITE_METADATA,
	    .metadata_be = htobe64(0x1234),
	    .metadata_mask_be = htobe64(0xff)};
	add_set(&a, FIELD_REG3, "5");
	add_move(&a, FIELD_IPV4_SRC, FIELD_REG4, 32);
	env_rule_full(e, &c, "", &a, NULL);
	env_rule(e, 1, 7, 1, "metadata=0x34,reg3=5,reg4=0x0a000001", output_to(20));
	env_commit(e);
	assert_string_equal(run(UDP4), "output port 2");
	assert_int_equal(run_from(1, UDP4)->n_rules, 2);
}

static void miss_after_goto_drops_the_action_set(void **)
{
	struct dp_rule_conf c = {
	    .bridge = 1, .priority = 1, .goto_table = 7, .flags = DP_RULE_F_GOTO};
	env_rule_full(e, &c, "", NULL, output_to(20));
	env_commit(e);
	assert_string_equal(run(UDP4), "drop (table_miss)");
}

static void action_set_runs_in_openflow_order(void **)
{
	struct dp_rule_conf c = {.bridge = 1, .priority = 1};
	add_output(&a, 30);
	add_set(&a, FIELD_VLAN_VID, "9");
	add_action(&a, DP_ACTION_DEC_TTL);
	add_action(&a, DP_ACTION_PUSH_VLAN)->push_vlan.tpid = 0x8100;
	add_action(&a, DP_ACTION_POP_VLAN);
	add_output(&a, 20); // replaces the first
	env_rule_full(e, &c, "", NULL, &a);
	env_commit(e);
	assert_string_equal(run(TAGGED UDP4), "set vlan_tci=0x0009; dec_ttl; output port 2");
}

static void group_wins_over_output_in_the_action_set(void **)
{
	struct dp_rule_conf c = {.bridge = 1, .priority = 1};
	add_group(&a, 5);
	add_output(&a, 20);
	env_rule_full(e, &c, "", NULL, &a);
	env_group(e, 1, 5, DP_GROUP_INDIRECT, output_to(40), 1);
	env_commit(e);
	assert_string_equal(run(UDP4), "output port 4");
}

static void clear_empties_the_set_before_the_rule_writes_its_own(void **)
{
	struct dp_rule_conf first = {
	    .bridge = 1, .priority = 1, .goto_table = 1, .flags = DP_RULE_F_GOTO};
	struct dp_rule_conf second = {
	    .bridge = 1, .table = 1, .priority = 1, .flags = DP_RULE_F_CLEAR};
	add_group(&a, 5);
	env_rule_full(e, &first, "", NULL, &a);
	env_rule_full(e, &second, "", NULL, output_to(20));
	env_commit(e);
	assert_string_equal(run(UDP4), "output port 2");
}

static void all_group_gives_each_bucket_the_packet_as_it_was(void **)
{
	struct actions b[3] = {0};
	add_set(&b[0], FIELD_ETH_DST, "02:00:00:00:00:aa");
	add_output(&b[0], 20);
	add_output(&b[1], 30);
	add_set(&b[2], FIELD_UDP_DST, "99");
	add_output(&b[2], 40);
	env_group(e, 1, 5, DP_GROUP_ALL, b, 3);
	add_group(&a, 5);
	env_rule(e, 1, 0, 1, "", &a);
	env_commit(e);
	assert_string_equal(run(UDP4), "set eth_dst=02:00:00:00:00:aa; output port 2 (copy); set "
				       "eth_dst=02:00:00:00:00:02; output port 3 (copy); "
				       "set tp_dst=99; output port 4");
	assert_int_equal(run_from(1, UDP4)->cacheable, 1);
}

static void giving_a_volatile_field_back_is_for_this_packet_only(void **)
{
	struct actions b[2] = {0};
	add_action(&b[0], DP_ACTION_DEC_TTL);
	add_set(&b[0], FIELD_IP_DSCP, "10");
	add_output(&b[0], 20);
	add_output(&b[1], 30);
	env_group(e, 1, 5, DP_GROUP_ALL, b, 2);
	add_group(&a, 5);
	env_rule(e, 1, 0, 1, "", &a);
	env_commit(e);
	assert_string_equal(run(UDP4), "set ip_tos=0x28/0xfc; dec_ttl; output port 2 (copy); set "
				       "ip_tos=0x00/0xfc; set ip_ttl=64; output port 3");
	assert_int_equal(run_from(1, UDP4)->cacheable, 0);
	// The first bucket's copy has no TTL left; the second's is untouched.
	assert_string_equal(run("eth_type=0x0800,ip_proto=17,ip_ttl=1"), "output port 3");
	assert_int_equal(run_from(1, "eth_type=0x0800,ip_proto=17,ip_ttl=1")->cacheable, 0);
}

static void ttl_that_ran_out_on_a_copy_only_is_not_kept(void **)
{
	struct actions b[1] = {0};
	add_action(&b[0], DP_ACTION_DEC_TTL);
	add_output(&b[0], 20);
	env_group(e, 1, 5, DP_GROUP_INDIRECT, b, 1);
	add_group(&a, 5);
	add_set(&a, FIELD_IP_TTL,
	    "9"); // no byte of the bucket's is left, but act would stop at its decrement
	add_output(&a, 30);
	env_rule(e, 1, 0, 1, "", &a);
	env_commit(e);
	assert_string_equal(
	    run(UDP4), "dec_ttl; output port 2 (copy); set ip_ttl=9; output port 3");
	assert_int_equal(run_from(1, UDP4)->cacheable, 0);
}

static void fast_failover_takes_the_first_live_bucket(void **)
{
	struct actions b[2] = {0};
	add_output(&b[0], 20);
	add_output(&b[1], 30);
	struct group *g = env_group(e, 1, 5, DP_GROUP_FAST_FAILOVER, b, 2);
	g->buckets[0].watch_port = 20;
	g->buckets[1].watch_port = 30;
	add_group(&a, 5);
	env_rule(e, 1, 0, 1, "", &a);
	env_commit(e);
	assert_string_equal(run(UDP4), "output port 2");
	e->ports[2].link_up = false;
	assert_string_equal(run(UDP4), "output port 3");
	e->ports[3].link_up = false;
	assert_string_equal(run(UDP4), "drop (bad_group)");
}

static void failover_groups_that_watch_each_other_end(void **)
{
	struct actions b[2] = {0};
	add_output(&b[0], 20);
	for (uint32_t id = 5; id <= 6; id++) {
		struct group *g = env_group(e, 1, id, DP_GROUP_FAST_FAILOVER, b, 2);
		g->buckets[0].watch_group = g->buckets[1].watch_group = 11 - id;
	}
	add_group(&a, 5);
	env_rule(e, 1, 0, 1, "", &a);
	env_commit(e);
	assert_string_equal(run(UDP4), "drop (pipeline_depth)");
}

static void select_spreads_by_weight_and_keeps_a_flow_together(void **)
{
	struct actions b[3] = {0};
	for (uint32_t i = 0; i < 3; i++)
		add_output(&b[i], 20 + 10 * i);
	struct group *g = env_group(e, 1, 5, DP_GROUP_SELECT, b, 3);
	g->buckets[0].weight = 3;
	g->buckets[2].weight = 0;
	add_group(&a, 5);
	env_rule(e, 1, 0, 1, "", &a);
	env_commit(e);
	unsigned int n[6] = {0};
	for (unsigned int i = 0; i < 2000; i++) {
		char packet[256];
		snprintf(packet, sizeof(packet), "eth_type=0x0800,ip_proto=17,ip_ttl=%u,udp_src=%u",
		    i % 250, i / 2 + 1);
		const struct program *p = run_from(1, packet);
		n[p->ops->output.port]++;
	}
	assert_in_range(n[2], 1300, 1700);
	assert_int_equal(n[2] + n[3], 2000);
	assert_int_equal(n[2] % 2, 0); // TTL does not split a flow
}

static void group_that_is_not_there_or_calls_itself_is_a_drop(void **)
{
	struct actions b[2] = {0};
	add_group(&b[0], 5);
	add_group(&b[1], 5);
	add_group(&a, 6);
	env_rule(e, 1, 0, 1, "", &a);
	env_commit(e);
	assert_string_equal(run(UDP4), "drop (bad_group)");
	env_group(e, 1, 5, DP_GROUP_ALL, b, 2);
	a.size = 0;
	add_group(&a, 5);
	env_rule(e, 1, 0, 2, "", &a);
	env_commit(e);
	assert_string_equal(run(UDP4), "drop (pipeline_depth)");
}

static void resubmit_looks_with_another_in_port_and_comes_back(void **)
{
	add_resubmit(&a, 30, 4);
	add_output(&a, 40);
	env_rule(e, 1, 0, 1, "", &a);
	struct actions *inner = output_to(DP_OFPORT_IN_PORT);
	add_resubmit(inner, DP_OFPORT_IN_PORT, 5);
	env_rule(e, 1, 4, 1, "in_port=30", inner);
	env_rule(e, 1, 5, 1, "in_port=10", output_to(50)); // the override was for one look-up
	env_commit(e);
	assert_string_equal(run(UDP4), "output port 1 (copy); output port 5 (copy); output port 4");
}

static void in_port_of_a_resubmit_does_not_reach_past_a_goto(void **)
{
	struct dp_rule_conf c = {
	    .bridge = 1, .table = 4, .priority = 1, .goto_table = 5, .flags = DP_RULE_F_GOTO};
	add_resubmit(&a, 30, 4);
	env_rule(e, 1, 0, 1, "", &a);
	env_rule_full(e, &c, "in_port=30", NULL, NULL);
	env_rule(e, 1, 5, 1, "in_port=10", output_to(50));
	env_rule(e, 1, 5, 1, "in_port=30", output_to(40));
	env_commit(e);
	assert_string_equal(run(UDP4), "output port 5");
}

static void resubmit_to_nothing_is_no_harm(void **)
{
	add_resubmit(&a, DP_OFPORT_IN_PORT, 9);
	env_rule(e, 1, 0, 1, "", &a);
	add_output(&a, 20);
	env_rule(e, 1, 0, 2, "eth_type=0x0800", &a);
	env_commit(e);
	assert_string_equal(run(UDP4), "output port 2");
	assert_string_equal(run("eth_type=0x0806"), "drop (table_miss)");
}

static void resubmit_loop_is_cut(void **)
{
	add_output(&a, 20);
	add_resubmit(&a, DP_OFPORT_IN_PORT, 255);
	add_resubmit(&a, DP_OFPORT_IN_PORT, 255);
	env_rule(e, 1, 0, 1, "", &a);
	env_commit(e);
	assert_string_equal(run(UDP4), "drop (pipeline_depth)");
}

static void drop_action_stops_with_its_reason(void **)
{
	add_drop(&a, DP_DROP_SPOOF_MAC);
	add_output(&a, 20);
	env_rule(e, 1, 0, 1, "", &a);
	struct actions *l = output_to(30);
	add_resubmit(l, DP_OFPORT_IN_PORT, 1);
	add_output(l, 40); // not reached
	env_rule(e, 1, 0, 2, "eth_type=0x0800", l);
	struct actions *stop = fresh();
	add_drop(stop, DP_DROP_SPOOF_IP);
	env_rule(e, 1, 1, 1, "", stop);
	env_commit(e);
	assert_string_equal(run("eth_type=0x0806"), "drop (spoof_mac)");
	assert_string_equal(run(UDP4), "output port 3");
}

static void controller_gets_the_packet_as_rewritten(void **)
{
	add_set(&a, FIELD_ETH_DST, "02:00:00:00:00:aa");
	add_action(&a, DP_ACTION_CONTROLLER)->controller.reason = 7;
	env_rule(e, 1, 0, 1, "", &a);
	env_rule(e, 1, 0, 0, "", output_to(DP_OFPORT_CONTROLLER));
	env_rule(e, 1, 0, 3, "eth_type=0x0806", output_to(DP_OFPORT_CONTROLLER));
	env_commit(e);
	assert_string_equal(run(UDP4), "set eth_dst=02:00:00:00:00:aa; punt reason 7");
	assert_string_equal(run("eth_type=0x0806"), "punt reason 1");
	const struct program *p = run_from(1, UDP4);
	assert_int_equal(p->cacheable, 0); // a scan that only asks the controller makes no sessions
	env_rule_del(e, e->rules[0]);
	env_commit(e);
	assert_string_equal(run(UDP4), "punt reason 0");
}

static void a_packet_sees_the_rules_of_one_version(void **)
{
	struct rule *old = env_rule(e, 1, 0, 1, "", output_to(20));
	env_commit(e);
	uint64_t before = e->w->version;
	env_rule_del(e, old);
	e->dp->version++; // what follows is added at the version after
	env_rule(e, 1, 0, 1, "", output_to(30));
	e->w->version = before;
	assert_string_equal(run(UDP4), "output port 2");
	e->w->version = e->dp->version;
	assert_string_equal(run(UDP4), "output port 3");
}

static void make_patch(uint32_t b1, uint16_t id1, uint32_t b2, uint16_t id2)
{
	struct port *p1 = env_port(e, id1, b1, id1 * 10), *p2 = env_port(e, id2, b2, id2 * 10);
	p1->kind = p2->kind = DP_PORT_PATCH;
	p1->conf.peer = id2;
	p2->conf.peer = id1;
}

static void patch_port_goes_on_in_the_other_bridge_and_comes_back(void **)
{
	make_patch(1, 11, 2, 12);
	env_port(e, 13, 2, 130);
	add_set(&a, FIELD_REG0, "1");
	add_set(&a, FIELD_METADATA, "2");
	add_output(&a, 110);
	add_output(&a, 20);
	env_rule(e, 1, 0, 1, "", &a);
	struct actions *l = fresh();
	add_set(l, FIELD_ETH_DST, "02:00:00:00:00:aa");
	add_output(l, 130);
	env_rule(e, 2, 0, 1, "reg0=0,metadata=0,tun_id=0,in_port=120", l);
	env_commit(e);
	assert_string_equal(run("tun_id=9," UDP4),
	    "patch from port 11 to port 12; set eth_dst=02:00:00:00:00:aa; output port 13 (copy); "
	    "set eth_dst=02:00:00:00:00:02; output port 2");
	assert_int_equal(run_from(1, UDP4)->cacheable, 1);
}

static void patch_loop_is_cut(void **)
{
	make_patch(1, 11, 2, 12);
	env_rule(e, 1, 0, 1, "in_port=110", output_to(DP_OFPORT_IN_PORT));
	env_rule(e, 1, 0, 1, "in_port=10", output_to(110));
	env_rule(e, 2, 0, 1, "", output_to(DP_OFPORT_IN_PORT));
	env_commit(e);
	assert_string_equal(run(UDP4), "drop (pipeline_depth)");
}

/* Slot 0: 192.0.2.5, slot 1: 192.0.2.9. */
static void make_routes(void)
{
	struct dp_route_conf r[2] = {0};
	const struct dp_route_conf *slots[] = {&r[0], &r[1]};
	struct dp_local_conf local = {0};
	const struct dp_local_conf *locals[] = {&local};
	struct tunnel_cfg_input in = {
	    .routes = slots, .n_routes = 2, .locals = locals, .n_locals = 1};
	assert_int_equal(ip_parse("192.0.2.80", &local.addr), 0);
	assert_int_equal(ip_parse("192.0.2.5", &r[0].remote), 0);
	assert_int_equal(ip_parse("192.0.2.9", &r[1].remote), 0);
	e->dp->tunnels = tunnel_cfg_create(&in);
	assert_non_null(e->dp->tunnels);
}

static void tunnel_takes_remote_and_vni_from_port_or_flow(void **)
{
	struct port *fixed = env_port(e, 21, 1, 210), *flow = env_port(e, 22, 1, 220);
	fixed->kind = flow->kind = DP_PORT_VXLAN;
	fixed->conf.tnl_vni = 77;
	fixed->conf.tnl_tos = 8;
	assert_int_equal(ip_parse("192.0.2.5", &fixed->conf.tnl_remote), 0);
	make_routes();
	flow->conf.flags = DP_PORT_F_REMOTE_FLOW | DP_PORT_F_VNI_FLOW | DP_PORT_F_TOS_INHERIT;
	add_output(&a, 210);
	add_set(&a, FIELD_TUN_DST, "192.0.2.9");
	add_set(&a, FIELD_TUN_ID, "4097");
	add_output(&a, 220);
	env_rule(e, 1, 0, 1, "", &a);
	env_commit(e);
	// Slots are what the stub makes of the address.
	const struct program *p = run_from(1, UDP4);
	assert_int_equal(p->n_outputs, 2);
	const struct prog_op *op = p->ops;
	assert_int_equal(op->type, PROG_TUNNEL);
	assert_int_equal(op->tunnel.vni, 77);
	assert_int_equal(op->tunnel.ttl, 64);
	assert_int_equal(op->tunnel.tos, 8);
	assert_int_equal(op->tunnel.udp_port, 4789);
	assert_int_equal(op->tunnel.route, 0);
	op = (const void *)((const uint8_t *)op + op->len);
	assert_int_equal(op->tunnel.vni, 4097);
	assert_int_equal(op->tunnel.route, 1);
	assert_int_equal(op->tunnel.tnl_flags, PROG_TNL_TOS_INHERIT);
	assert_int_equal(op->tunnel.local, 0);
	flow->conf.flags |= DP_PORT_F_OUT_VNI | DP_PORT_F_CSUM | DP_PORT_F_NO_DF |
			    DP_PORT_F_TTL_INHERIT | DP_PORT_F_LOCAL_FLOW;
	flow->conf.tnl_out_vni = 5;
	fixed->conf.flags = DP_PORT_F_OUT_VNI_FLOW;
	assert_int_equal(ip_parse("192.0.2.80", &fixed->conf.tnl_local), 0);
	op = run_from(1, "tun_id=9,tun_src=192.0.2.80," UDP4)->ops;
	assert_int_equal(op->tunnel.vni, 9);
	assert_int_equal(op->tunnel.local, 1);
	op = (const void *)((const uint8_t *)op + op->len);
	assert_int_equal(op->tunnel.vni, 5);
	assert_int_equal(op->tunnel.local, 1);
	assert_int_equal(op->tunnel.tnl_flags,
	    PROG_TNL_TOS_INHERIT | PROG_TNL_CSUM | PROG_TNL_NO_DF | PROG_TNL_TTL_INHERIT);
	fixed->conf.flags = 0;
	assert_int_equal(ip_parse("192.0.2.81", &fixed->conf.tnl_local), 0); // not ours
	assert_string_equal(run("tun_src=192.0.2.82," UDP4), "drop (tunnel_no_route)");
}

static void tunnel_without_remote_vni_or_route_is_a_drop(void **)
{
	struct port *flow = env_port(e, 22, 1, 220);
	flow->kind = DP_PORT_VXLAN;
	flow->conf.flags = DP_PORT_F_REMOTE_FLOW | DP_PORT_F_VNI_FLOW;
	make_routes();
	env_rule(e, 1, 0, 1, "", output_to(220));
	env_commit(e);
	assert_string_equal(run(UDP4), "drop (tunnel_no_id)");
	assert_string_equal(run("tun_dst=192.0.2.1,tun_id=0x1000000," UDP4), "drop (tunnel_no_id)");
	assert_string_equal(run("tun_dst=10.9.9.9,tun_id=1," UDP4), "drop (tunnel_no_route)");
	tunnel_cfg_destroy(e->dp->tunnels);
	e->dp->tunnels = NULL;
	assert_string_equal(run("tun_dst=192.0.2.1,tun_id=1," UDP4), "drop (tunnel_no_route)");
}

static void normal_learns_forwards_and_floods(void **)
{
	env_rule(e, 1, 0, 0, "", output_to(DP_OFPORT_NORMAL));
	env_commit(e);
	const char *there = "eth_src=02:00:00:00:00:01,eth_dst=02:00:00:00:00:02,eth_type=0x88b5";
	const char *back = "eth_src=02:00:00:00:00:02,eth_dst=02:00:00:00:00:01,eth_type=0x88b5";
	assert_string_equal(run(there), "refresh source MAC on port 1, VLAN 0; output port 2 "
					"(copy); output port 3 (copy); output port 4 (copy); "
					"output port 5");
	const struct program *p = run_from(1, there);
	struct program_fdb dep = p->fdb[0];
	assert_int_equal(p->n_fdb, 1);
	assert_string_equal(
	    program_text(run_from(3, back)), "refresh source MAC on port 3, VLAN 0; output port 1");
	assert_int_not_equal(
	    dep.generation, fdb_shard_generation(e->bridges[1].fdb, dep.shard)); // flooded before
	assert_string_equal(run(there), "refresh source MAC on port 1, VLAN 0; output port 3");
	// The same addresses in another VLAN are other stations.
	assert_int_equal(
	    run_from(1, TAGGED "eth_src=02:00:00:00:00:01,eth_dst=02:00:00:00:00:02")->n_outputs,
	    4);
	// A station does not get its own packets back.
	assert_string_equal(program_text(run_from(3, there)),
	    "refresh source MAC on port 3, VLAN 0; drop (hairpin)");
}

static void normal_drops_what_it_must_not_learn_or_forward(void **)
{
	env_rule(e, 1, 0, 0, "", output_to(DP_OFPORT_NORMAL));
	env_commit(e);
	assert_string_equal(
	    run("eth_src=02:00:00:00:00:01,eth_dst=01:80:c2:00:00:0e"), "drop (link_local_mcast)");
	e->ports[1].conf.max_macs = 1;
	assert_int_equal(
	    run_from(1, "eth_src=02:00:00:00:00:01,eth_dst=ff:ff:ff:ff:ff:ff")->n_outputs, 4);
	assert_string_equal(
	    run("eth_src=02:00:00:00:00:09,eth_dst=ff:ff:ff:ff:ff:ff"), "drop (mac_limit)");
	// A multicast source is never learned.
	assert_int_equal(
	    run_from(1, "eth_src=03:00:00:00:00:09,eth_dst=ff:ff:ff:ff:ff:ff")->n_outputs, 4);
}

static void normal_learns_nothing_in_dry_run(void **)
{
	env_rule(e, 1, 0, 0, "", output_to(DP_OFPORT_NORMAL));
	env_commit(e);
	e->w->dry_run = true;
	assert_int_equal(
	    run_from(1, "eth_src=02:00:00:00:00:01,eth_dst=02:00:00:00:00:02")->n_outputs, 4);
	e->w->dry_run = false;
	struct dp_fdb_entry entry;
	assert_int_equal(fdb_dump(e->bridges[1].fdb, 0, &entry, 1), 0);
}

static void packet_that_comes_round_moves_its_source_once(void **)
{
	make_patch(1, 11, 2, 12);
	env_rule(e, 1, 0, 0, "", output_to(DP_OFPORT_NORMAL));
	env_rule(e, 2, 0, 0, "", output_to(DP_OFPORT_IN_PORT));
	env_rule(e, 1, 0, 1, "in_port=110", output_to(DP_OFPORT_NORMAL));
	((struct bridge_ports *)(uintptr_t)e->bridges[1].ports)->p[5].flood = 0;
	e->ports[11].conf.max_macs = 1;
	struct actions *l = output_to(DP_OFPORT_NORMAL);
	add_output(l, 110);
	env_rule(e, 1, 0, 2, "in_port=10", l);
	env_commit(e);
	const struct program *p =
	    run_from(1, "eth_src=02:00:00:00:00:01,eth_dst=02:00:00:00:00:02");
	assert_int_equal(p->cacheable, 0);
	assert_int_equal(p->ops->type, PROG_REFRESH);
	assert_int_equal(
	    p->ops->refresh.idx, FDB_NONE); // act would find it moved, and run the rules for ever
	struct mac_addr mac = {{2, 0, 0, 0, 0, 1}};
	assert_int_equal(fdb_lookup(e->bridges[1].fdb, &mac, 0, e->w->now_ms), 11);
}

static void source_that_rules_changed_is_learned_but_not_kept_by_a_session(void **)
{
	add_set(&a, FIELD_ETH_SRC, "02:00:00:00:00:55");
	add_output(&a, DP_OFPORT_NORMAL);
	env_rule(e, 1, 0, 0, "", &a);
	env_commit(e);
	const struct program *p =
	    run_from(1, "eth_src=02:00:00:00:00:01,eth_dst=ff:ff:ff:ff:ff:ff");
	assert_int_equal(p->cacheable, 0);
	struct mac_addr mac = {{2, 0, 0, 0, 0, 0x55}};
	assert_int_equal(fdb_lookup(e->bridges[1].fdb, &mac, 0, e->w->now_ms), 1);
}

static void stand_alone_bridge_learns_without_rules(void **)
{
	e->bridges[1].flags = DP_BRIDGE_F_MISS_NORMAL;
	assert_int_equal(run_from(1, UDP4)->n_outputs, 4);
}

static void guest_port_refuses_link_local_multicast(void **)
{
	env_rule(e, 1, 0, 0, "", output_to(20));
	env_commit(e);
	assert_string_equal(run("eth_dst=01:80:c2:00:00:00"), "output port 2");
	e->ports[1].conf.flags = DP_PORT_F_GUEST;
	assert_string_equal(run("eth_dst=01:80:c2:00:00:00"), "drop (link_local_mcast)");
	assert_string_equal(run("eth_dst=01:80:c2:00:00:10"), "output port 2");
}

static void replies_go_out_as_rewritten_and_are_not_kept(void **)
{
	struct dp_action *r = add_action(&a, DP_ACTION_ARP_REPLY);
	r->reply.mac = (struct mac_addr){{2, 0, 0, 0, 0, 9}};
	env_rule(e, 1, 0, 0, "", &a);
	env_commit(e);
	assert_string_equal(run("eth_type=0x0806,arp_op=1"), "arp_reply mac=02:00:00:00:00:09");
	assert_int_equal(run_from(1, "eth_type=0x0806,arp_op=1")->cacheable, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(no_rule_is_a_table_miss),
	    TEST(rule_without_output_drops_and_is_named),
	    TEST(highest_priority_wins),
	    TEST(plain_output_to_ingress_is_a_hairpin_and_in_port_is_not),
	    TEST(failed_output_matters_only_when_nothing_else_leaves),
	    TEST(flood_leaves_out_ingress_and_no_flood_ports_and_all_only_ingress),
	    TEST(fields_are_written_once_and_only_before_an_output),
	    TEST(fields_the_packet_does_not_have_are_left_alone),
	    TEST(volatile_fields_are_written_even_when_this_packet_has_the_value),
	    TEST(ttl_is_decremented_packet_by_packet),
	    TEST(setting_ttl_does_not_revive_an_expired_packet),
	    TEST(ttl_that_a_rule_set_to_one_expires_in_the_rules),
	    TEST(vlan_push_takes_the_outer_tag_and_pop_removes_it),
	    TEST(vlan_rewrite_is_one_op),
	    TEST(goto_metadata_and_registers_steer_later_tables),
	    TEST(miss_after_goto_drops_the_action_set),
	    TEST(action_set_runs_in_openflow_order),
	    TEST(group_wins_over_output_in_the_action_set),
	    TEST(clear_empties_the_set_before_the_rule_writes_its_own),
	    TEST(all_group_gives_each_bucket_the_packet_as_it_was),
	    TEST(giving_a_volatile_field_back_is_for_this_packet_only),
	    TEST(ttl_that_ran_out_on_a_copy_only_is_not_kept),
	    TEST(fast_failover_takes_the_first_live_bucket),
	    TEST(failover_groups_that_watch_each_other_end),
	    TEST(select_spreads_by_weight_and_keeps_a_flow_together),
	    TEST(group_that_is_not_there_or_calls_itself_is_a_drop),
	    TEST(resubmit_looks_with_another_in_port_and_comes_back),
	    TEST(in_port_of_a_resubmit_does_not_reach_past_a_goto),
	    TEST(resubmit_to_nothing_is_no_harm),
	    TEST(resubmit_loop_is_cut),
	    TEST(drop_action_stops_with_its_reason),
	    TEST(controller_gets_the_packet_as_rewritten),
	    TEST(a_packet_sees_the_rules_of_one_version),
	    TEST(patch_port_goes_on_in_the_other_bridge_and_comes_back),
	    TEST(patch_loop_is_cut),
	    TEST(tunnel_takes_remote_and_vni_from_port_or_flow),
	    TEST(tunnel_without_remote_vni_or_route_is_a_drop),
	    TEST(normal_learns_forwards_and_floods),
	    TEST(normal_drops_what_it_must_not_learn_or_forward),
	    TEST(normal_learns_nothing_in_dry_run),
	    TEST(packet_that_comes_round_moves_its_source_once),
	    TEST(source_that_rules_changed_is_learned_but_not_kept_by_a_session),
	    TEST(stand_alone_bridge_learns_without_rules),
	    TEST(guest_port_refuses_link_local_multicast),
	    TEST(replies_go_out_as_rewritten_and_are_not_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
