/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/test.h"

#include <openflow/nicira-ext.h>
#include <string.h>

#include "control/openflow/ofp_tlv_map.h"
#include "tests/unit/control/openflow/hex.h"

static struct ofp_tlv_mod mod;

static enum ofp_err decode(const char *hex)
{
	static uint8_t bytes[256];
	struct buf b = buf_from(bytes, bytes_of(hex, bytes));

	return ofp_tlv_mod_decode(&b, &mod);
}

static void ovns_option_is_mapped_and_told(void **)
{
	static const char hex[] = "0000 000000000000 0102 80 04 0000 0000";
	struct ofp_tlv_table table = {0}, again;
	uint8_t bytes[64];
	struct buf_writer w;

	assert_int_equal(decode(hex), OFP_OK);
	assert_int_equal(ofp_tlv_table_apply(&table, &mod), OFP_OK);
	assert_int_equal(table.n, 1);
	assert_int_equal(table.maps[0].class, 0x102);
	assert_int_equal(table.maps[0].type, 0x80);
	buf_writer_init(&w, 256);
	ofp_tlv_mod_encode(&mod, &w);
	assert_int_equal(w.size, bytes_of(hex, bytes));
	assert_memory_equal(w.data, bytes, w.size);
	w.size = 0;
	ofp_tlv_reply_encode(&table, &w);
	assert_int_equal(
	    w.size, bytes_of("00000020 0008 00000000000000000000 0102 80 04 0000 0000", bytes));
	assert_memory_equal(w.data, bytes, w.size);
	struct buf b = buf_from(w.data, w.size);
	assert_int_equal(ofp_tlv_reply_decode(&b, &again), OFP_OK);
	assert_memory_equal(&again, &table, sizeof(table));
	buf_writer_fini(&w);
}

static void changes_are_made_whole_or_not_at_all(void **)
{
	struct ofp_tlv_table table = {0}, before;

	assert_int_equal(
	    decode("0000 000000000000 0102 80 04 0000 0000 0102 81 04 0003 0000"), OFP_OK);
	assert_int_equal(ofp_tlv_table_apply(&table, &mod), OFP_OK);
	assert_int_equal(table.n, 2);
	before = table;
	// A field in use, behind one that is not.
	assert_int_equal(
	    decode("0000 000000000000 0102 82 04 0001 0000 0102 83 04 0003 0000"), OFP_OK);
	assert_int_equal(ofp_tlv_table_apply(&table, &mod), OFPERR_NXTTMFC_ALREADY_MAPPED);
	assert_memory_equal(&table, &before, sizeof(table));
	// An option in use.
	assert_int_equal(decode("0000 000000000000 0102 81 04 0005 0000"), OFP_OK);
	assert_int_equal(ofp_tlv_table_apply(&table, &mod), OFPERR_NXTTMFC_ALREADY_MAPPED);
	assert_int_equal(
	    decode("0001 000000000000 0000 00 00 0000 0000 0000 00 00 0007 0000"), OFP_OK);
	assert_int_equal(ofp_tlv_table_apply(&table, &mod), OFP_OK);
	assert_int_equal(table.n, 1);
	assert_int_equal(table.maps[0].index, 3);
	assert_int_equal(decode("0002 000000000000 ffff"), OFP_OK);
	assert_int_equal(ofp_tlv_table_apply(&table, &mod), OFP_OK);
	assert_int_equal(table.n, 0);
}

static void the_table_fills_up_to_its_fields(void **)
{
	struct ofp_tlv_table table = {0};

	for (unsigned int i = 0; i < FLOW_N_TUN_METADATA; i++) {
		mod = (struct ofp_tlv_mod){
		    .table = {
			1, {{.class = 1, .type = (uint8_t)i, .size = 4, .index = (uint16_t)i}}}};
		assert_int_equal(ofp_tlv_table_apply(&table, &mod), OFP_OK);
	}
	mod.table.maps[0].type = 99;
	assert_int_equal(ofp_tlv_table_apply(&table, &mod), OFPERR_NXTTMFC_ALREADY_MAPPED);
	assert_int_equal(table.n, FLOW_N_TUN_METADATA);
}

static void wrong_changes_have_their_errors(void **)
{
	static const struct {
		const char *hex;
		enum ofp_err err;
	} rows[] = {
	    {"0003 000000000000", OFPERR_NXTTMFC_BAD_COMMAND},
	    {"0000 0000", OFPERR_OFPBRC_BAD_LEN},
	    {"0000 000000000000 0102 80 08 0000 0000", OFPERR_NXTTMFC_BAD_OPT_LEN},
	    {"0000 000000000000 0102 80 03 0000 0000", OFPERR_NXTTMFC_BAD_OPT_LEN},
	    {"0000 000000000000 0102 80 04 0008 0000", OFPERR_NXTTMFC_BAD_FIELD_IDX},
	    {"0000 000000000000 0102 80 04 0000 0000 0102 81 04 0000 0000",
		OFPERR_NXTTMFC_DUP_ENTRY},
	    {"0000 000000000000 0102 80 04 0000 0000 0102 80 04 0001 0000",
		OFPERR_NXTTMFC_DUP_ENTRY},
	    {"0000 000000000000 0102 80 04 0000", OFPERR_OFPBRC_BAD_LEN},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum ofp_err err = decode(rows[i].hex);
		if (err != rows[i].err)
			fail_msg("%s: %s", rows[i].hex, ofp_err_name(err));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ovns_option_is_mapped_and_told),
	    cmocka_unit_test(changes_are_made_whole_or_not_at_all),
	    cmocka_unit_test(the_table_fills_up_to_its_fields),
	    cmocka_unit_test(wrong_changes_have_their_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
