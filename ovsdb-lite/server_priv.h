/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the server's files share: databases being served, sessions, and the batch of a pass.
 *
 * Threads: the loop's. Memory: the server owns all of it.
 */
#include "datapath/base/list.h"
#include "ovsdb-lite/change_set.h"
#include "ovsdb-lite/conn.h"
#include "ovsdb-lite/history.h"
#include "ovsdb-lite/server.h"

enum { OVSDB_SESSION_NAME_SIZE = 160 };

/* A database that clients can name. */
struct ovsdb_served {
	struct list node; // by name
	struct ovsdb_server *server;
	struct ovsdb_db *db;
	struct ovsdb_storage *storage; // NULL: in memory only
	struct list monitors;          // of all sessions
	struct list waiting;           // transactions, oldest first
	struct list shapes;            // of monitors: shape.h
	struct ovsdb_change_sets sets;
	struct ovsdb_history history;
	/* What monitors of one shape were told at first, the latest: as long as nothing changes. */
	struct ovsdb_shared_text *initial;
	uint64_t initial_shape;  // its serial
	uint8_t *changed_tables; // by number; in the batch that is being told
	bool is_fixed;           // its schema stays: the user holds on to it
	bool is_reserved;        // the user alone writes it
	bool changed;            // in the batch that is being told
	bool is_refused;         // the batch's changes of it were undone
};

struct ovsdb_lock; // lock.c

struct ovsdb_server_counters {
	uint64_t n_accepted, n_refused, n_handshakes_failed, n_protocol_errors;
	uint64_t n_batches, n_txns, n_flush_failed;
};

struct ovsdb_server {
	struct event_base *base;
	struct ovsdb_server_limits limits;
	struct ovsdb_server_limits hits; // how often each limit was met
	struct ovsdb_server_events events;
	struct ovsdb_server_counters counters;
	struct ovsdb_conn_limits conn_limits;
	struct ovsdb_input_budget budget;
	struct ovsdb_uuid id;
	struct list dbs;
	struct ovsdb_served *own; // _Server
	struct list remotes;
	struct list ended; // sessions to be freed
	struct hmap locks;
	unsigned int n_sessions, n_handshakes;
	unsigned int n_monitors, n_waiting;
	size_t kept;            // of kept_total
	struct ssl_ctx_st *tls; // NULL: none
	struct list batch;      // struct ovsdb_batch_item
	size_t batch_size;      // bytes of its changes
	struct event *pass_end; // active when there is something to do at the end of the pass
	struct event *tick;
	uint64_t log_ms;                // of the latest line about clients
	unsigned int n_log, n_unlogged; // lines: that may follow, that were left out
	bool monitor_cond_disabled;
	bool in_flush;
};

struct ovsdb_remote;

struct ovsdb_session {
	struct list node;
	struct ovsdb_server *server;
	struct ovsdb_remote *remote; // NULL once it is gone
	struct ovsdb_conn *conn;
	char name[OVSDB_SESSION_NAME_SIZE];
	bool is_read_only;
	bool is_change_aware;
	bool has_ended;
	bool in_handshake;
	unsigned int n_held; // answers in the batch
	struct list monitors;
	unsigned int n_monitors;
	struct list lock_waiters;
	unsigned int n_locks;
	size_t kept;         // of kept_size
	struct list waiting; // transactions
	unsigned int n_waiting;
};

/* A request, while it is looked at. All borrowed. */
struct ovsdb_call {
	const char *method;
	json_t *params; // an array
	json_t *id;
	struct ovsdb_served *served; // of methods that name a database
};

/* server.c */
struct ovsdb_served *ovsdb_server_find_served(const struct ovsdb_server *s, const char *name);
struct ovsdb_served *ovsdb_server_served_of(
    const struct ovsdb_server *s, const struct ovsdb_db *db);
/* A line about what a client did may be written: strangers must not fill the log. */
bool ovsdb_server_may_log(struct ovsdb_server *s);
/* Something is to be done at the end of the pass. */
void ovsdb_server_wake(struct ovsdb_server *s);
void ovsdb_served_forget_initial(struct ovsdb_served *served);
/* served's database is another one, of another schema, from now on; the former is destroyed. */
void ovsdb_served_replace(struct ovsdb_served *served, struct ovsdb_db *db);

/* session.c. */
struct ovsdb_session *ovsdb_session_create(struct ovsdb_server *server, struct ovsdb_remote *remote,
    struct ovsdb_link link, bool is_connecting, const char *name);
/* Ends it if it has not ended, and frees it at the end of the pass. */
void ovsdb_session_end(struct ovsdb_session *s, const char *why);
void ovsdb_session_destroy(struct ovsdb_session *s);
/* An answer; result is taken. */
void ovsdb_session_reply(struct ovsdb_session *s, const json_t *id, json_t *result);
/* An answer that is an error; error is taken. */
void ovsdb_session_refuse(struct ovsdb_session *s, const json_t *id, struct ovsdb_error *error);
/* An answer whose error is a word. */
void ovsdb_session_fail(struct ovsdb_session *s, const json_t *id, const char *word);
/* params is taken. */
void ovsdb_session_notify(struct ovsdb_session *s, const char *method, json_t *params);
/* The bytes of a message, behind what is due before it. */
void ovsdb_session_send(struct ovsdb_session *s, const struct buf_writer *text);
/* The same, not behind the batch. */
void ovsdb_session_send_now(struct ovsdb_session *s, const void *data, size_t size);
/* Charges what the session makes the server keep, for ovsdb_session_give, or there is an error. */
MUST_CHECK
struct ovsdb_error *ovsdb_session_keep(struct ovsdb_session *s, size_t size);
/* Of the request that is being looked at. */
size_t ovsdb_session_request_size(const struct ovsdb_session *s);
void ovsdb_session_give(struct ovsdb_session *s, size_t size);
struct ovsdb_error *ovsdb_session_at_limit(uint32_t *hits, const char *what);

/* batch.c */
/* Takes the reference. */
void ovsdb_batch_add_changes(struct ovsdb_served *served, struct ovsdb_changes *changes);
/* The same of what is on disk already. */
void ovsdb_batch_add_durable(struct ovsdb_served *served, struct ovsdb_changes *changes);
/* An answer to be sent when the batch is durable; served: the transaction's, whose failure is added to the result; else NULL. */
void ovsdb_batch_add_reply(struct ovsdb_session *s, struct ovsdb_served *served,
    const struct buf_writer *head, const struct buf_writer *result, size_t n_results);
void ovsdb_batch_forget_session(struct ovsdb_session *s);
bool ovsdb_batch_is_open(const struct ovsdb_server *s);
void ovsdb_batch_flush(struct ovsdb_server *s);
/* Also what waiting transactions did because of it: nothing is pending afterwards. */
void ovsdb_batch_flush_all(struct ovsdb_server *s);

/* transact.c */
void ovsdb_transact(struct ovsdb_session *s, const struct ovsdb_call *call);
/* The database changed: transactions that wait are tried again. */
void ovsdb_transact_retry(struct ovsdb_served *served);
/* Of the session, of the database, or (both NULL members matter not) of both; says "canceled" to those who can be told. */
void ovsdb_transact_cancel_all(struct ovsdb_session *s, struct ovsdb_served *served);
void ovsdb_transact_cancel(struct ovsdb_session *s, const json_t *id);
void ovsdb_convert(struct ovsdb_session *s, const struct ovsdb_call *call);

/* lock.c */
void ovsdb_lock_release_all(struct ovsdb_session *s);
bool ovsdb_lock_is_held(void *session, const char *name); // by the session
void ovsdb_lock_destroy_all(struct ovsdb_server *s);
void ovsdb_lock_format(const struct ovsdb_session *s, struct ovsdb_remote_status *ret);

/* monitor.c */
void ovsdb_monitor_send_updates(struct ovsdb_session *s);
void ovsdb_monitor_send_updates_of(struct ovsdb_served *served);
/* All of the session's, or all of the database's, which are told of it when they can be. */
void ovsdb_monitor_cancel_session(struct ovsdb_session *s);
void ovsdb_monitor_cancel_db(struct ovsdb_served *served);
/* Ends the sessions that this set waits for. Not in a request. */
void ovsdb_monitor_end_readers(struct ovsdb_served *served, const struct ovsdb_change_set *set);

/* trim.c */
void ovsdb_server_trim(struct ovsdb_server *s);

/* server_db.c */
int ovsdb_server_db_create(struct ovsdb_server *s);
/* Its rows follow what is served. */
void ovsdb_server_db_update(struct ovsdb_server *s);

/* remote.c */
void ovsdb_remote_destroy_all(struct ovsdb_server *s);
void ovsdb_remote_tick(struct ovsdb_server *s, uint64_t now_ms);
void ovsdb_remote_on_end(struct ovsdb_session *s, const char *why);
void ovsdb_remote_on_open(struct ovsdb_session *s);
void ovsdb_remote_foreach_session(
    struct ovsdb_server *s, void (*visit)(struct ovsdb_session *session, void *arg), void *arg);
