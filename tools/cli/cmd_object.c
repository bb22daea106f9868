/* SPDX-License-Identifier: Apache-2.0 */
/* add, set, del, show and list: the same for every table, driven by the schema. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "tools/cli/args.h"
#include "tools/cli/out.h"
#include "tools/cli/table_def.h"

/* A random UUID (RFC 4122 version 4), so that a repeated command is told from a new one. */
static void make_txn_id(char ret[37])
{
	uint8_t b[16];

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		memset(b, 0, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(ret, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
	    b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
	    b[14], b[15]);
}

/* Commits ops (taken) as owner "cli" and prints what is worth saying. */
static int commit(struct cli *cli, json_t *ops)
{
	char txn_id[37];
	json_t *result;

	make_txn_id(txn_id);
	int rc = cli_call(cli, "txn.commit",
	    json_pack("{s:s,s:s,s:o,s:s}", "txn_id", txn_id, "owner", "cli", "ops", ops, "wait",
		"applied"),
	    &result);
	if (rc != EXIT_OK)
		return rc;
	if (cli->json)
		out_json(cli, result);
	else if (!json_is_true(json_object_get(result, "applied")))
		fprintf(stderr,
		    "note: saved as generation %" JSON_INTEGER_FORMAT
		    "; sluice-switch is not connected and gets it when it is\n",
		    json_integer_value(json_object_get(result, "generation")));
	json_decref(result);
	return EXIT_OK;
}

static int put(struct cli *cli, const struct command *cmd, int argc, char **argv, bool patch)
{
	struct err err = {0};

	if (argc < 1 || strchr(argv[0], '=') != NULL)
		return cli_usage(cli, cmd, "the %s's name is missing", cmd->object);
	json_t *obj = args_parse_object(cmd->table, argc - 1, argv + 1, patch, &err);
	if (obj == NULL) {
		cli_fail(cli, &err);
		return EXIT_USAGE;
	}
	json_t *op = json_pack("{s:s,s:s,s:s,s:o}", "op", patch ? "patch" : "put", "table",
	    cmd->table, "name", argv[0], "object", obj);
	return commit(cli, json_pack("[o]", op));
}

int cmd_add(struct cli *cli, const struct command *cmd, int argc, char **argv)
{
	return put(cli, cmd, argc, argv, false);
}

int cmd_set(struct cli *cli, const struct command *cmd, int argc, char **argv)
{
	if (argc < 2)
		return cli_usage(cli, cmd, "a name and at least one COLUMN=VALUE are needed");
	return put(cli, cmd, argc, argv, true);
}

int cmd_del(struct cli *cli, const struct command *cmd, int argc, char **argv)
{
	json_t *ops = json_array();

	for (int i = 0; i < argc; i++)
		json_array_append_new(ops, json_pack("{s:s,s:s,s:s}", "op", "delete", "table",
					       cmd->table, "name", argv[i]));
	if (argc == 0) {
		json_decref(ops);
		return cli_usage(cli, cmd, "the %s's name is missing", cmd->object);
	}
	return commit(cli, ops);
}

int cmd_show_object(struct cli *cli, const struct command *cmd, int argc, char **argv)
{
	bool port = strcmp(cmd->table, "port") == 0;
	json_t *params, *result;

	if (argc != 1)
		return cli_usage(cli, cmd, "one name is needed");
	params = port ? json_pack("{s:s}", "name", argv[0])
		      : json_pack("{s:s,s:s}", "table", cmd->table, "name", argv[0]);
	int rc = cli_call(cli, port ? "port.show" : "state.get", params, &result);
	if (rc != EXIT_OK)
		return rc;
	if (cli->json)
		out_json(cli, result);
	else
		out_members(result);
	json_decref(result);
	return EXIT_OK;
}

/* The columns worth a place in a list; the rest is in "show". */
static const struct {
	const char *table;
	const char *columns[8];
} list_columns[] = {
    {"network", {"vni", "mtu", "unknown_unicast", NULL}},
    {"port", {"kind", "network", "bridge", "mac", "addresses", NULL}},
    {"tunnel_peer", {"remote_ip", "networks", NULL}},
    {"bridge", {"miss", "mac_age_s", "max_macs", NULL}},
    {"flow", {"bridge", "table", "priority", "match", "actions", NULL}},
    {"group", {"bridge", "group_id", "type", "buckets", NULL}},
};

static void print_list(struct cli *cli, const char *table, json_t *objects)
{
	const char *const *columns = NULL;
	const char *heads[10] = {"NAME"};
	size_t n = 0, i;
	json_t *o;

	for (size_t k = 0; k < ARRAY_SIZE(list_columns); k++) {
		if (strcmp(list_columns[k].table, table) == 0)
			columns = list_columns[k].columns;
	}
	for (; columns != NULL && columns[n] != NULL; n++)
		heads[n + 1] = columns[n];
	struct out_table *t = out_table_create(cli, heads);
	json_array_foreach (objects, i, o) {
		char text[8][512];
		const char *cells[10] = {json_string_value(json_object_get(o, "name"))};

		for (size_t k = 0; k < n; k++) {
			json_t *v = json_object_get(json_object_get(o, "object"), columns[k]);
			cells[k + 1] = v != NULL ? out_value(v, text[k], sizeof(text[k])) : "";
		}
		out_table_row(t, cells);
	}
	out_table_end(t);
}

/* state.list answers in pages: collects them all into one array. */
int cli_list(struct cli *cli, const char *table, json_t **ret_objects)
{
	json_t *all = json_array(), *cursor = NULL;

	do {
		json_t *result, *params = json_pack("{s:s,s:i}", "table", table, "limit", 1000);

		if (cursor != NULL)
			json_object_set_new(params, "cursor", cursor);
		int rc = cli_call(cli, "state.list", params, &result);
		if (rc != EXIT_OK) {
			json_decref(all);
			return rc;
		}
		json_array_extend(all, json_object_get(result, "objects"));
		cursor = json_incref(json_object_get(result, "cursor"));
		json_decref(result);
	} while (json_is_string(cursor));
	json_decref(cursor);
	*ret_objects = all;
	return EXIT_OK;
}

int cmd_list(struct cli *cli, const struct command *cmd, int argc, char **)
{
	json_t *objects;

	if (argc > 0)
		return cli_usage(cli, cmd, "list takes no arguments");
	int rc = cli_list(cli, cmd->table, &objects);
	if (rc != EXIT_OK)
		return rc;
	if (cli->json)
		out_json(cli, objects);
	else
		print_list(cli, cmd->table, objects);
	json_decref(objects);
	return EXIT_OK;
}
