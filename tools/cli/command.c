/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cli/command.h"

#include <stdio.h>
#include <string.h>

#include "tools/cli/out.h"
#include "tools/cli/rpc_client.h"
#include "tools/cli/table_def.h"

const struct command commands[] = {
#define COMMAND(o, v, fn, t, a, h) \
	{.object = (o), .verb = (v), .handler = (fn), .table = (t), .args = (a), .help = (h)},
#include "tools/cli/command.def"
#undef COMMAND
};
const size_t n_commands = ARRAY_SIZE(commands);

static size_t object_words(const char **words, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < n_commands && n < max; i++) {
		if (i == 0 || strcmp(commands[i].object, commands[i - 1].object) != 0)
			words[n++] = commands[i].object;
	}
	return n;
}

static void unknown_object(const char *word, struct err *err)
{
	const char *words[ARRAY_SIZE(commands)];
	const char *near = nearest_word(word, words, object_words(words, ARRAY_SIZE(words)));

	err_set(err, ERR_PARAMS, "unknown command \"%s\"", word);
	if (near != NULL)
		err_hint(err, "did you mean \"%s\"? \"sluice help\" lists all", near);
	else
		err_hint(err, "\"sluice help\" lists all");
}

static void unknown_verb(const char *object, const char *verb, struct err *err)
{
	char verbs[256] = "";

	for (size_t i = 0; i < n_commands; i++) {
		if (strcmp(commands[i].object, object) != 0)
			continue;
		size_t len = strlen(verbs);
		snprintf(verbs + len, sizeof(verbs) - len, "%s%s", len > 0 ? ", " : "",
		    commands[i].verb);
	}
	if (verb == NULL)
		err_set(err, ERR_PARAMS, "\"%s\" needs a verb", object);
	else
		err_set(err, ERR_PARAMS, "\"%s\" has no verb \"%s\"", object, verb);
	err_hint(err, "verbs: %s", verbs);
}

const struct command *command_find(int argc, char **argv, int *ret_n_words, struct err *err)
{
	bool seen = false;

	for (size_t i = 0; i < n_commands; i++) {
		const struct command *c = &commands[i];

		if (strcmp(c->object, argv[0]) != 0)
			continue;
		seen = true;
		if (c->verb[0] == '\0') {
			*ret_n_words = 1;
			return c;
		}
		if (argc > 1 && strcmp(c->verb, argv[1]) == 0) {
			*ret_n_words = 2;
			return c;
		}
	}
	if (seen)
		unknown_verb(argv[0], argc > 1 ? argv[1] : NULL, err);
	else
		unknown_object(argv[0], err);
	return NULL;
}

int cli_fail(const struct cli *cli, const struct err *err)
{
	if (cli->json) {
		json_t *e = json_pack("{s:{s:i,s:s,s:s,s:s,s:s,s:s}}", "error", "code", err->code,
		    "name", err_name(err->code), "message", err->what, "path", err->path, "object",
		    err->object, "hint", err->hint);
		out_json(cli, e);
		json_decref(e);
	} else {
		fprintf(stderr, "error: %s%s%s\n", err->object, err->object[0] != '\0' ? ": " : "",
		    err->what);
		if (err->path[0] != '\0')
			fprintf(stderr, "   at: %s\n", err->path);
		if (err->hint[0] != '\0')
			fprintf(stderr, " hint: %s\n", err->hint);
	}
	return EXIT_REFUSED;
}

int cli_usage(const struct cli *cli, const struct command *cmd, const char *fmt, ...)
{
	struct err err = {0};
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	err_set(&err, ERR_PARAMS, "%s", what);
	err_hint(&err, "usage: sluice %s%s%s %s", cmd->object, cmd->verb[0] != '\0' ? " " : "",
	    cmd->verb, cmd->args);
	cli_fail(cli, &err);
	return EXIT_USAGE;
}

int cli_call(struct cli *cli, const char *method, json_t *params, json_t **ret_result)
{
	struct err err = {0};
	json_t *errors = NULL;

	int rc = rpc_client_call(cli, method, params, ret_result, &err, &errors);
	if (rc == EXIT_OK)
		return EXIT_OK;
	if (cli->json || errors == NULL || json_array_size(errors) <= 1) {
		cli_fail(cli, &err);
	} else {
		size_t i;
		json_t *e;

		json_array_foreach (errors, i, e) {
			struct err one = {0};
			rpc_error_decode(e, &one);
			cli_fail(cli, &one);
		}
	}
	json_decref(errors);
	return rc;
}

static void print_columns(const char *table)
{
	if (!table_exists(table))
		return;
	printf("\nColumns:\n");
	for (const struct column_def *c = column_next(table, NULL); c != NULL;
	     c = column_next(table, c)) {
		printf("  %-16s %s", c->name, c->help);
		if (c->kind == COL_ENUM)
			printf(" [%s]", c->values);
		printf("%s%s\n", c->list ? " (comma-separated)" : "",
		    c->required ? " (required)" : "");
	}
}

int cmd_help(struct cli *cli, const struct command *cmd, int argc, char **argv)
{
	bool found = false;
	const char *table = "";

	if (argc == 0)
		printf("usage: sluice [-j] [-p] [-s SOCKET] [-t SECONDS] COMMAND …\n\nCommands:\n");
	for (size_t i = 0; i < n_commands; i++) {
		const struct command *c = &commands[i];

		if (argc > 0 && strcmp(c->object, argv[0]) != 0)
			continue;
		if (argc > 1 && strcmp(c->verb, argv[1]) != 0)
			continue;
		char usage[128];
		snprintf(usage, sizeof(usage), "%s %s %s", c->object, c->verb, c->args);
		printf("  %-46s %s\n", usage, c->help);
		found = true;
		table = c->table;
	}
	if (!found)
		return cli_usage(cli, cmd, "no such command");
	if (argc > 0) {
		print_columns(table);
		return EXIT_OK;
	}
	printf(
	    "\nOptions:\n"
	    "  -j, --json         JSON output, also for errors\n"
	    "  -p, --pretty       indent it\n"
	    "  -s, --socket PATH  API socket (default $SLUICE_SOCKET or /run/sluice/api.sock)\n"
	    "  --connect WHERE    tls:HOST:PORT or unix:PATH instead (default $SLUICE_CONNECT)\n"
	    "  --cert, --key, --ca FILE\n"
	    "                     for tls, PEM: our certificate, its key, and the CA of sluiced's\n"
	    "                     (default $SLUICE_CERT, $SLUICE_KEY, $SLUICE_CA)\n"
	    "  -t, --timeout S    give up after S seconds (default 5)\n"
	    "  -V, --version      print the version\n"
	    "\nExit codes: 0 done, 1 refused, 2 usage, 3 cannot reach sluiced, 4 timeout\n");
	return EXIT_OK;
}
