/* SPDX-License-Identifier: Apache-2.0 */
#include "control/openflow/of_remote.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/mem.h"
#include "datapath/base/clock.h"
#include "ovsdb-lite/address.h"
#include "ovsdb-lite/tls.h"

#define LOG_MODULE "openflow"
#include "datapath/base/log.h"

enum {
	BACKLOG = 64,
	ACCEPTS_PER_PASS = 16,
	RETRY_LISTEN_MS = 1000,
	SEND_TIMEOUT_MS = 60000,
};

struct of_remote {
	struct event_base *base;
	char target[OF_TARGET_SIZE];
	struct ovsdb_address address;
	const struct of_remote_ops *ops;
	void *owner;
	bool was_logged; // that it cannot be had
	char last_error[96];
	uint64_t retry_ms; // the next attempt; 0: none is due
	/* passive */
	int fd; // -1: does not listen
	struct event *accept_event;
	uint64_t n_accepted;
	/* active */
	unsigned int backoff_ms, max_backoff_ms;
	bool is_up;
};

static void start_listening(struct of_remote *r);
static int open_listener(const struct ovsdb_address *a);
static void unlink_socket(const char *path);
static void cannot(struct of_remote *r, const char *what, const char *why);
static void on_accept(evutil_socket_t fd, short what, void *arg);
static void accept_one(struct of_remote *r, int fd, const struct ovsdb_address *from);
static bool start_tls(struct of_remote *r, struct ovsdb_link *link, bool is_server);
static void start_connecting(struct of_remote *r);
static void back_off(struct of_remote *r);
static void tune(const struct of_remote *r, int fd);

struct of_remote *of_remote_create(struct event_base *base, const char *target,
    const struct of_remote_ops *ops, void *owner, struct err *err)
{
	struct ovsdb_address address;
	if (strlen(target) >= OF_TARGET_SIZE) {
		err_set(err, ERR_PARAMS, "a target has at most %d characters", OF_TARGET_SIZE - 1);
		return NULL;
	}
	if (ovsdb_address_parse_port(target, OF_PORT, &address, err) != 0)
		return NULL;
	struct of_remote *r = mem_alloc(sizeof(*r));
	*r = (struct of_remote){.base = base, .address = address, .ops = ops, .owner = owner};
	snprintf(r->target, sizeof(r->target), "%s", target);
	r->fd = -1;
	r->max_backoff_ms = OF_DEFAULT_MAX_BACKOFF_MS;
	r->retry_ms = 1; // at the first tick
	if (address.is_passive)
		start_listening(r);
	return r;
}

void of_remote_destroy(struct of_remote *r)
{
	if (r == NULL)
		return;
	if (r->fd >= 0) {
		event_free(r->accept_event);
		close(r->fd);
		if (ovsdb_address_is_unix(&r->address))
			unlink_socket(r->address.un.sun_path);
	}
	free(r);
}

bool of_remote_is_passive(const struct of_remote *r)
{
	return r->address.is_passive;
}

const char *of_remote_target(const struct of_remote *r)
{
	return r->target;
}

void of_remote_set_max_backoff(struct of_remote *r, unsigned int ms)
{
	r->max_backoff_ms = MAX_OF(ms, (unsigned int)OF_MIN_BACKOFF_MS);
}

void of_remote_tick(struct of_remote *r, uint64_t now_ms)
{
	if (r->retry_ms == 0 || now_ms < r->retry_ms)
		return;
	r->retry_ms = 0;
	if (!r->address.is_passive)
		start_connecting(r);
	else if (r->fd < 0)
		start_listening(r);
	else
		event_add(r->accept_event, NULL); // descriptors had run out
}

void of_remote_on_open(struct of_remote *r)
{
	log_info("%s: connected", r->target);
	r->is_up = true;
	r->backoff_ms = 0;
	r->was_logged = false;
	r->last_error[0] = '\0';
}

void of_remote_on_end(struct of_remote *r, const char *why)
{
	if (why == NULL)
		why = "closed by the other side";
	if (r->is_up)
		log_info("%s: connection dropped (%s)", r->target, why);
	else if (!r->was_logged)
		log_info("%s: connection attempt failed (%s)", r->target, why);
	r->was_logged = true;
	r->is_up = false;
	snprintf(r->last_error, sizeof(r->last_error), "%s", why);
	back_off(r);
}

const char *of_remote_last_error(const struct of_remote *r)
{
	return r->last_error;
}

static void start_listening(struct of_remote *r)
{
	r->retry_ms = 0;
	r->fd = open_listener(&r->address);
	if (r->fd < 0) {
		cannot(r, "listen failed", strerror(-r->fd));
		r->fd = -1;
		r->retry_ms = clock_ms() + RETRY_LISTEN_MS;
		return;
	}
	r->last_error[0] = '\0';
	r->was_logged = false;
	r->accept_event = event_new(r->base, r->fd, EV_READ | EV_PERSIST, on_accept, r);
	event_add(r->accept_event, NULL);
}

/* A descriptor, or a negative errno. */
static int open_listener(const struct ovsdb_address *a)
{
	const int on = 1;
	int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (ovsdb_address_is_unix(a)) {
		unlink_socket(a->un.sun_path);
		(void)fchmod(fd, S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP); // the file's, by bind
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
static void cannot(struct of_remote *r, const char *what, const char *why)
{
	if (!r->was_logged)
		log_err("%s: %s: %s", r->target, what, why);
	r->was_logged = true;
	snprintf(r->last_error, sizeof(r->last_error), "%s", why);
}

static void on_accept(evutil_socket_t fd, short, void *arg)
{
	struct of_remote *r = arg;
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
			log_warn("%s: accept failed: %s", r->target, strerror(errno));
			event_del(r->accept_event);
			r->retry_ms = clock_ms() + RETRY_LISTEN_MS;
		}
		return;
	}
}

static void accept_one(struct of_remote *r, int fd, const struct ovsdb_address *from)
{
	char peer[OVSDB_PEER_SIZE], name[OVSDB_PEER_SIZE];
	struct ovsdb_link link = {.fd = fd};
	if (!start_tls(r, &link, true)) {
		cannot(r, "connection refused", "no certificate and key are set for TLS");
		close(fd);
		return;
	}
	r->n_accepted++;
	if (ovsdb_address_is_unix(&r->address))
		snprintf(name, sizeof(name), "unix#%lu", r->n_accepted);
	else
		snprintf(name, sizeof(name), "%s", ovsdb_address_format_peer(from, peer));
	tune(r, fd);
	r->ops->on_link(r->owner, link, false, name);
}

static bool start_tls(struct of_remote *r, struct ovsdb_link *link, bool is_server)
{
	if (!r->address.is_tls)
		return true;
	struct ssl_ctx_st *context = r->ops->tls(r->owner);
	link->tls = context != NULL ? ovsdb_tls_start(context, link->fd, is_server) : NULL;
	return link->tls != NULL;
}

static void start_connecting(struct of_remote *r)
{
	const struct ovsdb_address *a = &r->address;
	struct ovsdb_link link = {
	    .fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
	const char *why = NULL;
	if (link.fd < 0 || (connect(link.fd, &a->any, a->size) != 0 && errno != EINPROGRESS))
		why = strerror(errno);
	else if (!start_tls(r, &link, false))
		why = "no certificate and key are set for TLS";
	if (why == NULL) {
		tune(r, link.fd);
		r->ops->on_link(r->owner, link, true, r->target);
		return;
	}
	if (link.fd >= 0)
		close(link.fd);
	cannot(r, "connection attempt failed", why);
	back_off(r);
}

static void back_off(struct of_remote *r)
{
	r->backoff_ms =
	    r->backoff_ms == 0 ? OF_MIN_BACKOFF_MS : MIN_OF(r->backoff_ms * 2, r->max_backoff_ms);
	r->retry_ms = clock_ms() + r->backoff_ms;
}

/* A peer that vanished is found out, also when it only listens. */
static void tune(const struct of_remote *r, int fd)
{
	const int on = 1, timeout_ms = SEND_TIMEOUT_MS;
	if (ovsdb_address_is_unix(&r->address))
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}
