/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/json_read.h"

#include <string.h>

#include "datapath/base/compiler.h"
#include "tests/unit/test.h"

static void check(const char *text)
{
	json_error_t why;
	json_t *want = json_loadb(text, strlen(text), 0, &why);
	json_t *got = ovsdb_json_read(text, strlen(text), &why);
	if ((want == NULL) != (got == NULL) || (want != NULL && !json_equal(want, got)))
		fail_msg("read otherwise: %s", text);
	json_decref(want);
	json_decref(got);
}

static void values_are_what_jansson_reads(void **)
{
	static const char *const texts[] = {"{}", "[]", " { } ",
	    "[1,-1,0,999999999999999999,9223372036854775807]", "[1.5,1e3,-0,-0.0]",
	    "{\"a\":{\"b\":[true,false,null]},\"a\":2}",
	    "[\"\",\"plain\",\"q\\\"\\n\\u00e9\\ud83d\\ude00\",\"\xc3\xa9\"]", "{\"k\\u0061\":1}",
	    "[ 1 , 2 ]\n", "[[[[[]]]]]", "{\"a\":[{\"b\":{}}],\"c\":\"d\"}"};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		check(texts[i]);
}

static void what_is_wrong_is_refused(void **)
{
	static const char *const texts[] = {"", " ", "1", "true", "\"a\"", "[", "{", "[1", "[1,",
	    "[1,]", "[,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "[01]", "[-]", "[+1]",
	    "[.5]", "[1x]", "[tru]", "[truex]", "[\"a]", "[\"\\x\"]", "[\"\xff\"]", "[\"\t\"]",
	    "[1]]", "[1] x", "{\"a\":1}{}", "[\"\\ud800\"]", "[1e999]", "[\"\\u0000\"]"};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		json_error_t why;
		check(texts[i]);
		assert_null(ovsdb_json_read(texts[i], strlen(texts[i]), &why));
	}
}

static void integers_that_do_not_fit_are_reals(void **)
{
	json_error_t why;
	json_t *value = ovsdb_json_read("[12345678901234567890]", 22, &why);
	assert_true(json_is_real(json_array_get(value, 0)));
	json_decref(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_are_what_jansson_reads),
	    cmocka_unit_test(what_is_wrong_is_refused),
	    cmocka_unit_test(integers_that_do_not_fit_are_reals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
