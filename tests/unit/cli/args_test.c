/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cli/args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *parse(const char *table, const char *word, bool patch, struct err *err)
{
	char copy[128];
	char *argv[] = {copy};

	strncpy(copy, word, sizeof(copy) - 1);
	copy[sizeof(copy) - 1] = '\0';
	*err = (struct err){0};
	return args_parse_object(table, 1, argv, patch, err);
}

static void assert_parses(const char *table, const char *word, bool patch, const char *want)
{
	struct err err;
	json_t *o = parse(table, word, patch, &err);

	assert_non_null(o);
	char *text = json_dumps(o, JSON_COMPACT);
	assert_string_equal(text, want);
	free(text);
	json_decref(o);
}

static void assert_refused(const char *table, const char *word, const char *text_in_error)
{
	struct err err;

	assert_null(parse(table, word, false, &err));
	assert_true(
	    strstr(err.what, text_in_error) != NULL || strstr(err.hint, text_in_error) != NULL);
}

static void values_have_the_columns_types(void **)
{
	assert_parses("network", "vni=5001", false, "{\"vni\":5001}");
	assert_parses("port", "security=false", false, "{\"security\":false}");
	assert_parses("port", "addresses=10.0.0.1,fd00::1", false,
	    "{\"addresses\":[\"10.0.0.1\",\"fd00::1\"]}");
	assert_parses("port", "socket=/run/a=b.sock", false, "{\"socket\":\"/run/a=b.sock\"}");
	assert_parses("flow", "match={\"tcp_dst\":80}", false, "{\"match\":{\"tcp_dst\":80}}");
	assert_parses("flow", "cookie=0x1", false, "{\"cookie\":\"0x1\"}");
}

static void patch_resets_a_column(void **)
{
	assert_parses("port", "mtu=", true, "{\"mtu\":null}");
}

static void mistakes_are_named(void **)
{
	assert_refused("network", "vni", "COLUMN=VALUE");
	assert_refused("network", "vni=12x", "a number");
	assert_refused("network", "vni=-1", "a number");
	assert_refused("network", "vin=1", "did you mean \"vni\"");
	assert_refused("port", "security=yes", "true or false");
	assert_refused("flow", "match={", "not JSON");
}

static void keys_are_found_and_checked(void **)
{
	static const char *const known[] = {"port", "all", NULL};
	char a[] = "port=vm1", b[] = "ports=vm1";
	char *good[] = {a}, *bad[] = {b};
	struct err err = {0};

	assert_string_equal(args_find(1, good, "port"), "vm1");
	assert_null(args_find(1, bad, "port"));
	assert_int_equal(args_check(1, good, known, &err), 0);
	assert_int_not_equal(args_check(1, bad, known, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_have_the_columns_types),
	    cmocka_unit_test(patch_resets_a_column),
	    cmocka_unit_test(mistakes_are_named),
	    cmocka_unit_test(keys_are_found_and_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
