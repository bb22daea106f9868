/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cli/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tools/cli/table_def.h"

static const struct command *find(const char *a, const char *b, struct err *err)
{
	char first[32], second[32];
	char *argv[] = {first, second};
	int n_words;

	strncpy(first, a, sizeof(first) - 1);
	strncpy(second, b, sizeof(second) - 1);
	first[31] = second[31] = '\0';
	*err = (struct err){0};
	return command_find(b[0] != '\0' ? 2 : 1, argv, &n_words, err);
}

static void every_row_is_found_by_its_words(void **)
{
	struct err err;

	for (size_t i = 0; i < n_commands; i++)
		assert_ptr_equal(find(commands[i].object, commands[i].verb, &err), &commands[i]);
}

static void every_row_is_documented_and_its_table_exists(void **)
{
	for (size_t i = 0; i < n_commands; i++) {
		assert_true(commands[i].help[0] != '\0');
		if (commands[i].table[0] != '\0')
			assert_true(table_exists(commands[i].table));
	}
}

static void misspelt_words_get_a_suggestion(void **)
{
	struct err err;

	assert_null(find("netwrk", "add", &err));
	assert_non_null(strstr(err.hint, "network"));
	assert_null(find("port", "frobnicate", &err));
	assert_non_null(strstr(err.hint, "guest-config"));
	assert_null(find("port", "", &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row_is_found_by_its_words),
	    cmocka_unit_test(every_row_is_documented_and_its_table_exists),
	    cmocka_unit_test(misspelt_words_get_a_suggestion),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
