/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The bytes of a connection: a stream socket, plain or under TLS. Never blocks.
 *
 * Threads: the server's loop. Memory: the link owns its descriptor and its TLS state until ovsdb_link_close.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "datapath/base/compiler.h"

struct ssl_st;

struct ovsdb_link {
	int fd;
	struct ssl_st *tls; // NULL: plain
	bool read_blocked;  // reading goes on when the descriptor is writable
	bool write_blocked; // writing goes on when it is readable
};

/* Both results: bytes; 0 at the end (of reading); -EAGAIN: later; another -errno: it is gone. */
MUST_CHECK
ssize_t ovsdb_link_read(struct ovsdb_link *l, void *data, size_t size);
MUST_CHECK
ssize_t ovsdb_link_write(struct ovsdb_link *l, const void *data, size_t size);
/* 0: the handshake is done; -EAGAIN: later, *wants_write says for what; else it failed, and *why says why. */
MUST_CHECK
int ovsdb_link_handshake(struct ovsdb_link *l, bool *wants_write, const char **why);
/* Bytes wait that the descriptor will not announce. */
bool ovsdb_link_has_input(const struct ovsdb_link *l);
void ovsdb_link_close(struct ovsdb_link *l);
