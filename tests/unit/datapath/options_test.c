/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "datapath/base/log.h"
#include "datapath/options.h"

enum { MAX_ARGS = 8 };

/* Parses words separated by blanks. */
static int parse(const char *line, struct dp_options *o, enum options_result *ret, struct err *err)
{
	char text[256];
	char *argv[MAX_ARGS + 2] = {(char *)(uintptr_t) "sluice-switch"};
	int argc = 1;
	*err = (struct err){0};
	options_init(o);
	assert_true(strlen(line) < sizeof(text));
	strcpy(text, line);
	for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
		argv[argc++] = word;
	return options_parse(o, argc, argv, ret, err);
}

static void defaults_are_one_worker_that_sleeps(void **)
{
	struct dp_options o;
	enum options_result r;
	struct err err;
	assert_int_equal(parse("", &o, &r, &err), 0);
	assert_int_equal(r, OPTIONS_RUN);
	assert_int_equal(o.n_workers, 1);
	assert_true(o.sleep);
	assert_false(o.no_huge);
	assert_string_equal(o.rundir, "/run/sluice");
}

static void every_option_is_taken(void **)
{
	struct dp_options o;
	enum options_result r;
	struct err err;
	assert_int_equal(
	    parse("--cores 1,3-4 --memory 64 --no-huge --rundir=/tmp/x --sessions 1024 "
		  "--no-sleep",
		&o, &r, &err),
	    0);
	assert_int_equal(o.n_workers, 3);
	assert_int_equal(o.cores[0], 1);
	assert_int_equal(o.cores[1], 3);
	assert_int_equal(o.cores[2], 4);
	assert_int_equal(o.memory_mb, 64);
	assert_int_equal(o.max_sessions, 1024);
	assert_true(o.no_huge);
	assert_false(o.sleep);
	assert_string_equal(o.rundir, "/tmp/x");
	assert_int_equal(parse("--log-level debug --huge", &o, &r, &err), 0);
	assert_int_equal(o.log_level, LOG_LVL_DEBUG);
	assert_true(o.huge);
}

static void bad_values_are_refused_with_a_reason(void **)
{
	char too_long_rundir[128] = "--rundir /";
	memset(too_long_rundir + 10, 'x', 100);
	const char *const bad[] = {
	    "--cores 0-",
	    "--cores ,",
	    "--cores 1,",
	    "--cores 3-1",
	    "--cores 0,0",
	    "--cores 0-1,1",
	    "--cores a",
	    "--cores -1",
	    "--cores 0-64",
	    "--cores 9999",
	    "--cores 1024",
	    "--memory 63",
	    "--memory 1e3",
	    "--memory -5",
	    "--memory 99999999999999999999",
	    "--sessions 0",
	    "--sessions 10x",
	    "--log-level loud",
	    "--rundir run",
	    too_long_rundir,
	    "--memory",
	    "--nonsense",
	    "-x",
	    "--no-huge=1",
	    "stray",
	};
	struct dp_options o;
	enum options_result r;
	struct err err;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (parse(bad[i], &o, &r, &err) != -EINVAL || err.what[0] == '\0')
			fail_msg("taken: %s", bad[i]);
	}
}

static void an_unknown_option_is_named(void **)
{
	struct dp_options o;
	enum options_result r;
	struct err err;
	assert_int_equal(parse("--memry 5", &o, &r, &err), -EINVAL);
	assert_non_null(strstr(err.what, "--memry"));
	assert_non_null(strstr(err.hint, "--help"));
	assert_int_equal(parse("--memory", &o, &r, &err), -EINVAL);
	assert_non_null(strstr(err.what, "--memory needs a value"));
}

static void help_names_every_option_and_ends_parsing(void **)
{
	struct dp_options o;
	enum options_result r;
	struct err err;
	char help[4096];
	options_help(help, sizeof(help));
	static const char *const names[] = {"--rundir DIR", "--cores LIST", "--memory MB",
	    "--no-huge", "--huge", "--sessions N", "--no-sleep", "--log-level LEVEL", "--version",
	    "--help"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_non_null(strstr(help, names[i]));
	assert_int_equal(parse("--help --nonsense", &o, &r, &err), 0);
	assert_int_equal(r, OPTIONS_HELP);
	assert_int_equal(parse("--version", &o, &r, &err), 0);
	assert_int_equal(r, OPTIONS_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults_are_one_worker_that_sleeps),
	    cmocka_unit_test(every_option_is_taken),
	    cmocka_unit_test(bad_values_are_refused_with_a_reason),
	    cmocka_unit_test(an_unknown_option_is_named),
	    cmocka_unit_test(help_names_every_option_and_ends_parsing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
