/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct flow_match tcp_match(void)
{
	struct flow_match m = {
	    .key = {.in_port = 7,
		.eth_type = 0x0008,
		.ip4_dst = 0x0100000a,
		.ip_proto = 6,
		.tp_dst = 80},
	    .mask = {.in_port = UINT32_MAX,
		.eth_type = UINT16_MAX,
		.ip4_dst = 0x00ffffff,
		.ip_proto = UINT8_MAX,
		.tp_dst = UINT16_MAX},
	};

	m.key.ip4_dst &= m.mask.ip4_dst;
	return m;
}

static void rule_keeps_match_and_both_action_lists(void **)
{
	struct dp_action apply = {.type = DP_ACTION_OUTPUT, .len = 16, .output.port = 3};
	struct dp_action write[2] = {{.type = DP_ACTION_GROUP, .len = 16, .group.id = 9}};
	struct dp_rule_conf conf = {
	    .bridge = 5,
	    .priority = 100,
	    .table = 2,
	    .goto_table = 3,
	    .cookie = 0xc0,
	    .flags = DP_RULE_F_GOTO,
	    .idle_timeout_s = 4,
	    .hard_timeout_s = 6,
	    .apply_size = 16,
	    .write_size = 16,
	    .metadata_be = 1,
	    .metadata_mask_be = 3,
	};
	struct flow_match m = tcp_match(), back;
	struct rule *r = rule_create(77, &conf, &m, &apply, write);

	assert_non_null(r);
	rule_match(r, &back);
	assert_memory_equal(&m, &back, sizeof(m));
	assert_int_equal(r->id, 77);
	assert_int_equal(r->cookie, 0xc0);
	assert_int_equal(r->bridge, 5);
	assert_int_equal(r->priority, 100);
	assert_int_equal(r->table, 2);
	assert_int_equal(r->goto_table, 3);
	assert_int_equal(r->flags, DP_RULE_F_GOTO);
	assert_int_equal(r->idle_timeout_s, 4);
	assert_int_equal(r->hard_timeout_s, 6);
	assert_int_equal(r->metadata_mask_be, 3);
	assert_int_equal(r->apply_size, 16);
	assert_int_equal(r->write_size, 16);
	assert_memory_equal(rule_apply_actions(r), &apply, 16);
	assert_memory_equal(rule_write_actions(r), write, 16);
	assert_int_equal(
	    rule_size(r), sizeof(*r) + (size_t)__builtin_popcountll(r->match_map) * 16 + 32);
	rule_free(r);
}

static void rule_matches_inside_its_mask_only(void **)
{
	struct dp_rule_conf conf = {0};
	struct flow_match m = tcp_match();
	struct rule *r = rule_create(1, &conf, &m, NULL, NULL);
	struct flow_key k = m.key;

	assert_non_null(r);
	assert_true(rule_matches(r, &k));
	k.ip4_dst |= 0xff000000; // outside the mask
	k.tp_src = 1234;
	k.reg[3] = 5;
	assert_true(rule_matches(r, &k));
	for (size_t bit = 0; bit < sizeof(k) * 8; bit++) {
		uint8_t *byte = (uint8_t *)&k + bit / 8;
		bool masked = (((const uint8_t *)&m.mask)[bit / 8] >> (bit % 8) & 1) != 0;
		*byte ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(rule_matches(r, &k), !masked);
		*byte ^= (uint8_t)(1 << bit % 8);
	}
	rule_free(r);
}

static void rule_stores_match_canonically(void **)
{
	struct dp_rule_conf conf = {0};
	struct flow_match m = {.key = {.in_port = 0xffffffff}, .mask = {.in_port = 0x0000ffff}},
			  back;
	struct rule *r = rule_create(1, &conf, &m, NULL, NULL);

	assert_non_null(r);
	rule_match(r, &back);
	assert_int_equal(back.key.in_port, 0x0000ffff);
	assert_int_equal(back.mask.in_port, 0x0000ffff);
	rule_free(r);
}

static void rule_without_match_matches_everything(void **)
{
	struct dp_rule_conf conf = {0};
	struct flow_match m = {0};
	struct flow_key k;
	struct rule *r = rule_create(1, &conf, &m, NULL, NULL);

	assert_non_null(r);
	memset(&k, 0xa5, sizeof(k));
	assert_int_equal(r->match_map, 0);
	assert_int_equal(rule_size(r), sizeof(*r));
	assert_true(rule_matches(r, &k));
	rule_free(r);
}

static void rule_is_visible_between_its_versions(void **)
{
	struct rule r = {.add_version = 5, .del_version = UINT64_MAX};

	assert_false(rule_visible(&r, 4));
	assert_true(rule_visible(&r, 5));
	assert_true(rule_visible(&r, UINT64_MAX - 1));
	r.del_version = 7;
	assert_true(rule_visible(&r, 6));
	assert_false(rule_visible(&r, 7));
	r.del_version = 5; // added and deleted in one transaction
	assert_false(rule_visible(&r, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rule_keeps_match_and_both_action_lists),
	    cmocka_unit_test(rule_matches_inside_its_mask_only),
	    cmocka_unit_test(rule_stores_match_canonically),
	    cmocka_unit_test(rule_without_match_matches_everything),
	    cmocka_unit_test(rule_is_visible_between_its_versions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
