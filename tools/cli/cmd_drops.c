/* SPDX-License-Identifier: Apache-2.0 */
/* Why packets were dropped. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/cli/args.h"
#include "tools/cli/out.h"

static const char *text(json_t *obj, const char *name)
{
	const char *s = json_string_value(json_object_get(obj, name));

	return s != NULL ? s : "";
}

static void print_reasons(struct cli *cli, json_t *reasons, bool all)
{
	struct out_table *t = out_table_create(
	    cli, (const char *const[]){"REASON", ">PACKETS", "MEANING", "CHECK", NULL});
	json_t *r;
	size_t i;

	json_array_foreach (reasons, i, r) {
		json_int_t n = json_integer_value(json_object_get(r, "count"));
		char count[32];

		if (n == 0 && !all)
			continue;
		snprintf(count, sizeof(count), "%" JSON_INTEGER_FORMAT, n);
		out_table_row(t, (const char *const[]){
				     text(r, "reason"), count, text(r, "help"), text(r, "check")});
	}
	out_table_end(t);
}

int cmd_drops_list(struct cli *cli, const struct command *cmd, int argc, char **argv)
{
	static const char *const known[] = {"port", "all", NULL};
	const char *port = args_find(argc, argv, "port"), *all = args_find(argc, argv, "all");
	struct err err = {0};
	json_t *result;

	if (args_check(argc, argv, known, &err) != 0)
		return cli_usage(cli, cmd, "%s", err.what);
	int rc = cli_call(
	    cli, "drop.list", port != NULL ? json_pack("{s:s}", "port", port) : NULL, &result);
	if (rc != EXIT_OK)
		return rc;
	if (cli->json)
		out_json(cli, result);
	else
		print_reasons(cli, json_object_get(result, "reasons"),
		    all != NULL && strcmp(all, "true") == 0);
	json_decref(result);
	return EXIT_OK;
}

static void print_samples(struct cli *cli, json_t *samples)
{
	struct out_table *t = out_table_create(
	    cli, (const char *const[]){"TIME", "REASON", "PORT", "RULE", "PACKET", NULL});
	json_t *s;
	size_t i;

	json_array_foreach (samples, i, s) {
		out_table_row(t, (const char *const[]){text(s, "time"), text(s, "reason"),
				     text(s, "port"), text(s, "rule"), text(s, "summary")});
	}
	out_table_end(t);
}

int cmd_drops_samples(struct cli *cli, const struct command *cmd, int argc, char **argv)
{
	static const char *const known[] = {"reason", "port", NULL};
	struct err err = {0};
	json_t *result, *params = json_object();

	if (args_check(argc, argv, known, &err) != 0) {
		json_decref(params);
		return cli_usage(cli, cmd, "%s", err.what);
	}
	for (size_t i = 0; known[i] != NULL; i++) {
		const char *value = args_find(argc, argv, known[i]);
		if (value != NULL)
			json_object_set_new(params, known[i], json_string(value));
	}
	int rc = cli_call(cli, "drop.samples", params, &result);
	if (rc != EXIT_OK)
		return rc;
	if (cli->json)
		out_json(cli, result);
	else
		print_samples(cli, json_object_get(result, "samples"));
	json_decref(result);
	return EXIT_OK;
}

struct word_help {
	const char *word, *help, *check;
};

/* What a code means is part of the program: no daemon is needed to look it up. */
static const struct word_help word_helps[] = {
#define DROP(id, name, help, check) {name, help, check},
#include "datapath/dp_drop.def"
#undef DROP
#define ERROR(id, code, name, e, retry, help) \
	{name, help, (retry) ? "it may succeed when repeated" : "repeating it will not help"},
#include "datapath/base/err.def"
#undef ERROR
};

int cmd_explain(struct cli *cli, const struct command *cmd, int argc, char **argv)
{
	const char *words[ARRAY_SIZE(word_helps)];

	if (argc != 1)
		return cli_usage(cli, cmd, "a drop reason or an error's name is needed");
	for (size_t i = 0; i < ARRAY_SIZE(word_helps); i++) {
		const struct word_help *w = &word_helps[i];

		words[i] = w->word;
		if (strcmp(w->word, argv[0]) != 0)
			continue;
		if (cli->json) {
			json_t *o = json_pack(
			    "{s:s,s:s,s:s}", "word", w->word, "help", w->help, "check", w->check);
			out_json(cli, o);
			json_decref(o);
		} else {
			printf("%s: %s\ncheck: %s\n", w->word, w->help, w->check);
		}
		return EXIT_OK;
	}
	const char *near = nearest_word(argv[0], words, ARRAY_SIZE(words));
	return near != NULL
		   ? cli_usage(cli, cmd, "\"%s\" is no drop reason or error; did you mean \"%s\"?",
			 argv[0], near)
		   : cli_usage(cli, cmd, "\"%s\" is no drop reason or error", argv[0]);
}
