/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The commands of ovsdb-lite that work on a database's file and end: a row in tool.def each. main.c has what comes before them on the
 * line, and the server.
 *
 * Threads: the program's only one. Memory: all is freed before a command returns.
 */
#include <stdbool.h>
#include <stdio.h>

struct ovsdb_tool_command {
	const char *name; // "db-name"
	const char *args; // "FILE [TABLE]"
	const char *help; // half a sentence
};

enum ovsdb_tool_exit {
	OVSDB_TOOL_OK = 0,
	OVSDB_TOOL_FAILED = 1, // said why on stderr
	OVSDB_TOOL_USAGE = 2,
};

/* All commands, the last has no name: for help texts. */
extern const struct ovsdb_tool_command ovsdb_tool_commands[];

bool ovsdb_tool_has(const char *name);
/* argv[0] is the command's name. Results go to stdout. Returns an exit code. */
int ovsdb_tool_run(int argc, char *const argv[]);
