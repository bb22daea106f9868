/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "datapath/base/compiler.h"
#include "datapath/ecn.h"

static void encap_copies_the_inner_field(void **)
{
	for (uint8_t inner = 0; inner < 4; inner++)
		assert_int_equal(ecn_encap(inner), inner);
}

/* RFC 6040 figure 4, row by row as printed there. */
static void decap_follows_figure_4(void **)
{
	static const uint8_t columns[4] = {ECN_NOT_ECT, ECN_ECT0, ECN_ECT1, ECN_CE}; // outer
	static const struct {
		uint8_t inner, result[4];
	} rows[4] = {
	    {ECN_NOT_ECT, {ECN_NOT_ECT, ECN_NOT_ECT, ECN_NOT_ECT, ECN_DROP}},
	    {ECN_ECT0, {ECN_ECT0, ECN_ECT0, ECN_ECT1, ECN_CE}},
	    {ECN_ECT1, {ECN_ECT1, ECN_ECT1, ECN_ECT1, ECN_CE}},
	    {ECN_CE, {ECN_CE, ECN_CE, ECN_CE, ECN_CE}},
	};
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned int j = 0; j < ARRAY_SIZE(columns); j++)
			assert_int_equal(ecn_decap(rows[i].inner, columns[j]), rows[i].result[j]);
	}
}

static void dscp_bits_are_ignored(void **)
{
	assert_int_equal(ecn_encap(0xfc | ECN_CE), ECN_CE);
	assert_int_equal(ecn_decap(0xfc | ECN_ECT0, 0xfc | ECN_CE), ECN_CE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(encap_copies_the_inner_field),
	    cmocka_unit_test(decap_follows_figure_4),
	    cmocka_unit_test(dscp_bits_are_ignored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
