/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/test.h"

#include <string.h>

#include "control/openflow/oxm.h"

static void test_every_header_reads_back(void **)
{
	for (const struct oxm *o = oxms; o < oxms + OXM__COUNT; o++) {
		for (int has_mask = 0; has_mask < 2; has_mask++) {
			struct buf_writer w;
			struct oxm_header h;
			buf_writer_init(&w, 64);
			oxm_header_encode(o, has_mask != 0, &w);
			assert_int_equal(w.size, oxm_header_size(o));
			struct buf b = buf_from(w.data, w.size);
			assert_int_equal(oxm_header_decode(&b, &h), OFP_OK);
			assert_ptr_equal(h.oxm, o);
			assert_int_equal(h.has_mask, has_mask);
			assert_int_equal(buf_left(&b), 0);
			w.data[3] ^= 1; // the length is wrong now
			b = buf_from(w.data, w.size);
			assert_int_equal(oxm_header_decode(&b, &h), OFPERR_OFPBMC_BAD_LEN);
			b = buf_from(w.data, w.size - 1);
			assert_int_equal(oxm_header_decode(&b, &h), OFPERR_OFPBMC_BAD_LEN);
			buf_writer_fini(&w);
		}
	}
}

static void test_rows_fit_their_fields(void **)
{
	for (const struct oxm *o = oxms; o < oxms + OXM__COUNT; o++) {
		const struct flow_field *f = &flow_fields[o->field];
		bool view = (o->flags & (OXM_F_PORT16 | OXM_F_VID)) != 0;
		assert_true(view || o->n_bits == f->n_bits);
		assert_true(o->n_bits + o->shift <= o->size * 8);
		// Registers and such may be masked wherever the switch can; the other way round a mask would be refused later.
		assert_true((o->flags & OXM_F_MASK) == 0 || (f->flags & FW_MASK) != 0);
	}
}

static void test_headers_of_the_specification(void **)
{
	assert_int_equal(oxms[OXM_ID_OXM_OF_ETH_TYPE].class << 7 | 5, 0x8000 << 7 | 5);
	const struct oxm *o = oxm_for_field(FIELD_ETH_TYPE, OFP13_VERSION);
	assert_ptr_equal(o, &oxms[OXM_ID_OXM_OF_ETH_TYPE]);
	assert_ptr_equal(
	    oxm_for_field(FIELD_ETH_TYPE, OFP10_VERSION), &oxms[OXM_ID_NXM_OF_ETH_TYPE]);
	assert_ptr_equal(oxm_for_field(FIELD_REG3, OFP15_VERSION), &oxms[OXM_ID_NXM_NX_REG3]);
	assert_ptr_equal(
	    oxm_for_field(FIELD_METADATA, OFP10_VERSION), &oxms[OXM_ID_OXM_OF_METADATA]);
	assert_ptr_equal(
	    oxm_for_field(FIELD_VLAN_TCI, OFP13_VERSION), &oxms[OXM_ID_NXM_OF_VLAN_TCI]);
	assert_ptr_equal(
	    oxm_for_field(FIELD_TCP_FLAGS, OFP13_VERSION), &oxms[OXM_ID_ONFOXM_ET_TCP_FLAGS]);
	assert_ptr_equal(
	    oxm_for_field(FIELD_TCP_FLAGS, OFP15_VERSION), &oxms[OXM_ID_OXM_OF_TCP_FLAGS]);
}

static void test_bits_outside_a_field_are_refused(void **)
{
	struct flow_value v;

	assert_false(oxm_value_decode(&oxms[OXM_ID_OXM_OF_IP_DSCP], (const uint8_t *)"\x40", &v));
	assert_true(oxm_value_decode(&oxms[OXM_ID_OXM_OF_IP_DSCP], (const uint8_t *)"\x3f", &v));
	assert_int_equal(flow_value_to_u64(&v), 0x3f);
	assert_false(oxm_value_decode(&oxms[OXM_ID_NXM_OF_IP_TOS], (const uint8_t *)"\x41", &v));
	assert_true(oxm_value_decode(&oxms[OXM_ID_NXM_OF_IP_TOS], (const uint8_t *)"\xfc", &v));
	assert_int_equal(flow_value_to_u64(&v), 0x3f);
	assert_true(
	    oxm_value_decode(&oxms[OXM_ID_NXM_OF_IN_PORT], (const uint8_t *)"\xff\xfe", &v));
	assert_int_equal(flow_value_to_u64(&v), 0xfffffffe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_header_reads_back),
	    cmocka_unit_test(test_rows_fit_their_fields),
	    cmocka_unit_test(test_headers_of_the_specification),
	    cmocka_unit_test(test_bits_outside_a_field_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
