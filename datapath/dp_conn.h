/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One client of the dp socket: whole messages in, replies and events out, never waiting for it. While replies are queued
 * no further request is read, so a client that does not read holds up only itself; events that find
 * too much queued are dropped and counted.
 *
 * Threads: the loop's. Memory: dp_conn_create takes fd; dp_conn_destroy closes it.
 */
#include "datapath/dp_proto.h"
#include "datapath/evloop.h"

struct dp_conn;

struct dp_conn_handler {
	/*
	 * A well-formed message; body (8-byte aligned) is valid during the call and does not change. Negative: the client is
	 * not worth talking to; on_close follows. Must not destroy the connection itself.
	 */
	int (*on_message)(struct dp_conn *c, const struct dp_msg *msg, const void *body, void *arg);
	/* Ended by the client, by on_message or by an error. The handler destroys it. */
	void (*on_close)(struct dp_conn *c, void *arg);
	void *arg;
};

enum { DP_CONN_MAX_EVENTS_SIZE = 512 * 1024 }; // bytes queued from which events are dropped

/* 0 or -errno; fd is closed then, too. */
MUST_CHECK
int dp_conn_create(
    struct evloop *loop, int fd, const struct dp_conn_handler *handler, struct dp_conn **ret);
void dp_conn_destroy(struct dp_conn *c); // accepts NULL
/* Sends or queues the answer to seq; in a sealed memfd when large. 0 or -errno. */
MUST_CHECK
int dp_conn_reply(struct dp_conn *c, uint32_t type, uint32_t seq, const void *body, size_t size);
/* Sends, queues or drops. The body is the two parts; they fit DP_INLINE_MAX. */
void dp_conn_event(struct dp_conn *c, uint32_t type, const void *head, size_t head_size,
    const void *tail, size_t tail_size);
uint64_t dp_conn_n_events_dropped(const struct dp_conn *c);
