/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/ofp_table.h"

#include <openflow/openflow-1.4.h>

#include "tests/unit/control/openflow/message.h"

static enum ofp_err read_hex(const char *hex, struct ofp_table_conf *ret)
{
	struct ofp_msg msg;
	enum ofp_version version = read_message(
	    hex, hex[1] < '5' ? OFPRAW_OFPT11_TABLE_MOD : OFPRAW_OFPT14_TABLE_MOD, &msg);

	return ofp_table_mod_decode(version, &msg.body, ret);
}

static void test_misses_of_11_and_12(void **)
{
	struct ofp_table_conf t;

	assert_int_equal(read_hex("02110010 00000002 02000000 00000002", &t), OFP_OK);
	assert_int_equal(t.table_id, 2);
	assert_int_equal(t.miss, OFPTC11_TABLE_MISS_DROP);
	assert_int_equal(read_hex("03110010 00000002 ff000000 00000001", &t), OFP_OK);
	assert_int_equal(t.table_id, OFP_ALL_TABLES);
	assert_int_equal(t.miss, OFPTC11_TABLE_MISS_CONTINUE);
	assert_int_equal(read_hex("04110010 00000002 02000000 00000003", &t), OFP_OK);
	assert_int_equal(t.miss, 0);
}

static void test_eviction_and_vacancy_of_14(void **)
{
	struct ofp_table_conf t;

	assert_int_equal(read_hex("05110020 00000002 07000000 0000000c 0002 0008 00000006"
				  "0003 0008 14 50 00 00",
			     &t),
	    OFP_OK);
	assert_true(t.evicts && t.tells_vacancy && t.has_eviction_flags && t.has_vacancy);
	assert_int_equal(t.eviction_flags, OFPTMPEF14_IMPORTANCE | OFPTMPEF14_LIFETIME);
	assert_int_equal(t.vacancy_down, 20);
	assert_int_equal(t.vacancy_up, 80);
	assert_int_equal(read_hex("06110010 00000002 07000000 00000000", &t), OFP_OK);
	assert_false(t.evicts || t.tells_vacancy || t.has_eviction_flags || t.has_vacancy);
}

static void test_refused(void **)
{
	static const struct {
		const char *hex;
		enum ofp_err err;
	} rows[] = {
	    {"02110010 00000002 02000000 00000003", OFPERR_OFPTMFC_BAD_CONFIG},
	    {"04110010 00000002 02000000 00000004", OFPERR_OFPTMFC_BAD_CONFIG},
	    {"05110010 00000002 02000000 00000010", OFPERR_OFPTMFC_BAD_CONFIG},
	    {"05110018 00000002 02000000 00000004 0001 0008 00000000", OFPERR_OFPBPC_BAD_TYPE},
	    {"05110018 00000002 02000000 00000004 0002 0008 00000008", OFPERR_OFPBPC_BAD_VALUE},
	    {"05110018 00000002 02000000 00000004 0002 0007 00000000", OFPERR_OFPBPC_BAD_LEN},
	    {"05110018 00000002 02000000 00000008 0003 0007 14500000", OFPERR_OFPBPC_BAD_LEN},
	    {"05110018 00000002 02000000 00000008 0003 0008 51500000", OFPERR_OFPBPC_BAD_VALUE},
	    {"05110018 00000002 02000000 00000008 0003 0008 14650000", OFPERR_OFPBPC_BAD_VALUE},
	    {"05110018 00000002 02000000 00000008 0003 0008 14500100", OFPERR_OFPBPC_BAD_VALUE},
	};
	struct ofp_table_conf t;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(
		    ofp_err_name(read_hex(rows[i].hex, &t)), ofp_err_name(rows[i].err));
}

static void test_described(void **)
{
	const struct ofp_table_conf plain = {.table_id = 3};
	const struct ofp_table_conf full = {.table_id = 4,
	    .evicts = true,
	    .tells_vacancy = true,
	    .eviction_flags = OFPTMPEF14_OTHER,
	    .vacancy_down = 20,
	    .vacancy_up = 80,
	    .vacancy = 99};
	struct buf_writer w;

	buf_writer_init(&w, 256);
	ofp_table_desc_encode(&plain, &w);
	ofp_table_desc_encode(&full, &w);
	ofp_table_status_encode(OFPTR_VACANCY_DOWN, &plain, &w);
	check_written(&w, "0008 03 00 00000000"
			  "0018 04 00 0000000c 0002 0008 00000001 0003 0008 14 50 63 00"
			  "03 00000000000000 0008 03 00 00000000");
	buf_writer_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_misses_of_11_and_12),
	    cmocka_unit_test(test_eviction_and_vacancy_of_14),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
