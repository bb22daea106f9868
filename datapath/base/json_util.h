/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Strict reading of JSON members with errors that name the JSON pointer. The only file of base that uses jansson.
 *
 * Threads: caller excludes. Memory: getters borrow from the object they read.
 */
#include <jansson.h>
#include <stdint.h>

#include "datapath/base/err.h"
#include "datapath/base/net_types.h"

/*
 * Getters: 0 when found and valid; -ENOENT when absent (err untouched; the caller decides whether that is an error);
 * -EINVAL with *err filled when of the wrong type or range. The path is err->path + "/" + name.
 */
MUST_CHECK
int json_get_string(json_t *obj, const char *name, const char **ret, struct err *err);
MUST_CHECK
int json_get_u64(
    json_t *obj, const char *name, uint64_t min, uint64_t max, uint64_t *ret, struct err *err);
MUST_CHECK
int json_get_bool(json_t *obj, const char *name, bool *ret, struct err *err);
MUST_CHECK
int json_get_object(json_t *obj, const char *name, json_t **ret, struct err *err);
MUST_CHECK
int json_get_array(json_t *obj, const char *name, json_t **ret, struct err *err);
MUST_CHECK
int json_get_mac(json_t *obj, const char *name, struct mac_addr *ret, struct err *err);
MUST_CHECK
int json_get_ip(json_t *obj, const char *name, struct ip_addr *ret, struct err *err);
/* -EINVAL naming the first member that is not in known ("did you mean"). */
MUST_CHECK
int json_check_members(json_t *obj, const char *const *known, size_t n_known, struct err *err);
/* [A-Za-z0-9._:-]{1,64} */
bool json_name_is_valid(const char *s);
/*
 * The value's text, for free(). jansson's own json_dumps allocates where JSON values live, which need not be malloc (json_memory.h).
 * NULL: the value is not an array or object (JSON_ENCODE_ANY), or no_memory.h found none.
 */
char *json_text(const json_t *value, size_t flags);
