/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * COLUMN=VALUE words of the command line → the members of an API object.
 *
 * Threads: one. Memory: a new reference is returned.
 */
#include "tools/cli/command.h"

/*
 * An object from argv[0..argc). With patch, "COLUMN=" gives null (back to the default). NULL with err filled when a word is
 * not COLUMN=VALUE, the column is unknown or the value is not of its type.
 */
json_t *args_parse_object(const char *table, int argc, char **argv, bool patch, struct err *err);
/* The value of KEY=VALUE among argv, or NULL. */
const char *args_find(int argc, char **argv, const char *key);
/* -EINVAL with err filled when a word's key is not in known (NULL-terminated). */
MUST_CHECK
int args_check(int argc, char **argv, const char *const *known, struct err *err);
