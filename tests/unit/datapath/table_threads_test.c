/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers look up while the writer adds, deletes and compiles through all shapes. For some keys the writer notes,
 * before it publishes a version, who must win at that version; a reader that has read the version must find just that.
 * Built with -Db_sanitize=thread this also shows that the structures are free of data races.
 */
#include "datapath/table.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "datapath/rcu.h"
#include "tests/unit/datapath/rcu_stub.h"
#include "tests/unit/datapath/table_fixture.h"
#include "tests/unit/test.h"

enum { N_READERS = 2, N_KEYS = 48, N_VERSIONS = 128, TARGET_RULES = 120 };

static struct table *table;
static unsigned int n_versions, txns_per_shape; // each shape has its turn at least once
static struct flow_key keys[N_KEYS];
static uint64_t winners[N_VERSIONS + 1]
		       [N_KEYS]; // rule id, 0 none. Written before its version is published
static uint64_t published;       // ctl: wo, readers: ro
static bool stop;                // ctl: wo, readers: ro

struct reader {
	pthread_t thread;
	unsigned int id;
	size_t n_lookups, n_wrong;
	struct rng rng;
};

static void *read_loop(void *arg)
{
	struct reader *me = arg;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		uint64_t version = __atomic_load_n(&published, __ATOMIC_ACQUIRE);
		for (unsigned int i = 0; i < 32; i++) {
			unsigned int k = rng_below(&me->rng, N_KEYS);
			const struct rule *r = table_lookup(table, &keys[k], version);
			me->n_wrong += (r != NULL ? r->id : 0) != winners[version][k];
			me->n_lookups++;
		}
		rcu_stub_quiescent(me->id);
	}
	return NULL;
}

/* Rules of a shape come, some others go; old shapes fade out, so that each structure has its turn. */
static void change_rules(struct rng *rng, struct rule_set *set, uint64_t version, enum shape shape)
{
	static uint64_t next_id = 1;
	bool fade = version % txns_per_shape == 0;

	for (size_t i = 0; i < set->n; i++)
		if (fade || set->n > TARGET_RULES || rng_below(rng, 16) == 0)
			__atomic_store_n(&set->rules[i]->del_version, version, __ATOMIC_RELAXED);
	for (unsigned int i = 4 + rng_below(rng, 30); i-- > 0;) {
		struct rule *r = shape_rule(rng, shape, next_id++, version);
		assert_int_equal(table_add(table, r), 0);
		rule_set_add(set, r);
	}
}

static void unlink_dead(struct rule_set *set, uint64_t version)
{
	for (size_t i = set->n; i-- > 0;) {
		struct rule *r = set->rules[i];
		if (r->del_version > version)
			continue;
		table_del(table, r);
		rule_set_remove(set, i);
		rcu_defer(rule_free, r);
	}
}

static void write_loop(struct rng *rng, struct rule_set *set)
{
	for (uint64_t v = 1; v <= n_versions; v++) {
		change_rules(rng, set, v, (enum shape)(v / txns_per_shape % SHAPE__COUNT));
		assert_int_equal(table_compile(table), 0);
		for (unsigned int k = 0; k < N_KEYS; k++) {
			const struct rule *r = rule_set_lookup(set, &keys[k], v);
			winners[v][k] = r != NULL ? r->id : 0;
		}
		__atomic_store_n(&published, v, __ATOMIC_RELEASE);
		rcu_synchronize();
		unlink_dead(set, v);
		if (v % 4 == 0)
			(void)rcu_run();
	}
}

static void readers_see_one_version_while_the_writer_works(void **)
{
	struct rng rng = {.state = test_seed()};
	struct rule_set *set = calloc(1, sizeof(*set));
	struct reader readers[N_READERS];
	size_t n_lookups = 0;

	n_versions = test_size(N_VERSIONS / 4, N_VERSIONS);
	txns_per_shape = test_size(4, 8);
	table = table_create();
	assert_non_null(table);
	assert_non_null(set);
	for (unsigned int k = 0; k < N_KEYS; k++)
		random_key(&rng, set, &keys[k]);
	rcu_stub_set_readers(N_READERS);
	for (unsigned int i = 0; i < N_READERS; i++) {
		readers[i] = (struct reader){.id = i, .rng.state = rng_next(&rng)};
		assert_int_equal(
		    pthread_create(&readers[i].thread, NULL, read_loop, &readers[i]), 0);
	}
	write_loop(&rng, set);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < N_READERS; i++) {
		pthread_join(readers[i].thread, NULL);
		assert_int_equal(readers[i].n_wrong, 0);
		n_lookups += readers[i].n_lookups;
	}
	rcu_stub_set_readers(0);
	printf("%u versions, %zu look-ups\n", n_versions, n_lookups);
	for (size_t i = 0; i < set->n; i++)
		rule_free(set->rules[i]);
	table_destroy(table);
	(void)rcu_run();
	free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(readers_see_one_version_while_the_writer_works),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
