/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "datapath/base/clock.h"
#include "ovsdb-lite/mem.h"

enum {
	READ_SIZE = 64 * 1024,
	N_VECTORS = 64,
	TURN_MS = 20,
	STALL_MS = 60000,
	LINGER_MS = 5000,
	PARTIAL_MS = 20000
};

static const char probe[] = "{\"id\":\"echo\",\"method\":\"echo\",\"params\":[]}";

static bool may_run(const struct ovsdb_conn *c);
static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);
static void on_run(evutil_socket_t fd, short what, void *arg);
static void advance(struct ovsdb_conn *c);
static void finish_connect(struct ovsdb_conn *c);
static void handshake(struct ovsdb_conn *c);
static void open_up(struct ovsdb_conn *c);
static void read_some(struct ovsdb_conn *c);
static void run(struct ovsdb_conn *c);
static bool run_chunk(struct ovsdb_conn *c, unsigned int *n_left);
static void write_some(struct ovsdb_conn *c);
static ssize_t write_plain(struct ovsdb_conn *c);
static ssize_t write_tls(struct ovsdb_conn *c);
static void settle(struct ovsdb_conn *c);
static void run_later(struct ovsdb_conn *c);

struct ovsdb_conn *ovsdb_conn_create(struct event_base *base, struct ovsdb_link link,
    bool is_connecting, const struct ovsdb_conn_limits *limits, struct ovsdb_input_budget *budget,
    const struct ovsdb_conn_ops *ops, void *owner)
{
	struct ovsdb_conn *c = ovsdb_alloc(sizeof(*c));
	c->link = link;
	c->limits = limits;
	c->ops = ops;
	c->owner = owner;
	c->state = is_connecting      ? OVSDB_CONN_CONNECTING
		   : link.tls != NULL ? OVSDB_CONN_HANDSHAKE
				      : OVSDB_CONN_OPEN;
	c->begun_ms = c->received_ms = clock_ms();
	c->in = evbuffer_new();
	c->out = evbuffer_new();
	ovsdb_json_stream_init(&c->stream, &limits->json, budget);
	c->read_event = event_new(base, link.fd, EV_READ | EV_PERSIST, on_readable, c);
	c->write_event = event_new(base, link.fd, EV_WRITE | EV_PERSIST, on_writable, c);
	c->run_event = event_new(base, -1, 0, on_run, c);
	c->later_event = event_new(base, -1, 0, on_run, c);
	event_add(is_connecting ? c->write_event : c->read_event, NULL);
	if (c->state == OVSDB_CONN_HANDSHAKE)
		event_active(c->run_event, EV_TIMEOUT, 0);
	return c;
}

void ovsdb_conn_destroy(struct ovsdb_conn *c)
{
	event_free(c->read_event);
	event_free(c->write_event);
	event_free(c->run_event);
	event_free(c->later_event);
	evbuffer_free(c->in);
	evbuffer_free(c->out);
	ovsdb_json_stream_fini(&c->stream);
	ovsdb_link_close(&c->link);
	free(c);
}

void ovsdb_conn_send(struct ovsdb_conn *c, const void *data, size_t size)
{
	if (c->state == OVSDB_CONN_ENDED)
		return;
	evbuffer_add(c->out, data, size);
	event_active(c->run_event, EV_TIMEOUT, 0);
}

void ovsdb_conn_send_shared(
    struct ovsdb_conn *c, const void *data, size_t size, evbuffer_ref_cleanup_cb release, void *arg)
{
	if (c->state == OVSDB_CONN_ENDED) {
		release(data, size, arg);
		return;
	}
	evbuffer_add_reference(c->out, data, size, release, arg);
	event_active(c->run_event, EV_TIMEOUT, 0);
}

void ovsdb_conn_hold(struct ovsdb_conn *c, size_t size)
{
	c->n_held += size;
}

void ovsdb_conn_release(struct ovsdb_conn *c, size_t size)
{
	c->n_held -= size;
	if (c->state == OVSDB_CONN_OPEN)
		event_active(c->run_event, EV_TIMEOUT, 0);
}

void ovsdb_conn_pause(struct ovsdb_conn *c, bool is_paused)
{
	c->is_paused = is_paused;
	if (!is_paused && c->state == OVSDB_CONN_OPEN)
		event_active(c->run_event, EV_TIMEOUT, 0);
}

size_t ovsdb_conn_backlog(const struct ovsdb_conn *c)
{
	return evbuffer_get_length(c->out) + c->n_held;
}

bool ovsdb_conn_is_congested(const struct ovsdb_conn *c)
{
	return ovsdb_conn_backlog(c) > c->limits->output_size;
}

void ovsdb_conn_tick(struct ovsdb_conn *c, uint64_t now_ms)
{
	char why[80];
	if (c->state == OVSDB_CONN_CONNECTING || c->state == OVSDB_CONN_HANDSHAKE) {
		if (now_ms - c->begun_ms > c->limits->handshake_ms)
			ovsdb_conn_end(c, c->state == OVSDB_CONN_CONNECTING
					      ? "connection attempt timed out"
					      : "the handshake took too long");
		return;
	}
	if (c->state != OVSDB_CONN_OPEN)
		return;
	if ((c->at_end || c->is_closing) && now_ms - c->received_ms > LINGER_MS) {
		ovsdb_conn_end(c, NULL);
		return;
	}
	if (c->has_stalled && now_ms - c->stalled_ms > STALL_MS) {
		ovsdb_conn_end(c, "it has read nothing of what waits for it for a minute");
		return;
	}
	if (!ovsdb_json_stream_is_partial(&c->stream))
		c->partial_ms = 0;
	else if (c->partial_ms == 0)
		c->partial_ms = now_ms;
	else if (now_ms - c->partial_ms > PARTIAL_MS && ovsdb_input_is_scarce(c->stream.budget)) {
		ovsdb_conn_end(
		    c, "a message that takes long, while there is little room for others'");
		return;
	}
	if (c->probe_ms == 0)
		return;
	if (c->probed_ms == 0) {
		if (now_ms - c->received_ms < c->probe_ms)
			return;
		c->probed_ms = now_ms;
		ovsdb_conn_send(c, probe, sizeof(probe) - 1);
	} else if (now_ms - c->probed_ms >= c->probe_ms) {
		snprintf(why, sizeof(why), "no response to inactivity probe after %.3g seconds",
		    c->probe_ms / 1000.0);
		ovsdb_conn_end(c, why);
	}
}

void ovsdb_conn_finish(struct ovsdb_conn *c, const char *why)
{
	if (c->state != OVSDB_CONN_OPEN) {
		ovsdb_conn_end(c, why);
		return;
	}
	snprintf(c->why, sizeof(c->why), "%s", why != NULL ? why : "");
	c->is_closing = true;
	c->received_ms = clock_ms();
	event_active(c->run_event, EV_TIMEOUT, 0);
}

void ovsdb_conn_end(struct ovsdb_conn *c, const char *why)
{
	if (c->state == OVSDB_CONN_ENDED)
		return;
	c->state = OVSDB_CONN_ENDED;
	event_del(c->read_event);
	event_del(c->write_event);
	event_del(c->run_event);
	event_del(c->later_event);
	c->ops->on_end(c->owner, why);
}

static bool may_run(const struct ovsdb_conn *c)
{
	return c->state == OVSDB_CONN_OPEN && !c->is_paused && !c->is_closing &&
	       !ovsdb_conn_is_congested(c);
}

static void on_readable(evutil_socket_t, short, void *arg)
{
	struct ovsdb_conn *c = arg;
	c->link.write_blocked = false;
	if (c->state != OVSDB_CONN_OPEN) {
		advance(c);
	} else {
		if (may_run(c) && evbuffer_get_length(c->in) == 0)
			read_some(c);
		run(c);
	}
	settle(c);
}

static void on_writable(evutil_socket_t, short, void *arg)
{
	struct ovsdb_conn *c = arg;
	c->link.read_blocked = false;
	if (c->state == OVSDB_CONN_OPEN)
		run(c);
	else
		advance(c);
	settle(c);
}

static void on_run(evutil_socket_t, short, void *arg)
{
	struct ovsdb_conn *c = arg;
	if (c->state == OVSDB_CONN_OPEN && may_run(c) && evbuffer_get_length(c->in) == 0 &&
	    ovsdb_link_has_input(&c->link))
		read_some(c);
	if (c->state == OVSDB_CONN_OPEN)
		run(c);
	else if (c->state == OVSDB_CONN_HANDSHAKE)
		advance(c);
	settle(c);
}

static void advance(struct ovsdb_conn *c)
{
	if (c->state == OVSDB_CONN_CONNECTING)
		finish_connect(c);
	if (c->state == OVSDB_CONN_HANDSHAKE)
		handshake(c);
}

static void finish_connect(struct ovsdb_conn *c)
{
	int error = 0;
	socklen_t size = sizeof(error);
	if (getsockopt(c->link.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		error = errno;
	if (error != 0) {
		ovsdb_conn_end(c, strerror(error));
		return;
	}
	event_del(c->write_event);
	c->state = OVSDB_CONN_HANDSHAKE;
	if (c->link.tls == NULL)
		open_up(c);
}

static void handshake(struct ovsdb_conn *c)
{
	bool wants_write = false;
	const char *why = NULL;
	int r = ovsdb_link_handshake(&c->link, &wants_write, &why);
	if (r == 0) {
		open_up(c);
	} else if (r != -EAGAIN) {
		ovsdb_conn_end(c, why);
	} else if (wants_write) {
		event_del(c->read_event);
		event_add(c->write_event, NULL);
	} else {
		event_del(c->write_event);
		event_add(c->read_event, NULL);
	}
}

static void open_up(struct ovsdb_conn *c)
{
	c->state = OVSDB_CONN_OPEN;
	c->received_ms = clock_ms();
	event_add(c->read_event, NULL);
	c->ops->on_drained(c->owner);
	event_active(
	    c->read_event, EV_READ, 0); // the end of a handshake may have brought more with it
}

static void read_some(struct ovsdb_conn *c)
{
	char data[READ_SIZE];
	ssize_t n = ovsdb_link_read(&c->link, data, sizeof(data));
	if (n == -EAGAIN)
		return;
	if (n < 0) {
		ovsdb_conn_end(c, strerror((int)-n));
		return;
	}
	c->received_ms = clock_ms();
	c->probed_ms = 0;
	c->at_end = n == 0;
	evbuffer_add(c->in, data, (size_t)n);
}

static void run(struct ovsdb_conn *c)
{
	unsigned int n_left = c->limits->n_messages;
	write_some(c);
	if (c->is_behind && c->state == OVSDB_CONN_OPEN && !ovsdb_conn_is_congested(c)) {
		c->is_behind = false;
		c->ops->on_drained(c->owner);
	}
	uint64_t end_ms = clock_ms() + TURN_MS;
	while (may_run(c) && evbuffer_get_length(c->in) > 0 && n_left > 0) {
		if (!run_chunk(c, &n_left))
			break;
		n_left = clock_ms() > end_ms ? 0 : n_left;
	}
	if (n_left == 0 && c->state == OVSDB_CONN_OPEN)
		run_later(c);
}

/* False when the connection is over. */
static bool run_chunk(struct ovsdb_conn *c, unsigned int *n_left)
{
	struct evbuffer_iovec v;
	struct err err = {0};
	json_t *message = NULL;
	size_t used = 0;
	if (evbuffer_peek(c->in, -1, NULL, &v, 1) < 1)
		return false;
	int r = ovsdb_json_stream_feed(&c->stream, v.iov_base, v.iov_len, &used, &message, &err);
	evbuffer_drain(c->in, used);
	if (r < 0) {
		ovsdb_conn_finish(c, err.what);
		return false;
	}
	if (r == 1) {
		--*n_left;
		c->partial_ms = 0;
		c->ops->on_message(c->owner, message);
	}
	return c->state == OVSDB_CONN_OPEN;
}

/* What had to wait and is taken now is a sign of life, and all that one sees of a slow reader; what the kernel takes at once is none. */
static void write_some(struct ovsdb_conn *c)
{
	while (c->state == OVSDB_CONN_OPEN && evbuffer_get_length(c->out) > 0) {
		ssize_t n = c->link.tls != NULL ? write_tls(c) : write_plain(c);
		if (n == -EAGAIN) {
			c->stalled_ms = c->has_stalled ? c->stalled_ms : clock_ms();
			c->has_stalled = true;
			return;
		}
		if (n <= 0) {
			ovsdb_conn_end(c, n == 0 ? "no progress" : strerror((int)-n));
			return;
		}
		evbuffer_drain(c->out, (size_t)n);
		if (!c->has_stalled)
			continue;
		c->received_ms = c->stalled_ms = clock_ms();
		c->probed_ms = 0;
	}
	c->has_stalled = false;
}

static ssize_t write_plain(struct ovsdb_conn *c)
{
	struct evbuffer_iovec v[N_VECTORS];
	int n = evbuffer_peek(c->out, -1, NULL, v, N_VECTORS);
	struct msghdr m = {
	    .msg_iov = (struct iovec *)v, .msg_iovlen = (size_t)MIN_OF(n, N_VECTORS)};
	ssize_t sent = sendmsg(c->link.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent >= 0)
		return sent;
	return errno == EINTR ? -EAGAIN : -errno;
}

static ssize_t write_tls(struct ovsdb_conn *c)
{
	struct evbuffer_iovec v;
	evbuffer_peek(c->out, -1, NULL, &v, 1);
	return ovsdb_link_write(&c->link, v.iov_base, v.iov_len);
}

/* Arms exactly the events that can make progress. */
static void settle(struct ovsdb_conn *c)
{
	if (c->state != OVSDB_CONN_OPEN)
		return;
	bool has_output = evbuffer_get_length(c->out) > 0;
	bool has_input = evbuffer_get_length(c->in) > 0;
	bool is_last = c->is_closing || (c->at_end && !has_input);
	if (is_last && !has_output && c->n_held == 0) {
		ovsdb_conn_end(c, c->why[0] != '\0' ? c->why : NULL);
		return;
	}
	if ((has_output && !c->link.write_blocked) || c->link.read_blocked)
		event_add(c->write_event, NULL);
	else
		event_del(c->write_event);
	bool wants_input = may_run(c) && !c->at_end && !has_input && !c->link.read_blocked;
	if (wants_input || c->link.write_blocked)
		event_add(c->read_event, NULL);
	else
		event_del(c->read_event);
	if (wants_input && ovsdb_link_has_input(&c->link))
		run_later(c);
}

/* After others had their turn. To add an event that is active would put off what it is active for: this has one of its own. */
static void run_later(struct ovsdb_conn *c)
{
	const struct timeval now = {0};
	event_add(c->later_event, &now);
}
