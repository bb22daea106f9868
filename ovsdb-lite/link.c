/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/link.h"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ovsdb-lite/openssl.h"

static ssize_t plain_result(ssize_t n);
static ssize_t tls_read(struct ovsdb_link *l, void *data, size_t size);
static ssize_t tls_result(struct ovsdb_link *l, int result, bool reading);

ssize_t ovsdb_link_read(struct ovsdb_link *l, void *data, size_t size)
{
	if (l->tls != NULL)
		return tls_read(l, data, size);
	return plain_result(recv(l->fd, data, size, 0));
}

ssize_t ovsdb_link_write(struct ovsdb_link *l, const void *data, size_t size)
{
	if (l->tls == NULL)
		return plain_result(send(l->fd, data, size, MSG_NOSIGNAL));
	ERR_clear_error();
	l->write_blocked = false;
	int n = SSL_write(l->tls, data, (int)MIN_OF(size, (size_t)INT_MAX));
	return n > 0 ? n : tls_result(l, n, false);
}

int ovsdb_link_handshake(struct ovsdb_link *l, bool *wants_write, const char **why)
{
	ERR_clear_error();
	int r = SSL_do_handshake(l->tls);
	if (r == 1)
		return 0;
	int reason = SSL_get_error(l->tls, r);
	*wants_write = reason == SSL_ERROR_WANT_WRITE;
	if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	unsigned long code = ERR_peek_error();
	long verify = SSL_get_verify_result(l->tls);
	*why = "the connection was closed";
	if (verify != X509_V_OK)
		*why = X509_verify_cert_error_string(verify);
	else if (code != 0 && ERR_reason_error_string(code) != NULL)
		*why = ERR_reason_error_string(code);
	return -EPROTO;
}

bool ovsdb_link_has_input(const struct ovsdb_link *l)
{
	return l->tls != NULL && SSL_pending(l->tls) > 0;
}

void ovsdb_link_close(struct ovsdb_link *l)
{
	if (l->tls != NULL) {
		ERR_clear_error();
		if (SSL_is_init_finished(l->tls))
			(void)SSL_shutdown(l->tls); // says so, and does not wait for an answer
		SSL_free(l->tls);
	}
	close(l->fd);
}

static ssize_t plain_result(ssize_t n)
{
	if (n >= 0)
		return n;
	return errno == EINTR ? -EAGAIN : -errno;
}

/* A record at a time is what OpenSSL gives: goes on until the buffer is full or the socket empty. */
static ssize_t tls_read(struct ovsdb_link *l, void *data, size_t size)
{
	size_t done = 0;
	l->read_blocked = false;
	while (done < size) {
		ERR_clear_error();
		int n = SSL_read(
		    l->tls, (char *)data + done, (int)MIN_OF(size - done, (size_t)INT_MAX));
		if (n <= 0) {
			ssize_t r = tls_result(l, n, true);
			return done > 0 ? (ssize_t)done : r;
		}
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static ssize_t tls_result(struct ovsdb_link *l, int result, bool reading)
{
	switch (SSL_get_error(l->tls, result)) {
	case SSL_ERROR_WANT_READ: l->write_blocked = !reading; return -EAGAIN;
	case SSL_ERROR_WANT_WRITE: l->read_blocked = reading; return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN: return reading ? 0 : -EPIPE;
	default: return -ECONNRESET;
	}
}
