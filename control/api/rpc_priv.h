/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What rpc.c (messages, requests, replies) and rpc_conn.c (sockets, buffers, time limits) know of each other.
 *
 * Threads: sluiced's loop. Memory: the server owns connections, a connection its message until it closes; then the
 * message belongs to its running request.
 */
#include <event2/buffer.h>
#include <sys/types.h>

#include "control/api/json_line.h"
#include "control/api/rpc.h"
#include "datapath/base/buf.h"
#include "datapath/base/list.h"

struct rpc_message;

struct rpc_conn {
	struct list node;
	struct rpc_server *server;
	uint64_t token;
	int fd;
	uid_t uid;
	enum rpc_role role;
	char client[48]; // "uid 0 pid 12"

	struct event *read_event, *write_event, *run_event;
	char *in;
	size_t in_size, in_capacity;
	size_t in_scanned; // bytes known to hold no line end
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

/* rpc_conn.c */
void rpc_conn_send(struct rpc_conn *c, const void *data, size_t size);
/* An error that belongs to no request. */
void rpc_conn_send_error(struct rpc_conn *c, const struct err *err);
/* Goes on with the lines that wait, from the loop. */
void rpc_conn_wake(struct rpc_conn *c);
