/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What went wrong, as clients see it (RFC 7047 3.1, 4.1.3): the words of `error` and `details` are those of ovsdb-server 3.1, since
 * clients compare them. A function that returns one returns NULL when all is well; its caller owns it and answers with it or destroys it.
 *
 * Threads: any; one owner. Memory: on the heap, freed by ovsdb_error_destroy.
 */
#include <jansson.h>

#include "datapath/base/compiler.h"
#include "datapath/base/err.h"

struct ovsdb_error {
	char *tag;     // "constraint violation": the member "error"
	char *details; // or NULL
	char *syntax;  // JSON text that was wrong, or NULL
};

MUST_CHECK
struct ovsdb_error *ovsdb_error_create(const char *tag, const char *details_fmt, ...) FORMAT(2, 3);
/* tag "syntax error" unless tag is given; json is what could not be taken. */
MUST_CHECK
struct ovsdb_error *ovsdb_syntax_error(
    const json_t *json, const char *tag, const char *details_fmt, ...) FORMAT(3, 4);
void ovsdb_error_destroy(struct ovsdb_error *error); // NULL is fine
/* Prepends "text: " to the details. Returns error. */
struct ovsdb_error *ovsdb_error_wrap(struct ovsdb_error *error, const char *fmt, ...) FORMAT(2, 3);
/* {"error":…, "details":…, "syntax":…}: a new reference. */
json_t *ovsdb_error_to_json(const struct ovsdb_error *error);
/* One line for logs and tools, for free(): "syntax \"…\": tag: details". */
char *ovsdb_error_format(const struct ovsdb_error *error);
/* Ends error's life in a struct err of the given code. Returns the code's negative errno. */
int ovsdb_error_to_err(struct ovsdb_error *error, enum err_code code, struct err *err);
/* JSON text as error texts show it: compact, keys sorted. For free(). */
char *ovsdb_json_text(const json_t *json);
/* As the real server, which prints %.15g: 1, not 1.0. New reference. */
json_t *ovsdb_real_to_json(double real);
