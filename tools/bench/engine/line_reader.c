/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/engine/line_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fill(struct line_reader *r);

int line_reader_init(struct line_reader *r, int fd, size_t max)
{
	*r = (struct line_reader){.fd = fd, .max = max, .buffer = malloc(max + 1)};
	return r->buffer != NULL ? 0 : -ENOMEM;
}

void line_reader_fini(struct line_reader *r)
{
	free(r->buffer);
	*r = (struct line_reader){.fd = -1};
}

int line_reader_next(struct line_reader *r, const char **ret, size_t *ret_size)
{
	r->used -= r->taken;
	memmove(r->buffer, r->buffer + r->taken, r->used);
	r->taken = 0;
	for (;;) {
		char *end = memchr(r->buffer, '\n', r->used);
		if (end != NULL) {
			*end = '\0';
			*ret = r->buffer;
			*ret_size = (size_t)(end - r->buffer);
			r->taken = *ret_size + 1;
			if (!r->is_skipping)
				return 0;
			r->is_skipping = false;
			return line_reader_next(r, ret, ret_size);
		}
		if (r->used > r->max) {
			bool is_known = r->is_skipping;
			r->used = 0;
			r->is_skipping = true;
			if (!is_known)
				return -EMSGSIZE;
		}
		int rc = fill(r);
		if (rc < 0)
			return rc;
	}
}

static int fill(struct line_reader *r)
{
	ssize_t n = read(r->fd, r->buffer + r->used, r->max + 1 - r->used);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ENODATA;
	r->used += (size_t)n;
	return 0;
}
