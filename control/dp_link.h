/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The connection to sluice-switch: tries for ever, frames messages, finds the request that a reply belongs to. Malformed
 * messages and late replies end the connection. What is said over it is dp_client.h's.
 *
 * Threads: sluiced's loop (libevent). Memory: replies and events are borrowed during the callback.
 */
#include <event2/event.h>

#include "datapath/dp_proto.h"

struct dp_link;

struct dp_link_events {
	void (*on_open)(void *arg);
	void (*on_close)(void *arg); // before those who wait for a reply are told
	void (*on_event)(const struct dp_msg *msg, const uint8_t *body, void *arg);
	void *arg;
};

/*
 * error 0: body is the reply's. Negative errno: -ENOTCONN, or what the switch said: then body is its struct dp_error and
 * what is in words.
 */
typedef void dp_reply_cb(int error, const void *body, size_t size, const char *what, void *arg);

struct dp_link *dp_link_create(
    struct event_base *base, const char *socket_path, const struct dp_link_events *events);
void dp_link_destroy(struct dp_link *l);
/* 0: cb will be called, not before this returns. -ENOTCONN, -EAGAIN, or another -errno of the socket. Body is copied. */
MUST_CHECK
int dp_link_send(struct dp_link *l, enum dp_msg_type type, const void *body, size_t size,
    dp_reply_cb *cb, void *arg);
/* Ends the connection, if there is one, and tries again later; why NULL: on purpose, and for good. */
void dp_link_drop(struct dp_link *l, const char *why);
/* All is well: the next loss is followed by a quick attempt, and is said. */
void dp_link_settle(struct dp_link *l);
const char *dp_link_last_error(const struct dp_link *l); // since it was well; ""
