/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cli/transport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#define ERR_STATE OPENSSL_ERR_STATE // a type of theirs; ours is an error code
#include <openssl/err.h>
#include <openssl/ssl.h>
#undef ERR_STATE

#include "datapath/base/clock.h"

static const char tls_prefix[] = "tls:", unix_prefix[] = "unix:";

static int connect_unix(const char *path, struct transport *ret, struct err *err);
static int split_host(const char *text, char host[256], const char **ret_port);
static int connect_tls(
    const struct cli *cli, uint64_t deadline_ms, struct transport *ret, struct err *err);
static int make_context(const struct cli *cli, struct transport *ret, struct err *err);
static int connect_tcp(const char *host, const char *port, uint64_t deadline_ms, struct err *err);
static bool connect_one(int fd, const struct addrinfo *a, uint64_t deadline_ms);
static int handshake(struct transport *t, const char *host, uint64_t deadline_ms, struct err *err);
static bool wait_for(int fd, short events, uint64_t deadline_ms);
static ssize_t tls_result(struct transport *t, int result, short *ret_events);

int transport_connect(
    const struct cli *cli, uint64_t deadline_ms, struct transport *ret, struct err *err)
{
	*ret = (struct transport){.fd = -1};
	if (cli->connect == NULL)
		return connect_unix(cli->socket_path, ret, err);
	if (strncmp(cli->connect, unix_prefix, strlen(unix_prefix)) == 0)
		return connect_unix(cli->connect + strlen(unix_prefix), ret, err);
	int rc = connect_tls(cli, deadline_ms, ret, err);
	if (rc != EXIT_OK)
		transport_close(ret);
	return rc;
}

void transport_close(struct transport *t)
{
	if (t->tls != NULL)
		(void)SSL_shutdown(t->tls);
	SSL_free(t->tls);
	SSL_CTX_free(t->context);
	if (t->fd >= 0)
		close(t->fd);
	*t = (struct transport){.fd = -1};
}

ssize_t transport_read(struct transport *t, void *data, size_t size, short *ret_events)
{
	*ret_events = POLLIN;
	if (t->tls != NULL) {
		ERR_clear_error();
		int n = SSL_read(t->tls, data, (int)MIN_OF(size, 1u << 30));
		return n > 0 ? n : tls_result(t, n, ret_events);
	}
	ssize_t n = recv(t->fd, data, size, MSG_DONTWAIT);
	if (n >= 0)
		return n;
	return errno == EINTR ? -EAGAIN : -errno;
}

ssize_t transport_write(struct transport *t, const void *data, size_t size, short *ret_events)
{
	*ret_events = POLLOUT;
	if (t->tls != NULL) {
		ERR_clear_error();
		int n = SSL_write(t->tls, data, (int)MIN_OF(size, 1u << 30));
		return n > 0 ? n : tls_result(t, n, ret_events);
	}
	ssize_t n = send(t->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n >= 0)
		return n;
	return errno == EINTR ? -EAGAIN : -errno;
}

const char *transport_place(const struct cli *cli)
{
	return cli->connect != NULL ? cli->connect : cli->socket_path;
}

static int connect_unix(const char *path, struct transport *ret, struct err *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(sa.sun_path)) {
		err_set(err, ERR_PARAMS, "socket path \"%s\" is too long", path);
		return EXIT_USAGE;
	}
	strncpy(sa.sun_path, path, sizeof(sa.sun_path) - 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0) {
		ret->fd = fd;
		return EXIT_OK;
	}
	int e = errno;
	if (fd >= 0)
		close(fd);
	err_set(err, ERR_STATE, "cannot reach sluiced at %s: %s", path, strerror(e));
	if (e == EACCES)
		err_hint(err, "run as root or as a member of group sluice");
	else
		err_hint(err, "is sluiced running? \"systemctl status sluiced\"; another "
			      "socket: -s PATH");
	return EXIT_UNREACHABLE;
}

static int connect_tls(
    const struct cli *cli, uint64_t deadline_ms, struct transport *ret, struct err *err)
{
	char host[256];
	const char *port;

	if (strncmp(cli->connect, tls_prefix, strlen(tls_prefix)) != 0 ||
	    split_host(cli->connect + strlen(tls_prefix), host, &port) != 0) {
		err_set(
		    err, ERR_PARAMS, "\"%.128s\" is not tls:HOST:PORT or unix:PATH", cli->connect);
		err_hint(err, "an IPv6 address goes in brackets: tls:[2001:db8::1]:9443");
		return EXIT_USAGE;
	}
	if (cli->cert == NULL || cli->key == NULL || cli->ca == NULL) {
		err_set(err, ERR_PARAMS, "TLS needs --cert, --key and --ca");
		err_hint(err, "or SLUICE_CERT, SLUICE_KEY and SLUICE_CA in the environment");
		return EXIT_USAGE;
	}
	int rc = make_context(cli, ret, err);
	if (rc != EXIT_OK)
		return rc;
	ret->fd = connect_tcp(host, port, deadline_ms, err);
	if (ret->fd < 0)
		return EXIT_UNREACHABLE;
	return handshake(ret, host, deadline_ms, err);
}

/* "host:9443", "192.0.2.1:9443", "[2001:db8::1]:9443" */
static int split_host(const char *text, char host[256], const char **ret_port)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon != NULL ? (size_t)(colon - text) : 0;

	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len) != NULL) {
		return -EINVAL;
	}
	if (len == 0 || len > 255 || colon[1] == '\0')
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	*ret_port = colon + 1;
	return 0;
}

static int make_context(const struct cli *cli, struct transport *ret, struct err *err)
{
	const char *file = cli->cert;

	ret->context = SSL_CTX_new(TLS_client_method());
	bool ok = ret->context != NULL &&
		  SSL_CTX_set_min_proto_version(ret->context, TLS1_3_VERSION) == 1;
	if (ok)
		SSL_CTX_set_verify(ret->context, SSL_VERIFY_PEER, NULL);
	ok = ok && SSL_CTX_use_certificate_chain_file(ret->context, file) == 1;
	if (ok)
		file = cli->key;
	ok = ok && SSL_CTX_use_PrivateKey_file(ret->context, file, SSL_FILETYPE_PEM) == 1;
	if (ok)
		file = cli->ca;
	if (ok && SSL_CTX_load_verify_locations(ret->context, file, NULL) == 1)
		return EXIT_OK;
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	err_set(err, ERR_PARAMS, "TLS: cannot use %s: %s", file, reason != NULL ? reason : "?");
	err_hint(err, "--cert, --key and --ca take PEM files; the key must be the certificate's");
	return EXIT_USAGE;
}

static int connect_tcp(const char *host, const char *port, uint64_t deadline_ms, struct err *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	int fd = -1, e = 0, r = getaddrinfo(host, port, &hints, &found);

	for (const struct addrinfo *a = found; r == 0 && a != NULL && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd < 0 || connect_one(fd, a, deadline_ms))
			continue;
		e = errno;
		close(fd);
		fd = -1;
	}
	if (found != NULL)
		freeaddrinfo(found);
	if (fd >= 0)
		return fd;
	err_set(err, ERR_STATE, "cannot reach sluiced at %.200s port %.32s: %s", host, port,
	    r != 0 ? gai_strerror(r) : strerror(e));
	err_hint(err, "is it started with --listen-tls, and does a firewall let the port through?");
	return -1;
}

static bool connect_one(int fd, const struct addrinfo *a, uint64_t deadline_ms)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
		return true;
	if (errno != EINPROGRESS)
		return false;
	if (!wait_for(fd, POLLOUT, deadline_ms)) {
		errno = ETIMEDOUT;
		return false;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0)
		errno = error;
	return error == 0;
}

static int handshake(struct transport *t, const char *host, uint64_t deadline_ms, struct err *err)
{
	struct in6_addr numeric;
	bool is_address =
	    inet_pton(AF_INET, host, &numeric) == 1 || inet_pton(AF_INET6, host, &numeric) == 1;

	ERR_clear_error();
	t->tls = SSL_new(t->context);
	if (t->tls == NULL || SSL_set_fd(t->tls, t->fd) != 1 ||
	    (is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->tls), host)
			: SSL_set1_host(t->tls, host)) != 1) {
		err_set(err, ERR_INTERNAL, "TLS cannot be set up");
		return EXIT_UNREACHABLE;
	}
	if (!is_address)
		SSL_set_tlsext_host_name(t->tls, host);
	for (;;) {
		short events = 0;
		int r = SSL_connect(t->tls);
		if (r == 1)
			return EXIT_OK;
		if (tls_result(t, r, &events) != -EAGAIN)
			break;
		if (wait_for(t->fd, events, deadline_ms))
			continue;
		err_set(err, ERR_STATE, "no TLS from %.200s in time", host);
		err_hint(err, "give it longer with -t SECONDS");
		return EXIT_TIMEOUT;
	}
	long verify = SSL_get_verify_result(t->tls);
	err_set(err, ERR_STATE, "no TLS with %.200s: %s", host,
	    verify != X509_V_OK ? X509_verify_cert_error_string(verify)
	    : t->reason != NULL ? t->reason
				: "the connection was closed");
	err_hint(
	    err, "--ca must be what signed the daemon's certificate, which must name %.100s", host);
	return EXIT_UNREACHABLE;
}

static bool wait_for(int fd, short events, uint64_t deadline_ms)
{
	for (;;) {
		uint64_t now = clock_ms();
		struct pollfd p = {.fd = fd, .events = events};

		if (now >= deadline_ms)
			return false;
		int n = poll(&p, 1, (int)MIN_OF(deadline_ms - now, 3600000u));
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

static ssize_t tls_result(struct transport *t, int result, short *ret_events)
{
	switch (SSL_get_error(t->tls, result)) {
	case SSL_ERROR_WANT_READ: *ret_events = POLLIN; return -EAGAIN;
	case SSL_ERROR_WANT_WRITE: *ret_events = POLLOUT; return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN: return 0;
	default: t->reason = ERR_reason_error_string(ERR_peek_error()); return -ECONNRESET;
	}
}
