/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An OpenFlow connection's bytes: a stream becomes messages for its owner, whole ones by the length in their header; the owner's messages
 * become bytes. A peer that does not read gets no further messages handled until it does: what waits for it is bounded by what one message
 * may ask for. Nothing is known here of what messages say.
 *
 * Threads: sluiced's loop. Memory: of_conn_create allocates, of_conn_destroy frees; not in a callback of the same connection.
 */
#include <event2/buffer.h>
#include <event2/event.h>

#include "ovsdb-lite/link.h"

enum {
	OF_HEADER_SIZE = 8,
	OF_CONN_OUTPUT_SIZE = 4 << 20, // bytes that may wait before no more messages are taken
	OF_CONN_HANDSHAKE_MS = 10000,
	OF_CONN_STALL_MS = 60000,
};

struct of_conn;

struct of_conn_ops {
	/* Bytes may be sent from now on: connected, and any TLS handshake is done. */
	void (*on_open)(void *owner);
	/* One message, header included; borrowed. Its length is 8 at least. False: the owner has paused the connection, and gets it again. */
	bool (*on_message)(void *owner, const uint8_t *data, size_t size);
	/* A burst of messages has been handled: what they gathered may be sent on. */
	void (*on_pause)(void *owner);
	/* It is over: no other call follows. why is NULL when the other side closed it. */
	void (*on_end)(void *owner, const char *why);
};

/* Takes the link. */
struct of_conn *of_conn_create(struct event_base *base, struct ovsdb_link link, bool is_connecting,
    const struct of_conn_ops *ops, void *owner);
void of_conn_destroy(struct of_conn *c);
/* Copies. */
void of_conn_send(struct of_conn *c, const void *data, size_t size);
/* Takes no messages until it is resumed; counted. */
void of_conn_pause(struct of_conn *c);
void of_conn_resume(struct of_conn *c);
void of_conn_run(struct of_conn
	*c); // handles what has been read, at once; not in a callback of the same connection
size_t of_conn_backlog(const struct of_conn *c);       // bytes that wait to be read by the peer
uint64_t of_conn_received_ms(const struct of_conn *c); // monotonic; last bytes from the peer
bool of_conn_is_open(const struct of_conn *c);
/* Handshakes that take too long, readers that stand still. */
void of_conn_tick(struct of_conn *c, uint64_t now_ms);
/* Takes no more messages, and ends when what is to be sent has been. why may be NULL. */
void of_conn_finish(struct of_conn *c, const char *why);
/* Ends it: on_end is called once, at once. */
void of_conn_end(struct of_conn *c, const char *why);
