/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables against a linear search: random rules that come, die and are unlinked in transactions, with look-ups before,
 * during and after each, at the old version and the new.
 */
#include "datapath/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/rcu.h"
#include "tests/unit/datapath/rcu_stub.h"
#include "tests/unit/datapath/table_fixture.h"
#include "tests/unit/test.h"

enum {
	N_TXNS = 24,
	N_KEYS = 150, // per check
	MAX_ADDS = 24,
};

struct run {
	struct rng rng;
	struct table *table;
	struct rule_set set;
	enum shape shape;
	uint64_t version; // published
	uint64_t next_id;
	size_t n_lookups, n_hits;
};

static void check_lookups(struct run *run, uint64_t version, unsigned int n)
{
	struct flow_key k;

	for (unsigned int i = 0; i < n; i++) {
		random_key(&run->rng, &run->set, &k);
		const struct rule *want = rule_set_lookup(&run->set, &k, version);
		const struct rule *got = table_lookup(run->table, &k, version);
		if (got != want)
			fail_msg("%s, %s: rule %llu, not %llu", shape_names[run->shape],
			    table_structure(run->table),
			    (unsigned long long)(got != NULL ? got->id : 0),
			    (unsigned long long)(want != NULL ? want->id : 0));
		run->n_hits += got != NULL;
	}
	run->n_lookups += n;
}

static bool check_next(const struct rule *r, void *arg)
{
	struct rule ***next = arg;

	assert_ptr_equal(r, **next);
	(*next)++;
	return true;
}

static void check_contents(struct run *run)
{
	struct rule **next = run->set.rules;
	struct flow_key want = {0}, got;
	struct flow_match m;

	assert_int_equal(table_n_rules(run->table), run->set.n);
	table_foreach(run->table, check_next, &next);
	assert_int_equal(next - run->set.rules, run->set.n);
	for (size_t i = 0; i < run->set.n; i++) {
		const struct rule *r = run->set.rules[i];
		rule_match(r, &m);
		for (unsigned int w = 0; w < FLOW_KEY_N_WORDS; w++)
			flow_key_words(&want)[w] |= flow_key_words(&m.mask)[w];
		const struct rule *found = table_find_strict(run->table, &m, r->priority);
		if (r->del_version == UINT64_MAX)
			assert_non_null(found);
		if (found == NULL)
			continue;
		assert_int_equal(found->priority, r->priority);
		assert_int_equal(found->del_version, UINT64_MAX);
		assert_int_equal(found->match_map, r->match_map);
	}
	table_mask_union(run->table, &got);
	assert_memory_equal(&want, &got, sizeof(want));
}

/* Everything must look as before until the version moves, then as after. */
static void transaction(struct run *run, unsigned int n_adds, unsigned int delete_share)
{
	uint64_t next = run->version + 1;

	for (unsigned int i = 0; i < n_adds; i++) {
		struct rule *r = shape_rule(&run->rng, run->shape, run->next_id++, next);
		assert_int_equal(table_add(run->table, r), 0);
		rule_set_add(&run->set, r);
	}
	for (size_t i = 0; i < run->set.n; i++)
		if (run->set.rules[i]->del_version == UINT64_MAX &&
		    rng_below(&run->rng, 100) < delete_share)
			run->set.rules[i]->del_version = next;
	check_lookups(run, run->version, N_KEYS);
	if (rng_below(&run->rng, 8) != 0)
		assert_int_equal(table_compile(run->table), 0);
	check_lookups(run, run->version, N_KEYS);
	run->version = next;
	check_lookups(run, run->version, N_KEYS);
}

static void unlink_dead(struct run *run)
{
	for (size_t i = run->set.n; i-- > 0;) {
		struct rule *r = run->set.rules[i];
		if (r->del_version > run->version)
			continue;
		table_del(run->table, r);
		rule_set_remove(&run->set, i);
		rcu_defer(rule_free, r);
		if (rng_below(&run->rng, 8) == 0)
			check_lookups(run, run->version, 4);
	}
	check_lookups(run, run->version, N_KEYS / 2);
	if (rng_below(&run->rng, 2) == 0)
		(void)rcu_run();
}

static void run_round(struct run *run)
{
	run->table = table_create();
	assert_non_null(run->table);
	run->version = run->next_id = 1;
	for (unsigned int i = 0; i < N_TXNS; i++) {
		// Near the end the table is emptied, then filled again.
		unsigned int delete_share = i == N_TXNS - 4 ? 100 : rng_below(&run->rng, 40);
		transaction(run, rng_below(&run->rng, MAX_ADDS), delete_share);
		if (rng_below(&run->rng, 3) != 0)
			unlink_dead(run);
		check_contents(run);
	}
	for (size_t i = 0; i < run->set.n; i++)
		run->set.rules[i]->del_version = run->version;
	unlink_dead(run);
	assert_int_equal(table_n_rules(run->table), 0);
	assert_int_equal(table_n_masks(run->table), 0);
	table_destroy(run->table);
	(void)rcu_run();
}

static void every_lookup_equals_a_linear_search(void **)
{
	struct run *run = calloc(1, sizeof(*run));
	size_t n_lookups = 0, n_hits = 0;
	unsigned int n_rounds = test_size(3, 14); // of each shape

	assert_non_null(run);
	run->rng.state = test_seed();
	for (int shape = 0; shape < SHAPE__COUNT; shape++) {
		for (unsigned int i = 0; i < n_rounds; i++) {
			run->shape = (enum shape)shape;
			run_round(run);
		}
		printf("%-14s %7zu look-ups, %zu hits\n", shape_names[shape],
		    run->n_lookups - n_lookups, run->n_hits - n_hits);
		n_lookups = run->n_lookups;
		n_hits = run->n_hits;
	}
	assert_true(n_lookups >= n_rounds * 70000);
	assert_true(n_hits > n_lookups / 4);
	free(run);
}

static struct run *run_create(void)
{
	struct run *run = calloc(1, sizeof(*run));

	assert_non_null(run);
	run->rng.state = test_seed();
	run->table = table_create();
	run->version = run->next_id = 1;
	return run;
}

static void run_destroy(struct run *run)
{
	for (size_t i = 0; i < run->set.n; i++)
		rule_free(run->set.rules[i]);
	table_destroy(run->table);
	(void)rcu_run();
	free(run);
}

/* The shape changes from transaction to transaction: rules of all shapes in one table. */
static void tables_follow_a_changing_shape(void **)
{
	struct run *run = run_create();

	for (unsigned int i = 0; i < 120; i++) {
		run->shape = (enum shape)(i / 6 % SHAPE__COUNT);
		// Often the old shape dies as the new one comes.
		transaction(run, rng_below(&run->rng, MAX_ADDS), i % 6 == 0 ? 100 : 10);
		unlink_dead(run);
		check_contents(run);
	}
	run_destroy(run);
}

/* So many rules that groups fill up and tuples are split, over and over. */
static void large_tables_are_split_and_emptied(void **)
{
	struct run *run = run_create();

	for (unsigned int i = 0; i < 40; i++) {
		run->shape = i % 20 < 10 ? SHAPE_ACL : SHAPE_SUBSETS;
		transaction(run, RULE_SET_MAX / 2 - 20, i % 2 == 0 ? 10 : 100);
		unlink_dead(run);
		check_contents(run);
	}
	run_destroy(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_lookup_equals_a_linear_search),
	    cmocka_unit_test(tables_follow_a_changing_shape),
	    cmocka_unit_test(large_tables_are_split_and_emptied),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
