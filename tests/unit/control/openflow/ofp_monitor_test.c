/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/test.h"

#include <openflow/openflow.h>
#include <string.h>

#include "control/openflow/ofp_monitor.h"
#include "tests/unit/control/openflow/hex.h"
#include "tests/unit/control/openflow/random_flow.h"

static struct buf_writer w, scratch, actions;

static int start(void **)
{
	buf_writer_init(&w, 1 << 20);
	buf_writer_init(&scratch, 2 * OFP_MAX_ACTIONS_SIZE);
	buf_writer_init(&actions, OFP_MAX_ACTIONS_SIZE);
	return 0;
}

static int end(void **)
{
	buf_writer_fini(&w);
	buf_writer_fini(&scratch);
	buf_writer_fini(&actions);
	return 0;
}

static void requests_read_back_in_each_form(void **)
{
	struct random_flow r = random_flow_start();

	for (unsigned int i = 0; i < test_size(600, 60000); i++) {
		enum ofp_version v = OFP10_VERSION + i % 6;
		struct ofp_flow_monitor m = {.match = random_match(&r),
		    .id = random_below(&r, 1 << 30),
		    .out_port = random_below(&r, 2) == 0 ? DP_OFPORT_ANY : 7,
		    .out_group = v >= OFP14_VERSION ? 5 : OFP_ANY_GROUP,
		    .flags = (uint16_t)(OFPFMF_ADD | random_below(&r, 64)),
		    .table_id = (uint8_t)random_below(&r, 256)};
		w.size = 0;
		ofp_flow_monitor_encode(v, &m, &w);
		ofp_flow_monitor_encode(v, &m, &w);
		struct buf b = buf_from(w.data, w.size);
		for (int n = 0; n < 2; n++) {
			struct ofp_flow_monitor got;
			assert_int_equal(ofp_flow_monitor_decode(v, &b, &got), OFP_OK);
			assert_memory_equal(&got, &m, sizeof(m));
		}
		assert_int_equal(buf_left(&b), 0);
	}
}

static void updates_read_back_in_each_form(void **)
{
	struct random_flow r = random_flow_start();

	for (unsigned int i = 0; i < test_size(600, 60000); i++) {
		enum ofp_version v = OFP10_VERSION + i % 6;
		uint8_t last = v >= OFP14_VERSION ? OFPFME_RESUMED : OFPFME_ABBREV;
		struct ofp_flow_update u = {.event = (uint8_t)(1 + random_below(&r, last))}, got;
		if (u.event <= OFPFME_MODIFIED) {
			u.match = random_match(&r);
			u.cookie_be = random_below(&r, 1 << 30);
			u.priority = (uint16_t)random_below(&r, 65536);
			u.idle_timeout_s = 3;
			u.hard_timeout_s = 4;
			u.table_id = (uint8_t)random_below(&r, 254);
			u.reason = u.event == OFPFME_REMOVED ? 2 : 0;
			actions.size = 0;
			random_actions(&r, v, &actions);
			u.ins.apply = (struct ofp_actions){actions.data, actions.size};
		} else if (u.event == OFPFME_ABBREV) {
			u.xid = 99;
		}
		w.size = 0;
		ofp_flow_update_encode(v, &u, &w);
		struct buf b = buf_from(w.data, w.size);
		assert_int_equal(w.size % 8, 0);
		assert_int_equal(ofp_flow_update_decode(v, &b, &scratch, &got), OFP_OK);
		assert_int_equal(buf_left(&b), 0);
		assert_int_equal(got.event, u.event);
		assert_int_equal(got.xid, u.xid);
		assert_int_equal(got.reason, u.reason);
		assert_int_equal(got.cookie_be, u.cookie_be);
		assert_int_equal(got.priority, u.priority);
		assert_int_equal(got.table_id, u.table_id);
		assert_int_equal(got.hard_timeout_s, u.hard_timeout_s);
		assert_memory_equal(&got.match, &u.match, sizeof(u.match));
		assert_int_equal(got.ins.apply.size, u.ins.apply.size);
		if (u.ins.apply.size > 0)
			assert_memory_equal(got.ins.apply.data, u.ins.apply.data, u.ins.apply.size);
		b = buf_from(w.data, random_below(&r, (unsigned int)w.size));
		assert_int_not_equal(ofp_flow_update_decode(v, &b, &scratch, &got), OFP_OK);
	}
}

static void wrong_requests_have_their_errors(void **)
{
	static const struct {
		enum ofp_version version;
		const char *hex;
		enum ofp_err err;
	} rows[] = {
	    {OFP10_VERSION, "00000001 0002 ffff 0000 ff 0000000000", OFP_OK},
	    {OFP10_VERSION, "00000001 0001 ffff 0000 ff 0000000000", OFPERR_OFPMOFC_BAD_FLAGS},
	    {OFP10_VERSION, "00000001 0042 ffff 0000 ff 0000000000", OFPERR_OFPMOFC_BAD_FLAGS},
	    {OFP10_VERSION, "00000001 0002 ffff 0000 ff 0000000001", OFPERR_NXBRC_MUST_BE_ZERO},
	    {OFP10_VERSION, "00000001 0002 ffff 0008 ff 0000000000", OFPERR_OFPBMC_BAD_LEN},
	    {OFP10_VERSION, "00000001 0002 ffff", OFPERR_OFPBRC_BAD_LEN},
	    {OFP13_VERSION, "00000001 0002 0004 ffffffff ff 000000 0001 0004 00000000", OFP_OK},
	    {OFP13_VERSION, "00000001 0002 0004 ffffffff ff 000001 0001 0004 00000000",
		OFPERR_NXBRC_MUST_BE_ZERO},
	    {OFP14_VERSION, "00000001 ffffffff ffffffff 0002 ff 00 0001 0004 00000000", OFP_OK},
	    {OFP14_VERSION, "00000001 ffffffff ffffffff 0042 ff 00 0001 0004 00000000", OFP_OK},
	    {OFP14_VERSION, "00000001 ffffffff ffffffff 0082 ff 00 0001 0004 00000000",
		OFPERR_OFPMOFC_BAD_FLAGS},
	    {OFP14_VERSION, "00000001 ffffffff ffffffff 0002 ff 03 0001 0004 00000000",
		OFPERR_OFPMOFC_BAD_COMMAND},
	    {OFP14_VERSION, "00000001 00000000 00000000 0000 00 02 0001 0004 00000000", OFP_OK},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t bytes[128];
		struct buf b = buf_from(bytes, bytes_of(rows[i].hex, bytes));
		struct ofp_flow_monitor m;
		enum ofp_err err = ofp_flow_monitor_decode(rows[i].version, &b, &m);
		if (err != rows[i].err)
			fail_msg("%s: %s", rows[i].hex, ofp_err_name(err));
	}
}

static void wrong_updates_are_refused(void **)
{
	static const char *const rows[] = {"0008 0009 00000000", "0007 0003 00000000",
	    "0010 0003 00000000", "0008 0000 00000000", "0000 0003 00000000"};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t bytes[128];
		struct buf b = buf_from(bytes, bytes_of(rows[i], bytes));
		struct ofp_flow_update u;
		assert_int_not_equal(
		    ofp_flow_update_decode(OFP10_VERSION, &b, &scratch, &u), OFP_OK);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)
	const struct CMUnitTest tests[] = {
	    TEST(requests_read_back_in_each_form),
	    TEST(updates_read_back_in_each_form),
	    TEST(wrong_requests_have_their_errors),
	    TEST(wrong_updates_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
