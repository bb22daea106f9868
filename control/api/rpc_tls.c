/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/rpc_tls.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/api/openssl.h"
#include "control/api/rpc_priv.h"
#include "control/mem.h"
#include "datapath/base/clock.h"
#include "datapath/base/net_types.h"

#define LOG_MODULE "tls"
#include "datapath/base/log.h"

enum { BACKLOG = 64, SEND_TIMEOUT_MS = 60000, LOG_INTERVAL_MS = 1000 };

struct handshake {
	struct list node;
	struct rpc_tls *tls;
	struct ovsdb_link link;
	struct event *event;
	struct ip_addr from;
	uint64_t begun_ms;
	bool refused; // and told so: what it sends is read, or the reset would overtake our words
};

struct rpc_tls {
	struct rpc_server *server;
	SSL_CTX *context;
	struct tls_files files;
	int fd;
	struct event *listen_event;
	struct list handshakes;
	uint32_t n;
	uint64_t logged_ms; // last line about a stranger
};

static int open_listener(const char *address, struct err *err);
static void on_listen(evutil_socket_t fd, short what, void *arg);
static void handshake_start(struct rpc_tls *t, int fd, const struct sockaddr_storage *from);
static struct ip_addr address_of(const struct sockaddr_storage *from);
static void on_ready(evutil_socket_t fd, short what, void *arg);
static void handshake_finish(struct handshake *h);
static void refuse_stranger(struct handshake *h, const char *name);
static void drain(struct handshake *h);
static void handshake_destroy(struct handshake *h);
static void report(struct rpc_tls *t, const struct ip_addr *from, const char *what);

struct rpc_tls *rpc_tls_create(
    struct rpc_server *s, const char *address, const struct tls_files *files, struct err *err)
{
	SSL_CTX *context = tls_context_create(files, err);
	if (context == NULL)
		return NULL;
	int fd = open_listener(address, err);
	if (fd < 0) {
		tls_context_destroy(context);
		return NULL;
	}
	struct rpc_tls *t = mem_alloc(sizeof(*t));
	t->server = s;
	t->context = context;
	t->files = *files;
	t->fd = fd;
	list_init(&t->handshakes);
	t->listen_event = event_new(s->base, fd, EV_READ | EV_PERSIST, on_listen, t);
	event_add(t->listen_event, NULL);
	return t;
}

void rpc_tls_destroy(struct rpc_tls *t)
{
	if (t == NULL)
		return;
	list_foreach_safe (h, &t->handshakes, struct handshake, node)
		handshake_destroy(h);
	event_free(t->listen_event);
	close(t->fd);
	tls_context_destroy(t->context);
	free(t);
}

int rpc_tls_reload(struct rpc_tls *t, struct err *err)
{
	SSL_CTX *context = tls_context_create(&t->files, err);
	if (context == NULL)
		return err_errno(err->code);
	tls_context_destroy(t->context);
	t->context = context;
	return 0;
}

void rpc_tls_tick(struct rpc_tls *t, uint64_t now_ms)
{
	event_add(t->listen_event, NULL);
	list_foreach_safe (h, &t->handshakes, struct handshake, node) {
		if (now_ms - h->begun_ms <= t->server->limits.handshake_ms)
			continue;
		if (!h->refused) {
			t->server->counters.n_tls_late++;
			report(t, &h->from, "the handshake took too long");
		}
		handshake_destroy(h);
	}
}

int rpc_tls_parse_address(const char *text, struct sockaddr_storage *ret, struct err *err)
{
	char host[INET6_ADDRSTRLEN];
	const char *colon = strrchr(text, ':');
	const char *begin = text, *end = colon;
	if (colon != NULL && text[0] == '[' && colon > text && colon[-1] == ']') {
		begin++;
		end--;
	} else if (colon != NULL && memchr(text, ':', (size_t)(colon - text)) != NULL) {
		colon = NULL; // IPv6 without its brackets
	}
	struct addrinfo *found = NULL;
	const struct addrinfo hints = {
	    .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	if (colon != NULL && end > begin && (size_t)(end - begin) < sizeof(host) &&
	    colon[1] != '\0') {
		memcpy(host, begin, (size_t)(end - begin));
		host[end - begin] = '\0';
		if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
			found = NULL;
	}
	if (found == NULL) {
		err_set(err, ERR_PARAMS, "\"%.64s\" is not ADDR:PORT", text);
		return err_hint(err, "numbers only: 192.0.2.1:9443, [2001:db8::1]:9443, [::]:9443");
	}
	memset(ret, 0, sizeof(*ret));
	memcpy(ret, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return 0;
}

static int open_listener(const char *address, struct err *err)
{
	struct sockaddr_storage addr;
	const int on = 1;
	if (rpc_tls_parse_address(address, &addr, err) != 0)
		return -1;
	int fd = socket(addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t size =
	    addr.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, (struct sockaddr *)&addr, size) != 0 || listen(fd, BACKLOG) != 0) {
		err_set(err, ERR_INTERNAL, "cannot listen on %.64s: %s", address, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static void on_listen(evutil_socket_t fd, short, void *arg)
{
	struct rpc_tls *t = arg;
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	int conn = accept4(fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (conn >= 0) {
		handshake_start(t, conn, &from);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		/* The connection would wake the loop for ever. The tick listens again. */
		log_err("accept: %s", strerror(errno));
		event_del(t->listen_event);
	}
}

static void handshake_start(struct rpc_tls *t, int fd, const struct sockaddr_storage *from)
{
	const int on = 1, timeout_ms = SEND_TIMEOUT_MS;
	struct rpc_server *s = t->server;
	struct ip_addr address = address_of(from);
	uint32_t n_of_address = 0;
	list_foreach (h, &t->handshakes, struct handshake, node)
		n_of_address += ip_equal(&h->from, &address);
	SSL *tls = NULL;
	if (t->n < s->limits.n_handshakes && n_of_address < TLS_HANDSHAKES_PER_ADDRESS)
		tls = SSL_new(t->context);
	if (tls == NULL || SSL_set_fd(tls, fd) != 1) {
		s->counters.n_refused++;
		SSL_free(tls);
		close(fd);
		return;
	}
	/* A peer that vanished is found out, also when it only listens. */
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	SSL_set_accept_state(tls);
	struct handshake *h = mem_alloc(sizeof(*h));
	h->tls = t;
	h->link = (struct ovsdb_link){.fd = fd, .tls = tls};
	h->from = address;
	h->begun_ms = clock_ms();
	h->event = event_new(s->base, fd, EV_READ, on_ready, h);
	event_add(h->event, NULL);
	list_add(&t->handshakes, &h->node);
	t->n++;
}

static struct ip_addr address_of(const struct sockaddr_storage *from)
{
	char text[INET6_ADDRSTRLEN] = "";
	struct ip_addr address = {0};
	socklen_t size =
	    from->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	if (getnameinfo((const struct sockaddr *)from, size, text, sizeof(text), NULL, 0,
		NI_NUMERICHOST) == 0)
		(void)!ip_parse(text, &address);
	return address;
}

static void on_ready(evutil_socket_t fd, short, void *arg)
{
	struct handshake *h = arg;
	struct rpc_tls *t = h->tls;
	if (h->refused) {
		drain(h);
		return;
	}
	ERR_clear_error();
	int r = SSL_do_handshake(h->link.tls);
	if (r == 1) {
		handshake_finish(h);
		return;
	}
	int why = SSL_get_error(h->link.tls, r);
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
		event_assign(h->event, t->server->base, fd,
		    why == SSL_ERROR_WANT_READ ? EV_READ : EV_WRITE, on_ready, h);
		event_add(h->event, NULL);
		return;
	}
	t->server->counters.n_tls_failed++;
	report(t, &h->from, tls_reason(h->link.tls));
	handshake_destroy(h);
}

static void handshake_finish(struct handshake *h)
{
	struct rpc_tls *t = h->tls;
	char names[TLS_MAX_NAMES][ROLE_NAME_SIZE], address[IP_STR_SIZE], text[ROLE_TEXT_SIZE];
	const char *name = NULL;
	size_t n = tls_peer_names(h->link.tls, names);
	const struct role *role =
	    role_of_names(&t->server->rules, (const char(*)[ROLE_NAME_SIZE])names, n, &name);
	if (role == NULL) {
		refuse_stranger(h, n > 0 ? names[0] : "no name");
		return;
	}
	struct rpc_peer peer = {.role = *role, .expires_s = tls_peer_expiry_s(h->link.tls)};
	snprintf(peer.who, sizeof(peer.who), "%s", name);
	snprintf(peer.client, sizeof(peer.client), "%.40s from %s (%s)", name,
	    ip_format(&h->from, address), role_format(role, text));
	struct ovsdb_link link = h->link;
	h->link.tls = NULL;
	t->server->counters.n_tls_accepted++;
	handshake_destroy(h);
	rpc_conn_accept(t->server, &link, &peer);
}

/* The CA knows it, we do not. */
static void refuse_stranger(struct handshake *h, const char *name)
{
	struct rpc_tls *t = h->tls;
	struct err err = {0};
	err_set(&err, ERR_FORBIDDEN, "nobody has given a role to this certificate (%.64s)", name);
	err_hint(&err, "start sluiced with --role cert:NAME=ROLE, NAME as in its subjectAltName");
	t->server->counters.n_tls_unknown++;
	report(t, &h->from, err.what);
	rpc_refuse(&h->link, &err);
	(void)SSL_shutdown(h->link.tls);
	(void)shutdown(h->link.fd, SHUT_WR);
	h->refused = true;
	event_assign(h->event, t->server->base, h->link.fd, EV_READ, on_ready, h);
	event_add(h->event, NULL);
}

static void drain(struct handshake *h)
{
	char bytes[4096];
	if (read(h->link.fd, bytes, sizeof(bytes)) > 0)
		event_add(h->event, NULL);
	else
		handshake_destroy(h);
}

static void handshake_destroy(struct handshake *h)
{
	if (h->link.tls != NULL)
		ovsdb_link_close(&h->link);
	event_free(h->event);
	list_del(&h->node);
	h->tls->n--;
	free(h);
}

/* The counters have them all; the log must not grow with what strangers do. */
static void report(struct rpc_tls *t, const struct ip_addr *from, const char *what)
{
	char address[IP_STR_SIZE];
	uint64_t now = clock_ms();
	if (t->logged_ms != 0 && now - t->logged_ms < LOG_INTERVAL_MS)
		return;
	t->logged_ms = now;
	log_info("%s refused: %s", ip_format(from, address), what);
}
