/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "test"
#include "datapath/base/err.h"
#include "datapath/base/log.h"
#include "tests/unit/test.h"

static char output[8192];
static int saved_stderr, pipe_end;

static void capture_start(void)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	saved_stderr = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	pipe_end = ends[0];
}

static const char *capture_end(void)
{
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	ssize_t n = read(pipe_end, output, sizeof(output) - 1);
	close(pipe_end);
	output[n > 0 ? n : 0] = '\0';
	return output;
}

static void line_names_program_level_and_module(void **)
{
	unsetenv("JOURNAL_STREAM");
	log_init("tester", LOG_LVL_INFO);
	capture_start();
	log_warn("disk at %d %%", 90);
	const char *line = capture_end();
	assert_memory_equal(line, "tester: ", 8);
	assert_non_null(strstr(line, "Z warn test: disk at 90 %\n"));
}

static void journal_gets_the_priority_and_no_time(void **)
{
	setenv("JOURNAL_STREAM", "1:2", 1);
	log_init("tester", LOG_LVL_INFO);
	capture_start();
	log_err("broken");
	assert_string_equal(capture_end(), "<3>tester: test: broken\n");
	unsetenv("JOURNAL_STREAM");
}

static void levels_below_are_silent(void **)
{
	log_init("tester", LOG_LVL_WARN);
	capture_start();
	log_info("no");
	log_debug("no");
	assert_string_equal(capture_end(), "");
	log_set_level(LOG_LVL_DEBUG);
	capture_start();
	log_debug("yes");
	assert_non_null(strstr(capture_end(), "yes"));
}

static void hostile_text_stays_on_its_line(void **)
{
	log_init("tester", LOG_LVL_INFO);
	capture_start();
	log_info("name is %s", "a\nb: forged\033[31m\177");
	const char *line = capture_end();
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	assert_null(strchr(line, '\033'));
	assert_non_null(strstr(line, "a?b: forged?[31m?"));
}

static void long_line_is_cut_and_ends(void **)
{
	char text[5000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	capture_start();
	log_info("%s", text);
	const char *line = capture_end();
	assert_true(strlen(line) < 1100);
	assert_int_equal(line[strlen(line) - 1], '\n');
}

static void errno_survives_a_line(void **)
{
	errno = ENOENT;
	capture_start();
	errno = ENOENT;
	log_info("line");
	int after = errno;
	capture_end();
	assert_int_equal(after, ENOENT);
}

static void level_words_are_exact(void **)
{
	enum log_level level = LOG_LVL_ERR;

	assert_int_equal(log_level_parse("debug", &level), 0);
	assert_int_equal(level, LOG_LVL_DEBUG);
	assert_int_equal(log_level_parse("Debug", &level), -EINVAL);
	assert_int_equal(log_level_parse("", &level), -EINVAL);
	assert_int_equal(level, LOG_LVL_DEBUG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(line_names_program_level_and_module),
	    cmocka_unit_test(journal_gets_the_priority_and_no_time),
	    cmocka_unit_test(levels_below_are_silent),
	    cmocka_unit_test(hostile_text_stays_on_its_line),
	    cmocka_unit_test(long_line_is_cut_and_ends),
	    cmocka_unit_test(errno_survives_a_line),
	    cmocka_unit_test(level_words_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
