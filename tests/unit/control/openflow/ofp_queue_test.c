/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_queue.h"

#include "tests/unit/control/openflow/message.h"

static struct buf_writer w;

static int start(void **)
{
	buf_writer_init(&w, 1024);
	return 0;
}

static int end(void **)
{
	buf_writer_fini(&w);
	return 0;
}

static void check_config_request(
    const char *hex, enum ofp_raw raw, enum ofp_err err, uint32_t port, uint32_t queue)
{
	struct ofp_queue_request r;
	struct ofp_msg msg;
	enum ofp_version version = read_message(hex, raw, &msg);

	assert_int_equal(ofp_queue_config_request_decode(version, &msg.body, &r), err);
	if (err != OFP_OK)
		return;
	assert_int_equal(r.port, port);
	assert_int_equal(r.queue_id, queue);
}

static void test_whose_configuration(void **)
{
	enum ofp_raw raw10 = OFPRAW_OFPT10_QUEUE_GET_CONFIG_REQUEST;
	enum ofp_raw raw11 = OFPRAW_OFPT11_QUEUE_GET_CONFIG_REQUEST;
	enum ofp_raw raw14 = OFPRAW_OFPST14_QUEUE_DESC_REQUEST;
	enum ofp_err bad = OFPERR_OFPQOFC_BAD_PORT;

	check_config_request("0114000c 00000001 0001 0000", raw10, OFP_OK, 1, OFP_ALL_QUEUES);
	check_config_request("0114000c 00000001 fffe 0000", raw10, bad, 0, 0);
	check_config_request("0114000c 00000001 ffff 0000", raw10, bad, 0, 0);
	check_config_request(
	    "03160010 00000001 00000001 00000000", raw11, OFP_OK, 1, OFP_ALL_QUEUES);
	check_config_request(
	    "04160010 00000001 ffffffff 00000000", raw11, OFP_OK, DP_OFPORT_ANY, OFP_ALL_QUEUES);
	check_config_request("04160010 00000001 fffffffd 00000000", raw11, bad, 0, 0);
	check_config_request(
	    "05120018 00000001 000f 0000 00000000 00000001 00000002", raw14, OFP_OK, 1, 2);
}

static void check_request(const char *hex, enum ofp_raw raw, uint32_t port, uint32_t queue)
{
	struct ofp_queue_request r;
	struct ofp_msg msg;
	enum ofp_version version = read_message(hex, raw, &msg);

	assert_int_equal(ofp_queue_request_decode(version, &msg.body, &r), OFP_OK);
	assert_int_equal(r.port, port);
	assert_int_equal(r.queue_id, queue);
}

static void test_whose_statistics(void **)
{
	check_request("01100014 00000001 0005 0000 fffc 0000 ffffffff",
	    OFPRAW_OFPST10_QUEUE_REQUEST, DP_OFPORT_ANY, OFP_ALL_QUEUES);
	check_request(
	    "01100014 00000001 0005 0000 0003 0000 00000007", OFPRAW_OFPST10_QUEUE_REQUEST, 3, 7);
	check_request("04120018 00000002 0005 0000 00000000 ffffffff ffffffff",
	    OFPRAW_OFPST11_QUEUE_REQUEST, DP_OFPORT_ANY, OFP_ALL_QUEUES);
}

static void check_config(enum ofp_version version, const char *hex)
{
	static const struct ofp_queue_config a = {1, 0x5555, 500, 750};
	static const struct ofp_queue_config b = {0x44440801, 0x4444, OFP_NO_RATE, OFP_NO_RATE};

	w.size = 0;
	ofp_queue_config_head_encode(version, 1, &w);
	ofp_queue_config_encode(version, &a, &w);
	ofp_queue_config_encode(version, &b, &w);
	check_written(&w, hex);
}

static void test_configuration_in_each_form(void **)
{
	check_config(OFP10_VERSION, "0001 000000000000 00005555 0018 0000"
				    "0001 0010 00000000 01f4 000000000000 00004444 0008 0000");
	check_config(OFP11_VERSION, "00000001 00000000 00005555 0028 0000"
				    "0001 0010 00000000 01f4 000000000000"
				    "0002 0010 00000000 02ee 000000000000 00004444 0008 0000");
	check_config(OFP13_VERSION, "00000001 00000000 00005555 00000001 0030 000000000000"
				    "0001 0010 00000000 01f4 000000000000"
				    "0002 0010 00000000 02ee 000000000000"
				    "00004444 44440801 0010 000000000000");
	check_config(OFP14_VERSION, "00000001 00005555 0020 000000000000"
				    "0001 0008 01f4 0000 0002 0008 02ee 0000"
				    "44440801 00004444 0010 000000000000");
}

static void check_stats(enum ofp_version version, const char *hex)
{
	static const struct ofp_queue_stats s = {3, 1, 302, 1, 9, 100, 500000000};

	w.size = 0;
	ofp_queue_stats_encode(version, &s, &w);
	check_written(&w, hex);
}

static void test_statistics_in_each_form(void **)
{
#define COUNTERS "000000000000012e 0000000000000001 0000000000000009"
	check_stats(OFP10_VERSION, "0003 0000 00000001" COUNTERS);
	check_stats(OFP12_VERSION, "00000003 00000001" COUNTERS);
	check_stats(OFP13_VERSION, "00000003 00000001" COUNTERS "00000064 1dcd6500");
	check_stats(
	    OFP15_VERSION, "0030 000000000000 00000003 00000001" COUNTERS "00000064 1dcd6500");
#undef COUNTERS
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whose_configuration),
	    cmocka_unit_test(test_whose_statistics),
	    cmocka_unit_test_setup_teardown(test_configuration_in_each_form, start, end),
	    cmocka_unit_test_setup_teardown(test_statistics_in_each_form, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
