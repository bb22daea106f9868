/* SPDX-License-Identifier: Apache-2.0 */
/* A connection: its bytes become lines, lines become messages one after another, replies wait until they are read. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/api/rpc_priv.h"
#include "control/mem.h"
#include "datapath/base/clock.h"
#include "datapath/base/json_util.h"

#define LOG_MODULE "rpc"
#include "datapath/base/log.h"

enum {
	READ_SIZE = 256 * 1024,
	KEEP_SIZE = 64 * 1024, // input buffer that an idle connection may keep
	LINES_PER_TURN = 16,   // then other connections have their turn
};

static bool may_run(const struct rpc_conn *c);
static size_t line_limit(const struct rpc_conn *c);
static void on_readable(evutil_socket_t fd, short what, void *arg);
static bool read_some(struct rpc_conn *c);
static bool make_room(struct rpc_conn *c);
static void on_writable(evutil_socket_t fd, short what, void *arg);
static void on_run(evutil_socket_t fd, short what, void *arg);
static void run(struct rpc_conn *c);
static size_t next_line(struct rpc_conn *c);
static void drop_input(struct rpc_conn *c, size_t size);
static void free_input(struct rpc_conn *c);
static void check_line_size(struct rpc_conn *c);
static void settle(struct rpc_conn *c);
static void write_out(struct rpc_conn *c);
static void give_up(struct rpc_conn *c, const struct err *err);

void rpc_conn_create(
    struct rpc_server *s, const struct ovsdb_link *link, const struct rpc_peer *peer)
{
	struct rpc_conn *c = mem_alloc(sizeof(*c));
	c->server = s;
	c->link = *link;
	c->peer = *peer;
	c->token = ++s->last_token;
	c->active_ms = clock_ms();
	c->out = evbuffer_new();
	c->read_event = event_new(s->base, link->fd, EV_READ | EV_PERSIST, on_readable, c);
	c->write_event = event_new(s->base, link->fd, EV_WRITE | EV_PERSIST, on_writable, c);
	c->run_event = event_new(s->base, -1, 0, on_run, c);
	event_add(c->read_event, NULL);
	list_add(&s->conns, &c->node);
	s->n_conns++;
	/* The end of a handshake may have brought the first line with it. */
	if (link->tls != NULL)
		event_active(c->read_event, EV_READ, 0);
}

void rpc_conn_destroy(struct rpc_conn *c)
{
	struct rpc_server *s = c->server;
	if (c->message != NULL)
		rpc_message_orphan(c->message);
	event_free(c->read_event);
	event_free(c->write_event);
	event_free(c->run_event);
	evbuffer_free(c->out);
	ovsdb_link_close(&c->link);
	list_del(&c->node);
	s->n_conns--;
	uint64_t token = c->token;
	free_input(c);
	free(c);
	if (s->on_close != NULL)
		s->on_close(token, s->on_close_arg);
}

void rpc_conn_tick(struct rpc_conn *c, uint64_t now_ms)
{
	const struct rpc_limits *l = &c->server->limits;
	struct err err = {0};
	if (c->partial_since_ms != 0 && now_ms - c->partial_since_ms > l->partial_ms) {
		err_set(&err, ERR_PARSE, "the line was not finished within %u ms", l->partial_ms);
		give_up(c, &err);
		settle(c);
		return;
	}
	if (c->peer.expires_s != 0 && time(NULL) > c->peer.expires_s && !c->closing) {
		err_set(&err, ERR_FORBIDDEN, "the client's certificate has expired");
		give_up(c, &err);
		settle(c);
		return;
	}
	bool is_waiting = c->message != NULL || (c->is_subscriber && !c->closing);
	if (!is_waiting && now_ms - c->active_ms > l->idle_ms) {
		log_info("%s: closed after %u ms without a byte", c->peer.client, l->idle_ms);
		rpc_conn_destroy(c);
	}
}

void rpc_conn_send(struct rpc_conn *c, const void *data, size_t size)
{
	evbuffer_add(c->out, data, size);
}

void rpc_conn_send_error(struct rpc_conn *c, const struct err *err)
{
	json_t *reply = json_pack(
	    "{s:s, s:n, s:o}", "jsonrpc", "2.0", "id", "error", rpc_error_to_json(err, -1));
	char *text = json_text(reply, JSON_COMPACT);
	evbuffer_add_printf(c->out, "%s\n", text);
	free(text);
	json_decref(reply);
}

void rpc_conn_wake(struct rpc_conn *c)
{
	event_active(c->run_event, EV_TIMEOUT, 0);
}

/* Back-pressure: one message at a time, and none while the client does not read its replies. */
static bool may_run(const struct rpc_conn *c)
{
	return c->message == NULL && !c->closing && !c->broken &&
	       evbuffer_get_length(c->out) <= c->server->limits.output_size;
}

static size_t line_limit(const struct rpc_conn *c)
{
	const struct rpc_limits *l = &c->server->limits;
	return c->peer.role.level == ROLE_READ ? l->read_line_size : l->line_size;
}

static void on_readable(evutil_socket_t, short, void *arg)
{
	struct rpc_conn *c = arg;
	if (may_run(c) && read_some(c))
		run(c);
	settle(c);
}

static bool read_some(struct rpc_conn *c)
{
	if (c->in_capacity - c->in_size < READ_SIZE / 2 && !make_room(c))
		return false;
	ssize_t n = ovsdb_link_read(
	    &c->link, c->in + c->in_size, MIN_OF(c->in_capacity - c->in_size, (size_t)READ_SIZE));
	if (n < 0) {
		c->broken = n != -EAGAIN;
		return false;
	}
	c->at_end = n == 0;
	c->in_size += (size_t)n;
	if (n > 0)
		c->active_ms = clock_ms();
	return true;
}

/* The least buffer is everybody's due; more is the memory of all. */
static bool make_room(struct rpc_conn *c)
{
	struct err err = {0};
	struct rpc_server *s = c->server;
	size_t more = c->in_capacity == 0 ? KEEP_SIZE : MAX_OF(c->in_capacity, (size_t)READ_SIZE);
	if (c->in_capacity == 0) {
		s->charged += more;
	} else if (rpc_memory_take(s, &c->peer.role, more, &err) != 0) {
		give_up(c, &err);
		return false;
	}
	c->in_capacity += more;
	c->in = mem_resize(c->in, c->in_capacity);
	return true;
}

static void on_writable(evutil_socket_t, short, void *arg)
{
	struct rpc_conn *c = arg;
	c->link.read_blocked = false;
	if (may_run(c))
		run(c);
	settle(c);
}

static void on_run(evutil_socket_t, short, void *arg)
{
	struct rpc_conn *c = arg;
	run(c);
	settle(c);
}

static void run(struct rpc_conn *c)
{
	for (size_t i = 0; may_run(c); i++) {
		size_t size = next_line(c);
		if (size == 0)
			break;
		if (i == LINES_PER_TURN) {
			rpc_conn_wake(c);
			break;
		}
		if (size - 1 <= line_limit(c))
			rpc_message_start(c, c->in, size - 1);
		else
			check_line_size(c);
		drop_input(c, size);
		if (c->n_strikes >= c->server->limits.n_strikes)
			c->closing = true;
	}
	check_line_size(c);
}

/* Bytes of the first line with its end, 0 when it is not complete. */
static size_t next_line(struct rpc_conn *c)
{
	if (c->in_size == c->in_scanned)
		return 0;
	const char *end = memchr(c->in + c->in_scanned, '\n', c->in_size - c->in_scanned);
	if (end == NULL) {
		c->in_scanned = c->in_size;
		return 0;
	}
	c->in_scanned = (size_t)(end - c->in);
	return c->in_scanned + 1;
}

static void drop_input(struct rpc_conn *c, size_t size)
{
	c->in_size -= size;
	c->in_scanned = 0;
	memmove(c->in, c->in + size, c->in_size);
	if (c->in_size == 0 && c->in_capacity > KEEP_SIZE)
		free_input(c);
}

static void free_input(struct rpc_conn *c)
{
	rpc_memory_give(c->server, c->in_capacity);
	free(c->in);
	c->in = NULL;
	c->in_capacity = 0;
}

/* There is no way to find the next message after a line that is too long: answer, and close. */
static void check_line_size(struct rpc_conn *c)
{
	struct err err = {0};
	if (c->in_scanned <= line_limit(c) || c->closing)
		return;
	err_set(&err, ERR_TOO_LARGE, "a line has at most %zu bytes for this client", line_limit(c));
	give_up(c, &err);
}

/* Writes what can be written, and arms exactly the events that can make progress. c may be gone afterwards. */
static void settle(struct rpc_conn *c)
{
	write_out(c);
	bool has_output = evbuffer_get_length(c->out) > 0;
	bool has_line = !c->closing && c->in_scanned < c->in_size;
	bool finished = c->closing || (c->at_end && !has_line && c->message == NULL);
	if (c->broken || (finished && !has_output)) {
		rpc_conn_destroy(c);
		return;
	}
	if (has_output || c->link.read_blocked)
		event_add(c->write_event, NULL);
	else
		event_del(c->write_event);
	bool wants_input = may_run(c) && !c->at_end && !c->link.read_blocked;
	if (wants_input)
		event_add(c->read_event, NULL);
	else
		event_del(c->read_event);
	if (wants_input && ovsdb_link_has_input(&c->link))
		event_active(c->read_event, EV_READ, 0);
	bool is_partial = may_run(c) && c->in_size > 0 && c->in_scanned == c->in_size;
	if (!is_partial)
		c->partial_since_ms = 0;
	else if (c->partial_since_ms == 0)
		c->partial_since_ms = clock_ms();
}

static void write_out(struct rpc_conn *c)
{
	while (evbuffer_get_length(c->out) > 0 && !c->broken) {
		struct evbuffer_iovec v;
		evbuffer_peek(c->out, -1, NULL, &v, 1);
		ssize_t n = ovsdb_link_write(&c->link, v.iov_base, v.iov_len);
		if (n == -EAGAIN)
			return;
		c->broken = n <= 0;
		if (n > 0) {
			evbuffer_drain(c->out, (size_t)n);
			c->active_ms = clock_ms();
		}
	}
}

/* The last words: what the client sends after them is not read. */
static void give_up(struct rpc_conn *c, const struct err *err)
{
	rpc_conn_send_error(c, err);
	c->closing = true;
}
