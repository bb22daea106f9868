/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A list in a message whose entries are kept as text: 20,000 ops as values of jansson are a million objects that nobody needs. Each
 * entry is one plain value (json_plain.h), checked.
 *
 * Threads: any. Memory: owns a copy of the text; the spans point into it.
 */
#include <jansson.h>

#include "control/api/json_plain.h"

struct json_raw {
	bool is_there; // also when it has no entries
	struct json_span *entries;
	uint64_t digest; // of the list (json_digest.h)
	size_t n, capacity;
	char *text;
};

/* Reads a list, whose text stays until json_raw_keep; p->bad when it is not plain, raw is empty then. */
void json_raw_read(struct json_raw *raw, struct json_plain *p);
/* From now on the entries are the list's own. */
void json_raw_keep(struct json_raw *raw);
void json_raw_fini(struct json_raw *raw);
/* An entry, or all of them, as values; new reference. */
json_t *json_raw_entry(const struct json_raw *raw, size_t i);
json_t *json_raw_list(const struct json_raw *raw);
