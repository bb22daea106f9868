/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/log.h"
#include "ovsdb-lite/serve.h"

enum { EXIT_USAGE = 2 };

static const struct option long_options[] = {
    {"schema", required_argument, NULL, 's'},
    {"db", required_argument, NULL, 'd'},
    {"listen", required_argument, NULL, 'l'},
    {"unixctl", required_argument, NULL, 'u'},
    {"pidfile", required_argument, NULL, 'P'},
    {"log-file", required_argument, NULL, 'L'},
    {"log-level", required_argument, NULL, 'v'},
    {"private-key", required_argument, NULL, 'p'},
    {"certificate", required_argument, NULL, 'c'},
    {"ca-cert", required_argument, NULL, 'C'},
    {"peer-ca-cert", required_argument, NULL, 'A'},
    {"ssl-protocols", required_argument, NULL, 'o'},
    {"ssl-ciphers", required_argument, NULL, 'i'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static const char help_text[] =
    "usage: ovsdb-lite serve [--schema SCHEMA]... --db FILE ... [--listen REMOTE]... [OPTION]...\n"
    "\n"
    "Serves the databases in FILEs to OVSDB clients (RFC 7047), in the foreground.\n"
    "\n"
    "  --db FILE           made when it is absent, of the --schema options before it\n"
    "  --schema SCHEMA     a .ovsschema file; without one FILE must be there\n"
    "  --listen REMOTE     punix:PATH, ptcp:PORT[:IP], pssl:PORT[:IP]: clients connect to it (port "
    "0: "
    "any,\n"
    "                      and logged); unix:PATH, tcp:IP:PORT, ssl:IP:PORT: it connects;\n"
    "                      db:DATABASE,TABLE,COLUMN: those in that column. IPv6 in brackets\n"
    "  --unixctl PATH      control socket, for ovs-appctl -t PATH COMMAND; made last\n"
    "  --pidfile FILE      holds the process id\n"
    "  --log-file FILE     instead of standard error\n"
    "  --log-level LEVEL   err, warn, info or debug (default info)\n"
    "  --help              print this text and exit\n"
    "\n"
    "TLS, for pssl: and ssl:; both sides show a certificate. FILE may be "
    "db:DATABASE,TABLE,COLUMN:\n"
    "  --private-key FILE  --certificate FILE  --ca-cert FILE   PEM; read again when they change\n"
    "  --peer-ca-cert FILE      shown after the certificate\n"
    "  --ssl-protocols LIST     TLSv1.2, TLSv1.3 (default both)\n"
    "  --ssl-ciphers LIST       OpenSSL's names, for TLS 1.2\n";

static int set_option(struct ovsdb_serve_options *o, int c);
static int add_file(struct ovsdb_serve_options *o);
static int refuse(const char *what);

int ovsdb_serve_options_parse(struct ovsdb_serve_options *o, int argc, char *const argv[])
{
	int c;
	*o = (struct ovsdb_serve_options){.log_level = LOG_LVL_INFO};
	optind = 1;
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		int rc = set_option(o, c);
		if (rc >= 0)
			return rc;
	}
	if (optind < argc)
		return refuse("takes options only");
	struct ovsdb_serve_file *next = &o->files[o->n_files];
	if (next->n_schemas == 0)
		return -1;
	/* Schemas after the only --db belong to it. */
	if (o->n_files != 1 || o->files[0].n_schemas > 0)
		return refuse("--schema goes before the --db that is made of it");
	const char *path = o->files[0].path;
	o->files[0] = *next;
	o->files[0].path = path;
	*next = (struct ovsdb_serve_file){0};
	return -1;
}

static int set_option(struct ovsdb_serve_options *o, int c)
{
	enum log_level level;
	struct ovsdb_serve_file *next = &o->files[o->n_files];
	switch (c) {
	case 's':
		if (next->n_schemas == OVSDB_SERVE_MAX_SCHEMAS)
			return refuse("has too many --schema for one --db");
		next->schemas[next->n_schemas++] = optarg;
		return -1;
	case 'd': return add_file(o);
	case 'l':
		if (o->n_remotes == OVSDB_SERVE_MAX_FILES)
			return refuse("has too many --listen");
		o->remotes[o->n_remotes++] = optarg;
		return -1;
	case 'u': o->unixctl = optarg; return -1;
	case 'P': o->pidfile = optarg; return -1;
	case 'L': o->log_file = optarg; return -1;
	case 'v':
		if (log_level_parse(optarg, &level) != 0)
			return refuse("--log-level takes err, warn, info or debug");
		o->log_level = (int)level;
		return -1;
	case 'p': o->tls.private_key = optarg; return -1;
	case 'c': o->tls.certificate = optarg; return -1;
	case 'C': o->tls.ca_cert = optarg; return -1;
	case 'A': o->tls.peer_ca_cert = optarg; return -1;
	case 'o': o->tls.protocols = optarg; return -1;
	case 'i': o->tls.ciphers = optarg; return -1;
	case 'h': fputs(help_text, stdout); return EXIT_SUCCESS;
	default: fputs("hint: ovsdb-lite serve --help\n", stderr); return EXIT_USAGE;
	}
}

static int add_file(struct ovsdb_serve_options *o)
{
	if (o->n_files == OVSDB_SERVE_MAX_FILES - 1)
		return refuse("has too many --db");
	o->files[o->n_files++].path = optarg;
	return -1;
}

static int refuse(const char *what)
{
	fprintf(stderr, "ovsdb-lite: serve %s\nhint: ovsdb-lite serve --help\n", what);
	return EXIT_USAGE;
}
