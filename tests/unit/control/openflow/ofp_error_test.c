/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/test.h"

#include <string.h>

#include "control/openflow/ofp_error.h"

static const uint8_t request[100] = {OFP13_VERSION, 14, 0, 100, 0, 0, 0, 7, 0xaa};

static void check_bytes(enum ofp_version version, enum ofp_err err, const void *head, size_t size)
{
	struct buf_writer w;

	buf_writer_init(&w, 1024);
	ofp_error_encode(version, err, request, sizeof(request), &w);
	assert_int_equal(w.size, size + OFP_ERROR_QUOTE_SIZE);
	assert_memory_equal(w.data, head, size);
	assert_memory_equal(w.data + size, request, OFP_ERROR_QUOTE_SIZE);
	buf_writer_fini(&w);
}

static void test_one_error_has_other_numbers_in_each_version(void **)
{
	static const uint8_t in_10[] = {0xb0, 0xc2, 0, 0, 0, 0, 0x23, 0x20, 0, 1, 1, 4};
	static const uint8_t in_11[] = {0xb0, 0xc2, 0, 0, 0, 0, 0x23, 0x20, 0, 1, 1, 4};
	static const uint8_t in_12[] = {0, 4, 0, 9};

	check_bytes(OFP10_VERSION, OFPERR_OFPBMC_BAD_PREREQ, in_10, sizeof(in_10));
	check_bytes(OFP11_VERSION, OFPERR_OFPBMC_BAD_PREREQ, in_11, sizeof(in_11));
	check_bytes(OFP12_VERSION, OFPERR_OFPBMC_BAD_PREREQ, in_12, sizeof(in_12));
	check_bytes(OFP15_VERSION, OFPERR_OFPBMC_BAD_PREREQ, in_12, sizeof(in_12));
}

static void test_experimenters_errors_have_a_type_and_an_id(void **)
{
	static const uint8_t onf[] = {0xff, 0xff, 0x08, 0xfc, 0x4f, 0x4e, 0x46, 0x00};
	static const uint8_t standard[] = {0, 17, 0, 0};
	static const uint8_t nicira[] = {0xff, 0xff, 0, 15, 0, 0, 0x23, 0x20};

	check_bytes(OFP13_VERSION, OFPERR_OFPBFC_UNKNOWN, onf, sizeof(onf));
	check_bytes(OFP14_VERSION, OFPERR_OFPBFC_UNKNOWN, standard, sizeof(standard));
	check_bytes(OFP14_VERSION, OFPERR_NXBAC_BAD_CONJUNCTION, nicira, sizeof(nicira));
}

static void test_what_a_version_cannot_say_is_said_to_be_that(void **)
{
	struct ofp_error_number n = ofp_err_number(OFPERR_OFPMMFC_UNKNOWN_METER, OFP10_VERSION);

	assert_int_equal(n.experimenter, 0x2320);
	assert_int_equal(n.type, 1);
	assert_int_equal(n.code, 521);
}

static void test_every_error_reads_back(void **)
{
	for (enum ofp_version v = OFP10_VERSION; v <= OFP15_VERSION; v++) {
		for (enum ofp_err err = OFP_OK + 1; err < OFPERR__COUNT; err++) {
			struct ofp_error got;
			struct buf_writer w;
			buf_writer_init(&w, 1024);
			ofp_error_encode(v, err, request, sizeof(request), &w);
			assert_int_equal(ofp_error_decode(v, w.data, w.size, &got), OFP_OK);
			struct ofp_error_number want = ofp_err_number(err, v);
			struct ofp_error_number read = ofp_err_number(got.err, v);
			assert_int_not_equal(got.err, OFP_OK);
			assert_memory_equal(&read, &want, sizeof(want));
			assert_int_equal(got.data_size, OFP_ERROR_QUOTE_SIZE);
			assert_int_equal(
			    ofp_error_decode(v, w.data, w.size - 65, &got), OFPERR_OFPBRC_BAD_LEN);
			buf_writer_fini(&w);
		}
	}
}

static void test_names_are_the_specifications(void **)
{
	assert_string_equal(ofp_err_name(OFPERR_OFPBMC_DUP_FIELD), "OFPBMC_DUP_FIELD");
	assert_string_equal(ofp_err_name(OFP_OK), "OK");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_error_has_other_numbers_in_each_version),
	    cmocka_unit_test(test_experimenters_errors_have_a_type_and_an_id),
	    cmocka_unit_test(test_what_a_version_cannot_say_is_said_to_be_that),
	    cmocka_unit_test(test_every_error_reads_back),
	    cmocka_unit_test(test_names_are_the_specifications),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
