/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A connection: bytes become messages for its owner, the owner's messages become bytes. An owner whose client does not read its answers
 * gets no further messages until it does: output is bounded by what one message may ask for.
 *
 * Threads: the server's loop. Memory: ovsdb_conn_create allocates, ovsdb_conn_destroy frees; not in a callback of the same connection.
 */
#include <event2/buffer.h>
#include <event2/event.h>

#include "ovsdb-lite/json_stream.h"
#include "ovsdb-lite/link.h"

struct ovsdb_conn;

struct ovsdb_conn_ops {
	/* The message is the owner's. */
	void (*on_message)(void *owner, json_t *message);
	/* Output no longer is over the limit, and the owner is behind; or a handshake is done. */
	void (*on_drained)(void *owner);
	/* It is over: no other call follows. why is NULL when the other side closed it. */
	void (*on_end)(void *owner, const char *why);
};

struct ovsdb_conn_limits {
	struct ovsdb_json_limits json;
	size_t output_size; // bytes that may wait before no more messages are taken
	unsigned int handshake_ms;
	unsigned int n_messages; // of a connection in a pass of the loop
};

enum ovsdb_conn_state {
	OVSDB_CONN_CONNECTING,
	OVSDB_CONN_HANDSHAKE,
	OVSDB_CONN_OPEN,
	OVSDB_CONN_ENDED
};

struct ovsdb_conn {
	struct ovsdb_link link;
	const struct ovsdb_conn_limits *limits;
	const struct ovsdb_conn_ops *ops;
	void *owner;
	enum ovsdb_conn_state state;
	bool at_end;         // the other side sends nothing more
	bool is_paused;      // by the owner: no messages
	bool has_stalled;    // output had to wait for the reader
	uint64_t stalled_ms; // then: when it last took some
	bool is_behind;      // the owner has kept something back until on_drained
	bool is_closing;     // when what is to be sent has been
	char why[160];       // then
	struct event *read_event, *write_event;
	struct event *run_event;   // in this pass of the loop
	struct event *later_event; // in another
	struct ovsdb_json_stream stream;
	struct evbuffer *in;  // read, and not looked at yet
	struct evbuffer *out; // not written yet
	size_t n_held;        // bytes that the owner will send, and that count as output
	uint64_t begun_ms;
	uint64_t partial_ms;   // when a message began that is not complete; 0: none
	uint64_t received_ms;  // last byte
	uint64_t probed_ms;    // when an answer was asked for, 0: none is awaited
	unsigned int probe_ms; // silence after which one is asked for; 0: never
};

/* Takes the link. A descriptor that is still connecting, or under TLS, is brought to OPEN first. limits and budget are borrowed. */
struct ovsdb_conn *ovsdb_conn_create(struct event_base *base, struct ovsdb_link link,
    bool is_connecting, const struct ovsdb_conn_limits *limits, struct ovsdb_input_budget *budget,
    const struct ovsdb_conn_ops *ops, void *owner);
void ovsdb_conn_destroy(struct ovsdb_conn *c);
/* Copies. */
void ovsdb_conn_send(struct ovsdb_conn *c, const void *data, size_t size);
/* Without a copy: release is called when the bytes are no longer needed. */
void ovsdb_conn_send_shared(struct ovsdb_conn *c, const void *data, size_t size,
    evbuffer_ref_cleanup_cb release, void *arg);
/* Bytes of the owner's answers that are not sent yet. */
void ovsdb_conn_hold(struct ovsdb_conn *c, size_t size);
void ovsdb_conn_release(struct ovsdb_conn *c, size_t size);
void ovsdb_conn_pause(struct ovsdb_conn *c, bool is_paused);
size_t ovsdb_conn_backlog(const struct ovsdb_conn *c);
bool ovsdb_conn_is_congested(const struct ovsdb_conn *c);
/* Silence, and handshakes that take too long. */
void ovsdb_conn_tick(struct ovsdb_conn *c, uint64_t now_ms);
/* Takes no more messages, and ends when what is to be sent has been, or cannot be. why may be NULL. */
void ovsdb_conn_finish(struct ovsdb_conn *c, const char *why);
/* Ends it: on_end is called once, at once. */
void ovsdb_conn_end(struct ovsdb_conn *c, const char *why);
