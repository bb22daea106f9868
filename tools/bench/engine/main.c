/* SPDX-License-Identifier: Apache-2.0 */
/* sluice-bench-engine: packet generator and sink. Standard output is the protocol's alone. */
#include <rte_cycles.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/base/clock.h"
#define LOG_MODULE "main"
#include "datapath/base/log.h"
#include "tools/bench/engine/engine.h"
#include "tools/bench/engine/line_reader.h"
#include "tools/bench/engine/result.h"

enum { EXIT_USAGE = 2, HELP_SIZE = 4096, POLL_MS = 10 };

static struct engine engine;
static volatile sig_atomic_t stop;
static int out_fd = -1;

static int parse_options(int argc, char **argv);
static void on_signal(int sig);
static int run(struct err *err);
static void serve(struct engine *e);
static bool answer_line(struct engine *e, const char *line, size_t size);
static json_t *execute(struct engine *e, const struct command *c, struct err *err);
static json_t *wait_link(struct engine *e, uint32_t timeout_ms, struct err *err);
static void fill_context(const struct engine *e, struct command_context *ret);
static bool print_answer(json_t *answer);
static void print_error(const struct err *err);

int main(int argc, char **argv)
{
	struct err err = {0};
	int rc = parse_options(argc, argv);
	if (rc >= 0)
		return rc;
	log_init("sluice-bench-engine", (enum log_level)engine.options.log_level);
	// Libraries that print get standard error; ours stays ours.
	out_fd = dup(STDOUT_FILENO);
	if (out_fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return EXIT_FAILURE;
	signal(SIGPIPE, SIG_IGN);
	struct sigaction action = {.sa_handler = on_signal};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	engine.stop = &stop;
	if (run(&err) < 0) {
		print_error(&err);
		(void)print_answer(result_error(&err));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

/* The exit code when there is nothing to run, else -1. */
static int parse_options(int argc, char **argv)
{
	struct err err = {0};
	enum options_result what;
	char help[HELP_SIZE];
	if (engine_options_parse(&engine.options, argc, argv, &what, &err) < 0) {
		print_error(&err);
		return EXIT_USAGE;
	}
	if (what == OPTIONS_RUN)
		return -1;
	if (what == OPTIONS_HELP)
		engine_options_help(help, sizeof(help));
	else
		snprintf(help, sizeof(help), "sluice-bench-engine %s\n", SLUICE_VERSION);
	fputs(help, stdout);
	return EXIT_SUCCESS;
}

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static int run(struct err *err)
{
	int rc = engine_eal_init(&engine.options, err);
	if (rc < 0)
		return rc;
	engine.tsc_hz = rte_get_tsc_hz();
	rc = engine_ports_open(&engine, err);
	if (rc == 0)
		serve(&engine);
	engine_unload(&engine);
	engine_ports_close(&engine);
	engine_eal_fini();
	return rc;
}

static void serve(struct engine *e)
{
	static struct line_reader reader;
	if (line_reader_init(&reader, STDIN_FILENO, COMMAND_LINE_MAX) < 0) {
		log_err("out of memory");
		return;
	}
	bool go_on = print_answer(result_ready(e));
	while (go_on && !stop) {
		const char *line;
		size_t size;
		int rc = line_reader_next(&reader, &line, &size);
		if (rc == -EMSGSIZE) {
			struct err err = {0};
			err_set(
			    &err, ERR_TOO_LARGE, "a line has more than %d bytes", COMMAND_LINE_MAX);
			go_on = print_answer(result_error(&err));
		} else if (rc < 0) {
			break; // end of file, or a signal
		} else {
			go_on = answer_line(e, line, size);
		}
	}
	line_reader_fini(&reader);
}

/* False: it was the last one. */
static bool answer_line(struct engine *e, const char *line, size_t size)
{
	struct err err = {0};
	struct command command = {0};
	struct command_context context;
	fill_context(e, &context);
	if (command_decode(line, size, &context, &command, &err) < 0)
		return print_answer(result_error(&err));
	json_t *answer = execute(e, &command, &err);
	bool is_last = command.kind == COMMAND_QUIT;
	command_fini(&command);
	return print_answer(answer != NULL ? answer : result_error(&err)) && !is_last;
}

/* NULL: failed, err filled. */
static json_t *execute(struct engine *e, const struct command *c, struct err *err)
{
	struct trial_result result;
	switch (c->kind) {
	case COMMAND_LOAD:
		if (engine_load(e, c->streams, c->n_streams, err) < 0)
			return NULL;
		return result_loaded(e);
	case COMMAND_TRIAL: engine_trial(e, c, &result); return result_trial(e, &result);
	case COMMAND_LINK: return result_links(e);
	case COMMAND_WAIT_LINK: return wait_link(e, c->timeout_ms, err);
	case COMMAND_CALIBRATE: return result_calibration(e);
	case COMMAND_QUIT: return json_pack("{s:b}", "quit", 1);
	}
	return NULL;
}

static json_t *wait_link(struct engine *e, uint32_t timeout_ms, struct err *err)
{
	uint64_t end_ms = clock_ms() + timeout_ms;
	for (unsigned int i = 0; i < e->faces.n; i++) {
		while (!engine_port_is_up(e, i)) {
			if (clock_ms() >= end_ms || stop) {
				err_object(err, "port/%s", e->faces.ports[i].name);
				err_set(err, ERR_STATE, "port %s has no link after %u ms",
				    e->faces.ports[i].name, timeout_ms);
				return NULL;
			}
			(void)poll(NULL, 0, POLL_MS);
		}
	}
	return result_links(e);
}

static void fill_context(const struct engine *e, struct command_context *ret)
{
	*ret = (struct command_context){.ports = &e->faces};
	if (e->load == NULL)
		return;
	ret->n_loaded = e->load->n;
	for (unsigned int i = 0; i < e->load->n; i++)
		ret->is_loaded[e->load->streams[i]->source.conf.id] = true;
}

/* One line. False: nobody reads any more. */
static bool print_answer(json_t *answer)
{
	char *text =
	    answer != NULL ? json_dumps(answer, JSON_COMPACT | JSON_REAL_PRECISION(10)) : NULL;
	json_decref(answer);
	if (text == NULL) {
		log_err("out of memory");
		return false;
	}
	size_t len = strlen(text), done = 0;
	text[len++] = '\n'; // in the place of the NUL
	while (done < len) {
		ssize_t n = write(out_fd, text + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		done += (size_t)n;
	}
	free(text);
	return done == len;
}

static void print_error(const struct err *err)
{
	fprintf(
	    stderr, "error: %s%s%s\n", err->object, err->object[0] != '\0' ? ": " : "", err->what);
	if (err->hint[0] != '\0')
		fprintf(stderr, "hint: %s\n", err->hint);
}
