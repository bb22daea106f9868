/* SPDX-License-Identifier: Apache-2.0 */
/* ovsdb-lite: serves databases, and works on their files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/base/no_memory.h"
#include "ovsdb-lite/json_pool.h"
#include "ovsdb-lite/serve.h"
#include "ovsdb-lite/tool.h"

#define LOG_MODULE "main"
#include "datapath/base/log.h"

enum { EXIT_USAGE = 2, EXIT_NO_MEMORY = 71 }; // sysexits.h: a resource of the system

static void print_help(FILE *f);
static void *event_alloc(size_t size);
static void *event_resize(void *p, size_t size);
static void *check(void *p, size_t size);
static void on_no_memory(size_t size);

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";
	no_memory_hook = on_no_memory;
	event_set_mem_functions(event_alloc, event_resize, free);
	json_set_alloc_funcs(ovsdb_json_pool_alloc, ovsdb_json_pool_free);
	if (strcmp(command, "serve") == 0)
		return ovsdb_serve(argc - 1, argv + 1);
	if (ovsdb_tool_has(command)) {
		log_init("ovsdb-lite", LOG_LVL_WARN);
		return ovsdb_tool_run(argc - 1, argv + 1);
	}
	if (strcmp(command, "--version") == 0) {
		printf("ovsdb-lite %s\n", SLUICE_VERSION);
		return EXIT_SUCCESS;
	}
	bool asked = strcmp(command, "--help") == 0 || strcmp(command, "help") == 0;
	if (!asked && command[0] != '\0')
		fprintf(stderr, "ovsdb-lite: no command \"%s\"\n", command);
	print_help(asked ? stdout : stderr);
	return asked ? EXIT_SUCCESS : EXIT_USAGE;
}

static void print_help(FILE *f)
{
	fputs(
	    "usage: ovsdb-lite COMMAND ...\n"
	    "\n"
	    "  serve [OPTION]...                  serve databases to OVSDB clients; serve --help\n",
	    f);
	for (const struct ovsdb_tool_command *c = ovsdb_tool_commands; c->name != NULL; c++) {
		int n = fprintf(f, "  %s %s", c->name, c->args);
		fprintf(f, "%*s%s\n", n < 37 ? 37 - n : 1, "", c->help);
	}
	fputs("  --version, --help\n", f);
}

static void *event_alloc(size_t size)
{
	return check(malloc(MAX_OF(size, (size_t)1)), size);
}

static void *event_resize(void *p, size_t size)
{
	return check(realloc(p, MAX_OF(size, (size_t)1)), size);
}

static void *check(void *p, size_t size)
{
	if (p == NULL)
		on_no_memory(size);
	return p;
}

/* What was acknowledged is in the file. */
static void on_no_memory(size_t size)
{
	log_err("out of memory: no %zu bytes; ending", size);
	_exit(EXIT_NO_MEMORY);
}
