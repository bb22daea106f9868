/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Strict reading of a JSON object's members, with the real server's error texts: a missing one, one of a wrong type, one too many. The
 * first error sticks, so that a reader asks for its members straight down and looks once.
 *
 * Threads: any. Memory: ovsdb_parser_finish gives the error away; members are borrowed from the object.
 */
#include <stdbool.h>

#include "ovsdb-lite/error.h"

enum {
	OVSDB_P_OBJECT = 1 << JSON_OBJECT,
	OVSDB_P_ARRAY = 1 << JSON_ARRAY,
	OVSDB_P_STRING = 1 << JSON_STRING,
	OVSDB_P_INTEGER = 1 << JSON_INTEGER,
	OVSDB_P_NUMBER = 1 << JSON_INTEGER | 1 << JSON_REAL,
	OVSDB_P_BOOLEAN = 1 << JSON_TRUE | 1 << JSON_FALSE,
	OVSDB_P_ANY = 0xff,
	OVSDB_P_ID = 1 << 8, // a string that is an <id>
	OVSDB_P_OPTIONAL = 1 << 9,
	OVSDB_PARSER_MEMBERS = 16, // at most, that one object may have
};

struct ovsdb_parser {
	const json_t *json; // NULL when it is no object
	char name[256];
	size_t i, n; // of an operation, when n is not 0: its name is made when it is needed
	const char *used[OVSDB_PARSER_MEMBERS];
	size_t n_used;
	struct ovsdb_error *error;
};

/* fmt: what is parsed, "table schema for table %s". */
void ovsdb_parser_init(struct ovsdb_parser *p, const json_t *json, const char *fmt, ...)
    FORMAT(3, 4);
/* "ovsdb operation I of N" */
void ovsdb_parser_init_operation(struct ovsdb_parser *p, const json_t *json, size_t i, size_t n);
/* NULL: not there, or not of these types (then there is an error). */
const json_t *ovsdb_parser_member(struct ovsdb_parser *p, const char *name, int types);
/* "Parsing NAME failed: …", unless there is an error already. */
void ovsdb_parser_raise(struct ovsdb_parser *p, const char *fmt, ...) FORMAT(2, 3);
/* Complains of members that nobody asked for. */
MUST_CHECK
struct ovsdb_error *ovsdb_parser_finish(struct ovsdb_parser *p);
/* [A-Za-z_][A-Za-z0-9_]* */
bool ovsdb_is_id(const char *s);
