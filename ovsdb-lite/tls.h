/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the server's TLS is made of: its certificate, and a CA that the other side's must be of; both sides show one. TLS 1.2 and 1.3,
 * no resumption: whoever comes back is checked again.
 *
 * Threads: the server's loop. Memory: ovsdb_tls_context_create allocates; the context is counted by OpenSSL.
 */
#include "datapath/base/err.h"

struct ssl_ctx_st;
struct ssl_st;

/* PEM files; what is NULL or "" is not given. */
struct ovsdb_tls_files {
	const char *private_key;
	const char *certificate;
	const char *ca_cert;
	const char *peer_ca_cert; // shown after the certificate, to peers that have its root alone
	const char *protocols;    // "TLSv1.2,TLSv1.3"; NULL: both
	const char *ciphers;      // OpenSSL's list for TLS 1.2; NULL: its own
};

struct ssl_ctx_st *ovsdb_tls_context_create(const struct ovsdb_tls_files *files, struct err *err);
void ovsdb_tls_context_destroy(struct ssl_ctx_st *context); // NULL is allowed
/* NULL when there is none to be had. */
struct ssl_st *ovsdb_tls_start(struct ssl_ctx_st *context, int fd, bool is_server);
