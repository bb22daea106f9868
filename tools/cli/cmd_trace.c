/* SPDX-License-Identifier: Apache-2.0 */
/* A packet's way through the rules, told as a story. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/flow_text.h"
#include "tools/cli/out.h"

static const char *text(json_t *obj, const char *name)
{
	const char *s = json_string_value(json_object_get(obj, name));

	return s != NULL ? s : "";
}

static long long number(json_t *obj, const char *name)
{
	return (long long)json_integer_value(json_object_get(obj, name));
}

static void print_table(json_t *step, int indent)
{
	json_t *w;
	size_t i;

	if (json_is_null(json_object_get(step, "rule")) || json_object_get(step, "rule") == NULL)
		printf("%*stable %lld: no rule matches\n", indent, "", number(step, "table"));
	else
		printf("%*stable %lld: %s, priority %lld\n", indent, "", number(step, "table"),
		    text(step, "rule"), number(step, "priority"));
	json_array_foreach (json_object_get(step, "why_not"), i, w)
		printf("%*snot %s (priority %lld): wants %s=%s, the packet has %s\n", indent + 4,
		    "", text(w, "rule"), number(w, "priority"), text(w, "field"), text(w, "want"),
		    text(w, "have"));
}

static void print_step(json_t *step)
{
	const char *type = text(step, "type");
	int indent = 2 * (int)number(step, "depth");

	if (strcmp(type, "bridge") == 0)
		printf("%*sbridge %s: %s\n", indent, "", text(step, "bridge"), text(step, "flow"));
	else if (strcmp(type, "table") == 0)
		print_table(step, indent + 2);
	else
		printf("%*s%s%s\n", indent + 6, "", strcmp(type, "note") == 0 ? "note: " : "",
		    text(step, "text"));
}

static void print_trace(json_t *result)
{
	json_t *step, *line, *verdict = json_object_get(result, "verdict");
	size_t i;

	json_array_foreach (json_object_get(result, "steps"), i, step)
		print_step(step);
	printf("program:\n");
	json_array_foreach (json_object_get(result, "program"), i, line)
		printf("    %s\n", json_string_value(line));
	if (json_is_string(json_object_get(verdict, "drop")))
		printf("verdict: dropped, %s: %s\n  check: %s\n", text(verdict, "drop"),
		    text(verdict, "help"), text(verdict, "check"));
	else
		printf("verdict: %lld output%s%s\n", number(verdict, "outputs"),
		    number(verdict, "outputs") == 1 ? "" : "s",
		    json_is_true(json_object_get(verdict, "cached"))
			? "; a session keeps this outcome"
			: "");
}

int cmd_trace(struct cli *cli, const struct command *cmd, int argc, char **argv)
{
	struct err err = {0};
	json_t *result, *params;

	if (argc < 2)
		return cli_usage(cli, cmd, "a port and the packet are needed");
	if (argc == 2 && strncmp(argv[1], "hex=", 4) == 0) {
		params = json_pack("{s:s,s:s}", "port", argv[0], "packet", argv[1] + 4);
	} else {
		json_t *fields = json_object();

		// Words and commas both separate fields: "a=1 b=2" and "a=1,b=2".
		for (int i = 1; i < argc; i++) {
			json_t *some = flow_text_parse_match(argv[i], &err);

			if (some == NULL) {
				json_decref(fields);
				cli_fail(cli, &err);
				return EXIT_USAGE;
			}
			json_object_update(fields, some);
			json_decref(some);
		}
		params = json_pack("{s:s,s:o}", "port", argv[0], "fields", fields);
	}
	int rc = cli_call(cli, "flow.trace", params, &result);
	if (rc != EXIT_OK)
		return rc;
	if (cli->json)
		out_json(cli, result);
	else
		print_trace(result);
	json_decref(result);
	return EXIT_OK;
}
