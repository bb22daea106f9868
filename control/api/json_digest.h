/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What two requests must have in common to be the same: a digest over JSON values that does not depend on the order of members, nor on how
 * they are written. Stable across versions of the daemon, because they are kept with the state. Nobody but the client itself is fooled by a collision.
 *
 * Threads: any. Memory: none.
 */
#include <jansson.h>

#include "control/api/json_plain.h"

uint64_t json_digest(json_t *value);
/* The same of a text, which need not be JSON: what is not plain sets bad, as does a name that occurs twice in an object. */
uint64_t json_plain_digest(struct json_plain *p);
/* Of a list, entry by entry: begin with the number that json_digest_list gives, then add each. */
uint64_t json_digest_list(void);
uint64_t json_digest_add(uint64_t list, uint64_t entry);
uint64_t json_digest_string(const char *text, size_t size);
