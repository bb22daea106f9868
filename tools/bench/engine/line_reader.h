/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lines of a limited length from a descriptor.
 *
 * Threads: caller excludes. Memory: owns one buffer of the limit's size; a line is valid until the next call.
 */
#include <stdbool.h>
#include <stddef.h>

#include "datapath/base/compiler.h"

struct line_reader {
	int fd;
	size_t max, used, taken; // bytes in the buffer; of these, what the last line took
	bool is_skipping;        // the rest of a line that was too long
	char *buffer;
};

MUST_CHECK
int line_reader_init(struct line_reader *r, int fd, size_t max);
void line_reader_fini(struct line_reader *r);
/*
 * 0 with the next line, without its end, NUL-terminated; -EMSGSIZE once for each line that is too long (it is skipped);
 * -ENODATA at the end; -EINTR and other errors of read(2).
 */
MUST_CHECK
int line_reader_next(struct line_reader *r, const char **ret, size_t *ret_size);
