/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cli/complete.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/rpc_client.h"
#include "tools/cli/table_def.h"

enum { MAX_WORDS = 128 };

static void offer(const char *word, const char *prefix)
{
	if (strncmp(word, prefix, strlen(prefix)) == 0)
		printf("%s\n", word);
}

/* Live names of a table; silent when sluiced cannot be reached. */
static void offer_names(struct cli *cli, const char *table, const char *prefix)
{
	struct err err = {0};
	json_t *result = NULL, *errors = NULL, *o;
	size_t i;

	cli->timeout_ms = 900; // below the CLI's own "waiting" message
	if (rpc_client_call(cli, "state.list", json_pack("{s:s}", "table", table), &result, &err,
		&errors) == EXIT_OK) {
		json_array_foreach (json_object_get(result, "objects"), i, o) {
			const char *name = json_string_value(json_object_get(o, "name"));
			if (name != NULL)
				offer(name, prefix);
		}
	}
	json_decref(result);
	json_decref(errors);
}

static void offer_values(struct cli *cli, const char *table, const char *name, const char *prefix)
{
	const struct column_def *c = column_find(table, name);
	char *values, *save = NULL;

	if (c == NULL)
		return;
	if (c->kind == COL_REF) {
		offer_names(cli, c->values, prefix);
	} else if (c->kind == COL_BOOL) {
		offer("true", prefix);
		offer("false", prefix);
	} else if (c->kind == COL_ENUM && (values = strdup(c->values)) != NULL) {
		for (char *v = strtok_r(values, "|", &save); v != NULL;
		     v = strtok_r(NULL, "|", &save))
			offer(v, prefix);
		free(values);
	}
}

/* Arguments of a command on a table: first the name, then columns and, after '=', values. */
static void offer_arguments(
    struct cli *cli, const struct command *cmd, int argc, char **argv, const char *prefix)
{
	bool creates = strcmp(cmd->verb, "add") == 0;

	if (strncmp(cmd->args, "PORT", 4) == 0 && argc == 0) {
		offer_names(cli, "port", prefix);
	} else if (strncmp(cmd->args, "BRIDGE", 6) == 0 && argc == 0) {
		offer_names(cli, "bridge", prefix);
	} else if (strncmp(cmd->args, "NAME", 4) == 0 && argc == 0) {
		if (!creates)
			offer_names(cli, cmd->table, prefix);
	} else if (strstr(cmd->args, "COLUMN=VALUE") != NULL) {
		// COMP_WORDBREAKS splits at '=': the word before it is the column.
		if (argc >= 2 && strcmp(argv[argc - 1], "=") == 0) {
			offer_values(cli, cmd->table, argv[argc - 2], prefix);
			return;
		}
		for (const struct column_def *c = column_next(cmd->table, NULL); c != NULL;
		     c = column_next(cmd->table, c)) {
			char word[80];
			snprintf(word, sizeof(word), "%s=", c->name);
			offer(word, prefix);
		}
	}
}

int complete_bash(struct cli *cli)
{
	const char *env = getenv("COMP_LINE");
	char *words[MAX_WORDS], *save = NULL;
	int n = 0;
	struct err err = {0};
	int n_words;
	static char equals[] = "=";

	if (env == NULL)
		return EXIT_USAGE;
	char *line = strdup(env);
	if (line == NULL)
		abort();
	bool new_word = line[0] != '\0' && line[strlen(line) - 1] == ' ';
	char *eq = strrchr(line, '='); // "mode=cl": complete the value after a '=' word of its own
	const char *value = eq != NULL && strchr(eq, ' ') == NULL ? eq + 1 : NULL;
	char *column = NULL;
	if (value != NULL) {
		*eq = '\0';
		column = strrchr(line, ' ');
	}
	for (char *w = strtok_r(line, " ", &save); w != NULL && n < MAX_WORDS - 2;
	     w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	const char *prefix = value != NULL ? value : !new_word && n > 0 ? words[--n] : "";
	if (column != NULL)
		words[n++] = equals;
	if (n <= 1) {
		for (size_t i = 0; i < n_commands; i++) {
			if (i == 0 || strcmp(commands[i].object, commands[i - 1].object) != 0)
				offer(commands[i].object, prefix);
		}
	} else if (n == 2 && commands[0].object != NULL &&
		   command_find(1, words + 1, &n_words, &err) == NULL) {
		for (size_t i = 0; i < n_commands; i++) {
			if (strcmp(commands[i].object, words[1]) == 0)
				offer(commands[i].verb, prefix);
		}
	} else {
		const struct command *cmd = command_find(n - 1, words + 1, &n_words, &err);
		if (cmd != NULL)
			offer_arguments(cli, cmd, n - 1 - n_words, words + 1 + n_words, prefix);
	}
	rpc_client_close(cli);
	free(line);
	return EXIT_OK;
}
