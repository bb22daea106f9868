/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "tools/cli/out.h"
#include "tools/cli/rpc_client.h"
#include "tools/cli/table_def.h"

/* What happens and is no table: see watch.start. */
static bool is_live_word(const char *word)
{
	return strcmp(word, "port_state") == 0 || strcmp(word, "punt") == 0;
}

static void print_event(const struct cli *cli, json_t *msg)
{
	json_t *params = json_object_get(msg, "params"), *c;
	size_t i;

	if (cli->json) {
		out_json(cli, msg);
		return;
	}
	json_array_foreach (json_object_get(params, "changes"), i, c) {
		char text[1024] = "";
		json_t *object = json_object_get(c, "object");

		if (json_is_object(object))
			out_value(object, text, sizeof(text));
		printf("%" JSON_INTEGER_FORMAT " %s %s %s %s\n",
		    json_integer_value(json_object_get(params, "generation")),
		    json_string_value(json_object_get(c, "op")),
		    json_string_value(json_object_get(c, "table")),
		    json_string_value(json_object_get(c, "name")), text);
	}
}

int cmd_watch(struct cli *cli, const struct command *cmd, int argc, char **argv)
{
	struct err err = {0};
	json_t *result, *msg, *tables = json_array();

	for (int i = 0; i < argc; i++) {
		if (!table_exists(argv[i]) && !is_live_word(argv[i])) {
			json_decref(tables);
			return cli_usage(cli, cmd,
			    "\"%s\" is no table, nor \"port_state\" or \"punt\"", argv[i]);
		}
		json_array_append_new(tables, json_string(argv[i]));
	}
	json_t *params = json_object();
	if (argc > 0)
		json_object_set(params, "tables", tables);
	json_decref(tables);
	int rc = cli_call(cli, "watch.start", params, &result);
	if (rc != EXIT_OK)
		return rc;
	json_decref(result);
	while ((msg = rpc_client_next(cli, -1, &err)) != NULL) {
		const char *method = json_string_value(json_object_get(msg, "method"));

		if (method != NULL && strcmp(method, "watch.lost") == 0) {
			err_set(
			    &err, ERR_STATE, "this reader was too slow: sluiced ended the watch");
			err_hint(&err, "start it again; \"sluice -j call watch.start "
				       "'{\"since\":N}'\" resumes at a generation");
			json_decref(msg);
			break;
		}
		if (method != NULL)
			print_event(cli, msg);
		fflush(stdout);
		json_decref(msg);
	}
	cli_fail(cli, &err);
	return EXIT_UNREACHABLE;
}
