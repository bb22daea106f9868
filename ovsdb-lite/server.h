/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Serves databases to clients over sockets (RFC 7047 and ovsdb-server's extensions), on an event loop that the user runs. The user opens the
 * databases and may change them too: its transactions go with those of clients into one write and one fdatasync at the end of the loop's
 * pass, and only then is anybody told of them.
 *
 * SIGPIPE is not raised; signals and exit are the user's business.
 *
 * Threads: the loop's. Memory: the server owns sessions and sockets; databases stay their storages', which live longer than their being served.
 */
#include <event2/event.h>

#include "ovsdb-lite/storage.h"
#include "ovsdb-lite/tls.h"

struct ovsdb_server;
struct ssl_ctx_st;

struct ovsdb_server_limits {
#define SERVER_LIMIT(field, value, help) uint32_t field;
#include "ovsdb-lite/server_limit.def"
#undef SERVER_LIMIT
};

extern const struct ovsdb_server_limits ovsdb_server_default_limits;

/* What the user is told. Members may be NULL. */
struct ovsdb_server_events {
	/* A committed transaction is durable, and clients' updates of it are queued. Another may be begun in here. */
	void (*on_commit)(void *arg, struct ovsdb_changes *changes);
	/* A socket of punix: is bound: mode and owner may be set. */
	void (*on_bind)(void *arg, const char *path);
	/* A passive remote listens: "NAME: listening on port N". */
	void (*on_listen)(void *arg, const char *remote, uint16_t port);
	void *arg;
};

struct ovsdb_server *ovsdb_server_create(struct event_base *base,
    const struct ovsdb_server_limits *limits, const struct ovsdb_server_events *events);
void ovsdb_server_destroy(struct ovsdb_server *s); // NULL is allowed

/* db is of storage, or, with storage NULL, in memory only. Names that begin with "_" are the server's. */
MUST_CHECK
int ovsdb_server_add_db(
    struct ovsdb_server *s, struct ovsdb_db *db, struct ovsdb_storage *storage, struct err *err);
/* Its monitors are cancelled, its waiting transactions too. -ENOENT when it is not served. */
MUST_CHECK
int ovsdb_server_remove_db(struct ovsdb_server *s, const char *name);
/* "convert" is refused: the user holds pointers into the database. -ENOENT when it is not served. */
MUST_CHECK
int ovsdb_server_fix_schema(struct ovsdb_server *s, const char *name);
/* As fix_schema; and clients only read it: the user alone writes. */
MUST_CHECK
int ovsdb_server_reserve_db(struct ovsdb_server *s, const char *name);
struct ovsdb_db *ovsdb_server_find_db(const struct ovsdb_server *s, const char *name); // or NULL

/*
 * Operations as on the wire, without the database's name: [op, …]. The result is as on the wire, a new reference; it is in memory at once,
 * and durable when on_commit is called. A wait that does not hold yet has timed out.
 */
json_t *ovsdb_server_transact(struct ovsdb_server *s, struct ovsdb_db *db, json_t *operations);
/* Commits a prepared transaction of a served database. */
void ovsdb_server_commit(struct ovsdb_server *s, struct ovsdb_txn *txn);
/*
 * Of a served database: committed, and durable already by the user's own flush. Clients are told; the user, who knows, is not. Takes a
 * reference of its own.
 */
void ovsdb_server_tell(struct ovsdb_server *s, struct ovsdb_changes *changes);
/* Makes durable, and tells, what is committed up to here: at once. */
void ovsdb_server_flush(struct ovsdb_server *s);

/* How a remote behaves. */
struct ovsdb_remote_options {
	unsigned int probe_ms;       // of inactivity; 0: none
	unsigned int max_backoff_ms; // between attempts to connect
	bool is_read_only;
};

/* A remote's options when none are said: as ovsdb-server has them. */
struct ovsdb_remote_options ovsdb_remote_default_options(const char *name);

struct ovsdb_remote_conf {
	const char *name; // "ptcp:6640:127.0.0.1"
	struct ovsdb_remote_options options;
};

/*
 * The remotes are these from now on: others end, those that were there stay connected. One that cannot be had is logged, and tried again
 * every few seconds.
 */
void ovsdb_server_set_remotes(
    struct ovsdb_server *s, const struct ovsdb_remote_conf *remotes, size_t n);

struct ovsdb_remote_status {
	bool is_connected;
	unsigned int n_connections;
	uint16_t bound_port; // 0: none
	const char *state;   // "ACTIVE", "BACKOFF" …; NULL: a passive remote
	char last_error[96]; // "" when none
	int64_t connected_s; // since then; -1: never
	int64_t disconnected_s;
	char *locks_held, *locks_waiting, *locks_lost; // for free(); NULL: none
};

/* False when there is no such remote. */
MUST_CHECK
bool ovsdb_server_remote_status(
    const struct ovsdb_server *s, const char *name, struct ovsdb_remote_status *ret);
void ovsdb_remote_status_fini(struct ovsdb_remote_status *status);

/* The files are read at once, and again by reload_tls. An error leaves the former ones. */
MUST_CHECK
int ovsdb_server_set_tls(
    struct ovsdb_server *s, const struct ovsdb_tls_files *files, struct err *err);
/* What was set; borrowed until it is set again. NULL: nothing. */
struct ssl_ctx_st *ovsdb_server_tls(const struct ovsdb_server *s);

/* Nobody else gets this lock, also not by stealing. */
void ovsdb_server_hold_lock(struct ovsdb_server *s, const char *name);

/* Ends sessions: all, or those that do not know of set_db_change_aware. */
void ovsdb_server_reconnect(struct ovsdb_server *s, bool all, const char *why);
/* From now on monitor_cond and monitor_cond_since are unknown methods. */
void ovsdb_server_disable_monitor_cond(struct ovsdb_server *s);
/* Words and numbers for memory/show: "monitors:2 sessions:3 …". */
void ovsdb_server_format_usage(const struct ovsdb_server *s, char *ret, size_t size);
/* For free(): served databases, one a line; limits with how often each was met. */
char *ovsdb_server_format_names(const struct ovsdb_server *s);
char *ovsdb_server_format_limits(const struct ovsdb_server *s);
