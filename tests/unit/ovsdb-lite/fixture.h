/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Databases for tests, and what must be true of any.
 *
 * Threads: one. Memory: a database is for ovsdb_db_destroy, JSON for json_decref.
 */
#include "ovsdb-lite/execute.h"

struct ovsdb_db *fixture_db(const char *schema_path);    // exits when the schema is wrong
struct ovsdb_db *fixture_db_of(const char *schema_json); // "'" stands for '"'
json_t *fixture_json(const char *text);                  // "'" stands for '"'
/* Executes and commits; text: operations, "'" stands for '"'. Returns the results, or "wait". */
json_t *fixture_transact(struct ovsdb_db *db, const char *operations);
/* Aborts unless counts, indexes and weak references are what the rows say. */
void fixture_check(struct ovsdb_db *db);
/* Same rows, persistent columns only. */
bool fixture_equals(const struct ovsdb_db *a, const struct ovsdb_db *b);
