/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/rpc_priv.h"

#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "datapath/base/clock.h"
#include "datapath/base/json_util.h"

#define LOG_MODULE "rpc"
#include "datapath/base/log.h"

enum {
	READ_SIZE = 256 * 1024,
	KEEP_SIZE = 64 * 1024,    // input buffer that an idle connection may keep
	LINES_PER_TURN = 16,      // then other connections have their turn
	LOST_RESERVE = 64 * 1024, // output beyond the limit, for the notification that says so
	TICK_MS = 1000,
};

static const struct rpc_limits default_limits = {
    .line_size = 16 << 20,
    .read_line_size = 1 << 20,
    .output_size = 8 << 20,
    .string_size = 64 << 10,
    .n_values = 4000000,
    .n_containers = 1000000,
    .depth = 32,
    .n_batch = 64,
    .n_connections = 64,
    .n_per_uid = 32,
    .n_strikes = 8,
    .idle_ms = 300000,
    .partial_ms = 10000,
};

static int open_socket(const char *path, struct err *err);
static void give_to_group(const char *path);
static void on_listen(evutil_socket_t fd, short what, void *arg);
static void refuse(struct rpc_server *s, int fd, const char *why);
static void conn_create(struct rpc_server *s, int fd, const struct ucred *cred);
static enum rpc_role role_of(int fd, const struct ucred *cred);
static bool is_in_group(int fd, gid_t gid, gid_t wanted);
static void conn_destroy(struct rpc_conn *c);
static bool may_run(const struct rpc_conn *c);
static void on_readable(evutil_socket_t fd, short what, void *arg);
static bool read_some(struct rpc_conn *c);
static void on_writable(evutil_socket_t fd, short what, void *arg);
static void on_run(evutil_socket_t fd, short what, void *arg);
static void run(struct rpc_conn *c);
static size_t next_line(struct rpc_conn *c);
static void drop_input(struct rpc_conn *c, size_t size);
static void check_line_size(struct rpc_conn *c);
static void settle(struct rpc_conn *c);
static void on_tick(evutil_socket_t fd, short what, void *arg);
static void set_tick(struct rpc_server *s);

struct rpc_server *rpc_server_create(
    struct event_base *base, const char *path, struct daemon *d, struct err *err)
{
	if (strlen(path) >= sizeof(((struct rpc_server *)0)->path)) {
		err_set(err, ERR_PARAMS, "socket path %s is longer than 107 bytes", path);
		return NULL;
	}
	int fd = open_socket(path, err);
	if (fd < 0)
		return NULL;

	struct rpc_server *s = calloc(1, sizeof(*s));
	s->base = base;
	s->daemon = d;
	s->listen_fd = fd;
	s->limits = default_limits;
	list_init(&s->conns);
	snprintf(s->path, sizeof(s->path), "%s", path);
	s->listen_event = event_new(base, fd, EV_READ | EV_PERSIST, on_listen, s);
	s->tick_event = event_new(base, -1, EV_PERSIST, on_tick, s);
	event_add(s->listen_event, NULL);
	set_tick(s);
	return s;
}

void rpc_server_destroy(struct rpc_server *s)
{
	if (s == NULL)
		return;
	list_foreach_safe (c, &s->conns, struct rpc_conn, node)
		conn_destroy(c);
	event_free(s->listen_event);
	event_free(s->tick_event);
	close(s->listen_fd);
	unlink(s->path);
	free(s);
}

void rpc_server_on_close(struct rpc_server *s, void (*cb)(uint64_t token, void *arg), void *arg)
{
	s->on_close = cb;
	s->on_close_arg = arg;
}

struct rpc_limits rpc_server_limits(const struct rpc_server *s)
{
	return s->limits;
}

void rpc_server_set_limits(struct rpc_server *s, const struct rpc_limits *limits)
{
	s->limits = *limits;
	set_tick(s);
}

struct rpc_counters rpc_server_counters(const struct rpc_server *s)
{
	struct rpc_counters counters = s->counters;
	counters.n_connections = s->n_conns;
	return counters;
}

bool rpc_notify(struct rpc_server *s, uint64_t token, const char *method, json_t *params)
{
	bool sent = false;
	json_t *message =
	    json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", method, "params", params);
	char *text = json_text(message, JSON_COMPACT);
	json_decref(message);
	if (text == NULL)
		return false;
	size_t size = strlen(text);
	list_foreach (c, &s->conns, struct rpc_conn, node) {
		if (c->token != token)
			continue;
		bool is_last = strcmp(method, "watch.lost") == 0;
		size_t limit = s->limits.output_size + (is_last ? LOST_RESERVE : 0);
		sent = !c->closing && !c->broken && evbuffer_get_length(c->out) + size < limit;
		if (sent) {
			text[size] = '\n'; // in place of the NUL: a message is one line
			rpc_conn_send(c, text, size + 1);
			rpc_conn_wake(c);
		}
		break;
	}
	free(text);
	return sent;
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
	if (text != NULL)
		evbuffer_add_printf(c->out, "%s\n", text);
	free(text);
	json_decref(reply);
}

void rpc_conn_wake(struct rpc_conn *c)
{
	event_active(c->run_event, EV_TIMEOUT, 0);
}

/* A socket that somebody still answers on is not taken over: two daemons would share one run directory. */
static int open_socket(const char *path, struct err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		err_set(err, ERR_INTERNAL, "socket: %s", strerror(errno));
		return -1;
	}
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 || errno == EAGAIN) {
		err_set(err, ERR_STATE, "another daemon answers on %s", path);
		err_hint(err, "stop it, or give this one its own --rundir");
		close(fd);
		return -1;
	}
	unlink(path);
	mode_t old_umask = umask(0117);
	int r = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(old_umask);
	if (r != 0 || listen(fd, 128) != 0) {
		err_set(err, ERR_INTERNAL, "cannot listen on %s: %s", path, strerror(errno));
		close(fd);
		return -1;
	}
	give_to_group(path);
	return fd;
}

static void give_to_group(const char *path)
{
	const struct group *group = getgrnam("sluice");
	if (group != NULL && chown(path, (uid_t)-1, group->gr_gid) != 0)
		log_warn("%s stays closed to group sluice: %s", path, strerror(errno));
}

static void on_listen(evutil_socket_t fd, short, void *arg)
{
	struct rpc_server *s = arg;
	int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (conn < 0) {
		if (errno != EAGAIN && errno != ECONNABORTED) {
			/* Out of descriptors: the connection would wake the loop for ever. The tick listens again. */
			log_err("accept: %s", strerror(errno));
			event_del(s->listen_event);
		}
		return;
	}
	struct ucred cred;
	socklen_t size = sizeof(cred);
	if (getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0) {
		close(conn);
		return;
	}
	uint32_t n_of_uid = 0;
	list_foreach (c, &s->conns, struct rpc_conn, node)
		n_of_uid += c->uid == cred.uid;
	if (s->n_conns >= s->limits.n_connections)
		refuse(s, conn, "too many connections");
	else if (cred.uid != 0 && n_of_uid >= s->limits.n_per_uid)
		refuse(s, conn, "too many connections of this user");
	else
		conn_create(s, conn, &cred);
}

static void refuse(struct rpc_server *s, int fd, const char *why)
{
	struct err err = {0};
	err_set(&err, ERR_BUSY, "%s", why);
	s->counters.n_refused++;
	json_t *reply = json_pack(
	    "{s:s, s:n, s:o}", "jsonrpc", "2.0", "id", "error", rpc_error_to_json(&err, -1));
	char *text = json_text(reply, JSON_COMPACT);
	if (text != NULL)
		dprintf(fd, "%s\n", text);
	free(text);
	json_decref(reply);
	close(fd);
}

static void conn_create(struct rpc_server *s, int fd, const struct ucred *cred)
{
	struct rpc_conn *c = calloc(1, sizeof(*c));
	c->server = s;
	c->fd = fd;
	c->token = ++s->last_token;
	c->uid = cred->uid;
	c->role = role_of(fd, cred);
	c->active_ms = clock_ms();
	snprintf(c->client, sizeof(c->client), "uid %u pid %d", cred->uid, cred->pid);
	c->out = evbuffer_new();
	c->read_event = event_new(s->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->write_event = event_new(s->base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	c->run_event = event_new(s->base, -1, 0, on_run, c);
	event_add(c->read_event, NULL);
	list_add(&s->conns, &c->node);
	s->n_conns++;
}

static enum rpc_role role_of(int fd, const struct ucred *cred)
{
	if (cred->uid == 0 || cred->uid == geteuid())
		return ROLE_ADMIN;
	const struct group *group = getgrnam("sluice");
	if (group != NULL && is_in_group(fd, cred->gid, group->gr_gid))
		return ROLE_OPERATE;
	return ROLE_READ;
}

static bool is_in_group(int fd, gid_t gid, gid_t wanted)
{
	gid_t groups[256];
	socklen_t size = sizeof(groups);
	if (gid == wanted)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0)
		return false;
	for (size_t i = 0; i < size / sizeof(gid_t); i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

static void conn_destroy(struct rpc_conn *c)
{
	struct rpc_server *s = c->server;
	if (c->message != NULL)
		rpc_message_orphan(c->message);
	event_free(c->read_event);
	event_free(c->write_event);
	event_free(c->run_event);
	evbuffer_free(c->out);
	close(c->fd);
	list_del(&c->node);
	s->n_conns--;
	uint64_t token = c->token;
	free(c->in);
	free(c);
	if (s->on_close != NULL)
		s->on_close(token, s->on_close_arg);
}

/* Back-pressure: one message at a time, and none while the client does not read its replies. */
static bool may_run(const struct rpc_conn *c)
{
	return c->message == NULL && !c->closing && !c->broken &&
	       evbuffer_get_length(c->out) <= c->server->limits.output_size;
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
	if (c->in_capacity - c->in_size < READ_SIZE / 2) {
		size_t capacity = c->in_capacity == 0
				      ? KEEP_SIZE
				      : c->in_capacity + MAX_OF(c->in_capacity, READ_SIZE);
		char *in = realloc(c->in, capacity);
		if (in == NULL) {
			c->broken = true;
			return false;
		}
		c->in = in;
		c->in_capacity = capacity;
	}
	ssize_t n =
	    read(c->fd, c->in + c->in_size, MIN_OF(c->in_capacity - c->in_size, (size_t)READ_SIZE));
	if (n < 0) {
		c->broken = errno != EAGAIN && errno != EINTR;
		return false;
	}
	c->at_end = n == 0;
	c->in_size += (size_t)n;
	if (n > 0)
		c->active_ms = clock_ms();
	return true;
}

static void on_writable(evutil_socket_t, short, void *arg)
{
	struct rpc_conn *c = arg;
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
		if (size - 1 <= (c->role == ROLE_READ ? c->server->limits.read_line_size
						      : c->server->limits.line_size))
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
	if (c->in_size == 0 && c->in_capacity > KEEP_SIZE) {
		free(c->in);
		c->in = NULL;
		c->in_capacity = 0;
	}
}

/* There is no way to find the next message after a line that is too long: answer, and close. */
static void check_line_size(struct rpc_conn *c)
{
	const struct rpc_limits *l = &c->server->limits;
	size_t limit = c->role == ROLE_READ ? l->read_line_size : l->line_size;
	if (c->in_scanned <= limit || c->closing)
		return;
	struct err err = {0};
	err_set(&err, ERR_TOO_LARGE, "a line has at most %zu bytes for this client", limit);
	rpc_conn_send_error(c, &err);
	c->closing = true;
}

/* Writes what can be written, and arms exactly the events that can make progress. c may be gone afterwards. */
static void settle(struct rpc_conn *c)
{
	if (evbuffer_get_length(c->out) > 0 && !c->broken) {
		int n = evbuffer_write(c->out, c->fd);
		if (n > 0)
			c->active_ms = clock_ms();
		c->broken = n < 0 && errno != EAGAIN && errno != EINTR;
	}
	bool has_output = evbuffer_get_length(c->out) > 0;
	bool has_line = !c->closing && c->in_scanned < c->in_size;
	bool finished = c->closing || (c->at_end && !has_line && c->message == NULL);
	if (c->broken || (finished && !has_output)) {
		conn_destroy(c);
		return;
	}
	if (has_output)
		event_add(c->write_event, NULL);
	else
		event_del(c->write_event);
	if (may_run(c) && !c->at_end)
		event_add(c->read_event, NULL);
	else
		event_del(c->read_event);
	bool is_partial = may_run(c) && c->in_size > 0 && c->in_scanned == c->in_size;
	if (!is_partial)
		c->partial_since_ms = 0;
	else if (c->partial_since_ms == 0)
		c->partial_since_ms = clock_ms();
}

static void on_tick(evutil_socket_t, short, void *arg)
{
	struct rpc_server *s = arg;
	uint64_t now = clock_ms();
	event_add(s->listen_event, NULL);
	list_foreach_safe (c, &s->conns, struct rpc_conn, node) {
		if (c->partial_since_ms != 0 && now - c->partial_since_ms > s->limits.partial_ms) {
			struct err err = {0};
			err_set(&err, ERR_PARSE, "the line was not finished within %u ms",
			    s->limits.partial_ms);
			rpc_conn_send_error(c, &err);
			c->closing = true;
			settle(c);
			continue;
		}
		bool is_waiting = c->message != NULL || (c->is_subscriber && !c->closing);
		if (!is_waiting && now - c->active_ms > s->limits.idle_ms) {
			log_info(
			    "%s: closed after %u ms without a byte", c->client, s->limits.idle_ms);
			conn_destroy(c);
		}
	}
}

static void set_tick(struct rpc_server *s)
{
	uint32_t shortest = MIN_OF(s->limits.idle_ms, s->limits.partial_ms);
	uint32_t ms = MAX_OF(MIN_OF((uint32_t)TICK_MS, shortest / 4), 1);
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
	event_add(s->tick_event, &tv);
}
