/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/json_stream.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"

static const struct ovsdb_json_limits wide = {.size = 1 << 20, .n_values = 1 << 16, .depth = 100};
static struct ovsdb_input_budget budget;

/* Feeds pieces of piece bytes; the number of messages, or a negative errno. Their compact texts are joined in out. */
static int feed_all(const struct ovsdb_json_limits *limits, const char *text, size_t size,
    size_t piece, char *out, size_t out_size)
{
	struct ovsdb_json_stream s;
	struct err err = {0};
	int n = 0;
	out[0] = '\0';
	ovsdb_json_stream_init(&s, limits, &budget);
	for (size_t at = 0; at < size && n >= 0;) {
		size_t left = MIN_OF(piece, size - at), used = 0;
		json_t *message = NULL;
		int r = ovsdb_json_stream_feed(&s, text + at, left, &used, &message, &err);
		assert_true(used <= left);
		at += used;
		if (r < 0) {
			assert_true(err.what[0] != '\0');
			n = r;
		} else if (r == 1) {
			char *dumped = json_dumps(message, JSON_COMPACT | JSON_SORT_KEYS);
			size_t len = strlen(out);
			snprintf(out + len, out_size - len, "%s\n", dumped);
			free(dumped);
			json_decref(message);
			n++;
		} else {
			assert_int_equal(used, left);
		}
	}
	ovsdb_json_stream_fini(&s);
	assert_int_equal(budget.used, 0);
	return n;
}

static int feed(const char *text, size_t piece, char *out, size_t out_size)
{
	budget.limit = 1 << 22;
	return feed_all(&wide, text, strlen(text), piece, out, out_size);
}

static void messages_come_out_however_they_are_cut(void **)
{
	static const char text[] =
	    " {\"a\":1}{\"b\":\"}]\\\"{\\\\\"}\n\t{\"c\":[{\"d\":[]},{}]}\r\n{\"e\":\"\\u00e9\"}";
	static const char want[] = "{\"a\":1}\n{\"b\":\"}]\\\"{\\\\\"}\n{\"c\":[{\"d\":[]},{}]}\n"
				   "{\"e\":\"\xc3\xa9\"}\n";
	char out[512];
	for (size_t piece = 1; piece <= sizeof(text); piece++) {
		assert_int_equal(feed(text, piece, out, sizeof(out)), 4);
		assert_string_equal(out, want);
	}
}

static void what_is_not_json_ends_the_stream(void **)
{
	static const char *const bad[] = {"x", "{\"a\":1}x", "}", "]", "\"text\"", "1 ", "{\"a\":}",
	    "{\"a\" 1}", "[1]", "{]", "{\"a\":1]", "{\"a\":tru}", "{\"a\":01}", "\xef\xbb\xbf{}",
	    "{\"a\":\"\xff\"}", "{\"a\":\"\xc3\"}", "{\"a\":\"\\u0000\"}", "{\"a\":\"\n\"}",
	    "{\"a\":\"\\ud800\"}", "{\"a\":1e999}", "{'a':1}", "{\"a\":1,}", "\x01{}"};
	char out[64];
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		for (size_t piece = 1; piece < 12; piece++)
			assert_true(feed(bad[i], piece, out, sizeof(out)) < 0);
}

static void nul_bytes_end_the_stream(void **)
{
	char out[64];
	assert_true(feed_all(&wide, "{}\0{}", 5, 5, out, sizeof(out)) < 0);
	assert_true(feed_all(&wide, "{\"a\":\"\0\"}", 9, 1, out, sizeof(out)) < 0);
}

static void limits_hold_before_a_message_is_complete(void **)
{
	static const struct ovsdb_json_limits tight = {.size = 64, .n_values = 8, .depth = 4};
	char text[256], out[256];
	budget.limit = 1 << 20;
	memset(text, ' ', sizeof(text));
	memcpy(text, "{\"a\":", 5);
	assert_int_equal(feed_all(&tight, text, 65, 1, out, sizeof(out)), -E2BIG);
	assert_int_equal(feed_all(&tight, text, 65, 65, out, sizeof(out)), -E2BIG);
	assert_int_equal(feed_all(&tight, text, 64, 1, out, sizeof(out)), 0);
	assert_int_equal(feed_all(&tight, "{\"a\":[[[1]]]}", 13, 13, out, sizeof(out)), 1);
	assert_int_equal(feed_all(&tight, "{\"a\":[[[[", 9, 1, out, sizeof(out)), -ELOOP);
	assert_int_equal(feed_all(&tight, "{\"a\":[1,2,3,4,5,6,7]}", 21, 1, out, sizeof(out)), 1);
	assert_int_equal(
	    feed_all(&tight, "{\"a\":[1,2,3,4,5,6,7,8", 21, 1, out, sizeof(out)), -E2BIG);
	/* Each message has the whole of it. */
	assert_int_equal(
	    feed_all(&tight, "{\"a\":[1,2,3,4]}{\"a\":[1,2,3,4]}", 30, 30, out, sizeof(out)), 2);
}

static void unfinished_messages_share_a_budget(void **)
{
	struct ovsdb_json_stream a, b;
	struct err err = {0};
	size_t used;
	json_t *message;
	static char text[400000];
	budget = (struct ovsdb_input_budget){.limit = 300000};
	memset(text, 'x', sizeof(text));
	memcpy(text, "{\"", 2);
	ovsdb_json_stream_init(&a, &wide, &budget);
	ovsdb_json_stream_init(&b, &wide, &budget);
	assert_int_equal(ovsdb_json_stream_feed(&a, text, 60000, &used, &message, &err), 0);
	assert_int_equal(budget.used, 0); // the beginning is everybody's due
	assert_int_equal(
	    ovsdb_json_stream_feed(&a, text + 60000, 200000, &used, &message, &err), 0);
	assert_true(ovsdb_json_stream_is_partial(&a));
	assert_int_equal(
	    ovsdb_json_stream_feed(&b, text, sizeof(text), &used, &message, &err), -ENOBUFS);
	ovsdb_json_stream_fini(&a);
	ovsdb_json_stream_fini(&b);
	assert_int_equal(budget.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(messages_come_out_however_they_are_cut),
	    cmocka_unit_test(what_is_not_json_ends_the_stream),
	    cmocka_unit_test(nul_bytes_end_the_stream),
	    cmocka_unit_test(limits_hold_before_a_message_is_complete),
	    cmocka_unit_test(unfinished_messages_share_a_budget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
