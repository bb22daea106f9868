/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/test.h"
#include "tools/bench/engine/pacer.h"
#include "tools/bench/engine/rng.h"

enum { HZ = 2600000000u };

/* Polls every step ticks for a time; returns the packets sent. */
static uint64_t run(
    struct pacer *p, uint64_t start, uint64_t ticks, uint64_t step, unsigned int *ret_longest)
{
	uint64_t n = 0;
	*ret_longest = 0;
	for (uint64_t now = start; now < start + ticks; now += step) {
		unsigned int due = pacer_due(p, now, PACER_BURST);
		pacer_take(p, due);
		n += due;
		*ret_longest = MAX_OF(*ret_longest, due);
	}
	return n;
}

static void the_rate_is_exact_over_any_time(void **)
{
	static const double rates[] = {1, 3, 999.999, 20000, 1e6, 14.88e6, 33333333};
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		struct pacer p;
		unsigned int longest;
		uint64_t start = UINT64_MAX / 3;
		pacer_init(&p, rates[i], HZ, start);
		uint64_t n = run(&p, start, HZ, 1000, &longest);
		// The first is due at once; the last look is 1000 ticks before the end.
		uint64_t expected = 1 + (uint64_t)(rates[i] * (HZ - 1000) / HZ);
		assert_true(n >= expected - 1 && n <= expected + 1);
		assert_int_equal(p.n_missed, 0);
		assert_true(longest <= 1 + rates[i] * 1000 / HZ + 1);
	}
}

static void a_fraction_of_a_packet_a_second_is_a_rate(void **)
{
	struct pacer p;
	unsigned int longest;
	pacer_init(&p, 0.5, HZ, 0);
	assert_int_equal(run(&p, 0, HZ * 10ull, 1000000, &longest), 5); // at 0, 2, 4, 6, 8 s
	assert_int_equal(longest, 1);
}

static void a_late_caller_gets_one_burst_and_the_rest_is_missed(void **)
{
	struct pacer p;
	pacer_init(&p, 1e6, HZ, 0);
	pacer_take(&p, pacer_due(&p, 0, PACER_BURST));
	// 10 ms at 1 Mpps: 10,000 due, 32 stay.
	assert_int_equal(pacer_due(&p, HZ / 100, PACER_BURST), PACER_BURST);
	assert_int_equal(p.n_missed, 10000 - PACER_BURST);
	pacer_take(&p, PACER_BURST);
	assert_int_equal(pacer_due(&p, HZ / 100, PACER_BURST), 0);
}

/* offered + missed is what was due, whenever the caller comes. */
static void what_is_not_offered_is_missed(void **)
{
	struct rng rng = {12};
	struct pacer p;
	uint64_t now = 0, n = 0;
	pacer_init(&p, 5e6, HZ, 0);
	while (now < HZ * 5ull) {
		now +=
		    rng_below(&rng, 10) == 0 ? rng_below(&rng, HZ / 1000) : rng_below(&rng, 20000);
		unsigned int due = pacer_due(&p, now, PACER_BURST);
		pacer_take(&p, due);
		n += due;
	}
	double expected = 5e6 * (double)now / HZ;
	double got = (double)(n + p.n_missed);
	assert_true(p.n_missed > 0 && got > expected - 40 && got < expected + 40);
}

static void hours_late_at_the_highest_rate_does_not_overflow(void **)
{
	struct pacer p;
	pacer_init(&p, 1e9, HZ, 0);
	uint64_t hours = HZ * 36000ull;
	assert_int_equal(pacer_due(&p, hours, PACER_BURST), PACER_BURST);
	double expected = 36000e9;
	assert_true((double)p.n_missed > expected * 0.999 && (double)p.n_missed < expected * 1.001);
}

static void no_rate_is_no_limit(void **)
{
	struct pacer p;
	pacer_init(&p, 0, HZ, 0);
	for (unsigned int i = 0; i < 100; i++) {
		assert_int_equal(pacer_due(&p, 0, PACER_BURST), PACER_BURST);
		pacer_take(&p, PACER_BURST);
	}
	assert_int_equal(p.n_missed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_rate_is_exact_over_any_time),
	    cmocka_unit_test(a_fraction_of_a_packet_a_second_is_a_rate),
	    cmocka_unit_test(a_late_caller_gets_one_burst_and_the_rest_is_missed),
	    cmocka_unit_test(what_is_not_offered_is_missed),
	    cmocka_unit_test(hours_late_at_the_highest_rate_does_not_overflow),
	    cmocka_unit_test(no_rate_is_no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
