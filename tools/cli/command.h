/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The command table and what a command needs while it runs.
 *
 * Threads: one. Memory: main owns struct cli; arguments are borrowed from argv.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "datapath/base/err.h"

/* Exit codes, part of the contract with scripts. */
enum cli_exit {
	EXIT_OK = 0,
	EXIT_REFUSED = 1,     // the daemon said no
	EXIT_USAGE = 2,       // the command line is wrong
	EXIT_UNREACHABLE = 3, // no daemon
	EXIT_TIMEOUT = 4,
};

struct rpc_client;

struct cli {
	const char *socket_path;
	const char *connect;         // tls:HOST:PORT or unix:PATH; NULL: socket_path
	const char *cert, *key, *ca; // PEM files, for tls
	unsigned int timeout_ms;
	bool json;
	bool pretty;
	bool color;
	struct rpc_client *rpc; // connected on first use
};

struct command {
	const char *object, *verb;
	int (*handler)(struct cli *cli, const struct command *cmd, int argc,
	    char **argv); // returns enum cli_exit
	const char *table, *args, *help;
};

extern const struct command commands[];
extern const size_t n_commands;

/* Finds the command argv names; *ret_n_words: how many of argv it took. NULL, with err filled, when there is none. */
const struct command *command_find(int argc, char **argv, int *ret_n_words, struct err *err);

#define COMMAND(object, verb, handler, ...) \
	int handler(struct cli *cli, const struct command *cmd, int argc, char **argv);
#include "tools/cli/command.def"
#undef COMMAND

/* Prints err on stderr (or as JSON with -j) and returns the exit code that fits. */
int cli_fail(const struct cli *cli, const struct err *err);
/* Usage error of cmd. */
int cli_usage(const struct cli *cli, const struct command *cmd, const char *fmt, ...) FORMAT(3, 4);
/*
 * One request. EXIT_OK: *ret_result is a new reference. Else the failure has been printed. params is taken, NULL: none.
 */
MUST_CHECK
int cli_call(struct cli *cli, const char *method, json_t *params, json_t **ret_result);
/* All objects of a table, a new reference in *ret_objects. */
MUST_CHECK
int cli_list(struct cli *cli, const char *table, json_t **ret_objects);
