/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * sluiced's word with the switch: keeps it equal to the model for ever, sends transactions, reads statistics.
 *
 * A transaction has two phases, so that it can be journalled between them: when prepared, the switch cannot refuse it any more.
 *
 * What the switch refuses of the model all the same (after it was away, or of the underlay) is left out, so that the rest
 * is current; it is listed with the reason, and offered again after 1 s, then less and less often.
 *
 * Threads: sluiced's loop (libevent). Memory: replies are borrowed during the callback.
 */
#include "control/dp_link.h"
#include "control/model.h"

struct dp_client;

enum { DP_MAX_REFUSALS = 64 }; // more: the connection is dropped, and tried again

struct dp_client_events {
	/*
	 * At the first connection, before the model is compared with what the switch holds: its groups, then its rules with
	 * OPENFLOW_RULE, ops of size bytes; then the objects that it has. The model may take them up, since nobody else keeps them.
	 * A connection that is lost meanwhile begins this anew.
	 */
	void (*on_restore)(const uint8_t *ops, size_t size, void *arg);
	void (*on_restored)(const struct dp_dump_entry *held, size_t n_held, void *arg);
	void (*on_state)(bool connected, void *arg); // connected: reconciled and current
	void (*on_port)(const struct dp_port_event *ev, void *arg);
	void (*on_punt)(const struct dp_punt_event *ev, const uint8_t *data, void *arg);
	/* Rules of the model that timed out, now or while sluiced was away; until the model has let go of them they are repeated. */
	void (*on_removed)(const struct dp_removed_event *ev, size_t n, void *arg);
	void *arg;
};

/* An object of the model that the switch does not take (or does not let go). */
struct dp_refusal {
	enum dp_kind kind;
	uint64_t id;
	char what[256]; // as in dp_error
};

struct dp_client_status {
	bool is_connected;      // and current, but for what is refused
	const char *last_error; // why it is not; "" when it is
	const struct dp_refusal *refusals;
	size_t n_refusals;
	uint64_t n_repairs;    // times that a difference was sent
	unsigned int retry_ms; // until the refused is offered again; 0: nothing is refused
};

struct dp_client *dp_client_create(struct event_base *base, const char *socket_path,
    struct model *model, const struct dp_client_events *events);
void dp_client_destroy(struct dp_client *c);
bool dp_client_is_connected(const struct dp_client *c);
bool dp_client_is_away(
    const struct dp_client *c); // there is no connection, not even one that begins
/* Borrowed until the loop runs. */
void dp_client_status(const struct dp_client *c, struct dp_client_status *ret);
const struct dp_hello_reply *dp_client_hello(
    const struct dp_client *c); // of the current or last connection
/*
 * One at a time: prepare, and when cb says that it is, commit or abort. The generation is what is used of it, or the next that
 * the switch has not had. Not connected: cb at once, -ENOTCONN. cb of commit has dp_txn_reply; whatever it says else, the switch
 * is brought to what the model holds.
 */
void dp_client_prepare(struct dp_client *c, uint64_t generation, const struct buf_writer *ops,
    uint32_t n_ops, dp_reply_cb *cb, void *arg);
void dp_client_commit(struct dp_client *c, dp_reply_cb *cb, void *arg);
void dp_client_abort(struct dp_client *c);
/*
 * The model has changed by ops, and nobody undoes it. Not while a transaction is prepared. cb (NULL: nobody waits) when every
 * worker has left what was before; with an error when the switch has refused it or is away: then a repair brings it, or what of
 * it can be had.
 */
void dp_client_apply(
    struct dp_client *c, const struct buf_writer *ops, uint32_t n_ops, dp_reply_cb *cb, void *arg);
/* Any other request. Body is copied. */
void dp_client_request(struct dp_client *c, enum dp_msg_type type, const void *body, size_t size,
    dp_reply_cb *cb, void *arg);
