/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bytes become JSON messages: a stream of objects with nothing between them but white space, as JSON-RPC 1.0 over a socket is.
 * Each byte is looked at once, however the bytes are cut; what a message may cost is limited before it is decoded.
 *
 * Threads: caller excludes. Memory: owns what has come of a message that is not complete, charged to a budget that streams share.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "datapath/base/err.h"

/* What all streams of a server may hold together, of messages that are not complete. */
struct ovsdb_input_budget {
	size_t limit;
	size_t used;
};

static inline bool ovsdb_input_is_scarce(const struct ovsdb_input_budget *b)
{
	return b->used > b->limit / 2;
}

struct ovsdb_json_limits {
	size_t size;     // bytes of a message
	size_t n_values; // in it, names of members not counted
	unsigned int depth;
};

struct ovsdb_json_stream {
	const struct ovsdb_json_limits *limits;
	struct ovsdb_input_budget *budget;
	char *data; // of a message that has begun
	size_t size;
	size_t capacity;
	size_t last_size, last_n_values; // of the latest message
	size_t n_values;
	unsigned int depth;
	bool in_string;
	bool escaped;
};

/* limits and budget are borrowed for as long as the stream lives. */
void ovsdb_json_stream_init(struct ovsdb_json_stream *s, const struct ovsdb_json_limits *limits,
    struct ovsdb_input_budget *budget);
void ovsdb_json_stream_fini(struct ovsdb_json_stream *s);
/*
 * Takes bytes up to the end of a message, and says how many. 1: *ret is a message, an object, the caller's; 0: all is taken and more
 * is wanted; a negative errno: this is no JSON, or too much of it, and the stream has no next message.
 */
MUST_CHECK
int ovsdb_json_stream_feed(struct ovsdb_json_stream *s, const char *data, size_t size, size_t *used,
    json_t **ret, struct err *err);
/* True when a message has begun and not ended. */
bool ovsdb_json_stream_is_partial(const struct ovsdb_json_stream *s);
