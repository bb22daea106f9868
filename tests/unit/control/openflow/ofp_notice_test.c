/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_notice.h"

#include "tests/unit/control/openflow/message.h"

static struct buf_writer w;

static int start(void **)
{
	buf_writer_init(&w, 1 << 20);
	return 0;
}

static int end(void **)
{
	buf_writer_fini(&w);
	return 0;
}

/* What is written is read as the message it is. */
static void check(const char *hex, enum ofp_raw raw)
{
	struct ofp_msg msg;

	check_written(&w, hex);
	read_message(hex, raw, &msg);
	w.size = 0;
}

static void role_status_in_each_form(void **)
{
	const struct ofp_role_status s = {.role = 3, .reason = 0, .generation_id = 0x1122};

	ofp_role_status_encode(OFP14_VERSION, &s, &w);
	check("05 1e 0018 00000000 00000003 00 000000 0000000000001122", OFPRAW_OFPT14_ROLE_STATUS);
	ofp_role_status_encode(OFP13_VERSION, &s, &w);
	check("04 04 0020 00000000 4f4e4600 00000777 00000003 00 000000 0000000000001122",
	    OFPRAW_ONFT13_ROLE_STATUS);
}

static void requests_are_forwarded_in_each_form(void **)
{
	static uint8_t request[16] = {OFP10_VERSION, 15, 0, 16, 0, 0, 0, 7, 0xaa};

	ofp_requestforward_encode(OFP12_VERSION, request, sizeof(request), &w);
	check("03 04 0020 00000000 00002320 00000084 010f001000000007 aa00000000000000",
	    OFPRAW_NXT_REQUESTFORWARD);
	ofp_requestforward_encode(OFP13_VERSION, request, sizeof(request), &w);
	check("04 04 0020 00000000 4f4e4600 0000092e 010f001000000007 aa00000000000000",
	    OFPRAW_ONFT13_REQUESTFORWARD);
	ofp_requestforward_encode(OFP15_VERSION, request, sizeof(request), &w);
	check(
	    "06 20 0018 00000000 010f001000000007 aa00000000000000", OFPRAW_OFPT14_REQUESTFORWARD);
}

static void a_request_that_fills_a_message_does_not_fit(void **)
{
	static uint8_t request[UINT16_MAX - 7];

	ofp_requestforward_encode(OFP14_VERSION, request, sizeof(request) - 8, &w);
	assert_false(w.bad);
	ofp_requestforward_encode(OFP14_VERSION, request, sizeof(request), &w);
	assert_true(w.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(role_status_in_each_form, start, end),
	    cmocka_unit_test_setup_teardown(requests_are_forwarded_in_each_form, start, end),
	    cmocka_unit_test_setup_teardown(
		a_request_that_fills_a_message_does_not_fit, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
