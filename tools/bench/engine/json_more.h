/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the engine's commands need besides base/json_util: fractions, words of a list, members that may be null.
 *
 * Threads: caller excludes. Memory: as said.
 */
#include <jansson.h>

#include "datapath/base/err.h"

/* A copy of obj (members borrowed) in which null members are absent. NULL: out of memory. Caller: json_decref. */
json_t *json_without_nulls(const json_t *obj);
/* Getters as in base/json_util: 0, -ENOENT when absent, -EINVAL with err. Integers count as fractions. */
MUST_CHECK
int json_get_double(
    json_t *obj, const char *name, double min, double max, double *ret, struct err *err);
MUST_CHECK
int json_get_choice(json_t *obj, const char *name, const char *const *words, size_t n_words,
    size_t *ret, struct err *err);
/* rc of a getter: absent becomes an error. */
MUST_CHECK
int json_required(int rc, const char *name, struct err *err);
/* rc of a getter: absent is fine, the default stays. */
static inline int json_optional(int rc)
{
	return rc == -ENOENT ? 0 : rc;
}
/* Appends "/name" to err's path. */
void err_path_add(struct err *err, const char *name);
