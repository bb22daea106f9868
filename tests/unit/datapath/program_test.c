/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/program_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/dp_types.h"

static const struct hash_key secret = {{1, 2}};
static struct program_builder b;

static int setup(void **state)
{
	(void)state;
	assert_int_equal(program_builder_init(&b), 0);
	program_begin(&b);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	program_builder_fini(&b);
	return 0;
}

static void output(uint16_t port)
{
	program_append_output(&b, &(struct prog_op){.type = PROG_OUTPUT, .output.port = port});
}

static const struct program *outputs(uint16_t first, unsigned int n)
{
	program_begin(&b);
	for (unsigned int i = 0; i < n; i++)
		output((uint16_t)(first + i));
	return program_end(&b, DP_DROP_RULE_DROP);
}

/* Types of the ops, as text. */
static const char *shape(const struct program *p)
{
	static char s[4096];
	size_t n = 0;
	prog_foreach(op, p)
	{
		const char *letters = "OTP";
		char c = op->type < 3               ? letters[op->type]
			 : op->type == PROG_DROP    ? 'D'
			 : op->type == PROG_REFRESH ? 'r'
						    : 's';
		s[n++] = c;
		if (op->type < 3 && (op->flags & PROG_F_LAST) != 0)
			s[n++] = '!';
	}
	s[n] = '\0';
	return s;
}

static void only_the_last_output_takes_the_packet(void **state)
{
	(void)state;
	output(1);
	program_append(&b, &(struct prog_op){.type = PROG_SET_TTL, .ttl.ttl = 3});
	output(2);
	const struct program *p = program_end(&b, DP_DROP_RULE_DROP);
	assert_string_equal(shape(p), "OsO!");
	assert_int_equal(p->n_outputs, 2);
	assert_int_equal(p->cacheable, 1);
}

static void what_follows_the_last_output_is_cut(void **state)
{
	(void)state;
	output(1);
	program_append(&b, &(struct prog_op){.type = PROG_DEC_TTL, .ttl.ttl = 1});
	assert_string_equal(shape(program_end(&b, DP_DROP_RULE_DROP)), "O!");
}

static void without_output_it_drops_for_the_reason_and_is_not_kept(void **state)
{
	(void)state;
	program_append(&b, &(struct prog_op){.type = PROG_DEC_TTL, .ttl.ttl = 1});
	const struct program *p = program_end(&b, DP_DROP_SPOOF_MAC);
	assert_string_equal(shape(p), "sD");
	assert_int_equal(p->cacheable, 0);
	const struct prog_op *drop = (const void *)((const uint8_t *)p->ops + p->ops->len);
	assert_int_equal(drop->drop.reason, DP_DROP_SPOOF_MAC);
}

static void prologue_comes_first_whenever_it_was_added(void **state)
{
	(void)state;
	program_append(&b, &(struct prog_op){.type = PROG_SET_TTL, .ttl.ttl = 3});
	output(1);
	program_prepend(&b, &(struct prog_op){.type = PROG_REFRESH, .refresh.idx = 7});
	program_prepend(&b, &(struct prog_op){.type = PROG_REFRESH, .refresh.idx = 8});
	const struct program *p = program_end(&b, DP_DROP_RULE_DROP);
	assert_string_equal(shape(p), "rrsO!");
	assert_int_equal(p->ops->refresh.idx, 7);
}

static void a_program_holds_the_largest_flood_group_behind_tunnels(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < DP_MAX_BUCKETS; i++)
		program_append_output(&b, &(struct prog_op){.type = PROG_TUNNEL});
	const struct program *p = program_end(&b, DP_DROP_RULE_DROP);
	assert_int_equal(p->n_outputs, DP_MAX_BUCKETS);
}

static void too_many_ops_are_a_drop_for_depth(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < PROG_MAX_SIZE / 8; i++)
		output(1);
	const struct program *p = program_end(&b, DP_DROP_RULE_DROP);
	assert_string_equal(shape(p), "D");
	assert_int_equal(p->ops->drop.reason, DP_DROP_PIPELINE_DEPTH);
	assert_int_equal(p->n_outputs, 0);
}

static void too_many_rules_or_crossings_are_a_drop_for_depth(void **state)
{
	(void)state;
	output(1);
	for (unsigned int i = 0; i <= PROG_MAX_RULES; i++)
		program_add_rule(&b, i);
	const struct program *p = program_end(&b, DP_DROP_RULE_DROP);
	assert_int_equal(p->ops->drop.reason, DP_DROP_PIPELINE_DEPTH);
	program_begin(&b);
	output(1);
	for (unsigned int i = 0; i < PROLOGUE_MAX_SIZE; i++)
		program_prepend(&b, &(struct prog_op){.type = PROG_PATCH});
	p = program_end(&b, DP_DROP_RULE_DROP);
	assert_int_equal(p->ops->drop.reason, DP_DROP_PIPELINE_DEPTH);
	assert_string_equal(shape(outputs(1, 1)), "O!"); // the next program is not affected
}

static void many_learned_destinations_are_not_kept(void **state)
{
	(void)state;
	output(1);
	for (uint32_t i = 0; i < PROG_MAX_FDB; i++)
		program_add_fdb(&b, &(struct program_fdb){.bridge = i});
	assert_int_equal(program_end(&b, DP_DROP_RULE_DROP)->cacheable, 1);
	program_add_fdb(&b, &(struct program_fdb){.bridge = 99});
	assert_int_equal(b.prog->cacheable, 0);
}

static void equal_outcomes_share_one_program(void **state)
{
	(void)state;
	struct program_cache *c = program_cache_create(1 << 16, &secret);
	struct program *a = program_intern(c, outputs(1, 3));
	struct program *same = program_intern(c, outputs(1, 3));
	struct program *other = program_intern(c, outputs(2, 3));
	assert_ptr_equal(a, same);
	assert_ptr_not_equal(a, other);
	assert_int_equal(program_cache_count(c), 2);
	program_unref(c, a);
	assert_string_equal(shape(same), "OOO!"); // still referenced
	program_unref(c, same);
	program_unref(c, other);
	assert_int_equal(program_cache_count(c), 0);
	program_cache_destroy(c);
}

static void a_program_that_is_gone_is_made_again(void **state)
{
	(void)state;
	struct program_cache *c = program_cache_create(1 << 16, &secret);
	program_unref(c, program_intern(c, outputs(1, 3)));
	struct program *again = program_intern(c, outputs(1, 3));
	struct program *other = program_intern(c, outputs(2, 3));
	assert_int_equal(program_cache_count(c), 2);
	assert_ptr_not_equal(again, other);
	assert_ptr_equal(program_intern(c, outputs(1, 3)), again);
	program_cache_destroy(c);
}

static void outcomes_of_other_rules_are_not_shared(void **state)
{
	(void)state;
	struct program_cache *c = program_cache_create(1 << 16, &secret);
	struct program *p[5];
	for (unsigned int i = 0; i < 5; i++) {
		program_begin(&b);
		output(1);
		program_add_rule(&b, i == 1 ? 7 : 6);
		if (i == 4)
			program_add_fdb(&b, &(struct program_fdb){.bridge = 1, .generation = 2});
		struct program *q = (struct program *)(uintptr_t)program_end(&b, DP_DROP_RULE_DROP);
		q->rule = i == 2 ? 1 : 0;
		q->cookie = i == 3 ? 1 : 0;
		p[i] = program_intern(c, q);
		for (unsigned int j = 0; j < i; j++)
			assert_ptr_not_equal(p[i], p[j]);
	}
	assert_int_equal(p[1]->rules[0], 7);
	program_cache_destroy(c);
}

static void full_arena_refuses_and_recovers(void **state)
{
	(void)state;
	struct program_cache *c = program_cache_create(16 * 1024, &secret);
	struct program *kept[1024];
	unsigned int n = 0;
	while (n < 1024 && (kept[n] = program_intern(c, outputs((uint16_t)n, 1))) != NULL)
		n++;
	assert_in_range(n, 16, 128);
	assert_non_null(program_intern(c, outputs(0, 1))); // what is there can still be shared
	program_unref(c, kept[5]);
	assert_non_null(program_intern(c, outputs(2000, 1)));
	assert_null(program_intern(c, outputs(2001, 1)));
	for (unsigned int i = 1; i < n; i++)
		assert_int_equal(i == 5 ? 5 : kept[i]->ops->output.port, i);
	program_cache_destroy(c);
}

static void every_op_has_text_and_size(void **state)
{
	(void)state;
	for (int type = 0; type < PROG__COUNT; type++) {
		struct prog_op op = {.type = (uint8_t)type, .flags = 0xff};
		if (type == PROG_DROP)
			op.drop.reason = DP_DROP_SPOOF_IP;
		char text[200], cut[8];
		assert_true(strlen(prog_op_format(&op, text, sizeof(text))) >= 4);
		assert_true(strlen(prog_op_format(&op, cut, sizeof(cut))) < sizeof(cut));
		assert_int_equal(prog_op_size((enum prog_op_type)type) % 8, 0);
		assert_in_range(prog_op_size((enum prog_op_type)type), 16, sizeof(op));
	}
	char text[100];
	struct prog_op eth = {.type = PROG_SET_ETH, .flags = 2, .eth.src = {{2, 0, 0, 0, 0, 1}}};
	assert_string_equal(
	    prog_op_format(&eth, text, sizeof(text)), "set eth_src=02:00:00:00:00:01");
	struct prog_op drop = {.type = PROG_DROP, .drop.reason = DP_DROP_SPOOF_IP};
	assert_string_equal(prog_op_format(&drop, text, sizeof(text)), "drop (spoof_ip)");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(only_the_last_output_takes_the_packet),
	    TEST(what_follows_the_last_output_is_cut),
	    TEST(without_output_it_drops_for_the_reason_and_is_not_kept),
	    TEST(prologue_comes_first_whenever_it_was_added),
	    TEST(a_program_holds_the_largest_flood_group_behind_tunnels),
	    TEST(too_many_ops_are_a_drop_for_depth),
	    TEST(too_many_rules_or_crossings_are_a_drop_for_depth),
	    TEST(many_learned_destinations_are_not_kept),
	    TEST(equal_outcomes_share_one_program),
	    TEST(a_program_that_is_gone_is_made_again),
	    TEST(outcomes_of_other_rules_are_not_shared),
	    TEST(full_arena_refuses_and_recovers),
	    TEST(every_op_has_text_and_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
