/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON values as text on the wire: compact, and reals as short as they are told apart, without ".0".
 *
 * Threads: caller excludes. Memory: texts grow in the writer.
 */
#include <jansson.h>

#include "datapath/base/buf.h"

void ovsdb_json_write(struct buf_writer *w, const json_t *value);
void ovsdb_json_write_string(struct buf_writer *w, const char *text, size_t size);
void ovsdb_json_write_integer(struct buf_writer *w, json_int_t value);
void ovsdb_json_write_real(struct buf_writer *w, double value);
/* A text literal as it is: punctuation, keys. */
void ovsdb_json_write_raw(struct buf_writer *w, const char *text);
