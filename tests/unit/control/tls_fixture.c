/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/control/tls_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/api/openssl.h"
#include "datapath/base/clock.h"

enum { PATIENCE_MS = 5000, BACK_S = 3600, CA_VALID_S = 86400 };

static X509 *make(
    EVP_PKEY *key, const char *name, const char *names, long valid_s, const struct tls_ca *issuer);
static void add_extension(X509 *cert, int nid, const char *value);
static void write_pem(const char *dir, const char *name, X509 *cert, EVP_PKEY *key);
static void must(bool ok, const char *what);
static bool again(struct tls_client *c, int result, uint64_t end_ms);

void tls_ca_init(struct tls_ca *ca, const char *dir, const char *name)
{
	snprintf(ca->dir, sizeof(ca->dir), "%s", dir);
	ca->key = EVP_EC_gen("P-256");
	must(ca->key != NULL, "key");
	ca->cert = NULL;
	ca->cert = make(ca->key, name, NULL, CA_VALID_S, NULL);
	write_pem(dir, name, ca->cert, NULL);
}

void tls_ca_fini(struct tls_ca *ca)
{
	X509_free(ca->cert);
	EVP_PKEY_free(ca->key);
}

void tls_ca_issue(const struct tls_ca *ca, const char *name, const char *names, long valid_s)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = make(key, name, names, valid_s, ca);
	write_pem(ca->dir, name, cert, key);
	X509_free(cert);
	EVP_PKEY_free(key);
}

bool tls_client_connect(struct tls_client *c, int port, const char *dir, const char *cert,
    const char *ca, int max_version)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	uint64_t end_ms = clock_ms() + PATIENCE_MS;
	char path[200];
	c->context = SSL_CTX_new(TLS_client_method());
	if (max_version != 0)
		SSL_CTX_set_max_proto_version(c->context, max_version);
	snprintf(path, sizeof(path), "%s/%s.pem", dir, ca);
	must(SSL_CTX_load_verify_locations(c->context, path, NULL) == 1, path);
	SSL_CTX_set_verify(c->context, SSL_VERIFY_PEER, NULL);
	if (cert != NULL) {
		snprintf(path, sizeof(path), "%s/%s.pem", dir, cert);
		must(SSL_CTX_use_certificate_chain_file(c->context, path) == 1, path);
		snprintf(path, sizeof(path), "%s/%s.key", dir, cert);
		must(SSL_CTX_use_PrivateKey_file(c->context, path, SSL_FILETYPE_PEM) == 1, path);
	}
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)) == 0, "connect");
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	c->tls = SSL_new(c->context);
	SSL_set_fd(c->tls, c->fd);
	int r;
	while ((r = SSL_connect(c->tls)) != 1)
		if (!again(c, r, end_ms))
			return false;
	c->run(c->arg);
	return true;
}

char *tls_client_read_line(struct tls_client *c)
{
	enum { LINE_SIZE = 1 << 20 };
	uint64_t end_ms = clock_ms() + PATIENCE_MS;
	char *line = malloc(LINE_SIZE);
	size_t size = 0;
	while (size < LINE_SIZE - 1) {
		int n = SSL_read(c->tls, line + size, 1);
		if (n <= 0) {
			if (again(c, n, end_ms))
				continue;
			break;
		}
		if (line[size] == '\n') {
			line[size] = '\0';
			return line;
		}
		size++;
	}
	free(line);
	return NULL;
}

bool tls_client_send(struct tls_client *c, const char *text)
{
	uint64_t end_ms = clock_ms() + PATIENCE_MS;
	size_t size = strlen(text), done = 0;
	SSL_set_mode(c->tls, SSL_MODE_ENABLE_PARTIAL_WRITE);
	while (done < size) {
		int n = SSL_write(c->tls, text + done, (int)(size - done));
		if (n > 0)
			done += (size_t)n;
		else if (!again(c, n, end_ms))
			return false;
		c->run(c->arg);
	}
	return true;
}

void tls_client_close(struct tls_client *c)
{
	SSL_free(c->tls);
	SSL_CTX_free(c->context);
	close(c->fd);
	c->run(c->arg);
}

static bool again(struct tls_client *c, int result, uint64_t end_ms)
{
	int why = SSL_get_error(c->tls, result);
	ERR_clear_error();
	if ((why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) || clock_ms() > end_ms)
		return false;
	c->run(c->arg);
	struct pollfd p = {.fd = c->fd, .events = why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT};
	poll(&p, 1, 1);
	return true;
}

static X509 *make(
    EVP_PKEY *key, const char *name, const char *names, long valid_s, const struct tls_ca *issuer)
{
	static long serial = 1;
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(cert), -BACK_S);
	X509_gmtime_adj(X509_getm_notAfter(cert), valid_s);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(
	    subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, issuer != NULL ? X509_get_subject_name(issuer->cert) : subject);
	add_extension(
	    cert, NID_basic_constraints, issuer == NULL ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (names != NULL)
		add_extension(cert, NID_subject_alt_name, names);
	must(X509_sign(cert, issuer != NULL ? issuer->key : key, EVP_sha256()) > 0, "sign");
	return cert;
}

static void add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	must(e != NULL && X509_add_ext(cert, e, -1) == 1, value);
	X509_EXTENSION_free(e);
}

static void write_pem(const char *dir, const char *name, X509 *cert, EVP_PKEY *key)
{
	char path[200];
	snprintf(path, sizeof(path), "%s/%s.pem", dir, name);
	FILE *f = fopen(path, "w");
	must(f != NULL && PEM_write_X509(f, cert) == 1, path);
	fclose(f);
	if (key == NULL)
		return;
	snprintf(path, sizeof(path), "%s/%s.key", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	f = fdopen(fd, "w");
	must(f != NULL && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1, path);
	fclose(f);
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "tls fixture: %s\n", what);
	abort();
}
