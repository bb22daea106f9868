/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/rpc_link.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "control/api/openssl.h"

static ssize_t tls_result(struct rpc_link *l, int result, bool reading);

static ssize_t plain_read(struct rpc_link *l, void *data, size_t size)
{
	ssize_t n = read(l->fd, data, size);
	if (n >= 0)
		return n;
	return errno == EINTR ? -EAGAIN : -errno;
}

static ssize_t plain_write(struct rpc_link *l, const void *data, size_t size)
{
	ssize_t n = write(l->fd, data, size);
	if (n >= 0)
		return n;
	return errno == EINTR ? -EAGAIN : -errno;
}

static bool plain_has_input(const struct rpc_link *)
{
	return false;
}

static void plain_close(struct rpc_link *l)
{
	close(l->fd);
}

/* A record at a time is what OpenSSL gives: goes on until the buffer is full or the socket empty. */
static ssize_t tls_read(struct rpc_link *l, void *data, size_t size)
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

static ssize_t tls_write(struct rpc_link *l, const void *data, size_t size)
{
	ERR_clear_error();
	int n = SSL_write(l->tls, data, (int)MIN_OF(size, (size_t)INT_MAX));
	return n > 0 ? n : tls_result(l, n, false);
}

static bool tls_has_input(const struct rpc_link *l)
{
	return SSL_pending(l->tls) > 0;
}

static void tls_close(struct rpc_link *l)
{
	ERR_clear_error();
	(void)SSL_shutdown(l->tls); // says so, and does not wait for an answer
	SSL_free(l->tls);
	close(l->fd);
}

/* In TLS 1.3 a read may have to write: the answer to a key update. A write never has to read. */
static ssize_t tls_result(struct rpc_link *l, int result, bool reading)
{
	switch (SSL_get_error(l->tls, result)) {
	case SSL_ERROR_WANT_READ: return -EAGAIN;
	case SSL_ERROR_WANT_WRITE: l->read_blocked = reading; return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN: return reading ? 0 : -EPIPE;
	default: return -ECONNRESET;
	}
}

static const struct rpc_link_ops plain_ops = {
    .read = plain_read,
    .write = plain_write,
    .has_input = plain_has_input,
    .close = plain_close,
};
static const struct rpc_link_ops tls_ops = {
    .read = tls_read,
    .write = tls_write,
    .has_input = tls_has_input,
    .close = tls_close,
};

struct rpc_link rpc_link_plain(int fd)
{
	return (struct rpc_link){.ops = &plain_ops, .fd = fd};
}

struct rpc_link rpc_link_tls(int fd, struct ssl_st *tls)
{
	return (struct rpc_link){.ops = &tls_ops, .fd = fd, .tls = tls};
}

ssize_t rpc_link_read(struct rpc_link *l, void *data, size_t size)
{
	return l->ops->read(l, data, size);
}

ssize_t rpc_link_write(struct rpc_link *l, const void *data, size_t size)
{
	return l->ops->write(l, data, size);
}

bool rpc_link_has_input(const struct rpc_link *l)
{
	return l->ops->has_input(l);
}

void rpc_link_close(struct rpc_link *l)
{
	l->ops->close(l);
}
