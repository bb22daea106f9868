/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A text of JSON as jansson's values: those that json_loadb makes with JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, in a fifth of its
 * time. Texts, numbers and faults out of the ordinary are left to jansson itself, so that there is one grammar.
 *
 * Threads: any. Memory: returns a new reference.
 */
#include <jansson.h>

#include "control/api/json_raw.h"

/* NULL with *fault when it is not strict JSON. */
json_t *json_read(const char *text, size_t size, json_error_t *fault);
/*
 * The same of a request whose list /params/ops is left out when its entries are plain; raw borrows them from text. Without plain
 * entries, or in a batch, it is a value like all others.
 */
json_t *json_read_request(const char *text, size_t size, struct json_raw *raw, json_error_t *fault);
