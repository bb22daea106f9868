/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/dp_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datapath/base/list.h"

enum {
	MAX_FDS = 4,         // taken with a message; more than one is refused, all are closed
	MAX_PER_WAKEUP = 16, // messages, then the loop's other duties get their turn
	SEALS = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW,
};

/* A packet that the socket did not take yet. */
struct queued {
	struct list node;
	int fd; // memfd or -1
	size_t size;
	size_t weight; // bytes of memory it holds
	uint8_t data[];
};

struct dp_conn {
	int fd;
	struct evloop_watch *watch;
	struct dp_conn_handler handler;
	struct list queue;
	size_t queued_size;
	uint64_t n_events_dropped;
	struct {
		struct dp_msg msg;
		uint64_t body[DP_INLINE_MAX / 8];
	} rx;
};

static void on_ready(uint32_t events, void *arg);
static int receive(struct dp_conn *c);
static int take_fds(struct msghdr *m, int fds[MAX_FDS]);
static int handle(struct dp_conn *c, size_t size, const int *fds, int n_fds);
static int handle_memfd(struct dp_conn *c, int fd);
static int flush(struct dp_conn *c);
static int send_packet(struct dp_conn *c, const void *data, size_t size, int fd);
static int send_or_queue(
    struct dp_conn *c, const struct iovec *parts, int n_parts, int fd, size_t weight);
static int make_memfd(const void *body, size_t size);
static void free_queued(struct dp_conn *c, struct queued *q);

int dp_conn_create(
    struct evloop *loop, int fd, const struct dp_conn_handler *handler, struct dp_conn **ret)
{
	struct dp_conn *c = calloc(1, sizeof(*c));
	if (c == NULL) {
		close(fd);
		return -ENOMEM;
	}
	c->fd = fd;
	c->handler = *handler;
	list_init(&c->queue);
	int r = evloop_add(loop, fd, EPOLLIN, on_ready, c, &c->watch);
	if (r < 0) {
		dp_conn_destroy(c);
		return r;
	}
	*ret = c;
	return 0;
}

void dp_conn_destroy(struct dp_conn *c)
{
	if (c == NULL)
		return;
	list_foreach_safe (q, &c->queue, struct queued, node)
		free_queued(c, q);
	evloop_del(c->watch);
	close(c->fd);
	free(c);
}

int dp_conn_reply(struct dp_conn *c, uint32_t type, uint32_t seq, const void *body, size_t size)
{
	if (size > DP_BODY_MAX)
		return -EMSGSIZE;
	struct dp_msg msg = {.type = type, .seq = seq, .size = (uint32_t)size};
	struct iovec parts[] = {{&msg, sizeof(msg)}, {(void *)body, size}};
	if (size <= DP_INLINE_MAX)
		return send_or_queue(c, parts, 2, -1, 0);
	int fd = make_memfd(body, size);
	if (fd < 0)
		return fd;
	msg.flags = DP_MSG_F_MEMFD;
	return send_or_queue(c, parts, 1, fd, size);
}

void dp_conn_event(struct dp_conn *c, uint32_t type, const void *head, size_t head_size,
    const void *tail, size_t tail_size)
{
	assert(head_size + tail_size <= DP_INLINE_MAX);
	struct dp_msg msg = {.type = type, .size = (uint32_t)(head_size + tail_size)};
	struct iovec parts[] = {
	    {&msg, sizeof(msg)}, {(void *)head, head_size}, {(void *)tail, tail_size}};

	if (c->queued_size > DP_CONN_MAX_EVENTS_SIZE || send_or_queue(c, parts, 3, -1, 0) < 0)
		c->n_events_dropped++;
}

uint64_t dp_conn_n_events_dropped(const struct dp_conn *c)
{
	return c->n_events_dropped;
}

static void on_ready(uint32_t events, void *arg)
{
	struct dp_conn *c = arg;
	int r = 0;

	if ((events & EPOLLOUT) != 0)
		r = flush(c);
	for (int i = 0; r == 0 && i < MAX_PER_WAKEUP && list_is_empty(&c->queue); i++)
		r = receive(c);
	// An error that no read meets, because none is made while replies wait.
	if ((r == 0 || r == -EAGAIN) && (events & (EPOLLERR | EPOLLHUP)) != 0)
		r = -EPIPE;
	if (r < 0 && r != -EAGAIN)
		c->handler.on_close(c, c->handler.arg); // c is gone
}

/* One message. 0, -EAGAIN: none there, or -errno: the connection is over. */
static int receive(struct dp_conn *c)
{
	union {
		char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {&c->rx, sizeof(c->rx)};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes)};
	int fds[MAX_FDS];

	ssize_t size = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (size < 0)
		return errno == EINTR ? 0 : -errno;
	int n_fds = take_fds(&m, fds);
	int r = -EPROTO;
	if (size == 0)
		r = -ECONNRESET;
	else if ((m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0)
		r = handle(c, (size_t)size, fds, n_fds);
	for (int i = 0; i < n_fds; i++)
		close(fds[i]);
	return r;
}

static int take_fds(struct msghdr *m, int fds[MAX_FDS])
{
	int n = 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL; h = CMSG_NXTHDR(m, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		int n_here = (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		n_here = MIN_OF(n_here, MAX_FDS - n);
		memcpy(&fds[n], CMSG_DATA(h), (size_t)n_here * sizeof(int));
		n += n_here;
	}
	return n;
}

static int handle(struct dp_conn *c, size_t size, const int *fds, int n_fds)
{
	const struct dp_msg *msg = &c->rx.msg;

	if (size < sizeof(*msg) || (msg->flags & ~(uint32_t)DP_MSG_F_MEMFD) != 0)
		return -EPROTO;
	if ((msg->flags & DP_MSG_F_MEMFD) != 0)
		return n_fds == 1 && size == sizeof(*msg) ? handle_memfd(c, fds[0]) : -EPROTO;
	if (n_fds != 0 || size != sizeof(*msg) + msg->size)
		return -EPROTO;
	return c->handler.on_message(c, msg, c->rx.body, c->handler.arg);
}

/* Sealed, it can neither change under our checks nor shrink under our reads (SIGBUS). */
static int handle_memfd(struct dp_conn *c, int fd)
{
	const struct dp_msg *msg = &c->rx.msg;
	struct stat st;

	int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) < 0)
		return -EPROTO;
	if (msg->size == 0 || msg->size > DP_BODY_MAX || st.st_size < (off_t)msg->size)
		return -EPROTO;
	void *body = mmap(NULL, msg->size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (body == MAP_FAILED)
		return -errno;
	int r = c->handler.on_message(c, msg, body, c->handler.arg);
	munmap(body, msg->size);
	return r;
}

/* Sends what waits. 0, also when some still waits, or -errno. */
static int flush(struct dp_conn *c)
{
	list_foreach_safe (q, &c->queue, struct queued, node) {
		int r = send_packet(c, q->data, q->size, q->fd);
		if (r == -EAGAIN)
			return 0;
		if (r < 0)
			return r;
		free_queued(c, q);
	}
	evloop_modify(c->watch, EPOLLIN);
	return 0;
}

static int send_packet(struct dp_conn *c, const void *data, size_t size, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {(void *)data, size};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	}
	ssize_t n = sendmsg(c->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n >= 0)
		return 0;
	return errno == EINTR || errno == ENOBUFS ? -EAGAIN : -errno;
}

/* Takes fd. Keeps the order: behind what waits already. */
static int send_or_queue(
    struct dp_conn *c, const struct iovec *parts, int n_parts, int fd, size_t weight)
{
	size_t size = 0;

	for (int i = 0; i < n_parts; i++)
		size += parts[i].iov_len;
	struct queued *q = malloc(sizeof(*q) + size);
	if (q == NULL) {
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	*q = (struct queued){.fd = fd, .size = size, .weight = size + weight};
	uint8_t *to = q->data;
	for (int i = 0; i < n_parts; i++) {
		if (parts[i].iov_len > 0)
			memcpy(to, parts[i].iov_base, parts[i].iov_len);
		to += parts[i].iov_len;
	}
	bool first = list_is_empty(&c->queue);
	list_add(&c->queue, &q->node);
	c->queued_size += q->weight;
	int r = first ? send_packet(c, q->data, q->size, q->fd) : -EAGAIN;
	if (r == -EAGAIN) {
		evloop_modify(c->watch, EPOLLOUT);
		return 0;
	}
	free_queued(c, q);
	return r;
}

static int make_memfd(const void *body, size_t size)
{
	int fd = memfd_create("dp", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, (const uint8_t *)body + done, size - done);
		if (n < 0 && errno != EINTR) {
			int r = -errno;
			close(fd);
			return r;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	if (fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

static void free_queued(struct dp_conn *c, struct queued *q)
{
	list_del(&q->node);
	c->queued_size -= q->weight;
	if (q->fd >= 0)
		close(q->fd);
	free(q);
}
