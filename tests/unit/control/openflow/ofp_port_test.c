/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/test.h"

#include <stdio.h>

#include "control/openflow/ofp_port.h"
#include "datapath/base/buf.h"
#include "tests/unit/control/openflow/hex.h"

static struct buf_writer w;

static int start(void **)
{
	buf_writer_init(&w, 4096);
	return 0;
}

static int end(void **)
{
	buf_writer_fini(&w);
	return 0;
}

static void check(const char *hex)
{
	uint8_t bytes[256];
	size_t size = bytes_of(hex, bytes);

	assert_int_equal(w.size, size);
	assert_memory_equal(w.data, bytes, size);
}

static const struct ofp_port port = {
    .port_no = DP_OFPORT_LOCAL,
    .hw_addr = {{2, 0, 0, 0, 0, 1}},
    .name = "a-name-of-more-than-fifteen",
    .config = 0x21,
    .state = OFPPS_LINK_DOWN | 4, // live
    .curr = 0x40,
    .advertised = 0x41,
    .supported = 0x42,
    .peer = 0x43,
    .curr_kbps = 10000000,
    .max_kbps = 20000000,
};

static void ports_have_the_form_of_their_version(void **)
{
	const char *name = "612d6e616d652d6f662d6d6f72652d00";
	char hex[512];

	ofp_port_encode(OFP10_VERSION, &port, &w);
	snprintf(hex, sizeof(hex),
	    "fffe 020000000001 %s 00000021 00000001 00000040 00000041 00000042 00000043", name);
	check(hex);
	w.size = 0;
	ofp_port_encode(OFP13_VERSION, &port, &w);
	snprintf(hex, sizeof(hex),
	    "fffffffe 00000000 020000000001 0000 %s 00000021 00000005 00000040 00000041 00000042"
	    "00000043 00989680 01312d00",
	    name);
	check(hex);
	w.size = 0;
	ofp_port_encode(OFP14_VERSION, &port, &w);
	snprintf(hex, sizeof(hex),
	    "fffffffe 0048 0000 020000000001 0000 %s 00000021 00000005 0000 0020 00000000 00000040"
	    "00000041 00000042 00000043 00989680 01312d00",
	    name);
	check(hex);
}

static void counters_have_the_form_of_their_version(void **)
{
	static const struct ofp_port_stats s = {.port_no = 3,
	    .duration_s = 9,
	    .duration_ns = 10,
	    .rx_packets = 1,
	    .tx_packets = 2,
	    .rx_bytes = 3,
	    .tx_bytes = 4,
	    .rx_dropped = 5,
	    .tx_dropped = UINT64_MAX};
	const char *traffic = "0000000000000001 0000000000000002 0000000000000003 0000000000000004 "
			      "0000000000000005 ffffffffffffffff";
	const char *two = "ffffffffffffffffffffffffffffffff";
	char hex[512];

	ofp_port_stats_encode(OFP10_VERSION, &s, &w);
	snprintf(hex, sizeof(hex), "0003 000000000000 %s %s%s%s", traffic, two, two, two);
	check(hex);
	w.size = 0;
	ofp_port_stats_encode(OFP12_VERSION, &s, &w);
	snprintf(hex, sizeof(hex), "00000003 00000000 %s %s%s%s", traffic, two, two, two);
	check(hex);
	w.size = 0;
	ofp_port_stats_encode(OFP13_VERSION, &s, &w);
	snprintf(hex, sizeof(hex), "00000003 00000000 %s %s%s%s 00000009 0000000a", traffic, two,
	    two, two);
	check(hex);
	w.size = 0;
	ofp_port_stats_encode(OFP15_VERSION, &s, &w);
	snprintf(hex, sizeof(hex), "0050 0000 00000003 00000009 0000000a %s %s", traffic, two);
	check(hex);
}

static void requests_name_a_port_or_all(void **)
{
	uint32_t got;
	struct buf b = buf_from("\xff\xff\0\0\0\0\0\0", 8);

	assert_int_equal(ofp_port_request_decode(OFP10_VERSION, &b, &got), OFP_OK);
	assert_int_equal(got, DP_OFPORT_ANY);
	b = buf_from("\0\0\0\5\0\0\0\0", 8);
	assert_int_equal(ofp_port_request_decode(OFP13_VERSION, &b, &got), OFP_OK);
	assert_int_equal(got, 5);
	b = buf_from("\0\0\0", 3);
	assert_int_equal(ofp_port_request_decode(OFP13_VERSION, &b, &got), OFPERR_OFPBRC_BAD_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(ports_have_the_form_of_their_version, start, end),
	    cmocka_unit_test_setup_teardown(counters_have_the_form_of_their_version, start, end),
	    cmocka_unit_test_setup_teardown(requests_name_a_port_or_all, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
