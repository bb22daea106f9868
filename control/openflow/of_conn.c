/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/of_conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/mem.h"
#include "datapath/base/clock.h"

enum {
	READ_SIZE = 64 * 1024,
	MESSAGES_PER_PASS = 1000,
	LINGER_MS = 5000,
};

enum state { CONNECTING, HANDSHAKE, OPEN, ENDED };

struct of_conn {
	struct ovsdb_link link;
	const struct of_conn_ops *ops;
	void *owner;
	enum state state;
	bool at_end;     // the peer sends nothing more
	bool is_closing; // when what is to be sent has been
	bool has_stalled;
	char why[160]; // of closing
	unsigned int n_pauses;
	struct event *read_event, *write_event;
	struct event *run_event; // in another pass of the loop
	struct evbuffer *in, *out;
	uint64_t begun_ms, received_ms, stalled_ms, closing_ms;
};

static void on_event(evutil_socket_t fd, short what, void *arg);
static void on_run(evutil_socket_t fd, short what, void *arg);
static void advance(struct of_conn *c);
static void finish_connect(struct of_conn *c);
static void handshake(struct of_conn *c);
static void open_up(struct of_conn *c);
static bool may_run(const struct of_conn *c);
static bool wants_input(const struct of_conn *c);
static void read_some(struct of_conn *c);
static void run(struct of_conn *c);
static bool run_one(struct of_conn *c);
static void write_some(struct of_conn *c);
static void settle(struct of_conn *c);
static void run_later(struct of_conn *c);

struct of_conn *of_conn_create(struct event_base *base, struct ovsdb_link link, bool is_connecting,
    const struct of_conn_ops *ops, void *owner)
{
	struct of_conn *c = mem_alloc(sizeof(*c));
	*c = (struct of_conn){.link = link, .ops = ops, .owner = owner};
	c->state = is_connecting ? CONNECTING : HANDSHAKE;
	c->begun_ms = c->received_ms = clock_ms();
	c->in = evbuffer_new();
	c->out = evbuffer_new();
	c->read_event = event_new(base, link.fd, EV_READ | EV_PERSIST, on_event, c);
	c->write_event = event_new(base, link.fd, EV_WRITE | EV_PERSIST, on_event, c);
	c->run_event = event_new(base, -1, 0, on_run, c);
	event_add(is_connecting ? c->write_event : c->read_event, NULL);
	if (!is_connecting)
		run_later(c);
	return c;
}

void of_conn_destroy(struct of_conn *c)
{
	if (c == NULL)
		return;
	event_free(c->read_event);
	event_free(c->write_event);
	event_free(c->run_event);
	evbuffer_free(c->in);
	evbuffer_free(c->out);
	ovsdb_link_close(&c->link);
	free(c);
}

void of_conn_send(struct of_conn *c, const void *data, size_t size)
{
	if (c->state == ENDED)
		return;
	evbuffer_add(c->out, data, size);
	run_later(c);
}

void of_conn_pause(struct of_conn *c)
{
	c->n_pauses++;
}

void of_conn_resume(struct of_conn *c)
{
	if (--c->n_pauses == 0 && c->state == OPEN)
		run_later(c);
}

void of_conn_run(struct of_conn *c)
{
	if (c->state == OPEN)
		run(c);
	settle(c);
}

size_t of_conn_backlog(const struct of_conn *c)
{
	return evbuffer_get_length(c->out);
}

uint64_t of_conn_received_ms(const struct of_conn *c)
{
	return c->received_ms;
}

bool of_conn_is_open(const struct of_conn *c)
{
	return c->state == OPEN;
}

void of_conn_tick(struct of_conn *c, uint64_t now_ms)
{
	if ((c->state == CONNECTING || c->state == HANDSHAKE) &&
	    now_ms - c->begun_ms > OF_CONN_HANDSHAKE_MS)
		of_conn_end(c, c->state == CONNECTING ? "connection attempt timed out"
						      : "the handshake took too long");
	else if (c->state == OPEN && c->is_closing && now_ms - c->closing_ms > LINGER_MS)
		of_conn_end(c, c->why[0] != '\0' ? c->why : NULL);
	else if (c->state == OPEN && c->has_stalled && now_ms - c->stalled_ms > OF_CONN_STALL_MS)
		of_conn_end(c, "it has read nothing of what waits for it for a minute");
}

void of_conn_finish(struct of_conn *c, const char *why)
{
	if (c->state != OPEN) {
		of_conn_end(c, why);
		return;
	}
	snprintf(c->why, sizeof(c->why), "%s", why != NULL ? why : "");
	c->is_closing = true;
	c->closing_ms = clock_ms();
	run_later(c);
}

void of_conn_end(struct of_conn *c, const char *why)
{
	if (c->state == ENDED)
		return;
	c->state = ENDED;
	event_del(c->read_event);
	event_del(c->write_event);
	event_del(c->run_event);
	c->ops->on_end(c->owner, why);
}

static void on_event(evutil_socket_t, short what, void *arg)
{
	struct of_conn *c = arg;
	if (what & EV_READ)
		c->link.write_blocked = false;
	if (what & EV_WRITE)
		c->link.read_blocked = false;
	if (c->state != OPEN)
		advance(c);
	else if ((what & EV_READ) && wants_input(c))
		read_some(c);
	if (c->state == OPEN)
		run(c);
	settle(c);
}

static void on_run(evutil_socket_t, short, void *arg)
{
	struct of_conn *c = arg;
	if (c->state == HANDSHAKE)
		advance(c);
	if (wants_input(c) && ovsdb_link_has_input(&c->link))
		read_some(c);
	if (c->state == OPEN)
		run(c);
	settle(c);
}

static void advance(struct of_conn *c)
{
	if (c->state == CONNECTING)
		finish_connect(c);
	if (c->state == HANDSHAKE)
		handshake(c);
}

static void finish_connect(struct of_conn *c)
{
	int error = 0;
	socklen_t size = sizeof(error);
	if (getsockopt(c->link.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		error = errno;
	if (error != 0) {
		of_conn_end(c, strerror(error));
		return;
	}
	event_del(c->write_event);
	event_add(c->read_event, NULL);
	c->state = HANDSHAKE;
}

static void handshake(struct of_conn *c)
{
	bool wants_write = false;
	const char *why = NULL;
	int r = c->link.tls != NULL ? ovsdb_link_handshake(&c->link, &wants_write, &why) : 0;
	if (r == 0) {
		open_up(c);
	} else if (r != -EAGAIN) {
		of_conn_end(c, why);
	} else {
		event_del(wants_write ? c->read_event : c->write_event);
		event_add(wants_write ? c->write_event : c->read_event, NULL);
	}
}

static void open_up(struct of_conn *c)
{
	c->state = OPEN;
	c->received_ms = clock_ms();
	c->ops->on_open(c->owner);
	if (c->state == OPEN)
		run_later(c); // the end of a handshake may have brought more with it
}

static bool may_run(const struct of_conn *c)
{
	return c->state == OPEN && c->n_pauses == 0 && !c->is_closing &&
	       of_conn_backlog(c) <= OF_CONN_OUTPUT_SIZE;
}

/* What was read is handled before more is. */
static bool wants_input(const struct of_conn *c)
{
	return may_run(c) && !c->at_end && !c->link.read_blocked &&
	       evbuffer_get_length(c->in) <= READ_SIZE;
}

static void read_some(struct of_conn *c)
{
	char data[READ_SIZE];
	ssize_t n = ovsdb_link_read(&c->link, data, sizeof(data));
	if (n == -EAGAIN)
		return;
	if (n < 0) {
		of_conn_end(c, strerror((int)-n));
		return;
	}
	c->received_ms = clock_ms();
	c->at_end = n == 0;
	evbuffer_add(c->in, data, (size_t)n);
}

static void run(struct of_conn *c)
{
	unsigned int n = 0;
	write_some(c);
	while (may_run(c) && n < MESSAGES_PER_PASS && run_one(c))
		n++;
	if (n > 0 && c->state == OPEN)
		c->ops->on_pause(c->owner);
	if (n == MESSAGES_PER_PASS && c->state == OPEN)
		run_later(c);
	write_some(c);
}

/* False: there is no whole message, or its time has not come. */
static bool run_one(struct of_conn *c)
{
	uint8_t header[OF_HEADER_SIZE];
	if (evbuffer_copyout(c->in, header, sizeof(header)) < (ssize_t)sizeof(header))
		return false;
	size_t size = (size_t)header[2] << 8 | header[3];
	if (size < OF_HEADER_SIZE) {
		of_conn_finish(c, "a message says that it is shorter than its header");
		return false;
	}
	if (evbuffer_get_length(c->in) < size)
		return false;
	bool is_done = c->ops->on_message(c->owner, evbuffer_pullup(c->in, (ssize_t)size), size);
	if (is_done)
		evbuffer_drain(c->in, size);
	return is_done;
}

static void write_some(struct of_conn *c)
{
	while (c->state == OPEN && evbuffer_get_length(c->out) > 0) {
		struct evbuffer_iovec v;
		evbuffer_peek(c->out, -1, NULL, &v, 1);
		ssize_t n = ovsdb_link_write(&c->link, v.iov_base, v.iov_len);
		if (n == -EAGAIN) {
			c->stalled_ms = c->has_stalled ? c->stalled_ms : clock_ms();
			c->has_stalled = true;
			return;
		}
		if (n <= 0) {
			of_conn_end(c, n == 0 ? "no progress" : strerror((int)-n));
			return;
		}
		evbuffer_drain(c->out, (size_t)n);
		c->stalled_ms = c->has_stalled ? clock_ms() : 0;
	}
	c->has_stalled = false;
}

/* Arms exactly the events that can make progress. */
static void settle(struct of_conn *c)
{
	if (c->state != OPEN)
		return;
	bool has_output = evbuffer_get_length(c->out) > 0;
	if ((c->is_closing || (c->at_end && c->n_pauses == 0)) && !has_output) {
		of_conn_end(c, c->why[0] != '\0' ? c->why : NULL);
		return;
	}
	if ((has_output && !c->link.write_blocked) || c->link.read_blocked)
		event_add(c->write_event, NULL);
	else
		event_del(c->write_event);
	if (wants_input(c) || c->link.write_blocked)
		event_add(c->read_event, NULL);
	else
		event_del(c->read_event);
	if (wants_input(c) && ovsdb_link_has_input(&c->link))
		run_later(c);
}

/* After others had their turn. */
static void run_later(struct of_conn *c)
{
	const struct timeval now = {0};
	event_add(c->run_event, &now);
}
