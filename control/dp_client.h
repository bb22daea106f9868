/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * sluiced's end of the dp socket: connects for ever, reconciles, sends transactions, reads statistics.
 *
 * Threads: sluiced's loop (libevent). Memory: replies are borrowed during the callback.
 */
#include <event2/event.h>

#include "control/model.h"
#include "datapath/dp_proto.h"

struct dp_client;

struct dp_client_events {
	void (*on_state)(bool connected, void *arg); // connected: reconciled and current
	void (*on_port)(const struct dp_port_event *ev, void *arg);
	void (*on_punt)(const struct dp_punt_event *ev, const uint8_t *data, void *arg);
	void (*on_removed)(const struct dp_removed_event *ev, size_t n, void *arg);
	void *arg;
};

/* error 0: body is the reply's. Negative errno: -ENOTCONN, -ETIMEDOUT, or what the switch said (what filled). */
typedef void dp_reply_cb(int error, const void *body, size_t size, const char *what, void *arg);

struct dp_client *dp_client_create(struct event_base *base, const char *socket_path,
    struct model *model, const struct dp_client_events *events);
void dp_client_destroy(struct dp_client *c);
bool dp_client_is_connected(const struct dp_client *c);
const struct dp_hello_reply *dp_client_hello(
    const struct dp_client *c); // of the current or last connection
/* Sends ops as one transaction of the given generation; cb with dp_txn_reply. Not connected: cb at once, -ENOTCONN. */
void dp_client_commit(struct dp_client *c, uint64_t generation, const struct buf_writer *ops,
    uint32_t n_ops, dp_reply_cb *cb, void *arg);
/* Any other request. Body is copied. */
void dp_client_request(struct dp_client *c, enum dp_msg_type type, const void *body, size_t size,
    dp_reply_cb *cb, void *arg);
