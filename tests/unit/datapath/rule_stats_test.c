/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "datapath/dp.h"
#include "datapath/rule_stats.h"

enum { N_WORKERS = 2 };

struct world {
	struct dp dp;
	struct worker workers[N_WORKERS];
	struct rule_stats *stats;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	w->dp.n_workers = N_WORKERS;
	for (int i = 0; i < N_WORKERS; i++)
		w->dp.workers[i] = &w->workers[i];
	w->stats = rule_stats_create(&w->dp);
	*state = w;
	return w->stats != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	struct world *w = *state;
	rule_stats_destroy(w->stats);
	free(w);
	return 0;
}

static uint32_t take(struct world *w)
{
	uint32_t idx;
	assert_int_equal(rule_stats_alloc(w->stats, 100, &idx), 0);
	return idx;
}

static void sweep(struct world *w, int worker, uint32_t rounds)
{
	w->workers[worker].sweep_epoch += rounds;
}

static void sums_over_workers(void **state)
{
	struct world *w = *state;
	uint32_t idx = take(w);
	*worker_rule_counters(&w->workers[0], idx) = (struct rule_counters){1, 100, 500};
	*worker_rule_counters(&w->workers[1], idx) = (struct rule_counters){2, 200, 400};
	struct rule_counts c = rule_stats_read(w->stats, idx);
	assert_int_equal(c.n_packets, 3);
	assert_int_equal(c.n_bytes, 300);
	assert_int_equal(c.used_ms, 500);
	assert_int_equal(c.created_ms, 100);
}

static void every_worker_has_the_chunk_before_the_slot_is_used(void **state)
{
	struct world *w = *state;
	for (uint32_t i = 0; i < RULE_STATS_CHUNK + 1; i++)
		assert_int_equal(take(w), i);
	for (int i = 0; i < N_WORKERS; i++) {
		assert_non_null(w->workers[i].rules[1]);
		assert_null(w->workers[i].rules[2]);
	}
}

static void slot_is_reused_only_after_two_sweeps_of_every_worker(void **state)
{
	struct world *w = *state;
	uint32_t idx = take(w);
	rule_stats_release(w->stats, idx);
	rule_stats_tick(w->stats, 1000); // no worker has moved
	assert_int_not_equal(take(w), idx);
	sweep(w, 0, 2);
	sweep(w, 1, 2);
	rule_stats_tick(w->stats, 2000); // the release is before this mark
	sweep(w, 0, 9);
	sweep(w, 1, 1);
	rule_stats_tick(w->stats, 3000);
	assert_int_not_equal(take(w), idx);
	sweep(w, 1, 1);
	rule_stats_tick(w->stats, 4000);
	worker_rule_counters(&w->workers[1], idx)->n_packets = 5; // of the old owner
	assert_int_equal(take(w), idx);
	assert_int_equal(rule_stats_read(w->stats, idx).n_packets, 0);
}

static void epochs_may_wrap(void **state)
{
	struct world *w = *state;
	sweep(w, 0, UINT32_MAX);
	sweep(w, 1, UINT32_MAX);
	rule_stats_tick(w->stats, 1000);
	sweep(w, 0, 2);
	sweep(w, 1, 2);
	rule_stats_tick(w->stats, 2000);
	assert_int_equal(rule_stats_settled_ms(w->stats), 1000);
}

static void settled_time_never_runs_ahead_of_the_sweeps(void **state)
{
	struct world *w = *state;
	assert_int_equal(rule_stats_settled_ms(w->stats), 0);
	sweep(w, 0, 5);
	rule_stats_tick(w->stats, 1000);
	assert_int_equal(rule_stats_settled_ms(w->stats), 0);
	sweep(w, 1, 2);
	rule_stats_tick(w->stats, 2000);
	assert_int_equal(rule_stats_settled_ms(w->stats), 0);
	sweep(w, 0, 2);
	sweep(w, 1, 2);
	rule_stats_tick(w->stats, 3000);
	assert_int_equal(rule_stats_settled_ms(w->stats), 2000);
}

static void slots_run_out_and_come_back(void **state)
{
	struct world *w = *state;
	uint32_t n = 0, idx;
	int r;
	while ((r = rule_stats_alloc(w->stats, 1, &idx)) == 0)
		n++;
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(n, RULE_STATS_CHUNKS * RULE_STATS_CHUNK);
	rule_stats_release(w->stats, 77);
	for (int i = 0; i < 2; i++) {
		sweep(w, 0, 2);
		sweep(w, 1, 2);
		rule_stats_tick(w->stats, 1000);
	}
	assert_int_equal(take(w), 77);
	assert_int_equal(rule_stats_alloc(w->stats, 1, &idx), -ENOSPC);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(sums_over_workers),
	    TEST(every_worker_has_the_chunk_before_the_slot_is_used),
	    TEST(slot_is_reused_only_after_two_sweeps_of_every_worker),
	    TEST(epochs_may_wrap),
	    TEST(settled_time_never_runs_ahead_of_the_sweeps),
	    TEST(slots_run_out_and_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
