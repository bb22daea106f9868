/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The bytes of a connection: a stream socket, plain or under TLS. Never blocks.
 *
 * Threads: sluiced's loop. Memory: the link owns its descriptor and its TLS state until rpc_link_close.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "datapath/base/compiler.h"

struct rpc_link;
struct ssl_st;

struct rpc_link_ops {
	/* Bytes read, 0 at the end, -EAGAIN: later, another -errno: it is gone. */
	ssize_t (*read)(struct rpc_link *l, void *data, size_t size);
	ssize_t (*write)(struct rpc_link *l, const void *data, size_t size);
	/* Bytes wait that the descriptor will not announce. */
	bool (*has_input)(const struct rpc_link *l);
	void (*close)(struct rpc_link *l);
};

struct rpc_link {
	const struct rpc_link_ops *ops;
	int fd;
	struct ssl_st *tls; // NULL: plain
	bool read_blocked;  // reading goes on when the descriptor is writable
};

/* Takes fd. */
struct rpc_link rpc_link_plain(int fd);
/* Takes fd and tls, which is bound to it. */
struct rpc_link rpc_link_tls(int fd, struct ssl_st *tls);
MUST_CHECK
ssize_t rpc_link_read(struct rpc_link *l, void *data, size_t size);
MUST_CHECK
ssize_t rpc_link_write(struct rpc_link *l, const void *data, size_t size);
bool rpc_link_has_input(const struct rpc_link *l);
void rpc_link_close(struct rpc_link *l);
