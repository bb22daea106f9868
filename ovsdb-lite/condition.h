/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * <condition>s (RFC 7047 5.1): clauses [column, function, value], or true and false. In "where" all must hold; monitor_cond's hold when any does.
 *
 * Threads: one. Memory: ovsdb_condition_fini; a condition is of one database's table.
 */
#include "ovsdb-lite/table.h"

enum ovsdb_function {
#define FUNCTION(id, name) OVSDB_F_##id,
#include "ovsdb-lite/function.def"
#undef FUNCTION
	OVSDB_N_FUNCTIONS
};

struct ovsdb_clause {
	enum ovsdb_function function;
	const struct ovsdb_column *column; // not of true and false
	struct ovsdb_datum arg;
};

struct ovsdb_condition {
	size_t n;
	struct ovsdb_clause *clauses;
};

void ovsdb_condition_init(struct ovsdb_condition *condition); // no clause
void ovsdb_condition_fini(struct ovsdb_condition *condition);
/* json: an array of clauses. names may be NULL. Nothing to release after an error. */
MUST_CHECK
struct ovsdb_error *ovsdb_condition_from_json(struct ovsdb_condition *ret,
    const struct ovsdb_table_schema *table, const json_t *json, struct ovsdb_names *names);
json_t *ovsdb_condition_to_json(const struct ovsdb_condition *condition); // new reference
bool ovsdb_condition_equals(
    const struct ovsdb_condition *a, const struct ovsdb_condition *b); // in any order
/* Every clause holds (none: true). */
bool ovsdb_condition_matches_all(
    const struct ovsdb_condition *condition, const struct ovsdb_row *row);
/* Some clause holds (none: true, as monitor_cond has it). */
bool ovsdb_condition_matches_any(
    const struct ovsdb_condition *condition, const struct ovsdb_row *row);
/*
 * Calls found for each row that matches all; by hash where a clause is `_uuid ==` or the clauses hold an index's columns. found returning false
 * ends it, and so does OVSDB_LIMIT_WORK. found may change the row that it was called with. Returns the number of rows found.
 */
size_t ovsdb_condition_query(const struct ovsdb_condition *condition, struct ovsdb_table *table,
    bool (*found)(void *ctx, struct ovsdb_row *row), void *ctx);
