/* SPDX-License-Identifier: Apache-2.0 */
/* The server: the local socket, who may connect, limits that are of all clients together, time. */
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/api/rpc_priv.h"
#include "control/mem.h"
#include "datapath/base/clock.h"
#include "datapath/base/json_util.h"

#define LOG_MODULE "rpc"
#include "datapath/base/log.h"

enum {
	LOST_RESERVE = 64 * 1024, // output beyond the limit, for the notification that says so
	TICK_MS = 1000,
	MAX_GROUPS = 256, // of a user, that roles are looked up for
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
    .n_per_uid = 8,
    .n_strikes = 8,
    .idle_ms = 300000,
    .partial_ms = 10000,
    .memory_size = (size_t)512 << 20,
    .n_handshakes = 16,
    .handshake_ms = 5000,
};

static int open_socket(const char *path, struct err *err);
static void give_to_group(const char *path);
static void on_listen(evutil_socket_t fd, short what, void *arg);
static int identify(const struct rpc_server *s, int fd, struct rpc_peer *ret);
static size_t memory_of(const struct rpc_server *s, const struct role *role);
static size_t memory_used(const struct rpc_server *s);
static void on_tick(evutil_socket_t fd, short what, void *arg);
static void set_tick(struct rpc_server *s);

struct rpc_server *rpc_server_create(struct event_base *base, const char *path, struct daemon *d,
    const struct role_rules *rules, struct err *err)
{
	if (strlen(path) >= sizeof(((struct rpc_server *)0)->path)) {
		err_set(err, ERR_PARAMS, "socket path %s is longer than 107 bytes", path);
		return NULL;
	}
	int fd = open_socket(path, err);
	if (fd < 0)
		return NULL;

	struct rpc_server *s = mem_alloc(sizeof(*s));
	s->base = base;
	s->daemon = d;
	s->listen_fd = fd;
	s->limits = default_limits;
	if (rules != NULL)
		s->rules = *rules;
	list_init(&s->conns);
	snprintf(s->path, sizeof(s->path), "%s", path);
	s->listen_event = event_new(base, fd, EV_READ | EV_PERSIST, on_listen, s);
	s->tick_event = event_new(base, -1, EV_PERSIST, on_tick, s);
	event_add(s->listen_event, NULL);
	set_tick(s);
	return s;
}

int rpc_server_listen_tls(
    struct rpc_server *s, const char *address, const struct tls_files *files, struct err *err)
{
	s->tls = rpc_tls_create(s, address, files, err);
	return s->tls != NULL ? 0 : err_errno(err->code);
}

int rpc_server_reload_tls(struct rpc_server *s, struct err *err)
{
	return s->tls != NULL ? rpc_tls_reload(s->tls, err) : 0;
}

void rpc_server_destroy(struct rpc_server *s)
{
	if (s == NULL)
		return;
	list_foreach_safe (c, &s->conns, struct rpc_conn, node)
		rpc_conn_destroy(c);
	rpc_tls_destroy(s->tls);
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
	counters.memory_bytes = memory_used(s);
	return counters;
}

int rpc_memory_take(struct rpc_server *s, const struct role *role, size_t size, struct err *err)
{
	if (size <= rpc_memory_left(s, role)) {
		s->charged += size;
		return 0;
	}
	s->counters.n_no_memory++;
	if (size > memory_of(s, role))
		return err_set(err, ERR_TOO_LARGE, "this takes %zu bytes; clients have %zu", size,
		    memory_of(s, role));
	return err_set(err, ERR_BUSY, "all clients together use %zu of %zu bytes", memory_used(s),
	    memory_of(s, role));
}

void rpc_memory_give(struct rpc_server *s, size_t size)
{
	assert(size <= s->charged);
	s->charged -= size;
}

size_t rpc_memory_left(const struct rpc_server *s, const struct role *role)
{
	size_t used = memory_used(s), limit = memory_of(s, role);
	return used < limit ? limit - used : 0;
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
		sent = !c->closing && !c->broken && evbuffer_get_length(c->out) + size < limit &&
		       (is_last || size < rpc_memory_left(s, &c->peer.role));
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

void rpc_conn_accept(struct rpc_server *s, struct ovsdb_link *link, const struct rpc_peer *peer)
{
	uint32_t n = 0;
	struct err err = {0};
	list_foreach (c, &s->conns, struct rpc_conn, node)
		n += strcmp(c->peer.who, peer->who) == 0;
	if (s->n_conns >= s->limits.n_connections)
		err_set(&err, ERR_BUSY, "too many connections");
	else if (!peer->is_root && n >= s->limits.n_per_uid)
		err_set(&err, ERR_BUSY, "too many connections of this user");
	if (err.code == ERR_NONE) {
		rpc_conn_create(s, link, peer);
		return;
	}
	s->counters.n_refused++;
	rpc_refuse(link, &err);
	ovsdb_link_close(link);
}

void rpc_refuse(struct ovsdb_link *link, const struct err *err)
{
	json_t *reply = json_pack(
	    "{s:s, s:n, s:o}", "jsonrpc", "2.0", "id", "error", rpc_error_to_json(err, -1));
	char *text = json_text(reply, JSON_COMPACT);
	size_t size = strlen(text);
	text[size] = '\n'; // in place of the NUL: a message is one line
	(void)!ovsdb_link_write(link, text, size + 1);
	free(text);
	json_decref(reply);
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
	struct rpc_peer peer;
	int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (conn < 0) {
		if (errno != EAGAIN && errno != ECONNABORTED) {
			/* Out of descriptors: the connection would wake the loop for ever. The tick listens again. */
			log_err("accept: %s", strerror(errno));
			event_del(s->listen_event);
		}
		return;
	}
	if (identify(s, conn, &peer) != 0) {
		close(conn);
		return;
	}
	struct ovsdb_link link = {.fd = conn};
	rpc_conn_accept(s, &link, &peer);
}

/* The kernel's word; the pid is for reading only, it may be somebody else's by now. */
static int identify(const struct rpc_server *s, int fd, struct rpc_peer *ret)
{
	gid_t groups[MAX_GROUPS + 1];
	struct ucred cred;
	char text[ROLE_TEXT_SIZE];
	socklen_t size = sizeof(cred), groups_size = MAX_GROUPS * sizeof(gid_t);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_size) != 0)
		groups_size = 0;
	size_t n = groups_size / sizeof(gid_t);
	groups[n++] = cred.gid;
	*ret = (struct rpc_peer){
	    .role = role_of_user(&s->rules, cred.uid, groups, n), .is_root = cred.uid == 0};
	snprintf(ret->who, sizeof(ret->who), "uid %u", cred.uid);
	snprintf(ret->client, sizeof(ret->client), "uid %u pid %d (%s)", cred.uid, cred.pid,
	    role_format(&ret->role, text));
	return 0;
}

/* The last quarter is for those who would have to clean up. */
static size_t memory_of(const struct rpc_server *s, const struct role *role)
{
	size_t size = s->limits.memory_size;
	return role->level == ROLE_ADMIN ? size : size / 4 * 3;
}

static size_t memory_used(const struct rpc_server *s)
{
	size_t used = s->charged;
	list_foreach (c, &s->conns, struct rpc_conn, node)
		used += evbuffer_get_length(c->out);
	return used;
}

static void on_tick(evutil_socket_t, short, void *arg)
{
	struct rpc_server *s = arg;
	uint64_t now = clock_ms();
	event_add(s->listen_event, NULL);
	if (s->tls != NULL)
		rpc_tls_tick(s->tls, now);
	list_foreach_safe (c, &s->conns, struct rpc_conn, node)
		rpc_conn_tick(c, now);
}

static void set_tick(struct rpc_server *s)
{
	uint32_t shortest =
	    MIN_OF(MIN_OF(s->limits.idle_ms, s->limits.partial_ms), s->limits.handshake_ms);
	uint32_t ms = MAX_OF(MIN_OF((uint32_t)TICK_MS, shortest / 4), 1);
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
	event_add(s->tick_event, &tv);
}
