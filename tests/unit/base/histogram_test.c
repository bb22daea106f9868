/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/base/histogram.h"
#include "tests/unit/test.h"

static struct histogram h, other;

static int setup(void **)
{
	histogram_init(&h);
	histogram_init(&other);
	return 0;
}

static void buckets_cover_all_values_without_gap_or_overlap(void **)
{
	assert_int_equal(histogram_low(0), 0);
	for (unsigned int i = 0; i < HISTOGRAM_N_BUCKETS; i++) {
		uint64_t low = histogram_low(i), high = histogram_high(i);
		assert_true(low <= high);
		assert_int_equal(histogram_bucket(low), i);
		assert_int_equal(histogram_bucket(high), i);
		if (i > 0)
			assert_int_equal(low, histogram_high(i - 1) + 1);
	}
	assert_true(histogram_high(HISTOGRAM_N_BUCKETS - 1) == UINT64_MAX);
}

static void a_bucket_is_at_most_a_32nd_of_its_value_wide(void **)
{
	for (unsigned int i = 0; i < HISTOGRAM_N_BUCKETS; i++) {
		uint64_t width = histogram_high(i) - histogram_low(i);
		assert_true(width <= histogram_low(i) / 32);
		if (histogram_low(i) < 64)
			assert_int_equal(width, 0);
	}
}

static void quantiles_of_known_values(void **)
{
	for (uint64_t v = 1; v <= 50; v++) // below 64 all is exact
		histogram_add(&h, v);
	assert_int_equal(histogram_quantile(&h, 0), 1);
	assert_int_equal(histogram_quantile(&h, 0.5), 25);
	assert_int_equal(histogram_quantile(&h, 0.51), 26);
	assert_int_equal(histogram_quantile(&h, 0.9), 45);
	assert_int_equal(histogram_quantile(&h, 1), 50);
	assert_int_equal(h.min, 1);
	assert_int_equal(h.max, 50);
}

static void quantiles_are_within_a_32nd(void **)
{
	const uint64_t n = 100000;
	for (uint64_t v = 1; v <= n; v++)
		histogram_add(&h, v * 1000);
	static const double shares[] = {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999};
	for (size_t i = 0; i < ARRAY_SIZE(shares); i++) {
		double exact = shares[i] * (double)n * 1000;
		double got = (double)histogram_quantile(&h, shares[i]);
		assert_true(got >= exact * 0.999 && got <= exact * (1 + 1.0 / 32));
	}
	assert_int_equal(histogram_quantile(&h, 1), n * 1000);
}

static void one_outlier_is_the_last_quantile_and_the_max(void **)
{
	for (unsigned int i = 0; i < 999; i++)
		histogram_add(&h, 10);
	histogram_add(&h, 123456789);
	assert_int_equal(histogram_quantile(&h, 0.999), 10);
	assert_int_equal(histogram_quantile(&h, 0.9991), 123456789); // not its bucket's end
	assert_int_equal(h.max, 123456789);
}

static void empty_and_extreme_values(void **)
{
	assert_int_equal(histogram_quantile(&h, 0.5), 0);
	histogram_add(&h, UINT64_MAX);
	histogram_add(&h, 0);
	assert_int_equal(histogram_quantile(&h, 0.5), 0);
	assert_true(histogram_quantile(&h, 1) == UINT64_MAX);
	assert_int_equal(h.n, 2);
}

static void merging_is_adding(void **)
{
	static struct histogram both;
	histogram_init(&both);
	for (uint64_t v = 0; v < 5000; v += 7) {
		histogram_add(v % 2 ? &h : &other, v * v);
		histogram_add(&both, v * v);
	}
	histogram_merge(&h, &other);
	assert_memory_equal(&h, &both, sizeof(h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(buckets_cover_all_values_without_gap_or_overlap, setup),
	    cmocka_unit_test_setup(a_bucket_is_at_most_a_32nd_of_its_value_wide, setup),
	    cmocka_unit_test_setup(quantiles_of_known_values, setup),
	    cmocka_unit_test_setup(quantiles_are_within_a_32nd, setup),
	    cmocka_unit_test_setup(one_outlier_is_the_last_quantile_and_the_max, setup),
	    cmocka_unit_test_setup(empty_and_extreme_values, setup),
	    cmocka_unit_test_setup(merging_is_adding, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
