/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/test.h"

#include <string.h>

#include "control/openflow/ofp_async.h"
#include "tests/unit/control/openflow/hex.h"

static void defaults_are_the_versions(void **)
{
	struct ofp_async_config c = ofp_async_default(OFP13_VERSION);

	assert_int_equal(c.masks[OFP_ASYNC_PACKET_IN][OFP_ASYNC_PRIMARY], 0x3);
	assert_int_equal(c.masks[OFP_ASYNC_PACKET_IN][OFP_ASYNC_SECONDARY], 0);
	assert_int_equal(c.masks[OFP_ASYNC_PORT_STATUS][OFP_ASYNC_SECONDARY], 0x7);
	c = ofp_async_default(OFP14_VERSION);
	assert_int_equal(c.masks[OFP_ASYNC_PACKET_IN][OFP_ASYNC_PRIMARY], 0x3b);
}

static void masks_read_and_write(void **)
{
	uint8_t bytes[32];
	size_t size = bytes_of("00000005 00000003 00000007 00000001 0000000f 00000000", bytes);
	struct buf b = buf_from(bytes, size);
	struct ofp_async_config c;
	struct buf_writer w;

	assert_int_equal(ofp_async_masks_decode(OFP13_VERSION, &b, &c), OFP_OK);
	assert_int_equal(c.masks[OFP_ASYNC_PACKET_IN][OFP_ASYNC_PRIMARY], 5);
	assert_int_equal(c.masks[OFP_ASYNC_PACKET_IN][OFP_ASYNC_SECONDARY], 3);
	assert_int_equal(c.masks[OFP_ASYNC_FLOW_REMOVED][OFP_ASYNC_PRIMARY], 15);
	assert_int_equal(c.masks[OFP_ASYNC_ROLE_STATUS][OFP_ASYNC_PRIMARY], 0);
	buf_writer_init(&w, 64);
	ofp_async_masks_encode(&c, &w);
	assert_int_equal(w.size, size);
	assert_memory_equal(w.data, bytes, size);
	buf_writer_fini(&w);
	b = buf_from(bytes, size - 1);
	assert_int_equal(ofp_async_masks_decode(OFP13_VERSION, &b, &c), OFPERR_OFPBRC_BAD_LEN);
	memset(bytes, 0xff, sizeof(bytes));
	b = buf_from(bytes, size);
	assert_int_equal(ofp_async_masks_decode(OFP13_VERSION, &b, &c), OFP_OK);
	assert_int_equal(c.masks[OFP_ASYNC_PACKET_IN][OFP_ASYNC_PRIMARY], 7); // reasons of 1.3
}

static void properties_change_what_they_name(void **)
{
	uint8_t bytes[64];
	struct buf b = buf_from(bytes, bytes_of("0001 0008 00000020 0009 0008 00000018", bytes));
	struct ofp_async_config c = ofp_async_default(OFP14_VERSION), again = {0};
	struct buf_writer w;

	assert_int_equal(ofp_async_properties_decode(OFP14_VERSION, &b, &c), OFP_OK);
	assert_int_equal(c.masks[OFP_ASYNC_PACKET_IN][OFP_ASYNC_PRIMARY], 0x20);
	assert_int_equal(c.masks[OFP_ASYNC_TABLE_STATUS][OFP_ASYNC_PRIMARY], 0x18);
	assert_int_equal(c.masks[OFP_ASYNC_PORT_STATUS][OFP_ASYNC_PRIMARY], 7); // not named
	buf_writer_init(&w, 128);
	ofp_async_properties_encode(OFP14_VERSION, &c, &w);
	assert_int_equal(w.size, 12 * 8);
	b = buf_from(w.data, w.size);
	assert_int_equal(ofp_async_properties_decode(OFP14_VERSION, &b, &again), OFP_OK);
	assert_memory_equal(&again, &c, sizeof(c));
	buf_writer_fini(&w);
}

static void wrong_properties_change_nothing(void **)
{
	static const struct {
		enum ofp_version version;
		const char *hex;
		enum ofp_err err;
	} rows[] = {
	    {OFP14_VERSION, "0001 0008 00000001 000c 0008 00000001", OFPERR_OFPACFC_UNSUPPORTED},
	    {OFP14_VERSION, "0001 0008 00000001 ffff 0008 00000001", OFPERR_OFPACFC_UNSUPPORTED},
	    {OFP14_VERSION, "0001 0008 00000001 0003 0008 00000008", OFPERR_OFPACFC_INVALID},
	    {OFP13_VERSION, "0001 0008 00000008",
		OFPERR_OFPACFC_INVALID}, // by NXT_SET_ASYNC_CONFIG2
	    {OFP14_VERSION, "0001 0008 00000001 0003 0004 00000000", OFPERR_OFPBPC_BAD_LEN},
	    {OFP14_VERSION, "0001 0008 00000001 0003 0010 00000000", OFPERR_OFPBPC_BAD_LEN},
	    {OFP14_VERSION, "0001 0008 00000001 0003 0000 00000000", OFPERR_OFPBPC_BAD_LEN},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t bytes[64];
		struct buf b = buf_from(bytes, bytes_of(rows[i].hex, bytes));
		struct ofp_async_config c = {0}, before = c;
		enum ofp_err err = ofp_async_properties_decode(rows[i].version, &b, &c);
		if (err != rows[i].err)
			fail_msg("%s: %s", rows[i].hex, ofp_err_name(err));
		assert_memory_equal(&c, &before, sizeof(c));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults_are_the_versions),
	    cmocka_unit_test(masks_read_and_write),
	    cmocka_unit_test(properties_change_what_they_name),
	    cmocka_unit_test(wrong_properties_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
