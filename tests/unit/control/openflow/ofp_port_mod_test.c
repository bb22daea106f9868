/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_port_mod.h"

#include "tests/unit/control/openflow/message.h"

static enum ofp_err read_hex(const char *hex, enum ofp_raw raw, struct ofp_port_mod *ret)
{
	struct ofp_msg msg;
	enum ofp_version version = read_message(hex, raw, &msg);

	return ofp_port_mod_decode(version, &msg.body, ret);
}

static void check(const char *hex, enum ofp_raw raw, uint32_t port, uint32_t config, uint32_t mask,
    uint32_t advertise)
{
	static const struct mac_addr mac = {{0x50, 0x54, 0, 0, 0, 1}};
	struct ofp_port_mod pm;

	assert_int_equal(read_hex(hex, raw, &pm), OFP_OK);
	assert_int_equal(pm.port_no, port);
	assert_true(mac_equal(&pm.hw_addr, &mac));
	assert_int_equal(pm.config, config);
	assert_int_equal(pm.mask, mask);
	assert_int_equal(pm.advertise, advertise);
}

static void test_each_form(void **)
{
	check("010f0020 00000003 0003 505400000001 00000001 00000001 00000000 00000000",
	    OFPRAW_OFPT10_PORT_MOD, 3, 1, 1, 0);
	check("02100028 00000003 00000003 00000000 505400000001 0000 00000001 00000021 00002000"
	      "00000000",
	    OFPRAW_OFPT11_PORT_MOD, 3, 1, 0x21, 0x2000);
	check("05100028 00000003 fffffffe 00000000 505400000001 0000 00000021 00000001 00000008"
	      "00000001",
	    OFPRAW_OFPT14_PORT_MOD, 0xfffffffe, 1, 1, 1);
	check("05100020 00000003 00000003 00000000 505400000001 0000 00000000 00000000",
	    OFPRAW_OFPT14_PORT_MOD, 3, 0, 0, 0);
}

static void test_words_of_10(void **)
{
	// LOCAL, spanning tree's and NO_FLOOD bits, copper and automatic negotiation.
	check("010f0020 00000003 fffe 505400000001 00000010 00000012 00000280 00000000",
	    OFPRAW_OFPT10_PORT_MOD, 0xfffffffe, 0x10, 0x12, 0x2800);
}

static void check_refused(const char *hex, enum ofp_raw raw, enum ofp_err err)
{
	struct ofp_port_mod pm;

	assert_string_equal(ofp_err_name(read_hex(hex, raw, &pm)), ofp_err_name(err));
}

static void test_bits_that_no_version_has(void **)
{
	check_refused("010f0020 00000003 0003 505400000001 00000000 00000080 00000000 00000000",
	    OFPRAW_OFPT10_PORT_MOD, OFPERR_OFPPMFC_BAD_CONFIG);
	check_refused("010f0020 00000003 0003 505400000001 00000000 00000000 00001000 00000000",
	    OFPRAW_OFPT10_PORT_MOD, OFPERR_OFPPMFC_BAD_ADVERTISE);
	check_refused("04100028 00000003 00000003 00000000 505400000001 0000 00000010 00000010"
		      "00000000 00000000",
	    OFPRAW_OFPT11_PORT_MOD, OFPERR_OFPPMFC_BAD_CONFIG);
	check_refused("04100028 00000003 00000003 00000000 505400000001 0000 00000000 00000000"
		      "00010000 00000000",
	    OFPRAW_OFPT11_PORT_MOD, OFPERR_OFPPMFC_BAD_ADVERTISE);
}

static void test_properties_of_14(void **)
{
	check_refused("05100028 00000003 00000003 00000000 505400000001 0000 00000000 00000000"
		      "0001 0008 00000000",
	    OFPRAW_OFPT14_PORT_MOD, OFPERR_OFPBPC_BAD_TYPE);
	check_refused("05100028 00000003 00000003 00000000 505400000001 0000 00000000 00000000"
		      "0000 0006 00000000",
	    OFPRAW_OFPT14_PORT_MOD, OFPERR_OFPBPC_BAD_LEN);
	check_refused("05100028 00000003 00000003 00000000 505400000001 0000 00000000 00000000"
		      "0000 0010 00000000",
	    OFPRAW_OFPT14_PORT_MOD, OFPERR_OFPBPC_BAD_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_form),
	    cmocka_unit_test(test_words_of_10),
	    cmocka_unit_test(test_bits_that_no_version_has),
	    cmocka_unit_test(test_properties_of_14),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
