/* SPDX-License-Identifier: Apache-2.0 */
#include "control/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXIT_USAGE = 2, MIN_MEMORY_MIB = 16, MAX_MEMORY_MIB = 65536 };

static const struct option long_options[] = {
    {"rundir", required_argument, NULL, 'r'},
    {"state", required_argument, NULL, 's'},
    {"log-level", required_argument, NULL, 'l'},
    {"role", required_argument, NULL, 'R'},
    {"client-memory", required_argument, NULL, 'm'},
    {"listen-tls", required_argument, NULL, 't'},
    {"tls-cert", required_argument, NULL, 'c'},
    {"tls-key", required_argument, NULL, 'k'},
    {"tls-ca", required_argument, NULL, 'a'},
    {"ovsdb", required_argument, NULL, 'o'},
    {"no-ovsdb", no_argument, NULL, 'O'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static const char help_text[] =
    "usage: sluiced [OPTION...]\n"
    "\n"
    "The control daemon of Sluice: serves the JSON-RPC API and programs sluice-switch.\n"
    "\n"
    "  --rundir DIR             where api.sock is made and switch.sock is (default /run/sluice)\n"
    "  --state DIR              what is to survive, in sluice.db (default /var/lib/sluice)\n"
    "  --log-level LEVEL        err, warn, info or debug (default info)\n"
    "  --client-memory MIB      what all clients together may make it hold (default 512)\n"
    "  --version                print the version and exit\n"
    "  --help                   print this text and exit\n"
    "\n"
    "Who may do what (repeat it; the first rule that fits counts):\n"
    "  --role WHO=ROLE          WHO:  uid:USER, gid:GROUP (names or numbers), or a name in a "
    "client's\n"
    "                                 certificate: cert:DNS:NAME, cert:URI:NAME, cert:email:NAME\n"
    "                           ROLE: read; owner:NAME, which may change what that owner has;\n"
    "                                 operate, which may change all; admin\n"
    "  Without a rule group sluice may operate, other local users may read, a certificate may "
    "nothing.\n"
    "  Root and the daemon's own user are always admin.\n"
    "\n"
    "The API over the network (off without --listen-tls; TLS 1.3, and clients need a "
    "certificate):\n"
    "  --listen-tls ADDR:PORT   numbers: 192.0.2.1:9443, [2001:db8::1]:9443\n"
    "  --tls-cert FILE          the daemon's certificate, PEM; SIGHUP reads the three files again\n"
    "  --tls-key FILE           its private key\n"
    "  --tls-ca FILE            the CA that signs the clients' certificates\n"
    "\n"
    "The database Open_vSwitch, for ovs-vsctl and others:\n"
    "  --ovsdb REMOTE           where it is served (repeat it; default punix:RUNDIR/db.sock), as "
    "ovsdb-server\n"
    "                           has it: punix:PATH, ptcp:PORT[:IP], pssl:PORT[:IP], unix:, tcp:, "
    "ssl:;\n"
    "                           rows of Manager add to it, and the SSL row has the certificates\n"
    "  --no-ovsdb               it is not served, and what it has in the switch stays\n";

static int set_option(struct options *o, int c);
static int refuse(const char *option, const char *what);
static int check_tls(const struct options *o);

int options_parse(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		int rc = set_option(o, c);
		if (rc >= 0)
			return rc;
	}
	if (optind == argc)
		return check_tls(o);
	fprintf(
	    stderr, "sluiced: unexpected argument \"%s\"\nhint: sluiced --help\n", argv[optind]);
	return EXIT_USAGE;
}

static int set_option(struct options *o, int c)
{
	struct err err = {0};
	char *end;

	switch (c) {
	case 'r': o->rundir = optarg; return -1;
	case 's': o->state = optarg; return -1;
	case 't': o->listen_tls = optarg; return -1;
	case 'c': o->tls.cert = optarg; return -1;
	case 'k': o->tls.key = optarg; return -1;
	case 'a': o->tls.ca = optarg; return -1;
	case 'l':
		if (log_level_parse(optarg, &o->log_level) == 0)
			return -1;
		return refuse("log-level", "takes err, warn, info or debug");
	case 'R':
		if (role_rules_add(&o->roles, optarg, &err) == 0)
			return -1;
		fprintf(stderr, "sluiced: --role %s: %s\nhint: %s\n", optarg, err.what,
		    err.hint[0] != '\0' ? err.hint : "sluiced --help");
		return EXIT_USAGE;
	case 'm':
		o->client_memory_mib = strtoul(optarg, &end, 10);
		if (optarg[0] >= '0' && optarg[0] <= '9' && *end == '\0' &&
		    o->client_memory_mib >= MIN_MEMORY_MIB &&
		    o->client_memory_mib <= MAX_MEMORY_MIB)
			return -1;
		return refuse("client-memory", "takes MiB, 16 to 65536");
	case 'o':
		if (o->ovsdb.n_remotes == VSWITCH_MAX_REMOTES)
			return refuse("ovsdb", "is given too often");
		o->ovsdb.remotes[o->ovsdb.n_remotes++] = optarg;
		return -1;
	case 'O': o->no_ovsdb = true; return -1;
	case 'V': printf("sluiced %s\n", SLUICE_VERSION); return EXIT_SUCCESS;
	case 'h': fputs(help_text, stdout); return EXIT_SUCCESS;
	default: fputs("hint: sluiced --help\n", stderr); return EXIT_USAGE; // getopt has said what
	}
}

static int refuse(const char *option, const char *what)
{
	fprintf(stderr, "sluiced: --%s %s, not \"%s\"\n", option, what, optarg);
	return EXIT_USAGE;
}

/* All or nothing: half of it would be a listener that nobody can reach, or files that nobody reads. */
static int check_tls(const struct options *o)
{
	int n = (o->listen_tls != NULL) + (o->tls.cert != NULL) + (o->tls.key != NULL) +
		(o->tls.ca != NULL);

	if (n == 0 || n == 4)
		return -1;
	fputs("sluiced: --listen-tls, --tls-cert, --tls-key and --tls-ca go together\n"
	      "hint: sluiced --help\n",
	    stderr);
	return EXIT_USAGE;
}
