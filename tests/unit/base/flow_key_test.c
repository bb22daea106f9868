/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "datapath/base/err.h"
#include "datapath/base/flow_key.h"
#include "tests/unit/test.h"

/* A match on an IPv4 /24 destination and a whole TCP port. */
static struct flow_match sample(void)
{
	struct flow_match m = {0};

	m.key.ip4_dst = __builtin_bswap32(0x0a000100);
	m.mask.ip4_dst = __builtin_bswap32(0xffffff00);
	m.key.tp_dst = __builtin_bswap16(80);
	m.mask.tp_dst = UINT16_MAX;
	return m;
}

static void canonical_match_has_no_key_outside_its_mask(void **)
{
	struct flow_match m = sample(), dirty = sample();

	dirty.key.ip4_dst |= __builtin_bswap32(0x7f);
	dirty.key.metadata = 1;
	assert_false(flow_match_equal(&m, &dirty));
	flow_match_canonicalise(&dirty);
	assert_true(flow_match_equal(&m, &dirty));
}

static void match_covers_keys_that_differ_outside_its_mask(void **)
{
	struct flow_match m = sample();
	struct flow_key k = m.key;

	k.ip4_dst |= __builtin_bswap32(0xff);
	k.eth_type = 1;
	assert_true(flow_match_covers(&m, &k));
	k.tp_dst ^= __builtin_bswap16(1);
	assert_false(flow_match_covers(&m, &k));
}

static void overlap_needs_one_packet_in_both(void **)
{
	struct flow_match a = sample(), b = {0}, any = {0};

	b.key.metadata = b.mask.metadata = 1;
	assert_true(flow_match_overlaps(&a, &b));
	assert_true(flow_match_overlaps(&a, &any));
	b.key.tp_dst = __builtin_bswap16(81);
	b.mask.tp_dst = UINT16_MAX;
	assert_false(flow_match_overlaps(&a, &b));
	assert_false(flow_match_overlaps(&b, &a));
}

static void subset_needs_every_packet_in_the_other(void **)
{
	struct flow_match a = sample(), wider = sample(), any = {0};

	wider.mask.ip4_dst = __builtin_bswap32(0xffff0000);
	flow_match_canonicalise(&wider);
	assert_true(flow_match_is_subset(&a, &wider));
	assert_false(flow_match_is_subset(&wider, &a));
	assert_true(flow_match_is_subset(&a, &a));
	assert_true(flow_match_is_subset(&a, &any));
	wider.key.tp_dst = __builtin_bswap16(81);
	assert_false(flow_match_is_subset(&a, &wider));
}

static void encoding_is_compact_and_comes_back(void **)
{
	struct flow_match m = sample(), again;
	uint8_t buf[FLOW_MATCH_MAX_SIZE];

	size_t size = flow_match_encode(&m, buf);
	assert_int_equal(size, 8 + 2 * 16);
	assert_int_equal(flow_match_decode(buf, size, &again), size);
	assert_true(flow_match_equal(&m, &again));
	assert_int_equal(flow_match_decode(buf, sizeof(buf), &again), size);
}

static void widest_match_fits_the_buffer(void **)
{
	struct flow_match m, again;
	uint8_t buf[FLOW_MATCH_MAX_SIZE];

	memset(&m, 0xff, sizeof(m));
	assert_int_equal(flow_match_encode(&m, buf), sizeof(buf));
	assert_int_equal(flow_match_decode(buf, sizeof(buf), &again), sizeof(buf));
	assert_true(flow_match_equal(&m, &again));
}

static void empty_match_is_a_map_of_zero(void **)
{
	struct flow_match m = {0}, again;
	uint8_t buf[FLOW_MATCH_MAX_SIZE];

	assert_int_equal(flow_match_encode(&m, buf), 8);
	assert_int_equal(flow_match_decode(buf, 8, &again), 8);
	assert_true(flow_match_equal(&m, &again));
}

static void short_encodings_are_refused_at_every_length(void **)
{
	struct flow_match m = sample(), again;
	uint8_t buf[FLOW_MATCH_MAX_SIZE];
	size_t size = flow_match_encode(&m, buf);

	for (size_t cut = 0; cut < size; cut++)
		assert_int_equal(flow_match_decode(buf, cut, &again), -EINVAL);
}

static void encodings_that_are_not_canonical_are_refused(void **)
{
	struct flow_match m = sample(), again;
	uint8_t buf[FLOW_MATCH_MAX_SIZE], bad[FLOW_MATCH_MAX_SIZE];
	size_t size = flow_match_encode(&m, buf);

	memcpy(bad, buf, size);
	bad[8 + 16 + 0] = 1; // second word's key: a bit outside its mask
	assert_int_equal(flow_match_decode(bad, size, &again), -EINVAL);
	memcpy(bad, buf, size);
	memset(bad + 8, 0, 16); // a word that matches nothing
	assert_int_equal(flow_match_decode(bad, size, &again), -EINVAL);
}

static void unknown_words_are_refused(void **)
{
	struct flow_match again;
	uint8_t buf[8 + 16];

	memset(buf, 0xff, sizeof(buf));
	for (int bit = FLOW_KEY_N_WORDS; bit < 64; bit++) {
		uint64_t map = UINT64_C(1) << bit;
		memcpy(buf, &map, sizeof(map));
		assert_int_equal(flow_match_decode(buf, sizeof(buf), &again), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(canonical_match_has_no_key_outside_its_mask),
	    cmocka_unit_test(match_covers_keys_that_differ_outside_its_mask),
	    cmocka_unit_test(overlap_needs_one_packet_in_both),
	    cmocka_unit_test(subset_needs_every_packet_in_the_other),
	    cmocka_unit_test(encoding_is_compact_and_comes_back),
	    cmocka_unit_test(widest_match_fits_the_buffer),
	    cmocka_unit_test(empty_match_is_a_map_of_zero),
	    cmocka_unit_test(short_encodings_are_refused_at_every_length),
	    cmocka_unit_test(encodings_that_are_not_canonical_are_refused),
	    cmocka_unit_test(unknown_words_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
