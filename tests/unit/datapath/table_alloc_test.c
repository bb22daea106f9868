/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory runs out at each allocation in turn: an add or compile that fails has changed nothing, and a delete cannot fail.
 * The build renames the allocators in the table's sources to the ones below.
 */
#include "datapath/table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "datapath/rcu.h"
#include "tests/unit/datapath/table_fixture.h"

#undef malloc
#undef calloc
#undef aligned_alloc
void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *aligned_alloc(size_t align, size_t size);

enum { N_STEPS = 250, N_KEYS = 30, NEVER = UINT32_MAX };

static uint32_t good_for = NEVER; // allocations that still succeed
static size_t n_refused;

static bool may_allocate(void)
{
	if (good_for == NEVER)
		return true;
	if (good_for == 0) {
		n_refused++;
		return false;
	}
	good_for--;
	return true;
}

void *failing_malloc(size_t size)
{
	return may_allocate() ? malloc(size) : NULL;
}

void *failing_calloc(size_t n, size_t size)
{
	return may_allocate() ? calloc(n, size) : NULL;
}

void *failing_aligned_alloc(size_t align, size_t size)
{
	return may_allocate() ? aligned_alloc(align, size) : NULL;
}

static void check(struct rng *rng, const struct table *t, const struct rule_set *set)
{
	struct flow_key k;

	assert_int_equal(table_n_rules(t), set->n);
	for (unsigned int i = 0; i < N_KEYS; i++) {
		random_key(rng, set, &k);
		assert_ptr_equal(table_lookup(t, &k, 1), rule_set_lookup(set, &k, 1));
	}
}

static void add(struct rng *rng, struct table *t, struct rule_set *set, struct rule *r)
{
	int rc = -ENOMEM;

	for (uint32_t n = 0; rc != 0; n++) {
		size_t n_masks = table_n_masks(t);
		good_for = n;
		rc = table_add(t, r);
		good_for = NEVER;
		if (rc == 0)
			break;
		assert_int_equal(rc, -ENOMEM);
		assert_int_equal(table_n_masks(t), n_masks);
		check(rng, t, set);
	}
	rule_set_add(set, r);
	check(rng, t, set);
}

static void compile(struct rng *rng, struct table *t, const struct rule_set *set)
{
	int rc = -ENOMEM;

	for (uint32_t n = 0; rc != 0; n++) {
		good_for = n;
		rc = table_compile(t);
		good_for = NEVER;
		assert_true(rc == 0 || rc == -ENOMEM);
		check(rng, t, set);
	}
}

static void del(struct rng *rng, struct table *t, struct rule_set *set)
{
	size_t i = rng_below(rng, (uint32_t)set->n);
	struct rule *r = set->rules[i];

	good_for = 0;
	table_del(t, r);
	good_for = NEVER;
	rule_set_remove(set, i);
	rcu_defer(rule_free, r);
	check(rng, t, set);
}

static void run(struct rng *rng, enum shape shape)
{
	struct rule_set *set = calloc(1, sizeof(*set));
	struct table *t = table_create();
	uint64_t id = 1;

	assert_non_null(set);
	assert_non_null(t);
	for (unsigned int i = 0; i < N_STEPS; i++) {
		unsigned int what = rng_below(rng, 8);
		// A guest among the shapes: conversions fail too.
		enum shape s = rng_below(rng, 40) == 0 ? SHAPE_OPENFLOW : shape;
		if (what == 0)
			compile(rng, t, set);
		else if (what < (i < N_STEPS / 2 ? 3u : 5u) && set->n > 0)
			del(rng, t, set);
		else
			add(rng, t, set, shape_rule(rng, s, id++, 1));
	}
	while (set->n > 0)
		del(rng, t, set);
	table_destroy(t);
	(void)rcu_run();
	free(set);
}

static void a_table_without_memory_stays_what_it_was(void **)
{
	struct rng rng = {.state = test_seed()};

	for (int shape = 0; shape < SHAPE__COUNT; shape++)
		run(&rng, (enum shape)shape);
	printf("%zu allocations refused\n", n_refused);
	assert_true(n_refused > 1000);
}

static void a_table_is_not_created_without_memory(void **)
{
	struct table *t = NULL;
	uint32_t n = 0;

	for (; t == NULL; n++) {
		good_for = n;
		t = table_create();
		good_for = NEVER;
	}
	assert_true(n > 1);
	table_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_table_without_memory_stays_what_it_was),
	    cmocka_unit_test(a_table_is_not_created_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
