/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "control/api/json_line.h"

static const struct json_line_limits limits = {.memory = SIZE_MAX,
    .string_size = 40,
    .n_values = 20,
    .n_containers = 10,
    .depth = 8,
    .n_batch = 4};

/* The bytes are put at the end of an allocation, so that a sanitizer sees a read past them. */
static int decode(const char *text, size_t size, struct json_line *line, struct err *err)
{
	char *copy = malloc(size > 0 ? size : 1);
	memcpy(copy, text, size);
	*err = (struct err){0};
	int r = json_line_decode(line, copy, size, &limits, err);
	free(copy);
	return r;
}

static void assert_id(const char *text, size_t index, int state, const char *raw)
{
	struct json_line line;
	struct err err;
	if (decode(text, strlen(text), &line, &err) != 0)
		fail_msg("%s: %s", text, err.what);
	assert_true(index < line.n_ids);
	assert_int_equal(line.ids[index].state, state);
	if (raw != NULL)
		assert_string_equal(line.ids[index].text, raw);
	json_line_fini(&line);
}

static void assert_error(const char *text, enum err_code code)
{
	struct json_line line;
	struct err err;
	int r = decode(text, strlen(text), &line, &err);
	if (r == 0 || err.code != code)
		fail_msg("%s: %d %s", text, (int)err.code, err.what);
	json_line_fini(&line);
}

static void id_of_the_request_is_found_and_no_other(void **)
{
	assert_id("{\"id\":1}", 0, JSON_ID_VALID, "1");
	assert_id(" { \"x\" : { \"id\" : 2 } , \"id\" : -0.0e+1 } ", 0, JSON_ID_VALID, "-0.0e+1");
	assert_id("{\"x\":[{\"id\":2}]}", 0, JSON_ID_ABSENT, NULL);
	assert_id("{\"x\":\"id\",\"y\":\"\\\"id\\\":3\"}", 0, JSON_ID_ABSENT, NULL);
	assert_id("{\"id\\u0001\":1,\"ID\":2,\"\":3}", 0, JSON_ID_ABSENT, NULL);
}

static void ids_of_a_batch_stay_with_their_members(void **)
{
	const char *text = "[{\"a\":1},{\"id\":\"x\"},7,{\"b\":[{\"id\":1}],\"id\":9}]";
	assert_id(text, 0, JSON_ID_ABSENT, NULL);
	assert_id(text, 1, JSON_ID_VALID, "\"x\"");
	assert_id(text, 2, JSON_ID_ABSENT, NULL);
	assert_id(text, 3, JSON_ID_VALID, "9");
}

static void batch_over_the_limit_is_counted_and_stays_in_bounds(void **)
{
	struct json_line line;
	struct err err;
	const char *text =
	    "[{\"id\":1},{\"id\":2},{\"id\":3},{\"id\":4},{\"id\":5},{\"id\":6},{\"id\":7}]";
	assert_int_equal(decode(text, strlen(text), &line, &err), 0);
	assert_int_equal(json_array_size(line.root), 7);
	assert_true(line.n_ids <= limits.n_batch + 1);
	json_line_fini(&line);
}

static void line_that_ends_in_a_string_is_refused(void **)
{
	assert_error("{\"id\":\"", ERR_PARSE);
	assert_error("{\"id\":\"\\", ERR_PARSE);
	assert_error("{\"id", ERR_PARSE);
	assert_error("\"", ERR_PARSE);
}

static void ids_of_other_types_are_invalid(void **)
{
	assert_id("{\"id\":[]}", 0, JSON_ID_INVALID, NULL);
	assert_id("{\"id\":{\"id\":1}}", 0, JSON_ID_INVALID, NULL);
	assert_id("{\"id\":false}", 0, JSON_ID_INVALID, NULL);
	assert_id("[{\"id\":{}},1]", 0, JSON_ID_INVALID, NULL);
}

static void limits_are_met_before_anything_is_built(void **)
{
	assert_error("[[[[[[[[[]]]]]]]]]", ERR_TOO_LARGE);
	assert_error("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]", ERR_TOO_LARGE);
	assert_error("[[],[],[],[],[],[],[],[],[],[]]", ERR_TOO_LARGE);
	assert_error("[\"01234567890123456789012345678901234567890\"]", ERR_TOO_LARGE);
	assert_error("{\"01234567890123456789012345678901234567890\":1}", ERR_TOO_LARGE);
	/* Also in what is no JSON at all. */
	assert_error("{{{{{{{{{{{{{{", ERR_TOO_LARGE);
}

/* All short strings over the bytes that matter: nothing is read outside, nothing wrong is accepted. */
static void every_short_line_is_handled(void **)
{
	static const char alphabet[] = {
	    '{', '}', '[', ']', ':', ',', '"', '\\', '0', 'i', ' ', '\0'};
	char text[5];
	struct json_line line;
	struct err err;
	size_t n = ARRAY_SIZE(alphabet), total = 1;
	for (size_t size = 0; size <= sizeof(text); size++, total *= n) {
		for (size_t code = 0; code < total; code++) {
			size_t rest = code;
			for (size_t i = 0; i < size; i++, rest /= n)
				text[i] = alphabet[rest % n];
			if (decode(text, size, &line, &err) == 0) {
				json_t *again = json_loadb(
				    text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
				assert_true(json_equal(line.root, again));
				json_decref(again);
			} else {
				assert_true(err.what[0] != '\0');
			}
			json_line_fini(&line);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(id_of_the_request_is_found_and_no_other),
	    cmocka_unit_test(ids_of_a_batch_stay_with_their_members),
	    cmocka_unit_test(batch_over_the_limit_is_counted_and_stays_in_bounds),
	    cmocka_unit_test(line_that_ends_in_a_string_is_refused),
	    cmocka_unit_test(ids_of_other_types_are_invalid),
	    cmocka_unit_test(limits_are_met_before_anything_is_built),
	    cmocka_unit_test(every_short_line_is_handled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
