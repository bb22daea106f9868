/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/test.h"

#include <endian.h>
#include <string.h>

#include "control/openflow/oxm.h"
#include "tests/unit/control/openflow/hex.h"
#include "tests/unit/control/openflow/random_flow.h"

static struct flow_match match;

static enum ofp_err decode_list(const char *hex, unsigned int flags, struct ofp_match_cookie *c)
{
	uint8_t bytes[512];
	struct buf b = buf_from(bytes, bytes_of(hex, bytes));

	return oxm_match_decode(&b, flags, &match, c);
}

static void check_text(const char *hex, const char *text)
{
	char buf[512];

	assert_int_equal(decode_list(hex, 0, NULL), OFP_OK);
	assert_string_equal(flow_match_format(&match, buf, sizeof(buf)), text);
}

static void fields_are_read(void **)
{
	check_text("", "any");
	check_text("80000004 00000003 80000a02 0800 80001401 06 80001c02 0050",
	    "in_port=3,eth_type=0x800,ip_proto=6,tcp_dst=80");
	check_text("00000002 fffe", "in_port=4294967294");
	check_text(
	    "80000a020800 80001708 0a010000 ffff0000", "eth_type=0x800,ipv4_src=10.1.0.0/16");
	check_text("80000c02 1005 80000e01 03", "vlan_tci=0x1000/0x1000,vlan_vid=5,vlan_pcp=3");
	check_text("80000c02 0000", "vlan_tci=0x0/0x1fff");
	check_text("80000d04 1000 1000", "vlan_tci=0x1000/0x1000");
	check_text("00000802 6123", "vlan_tci=0x6123");
	check_text("80010008 0000000100000002", "reg0=0x1,reg1=0x2");
	check_text("80010110 0000000000000002 000000000000000f", "reg1=0x2/0xf");
	check_text("80000a020800 00000a01 b8", "eth_type=0x800,ip_dscp=46");
	check_text("80000a0286dd 80001401 3a 80003a01 87 80003e10 fe800000000000000000000000000001",
	    "eth_type=0x86dd,ip_proto=58,icmpv6_type=135,nd_target=fe80::1");
	check_text("0001d308 00000021 00000031", "ct_state=0x21/0x31");
	check_text("0001d708 00000001 00000001", "ct_mark=0x1/0x1");
	check_text("00015004 12345678", "tun_metadata0=0x12345678");
	// Six digits of a mask that covers all is none.
	check_text("80000b04 0800 ffff", "eth_type=0x800");
}

static void what_is_wrong_has_its_error(void **)
{
	static const struct {
		const char *hex;
		enum ofp_err err;
	} rows[] = {
	    {"80001c02 0050", OFPERR_OFPBMC_BAD_PREREQ},
	    {"80001401 06 80000a02 0800", OFPERR_OFPBMC_BAD_PREREQ}, // order matters
	    {"80000a02 0800 80000a02 0800", OFPERR_OFPBMC_DUP_FIELD},
	    {"80010008 0000000100000002 00010004 00000001", OFPERR_OFPBMC_DUP_FIELD}, // xreg0, reg0
	    {"80000c02 1005 00000802 1005", OFPERR_OFPBMC_DUP_FIELD},
	    {"80000b04 0800 ff00", OFPERR_OFPBMC_BAD_MASK},
	    {"80000108 00000003 000000ff", OFPERR_OFPBMC_BAD_MASK},
	    {"80000a020800 80001708 0a010001 ffff0000", OFPERR_OFPBMC_BAD_WILDCARDS},
	    {"80000a020800 80001001 40", OFPERR_OFPBMC_BAD_VALUE},
	    {"80000e01 03", OFPERR_OFPBMC_BAD_PREREQ}, {"80000a03 080000", OFPERR_OFPBMC_BAD_LEN},
	    {"80000a02 08", OFPERR_OFPBMC_BAD_LEN}, {"80000a", OFPERR_OFPBMC_BAD_LEN},
	    {"ffff0003 000000", OFPERR_OFPBMC_BAD_LEN},
	    {"80004a03 000001", OFPERR_OFPBMC_BAD_FIELD}, // PBB's isid
	    {"00010407 00000000000000", OFPERR_OFPBMC_BAD_LEN},
	    {"00013c08 0000000000000001", OFPERR_OFPBMC_BAD_FIELD}, // a cookie where none may be
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum ofp_err err = decode_list(rows[i].hex, 0, NULL);
		if (err != rows[i].err)
			fail_msg("%s: %s, not %s", rows[i].hex, ofp_err_name(err),
			    ofp_err_name(rows[i].err));
	}
}

static void loose_lists_pass_over_what_is_not_known(void **)
{
	assert_int_equal(
	    decode_list("80004a03 000001 80000004 00000003", OFP_MATCH_LOOSE, NULL), OFP_OK);
	assert_int_equal(match.key.in_port, htobe32(3));
}

static void cookies_are_beside_the_match(void **)
{
	struct ofp_match_cookie c;

	assert_int_equal(decode_list("00013d10 0000000000000010 00000000000000f0", 0, &c), OFP_OK);
	assert_int_equal(c.cookie_be, htobe64(0x10));
	assert_int_equal(c.mask_be, htobe64(0xf0));
	assert_int_equal(decode_list("00013c08 0000000000000010 00013c08 0000000000000010", 0, &c),
	    OFPERR_OFPBMC_DUP_FIELD);
	assert_int_equal(decode_list("00013d10 0000000000000011 00000000000000f0", 0, &c),
	    OFPERR_OFPBMC_BAD_WILDCARDS);
}

static void every_match_reads_back_in_every_version(void **)
{
	struct random_flow r = random_flow_start();

	for (unsigned int i = 0; i < test_size(3000, 100000); i++) {
		struct flow_match m = random_match(&r), again;
		enum ofp_version v = OFP10_VERSION + i % 6;
		struct ofp_match_cookie c = {.cookie_be = 5, .mask_be = i % 2 ? 7 : 0}, c_again;
		struct buf_writer w;
		buf_writer_init(&w, 4096);
		oxm_match_encode(&m, &c, v, &w);
		assert_false(w.bad);
		struct buf b = buf_from(w.data, w.size);
		assert_int_equal(oxm_match_decode(&b, 0, &again, &c_again), OFP_OK);
		assert_memory_equal(&again, &m, sizeof(m));
		assert_int_equal(c_again.mask_be, c.mask_be);
		buf_writer_fini(&w);
		if (v < OFP12_VERSION)
			continue;
		buf_writer_init(&w, 4096);
		ofp11_match_encode(&m, v, &w);
		assert_int_equal(w.size % 8, 0);
		b = buf_from(w.data, w.size);
		assert_int_equal(ofp11_match_decode(&b, v, 0, &again), OFP_OK);
		assert_int_equal(buf_left(&b), 0);
		assert_memory_equal(&again, &m, sizeof(m));
		buf_writer_fini(&w);
	}
}

/* The fixed forms say less: what they said once they say again. */
static void fixed_matches_are_a_fixed_point(void **)
{
	struct random_flow r = random_flow_start();

	for (unsigned int i = 0; i < test_size(3000, 100000); i++) {
		struct flow_match m = random_match(&r), once, twice;
		struct buf_writer w[2];
		for (int n = 0; n < 2; n++) {
			struct flow_match *from = n == 0 ? &m : &once,
					  *to = n == 0 ? &once : &twice;
			buf_writer_init(&w[n], 4096);
			if (i % 2 == 0)
				ofp10_match_encode(from, &w[n]);
			else
				ofp11_match_encode(from, OFP11_VERSION, &w[n]);
			struct buf b = buf_from(w[n].data, w[n].size);
			enum ofp_err err = i % 2 == 0
					       ? ofp10_match_decode(&b, to)
					       : ofp11_match_decode(&b, OFP11_VERSION, 0, to);
			assert_int_equal(err, OFP_OK);
			assert_int_equal(buf_left(&b), 0);
		}
		assert_memory_equal(&once, &twice, sizeof(once));
		// Without a tag its other bits are zero, whatever was said of them.
		if ((be16toh(m.mask.vlan_tci[0] & ~m.key.vlan_tci[0]) & FLOW_VLAN_PRESENT) != 0) {
			m.mask.vlan_tci[0] = UINT16_MAX;
			m.key.vlan_tci[0] = 0;
		}
		if (!flow_match_is_subset(&m, &once)) {
			char text[2][1024];
			fail_msg("%s is not in %s", flow_match_format(&m, text[0], 1024),
			    flow_match_format(&once, text[1], 1024));
		}
		assert_true(i % 2 != 0 || ofp10_match_is_exact(&once));
		buf_writer_fini(&w[0]);
		buf_writer_fini(&w[1]);
	}
}

static void matches_of_1_0_read_as_ovs_reads_them(void **)
{
	static const struct {
		const char *hex, *text;
	} rows[] = {
	    {"003820fe 0001 000000000000 000000000000 0000 00 00 0000 00 00 0000 00000000 00000000 "
	     "0000 0000",
		"in_port=1"},
	    {"003820fd ffff 000000000000 000000000000 ffff 00 00 0000 00 00 0000 00000000 00000000 "
	     "0000 0000",
		"vlan_tci=0x0"},
	    {"003820fd ffff 000000000000 000000000000 0009 00 00 0000 00 00 0000 00000000 00000000 "
	     "0000 0000",
		"vlan_tci=0x1000/0x1000,vlan_vid=9"},
	    {"0038080f 0000 000000000000 000000000000 0000 00 00 0800 00 06 0000 0a000100 00000000 "
	     "0000 0050",
		"eth_type=0x800,ip_proto=6,ipv4_src=10.0.1.0/24,tcp_src=0,tcp_dst=80"},
	};
	char text[512];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t bytes[64];
		struct buf b = buf_from(bytes, bytes_of(rows[i].hex, bytes));
		assert_int_equal(b.size, 40);
		assert_int_equal(ofp10_match_decode(&b, &match), OFP_OK);
		assert_string_equal(flow_match_format(&match, text, sizeof(text)), rows[i].text);
	}
}

static void wrong_types_and_lengths_of_a_match_are_refused(void **)
{
	static const struct {
		const char *hex;
		enum ofp_version version;
		enum ofp_err err;
	} rows[] = {
	    {"0001 0004 00000000", OFP13_VERSION, OFP_OK},
	    {"0001 0004", OFP13_VERSION, OFPERR_OFPBMC_BAD_LEN}, // its padding is missing
	    {"0001 0003 00000000", OFP13_VERSION, OFPERR_OFPBMC_BAD_LEN},
	    {"0001 0100 00000000", OFP13_VERSION, OFPERR_OFPBMC_BAD_LEN},
	    {"0000 0058 00000000", OFP13_VERSION, OFPERR_OFPBMC_BAD_TYPE},
	    {"0001 0004 00000000", OFP11_VERSION, OFPERR_OFPBMC_BAD_TYPE},
	    {"0000 0058 00000000", OFP11_VERSION, OFPERR_OFPBMC_BAD_LEN},
	    {"00", OFP13_VERSION, OFPERR_OFPBMC_BAD_LEN},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t bytes[64];
		struct buf b = buf_from(bytes, bytes_of(rows[i].hex, bytes));
		assert_int_equal(ofp11_match_decode(&b, rows[i].version, 0, &match), rows[i].err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_are_read),
	    cmocka_unit_test(what_is_wrong_has_its_error),
	    cmocka_unit_test(loose_lists_pass_over_what_is_not_known),
	    cmocka_unit_test(cookies_are_beside_the_match),
	    cmocka_unit_test(every_match_reads_back_in_every_version),
	    cmocka_unit_test(fixed_matches_are_a_fixed_point),
	    cmocka_unit_test(matches_of_1_0_read_as_ovs_reads_them),
	    cmocka_unit_test(wrong_types_and_lengths_of_a_match_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
