/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON values as compact text, byte for byte what jansson's json_dumps writes with JSON_COMPACT | JSON_ENCODE_ANY, at a tenth of its
 * cost: it checks every container for loops and every character for its width.
 *
 * Threads: any. Memory: the writer's. Precondition: value has no loops and is not nested without limit, as all that was decoded.
 */
#include <jansson.h>

#include "datapath/base/buf.h"

/* The writer becomes bad without room, and of a value that has no text: NULL, or a string that is not UTF-8. */
void json_write(struct buf_writer *w, const json_t *value);
/* A text that is known to be UTF-8. */
void json_write_string(struct buf_writer *w, const char *text, size_t size);
void json_write_integer(struct buf_writer *w, json_int_t value);
