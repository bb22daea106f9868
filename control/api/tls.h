/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the daemon's TLS is made of: version 1.3 alone, a certificate asked of each client and checked against one CA, no
 * resumption: whoever comes back is checked again.
 *
 * Threads: sluiced's loop. Memory: tls_context_create allocates; tls_context_destroy frees, connections keep what they need.
 */
#include "control/api/role.h"

struct ssl_ctx_st;
struct ssl_st;

/* PEM files. */
struct tls_files {
	const char *cert; // of the daemon, with what leads to the clients' trust
	const char *key;
	const char *ca; // signs the clients
};

enum { TLS_MAX_NAMES = 16 }; // of a certificate, that roles are looked up for

struct ssl_ctx_st *tls_context_create(const struct tls_files *files, struct err *err);
void tls_context_destroy(struct ssl_ctx_st *context); // NULL is allowed
/*
 * Names in the subjectAltName of the client's certificate, as rules spell them ("DNS:agent1"): how many there are, at most
 * TLS_MAX_NAMES. Names with a NUL, or longer than ROLE_NAME_SIZE, are left out.
 */
size_t tls_peer_names(const struct ssl_st *tls, char names[TLS_MAX_NAMES][ROLE_NAME_SIZE]);
/* When the client's certificate ends, in seconds since 1970. */
int64_t tls_peer_expiry_s(const struct ssl_st *tls);
/* Why a handshake failed: OpenSSL's first reason. */
const char *tls_reason(const struct ssl_st *tls);
