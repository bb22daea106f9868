/* SPDX-License-Identifier: Apache-2.0 */
/* sluice: the command line of the switch. Speaks only JSON-RPC to sluiced. */
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli/command.h"
#include "tools/cli/complete.h"
#include "tools/cli/rpc_client.h"

static const struct option options[] = {
    {"json", no_argument, NULL, 'j'},
    {"pretty", no_argument, NULL, 'p'},
    {"socket", required_argument, NULL, 's'},
    {"connect", required_argument, NULL, 'c'},
    {"cert", required_argument, NULL, 'C'},
    {"key", required_argument, NULL, 'K'},
    {"ca", required_argument, NULL, 'A'},
    {"timeout", required_argument, NULL, 't'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {"bash-complete", no_argument, NULL, 'B'},
    {0},
};

static int bad_option(const struct cli *cli, const char *what)
{
	struct err err = {0};

	err_set(&err, ERR_PARAMS, "%s", what);
	err_hint(&err, "\"sluice help\" lists the options");
	cli_fail(cli, &err);
	return EXIT_USAGE;
}

static int parse_timeout(struct cli *cli, const char *s)
{
	char *end;
	double seconds = strtod(s, &end);

	if (end == s || *end != '\0' || !(seconds > 0 && seconds <= 86400))
		return bad_option(cli, "--timeout takes seconds, over 0 and up to 86400");
	cli->timeout_ms = (unsigned int)(seconds * 1000);
	return EXIT_OK;
}

/* Returns the exit code to end with, or -1 to go on; optind is then at the command. */
static int parse_options(struct cli *cli, int argc, char **argv)
{
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:jps:t:Vh", options, NULL)) != -1) {
		switch (c) {
		case 'j': cli->json = true; break;
		case 'p': cli->pretty = true; break;
		case 's':
			cli->socket_path = optarg;
			cli->connect = NULL;
			break;
		case 'c': cli->connect = optarg; break;
		case 'C': cli->cert = optarg; break;
		case 'K': cli->key = optarg; break;
		case 'A': cli->ca = optarg; break;
		case 't':
			if (parse_timeout(cli, optarg) != EXIT_OK)
				return EXIT_USAGE;
			break;
		case 'V': printf("sluice %s\n", SLUICE_VERSION); return EXIT_OK;
		case 'h': return cmd_help(cli, NULL, 0, NULL);
		case 'B': return complete_bash(cli);
		case ':': return bad_option(cli, "the last option needs a value");
		default: {
			char what[128];
			snprintf(what, sizeof(what), "unknown option \"%s\"", argv[optind - 1]);
			return bad_option(cli, what);
		}
		}
	}
	return -1;
}

int main(int argc, char **argv)
{
	const char *env = getenv("SLUICE_SOCKET");
	struct cli cli = {
	    .socket_path = env != NULL ? env : "/run/sluice/api.sock",
	    .connect = getenv("SLUICE_CONNECT"),
	    .cert = getenv("SLUICE_CERT"),
	    .key = getenv("SLUICE_KEY"),
	    .ca = getenv("SLUICE_CA"),
	    .timeout_ms = 5000,
	};
	struct err err = {0};
	int n_words = 0;

	setlocale(LC_ALL, "");
	signal(SIGPIPE, SIG_IGN); // a write to a closed connection is an error like others
	int rc = parse_options(&cli, argc, argv);
	if (rc >= 0)
		return rc;
	argc -= optind;
	argv += optind;
	if (argc == 0) {
		cmd_help(&cli, NULL, 0, NULL);
		return EXIT_USAGE;
	}
	const struct command *cmd = command_find(argc, argv, &n_words, &err);
	if (cmd == NULL) {
		cli_fail(&cli, &err);
		return EXIT_USAGE;
	}
	rc = cmd->handler(&cli, cmd, argc - n_words, argv + n_words);
	rpc_client_close(&cli);
	return fflush(stdout) == 0 ? rc : EXIT_REFUSED;
}
