/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_ct_flush.h"

#include <string.h>

#include "tests/unit/control/openflow/message.h"

static void test_zone(void **)
{
	struct ofp_ct_flush f;
	struct ofp_msg msg;

	read_message("06040018 00000001 00002320 0000001d 000000000000 000d",
	    OFPRAW_NXT_CT_FLUSH_ZONE, &msg);
	assert_int_equal(ofp_ct_flush_zone_decode(&msg.body, &f), OFP_OK);
	assert_true(f.has_zone);
	assert_int_equal(f.zone, 13);
	read_message("06040018 00000001 00002320 0000001d 000000000001 000d",
	    OFPRAW_NXT_CT_FLUSH_ZONE, &msg);
	assert_int_equal(ofp_ct_flush_zone_decode(&msg.body, &f), OFPERR_NXBRC_MUST_BE_ZERO);
}

/* A whole NXT_CT_FLUSH message. */
static enum ofp_err read_flush(const char *hex, struct ofp_ct_flush *ret)
{
	struct ofp_msg msg;

	read_message(hex, OFPRAW_NXT_CT_FLUSH, &msg);
	return ofp_ct_flush_decode(&msg.body, ret);
}

static void test_tuple_and_zone(void **)
{
	static const uint8_t src[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1};
	static const uint8_t dst[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2};
	struct ofp_ct_flush f;

	assert_int_equal(read_flush("06040078 00000001 00002320 00000020 06 00000000000000"
				    "0000 0048 00000000"
				    "0000 0014 00000000000000000000ffff0a000001 00000000"
				    "0001 0014 00000000000000000000ffff0a000002 00000000"
				    "0002 0008 0050 0000 0003 0008 0051 0000"
				    "0001 0010 00000000 0004 0008 0007 0000 0002 0008 000d 0000",
			     &f),
	    OFP_OK);
	assert_int_equal(f.ip_proto, 6);
	assert_true(f.has_zone);
	assert_int_equal(f.zone, 13);
	assert_memory_equal(&f.orig.src, src, 16);
	assert_memory_equal(&f.orig.dst, dst, 16);
	assert_int_equal(f.orig.src_port, 80);
	assert_int_equal(f.orig.dst_port, 81);
	assert_int_equal(f.reply.icmp_id, 7);
	assert_int_equal(f.reply.src_port, 0);
}

static void test_nothing_is_everything(void **)
{
	struct ofp_ct_flush f, none = {};

	assert_int_equal(
	    read_flush("06040018 00000001 00002320 00000020 00 00000000000000", &f), OFP_OK);
	assert_memory_equal(&f, &none, sizeof(f));
}

static void test_refused(void **)
{
#define HEAD(size) "0604" size "00000001 00002320 00000020 06 00000000000000"
	static const struct {
		const char *hex;
		enum ofp_err err;
	} rows[] = {
	    {"06040018 00000001 00002320 00000020 06 00000000000001", OFPERR_NXBRC_MUST_BE_ZERO},
	    // What newer clients ask for: marks, labels.
	    {HEAD("0020") "0003 0008 00000001", OFPERR_OFPBPC_BAD_TYPE},
	    {HEAD("0028") "0000 0010 00000000 0007 0008 00000000", OFPERR_OFPBPC_BAD_TYPE},
	    {HEAD("0020") "0002 0005 00000000", OFPERR_OFPBPC_BAD_LEN},
	    {HEAD("0020") "0000 0006 00000000", OFPERR_OFPBPC_BAD_LEN},
	    {HEAD("0028") "0000 0010 00000000 0000 0010 00000000", OFPERR_OFPBPC_BAD_LEN},
	    {HEAD("0028") "0000 0010 00000000 0000 0008 00000001", OFPERR_OFPBPC_BAD_LEN},
	    {HEAD("0050") "0000 0038 00000000"
			  "0000 0014 00000000000000000000ffff0a000001 00000000"
			  "0001 0014 fe800000000000000000000000000001 00000000",
		OFPERR_OFPBPC_BAD_VALUE},
	};
#undef HEAD
	struct ofp_ct_flush f;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(
		    ofp_err_name(read_flush(rows[i].hex, &f)), ofp_err_name(rows[i].err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_zone),
	    cmocka_unit_test(test_tuple_and_zone),
	    cmocka_unit_test(test_nothing_is_everything),
	    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
