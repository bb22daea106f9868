/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The TLS side of the server: a listener, and handshakes on their way to become connections. What a stranger can use is
 * bounded: handshakes at a time, of an address, and their duration.
 *
 * Threads: sluiced's loop. Memory: the server owns it.
 */
#include "control/api/tls.h"
#include "datapath/base/compiler.h"

enum { TLS_HANDSHAKES_PER_ADDRESS = 8 };

struct rpc_server;
struct rpc_tls;

struct rpc_tls *rpc_tls_create(
    struct rpc_server *s, const char *address, const struct tls_files *files, struct err *err);
void rpc_tls_destroy(struct rpc_tls *t); // NULL is allowed
MUST_CHECK
int rpc_tls_reload(struct rpc_tls *t, struct err *err);
/* Ends handshakes that take too long; listens again. */
void rpc_tls_tick(struct rpc_tls *t, uint64_t now_ms);
/* "192.0.2.1:9443" or "[::1]:9443": numbers only. */
struct sockaddr_storage;
MUST_CHECK
int rpc_tls_parse_address(const char *text, struct sockaddr_storage *ret, struct err *err);
