/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "datapath/dp_validate.h"
#include "tests/unit/test.h"

static uint64_t list[64];
static char what[DP_WHAT_SIZE];

/* An action of its fixed size at a place of the list, all else zero. */
static struct dp_action *put(size_t ofs, enum dp_action_type type)
{
	struct dp_action *a = (struct dp_action *)((uint8_t *)list + ofs);

	memset(a, 0, dp_action_size(type));
	a->type = (uint16_t)type;
	a->len = (uint16_t)dp_action_size(type);
	return a;
}

static bool is_valid(size_t size)
{
	what[0] = '\0';
	bool valid = dp_actions_validate(list, size, what) == 0;
	assert_int_equal(valid, what[0] == '\0');
	return valid;
}

static int clear(void **)
{
	memset(list, 0, sizeof(list));
	return 0;
}

static void bytes_that_follow_are_counted(void **)
{
	struct dp_action *a = put(0, DP_ACTION_NOTE);

	a->note.size = 9;
	a->len = 32;
	assert_true(is_valid(32));
	assert_false(is_valid(24)); // cut short
	a->note.size = 17;
	assert_false(is_valid(32));
	a = put(0, DP_ACTION_BUNDLE);
	a->bundle.n_ports = 3;
	a->len = (uint16_t)(a->len + 16);
	assert_true(is_valid(a->len));
	a->bundle.n_ports = 5;
	assert_false(is_valid(a->len));
}

static void lists_in_lists_are_lists(void **)
{
	struct dp_action *outer = put(0, DP_ACTION_CLONE), *inner = put(8, DP_ACTION_OUTPUT);

	outer->len = 24;
	inner->output.port = 1;
	assert_true(is_valid(24));
	inner->output.port = 0;
	assert_false(is_valid(24));
	inner->len = 24; // past the end of the outer one
	assert_false(is_valid(24));
}

static void nesting_has_a_bound(void **)
{
	for (unsigned int depth = 0; depth < 8; depth++)
		put(8UL * depth, DP_ACTION_CLONE)->len = (uint16_t)(8 * (8 - depth));
	assert_true(is_valid(64));
	for (unsigned int depth = 0; depth < 12; depth++)
		put(8UL * depth, DP_ACTION_CLONE)->len = (uint16_t)(8 * (12 - depth));
	assert_false(is_valid(96));
}

static void bits_are_inside_fields_that_may_be_written(void **)
{
	struct dp_action *a = put(0, DP_ACTION_STACK_POP);

	a->subfield.field = FIELD_ETH_TYPE;
	a->subfield.n_bits = 16;
	assert_false(is_valid(a->len)); // read-only
	a->type = DP_ACTION_STACK_PUSH;
	assert_true(is_valid(a->len));
	a->type = DP_ACTION_STACK_POP;
	a->subfield.field = FIELD_ETH_DST;
	assert_true(is_valid(a->len));
	a->subfield.ofs = 33;
	assert_false(is_valid(a->len));
	a->subfield.field = FIELD_MPLS_LABEL;
	a->subfield.ofs = 0;
	assert_false(is_valid(a->len)); // no packet has it yet
}

static void numbers_are_in_range(void **)
{
	struct dp_action *a = put(0, DP_ACTION_CONJUNCTION);

	a->conjunction.n_clauses = 2;
	a->conjunction.clause = 1;
	assert_true(is_valid(a->len));
	a->conjunction.clause = 2;
	assert_false(is_valid(a->len));
	a = put(0, DP_ACTION_CT);
	a->ct.table = 255;
	assert_true(is_valid(a->len));
	a->ct.table = 254;
	assert_false(is_valid(a->len));
	a = put(0, DP_ACTION_LEARN);
	struct dp_learn_spec *spec = (struct dp_learn_spec *)((uint8_t *)list + a->len);
	a->learn.n_specs = 1;
	a->len = (uint16_t)(a->len + sizeof(*spec));
	*spec = (struct dp_learn_spec){
	    .n_bits = 16, .src_field = FIELD_ETH_TYPE, .dst_field = FIELD_ETH_TYPE};
	assert_true(is_valid(a->len));
	spec->target = DP_LEARN_LOAD;
	assert_false(is_valid(a->len));
}

/* Every type: padding counts, and so does each byte of the length. */
static void padding_is_zero_and_lengths_are_exact(void **)
{
	for (unsigned int type = DP_ACTION_NOTE; type < DP_ACTION__COUNT; type++) {
		struct dp_action *a = put(0, (enum dp_action_type)type);
		a->pad = 1;
		assert_false(is_valid(a->len));
		a->pad = 0;
		a->len = (uint16_t)(a->len - 8);
		assert_false(is_valid(64));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(bytes_that_follow_are_counted, clear),
	    cmocka_unit_test_setup(lists_in_lists_are_lists, clear),
	    cmocka_unit_test_setup(nesting_has_a_bound, clear),
	    cmocka_unit_test_setup(bits_are_inside_fields_that_may_be_written, clear),
	    cmocka_unit_test_setup(numbers_are_in_range, clear),
	    cmocka_unit_test_setup(padding_is_zero_and_lengths_are_exact, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
