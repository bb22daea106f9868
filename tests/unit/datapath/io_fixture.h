/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A switch of ports and workers only: real EAL, ports and worker threads; forwarding is a table "from this port to that".
 *
 * Threads: the test's. Memory: static.
 */
#include "datapath/dp.h"

extern struct dp io_dp;

/* Starts everything in a network namespace of its own. False: not allowed here (it says so). */
bool io_start(unsigned int n_workers);
void io_stop(void);
/* Whether idle workers may sleep, as they do from the start. */
void io_let_sleep(bool allowed);
/* Creates, publishes and polls a port. NULL when refused. */
struct port *io_add(uint16_t id, enum dp_port_kind kind, const char *arg, uint16_t mtu,
    uint16_t n_queues, uint32_t flags);
/* Unpublishes, waits and destroys. */
void io_del(uint16_t id);
/* What comes in by from leaves by to; 0: nowhere. */
void io_connect(uint16_t from, uint16_t to);
/* Sum over the workers. */
struct port_counters io_counters(uint16_t port);
/* rx + copies - sent - drops - held, which must be 0 when nothing moves. */
int64_t io_unaccounted(uint16_t port);
/* Runs control's timers until done(arg) or the time is over. */
bool io_wait(bool (*done)(void *arg), void *arg, unsigned int timeout_ms);
