/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/remote.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datapath/base/clock.h"
#include "ovsdb-lite/mem.h"

#define LOG_MODULE "ovsdb"
#include "datapath/base/log.h"

enum {
	BACKLOG = 64,
	ACCEPTS_PER_PASS = 16,
	HANDSHAKES_PER_ADDRESS = 8,
	RETRY_LISTEN_MS = 1000,
	MIN_BACKOFF_MS = 1000,
	DEFAULT_MAX_BACKOFF_MS = 8000,
	DEFAULT_PROBE_MS = 5000,
	MIN_PROBE_MS = 1000,
	SEND_TIMEOUT_MS = 60000,
};

static struct ovsdb_remote *find(const struct ovsdb_server *s, const char *name);
static void add(struct ovsdb_server *s, const struct ovsdb_remote_conf *conf);
static void set_options(struct ovsdb_remote *r, const struct ovsdb_remote_options *options);
static void destroy(struct ovsdb_remote *r);
static void try_now(struct ovsdb_remote *r);
static void start_listening(struct ovsdb_remote *r);
static int open_listener(struct ovsdb_remote *r);
static void unlink_socket(const char *path);
static void cannot(struct ovsdb_remote *r, const char *what, const char *why);
static void on_accept(evutil_socket_t fd, short what, void *arg);
static void accept_one(struct ovsdb_remote *r, int fd, struct ovsdb_address *from);
static bool may_accept(struct ovsdb_remote *r, const struct ovsdb_address *from);
static bool is_same_host(const struct ovsdb_session *s, const struct ovsdb_address *from);
static void adopt(
    struct ovsdb_remote *r, int fd, struct ssl_st *tls, bool is_connecting, const char *name);
static void tune(int fd);
static void start_connecting(struct ovsdb_remote *r);
static void back_off(struct ovsdb_remote *r);

struct ovsdb_remote_options ovsdb_remote_default_options(const char *name)
{
	bool is_local = strncmp(name, "unix:", 5) == 0 || strncmp(name, "punix:", 6) == 0;
	return (struct ovsdb_remote_options){
	    .probe_ms = is_local ? 0 : DEFAULT_PROBE_MS, .max_backoff_ms = DEFAULT_MAX_BACKOFF_MS};
}

void ovsdb_server_set_remotes(
    struct ovsdb_server *s, const struct ovsdb_remote_conf *remotes, size_t n)
{
	list_foreach (r, &s->remotes, struct ovsdb_remote, node)
		r->is_wanted = false;
	for (size_t i = 0; i < n; i++) {
		struct ovsdb_remote *r = find(s, remotes[i].name);
		if (r != NULL && r->options.is_read_only == remotes[i].options.is_read_only)
			r->is_wanted = true;
	}
	list_foreach_safe (r, &s->remotes, struct ovsdb_remote, node)
		if (!r->is_wanted) {
			log_info("%s: remote deconfigured", r->name);
			destroy(r);
		}
	for (size_t i = 0; i < n; i++) {
		struct ovsdb_remote *r = find(s, remotes[i].name);
		if (r != NULL)
			set_options(r, &remotes[i].options);
		else
			add(s, &remotes[i]);
	}
}

bool ovsdb_server_remote_status(
    const struct ovsdb_server *s, const char *name, struct ovsdb_remote_status *ret)
{
	const struct ovsdb_remote *r = find(s, name);
	*ret = (struct ovsdb_remote_status){.connected_s = -1, .disconnected_s = -1};
	if (r == NULL)
		return false;
	ret->n_connections = r->n_sessions;
	ret->bound_port = r->bound_port;
	snprintf(ret->last_error, sizeof(ret->last_error), "%s", r->last_error);
	if (r->address.is_passive) {
		ret->is_connected = r->n_sessions > 0;
		return true;
	}
	uint64_t now_ms = clock_ms();
	if (r->connected_ms != 0)
		ret->connected_s = (int64_t)(now_ms - r->connected_ms) / 1000;
	if (r->disconnected_ms != 0)
		ret->disconnected_s = (int64_t)(now_ms - r->disconnected_ms) / 1000;
	ret->state = "BACKOFF";
	list_foreach (session, &r->sessions, struct ovsdb_session, node) {
		const struct ovsdb_conn *c = session->conn;
		ret->is_connected = c->state == OVSDB_CONN_OPEN;
		ret->state = !ret->is_connected  ? "CONNECTING"
			     : c->probed_ms != 0 ? "IDLE"
						 : "ACTIVE";
		ovsdb_lock_format(session, ret);
	}
	return true;
}

void ovsdb_remote_status_fini(struct ovsdb_remote_status *status)
{
	free(status->locks_held);
	free(status->locks_waiting);
	free(status->locks_lost);
}

void ovsdb_remote_destroy_all(struct ovsdb_server *s)
{
	list_foreach_safe (r, &s->remotes, struct ovsdb_remote, node)
		destroy(r);
}

void ovsdb_remote_tick(struct ovsdb_server *s, uint64_t now_ms)
{
	list_foreach (r, &s->remotes, struct ovsdb_remote, node) {
		list_foreach_safe (session, &r->sessions, struct ovsdb_session, node)
			ovsdb_conn_tick(session->conn, now_ms);
		if (r->retry_ms != 0 && now_ms >= r->retry_ms)
			try_now(r);
	}
}

void ovsdb_remote_on_open(struct ovsdb_session *s)
{
	struct ovsdb_remote *r = s->remote;
	if (r == NULL || r->address.is_passive || r->connected_ms > r->disconnected_ms)
		return;
	log_info("%s: connected", r->name);
	r->connected_ms = clock_ms();
	r->backoff_ms = 0;
	r->was_logged = false;
	r->last_error[0] = '\0';
}

void ovsdb_remote_on_end(struct ovsdb_session *s, const char *why)
{
	struct ovsdb_remote *r = s->remote;
	if (r == NULL)
		return;
	s->remote = NULL;
	r->n_sessions--;
	if (r->address.is_passive) {
		if (why != NULL && ovsdb_server_may_log(r->server))
			log_info("%s: connection dropped (%s)", s->name, why);
		return;
	}
	if (r->connected_ms > r->disconnected_ms)
		log_info("%s: connection dropped (%s)", r->name,
		    why != NULL ? why : "closed by the other side");
	else if (!r->was_logged)
		log_info("%s: connection attempt failed (%s)", r->name, why != NULL ? why : "?");
	r->was_logged = true;
	r->disconnected_ms = clock_ms();
	snprintf(r->last_error, sizeof(r->last_error), "%s", why != NULL ? why : "End of file");
	back_off(r);
}

void ovsdb_remote_foreach_session(
    struct ovsdb_server *s, void (*visit)(struct ovsdb_session *session, void *arg), void *arg)
{
	list_foreach (r, &s->remotes, struct ovsdb_remote, node)
		list_foreach_safe (session, &r->sessions, struct ovsdb_session, node)
			visit(session, arg);
}

static struct ovsdb_remote *find(const struct ovsdb_server *s, const char *name)
{
	list_foreach (r, &s->remotes, struct ovsdb_remote, node)
		if (strcmp(r->name, name) == 0)
			return r;
	return NULL;
}

static void add(struct ovsdb_server *s, const struct ovsdb_remote_conf *conf)
{
	struct err err = {0};
	unsigned int n = 0;
	list_foreach (other, &s->remotes, struct ovsdb_remote, node)
		n++;
	if (n >= s->limits.remotes || strlen(conf->name) >= OVSDB_REMOTE_NAME_SIZE) {
		s->hits.remotes++;
		log_warn(
		    "%.100s: there are %u remotes, which is the limit, or its name is too long",
		    conf->name, n);
		return;
	}
	struct ovsdb_remote *r = ovsdb_alloc(sizeof(*r));
	r->server = s;
	r->fd = -1;
	snprintf(r->name, sizeof(r->name), "%s", conf->name);
	list_init(&r->sessions);
	list_add(&s->remotes, &r->node);
	set_options(r, &conf->options);
	r->is_parsed = ovsdb_address_parse(r->name, &r->address, &err) == 0;
	if (r->is_parsed)
		try_now(r);
	else
		log_err("%s: %s", r->name, err.what);
}

static void set_options(struct ovsdb_remote *r, const struct ovsdb_remote_options *options)
{
	r->options = *options;
	if (r->options.probe_ms != 0)
		r->options.probe_ms = MAX_OF(r->options.probe_ms, (unsigned int)MIN_PROBE_MS);
	r->options.max_backoff_ms = MAX_OF(r->options.max_backoff_ms, (unsigned int)MIN_BACKOFF_MS);
	list_foreach (session, &r->sessions, struct ovsdb_session, node)
		session->conn->probe_ms = r->options.probe_ms;
}

static void destroy(struct ovsdb_remote *r)
{
	list_foreach_safe (session, &r->sessions, struct ovsdb_session, node) {
		session->remote = NULL;
		ovsdb_session_end(session, NULL);
	}
	if (r->fd >= 0) {
		event_free(r->accept_event);
		close(r->fd);
		if (ovsdb_address_is_unix(&r->address))
			unlink_socket(r->address.un.sun_path);
	}
	list_del(&r->node);
	free(r);
}

static void try_now(struct ovsdb_remote *r)
{
	r->retry_ms = 0;
	if (!r->address.is_passive)
		start_connecting(r);
	else if (r->fd < 0)
		start_listening(r);
	else
		event_add(r->accept_event, NULL); // descriptors had run out
}

static void start_listening(struct ovsdb_remote *r)
{
	struct ovsdb_server *s = r->server;
	struct ovsdb_address bound = r->address;
	socklen_t size = sizeof(bound.inet);
	r->fd = open_listener(r);
	if (r->fd < 0) {
		cannot(r, "listen failed", strerror(-r->fd));
		r->fd = -1;
		r->retry_ms = clock_ms() + RETRY_LISTEN_MS;
		return;
	}
	if (ovsdb_address_is_unix(&r->address) && s->events.on_bind != NULL)
		s->events.on_bind(s->events.arg, r->address.un.sun_path);
	r->last_error[0] = '\0';
	r->was_logged = false;
	r->accept_event = event_new(s->base, r->fd, EV_READ | EV_PERSIST, on_accept, r);
	event_add(r->accept_event, NULL);
	if (ovsdb_address_is_unix(&r->address) || getsockname(r->fd, &bound.any, &size) != 0)
		return;
	r->bound_port = ovsdb_address_port(&bound);
	if (ovsdb_address_port(&r->address) == 0)
		log_info("%s: listening on port %u", r->name, r->bound_port);
	if (s->events.on_listen != NULL)
		s->events.on_listen(s->events.arg, r->name, r->bound_port);
}

/* A descriptor, or a negative errno. */
static int open_listener(struct ovsdb_remote *r)
{
	const int on = 1;
	const struct ovsdb_address *a = &r->address;
	int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (ovsdb_address_is_unix(a)) {
		unlink_socket(a->un.sun_path);
		(void)fchmod(fd, S_IRWXU | S_IRWXG); // bind gives the file this mode
	}
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(fd, &a->any, a->size) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int error = errno;
	close(fd);
	return -error;
}

/* What a former process left. The path may come from a client: nothing else of this name is removed. */
static void unlink_socket(const char *path)
{
	struct stat st;
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
}

/* Once, until it works. */
static void cannot(struct ovsdb_remote *r, const char *what, const char *why)
{
	if (!r->was_logged)
		log_err("%s: %s: %s", r->name, what, why);
	r->was_logged = true;
	snprintf(r->last_error, sizeof(r->last_error), "%s", why);
}

static void on_accept(evutil_socket_t fd, short, void *arg)
{
	struct ovsdb_remote *r = arg;
	for (int i = 0; i < ACCEPTS_PER_PASS; i++) {
		struct ovsdb_address from = {.is_tls = r->address.is_tls};
		from.size = sizeof(from.inet);
		int conn = accept4(fd, &from.any, &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (conn >= 0) {
			accept_one(r, conn, &from);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			/* It would wake the loop for ever. */
			log_warn("%s: accept failed: %s", r->name, strerror(errno));
			event_del(r->accept_event);
			r->retry_ms = clock_ms() + RETRY_LISTEN_MS;
		}
		return;
	}
}

static void accept_one(struct ovsdb_remote *r, int fd, struct ovsdb_address *from)
{
	struct ovsdb_server *s = r->server;
	char peer[OVSDB_PEER_SIZE], name[OVSDB_SESSION_NAME_SIZE];
	struct ssl_st *tls = NULL;
	bool is_good = may_accept(r, from);
	if (is_good && r->address.is_tls) {
		tls = s->tls != NULL ? ovsdb_tls_start(s->tls, fd, true) : NULL;
		is_good = tls != NULL;
		if (!is_good)
			cannot(r, "connection refused", "no certificate and key are set for TLS");
	}
	if (!is_good) {
		s->counters.n_refused++;
		close(fd);
		return;
	}
	if (ovsdb_address_is_unix(&r->address))
		snprintf(name, sizeof(name), "unix#%lu", s->counters.n_accepted);
	else
		snprintf(name, sizeof(name), "%s", ovsdb_address_format_peer(from, peer));
	s->counters.n_accepted++;
	adopt(r, fd, tls, false, name);
}

static bool may_accept(struct ovsdb_remote *r, const struct ovsdb_address *from)
{
	struct ovsdb_server *s = r->server;
	/* Strangers on the network leave room for the host's own clients. */
	unsigned int n_network = 0;
	list_foreach (other, &s->remotes, struct ovsdb_remote, node)
		n_network += ovsdb_address_is_unix(&other->address) ? 0 : other->n_sessions;
	bool is_full =
	    !ovsdb_address_is_unix(&r->address) && n_network > s->limits.sessions / 4 * 3;
	if (is_full || s->n_sessions >= s->limits.sessions) {
		s->hits.sessions++;
		return false;
	}
	if (!r->address.is_tls)
		return true;
	unsigned int n = 0;
	list_foreach (session, &r->sessions, struct ovsdb_session, node)
		n += session->in_handshake && is_same_host(session, from);
	if (s->n_handshakes < s->limits.handshakes && n < HANDSHAKES_PER_ADDRESS)
		return true;
	s->hits.handshakes++;
	return false;
}

static bool is_same_host(const struct ovsdb_session *s, const struct ovsdb_address *from)
{
	char peer[OVSDB_PEER_SIZE];
	ovsdb_address_format_peer(from, peer);
	const char *port = strrchr(peer, ':');
	size_t len = port != NULL ? (size_t)(port - peer) + 1 : 0;
	return strncmp(s->name, peer, len) == 0;
}

static void adopt(
    struct ovsdb_remote *r, int fd, struct ssl_st *tls, bool is_connecting, const char *name)
{
	if (!ovsdb_address_is_unix(&r->address))
		tune(fd);
	struct ovsdb_link link = {.fd = fd, .tls = tls};
	struct ovsdb_session *session =
	    ovsdb_session_create(r->server, r, link, is_connecting, name);
	session->is_read_only = r->options.is_read_only;
	session->conn->probe_ms = r->options.probe_ms;
	list_add(&r->sessions, &session->node);
	r->n_sessions++;
}

/* A peer that vanished is found out, also when it only listens. */
static void tune(int fd)
{
	const int on = 1, timeout_ms = SEND_TIMEOUT_MS;
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void start_connecting(struct ovsdb_remote *r)
{
	const struct ovsdb_address *a = &r->address;
	struct ssl_st *tls = NULL;
	int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = 0;
	if (fd < 0 || (connect(fd, &a->any, a->size) != 0 && errno != EINPROGRESS))
		error = errno;
	if (error == 0 && a->is_tls) {
		tls = r->server->tls != NULL ? ovsdb_tls_start(r->server->tls, fd, false) : NULL;
		error = tls == NULL ? EPROTO : 0;
	}
	if (error == 0) {
		adopt(r, fd, tls, true, r->name);
		return;
	}
	if (fd >= 0)
		close(fd);
	cannot(r, "connection attempt failed", strerror(error));
	back_off(r);
}

static void back_off(struct ovsdb_remote *r)
{
	r->backoff_ms = r->backoff_ms == 0 ? MIN_BACKOFF_MS
					   : MIN_OF(r->backoff_ms * 2, r->options.max_backoff_ms);
	r->retry_ms = clock_ms() + r->backoff_ms;
}
