/* SPDX-License-Identifier: Apache-2.0 */
/* The overview: what is plugged in where, and is it well? */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli/out.h"

struct overview {
	json_t *networks, *bridges, *ports, *peers; // arrays of {name, object}
	json_t *stats;                              // port counters, NULL when the switch is away
	json_t *health;
};

static const char *text(json_t *obj, const char *name)
{
	const char *s = json_string_value(json_object_get(obj, name));

	return s != NULL ? s : "";
}

static json_t *find_named(json_t *rows, const char *name)
{
	size_t i;
	json_t *row;

	json_array_foreach (rows, i, row) {
		if (strcmp(text(row, "name"), name) == 0)
			return row;
	}
	return NULL;
}

static void print_port(json_t *port, json_t *stats)
{
	json_t *object = json_object_get(port, "object"),
	       *s = find_named(stats, text(port, "name")), *n;
	const char *kind = text(object, "kind"), *reason;
	char rx[16], tx[16], drops[16];
	uint64_t dropped = 0;

	printf("    %-16s %-10s %-17s ", text(port, "name"), kind, text(object, "mac"));
	if (strcmp(kind, "remote") == 0) {
		printf("on %s\n", text(object, "peer"));
		return;
	}
	if (s == NULL) {
		printf("not in the switch\n");
		return;
	}
	json_object_foreach (json_object_get(s, "drops"), reason, n)
		dropped += (uint64_t)json_integer_value(n);
	printf("%-9s rx %-6s tx %-6s dropped %s\n", text(s, "state"),
	    out_count((uint64_t)json_integer_value(json_object_get(s, "rx_packets")), rx),
	    out_count((uint64_t)json_integer_value(json_object_get(s, "tx_packets")), tx),
	    out_count(dropped, drops));
	if (text(s, "error")[0] != '\0')
		printf("        %serror: %s%s\n", isatty(STDOUT_FILENO) ? "\033[31m" : "",
		    text(s, "error"), isatty(STDOUT_FILENO) ? "\033[0m" : "");
}

/* Ports whose member (network or bridge) is name; name NULL: ports of neither. */
static void print_ports_of(const struct overview *o, const char *member, const char *name)
{
	size_t i;
	json_t *port;

	json_array_foreach (o->ports, i, port) {
		json_t *object = json_object_get(port, "object");
		const char *at = json_string_value(json_object_get(object, member));
		bool free_standing = json_object_get(object, "network") == NULL &&
				     json_object_get(object, "bridge") == NULL;

		if (name != NULL ? at != NULL && strcmp(at, name) == 0 : free_standing)
			print_port(port, o->stats);
	}
}

static void print_overview(const struct overview *o)
{
	size_t i;
	json_t *row;
	char value[512];

	json_array_foreach (o->networks, i, row) {
		printf("network %s  vni %" JSON_INTEGER_FORMAT "\n", text(row, "name"),
		    json_integer_value(json_object_get(json_object_get(row, "object"), "vni")));
		print_ports_of(o, "network", text(row, "name"));
	}
	json_array_foreach (o->bridges, i, row) {
		printf("bridge %s\n", text(row, "name"));
		print_ports_of(o, "bridge", text(row, "name"));
	}
	if (json_array_size(o->peers) > 0)
		printf("tunnel peers\n");
	json_array_foreach (o->peers, i, row) {
		json_t *object = json_object_get(row, "object"),
		       *networks = json_object_get(object, "networks");
		printf("    %-16s %-17s networks %s\n", text(row, "name"),
		    text(object, "remote_ip"),
		    networks != NULL ? out_value(networks, value, sizeof(value)) : "");
	}
	printf("other ports\n");
	print_ports_of(o, NULL, NULL);
	if (o->stats == NULL)
		printf("sluice-switch is not connected: no states and counters (see \"sluice "
		       "status\")\n");
}

static int collect(struct cli *cli, struct overview *o)
{
	const struct {
		const char *table;
		json_t **ret;
	} lists[] = {{"network", &o->networks}, {"bridge", &o->bridges}, {"port", &o->ports},
	    {"tunnel_peer", &o->peers}};
	json_t *stats;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		int rc = cli_list(cli, lists[i].table, lists[i].ret);
		if (rc != EXIT_OK)
			return rc;
	}
	int rc = cli_call(cli, "sys.health", NULL, &o->health);
	if (rc != EXIT_OK || !json_is_true(json_object_get(o->health, "switch_connected")))
		return rc;
	rc = cli_call(cli, "stats.get", json_pack("{s:s}", "table", "port"), &stats);
	if (rc == EXIT_OK) {
		o->stats = json_incref(json_object_get(stats, "ports"));
		json_decref(stats);
	}
	return rc;
}

int cmd_show(struct cli *cli, const struct command *cmd, int argc, char **)
{
	struct overview o = {0};

	if (argc > 0)
		return cli_usage(
		    cli, cmd, "show takes no arguments; \"sluice port show NAME\" shows one");
	int rc = collect(cli, &o);
	if (rc == EXIT_OK && cli->json) {
		json_t *all = json_pack("{s:O?,s:O?,s:O?,s:O?,s:O?}", "networks", o.networks,
		    "bridges", o.bridges, "ports", o.ports, "tunnel_peers", o.peers, "port_stats",
		    o.stats);
		out_json(cli, all);
		json_decref(all);
	} else if (rc == EXIT_OK) {
		print_overview(&o);
	}
	json_t *const owned[] = {o.networks, o.bridges, o.ports, o.peers, o.stats, o.health};
	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		json_decref(owned[i]);
	return rc;
}

int cmd_status(struct cli *cli, const struct command *cmd, int argc, char **)
{
	json_t *result;

	if (argc > 0)
		return cli_usage(cli, cmd, "status takes no arguments");
	int rc = cli_call(cli, "sys.health", NULL, &result);
	if (rc != EXIT_OK)
		return rc;
	if (cli->json)
		out_json(cli, result);
	else
		out_members(result);
	rc = json_is_false(json_object_get(result, "ok")) ? EXIT_REFUSED : EXIT_OK;
	json_decref(result);
	return rc;
}
