/* SPDX-License-Identifier: Apache-2.0 */
/* Counters and learned addresses. */
#include <stdio.h>
#include <string.h>

#include "tools/cli/out.h"

/* One kind of counters: the member of the reply that holds the rows, and the columns worth showing. */
struct stats_view {
	const char *table, *rows;
	const char *columns[9]; // member names; '>' in front: a number
};

static const struct stats_view views[] = {
    {"port", "ports",
	{"name", "state", ">rx_packets", ">tx_packets", ">sent", ">copies", ">held", NULL}},
    {"flow", "flows",
	{"name", "bridge", "table", ">priority", ">packets", ">bytes", ">idle_ms", NULL}},
    {"group", "groups", {"name", ">packets", ">bytes", NULL}},
    {"worker", "workers",
	{"id", ">core", ">busy_percent", ">packets", ">session_hits", ">session_misses",
	    ">sessions", NULL}},
    {"table", "tables", {"bridge", ">table", "structure", ">rules", ">masks", ">memory", NULL}},
};

static void print_rows(struct cli *cli, const struct stats_view *v, json_t *rows)
{
	size_t n = 0, i;
	json_t *row;

	while (v->columns[n] != NULL)
		n++;
	struct out_table *t = out_table_create(cli, v->columns);
	json_array_foreach (rows, i, row) {
		char text[8][128];
		const char *cells[8];

		for (size_t k = 0; k < n; k++) {
			json_t *cell =
			    json_object_get(row, v->columns[k] + (v->columns[k][0] == '>'));
			cells[k] = cell != NULL ? out_value(cell, text[k], sizeof(text[k])) : "";
		}
		out_table_row(t, cells);
	}
	out_table_end(t);
}

int cmd_stats(struct cli *cli, const struct command *cmd, int argc, char **argv)
{
	const char *table = argc > 0 ? argv[0] : "port";
	json_t *result;
	size_t i = 0;

	while (i < ARRAY_SIZE(views) && strcmp(views[i].table, table) != 0)
		i++;
	if (argc > 1 || i == ARRAY_SIZE(views))
		return cli_usage(cli, cmd, "one of port, flow, group, worker, table is expected");
	int rc = cli_call(cli, "stats.get", json_pack("{s:s}", "table", table), &result);
	if (rc != EXIT_OK)
		return rc;
	if (cli->json)
		out_json(cli, result);
	else
		print_rows(cli, &views[i], json_object_get(result, views[i].rows));
	json_decref(result);
	return EXIT_OK;
}

static int fdb(
    struct cli *cli, const struct command *cmd, int argc, char **argv, const char *method)
{
	static const struct stats_view view = {
	    "fdb", "entries", {"mac", ">vlan", "port", ">age_ms", NULL}};
	json_t *result;

	if (argc != 1)
		return cli_usage(cli, cmd, "the bridge's name is missing");
	int rc = cli_call(cli, method, json_pack("{s:s}", "bridge", argv[0]), &result);
	if (rc != EXIT_OK)
		return rc;
	if (cli->json)
		out_json(cli, result);
	else
		print_rows(cli, &view, json_object_get(result, view.rows));
	json_decref(result);
	return EXIT_OK;
}

int cmd_fdb_list(struct cli *cli, const struct command *cmd, int argc, char **argv)
{
	return fdb(cli, cmd, argc, argv, "fdb.list");
}

int cmd_fdb_flush(struct cli *cli, const struct command *cmd, int argc, char **argv)
{
	return fdb(cli, cmd, argc, argv, "fdb.flush");
}
