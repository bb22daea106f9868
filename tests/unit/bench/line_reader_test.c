/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "tools/bench/engine/line_reader.h"

static int fds[2];
static struct line_reader r;

static int setup(void **)
{
	assert_int_equal(pipe(fds), 0);
	return line_reader_init(&r, fds[0], 8);
}

static int teardown(void **)
{
	line_reader_fini(&r);
	close(fds[0]);
	return 0;
}

static void feed(const char *text)
{
	assert_int_equal(write(fds[1], text, strlen(text)), strlen(text));
}

static void assert_line(const char *expected)
{
	const char *line;
	size_t size;
	assert_int_equal(line_reader_next(&r, &line, &size), 0);
	assert_string_equal(line, expected);
	assert_int_equal(size, strlen(expected));
}

static void assert_fails(int rc)
{
	const char *line;
	size_t size;
	assert_int_equal(line_reader_next(&r, &line, &size), rc);
}

static void lines_come_whole_however_they_are_cut(void **)
{
	feed("a\n\nbc");
	assert_line("a");
	assert_line("");
	feed("d\n12345678\n");
	assert_line("bcd");
	assert_line("12345678");
	close(fds[1]);
	assert_fails(-ENODATA);
}

static void a_line_that_is_too_long_is_skipped_and_said_once(void **)
{
	feed("123456789\nok\n");
	assert_fails(-EMSGSIZE);
	assert_line("ok");
	feed("12345678901234567890123456789012345678901234567890\nok\n123456789");
	assert_fails(-EMSGSIZE);
	assert_line("ok");
	close(fds[1]);
	assert_fails(-EMSGSIZE);
	assert_fails(-ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(lines_come_whole_however_they_are_cut, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_line_that_is_too_long_is_skipped_and_said_once, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
