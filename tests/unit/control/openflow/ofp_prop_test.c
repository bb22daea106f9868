/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_prop.h"

#include "tests/unit/control/openflow/message.h"

static enum ofp_err read_hex(const char *hex, struct ofp_prop *ret, size_t *ret_left)
{
	static uint8_t bytes[64];
	struct buf b = buf_from(bytes, bytes_of(hex, bytes));
	enum ofp_err err = ofp_prop_decode(&b, ret);

	*ret_left = buf_left(&b);
	return err;
}

static void test_length_and_padding_are_taken(void **)
{
	struct ofp_prop p;
	size_t left;
	uint16_t v;

	assert_int_equal(read_hex("0002 0006 1234 0000 ff", &p, &left), OFP_OK);
	assert_int_equal(p.type, 2);
	assert_int_equal(left, 1);
	assert_int_equal(ofp_prop_u16(&p, &v), OFP_OK);
	assert_int_equal(v, 0x1234);
	assert_int_equal(ofp_prop_u16(&p, &v), OFPERR_OFPBPC_BAD_LEN);
}

static void test_lengths_that_lie(void **)
{
	static const char *const hex[] = {"0002", "0002 0003 0000 0000", "0002 0000 0000 0000",
	    "0002 0009 0000 0000", "0002 0005 00 0000", "0002 ffff 0000 0000",
	    "ffff 000b 00000001 00000001 0000 0000"};
	struct ofp_prop p;
	size_t left;

	for (size_t i = 0; i < ARRAY_SIZE(hex); i++)
		assert_int_equal(read_hex(hex[i], &p, &left), OFPERR_OFPBPC_BAD_LEN);
}

static void test_experimenters(void **)
{
	struct ofp_prop p;
	size_t left;

	assert_int_equal(read_hex("ffff 000c 00002320 00000007 0000 0000", &p, &left), OFP_OK);
	assert_int_equal(p.experimenter, 0x2320);
	assert_int_equal(p.exp_type, 7);
	assert_int_equal(ofp_prop_refuse(&p), OFPERR_OFPBPC_BAD_EXPERIMENTER);
	assert_int_equal(read_hex("ffff 000c 00000000 00000007 0000 0000", &p, &left),
	    OFPERR_OFPBPC_BAD_EXPERIMENTER);
}

static void test_nested_ones_begin_at_the_eighth_byte(void **)
{
	struct ofp_prop p;
	struct buf inner;
	size_t left;

	assert_int_equal(read_hex("0000 0010 00000000 0005 0008 0000 0001", &p, &left), OFP_OK);
	assert_int_equal(ofp_prop_nested(&p, &inner), OFP_OK);
	assert_int_equal(buf_left(&inner), 8);
	assert_int_equal(ofp_prop_decode(&inner, &p), OFP_OK);
	assert_int_equal(p.type, 5);
	assert_int_equal(read_hex("0000 0006 0000 0000", &p, &left), OFP_OK);
	assert_int_equal(ofp_prop_nested(&p, &inner), OFPERR_OFPBPC_BAD_LEN);
}

static void test_written(void **)
{
	struct buf_writer w;

	buf_writer_init(&w, 64);
	buf_put_u8(&w, 0xee); // padding counts from the property's start
	size_t at = ofp_prop_begin(&w, 3);
	buf_put_u8(&w, 0xaa);
	ofp_prop_end(&w, at);
	ofp_prop_put_u16(&w, 1, 500);
	ofp_prop_put_u32(&w, 2, 7);
	check_written(&w, "ee 0003 0005 aa 000000 0001 0008 01f4 0000 0002 0008 00000007");
	buf_writer_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_length_and_padding_are_taken),
	    cmocka_unit_test(test_lengths_that_lie),
	    cmocka_unit_test(test_experimenters),
	    cmocka_unit_test(test_nested_ones_begin_at_the_eighth_byte),
	    cmocka_unit_test(test_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
