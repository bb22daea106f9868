/* SPDX-License-Identifier: Apache-2.0 */
/* Flows, mixes and distributions: what a stream sends. */
#include <math.h>
#include <time.h>

#include "datapath/base/hash.h"
#include "tests/unit/bench/stream_fixture.h"

static int compare_flows(const void *a, const void *b)
{
	return memcmp(a, b, offsetof(struct flow, addr_sum));
}

static void assert_all_differ(struct flow_set *set)
{
	qsort(set->flows, set->n, sizeof(set->flows[0]), compare_flows);
	for (uint32_t i = 1; i < set->n; i++)
		assert_true(compare_flows(&set->flows[i - 1], &set->flows[i]) != 0);
}

static void flows_differ_up_to_a_million(void **)
{
	static const char *const streams[] = {
	    "'kind': 'udp', 'flows': 1",
	    "'kind': 'udp', 'flows': 1000",
	    "'kind': 'udp', 'flows': 1000000",
	    "'kind': 'udp', 'flows': 1000000, 'vary': ['src']",
	    "'kind': 'udp', 'flows': 1000000, 'vary': ['sport', 'dport'], 'sport': 65000, 'dport': "
	    "65535",
	    "'kind': 'udp', 'flows': 65535, 'vary': ['sport'], 'sport': 30000",
	    "'kind': 'udp', 'flows': 5000, 'src': 'fd00::ffff:ff00', 'dst': 'fd00::1', 'vary': "
	    "['src', 'dst']",
	};
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		struct stream_conf conf = make_stream(streams[i]);
		struct flow_set set;
		struct err err = {0};
		assert_int_equal(flow_set_init(&set, &conf, &err), 0);
		assert_int_equal(set.n, conf.n_flows);
		for (uint32_t k = 0; k < set.n; k++)
			assert_true(set.flows[k].sport_be != 0 && set.flows[k].dport_be != 0);
		assert_all_differ(&set);
		flow_set_fini(&set);
	}
}

static void only_varied_fields_vary(void **)
{
	struct source *s = source_new("'kind': 'udp', 'flows': 100, 'vary': ['dport']");
	for (uint32_t i = 0; i < 100; i++) {
		const struct flow *f = &s->flows.flows[i];
		assert_int_equal(f->src_be, __builtin_bswap32(0x0a000001));
		assert_int_equal(f->dst_be, __builtin_bswap32(0x0a000002));
		assert_int_equal(f->sport_be, __builtin_bswap16(1000));
		assert_int_equal(f->dport_be, __builtin_bswap16((uint16_t)(80 + i)));
	}
	source_delete(s);
}

static void too_few_values_for_the_flows_are_refused(void **)
{
	static const char *const streams[] = {"'kind': 'udp', 'flows': 65536, 'vary': ['sport']",
	    "'kind': 'udp', 'flows': 2, 'vary': []"};
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		struct stream_conf conf = make_stream(streams[i]);
		struct flow_set set;
		struct err err = {0};
		assert_int_equal(flow_set_init(&set, &conf, &err), -EINVAL);
		assert_non_null(strstr(err.hint, "vary"));
	}
}

static unsigned int first_difference(uint32_t a, uint32_t b, unsigned int width)
{
	uint32_t diff = a ^ b;
	return diff == 0 ? width : width - 1 - (31 - (unsigned int)__builtin_clz(diff));
}

/* performance.md 10: one packet for each combination of "first differing bit" of the three fields. */
static void the_explosion_trace_has_every_combination_once(void **)
{
	struct source *s = source_new(
	    "'kind': 'explosion', 'src': '10.0.0.10', 'sport': 12345, 'dport': 80, 'seed': 7");
	static bool seen[16][32][16];
	memset(seen, 0, sizeof(seen));
	assert_int_equal(s->flows.n, 16 * 32 * 16);
	for (uint32_t i = 0; i < s->flows.n; i++) {
		const struct flow *f = &s->flows.flows[i];
		unsigned int d = first_difference(__builtin_bswap16(f->dport_be), 80, 16);
		unsigned int a = first_difference(__builtin_bswap32(f->src_be), 0x0a00000a, 32);
		unsigned int p = first_difference(__builtin_bswap16(f->sport_be), 12345, 16);
		assert_true(d < 16 && a < 32 && p < 16);
		assert_false(seen[d][a][p]);
		seen[d][a][p] = true;
	}
	assert_all_differ(&s->flows);
	source_delete(s);
}

static void a_seed_repeats_the_explosion_and_another_does_not(void **)
{
	struct source *a = source_new("'kind': 'explosion', 'seed': 7");
	struct source *b = source_new("'kind': 'explosion', 'seed': 7");
	struct source *c = source_new("'kind': 'explosion', 'seed': 8");
	size_t size = a->flows.n * sizeof(a->flows.flows[0]);
	assert_memory_equal(a->flows.flows, b->flows.flows, size);
	assert_memory_not_equal(a->flows.flows, c->flows.flows, size);
	source_delete(a);
	source_delete(b);
	source_delete(c);
}

static void random_tuples_do_not_repeat(void **)
{
	enum { N = 10000 };
	struct source *s = source_new("'kind': 'random_tuples', 'seed': 3");
	struct flow_set set = {.n = N, .flows = calloc(N, sizeof(struct flow))};
	for (uint32_t i = 0; i < N; i++) {
		uint8_t *frame = pattern_buffer();
		make_packet(s, frame, 0);
		memcpy(&set.flows[i], frame + 26, 12);
	}
	assert_all_differ(&set);
	flow_set_fini(&set);
	source_delete(s);
}

static void a_mix_has_exactly_its_proportions_and_no_blocks(void **)
{
	struct source *s = source_new("'kind': 'udp', 'sizes': [[64, 7], [570, 4], [1518, 1]]");
	unsigned int n[3] = {0}, run = 0, longest = 0;
	uint16_t last = 0;
	for (unsigned int i = 0; i < 1200; i++) {
		uint16_t size = make_packet(s, pattern_buffer(), 0);
		n[size == 60 ? 0 : size == 566 ? 1 : 2]++;
		run = size == last ? run + 1 : 1;
		longest = MAX_OF(longest, run);
		last = size;
	}
	assert_int_equal(n[0], 700);
	assert_int_equal(n[1], 400);
	assert_int_equal(n[2], 100);
	assert_true(longest <= 3);
	source_delete(s);
}

/* A full ring takes part of a burst: the flows that did not go are next. */
static void refused_packets_are_made_again_in_order(void **)
{
	static uint8_t room[SOURCE_BURST][2048];
	uint8_t *buffers[SOURCE_BURST];
	uint16_t sizes[SOURCE_BURST];
	struct rng rng = {17};
	struct source *s = source_new(
	    "'kind': 'udp', 'flows': 32, 'vary': ['dport'], 'sizes': [[64, 2], [100, 1]]");
	for (unsigned int i = 0; i < SOURCE_BURST; i++)
		buffers[i] = room[i];
	for (uint64_t seq = 0; seq < 10000;) {
		unsigned int n = 1 + rng_below(&rng, SOURCE_BURST);
		source_fill(s, buffers, sizes, n, 0);
		unsigned int n_sent = rng_below(&rng, n + 1);
		for (unsigned int i = 0; i < n_sent; i++, seq++) {
			struct stamp stamp;
			assert_true(stamp_read(room[i] + 42, &stamp));
			assert_int_equal(stamp.seq, seq);
			assert_int_equal(room[i][36] << 8 | room[i][37], 80 + seq % 32);
			assert_int_equal(sizes[i], s->size_cycle[seq % 3] == 0 ? 60 : 96);
		}
		source_commit(s, n, n_sent);
		assert_int_equal(s->seq, seq);
	}
	source_delete(s);
}

static void a_trial_starts_the_trace_over(void **)
{
	struct source *s = source_new("'kind': 'udp', 'flows': 1000, 'distribution': 'uniform'");
	static uint8_t first[100][FRAME_COPY_UNIT];
	for (unsigned int i = 0; i < 100; i++)
		make_packet(s, first[i], 0);
	source_start(s, 1);
	for (unsigned int i = 0; i < 100; i++) {
		uint8_t again[FRAME_COPY_UNIT];
		make_packet(s, again, 0);
		assert_memory_equal(again, first[i], 60);
	}
	source_delete(s);
}

static uint64_t print_seed(void)
{
	const char *given = getenv("SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	printf("SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

static void uniform_choice_is_even(void **)
{
	enum { N = 100, DRAWS = 1000000 };
	static uint32_t n[N];
	struct choice c;
	memset(n, 0, sizeof(n));
	assert_int_equal(choice_init(&c, CHOOSE_UNIFORM, N, 1, print_seed()), 0);
	for (unsigned int i = 0; i < DRAWS; i++)
		n[choice_next(&c)]++;
	for (unsigned int i = 0; i < N; i++) // 6 standard deviations of about 100
		assert_true(n[i] > DRAWS / N - 600 && n[i] < DRAWS / N + 600);
	choice_fini(&c);
}

static void zipf_choice_follows_its_law(void **)
{
	enum { N = 1000, DRAWS = 2000000 };
	static const double exponents[] = {0, 0.5, 1.0, 1.3, 2.0};
	uint64_t seed = print_seed();
	for (size_t e = 0; e < ARRAY_SIZE(exponents); e++) {
		static uint32_t n[N];
		struct choice c;
		double sum = 0;
		memset(n, 0, sizeof(n));
		assert_int_equal(choice_init(&c, CHOOSE_ZIPF, N, exponents[e], seed), 0);
		for (unsigned int i = 0; i < DRAWS; i++)
			n[choice_next(&c)]++;
		for (unsigned int i = 1; i <= N; i++)
			sum += pow(i, -exponents[e]);
		for (unsigned int i = 0; i < N; i++) {
			double mean = DRAWS * pow(i + 1.0, -exponents[e]) / sum;
			assert_true(fabs(n[i] - mean) < 6 * sqrt(mean) + 6);
		}
		choice_fini(&c);
	}
}

static void zipf_of_a_million_and_of_one(void **)
{
	struct choice c;
	assert_int_equal(choice_init(&c, CHOOSE_ZIPF, 1000000, 1.0, 5), 0);
	uint32_t n_first = 0, highest = 0;
	for (unsigned int i = 0; i < 1000000; i++) {
		uint32_t at = choice_next(&c);
		n_first += at == 0;
		highest = MAX_OF(highest, at);
	}
	assert_true(n_first > 68000 && n_first < 71000); // 1 / (ln 10^6 + 0.577) = 6.95 %
	assert_true(highest > 900000 && highest < 1000000);
	choice_fini(&c);
	assert_int_equal(choice_init(&c, CHOOSE_ZIPF, 1, 2.0, 5), 0);
	assert_int_equal(choice_next(&c), 0);
	choice_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(flows_differ_up_to_a_million),
	    cmocka_unit_test(only_varied_fields_vary),
	    cmocka_unit_test(too_few_values_for_the_flows_are_refused),
	    cmocka_unit_test(the_explosion_trace_has_every_combination_once),
	    cmocka_unit_test(a_seed_repeats_the_explosion_and_another_does_not),
	    cmocka_unit_test(random_tuples_do_not_repeat),
	    cmocka_unit_test(a_mix_has_exactly_its_proportions_and_no_blocks),
	    cmocka_unit_test(refused_packets_are_made_again_in_order),
	    cmocka_unit_test(a_trial_starts_the_trace_over),
	    cmocka_unit_test(uniform_choice_is_even),
	    cmocka_unit_test(zipf_choice_follows_its_law),
	    cmocka_unit_test(zipf_of_a_million_and_of_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
