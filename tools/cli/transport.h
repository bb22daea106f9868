/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The CLI's connection to sluiced: its local socket, or TLS 1.3 with certificates on both sides. Never blocks once connected.
 *
 * Threads: one. Memory: transport_connect allocates; transport_close frees.
 */
#include <sys/types.h>

#include "tools/cli/command.h"

struct ssl_st;
struct ssl_ctx_st;

struct transport {
	int fd;
	struct ssl_ctx_st *context; // NULL: the local socket
	struct ssl_st *tls;
	const char *reason; // why it ended, NULL: unknown
};

/* Returns enum cli_exit. */
MUST_CHECK
int transport_connect(
    const struct cli *cli, uint64_t deadline_ms, struct transport *ret, struct err *err);
void transport_close(struct transport *t);
/* Bytes; 0 at the end; -EAGAIN with the poll events to wait for in *ret_events; another -errno. */
MUST_CHECK
ssize_t transport_read(struct transport *t, void *data, size_t size, short *ret_events);
MUST_CHECK
ssize_t transport_write(struct transport *t, const void *data, size_t size, short *ret_events);
/* What it connects to, for messages. */
const char *transport_place(const struct cli *cli);
