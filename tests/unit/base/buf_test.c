/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/base/buf.h"
#include "tests/unit/test.h"

static void reader_takes_both_byte_orders(void **)
{
	const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	struct buf b = buf_from(bytes, sizeof(bytes));

	assert_int_equal(buf_u8(&b), 1);
	assert_int_equal(buf_be16(&b), 0x0203);
	assert_int_equal(buf_be32(&b), 0x04050607);
	assert_int_equal(buf_be64(&b), 0x08090a0b0c0d0e0f);
	assert_int_equal(buf_left(&b), 0);
	assert_false(b.bad);
	b = buf_from(bytes, sizeof(bytes));
	assert_int_equal(buf_u16(&b), 0x0201);
	assert_int_equal(buf_u32(&b), 0x06050403);
}

static void reader_past_the_end_returns_zeros_for_ever(void **)
{
	const uint8_t bytes[] = {0xff, 0xff, 0xff};
	uint8_t dst[4] = {1, 1, 1, 1};
	struct buf b = buf_from(bytes, sizeof(bytes));

	assert_int_equal(buf_u32(&b), 0);
	assert_true(b.bad);
	assert_int_equal(buf_u8(&b), 0); // although three bytes are there
	buf_bytes(&b, dst, sizeof(dst));
	assert_memory_equal(dst, "\0\0\0\0", 4);
	assert_null(buf_take(&b, 0));
}

static void reader_refuses_sizes_that_would_wrap(void **)
{
	const uint8_t bytes[8] = {0};
	struct buf b = buf_from(bytes, sizeof(bytes));

	buf_skip(&b, 4);
	assert_null(buf_take(&b, SIZE_MAX - 2));
	assert_true(b.bad);
}

static void reader_of_nothing_is_good_until_read(void **)
{
	struct buf b = buf_from(NULL, 0);

	assert_non_null(buf_take(&b, 0));
	assert_false(b.bad);
	buf_u8(&b);
	assert_true(b.bad);
}

static void writer_grows_up_to_its_limit_and_no_further(void **)
{
	struct buf_writer w;

	buf_writer_init(&w, 1000);
	for (int i = 0; i < 125; i++)
		buf_put_u64(&w, 0x0102030405060708);
	assert_false(w.bad);
	assert_int_equal(w.size, 1000);
	buf_put_u8(&w, 0);
	assert_true(w.bad);
	assert_int_equal(w.size, 1000);
	buf_writer_fini(&w);
	assert_null(w.data);
}

static void writer_stays_bad(void **)
{
	struct buf_writer w;

	buf_writer_init(&w, 4);
	buf_put_u64(&w, 1);
	buf_put_u8(&w, 1);
	assert_true(w.bad);
	assert_int_equal(w.size, 0);
	buf_put_zeros(&w, SIZE_MAX);
	assert_int_equal(w.size, 0);
	buf_writer_fini(&w);
}

static void writer_aligns_with_zeros(void **)
{
	struct buf_writer w;

	buf_writer_init(&w, 64);
	buf_put_align(&w, 8);
	assert_int_equal(w.size, 0);
	buf_put_u16(&w, 0xffff);
	buf_put_u8(&w, 0xff);
	buf_put_align(&w, 8);
	assert_int_equal(w.size, 8);
	assert_memory_equal(w.data, "\xff\xff\xff\0\0\0\0\0", 8);
	buf_put_u32(&w, 1);
	assert_int_equal(w.size, 12);
	buf_writer_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reader_takes_both_byte_orders),
	    cmocka_unit_test(reader_past_the_end_returns_zeros_for_ever),
	    cmocka_unit_test(reader_refuses_sizes_that_would_wrap),
	    cmocka_unit_test(reader_of_nothing_is_good_until_read),
	    cmocka_unit_test(writer_grows_up_to_its_limit_and_no_further),
	    cmocka_unit_test(writer_stays_bad),
	    cmocka_unit_test(writer_aligns_with_zeros),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
