/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/json_text.h"

#include <string.h>

#include "tests/unit/test.h"

static void check(const char *json, const char *want)
{
	struct buf_writer w;
	json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
	assert_non_null(value);
	buf_writer_init(&w, SIZE_MAX);
	ovsdb_json_write(&w, value);
	assert_int_equal(w.size, strlen(want));
	assert_memory_equal(w.data, want, w.size);
	buf_writer_fini(&w);
	json_decref(value);
}

static void values_are_compact(void **)
{
	check("{ \"a\" : [ 1 , true, null, false ] }", "{\"a\":[1,true,null,false]}");
	check("{}", "{}");
	check("[]", "[]");
	check("-9223372036854775808", "-9223372036854775808");
}

static void reals_are_as_short_as_they_are_told_apart(void **)
{
	check("1.0", "1");
	check("0.1", "0.1");
	check("1.5e300", "1.5e+300");
	check("0.30000000000000004", "0.30000000000000004");
}

static void strings_are_escaped(void **)
{
	check(
	    "\"a\\\"\\\\\\n\\t\\u0001\\u007f\\u00e9/\"", "\"a\\\"\\\\\\n\\t\\u0001\x7f\xc3\xa9/\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_are_compact),
	    cmocka_unit_test(reals_are_as_short_as_they_are_told_apart),
	    cmocka_unit_test(strings_are_escaped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
