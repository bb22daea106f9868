/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The program `ovsdb-lite serve`: databases in files, remotes, control socket, log and pid file, until SIGTERM or "exit".
 *
 * Threads: the program's only one. Memory: all is freed before ovsdb_serve returns.
 */
#include <event2/event.h>

#include "datapath/base/list.h"
#include "ovsdb-lite/control.h"
#include "ovsdb-lite/db_column.h"
#include "ovsdb-lite/server.h"

enum { OVSDB_SERVE_MAX_FILES = 64, OVSDB_SERVE_MAX_SCHEMAS = 16 };

/* A file of databases, as the command line names it. */
struct ovsdb_serve_file {
	const char *path;
	const char *schemas[OVSDB_SERVE_MAX_SCHEMAS]; // made of these when it is absent
	size_t n_schemas;
};

struct ovsdb_serve_options {
	struct ovsdb_serve_file files[OVSDB_SERVE_MAX_FILES];
	size_t n_files;
	const char *remotes[OVSDB_SERVE_MAX_FILES];
	size_t n_remotes;
	const char *unixctl, *pidfile, *log_file;
	struct ovsdb_tls_files tls; // names, or "db:…" columns that have them
	int log_level;
};

/* A file that is open. */
struct ovsdb_serve_storage {
	struct list node;
	struct ovsdb_storage *storage;
	char *path;
};

struct ovsdb_serve {
	const struct ovsdb_serve_options *options;
	struct event_base *base;
	struct ovsdb_server *server;
	struct ovsdb_control *control;
	struct list storages;
	char **remotes; // sorted names
	size_t n_remotes, remotes_capacity;
	struct event *status_timer;
	bool remotes_changed; // those of db: columns may have
	bool wants_tls;       // files are named
	int log_level;
	uint64_t tls_stamp; // of the files that are in force
	char *tls_faults;   // last said
};

/* An exit code. argv[0] is "serve". */
int ovsdb_serve(int argc, char *const argv[]);

/* serve_options.c: -1, or an exit code. */
MUST_CHECK
int ovsdb_serve_options_parse(struct ovsdb_serve_options *o, int argc, char *const argv[]);

/* What commands do. Texts of errors are as ovsdb-server has them. */
MUST_CHECK
int ovsdb_serve_open(struct ovsdb_serve *s, const struct ovsdb_serve_file *file, struct err *err);
MUST_CHECK
int ovsdb_serve_close(struct ovsdb_serve *s, const char *db_name, struct err *err);
/* NULL, or what is wrong, for free(). */
MUST_CHECK
char *ovsdb_serve_add_remote(struct ovsdb_serve *s, const char *name);
/* False: no such remote. */
MUST_CHECK
bool ovsdb_serve_del_remote(struct ovsdb_serve *s, const char *name);
struct ovsdb_serve_storage *ovsdb_serve_storage_of(
    const struct ovsdb_serve *s, const char *db_name); // or NULL
MUST_CHECK
int ovsdb_serve_open_log(const char *path, struct err *err);

/* serve_command.c */
extern const struct ovsdb_control_command ovsdb_serve_commands[];
