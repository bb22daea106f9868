/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A server in this process, on a socket of its own, and clients that the test drives: the loop runs only while a client waits.
 *
 * Threads: one. Memory: fini frees; messages are the caller's.
 */
#include <jansson.h>

#include "ovsdb-lite/server.h"

enum { FIXTURE_CLIENTS = 128, FIXTURE_PATH = 100 };

struct server_client {
	int fd; // -1: closed
	char *data;
	size_t size, capacity;
};

struct server_fixture {
	struct event_base *base;
	struct ovsdb_server *server;
	struct ovsdb_storage *storage; // NULL: in memory only
	struct ovsdb_db *db;
	char dir[FIXTURE_PATH];
	char remote[FIXTURE_PATH + 16];
	struct server_client clients[FIXTURE_CLIENTS];
};

/* limits, events, io: NULL for the usual ones. The database is "t", with tables "r" (root) and "c". */
void server_fixture_init(struct server_fixture *f, const struct ovsdb_server_limits *limits,
    const struct ovsdb_server_events *events, bool durable, const struct ovsdb_journal_io *io);
void server_fixture_fini(struct server_fixture *f);
/* The database from its file again, as after a restart; who does not know of set_db_change_aware is disconnected. */
void server_fixture_reload(struct server_fixture *f);
/* The loop, once or until nothing happens for a moment. */
void server_run(struct server_fixture *f);
/* i: which client; connects it. */
void server_connect(struct server_fixture *f, size_t i);
void server_disconnect(struct server_fixture *f, size_t i);
/* "'" stands for '"'. All of it is sent; the loop runs when the socket is full. */
void server_send(struct server_fixture *f, size_t i, const char *fmt, ...) FORMAT(3, 4);
/* The next message; NULL: the connection was closed, or nothing came for 5 s. */
json_t *server_receive(struct server_fixture *f, size_t i);
/* Its text, compact and sorted, with "'" for '"' and UUIDs as "U", is this. */
void server_expect(struct server_fixture *f, size_t i, const char *text);
/* Nothing has come, or does within a moment. */
void server_expect_nothing(struct server_fixture *f, size_t i);
void server_expect_closed(struct server_fixture *f, size_t i);
/* Sends a request and expects an answer. */
void server_ask(struct server_fixture *f, size_t i, const char *request, const char *answer);
