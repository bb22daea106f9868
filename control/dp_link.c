/* SPDX-License-Identifier: Apache-2.0 */
#include "control/dp_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/dp_body.h"
#include "datapath/base/list.h"

#define LOG_MODULE "switch"
#include "datapath/base/log.h"

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

struct dp_link {
	struct event_base *base;
	struct sockaddr_un address;
	struct dp_link_events events;
	int fd;
	struct event *on_readable, *on_writable, *on_retry, *on_timeout;
	unsigned int backoff_ms;
	bool said_down; // a failure to connect is logged once
	uint32_t next_seq;
	struct list pendings, queue;
	size_t n_pending, n_queued;
	uint8_t *in; // one packet
	char last_error[256];
};

static void schedule_retry(struct dp_link *l);
static void try_connect(evutil_socket_t fd, short what, void *arg);
static void forget_queue(struct dp_link *l);
static void fail_pendings(struct dp_link *l);
static void readable(evutil_socket_t fd, short what, void *arg);
static void writable(evutil_socket_t fd, short what, void *arg);
static void reply_late(evutil_socket_t fd, short what, void *arg);
static int transmit(struct dp_link *l, const struct dp_msg *msg, const struct dp_body *body);
static bool receive_one(struct dp_link *l);
static void handle_message(struct dp_link *l, const struct dp_msg *msg, const uint8_t *body);
static void handle_reply(struct dp_link *l, const struct dp_msg *msg, const uint8_t *body);

struct dp_link *dp_link_create(
    struct event_base *base, const char *socket_path, const struct dp_link_events *events)
{
	struct dp_link *l = calloc(1, sizeof(*l));
	if (l == NULL)
		return NULL;
	l->base = base;
	l->events = *events;
	l->fd = -1;
	l->backoff_ms = BACKOFF_MIN_MS;
	l->address.sun_family = AF_UNIX;
	list_init(&l->pendings);
	list_init(&l->queue);
	l->in = malloc(sizeof(struct dp_msg) + DP_INLINE_MAX);
	l->on_retry = event_new(base, -1, 0, try_connect, l);
	l->on_timeout = event_new(base, -1, 0, reply_late, l);
	if (l->in == NULL || l->on_retry == NULL || l->on_timeout == NULL ||
	    strlen(socket_path) >= sizeof(l->address.sun_path)) {
		dp_link_destroy(l);
		return NULL;
	}
	strncpy(l->address.sun_path, socket_path, sizeof(l->address.sun_path) - 1);
	const struct timeval now = {0};
	event_add(l->on_retry, &now);
	return l;
}

void dp_link_destroy(struct dp_link *l)
{
	if (l == NULL)
		return;
	dp_link_drop(l, NULL);
	if (l->on_retry != NULL)
		event_free(l->on_retry);
	if (l->on_timeout != NULL)
		event_free(l->on_timeout);
	free(l->in);
	free(l);
}

void dp_link_drop(struct dp_link *l, const char *why)
{
	if (l->fd < 0)
		return;
	if (why != NULL) {
		log_warn("connection to sluice-switch lost: %s", why);
		snprintf(l->last_error, sizeof(l->last_error), "%s", why);
	}
	if (l->on_readable != NULL)
		event_free(l->on_readable);
	if (l->on_writable != NULL)
		event_free(l->on_writable);
	l->on_readable = l->on_writable = NULL;
	event_del(l->on_timeout);
	close(l->fd);
	l->fd = -1;
	if (l->events.on_close != NULL)
		l->events.on_close(l->events.arg);
	forget_queue(l);
	fail_pendings(l);
	if (why != NULL)
		schedule_retry(l);
}

void dp_link_settle(struct dp_link *l)
{
	l->backoff_ms = BACKOFF_MIN_MS;
	l->said_down = false;
	l->last_error[0] = '\0';
}

const char *dp_link_last_error(const struct dp_link *l)
{
	return l->last_error;
}

int dp_link_send(struct dp_link *l, enum dp_msg_type type, const void *body, size_t size,
    dp_reply_cb *cb, void *arg)
{
	if (l->fd < 0)
		return -ENOTCONN;
	if (l->n_pending >= MAX_PENDING)
		return -EAGAIN;
	struct pending *p = calloc(1, sizeof(*p));
	struct queued *q = calloc(1, sizeof(*q));
	if (p == NULL || q == NULL || dp_body_init(&q->body, body, size) != 0) {
		free(p);
		free(q);
		return -ENOMEM;
	}
	if (++l->next_seq == 0)
		l->next_seq = 1; // 0 is for events
	q->msg = (struct dp_msg){.type = type,
	    .seq = l->next_seq,
	    .size = (uint32_t)size,
	    .flags = q->body.memfd >= 0 ? DP_MSG_F_MEMFD : 0};
	int rc = l->n_queued == 0 ? transmit(l, &q->msg, &q->body) : -EAGAIN;
	bool waits = rc == -EAGAIN && l->n_queued < SEND_QUEUE_MAX;
	if (waits) {
		list_add(&l->queue, &q->node);
		l->n_queued++;
		event_add(l->on_writable, NULL);
	} else {
		dp_body_fini(&q->body);
		free(q);
	}
	if (rc != 0 && !waits) {
		free(p);
		return rc;
	}
	*p = (struct pending){.seq = l->next_seq, .cb = cb, .arg = arg};
	list_add(&l->pendings, &p->node);
	if (l->n_pending++ == 0) {
		const struct timeval timeout = {.tv_sec = REPLY_TIMEOUT_MS / 1000};
		event_add(l->on_timeout, &timeout);
	}
	return 0;
}

static void schedule_retry(struct dp_link *l)
{
	const struct timeval wait = {
	    .tv_sec = l->backoff_ms / 1000, .tv_usec = (l->backoff_ms % 1000) * 1000};
	event_add(l->on_retry, &wait);
	l->backoff_ms = MIN_OF(l->backoff_ms * 2, (unsigned int)BACKOFF_MAX_MS);
}

static void try_connect(evutil_socket_t, short, void *arg)
{
	struct dp_link *l = arg;

	l->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&l->address, sizeof(l->address)) != 0) {
		snprintf(l->last_error, sizeof(l->last_error), "%s: %s", l->address.sun_path,
		    strerror(errno));
		if (!l->said_down)
			log_info("waiting for sluice-switch at %s", l->last_error);
		l->said_down = true;
		if (l->fd >= 0)
			close(l->fd);
		l->fd = -1;
		schedule_retry(l);
		return;
	}
	l->on_readable = event_new(l->base, l->fd, EV_READ | EV_PERSIST, readable, l);
	l->on_writable = event_new(l->base, l->fd, EV_WRITE, writable, l);
	if (l->on_readable == NULL || l->on_writable == NULL ||
	    event_add(l->on_readable, NULL) != 0) {
		dp_link_drop(l, "out of memory");
		return;
	}
	l->events.on_open(l->events.arg);
}

static void forget_queue(struct dp_link *l)
{
	list_foreach_safe (q, &l->queue, struct queued, node) {
		list_del(&q->node);
		dp_body_fini(&q->body);
		free(q);
	}
	l->n_queued = 0;
}

/* A callback may ask again: it is refused, not put on the list that is being emptied. */
static void fail_pendings(struct dp_link *l)
{
	struct list waiting;

	list_init(&waiting);
	list_foreach_safe (p, &l->pendings, struct pending, node) {
		list_del(&p->node);
		list_add(&waiting, &p->node);
	}
	l->n_pending = 0;
	list_foreach_safe (p, &waiting, struct pending, node) {
		p->cb(-ENOTCONN, NULL, 0, "the connection to sluice-switch was lost", p->arg);
		free(p);
	}
}

static void readable(evutil_socket_t, short, void *arg)
{
	struct dp_link *l = arg;

	for (unsigned int i = 0; i < 64 && l->fd >= 0; i++) { // then others have their turn
		if (!receive_one(l))
			return;
	}
}

static void writable(evutil_socket_t, short, void *arg)
{
	struct dp_link *l = arg;

	list_foreach_safe (q, &l->queue, struct queued, node) {
		int rc = transmit(l, &q->msg, &q->body);
		if (rc == -EAGAIN) {
			event_add(l->on_writable, NULL);
			return;
		}
		if (rc != 0) {
			dp_link_drop(l, strerror(-rc));
			return;
		}
		list_del(&q->node);
		l->n_queued--;
		dp_body_fini(&q->body);
		free(q);
	}
}

static void reply_late(evutil_socket_t, short, void *arg)
{
	dp_link_drop(arg, "no reply in 10 s");
}

/* 0, -EAGAIN when the socket is full, or -errno. */
static int transmit(struct dp_link *l, const struct dp_msg *msg, const struct dp_body *body)
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
	ssize_t n = sendmsg(l->fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
	return n >= 0 ? 0 : errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

/* False when there is nothing more to read, or no connection any more. */
static bool receive_one(struct dp_link *l)
{
	struct iovec iov = {.iov_base = l->in, .iov_len = sizeof(struct dp_msg) + DP_INLINE_MAX};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr mh = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.space,
	    .msg_controllen = sizeof(control.space)};
	int memfd = -1;

	ssize_t n = recvmsg(l->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		dp_link_drop(l, n == 0 ? "it ended" : strerror(errno));
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
		dp_link_drop(l, "it sent a malformed message");
		return false;
	}
	memcpy(&msg, l->in, sizeof(msg));
	if (dp_body_receive(&body, &msg, l->in + sizeof(msg), (size_t)n - sizeof(msg), memfd) !=
	    0) {
		dp_link_drop(l, "it sent a malformed message");
		return false;
	}
	handle_message(l, &msg, body.data);
	dp_body_fini(&body);
	return l->fd >= 0;
}

static void handle_message(struct dp_link *l, const struct dp_msg *msg, const uint8_t *body)
{
	if (msg->seq == 0)
		l->events.on_event(msg, body, l->events.arg);
	else
		handle_reply(l, msg, body);
}

static void handle_reply(struct dp_link *l, const struct dp_msg *msg, const uint8_t *body)
{
	struct pending *p =
	    list_is_empty(&l->pendings) ? NULL : list_entry(l->pendings.next, struct pending, node);
	struct dp_error e = {.errno_value = EPROTO};

	// Replies come in the order of requests.
	if (p == NULL || p->seq != msg->seq) {
		dp_link_drop(l, "it answered what was not asked");
		return;
	}
	list_del(&p->node);
	if (--l->n_pending == 0) {
		event_del(l->on_timeout);
	} else {
		const struct timeval timeout = {.tv_sec = REPLY_TIMEOUT_MS / 1000};
		event_add(l->on_timeout, &timeout);
	}
	if (msg->type == DP_MSG_ERROR) {
		memcpy(&e, body, MIN_OF((size_t)msg->size, sizeof(e)));
		e.what[sizeof(e.what) - 1] = '\0';
		p->cb(e.errno_value > 0 ? -e.errno_value : -EPROTO, &e, sizeof(e), e.what, p->arg);
	} else {
		p->cb(0, body, msg->size, "", p->arg);
	}
	free(p);
}
