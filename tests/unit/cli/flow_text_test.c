/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cli/flow_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Compares with JSON text; frees value. */
static void assert_json(json_t *value, const char *want)
{
	assert_non_null(value);
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	assert_string_equal(text, want);
	free(text);
	json_decref(value);
}

static void match_takes_numbers_and_text(void **)
{
	struct err err = {0};

	assert_json(flow_text_parse_match(
			"in_port=vm1,eth_type=0x800,tcp_dst=80,ipv4_dst=10.0.0.0/8", &err),
	    "{\"in_port\":\"vm1\",\"eth_type\":\"0x800\",\"tcp_dst\":80,\"ipv4_dst\":\"10.0.0.0/"
	    "8\"}");
	assert_json(flow_text_parse_match("", &err), "{}");
}

static void match_refuses_what_is_no_field(void **)
{
	static const char *const bad[] = {"tcp_dst", "=80", "tcp_dst=", "tcp_dst=1,tcp_dst=2"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = {0};
		assert_null(flow_text_parse_match(bad[i], &err));
		assert_int_equal(err.code, ERR_PARAMS);
	}
}

static void actions_take_words_arguments_and_fields(void **)
{
	struct err err = {0};

	assert_json(
	    flow_text_parse_actions(
		"set_field:eth_dst=02:00:00:00:00:01,push_vlan:0x8100,dec_ttl,output:vm2", &err),
	    "[{\"set_field\":{\"eth_dst\":\"02:00:00:00:00:01\"}},{\"push_vlan\":\"0x8100\"},\"dec_"
	    "ttl\",{\"output\":\"vm2\"}]");
	assert_json(flow_text_parse_actions("resubmit:3,group:7", &err),
	    "[{\"resubmit\":{\"table\":3}},{\"group\":7}]");
}

static void set_field_without_value_is_refused(void **)
{
	struct err err = {0};

	assert_null(flow_text_parse_actions("set_field:eth_dst", &err));
	assert_non_null(strstr(err.what, "eth_dst"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(match_takes_numbers_and_text),
	    cmocka_unit_test(match_refuses_what_is_no_field),
	    cmocka_unit_test(actions_take_words_arguments_and_fields),
	    cmocka_unit_test(set_field_without_value_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
