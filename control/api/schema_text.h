/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * schema_normalise for objects that are kept as text, from the client's text: the same checks, and the same text as
 * api_object_text_write gives of its result, without values between.
 *
 * Threads: any; hints are of one thread. Memory: none but what the writer grows.
 */
#include "control/api/json_plain.h"
#include "control/api/schema.h"
#include "datapath/base/buf.h"

/* Where columns were found in the last object: the next one has them there, too. */
struct schema_text_hints {
	uint8_t columns[16];
};

/*
 * Appends the text; p steps over the object. False, and w is as it was, when it is not plain or is refused: schema_normalise says
 * which, and why.
 */
bool schema_text_normalise(enum api_table table, struct json_plain *p,
    struct schema_text_hints *hints, struct buf_writer *w);
