/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/dp_server.h"

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "datapath/base/buf.h"
#include "datapath/dp_conn.h"
#include "datapath/dp_request.h"
#include "datapath/dp_state.h"
#include "datapath/rule_timeout.h"
#include "datapath/trace.h"

#define LOG_MODULE "dp"
#include "datapath/base/log.h"

enum {
	PUNTS_MS = 10,
	PORTS_MS = 100,
	SECOND_MS = 1000,
	MAX_PUNTS = 256, // per worker and turn
	REMOVED_BATCH = 512,
	SOCKET_MODE = 0660,
};

struct dp_server {
	struct dp *dp;
	struct evloop *loop;
	struct tracer *tracer;
	int fd;
	struct sockaddr_un address;
	struct evloop_watch *watch;
	struct evloop_timer *punts_timer, *ports_timer, *second_timer;
	struct dp_conn *client;   // said HELLO
	struct dp_conn *newcomer; // did not yet
	size_t n_removed;
	struct dp_removed_event removed[REMOVED_BATCH];
};

static int open_socket(struct dp_server *s, struct err *err);
static bool is_served(const struct sockaddr_un *address);
static int start(struct dp_server *s);
static void on_connect(uint32_t events, void *arg);
static int on_message(struct dp_conn *c, const struct dp_msg *msg, const void *body, void *arg);
static void welcome(struct dp_server *s);
static void on_close(struct dp_conn *c, void *arg);
static void on_punts_timer(uint64_t now_ms, void *arg);
static void send_punt(struct dp_server *s, struct rte_mbuf *m);
static void on_ports_timer(uint64_t now_ms, void *arg);
static void send_port(const struct dp_port_event *ev, void *arg);
static void on_second_timer(uint64_t now_ms, void *arg);
static void collect_removed(const struct dp_removed_event *ev, void *arg);
static void send_removed(struct dp_server *s);

int dp_server_create(struct evloop *loop, struct dp *dp, struct dp_server **ret, struct err *err)
{
	struct dp_server *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return err_set(err, ERR_INTERNAL, "out of memory");
	s->dp = dp;
	s->loop = loop;
	s->fd = -1;
	s->tracer = tracer_create(dp);
	int r =
	    s->tracer == NULL ? err_set(err, ERR_INTERNAL, "out of memory") : open_socket(s, err);
	if (r == 0 && start(s) < 0)
		r = err_set(err, ERR_INTERNAL, "cannot watch %s", s->address.sun_path);
	if (r < 0) {
		dp_server_destroy(s);
		return r;
	}
	*ret = s;
	return 0;
}

void dp_server_destroy(struct dp_server *s)
{
	if (s == NULL)
		return;
	s->dp->controller_connected = false;
	dp_conn_destroy(s->client);
	dp_conn_destroy(s->newcomer);
	evloop_del_timer(s->punts_timer);
	evloop_del_timer(s->ports_timer);
	evloop_del_timer(s->second_timer);
	evloop_del(s->watch);
	if (s->fd >= 0) {
		unlink(s->address.sun_path);
		close(s->fd);
	}
	tracer_destroy(s->tracer);
	free(s);
}

static int open_socket(struct dp_server *s, struct err *err)
{
	s->address.sun_family = AF_UNIX;
	int len = snprintf(s->address.sun_path, sizeof(s->address.sun_path), "%s/switch.sock",
	    s->dp->options->rundir);
	if (len < 0 || (size_t)len >= sizeof(s->address.sun_path))
		return err_set(err, ERR_PARAMS, "the run directory's path is too long");
	const char *path = s->address.sun_path;
	if (is_served(&s->address)) {
		err_set(err, ERR_EXISTS, "another sluice-switch serves %s", path);
		return err_hint(err, "give this one another --rundir");
	}
	unlink(path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, ERR_INTERNAL, "cannot make a socket: %s", strerror(errno));
	// The mode of the socket is that of the file it will be: it is never open to more, not for a moment.
	if (fchmod(fd, SOCKET_MODE) < 0 ||
	    bind(fd, (const struct sockaddr *)&s->address, sizeof(s->address)) < 0 ||
	    listen(fd, 4) < 0) {
		err_set(err, ERR_INTERNAL, "cannot listen at %s: %s", path, strerror(errno));
		close(fd);
		return err_hint(err, "does the directory exist, and may we write to it?");
	}
	s->fd = fd;
	if (chmod(path, SOCKET_MODE) < 0) // umask took some
		log_warn("cannot set the mode of %s: %s", path, strerror(errno));
	return 0;
}

/* Whether someone answers there: a socket file that outlived its switch may be replaced. */
static bool is_served(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	int r = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	bool served = r == 0 || errno == EAGAIN;
	close(fd);
	return served;
}

static int start(struct dp_server *s)
{
	int r = evloop_add(s->loop, s->fd, EPOLLIN, on_connect, s, &s->watch);
	if (r == 0)
		r = evloop_add_timer(s->loop, PUNTS_MS, on_punts_timer, s, &s->punts_timer);
	if (r == 0)
		r = evloop_add_timer(s->loop, PORTS_MS, on_ports_timer, s, &s->ports_timer);
	if (r == 0)
		r = evloop_add_timer(s->loop, SECOND_MS, on_second_timer, s, &s->second_timer);
	return r;
}

static void on_connect(uint32_t, void *arg)
{
	struct dp_server *s = arg;
	struct dp_conn_handler handler = {on_message, on_close, s};

	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	dp_conn_destroy(s->newcomer);
	s->newcomer = NULL;
	int r = dp_conn_create(s->loop, fd, &handler, &s->newcomer);
	if (r < 0)
		log_warn("cannot serve a client: %s", strerror(-r));
}

static int on_message(struct dp_conn *c, const struct dp_msg *msg, const void *body, void *arg)
{
	struct dp_server *s = arg;
	struct dp_error error;
	struct buf_writer reply;

	if (c != s->client && msg->type != DP_MSG_HELLO)
		return -EPROTO;
	buf_writer_init(&reply, DP_BODY_MAX);
	int r = dp_request_run(s->dp, s->tracer, msg->type, body, msg->size, &reply, &error);
	if (r < 0)
		r = dp_conn_reply(c, DP_MSG_ERROR, msg->seq, &error, sizeof(error));
	else
		r = dp_conn_reply(c, msg->type, msg->seq, reply.data, reply.size);
	if (r == 0 && c == s->newcomer && error.errno_value == 0)
		welcome(s);
	buf_writer_fini(&reply);
	return r;
}

static void welcome(struct dp_server *s)
{
	if (s->client != NULL) {
		log_info("a newer client replaces the older");
		dp_conn_destroy(s->client);
	}
	dp_state_abort(s->dp->state); // the older's
	s->client = s->newcomer;
	s->newcomer = NULL;
	__atomic_store_n(&s->dp->controller_connected, true, __ATOMIC_RELAXED);
}

static void on_close(struct dp_conn *c, void *arg)
{
	struct dp_server *s = arg;

	if (c == s->newcomer) {
		s->newcomer = NULL;
	} else {
		s->client = NULL;
		dp_state_abort(s->dp->state);
		__atomic_store_n(&s->dp->controller_connected, false, __ATOMIC_RELAXED);
		log_info("client gone, %llu events dropped; forwarding goes on",
		    (unsigned long long)dp_conn_n_events_dropped(c));
	}
	dp_conn_destroy(c);
}

static void on_punts_timer(uint64_t, void *arg)
{
	struct dp_server *s = arg;
	void *m;

	for (unsigned int i = 0; i < s->dp->n_workers; i++) {
		struct rte_ring *ring = s->dp->workers[i]->punts;
		for (int n = 0; n < MAX_PUNTS && rte_ring_sc_dequeue(ring, &m) == 0; n++)
			send_punt(s, m);
	}
	rcu_run();
}

/* The packet's data is the event and the bytes it announces, in one segment. */
static void send_punt(struct dp_server *s, struct rte_mbuf *m)
{
	const struct dp_punt_event *ev = rte_pktmbuf_mtod(m, const struct dp_punt_event *);

	if (s->client != NULL)
		dp_conn_event(s->client, DP_MSG_EV_PUNT, ev, sizeof(*ev), ev + 1,
		    MIN_OF((size_t)ev->snap, rte_pktmbuf_data_len(m) - sizeof(*ev)));
	rte_pktmbuf_free(m);
}

static void on_ports_timer(uint64_t now_ms, void *arg)
{
	struct dp_server *s = arg;

	dp_state_poll_ports(s->dp->state, now_ms, send_port, s);
}

static void send_port(const struct dp_port_event *ev, void *arg)
{
	struct dp_server *s = arg;

	if (s->client != NULL)
		dp_conn_event(s->client, DP_MSG_EV_PORT, ev, sizeof(*ev), NULL, 0);
}

static void on_second_timer(uint64_t now_ms, void *arg)
{
	struct dp_server *s = arg;

	dp_state_run(s->dp->state, now_ms);
	rule_timeout_run(s->dp->state, now_ms, collect_removed, s);
	send_removed(s);
}

static void collect_removed(const struct dp_removed_event *ev, void *arg)
{
	struct dp_server *s = arg;

	if (s->n_removed == REMOVED_BATCH)
		send_removed(s);
	s->removed[s->n_removed++] = *ev;
}

static void send_removed(struct dp_server *s)
{
	if (s->client != NULL && s->n_removed > 0)
		dp_conn_event(s->client, DP_MSG_EV_REMOVED, s->removed,
		    s->n_removed * sizeof(s->removed[0]), NULL, 0);
	s->n_removed = 0;
}
