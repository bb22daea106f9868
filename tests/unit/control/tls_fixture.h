/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A CA made for the test, certificates of it, and TLS clients that share the test's thread with the server.
 *
 * Threads: one. Memory: tls_ca_fini frees; files stay in the directory, which is the caller's.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tls_ca {
	struct evp_pkey_st *key;
	struct x509_st *cert;
	char dir[64];
};

/* NAME.pem, the CA's certificate, in dir. */
void tls_ca_init(struct tls_ca *ca, const char *dir, const char *name);
void tls_ca_fini(struct tls_ca *ca);
/* NAME.pem and NAME.key. names: of subjectAltName, "DNS:a,URI:b"; NULL: none. Valid from an hour ago until then. */
void tls_ca_issue(const struct tls_ca *ca, const char *name, const char *names, long valid_s);

struct tls_client {
	int fd;
	struct ssl_ctx_st *context;
	struct ssl_st *tls;
	void (*run)(void *arg); // the server
	void *arg;
};

/* Connects to 127.0.0.1:port. cert NULL: none. max_version 0: any. Whether the handshake was done as the client sees it. */
bool tls_client_connect(struct tls_client *c, int port, const char *dir, const char *cert,
    const char *ca, int max_version);
/* One line, or NULL at the end. Caller frees. */
char *tls_client_read_line(struct tls_client *c);
bool tls_client_send(struct tls_client *c, const char *text);
void tls_client_close(struct tls_client *c);
