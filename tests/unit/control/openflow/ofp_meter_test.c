/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/test.h"

#include <string.h>

#include "control/openflow/ofp_meter.h"
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

static enum ofp_err decode(const char *hex, struct ofp_meter_mod *ret)
{
	static uint8_t bytes[1024];
	struct buf b = buf_from(bytes, bytes_of(hex, bytes));
	enum ofp_err err = ofp_meter_mod_decode(&b, ret);

	assert_true(err != OFP_OK || buf_left(&b) == 0);
	return err;
}

static void meter_mods_read_and_write(void **)
{
	static const char hex[] = "0000 000d 00000005 0001 0010 000003e8 00000064 00000000"
				  "0002 0010 000007d0 000000c8 02000000";
	struct ofp_meter_mod mm;
	uint8_t bytes[64];

	assert_int_equal(decode(hex, &mm), OFP_OK);
	assert_int_equal(mm.command, OFPMC13_ADD);
	assert_int_equal(mm.meter.id, 5);
	assert_int_equal(mm.meter.flags, OFPMF13_KBPS | OFPMF13_BURST | OFPMF13_STATS);
	assert_int_equal(mm.meter.n_bands, 2);
	assert_int_equal(mm.meter.bands[0].rate, 1000);
	assert_int_equal(mm.meter.bands[1].type, OFPMBT13_DSCP_REMARK);
	assert_int_equal(mm.meter.bands[1].burst, 200);
	assert_int_equal(mm.meter.bands[1].prec_level, 2);
	ofp_meter_mod_encode(&mm, &w);
	assert_int_equal(w.size, bytes_of(hex, bytes));
	assert_memory_equal(w.data, bytes, w.size);
}

static void wrong_meter_mods_have_their_errors(void **)
{
	static const struct {
		const char *hex;
		enum ofp_err err;
	} rows[] = {
	    {"0002 0000 ffffffff", OFP_OK},      // delete all
	    {"0002 ffff 00000001 dead", OFP_OK}, // what else a deletion says
	    {"0001 0001 fffffffe", OFP_OK},      // the controller's
	    {"0000 0001 ffffffff", OFPERR_OFPMMFC_INVALID_METER},
	    {"0000 0001 00000000", OFPERR_OFPMMFC_INVALID_METER},
	    {"0000 0001 ffff0001", OFPERR_OFPMMFC_INVALID_METER},
	    {"0003 0001 00000001", OFPERR_OFPMMFC_BAD_COMMAND},
	    {"0000 0003 00000001", OFPERR_OFPMMFC_BAD_FLAGS},
	    {"0000 0010 00000001", OFPERR_OFPMMFC_BAD_FLAGS},
	    {"0000 0001 00000001 0003 0010 000003e8 00000064 00000000", OFPERR_OFPMMFC_BAD_BAND},
	    {"0000 0001 00000001 ffff 0010 000003e8 00000064 00000000", OFPERR_OFPMMFC_BAD_BAND},
	    {"0000 0001 00000001 0001 0018 000003e8 00000064 00000000", OFPERR_OFPBRC_BAD_LEN},
	    {"0000 0001 00000001 0001 0010 000003e8 00000064 0000", OFPERR_OFPBRC_BAD_LEN},
	    {"0000 0001", OFPERR_OFPBRC_BAD_LEN},
	};
	struct ofp_meter_mod mm;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum ofp_err err = decode(rows[i].hex, &mm);
		if (err != rows[i].err)
			fail_msg("%s: %s", rows[i].hex, ofp_err_name(err));
	}
}

static void a_meter_has_so_many_bands(void **)
{
	struct ofp_meter_mod mm = {.meter = {.id = 1, .n_bands = OFP_MAX_METER_BANDS}}, got;

	for (unsigned int i = 0; i < OFP_MAX_METER_BANDS; i++)
		mm.meter.bands[i].type = OFPMBT13_DROP;
	ofp_meter_mod_encode(&mm, &w);
	struct buf b = buf_from(w.data, w.size);
	assert_int_equal(ofp_meter_mod_decode(&b, &got), OFP_OK);
	assert_int_equal(got.meter.n_bands, OFP_MAX_METER_BANDS);
	buf_put(&w, w.data + 8, 16);
	b = buf_from(w.data, w.size);
	assert_int_equal(ofp_meter_mod_decode(&b, &got), OFPERR_OFPMMFC_OUT_OF_BANDS);
}

static void replies_read_back(void **)
{
	struct ofp_meter m = {.id = 7,
	    .flags = OFPMF13_PKTPS,
	    .n_bands = 1,
	    .bands = {{.type = OFPMBT13_DROP, .rate = 9, .burst = 8}}};
	struct ofp_meter_stats s = {.id = 7,
	    .n_flows = 3,
	    .in = {1, 2},
	    .duration_s = 4,
	    .duration_ns = 5,
	    .n_bands = 2,
	    .bands = {{6, 7}, {UINT64_MAX, 9}}};
	struct ofp_meter_features f = {100, 6, 15, 16, 0}, f_got;
	struct ofp_meter m_got;
	struct ofp_meter_stats s_got;
	uint32_t id;

	ofp_meter_config_encode(&m, &w);
	ofp_meter_config_encode(&m, &w);
	assert_int_equal(w.size, 2 * 24);
	struct buf b = buf_from(w.data, w.size);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ofp_meter_config_decode(&b, &m_got), OFP_OK);
		assert_memory_equal(&m_got, &m, sizeof(m));
	}
	w.size = 0;
	ofp_meter_stats_encode(&s, &w);
	assert_int_equal(w.size, 40 + 32);
	b = buf_from(w.data, w.size);
	assert_int_equal(ofp_meter_stats_decode(&b, &s_got), OFP_OK);
	assert_memory_equal(&s_got.bands, &s.bands, sizeof(s.bands));
	assert_int_equal(s_got.n_flows, 3);
	assert_int_equal(s_got.duration_ns, 5);
	assert_int_equal(s_got.n_bands, 2);
	b = buf_from(w.data, w.size - 8);
	assert_int_equal(ofp_meter_stats_decode(&b, &s_got), OFPERR_OFPBRC_BAD_LEN);
	w.size = 0;
	ofp_meter_features_encode(&f, &w);
	assert_int_equal(w.size, 16);
	b = buf_from(w.data, w.size);
	assert_int_equal(ofp_meter_features_decode(&b, &f_got), OFP_OK);
	assert_memory_equal(&f_got, &f, offsetof(struct ofp_meter_features, max_color) + 1);
	w.size = 0;
	ofp_meter_request_encode(OFPM13_ALL, &w);
	b = buf_from(w.data, w.size);
	assert_int_equal(ofp_meter_request_decode(&b, &id), OFP_OK);
	assert_int_equal(id, OFPM13_ALL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)
	const struct CMUnitTest tests[] = {
	    TEST(meter_mods_read_and_write),
	    TEST(wrong_meter_mods_have_their_errors),
	    TEST(a_meter_has_so_many_bands),
	    TEST(replies_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
