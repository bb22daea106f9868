/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "tools/cli/command.h"
#include "tools/cli/out.h"

int cmd_call(struct cli *cli, const struct command *cmd, int argc, char **argv)
{
	json_error_t je;
	json_t *params = NULL, *result;

	if (argc < 1 || argc > 2)
		return cli_usage(cli, cmd, "a method and at most one JSON object are needed");
	if (argc == 2) {
		params = json_loads(argv[1], JSON_REJECT_DUPLICATES, &je);
		if (params == NULL)
			return cli_usage(
			    cli, cmd, "not JSON at character %d: %s", je.position, je.text);
	}
	int rc = cli_call(cli, argv[0], params, &result);
	if (rc != EXIT_OK)
		return rc;
	out_json(cli, result);
	json_decref(result);
	return EXIT_OK;
}

int cmd_methods(struct cli *cli, const struct command *, int, char **)
{
	json_t *result, *m;
	size_t i;

	int rc = cli_call(cli, "rpc.methods", NULL, &result);
	if (rc != EXIT_OK)
		return rc;
	if (cli->json) {
		out_json(cli, result);
	} else {
		struct out_table *t =
		    out_table_create(cli, (const char *const[]){"METHOD", "ROLE", "WHAT", NULL});

		json_array_foreach (json_object_get(result, "methods"), i, m) {
			out_table_row(
			    t, (const char *const[]){json_string_value(json_object_get(m, "name")),
				   json_string_value(json_object_get(m, "role")),
				   json_string_value(json_object_get(m, "help"))});
		}
		out_table_end(t);
	}
	json_decref(result);
	return EXIT_OK;
}
