/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "datapath/base/compiler.h"
#include "datapath/base/hash.h"
#include "tests/unit/test.h"

/* SipHash-1-3 of bytes 0, 1, 2… of length 0, 1, 2… under the key 00 01 … 0f (reference implementation's vectors). */
static void siphash_1_3_agrees_with_the_reference(void **)
{
	static const uint64_t expected[] = {0xabac0158050fc4dc, 0xc9f49bf37d57ca93,
	    0x82cb9b024dc7d44d, 0x8bf80ab8e7ddf7fb, 0xcf75576088d38328, 0xdef9d52f49533b67,
	    0xc50d2b50c59f22a7, 0xd3927d989bb11140, 0x369095118d299a8e};
	const struct hash_key key = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};
	uint8_t bytes[ARRAY_SIZE(expected)];

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		bytes[i] = (uint8_t)i;
		assert_int_equal(hash_bytes(&key, bytes, i), expected[i]);
	}
}

static void keys_differ_and_so_do_hashes(void **)
{
	struct hash_key a, b;

	hash_key_init(&a);
	hash_key_init(&b);
	assert_memory_not_equal(&a, &b, sizeof(a));
	assert_int_not_equal(hash_string(&a, "vm1"), hash_string(&b, "vm1"));
	assert_int_equal(hash_string(&a, "vm1"), hash_bytes(&a, "vm1", 3));
}

static void length_is_part_of_the_hash(void **)
{
	const uint8_t zeros[16] = {0};

	for (size_t i = 0; i < sizeof(zeros); i++)
		assert_int_not_equal(hash_stable(zeros, i), hash_stable(zeros, i + 1));
}

static void hash_stable_never_changes(void **)
{
	// Stored in journals and compared between processes: a change breaks restarts.
	const struct hash_key zeros = {{0, 0}};

	assert_int_equal(hash_stable("sluice", 6), hash_bytes(&zeros, "sluice", 6));
	assert_int_equal(hash_stable("", 0), 0xd1fba762150c532c);
}

static void crc32c_agrees_with_rfc_3720(void **)
{
	uint8_t bytes[32];

	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	memset(bytes, 0, sizeof(bytes)); // RFC 3720 B.4
	assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x62a8ab43);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x46dd794e);
	assert_int_equal(crc32c(0, "", 0), 0);
}

static void crc32c_continues_where_it_stopped(void **)
{
	static const char digits[] = "123456789";

	for (size_t cut = 0; cut <= 9; cut++)
		assert_int_equal(crc32c(crc32c(0, digits, cut), digits + cut, 9 - cut), 0xe3069283);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(siphash_1_3_agrees_with_the_reference),
	    cmocka_unit_test(keys_differ_and_so_do_hashes),
	    cmocka_unit_test(length_is_part_of_the_hash),
	    cmocka_unit_test(hash_stable_never_changes),
	    cmocka_unit_test(crc32c_agrees_with_rfc_3720),
	    cmocka_unit_test(crc32c_continues_where_it_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
