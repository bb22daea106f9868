/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "datapath/removed_rules.h"

static void the_last_word_on_a_rule_counts_and_may_be_taken_back(void **)
{
	struct removed_rules *r = removed_rules_create();
	struct dp_removed_event ev = {.rule = 7, .digest = 1};
	struct buf_writer w;

	removed_rules_add(r, &ev);
	ev.digest = 2;
	removed_rules_add(r, &ev);
	assert_int_equal(removed_rules_count(r), 1);
	buf_writer_init(&w, 4096);
	removed_rules_encode(r, &w);
	assert_int_equal(w.size, sizeof(ev));
	assert_memory_equal(w.data, &ev, sizeof(ev));
	buf_writer_fini(&w);
	removed_rules_del(r, 8);
	assert_int_equal(removed_rules_count(r), 1);
	removed_rules_del(r, 7);
	assert_int_equal(removed_rules_count(r), 0);
	removed_rules_destroy(r);
}

static void what_is_beyond_the_limit_is_counted(void **)
{
	struct removed_rules *r = removed_rules_create();

	for (uint64_t i = 0; i < REMOVED_RULES_MAX + 3; i++)
		removed_rules_add(r, &(struct dp_removed_event){.rule = i});
	assert_int_equal(removed_rules_count(r), REMOVED_RULES_MAX);
	assert_int_equal(removed_rules_n_lost(r), 3);
	removed_rules_del(r, 0);
	removed_rules_add(r, &(struct dp_removed_event){.rule = REMOVED_RULES_MAX + 9});
	assert_int_equal(removed_rules_n_lost(r), 3);
	removed_rules_destroy(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_last_word_on_a_rule_counts_and_may_be_taken_back),
	    cmocka_unit_test(what_is_beyond_the_limit_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
