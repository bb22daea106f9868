/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/evloop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "datapath/base/clock.h"
#include "datapath/base/list.h"

enum { MAX_READY = 64 };

struct evloop_watch {
	struct list node;
	struct evloop *loop;
	int fd; // -1: deleted, freed at the end of the round
	uint32_t events;
	evloop_fd_cb *cb;
	void *arg;
};

struct evloop_timer {
	struct list node;
	struct evloop *loop;
	uint32_t period_ms;
	uint64_t due_ms;
	evloop_timer_cb *cb; // NULL: deleted, freed at the end of the round
	void *arg;
};

struct evloop {
	int epoll_fd;
	int stop_fd; // eventfd: also ends a wait that has begun
	struct evloop_watch *stop_watch;
	bool stopped; // atomic
	struct list watches, timers;
	struct list deleted_watches, deleted_timers;
};

static void on_stop(uint32_t events, void *arg);
static int wait_ms(const struct evloop *l, int timeout_ms);
static void run_timers(struct evloop *l);
static void free_deleted(struct evloop *l);

struct evloop *evloop_create(void)
{
	struct evloop *l = calloc(1, sizeof(*l));
	if (l == NULL)
		return NULL;
	list_init(&l->watches);
	list_init(&l->timers);
	list_init(&l->deleted_watches);
	list_init(&l->deleted_timers);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->epoll_fd < 0 || l->stop_fd < 0 ||
	    evloop_add(l, l->stop_fd, EPOLLIN, on_stop, l, &l->stop_watch) < 0) {
		evloop_destroy(l);
		return NULL;
	}
	return l;
}

void evloop_destroy(struct evloop *l)
{
	if (l == NULL)
		return;
	list_foreach_safe (w, &l->watches, struct evloop_watch, node)
		evloop_del(w);
	list_foreach_safe (t, &l->timers, struct evloop_timer, node)
		evloop_del_timer(t);
	free_deleted(l);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	if (l->stop_fd >= 0)
		close(l->stop_fd);
	free(l);
}

int evloop_add(struct evloop *l, int fd, uint32_t events, evloop_fd_cb *cb, void *arg,
    struct evloop_watch **ret)
{
	struct evloop_watch *w = malloc(sizeof(*w));
	if (w == NULL)
		return -ENOMEM;
	*w = (struct evloop_watch){.loop = l, .fd = fd, .events = events, .cb = cb, .arg = arg};
	struct epoll_event ev = {.events = events, .data.ptr = w};
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		int r = -errno;
		free(w);
		return r;
	}
	list_add(&l->watches, &w->node);
	*ret = w;
	return 0;
}

void evloop_modify(struct evloop_watch *w, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	if (w->fd < 0 || w->events == events)
		return;
	w->events = events;
	if (epoll_ctl(w->loop->epoll_fd, EPOLL_CTL_MOD, w->fd, &ev) < 0)
		abort(); // fails only for an fd that was closed under us
}

void evloop_del(struct evloop_watch *w)
{
	if (w == NULL || w->fd < 0)
		return;
	epoll_ctl(w->loop->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	w->fd = -1;
	list_del(&w->node);
	list_add(&w->loop->deleted_watches, &w->node);
}

int evloop_add_timer(
    struct evloop *l, uint32_t period_ms, evloop_timer_cb *cb, void *arg, struct evloop_timer **ret)
{
	assert(period_ms > 0);
	struct evloop_timer *t = malloc(sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	*t = (struct evloop_timer){.loop = l,
	    .period_ms = period_ms,
	    .due_ms = clock_ms() + period_ms,
	    .cb = cb,
	    .arg = arg};
	list_add(&l->timers, &t->node);
	*ret = t;
	return 0;
}

void evloop_del_timer(struct evloop_timer *t)
{
	if (t == NULL || t->cb == NULL)
		return;
	t->cb = NULL;
	list_del(&t->node);
	list_add(&t->loop->deleted_timers, &t->node);
}

int evloop_run(struct evloop *l)
{
	while (!__atomic_load_n(&l->stopped, __ATOMIC_ACQUIRE)) {
		int r = evloop_run_once(l, -1);
		if (r < 0)
			return r;
	}
	return 0;
}

int evloop_run_once(struct evloop *l, int timeout_ms)
{
	struct epoll_event ready[MAX_READY];
	int n = epoll_wait(l->epoll_fd, ready, MAX_READY, wait_ms(l, timeout_ms));

	if (n < 0 && errno != EINTR)
		return -errno;
	for (int i = 0; i < n; i++) {
		struct evloop_watch *w = ready[i].data.ptr;
		if (w->fd >= 0) // an earlier callback of this round may have deleted it
			w->cb(ready[i].events, w->arg);
	}
	run_timers(l);
	free_deleted(l);
	return 0;
}

void evloop_stop(struct evloop *l)
{
	uint64_t one = 1;

	__atomic_store_n(&l->stopped, true, __ATOMIC_RELEASE);
	// Cannot fail usefully: a full counter wakes the loop just as well.
	ssize_t n = write(l->stop_fd, &one, sizeof(one));
	(void)n;
}

static void on_stop(uint32_t, void *arg)
{
	struct evloop *l = arg;
	uint64_t n;

	ssize_t size = read(l->stop_fd, &n, sizeof(n));
	(void)size;
}

/* Until the first timer is due, at most timeout_ms. */
static int wait_ms(const struct evloop *l, int timeout_ms)
{
	uint64_t now_ms = clock_ms();
	uint64_t wait = timeout_ms < 0 ? UINT64_MAX : (uint64_t)timeout_ms;

	list_foreach (t, &l->timers, struct evloop_timer, node)
		wait = MIN_OF(wait, t->due_ms > now_ms ? t->due_ms - now_ms : 0);
	return wait == UINT64_MAX ? -1 : (int)MIN_OF(wait, (uint64_t)INT_MAX);
}

/* Starts over after each callback: it may have deleted any timer. Each is run once, so that ends. */
static void run_timers(struct evloop *l)
{
	uint64_t now_ms = clock_ms();
	struct list *pos = l->timers.next;

	while (pos != &l->timers) {
		struct evloop_timer *t = list_entry(pos, struct evloop_timer, node);
		pos = pos->next;
		if (t->due_ms > now_ms)
			continue;
		t->due_ms += t->period_ms;
		if (t->due_ms <= now_ms)
			t->due_ms = now_ms + t->period_ms;
		t->cb(now_ms, t->arg);
		pos = l->timers.next;
	}
}

static void free_deleted(struct evloop *l)
{
	list_foreach_safe (w, &l->deleted_watches, struct evloop_watch, node) {
		list_del(&w->node);
		free(w);
	}
	list_foreach_safe (t, &l->deleted_timers, struct evloop_timer, node) {
		list_del(&t->node);
		free(t);
	}
}
