/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What rpc.c (messages, requests, replies), rpc_conn.c (a connection's bytes and lines), rpc_server.c (the local socket, limits,
 * time) and rpc_tls.c (handshakes) know of each other.
 *
 * Threads: sluiced's loop. Memory: the server owns connections, a connection its message until it closes; then the
 * message belongs to its running request.
 */
#include <event2/buffer.h>
#include <sys/types.h>

#include "control/api/json_line.h"
#include "control/api/rpc.h"
#include "control/api/rpc_tls.h"
#include "datapath/base/buf.h"
#include "datapath/base/list.h"
#include "ovsdb-lite/link.h"

struct rpc_message;

/* Who is at the other end, as the kernel or a certificate says. */
struct rpc_peer {
	char who[ROLE_NAME_SIZE];     // connections are counted by it
	char client[RPC_CLIENT_SIZE]; // for logs: "uid 0 pid 12 (admin)"
	struct role role;
	bool is_root;      // as many connections as it likes
	int64_t expires_s; // of its certificate, since 1970; 0: never
};

struct rpc_conn {
	struct list node;
	struct rpc_server *server;
	uint64_t token;
	struct ovsdb_link link;
	struct rpc_peer peer;

	struct event *read_event, *write_event, *run_event;
	char *in;
	size_t in_size, in_capacity; // the capacity is charged
	size_t in_scanned;           // bytes known to hold no line end
	struct evbuffer *out;

	struct rpc_message *message; // that runs; lines wait meanwhile
	uint64_t active_ms;          // last byte in or out
	uint64_t partial_since_ms;   // 0: no line has begun
	uint32_t n_strikes;
	bool is_subscriber; // idle is no fault
	bool at_end;        // the client sends no more
	bool closing;       // once the output is written
	bool broken;        // a write failed
};

struct rpc_server {
	struct event_base *base;
	struct daemon *daemon;
	struct event *listen_event, *tick_event;
	int listen_fd;
	char path[108];
	struct role_rules rules;
	struct rpc_tls *tls; // NULL: local clients only
	size_t charged;      // of limits.memory_size, beside the output of connections
	struct list conns;
	uint32_t n_conns;
	uint64_t last_token;
	struct rpc_limits limits;
	struct rpc_counters counters;
	void (*on_close)(uint64_t token, void *arg);
	void *on_close_arg;
};

/* rpc.c */
/* Runs the message in a line (which is written to). c->message is set afterwards when it waits for a handler. */
void rpc_message_start(struct rpc_conn *c, char *line, size_t size);
/* The connection has gone: what runs is finished, the rest of a batch is not begun. */
void rpc_message_orphan(struct rpc_message *m);

/* rpc_server.c */
/* A new connection of peer, or a refusal. Takes link. */
void rpc_conn_accept(struct rpc_server *s, struct ovsdb_link *link, const struct rpc_peer *peer);
/* Says why on a link that is to be closed. */
void rpc_refuse(struct ovsdb_link *link, const struct err *err);
/* What a client of this role may still use of the memory of all. */
size_t rpc_memory_left(const struct rpc_server *s, const struct role *role);

/* rpc_conn.c */
void rpc_conn_create(
    struct rpc_server *s, const struct ovsdb_link *link, const struct rpc_peer *peer);
void rpc_conn_destroy(struct rpc_conn *c);
/* Time has passed: ends lines that are not finished and clients that say nothing. */
void rpc_conn_tick(struct rpc_conn *c, uint64_t now_ms);
void rpc_conn_send(struct rpc_conn *c, const void *data, size_t size);
/* An error that belongs to no request. */
void rpc_conn_send_error(struct rpc_conn *c, const struct err *err);
/* Goes on with the lines that wait, from the loop. */
void rpc_conn_wake(struct rpc_conn *c);
