/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "datapath/base/err.h"
#include "tests/unit/test.h"

static const char *const words[] = {"network", "port", "tunnel_peer", "bridge", "flow", "group"};

static void err_set_keeps_where_and_forgets_the_old_hint(void **)
{
	struct err err = {0};

	err_path(&err, "/ops/%d/mtu", 3);
	err_object(&err, "port/%s", "vm1");
	assert_int_equal(err_set(&err, ERR_NOT_FOUND, "no port \"%s\"", "vm1"), -ENOENT);
	assert_int_equal(err_hint(&err, "sluice port list"), -ENOENT);
	assert_string_equal(err.hint, "sluice port list");
	assert_int_equal(err_set(&err, ERR_QUOTA, "full"), -EDQUOT);
	assert_string_equal(err.hint, "");
	assert_string_equal(err.path, "/ops/3/mtu");
	assert_string_equal(err.object, "port/vm1");
}

static void err_texts_are_cut_not_overrun(void **)
{
	struct err err = {0};
	char long_text[1000];

	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	assert_int_equal(err_set(&err, ERR_PARAMS, "%s", long_text), -EINVAL);
	err_path(&err, "%s", long_text);
	err_object(&err, "%s", long_text);
	err_hint(&err, "%s", long_text);
	assert_int_equal(strlen(err.what), sizeof(err.what) - 1);
	assert_int_equal(strlen(err.path), sizeof(err.path) - 1);
	assert_int_equal(strlen(err.object), sizeof(err.object) - 1);
	assert_int_equal(strlen(err.hint), sizeof(err.hint) - 1);
}

/* The quick way and the C library's agree, also where the buffer ends. */
static void places_are_written_as_printf_would(void **)
{
	struct err err = {0};
	char filler[200], want[400];

	memset(filler, 'x', sizeof(filler));
	for (unsigned int len = 0; len < sizeof(filler); len++) {
		filler[len] = '\0';
		err_path(&err, "/%s/%u/%zu%s%%", filler, 4294967295U, (size_t)0, "end");
		snprintf(
		    want, sizeof(want), "/%s/%u/%zu%s%%", filler, 4294967295U, (size_t)0, "end");
		want[sizeof(err.path) - 1] = '\0';
		assert_string_equal(err.path, want);
		err_path(&err, "/%s/%u/%zu%s", filler, 10U, SIZE_MAX, "end");
		snprintf(want, sizeof(want), "/%s/%u/%zu%s", filler, 10U, SIZE_MAX, "end");
		want[sizeof(err.path) - 1] = '\0';
		assert_string_equal(err.path, want);
		filler[len] = 'x';
	}
}

static void every_code_has_a_name_of_its_own(void **)
{
	static const enum err_code codes[] = {
#define ERROR(id, ...) ERR_##id,
#include "datapath/base/err.def"
#undef ERROR
	};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		assert_true(err_errno(codes[i]) < 0);
		assert_true(strlen(err_help(codes[i])) > 0);
		for (size_t j = 0; j < i; j++) {
			assert_string_not_equal(err_name(codes[i]), err_name(codes[j]));
			assert_int_not_equal(codes[i], codes[j]);
		}
	}
	assert_true(err_retryable(ERR_BUSY));
	assert_false(err_retryable(ERR_PARAMS));
	assert_string_equal(err_name((enum err_code)12345), "unknown");
}

static void nearest_word_forgives_typing_mistakes(void **)
{
	assert_string_equal(nearest_word("netwrok", words, ARRAY_SIZE(words)), "network");
	assert_string_equal(nearest_word("prot", words, ARRAY_SIZE(words)), "port");
	assert_string_equal(nearest_word("tunnel-peer", words, ARRAY_SIZE(words)), "tunnel_peer");
	assert_string_equal(nearest_word("group", words, ARRAY_SIZE(words)), "group");
}

static void nearest_word_does_not_guess_wildly(void **)
{
	char long_word[500];

	assert_null(nearest_word("router", words, ARRAY_SIZE(words)));
	assert_null(nearest_word("po", words, ARRAY_SIZE(words)));
	assert_null(nearest_word("", words, ARRAY_SIZE(words)));
	assert_null(nearest_word("port", words, 0));
	memset(long_word, 'p', sizeof(long_word) - 1);
	long_word[sizeof(long_word) - 1] = '\0';
	assert_null(nearest_word(long_word, words, ARRAY_SIZE(words)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(err_set_keeps_where_and_forgets_the_old_hint),
	    cmocka_unit_test(err_texts_are_cut_not_overrun),
	    cmocka_unit_test(places_are_written_as_printf_would),
	    cmocka_unit_test(every_code_has_a_name_of_its_own),
	    cmocka_unit_test(nearest_word_forgives_typing_mistakes),
	    cmocka_unit_test(nearest_word_does_not_guess_wildly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
