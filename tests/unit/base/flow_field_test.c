/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "datapath/base/flow_field.h"
#include "tests/unit/test.h"

static void every_field_lies_inside_the_key(void **)
{
	for (int id = 0; id < FIELD__COUNT; id++) {
		const struct flow_field *f = &flow_fields[id];
		assert_true(f->offset + f->size <= sizeof(struct flow_key));
		assert_in_range(f->shift + f->n_bits, 1, f->size * 8);
		assert_true(f->size <= FIELD_VALUE_MAX_SIZE);
		assert_int_equal(flow_field_id(f), id);
		assert_ptr_equal(flow_field_find(f->name), f);
		assert_true(strlen(f->help) > 0);
	}
	assert_null(flow_field_find("nonsense"));
	assert_null(flow_field_find(""));
}

static void misspelt_field_finds_its_neighbour(void **)
{
	assert_string_equal(flow_field_nearest("ipv4_scr"), "ipv4_src");
	assert_string_equal(flow_field_nearest("eth-type"), "eth_type");
	assert_null(flow_field_nearest("temperature"));
}

static void set_writes_the_field_and_only_the_field(void **)
{
	for (int id = 0; id < FIELD__COUNT; id++) {
		const struct flow_field *f = &flow_fields[id];
		struct flow_value ones = flow_value_ones(f->n_bits), zeros = {{0}}, got;
		struct flow_key k;
		size_t n_bits = 0;

		memset(&k, 0, sizeof(k));
		flow_field_set(f, &k, &ones);
		flow_field_get(f, &k, &got);
		assert_memory_equal(&got, &ones, sizeof(got));
		for (size_t i = 0; i < FLOW_KEY_N_WORDS; i++)
			n_bits += (size_t)__builtin_popcountll(flow_key_words(&k)[i]);
		assert_int_equal(n_bits, f->n_bits);
		memset(&k, 0xff, sizeof(k));
		flow_field_set(f, &k, &zeros);
		n_bits = 0;
		for (size_t i = 0; i < FLOW_KEY_N_WORDS; i++)
			n_bits += (size_t)__builtin_popcountll(~flow_key_words(&k)[i]);
		assert_int_equal(n_bits, f->n_bits);
	}
}

static void storage_is_network_order(void **)
{
	struct flow_value v = flow_value_from_u64(0x0102);
	struct flow_key k = {0};

	flow_field_set(&flow_fields[FIELD_ETH_TYPE], &k, &v);
	assert_memory_equal(&k.eth_type, "\x01\x02", 2);
	v = flow_value_from_u64(5);
	flow_field_set(&flow_fields[FIELD_VLAN_PCP], &k, &v);
	assert_memory_equal(k.vlan_tci, "\xa0\x00", 2);
	v = flow_value_from_u64(0x123);
	flow_field_set(&flow_fields[FIELD_VLAN_VID], &k, &v);
	assert_memory_equal(k.vlan_tci, "\xa1\x23", 2);
	v = flow_value_from_u64(0xfffff);
	flow_field_set(&flow_fields[FIELD_IPV6_LABEL], &k, &v);
	assert_memory_equal(&k.ip6_label, "\x00\x0f\xff\xff", 4);
}

static void values_wider_than_the_field_do_not_spill(void **)
{
	struct flow_value wide = flow_value_ones(128);
	struct flow_key k = {0};

	flow_field_set(&flow_fields[FIELD_IP_DSCP], &k, &wide);
	assert_int_equal(k.ip_tos, 0xfc);
	flow_field_set_masked(&flow_fields[FIELD_IP_ECN], &k, &wide, &wide);
	assert_int_equal(k.ip_tos, 0xff);
	assert_int_equal(k.ip_ttl, 0);
	assert_int_equal(k.ip_proto, 0);
}

static void masked_set_keeps_the_other_bits(void **)
{
	struct flow_key k = {.metadata = UINT64_MAX};
	struct flow_value v = flow_value_from_u64(0x5), mask = flow_value_from_u64(0xf), got;

	flow_field_set_masked(&flow_fields[FIELD_METADATA], &k, &v, &mask);
	flow_field_get(&flow_fields[FIELD_METADATA], &k, &got);
	assert_int_equal(flow_value_to_u64(&got), 0xfffffffffffffff5);
}

/* Against bit-by-bit copying, over all pairs of offsets at the fields' edges. */
static void move_copies_exactly_the_bits_named(void **)
{
	const struct flow_field *src = &flow_fields[FIELD_IPV6_SRC],
				*dst = &flow_fields[FIELD_ETH_DST];
	struct flow_value pattern, before, after;

	for (size_t i = 0; i < sizeof(pattern.b); i++)
		pattern.b[i] = (uint8_t)(0x37 * (i + 1));
	for (unsigned int src_ofs = 0; src_ofs < 128; src_ofs += 3) {
		for (unsigned int dst_ofs = 0; dst_ofs < 48; dst_ofs += 5) {
			unsigned int n = MIN_OF(128 - src_ofs, 48 - dst_ofs);
			struct flow_key from = {0}, to = {0};
			flow_field_set(src, &from, &pattern);
			before = flow_value_from_u64(0xa5a5a5a5a5a5);
			flow_field_set(dst, &to, &before);
			flow_field_move(src, src_ofs, &from, dst, dst_ofs, &to, n);
			flow_field_get(dst, &to, &after);
			for (unsigned int bit = 0; bit < 48; bit++) {
				bool moved = bit >= dst_ofs && bit < dst_ofs + n;
				unsigned int s = src_ofs + bit - dst_ofs;
				int want = moved ? pattern.b[15 - s / 8] >> s % 8 & 1
						 : before.b[15 - bit / 8] >> bit % 8 & 1;
				assert_int_equal(after.b[15 - bit / 8] >> bit % 8 & 1, want);
			}
		}
	}
}

static void move_within_one_key_may_overlap(void **)
{
	struct flow_key k = {0};
	struct flow_value v = flow_value_from_u64(0x0000abcd), got;
	const struct flow_field *reg = &flow_fields[FIELD_REG3];

	flow_field_set(reg, &k, &v);
	flow_field_move(reg, 0, &k, reg, 8, &k, 16);
	flow_field_get(reg, &k, &got);
	assert_int_equal(flow_value_to_u64(&got), 0x00abcdcd);
}

static void whole_width_moves_work(void **)
{
	struct flow_key k = {0};

	memset(k.ip6_src.b, 0x5a, sizeof(k.ip6_src.b));
	flow_field_move(
	    &flow_fields[FIELD_IPV6_SRC], 0, &k, &flow_fields[FIELD_IPV6_DST], 0, &k, 128);
	assert_memory_equal(&k.ip6_src, &k.ip6_dst, sizeof(k.ip6_src));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_field_lies_inside_the_key),
	    cmocka_unit_test(misspelt_field_finds_its_neighbour),
	    cmocka_unit_test(set_writes_the_field_and_only_the_field),
	    cmocka_unit_test(storage_is_network_order),
	    cmocka_unit_test(values_wider_than_the_field_do_not_spill),
	    cmocka_unit_test(masked_set_keeps_the_other_bits),
	    cmocka_unit_test(move_copies_exactly_the_bits_named),
	    cmocka_unit_test(move_within_one_key_may_overlap),
	    cmocka_unit_test(whole_width_moves_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
