/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"
#include "tools/bench/engine/options.h"

static struct engine_options o;
static enum options_result what;
static struct err err;

static int parse(const char *a, const char *b, const char *c, const char *d)
{
	const char *argv[] = {"engine", a, b, c, d, NULL};
	int argc = 1;
	while (argv[argc] != NULL)
		argc++;
	err = (struct err){0};
	return engine_options_parse(&o, argc, (char **)(uintptr_t)argv, &what, &err);
}

static void ports_have_names_devargs_and_queues(void **)
{
	assert_int_equal(
	    parse("--core=1", "--port=a=net_virtio_user0,path=/run/x=y.sock,server=1,queues=4",
		"--port", "b=net_null0"),
	    0);
	assert_int_equal(what, OPTIONS_RUN);
	assert_int_equal(o.core, 1);
	assert_int_equal(o.n_ports, 2);
	assert_string_equal(o.ports[0].name, "a");
	assert_string_equal(
	    o.ports[0].devargs, "net_virtio_user0,path=/run/x=y.sock,server=1,queues=4");
	assert_int_equal(o.ports[0].n_queues, 4);
	assert_int_equal(o.ports[1].n_queues, 1);
	assert_int_equal(o.memory_mb, 256);
}

static void nonsense_is_refused(void **)
{
	static const struct {
		const char *arg, *what;
	} rows[] = {
	    {"--port=a", "NAME=DEVARGS"},
	    {"--port==x", "NAME=DEVARGS"},
	    {"--port=a=", "NAME=DEVARGS"},
	    {"--port=a b=x", "letters"},
	    {"--port=x=net_null1", "twice"},
	    {"--port=y=net_virtio_user0,queues=0", "queues"},
	    {"--port=y=net_virtio_user0,queues=99999999999", "queues"},
	    {"--memory=1", "--memory"},
	    {"--core=-1", "--core"},
	    {"--mtu=99999", "--mtu"},
	    {"--prefix=../x", "--prefix"},
	    {"--log-level=loud", "--log-level"},
	    {"--nope", "unknown option"},
	    {"--memory", "needs a value"},
	    {"word", "unexpected"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc = parse("--core=1", "--port=x=net_null0", rows[i].arg, NULL);
		if (rc >= 0 || strstr(err.what, rows[i].what) == NULL)
			fail_msg("%s: %d %s", rows[i].arg, rc, err.what);
	}
	assert_true(parse("--core=1", NULL, NULL, NULL) < 0);
	assert_true(parse("--port=x=net_null0", NULL, NULL, NULL) < 0);
}

static void ports_have_a_limit(void **)
{
	char text[PORT_MAX + 1][32];
	const char *argv[PORT_MAX + 4] = {"engine", "--core=0"};
	for (int n = PORT_MAX; n <= PORT_MAX + 1; n++) {
		for (int i = 0; i < n; i++) {
			snprintf(text[i], sizeof(text[i]), "--port=p%d=net_null%d", i, i);
			argv[2 + i] = text[i];
		}
		assert_int_equal(
		    engine_options_parse(&o, n + 2, (char **)(uintptr_t)argv, &what, &err) == 0,
		    n == PORT_MAX);
	}
}

static void help_names_every_option(void **)
{
	char help[4096];
	assert_int_equal(parse("--help", NULL, NULL, NULL), 0);
	assert_int_equal(what, OPTIONS_HELP);
	engine_options_help(help, sizeof(help));
	assert_non_null(strstr(help, "--port NAME=DEVARGS"));
	assert_true(strlen(help) < sizeof(help) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ports_have_names_devargs_and_queues),
	    cmocka_unit_test(nonsense_is_refused),
	    cmocka_unit_test(ports_have_a_limit),
	    cmocka_unit_test(help_names_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
