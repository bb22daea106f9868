/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/test.h"

#include <openflow/openflow.h>
#include <string.h>

#include "control/openflow/ofp_group.h"
#include "tests/unit/control/openflow/hex.h"

static struct buf_writer w, actions, buckets;

static int start(void **)
{
	buf_writer_init(&w, 1 << 20);
	buf_writer_init(&actions, 1 << 20);
	buf_writer_init(&buckets, 1 << 20);
	return 0;
}

static int end(void **)
{
	buf_writer_fini(&w);
	buf_writer_fini(&actions);
	buf_writer_fini(&buckets);
	return 0;
}

static enum ofp_err decode(
    enum ofp_version version, bool is_15_form, const char *hex, struct ofp_group_mod *ret)
{
	static uint8_t bytes[1024];
	struct buf b = buf_from(bytes, bytes_of(hex, bytes));

	return ofp_group_mod_decode(version, is_15_form, &b, &actions, &buckets, ret);
}

static void check_output(const struct ofp_bucket *bucket, uint32_t port)
{
	const struct dp_action *a = bucket->actions.data;

	assert_int_equal(bucket->actions.size, dp_action_size(DP_ACTION_OUTPUT));
	assert_int_equal(a->type, DP_ACTION_OUTPUT);
	assert_int_equal(a->output.port, port);
}

#define OUTPUT_1 "0000 0010 00000001 0000 000000000000"
#define OUTPUT_2 "0000 0010 00000002 0000 000000000000"

static void group_mods_of_1_1_are_read(void **)
{
	struct ofp_group_mod gm;

	assert_int_equal(decode(OFP13_VERSION, false,
			     "0000 01 00 00000007 0020 0005 ffffffff ffffffff 00000000" OUTPUT_1
			     "0020 0006 00000003 00000009 00000000" OUTPUT_2,
			     &gm),
	    OFP_OK);
	assert_int_equal(gm.command, OFPGC11_ADD);
	assert_int_equal(gm.type, OFPGT11_SELECT);
	assert_int_equal(gm.group_id, 7);
	assert_int_equal(gm.n_buckets, 2);
	assert_int_equal(gm.buckets[0].weight, 5);
	assert_int_equal(gm.buckets[0].watch_port, DP_OFPORT_ANY);
	assert_int_equal(gm.buckets[1].watch_port, 3);
	assert_int_equal(gm.buckets[1].watch_group, 9);
	check_output(&gm.buckets[0], 1);
	check_output(&gm.buckets[1], 2);
}

static void group_mods_of_1_5_are_read(void **)
{
	struct ofp_group_mod gm;

	// What OVN sends: a select group by dp_hash, weights as properties.
	assert_int_equal(decode(OFP15_VERSION, true,
			     "0000 01 00 00000007 0048 0000 ffffff02"
			     "0020 0010 00000001" OUTPUT_1 "0000 0008 0064 0000"
			     "0028 0010 00000002" OUTPUT_2 "0001 0008 00000003 0002 0008 00000009"
			     "ffff 0028 0000154d 00000001 00000000 64705f68617368000000000000000000"
			     "0000000000000000",
			     &gm),
	    OFP_OK);
	assert_int_equal(gm.command_bucket_id, 0xffffff02);
	assert_int_equal(gm.n_buckets, 2);
	assert_int_equal(gm.buckets[0].bucket_id, 1);
	assert_int_equal(gm.buckets[0].weight, 100);
	assert_int_equal(gm.buckets[1].weight, 1);
	assert_int_equal(gm.buckets[1].watch_port, 3);
	assert_int_equal(gm.buckets[1].watch_group, 9);
	assert_string_equal(gm.selection_method, "dp_hash");
	check_output(&gm.buckets[0], 1);
	check_output(&gm.buckets[1], 2);
}

static void wrong_group_mods_have_their_errors(void **)
{
	static const struct {
		bool is_15;
		const char *hex;
		enum ofp_err err;
	} rows[] = {
	    {false, "0002 00 00 00000007", OFP_OK},
	    {false, "0002 00 00", OFPERR_OFPBRC_BAD_LEN},
	    {false, "0000 00 00 00000007 0008 0005 ffffffff", OFPERR_OFPGMFC_BAD_BUCKET},
	    {false, "0000 00 00 00000007 0018 0005 ffffffff ffffffff 00000000",
		OFPERR_OFPGMFC_BAD_BUCKET},
	    {false, "0000 00 00 00000007 0018 0005 ffffffff ffffffff 00000000 0063 0008 00000000",
		OFPERR_OFPBAC_BAD_TYPE},
	    {true, "0000 00 00 00000007 0010 0000 ffffff02", OFPERR_OFPBRC_BAD_LEN},
	    {true, "0000 00 00 00000007 0008 0000 ffffff02 0008 0008 00000001",
		OFPERR_OFPGMFC_BAD_BUCKET},
	    {true, "0000 00 00 00000007 0008 0000 ffffff02 0008 0000 ffffff01",
		OFPERR_OFPGMFC_BAD_BUCKET},
	    {true, "0000 00 00 00000007 0010 0000 ffffff02 0010 0000 00000001 0009 0008 00000000",
		OFPERR_OFPBPC_BAD_TYPE},
	    {true, "0000 00 00 00000007 0010 0000 ffffff02 0010 0000 00000001 0000 0002 00000000",
		OFPERR_OFPBPC_BAD_LEN},
	    {true, "0000 01 00 00000007 0000 0000 ffffff02 0001 0008 00000000",
		OFPERR_OFPBPC_BAD_TYPE},
	    {true, "0000 01 00 00000007 0000 0000 ffffff02 ffff 0008 0000154d",
		OFPERR_OFPBPC_BAD_LEN},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ofp_group_mod gm;
		enum ofp_err err = decode(
		    rows[i].is_15 ? OFP15_VERSION : OFP13_VERSION, rows[i].is_15, rows[i].hex, &gm);
		if (err != rows[i].err)
			fail_msg("%s: %s", rows[i].hex, ofp_err_name(err));
	}
}

static void a_group_has_so_many_buckets(void **)
{
	struct ofp_group_mod gm;

	for (unsigned int n = DP_MAX_BUCKETS; n <= DP_MAX_BUCKETS + 1; n++) {
		w.size = 0;
		buf_put(&w, "\0\0\0\0\0\0\0\7", 8);
		for (unsigned int i = 0; i < n; i++)
			buf_put(&w, "\0\x10\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 16);
		struct buf b = buf_from(w.data, w.size);
		assert_int_equal(
		    ofp_group_mod_decode(OFP13_VERSION, false, &b, &actions, &buckets, &gm),
		    n > DP_MAX_BUCKETS ? OFPERR_OFPGMFC_OUT_OF_BUCKETS : OFP_OK);
	}
}

/* A description's buckets are a group-mod's: what is told reads back through it. */
static void descriptions_tell_what_was_put(void **)
{
	for (int is_15 = 0; is_15 < 2; is_15++) {
		enum ofp_version v = is_15 ? OFP15_VERSION : OFP13_VERSION;
		struct ofp_group_mod gm;
		static const char old[] =
		    "0000 01 00 00000007 0020 0005 ffffffff ffffffff 00000000" OUTPUT_1
		    "0020 0006 00000003 00000009 00000000" OUTPUT_2;
		static const char new[] = "0000 01 00 00000007 0050 0000 ffffff02"
					  "0020 0010 00000001" OUTPUT_1 "0000 0008 0064 0000"
					  "0030 0010 00000002" OUTPUT_2 "0000 0008 0002 0000"
					  "0001 0008 00000003 0002 0008 00000009";
		uint8_t bytes[512];
		assert_int_equal(decode(v, is_15 != 0, is_15 ? new : old, &gm), OFP_OK);
		w.size = 0;
		ofp_group_desc_encode(v, is_15 != 0, &gm, &w);
		size_t size = bytes_of(is_15 ? new : old, bytes), head = is_15 ? 16 : 8;
		assert_int_equal(w.size, size);
		assert_int_equal(w.data[0] << 8 | w.data[1], size);
		assert_memory_equal(w.data + head, bytes + head, size - head);
	}
}

static void counters_have_the_form_of_their_version(void **)
{
	struct ofp_group_stats gs = {.group_id = 7,
	    .ref_count = 2,
	    .n_packets = 3,
	    .n_bytes = 4,
	    .duration_s = 5,
	    .duration_ns = 6,
	    .n_buckets = 1};
	uint8_t bytes[128];

	ofp_group_stats_encode(OFP13_VERSION, &gs, &w);
	assert_int_equal(w.size,
	    bytes_of("0038 0000 00000007 00000002 00000000 0000000000000003 0000000000000004"
		     "00000005 00000006 ffffffffffffffff ffffffffffffffff",
		bytes));
	assert_memory_equal(w.data, bytes, w.size);
	w.size = 0;
	ofp_group_stats_encode(OFP11_VERSION, &gs, &w);
	assert_int_equal(w.size,
	    bytes_of("0030 0000 00000007 00000002 00000000 0000000000000003 0000000000000004"
		     "ffffffffffffffff ffffffffffffffff",
		bytes));
	assert_memory_equal(w.data, bytes, w.size);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)
	const struct CMUnitTest tests[] = {
	    TEST(group_mods_of_1_1_are_read),
	    TEST(group_mods_of_1_5_are_read),
	    TEST(wrong_group_mods_have_their_errors),
	    TEST(a_group_has_so_many_buckets),
	    TEST(descriptions_tell_what_was_put),
	    TEST(counters_have_the_form_of_their_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
