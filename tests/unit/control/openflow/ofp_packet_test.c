/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/test.h"

#include <endian.h>
#include <string.h>

#include "control/openflow/ofp_packet.h"
#include "tests/unit/control/openflow/hex.h"

static struct buf_writer w, scratch;

static int start(void **)
{
	buf_writer_init(&w, 65536);
	buf_writer_init(&scratch, OFP_MAX_ACTIONS_SIZE);
	return 0;
}

static int end(void **)
{
	buf_writer_fini(&w);
	buf_writer_fini(&scratch);
	return 0;
}

static void check(
    enum ofp_version version, enum ofp_packet_in_format format, uint8_t reason, const char *hex)
{
	static const uint8_t data[] = {0xde, 0xad, 0xbe};
	struct ofp_packet_in pin = {.in_port = 3,
	    .cookie_be = htobe64(0x11),
	    .reason = reason,
	    .table_id = 7,
	    .data = data,
	    .data_size = sizeof(data),
	    .total_size = 60};
	uint8_t bytes[256];
	size_t size = bytes_of(hex, bytes);

	pin.metadata.key.in_port = htobe32(3);
	pin.metadata.mask.in_port = UINT32_MAX;
	pin.metadata.key.reg[0] = htobe32(0x55);
	pin.metadata.mask.reg[0] = UINT32_MAX;
	w.size = 0;
	ofp_packet_in_encode(version, format, &pin, &w);
	assert_false(w.bad);
	assert_int_equal(w.size, size);
	assert_memory_equal(w.data, bytes, size);
}

static void packet_in_has_the_form_of_its_version(void **)
{
	check(OFP10_VERSION, OFP_PACKET_IN_STANDARD, OFPR_NO_MATCH,
	    "01 0a 0015 00000000 ffffffff 003c 0003 00 00 deadbe");
	check(OFP11_VERSION, OFP_PACKET_IN_STANDARD, OFPR_ACTION,
	    "02 0a 001b 00000000 ffffffff 00000003 00000003 003c 01 07 deadbe");
	check(OFP12_VERSION, OFP_PACKET_IN_STANDARD, OFPR_INVALID_TTL,
	    "03 0a 002d 00000000 ffffffff 003c 02 07 0001 0014 80000004 00000003 00010004 00000055"
	    "00000000 0000 deadbe");
	check(OFP13_VERSION, OFP_PACKET_IN_STANDARD, OFPR_ACTION,
	    "04 0a 0035 00000000 ffffffff 003c 01 07 0000000000000011 0001 0014 80000004 00000003"
	    "00010004 00000055 00000000 0000 deadbe");
	check(OFP15_VERSION, OFP_PACKET_IN_STANDARD, OFPR_ACTION,
	    "06 0a 003d 00000000 ffffffff 003c 01 07 0000000000000011 0001 0020 80000004 00000003"
	    "80010110 0000005500000000 ffffffff00000000 0000 deadbe");
}

static void packet_in_has_niciras_forms(void **)
{
	check(OFP10_VERSION, OFP_PACKET_IN_NXT, OFPR_ACTION,
	    "01 04 003d 00000000 00002320 00000011 ffffffff 003c 01 07 0000000000000011 000e"
	    "000000000000 00000002 0003 00010004 00000055 0000 0000 deadbe");
	check(OFP10_VERSION, OFP_PACKET_IN_NXT2, OFPR_ACTION,
	    "01 04 0058 00000000 00002320 0000001e 0000 0007 deadbe 00 0001 0008 0000003c"
	    "0003 0005 07 000000 0004 0010 00000000 0000000000000011 0005 0005 01 000000"
	    "0006 0012 00000002 0003 00010004 00000055 000000000000");
}

static void reasons_that_a_version_has_not_are_actions(void **)
{
	check(OFP10_VERSION, OFP_PACKET_IN_STANDARD, OFPR_INVALID_TTL,
	    "01 0a 0015 00000000 ffffffff 003c 0003 01 00 deadbe");
}

static enum ofp_err decode(enum ofp_version version, const char *hex, struct ofp_packet_out *ret)
{
	static uint8_t bytes[256];
	struct buf b = buf_from(bytes, bytes_of(hex, bytes));

	return ofp_packet_out_decode(version, &b, &scratch, ret);
}

static void packet_out_is_read_in_each_form(void **)
{
	static const struct {
		enum ofp_version version;
		const char *hex;
		uint32_t in_port;
	} rows[] = {
	    {OFP10_VERSION, "ffffffff 0003 0008 0000 0008 0002 0000 dead", 3},
	    {OFP10_VERSION, "ffffffff ffff 0008 0000 0008 0002 0000 dead", DP_OFPORT_ANY},
	    {OFP13_VERSION,
		"ffffffff fffffffd 0010 000000000000 0000 0010 00000002 0000 000000000000 dead",
		DP_OFPORT_CONTROLLER},
	    {OFP15_VERSION,
		"ffffffff 0010 0000 0001 000c 80000004 00000003 00000000"
		"0000 0010 00000002 0000 000000000000 dead",
		3},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ofp_packet_out po;
		assert_int_equal(decode(rows[i].version, rows[i].hex, &po), OFP_OK);
		assert_int_equal(po.in_port, rows[i].in_port);
		assert_int_equal(po.buffer_id, OFP_NO_BUFFER);
		assert_int_equal(po.data_size, 2);
		assert_memory_equal(po.data, "\xde\xad", 2);
		const struct dp_action *a = po.actions.data;
		assert_int_equal(po.actions.size, a->len);
		assert_int_equal(a->type, DP_ACTION_OUTPUT);
		assert_int_equal(a->output.port, 2);
	}
}

static void wrong_packet_outs_are_refused(void **)
{
	static const struct {
		enum ofp_version version;
		const char *hex;
		enum ofp_err err;
	} rows[] = {
	    {OFP10_VERSION, "ffffffff 0003 0010 0000 0008 0002 0000", OFPERR_OFPBRC_BAD_LEN},
	    {OFP10_VERSION, "ffffffff 0003 0009 0000 0008 0002 0000 00", OFPERR_OFPBRC_BAD_LEN},
	    {OFP10_VERSION, "ffffffff 0003", OFPERR_OFPBRC_BAD_LEN},
	    {OFP10_VERSION, "ffffffff 0000 0000", OFPERR_OFPBRC_BAD_PORT},
	    {OFP13_VERSION, "ffffffff fffffffa 0000 000000000000", OFPERR_OFPBRC_BAD_PORT},
	    {OFP15_VERSION, "ffffffff 0000 0000 0001 0004 00000000", OFPERR_OFPBRC_BAD_PORT},
	    {OFP15_VERSION, "ffffffff 0000 0000 0000 0004 00000000", OFPERR_OFPBMC_BAD_TYPE},
	    {OFP10_VERSION, "ffffffff 0003 0008 0063 0008 0002 0000", OFPERR_OFPBAC_BAD_TYPE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ofp_packet_out po;
		enum ofp_err err = decode(rows[i].version, rows[i].hex, &po);
		if (err != rows[i].err)
			fail_msg("%s: %s", rows[i].hex, ofp_err_name(err));
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)
	const struct CMUnitTest tests[] = {
	    TEST(packet_in_has_the_form_of_its_version),
	    TEST(packet_in_has_niciras_forms),
	    TEST(reasons_that_a_version_has_not_are_actions),
	    TEST(packet_out_is_read_in_each_form),
	    TEST(wrong_packet_outs_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
