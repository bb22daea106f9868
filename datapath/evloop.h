/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The event loop of the switch's control thread: descriptors and periodic timers over epoll.
 *
 * A callback may add and delete watches and timers, its own included, and may stop the loop.
 *
 * Threads: one; evloop_stop also from a signal handler or another thread. Memory: evloop_create allocates; watches and
 * timers belong to the loop until deleted. The loop never closes a descriptor.
 */
#include <stdint.h>

#include "datapath/base/compiler.h"

struct evloop;
struct evloop_watch;
struct evloop_timer;

/* events: EPOLLIN, EPOLLOUT, and EPOLLERR or EPOLLHUP unasked. */
typedef void evloop_fd_cb(uint32_t events, void *arg);
typedef void evloop_timer_cb(uint64_t now_ms, void *arg);

struct evloop *evloop_create(void);    // NULL: no memory or no epoll
void evloop_destroy(struct evloop *l); // accepts NULL
/* Calls cb whenever fd is ready for events (level-triggered). 0 or -errno. */
MUST_CHECK
int evloop_add(struct evloop *l, int fd, uint32_t events, evloop_fd_cb *cb, void *arg,
    struct evloop_watch **ret);
/* Waits for other events of the same fd; 0: only errors. */
void evloop_modify(struct evloop_watch *w, uint32_t events);
/* No callback comes after this. Before the fd is closed. Accepts NULL. */
void evloop_del(struct evloop_watch *w);
/* Calls cb every period_ms (> 0), first after one period. Missed periods are skipped, not made up for. */
MUST_CHECK
int evloop_add_timer(struct evloop *l, uint32_t period_ms, evloop_timer_cb *cb, void *arg,
    struct evloop_timer **ret);
void evloop_del_timer(struct evloop_timer *t); // accepts NULL
/* Dispatches until evloop_stop. 0 or -errno. */
MUST_CHECK
int evloop_run(struct evloop *l);
/* One round: waits up to timeout_ms (-1: for ever) for the first event, dispatches what is ready. 0 or -errno. */
MUST_CHECK
int evloop_run_once(struct evloop *l, int timeout_ms);
void evloop_stop(struct evloop *l);
