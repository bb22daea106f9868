/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One line of JSON-RPC, decoded strictly: UTF-8, no duplicate keys, integers exact in 64 bits, bounded in depth, values and string
 * size before anything is allocated. A linear pass finds the "id" of each request and remembers its raw text, because
 * an id is echoed byte for byte (1.0, 1e2, 64 digits); jansson then decodes.
 *
 * Threads: any. Memory: json_line_decode allocates; json_line_fini frees. The line is the caller's, and is written to: number
 * ids are blanked, so that their size is no matter for the decoder.
 */
#include <jansson.h>
#include <stdint.h>

#include "control/api/json_raw.h"
#include "datapath/base/err.h"

enum {
	JSON_LINE_MAX_DEPTH = 64, // of json_line_limits.depth
	JSON_LINE_MAX_ID = 128,   // bytes of an id
};

struct json_line_limits {
	size_t string_size; // bytes of a string, as written
	size_t n_values;    // keys are not values
	size_t n_containers;
	uint32_t depth;
	uint32_t n_batch;
	size_t memory; // bytes of the decoded values, before they are
};

/* Raw text of an id, ready to be echoed: a string with its quotes, a number, or null. */
struct json_id {
	enum {
		JSON_ID_ABSENT,
		JSON_ID_VALID,
		JSON_ID_INVALID
	} state; // invalid: of another type, or too long
	char text[JSON_LINE_MAX_ID + 3];
};

struct json_line {
	json_t *root;        // an object, an array (batch), or any other value
	struct json_id *ids; // of each member of a batch, or one
	size_t n_ids;
	size_t memory;       // that the values take at most
	struct json_raw ops; // /params/ops of a request, which root has not then
};

/* 0, or negative errno with *err: ERR_PARSE when it is not strict JSON, ERR_TOO_LARGE when over a limit,
 * ERR_BUSY when over limits.memory, which is what others leave. */
MUST_CHECK
int json_line_decode(struct json_line *line, char *text, size_t size,
    const struct json_line_limits *limits, struct err *err);
void json_line_fini(struct json_line *line);
