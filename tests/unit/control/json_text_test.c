/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing JSON, against jansson's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "control/api/json_read.h"
#include "control/api/json_write.h"

static const char *const texts[] = {
    "{}",
    "[]",
    " [ ] ",
    "{\"a\":{},\"b\":[]}",
    "\"x\"",
    "0",
    "-0",
    "-1",
    "01",
    "-",
    "--1",
    "1-2",
    "+1",
    "999999999999999999",
    "1000000000000000000",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "1.5",
    "1e3",
    "1.",
    ".5",
    "1e400",
    "-1.25e-7",
    "true",
    "false",
    "null",
    "nul",
    "nullx",
    "true1",
    "[true false]",
    "[1,]",
    "[,1]",
    "[1",
    "[",
    "{",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1,\"a\":2}",
    "{\"a\":1,\"\\u0061\":2}",
    "{1:2}",
    "{a:1}",
    "\"\\n\\t\\\"\\\\\\/\"",
    "\"\\u00e4\\ud83d\\ude00\"",
    "\"\\ud83d\"",
    "\"\\u0000\"",
    "{\"\\u0000\":1}",
    "\"\xc3\xa4\"",
    "\"\xc3\"",
    "\"\xff\"",
    "\"a\x01\"",
    "\"\x7f\"",
    "\"a\nb\"",
    "\"\\",
    "\"\\\"",
    "\"",
    "",
    " ",
    "1 2",
    "[1] x",
    "{\"\":\"\"}",
    "\r\n\t {\"k\" :\t[1 ,2 , \"3\"]\n}",
    "{\"\xc3\xa4\\n\":[null,{\"z\":-12}]}",
    /* deeper than is read here */
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
    "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
    "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    "{\"op\":\"put\",\"table\":\"flow\",\"name\":\"f1\",\"object\":{\"bridge\":\"br0\","
    "\"priority\":100,\"actions\":"
    "[{\"output\":\"n2\"},\"dec_ttl\"],\"match\":{\"in_port\":\"n1\",\"ip_proto\":6,\"ipv4_src\":"
    "\"10.0.0.1\"}}}",
};

enum { N_TEXTS = sizeof(texts) / sizeof(texts[0]), MAX_TEXT = 400, N_MUTATIONS = 300000 };

static void assert_written_alike(const json_t *value)
{
	struct buf_writer w;
	char *expected = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	buf_writer_init(&w, 1 << 20);
	json_write(&w, value);
	assert_false(w.bad);
	assert_int_equal(w.size, strlen(expected));
	assert_memory_equal(w.data, expected, w.size);
	buf_writer_fini(&w);
	free(expected);
}

/* The bytes are put at the end of an allocation, so that a sanitizer sees a read past them. */
static bool assert_read_alike(const char *text, size_t size)
{
	json_error_t fault, expected_fault;
	char *copy = malloc(size > 0 ? size : 1);
	memcpy(copy, text, size);
	json_t *expected =
	    json_loadb(copy, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &expected_fault);
	json_t *value = json_read(copy, size, &fault);
	bool is_good = value != NULL;
	if ((value != NULL) != (expected != NULL) ||
	    (value != NULL && !json_equal(value, expected)))
		fail_msg("%.*s is read differently", (int)size, text);
	if (is_good) {
		assert_written_alike(value);
	} else {
		assert_int_equal(fault.position, expected_fault.position);
		assert_string_equal(fault.text, expected_fault.text);
	}
	json_decref(value);
	json_decref(expected);
	free(copy);
	return is_good;
}

static void texts_are_read_and_written_as_jansson_does(void **)
{
	for (size_t i = 0; i < N_TEXTS; i++)
		assert_read_alike(texts[i], strlen(texts[i]));
}

static void mutations_are_too(void **)
{
	static const char alphabet[] = "{}[],:\"\\ 0189-+.eEtfnu\xc3\xa4\x01x";
	unsigned int seed = 11;
	size_t n_good = 0;

	for (int round = 0; round < N_MUTATIONS; round++) {
		char text[MAX_TEXT];
		const char *from = texts[(size_t)rand_r(&seed) % N_TEXTS];
		size_t size = strlen(from);
		memcpy(text, from, size);
		for (int n = rand_r(&seed) % 3; n >= 0 && size > 0; n--)
			text[(size_t)rand_r(&seed) % size] =
			    alphabet[(size_t)rand_r(&seed) % sizeof(alphabet)];
		if (rand_r(&seed) % 4 == 0)
			size = (size_t)rand_r(&seed) % (size + 1);
		n_good += assert_read_alike(text, size);
	}
	assert_true(n_good > N_MUTATIONS / 20);
}

static void no_room_is_bad(void **)
{
	struct buf_writer w;
	json_t *value = json_string("0123456789");

	buf_writer_init(&w, 11);
	json_write(&w, value);
	assert_true(w.bad);
	buf_writer_fini(&w);
	json_decref(value);
}

/* What json_pack gives for a text that is not UTF-8, and such a text itself. */
static void what_has_no_text_is_bad(void **)
{
	json_t *values[] = {NULL, json_string_nocheck("\xff")};

	for (size_t i = 0; i < 2; i++) {
		struct buf_writer w;
		buf_writer_init(&w, 100);
		json_write(&w, values[i]);
		assert_true(w.bad);
		buf_writer_fini(&w);
		json_decref(values[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_are_read_and_written_as_jansson_does),
	    cmocka_unit_test(mutations_are_too),
	    cmocka_unit_test(no_room_is_bad),
	    cmocka_unit_test(what_has_no_text_is_bad),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
