/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bytes as hexadecimal text in tests of the codecs.
 *
 * Threads: any. Memory: the caller's buffer.
 */
#include "datapath/base/net_types.h"
#include "tests/unit/test.h"

/* Bytes of hexadecimal text, blanks left out. Returns how many. */
static inline size_t bytes_of(const char *hex, uint8_t *ret)
{
	size_t n = 0;

	for (; *hex != '\0'; hex++) {
		if (*hex == ' ' || *hex == '\n')
			continue;
		int digit = hex_digit(*hex);
		assert_true(digit >= 0);
		ret[n / 2] = (uint8_t)(n % 2 == 0 ? digit << 4 : ret[n / 2] | digit);
		n++;
	}
	assert_int_equal(n % 2, 0);
	return n / 2;
}
