/* SPDX-License-Identifier: Apache-2.0 */
#include "control/dp_client.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/dp_body.h"
#include "control/dp_diff.h"
#include "datapath/base/list.h"

#define LOG_MODULE "switch"
#include "datapath/base/log.h"

/*
 * States of the connection (enum state), and what each is for:
 *   DISCONNECTED  a timer tries again: 10 ms after a loss, doubling to 1 s.
 *   GREETING      HELLO is sent. Its answer says what the switch holds: generation, digest, number of objects.
 *   DUMPING       the digest differs from the model's: the switch lists {kind, id, digest}.
 *   REPAIRING     the difference is sent as one transaction. Its answer must bear the model's digest.
 *   CONNECTED     current. Transactions go out as they are committed.
 * A commit that happens before CONNECTED is not queued: the model has it, so reconciliation carries it.
 * When a reply is late or malformed the connection is dropped: after reconnecting, digests tell what is true.
 */
enum state { DISCONNECTED, GREETING, DUMPING, REPAIRING, CONNECTED };

enum {
	BACKOFF_MIN_MS = 10,
	BACKOFF_MAX_MS = 1000,
	REPLY_TIMEOUT_MS = 10000,
	MAX_PENDING = 4096, // requests without a reply
	SEND_QUEUE_MAX = 1024,
};

struct pending {
	struct list node;
	uint32_t seq;
	dp_reply_cb *cb;
	void *arg;
};

/* A message the socket did not take yet. */
struct queued {
	struct list node;
	struct dp_msg msg;
	struct dp_body body;
};

struct dp_client {
	struct event_base *base;
	struct sockaddr_un address;
	struct model *model;
	struct dp_client_events events;
	enum state state;
	int fd;
	struct event *on_readable, *on_writable, *on_retry, *on_timeout;
	unsigned int backoff_ms;
	bool said_down; // a failure to connect is logged once
	uint32_t next_seq;
	struct list pendings, queue;
	size_t n_pending, n_queued;
	struct dp_hello_reply hello;
	uint64_t repair_digest; // of the model when the difference was sent
	uint8_t *in;            // one packet
};

static void try_connect(evutil_socket_t fd, short what, void *arg);
static void disconnect(struct dp_client *c, const char *why);
static void readable(evutil_socket_t fd, short what, void *arg);
static void writable(evutil_socket_t fd, short what, void *arg);
static void reply_late(evutil_socket_t fd, short what, void *arg);
static int send_message(struct dp_client *c, enum dp_msg_type type, const void *body, size_t size,
    dp_reply_cb *cb, void *arg);
static int transmit(struct dp_client *c, const struct dp_msg *msg, const struct dp_body *body);
static bool receive_one(struct dp_client *c);
static void handle_message(struct dp_client *c, const struct dp_msg *msg, const uint8_t *body);
static void handle_reply(struct dp_client *c, const struct dp_msg *msg, const uint8_t *body);
static void handle_event(struct dp_client *c, const struct dp_msg *msg, const uint8_t *body);
static void on_hello(int error, const void *body, size_t size, const char *what, void *arg);
static void on_dump(int error, const void *body, size_t size, const char *what, void *arg);
static void on_repaired(int error, const void *body, size_t size, const char *what, void *arg);
static void become_connected(struct dp_client *c);

struct dp_client *dp_client_create(struct event_base *base, const char *socket_path,
    struct model *model, const struct dp_client_events *events)
{
	struct dp_client *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->base = base;
	c->model = model;
	c->events = *events;
	c->fd = -1;
	c->backoff_ms = BACKOFF_MIN_MS;
	c->address.sun_family = AF_UNIX;
	list_init(&c->pendings);
	list_init(&c->queue);
	c->in = malloc(sizeof(struct dp_msg) + DP_INLINE_MAX);
	c->on_retry = event_new(base, -1, 0, try_connect, c);
	c->on_timeout = event_new(base, -1, 0, reply_late, c);
	if (c->in == NULL || c->on_retry == NULL || c->on_timeout == NULL ||
	    strlen(socket_path) >= sizeof(c->address.sun_path)) {
		dp_client_destroy(c);
		return NULL;
	}
	strncpy(c->address.sun_path, socket_path, sizeof(c->address.sun_path) - 1);
	const struct timeval now = {0};
	event_add(c->on_retry, &now);
	return c;
}

void dp_client_destroy(struct dp_client *c)
{
	if (c == NULL)
		return;
	c->events = (struct dp_client_events){0};
	if (c->fd >= 0)
		disconnect(c, NULL);
	if (c->on_retry != NULL)
		event_free(c->on_retry);
	if (c->on_timeout != NULL)
		event_free(c->on_timeout);
	free(c->in);
	free(c);
}

bool dp_client_is_connected(const struct dp_client *c)
{
	return c->state == CONNECTED;
}

const struct dp_hello_reply *dp_client_hello(const struct dp_client *c)
{
	return &c->hello;
}

void dp_client_commit(struct dp_client *c, uint64_t generation, const struct buf_writer *ops,
    uint32_t n_ops, dp_reply_cb *cb, void *arg)
{
	if (c->state != CONNECTED) {
		cb(-ENOTCONN, NULL, 0, "sluice-switch is not connected", arg);
		return;
	}
	struct buf_writer w;
	const struct dp_txn txn = {.generation = generation, .n_ops = n_ops};
	buf_writer_init(&w, DP_BODY_MAX);
	buf_put(&w, &txn, sizeof(txn));
	buf_put(&w, ops->data, ops->size);
	int rc = w.bad ? -E2BIG : send_message(c, DP_MSG_TXN, w.data, w.size, cb, arg);
	buf_writer_fini(&w);
	if (rc != 0)
		cb(rc, NULL, 0, "the transaction could not be sent to sluice-switch", arg);
}

void dp_client_request(struct dp_client *c, enum dp_msg_type type, const void *body, size_t size,
    dp_reply_cb *cb, void *arg)
{
	int rc = c->state == CONNECTED ? send_message(c, type, body, size, cb, arg) : -ENOTCONN;
	if (rc != 0)
		cb(rc, NULL, 0,
		    rc == -ENOTCONN ? "sluice-switch is not connected"
				    : "sluice-switch does not answer fast enough",
		    arg);
}

static void schedule_retry(struct dp_client *c)
{
	const struct timeval wait = {
	    .tv_sec = c->backoff_ms / 1000, .tv_usec = (c->backoff_ms % 1000) * 1000};
	event_add(c->on_retry, &wait);
	c->backoff_ms = MIN_OF(c->backoff_ms * 2, (unsigned int)BACKOFF_MAX_MS);
}

static void try_connect(evutil_socket_t, short, void *arg)
{
	struct dp_client *c = arg;
	struct dp_hello hello = {.version = DP_PROTO_VERSION, .client = "sluiced"};

	c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&c->address, sizeof(c->address)) != 0) {
		if (!c->said_down)
			log_info("waiting for sluice-switch at %s: %s", c->address.sun_path,
			    strerror(errno));
		c->said_down = true;
		if (c->fd >= 0)
			close(c->fd);
		c->fd = -1;
		schedule_retry(c);
		return;
	}
	c->on_readable = event_new(c->base, c->fd, EV_READ | EV_PERSIST, readable, c);
	c->on_writable = event_new(c->base, c->fd, EV_WRITE, writable, c);
	if (c->on_readable == NULL || c->on_writable == NULL ||
	    event_add(c->on_readable, NULL) != 0) {
		disconnect(c, "out of memory");
		return;
	}
	c->state = GREETING;
	if (send_message(c, DP_MSG_HELLO, &hello, sizeof(hello), on_hello, c) != 0)
		disconnect(c, "it does not take a message");
}

/* Drops the connection and tells everybody who waits for a reply. why NULL: on purpose. */
static void disconnect(struct dp_client *c, const char *why)
{
	bool was_connected = c->state == CONNECTED;
	struct list waiting;

	if (c->fd < 0)
		return;
	if (why != NULL)
		log_warn("connection to sluice-switch lost: %s", why);
	if (c->on_readable != NULL)
		event_free(c->on_readable);
	if (c->on_writable != NULL)
		event_free(c->on_writable);
	c->on_readable = c->on_writable = NULL;
	event_del(c->on_timeout);
	close(c->fd);
	c->fd = -1;
	c->state = DISCONNECTED;
	list_foreach_safe (q, &c->queue, struct queued, node) {
		list_del(&q->node);
		dp_body_fini(&q->body);
		free(q);
	}
	c->n_queued = 0;
	// A callback may ask again: it is refused, not put on the list that is being emptied.
	list_init(&waiting);
	list_foreach_safe (p, &c->pendings, struct pending, node) {
		list_del(&p->node);
		list_add(&waiting, &p->node);
	}
	c->n_pending = 0;
	list_foreach_safe (p, &waiting, struct pending, node) {
		if (p->arg != c)
			p->cb(
			    -ENOTCONN, NULL, 0, "the connection to sluice-switch was lost", p->arg);
		free(p);
	}
	if (why == NULL)
		return;
	schedule_retry(c);
	if (was_connected && c->events.on_state != NULL)
		c->events.on_state(false, c->events.arg);
}

static int send_message(struct dp_client *c, enum dp_msg_type type, const void *body, size_t size,
    dp_reply_cb *cb, void *arg)
{
	if (c->n_pending >= MAX_PENDING)
		return -EAGAIN;
	struct pending *p = calloc(1, sizeof(*p));
	struct queued *q = calloc(1, sizeof(*q));
	if (p == NULL || q == NULL || dp_body_init(&q->body, body, size) != 0) {
		free(p);
		free(q);
		return -ENOMEM;
	}
	if (++c->next_seq == 0)
		c->next_seq = 1; // 0 is for events
	q->msg = (struct dp_msg){.type = type,
	    .seq = c->next_seq,
	    .size = (uint32_t)size,
	    .flags = q->body.memfd >= 0 ? DP_MSG_F_MEMFD : 0};
	int rc = c->n_queued == 0 ? transmit(c, &q->msg, &q->body) : -EAGAIN;
	bool waits = rc == -EAGAIN && c->n_queued < SEND_QUEUE_MAX;
	if (waits) {
		list_add(&c->queue, &q->node);
		c->n_queued++;
		event_add(c->on_writable, NULL);
	} else {
		dp_body_fini(&q->body);
		free(q);
	}
	if (rc != 0 && !waits) {
		free(p);
		return rc;
	}
	*p = (struct pending){.seq = c->next_seq, .cb = cb, .arg = arg};
	list_add(&c->pendings, &p->node);
	if (c->n_pending++ == 0) {
		const struct timeval timeout = {.tv_sec = REPLY_TIMEOUT_MS / 1000};
		event_add(c->on_timeout, &timeout);
	}
	return 0;
}

/* 0, -EAGAIN when the socket is full, or -errno. */
static int transmit(struct dp_client *c, const struct dp_msg *msg, const struct dp_body *body)
{
	struct iovec iov[2] = {
	    {.iov_base = (void *)(uintptr_t)msg, .iov_len = sizeof(*msg)},
	    {.iov_base = body->data, .iov_len = body->memfd >= 0 ? 0 : msg->size},
	};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr mh = {.msg_iov = iov, .msg_iovlen = 2};

	if (body->memfd >= 0) {
		mh.msg_control = control.space;
		mh.msg_controllen = sizeof(control.space);
		struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);
		*cm = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
		    .cmsg_type = SCM_RIGHTS,
		    .cmsg_len = CMSG_LEN(sizeof(int))};
		memcpy(CMSG_DATA(cm), &body->memfd, sizeof(int));
	}
	ssize_t n = sendmsg(c->fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
	return n >= 0 ? 0 : errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

static void writable(evutil_socket_t, short, void *arg)
{
	struct dp_client *c = arg;

	list_foreach_safe (q, &c->queue, struct queued, node) {
		int rc = transmit(c, &q->msg, &q->body);
		if (rc == -EAGAIN) {
			event_add(c->on_writable, NULL);
			return;
		}
		if (rc != 0) {
			disconnect(c, strerror(-rc));
			return;
		}
		list_del(&q->node);
		c->n_queued--;
		dp_body_fini(&q->body);
		free(q);
	}
}

static void reply_late(evutil_socket_t, short, void *arg)
{
	disconnect(arg, "no reply in 10 s");
}

static void readable(evutil_socket_t, short, void *arg)
{
	struct dp_client *c = arg;

	for (unsigned int i = 0; i < 64 && c->fd >= 0; i++) { // then others have their turn
		if (!receive_one(c))
			return;
	}
}

/* False when there is nothing more to read, or no connection any more. */
static bool receive_one(struct dp_client *c)
{
	struct iovec iov = {.iov_base = c->in, .iov_len = sizeof(struct dp_msg) + DP_INLINE_MAX};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr mh = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.space,
	    .msg_controllen = sizeof(control.space)};
	int memfd = -1;

	ssize_t n = recvmsg(c->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		disconnect(c, n == 0 ? "it ended" : strerror(errno));
		return false;
	}
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);
	if (cm != NULL && cm->cmsg_type == SCM_RIGHTS && cm->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&memfd, CMSG_DATA(cm), sizeof(int));
	struct dp_msg msg;
	struct dp_body body;
	if ((size_t)n < sizeof(msg) || (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		if (memfd >= 0)
			close(memfd);
		disconnect(c, "it sent a malformed message");
		return false;
	}
	memcpy(&msg, c->in, sizeof(msg));
	if (dp_body_receive(&body, &msg, c->in + sizeof(msg), (size_t)n - sizeof(msg), memfd) !=
	    0) {
		disconnect(c, "it sent a malformed message");
		return false;
	}
	handle_message(c, &msg, body.data);
	dp_body_fini(&body);
	return c->fd >= 0;
}

static void handle_message(struct dp_client *c, const struct dp_msg *msg, const uint8_t *body)
{
	if (msg->seq == 0)
		handle_event(c, msg, body);
	else
		handle_reply(c, msg, body);
}

static void handle_reply(struct dp_client *c, const struct dp_msg *msg, const uint8_t *body)
{
	struct pending *p =
	    list_is_empty(&c->pendings) ? NULL : list_entry(c->pendings.next, struct pending, node);
	struct dp_error e = {.errno_value = EPROTO};

	// Replies come in the order of requests.
	if (p == NULL || p->seq != msg->seq) {
		disconnect(c, "it answered what was not asked");
		return;
	}
	list_del(&p->node);
	if (--c->n_pending == 0) {
		event_del(c->on_timeout);
	} else {
		const struct timeval timeout = {.tv_sec = REPLY_TIMEOUT_MS / 1000};
		event_add(c->on_timeout, &timeout);
	}
	if (msg->type == DP_MSG_ERROR) {
		memcpy(&e, body, MIN_OF((size_t)msg->size, sizeof(e)));
		e.what[sizeof(e.what) - 1] = '\0';
		p->cb(e.errno_value > 0 ? -e.errno_value : -EPROTO, NULL, 0, e.what, p->arg);
	} else {
		p->cb(0, body, msg->size, "", p->arg);
	}
	free(p);
}

static void handle_event(struct dp_client *c, const struct dp_msg *msg, const uint8_t *body)
{
	struct dp_port_event port;
	struct dp_punt_event punt;

	switch (msg->type) {
	case DP_MSG_EV_PORT:
		if (msg->size != sizeof(port) || c->events.on_port == NULL)
			return;
		memcpy(&port, body, sizeof(port));
		port.error[sizeof(port.error) - 1] = '\0';
		c->events.on_port(&port, c->events.arg);
		return;
	case DP_MSG_EV_PUNT:
		if (msg->size < sizeof(punt) || c->events.on_punt == NULL)
			return;
		memcpy(&punt, body, sizeof(punt));
		if (punt.snap <= msg->size - sizeof(punt))
			c->events.on_punt(&punt, body + sizeof(punt), c->events.arg);
		return;
	case DP_MSG_EV_REMOVED:
		if (msg->size % sizeof(struct dp_removed_event) == 0 &&
		    c->events.on_removed != NULL)
			c->events.on_removed((const struct dp_removed_event *)(const void *)body,
			    msg->size / sizeof(struct dp_removed_event), c->events.arg);
		return;
	default: log_debug("event of unknown type %u", msg->type);
	}
}

static void on_hello(int error, const void *body, size_t size, const char *what, void *arg)
{
	struct dp_client *c = arg;

	if (error != 0 || size != sizeof(c->hello)) {
		disconnect(c, error != 0 ? what : "it speaks another version");
		return;
	}
	memcpy(&c->hello, body, sizeof(c->hello));
	if (c->hello.version != DP_PROTO_VERSION) {
		disconnect(c, "it speaks another version");
		return;
	}
	if (c->hello.digest == model_digest(c->model) &&
	    c->hello.n_objects == model_n_objects(c->model)) {
		log_info("sluice-switch holds what it should: %lu objects, generation %lu",
		    c->hello.n_objects, c->hello.generation);
		become_connected(c);
		return;
	}
	c->state = DUMPING;
	if (send_message(c, DP_MSG_DUMP, NULL, 0, on_dump, c) != 0)
		disconnect(c, "it does not take a message");
}

static void on_dump(int error, const void *body, size_t size, const char *what, void *arg)
{
	struct dp_client *c = arg;
	struct buf_writer w;
	size_t n = size / sizeof(struct dp_dump_entry);

	if (error != 0 || size % sizeof(struct dp_dump_entry) != 0) {
		disconnect(c, error != 0 ? what : "its dump is malformed");
		return;
	}
	buf_writer_init(&w, DP_BODY_MAX);
	buf_put_zeros(&w, sizeof(struct dp_txn));
	uint32_t n_ops = dp_diff(c->model, body, n, &w);
	struct dp_txn *txn = (struct dp_txn *)(void *)w.data;
	*txn = (struct dp_txn){.generation = c->hello.generation + 1, .n_ops = n_ops};
	log_info("sluice-switch holds %zu objects of %lu: sending %u changes", n,
	    model_n_objects(c->model), n_ops);
	c->state = REPAIRING;
	c->repair_digest = model_digest(c->model);
	if (w.bad || send_message(c, DP_MSG_TXN, w.data, w.size, on_repaired, c) != 0)
		disconnect(c, "the difference could not be sent");
	buf_writer_fini(&w);
}

static void on_repaired(int error, const void *body, size_t size, const char *what, void *arg)
{
	struct dp_client *c = arg;
	struct dp_txn_reply reply;

	if (error != 0 || size != sizeof(reply)) {
		disconnect(c, error != 0 ? what : "its answer is malformed");
		return;
	}
	memcpy(&reply, body, sizeof(reply));
	c->hello.generation = reply.generation;
	if (reply.digest != c->repair_digest) { // not again at once: that would be a loop
		disconnect(c, "its digest is not that of what it was sent");
		return;
	}
	// A commit came in between: what it changed is the difference now.
	if (reply.digest != model_digest(c->model)) {
		c->state = DUMPING;
		if (send_message(c, DP_MSG_DUMP, NULL, 0, on_dump, c) != 0)
			disconnect(c, "it does not take a message");
		return;
	}
	become_connected(c);
}

static void become_connected(struct dp_client *c)
{
	c->state = CONNECTED;
	c->backoff_ms = BACKOFF_MIN_MS;
	c->said_down = false;
	if (c->events.on_state != NULL)
		c->events.on_state(true, c->events.arg);
}
