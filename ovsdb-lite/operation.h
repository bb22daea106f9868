/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The operations of operation.def, one function each: reads its members through the parser, acts on the transaction, adds to its result. When the parser has an
 * error it returns at once: its caller looks there.
 *
 * Threads: one. Memory: an execution lives during ovsdb_execute.
 */
#include "ovsdb-lite/condition.h"
#include "ovsdb-lite/execute.h"
#include "ovsdb-lite/names.h"
#include "ovsdb-lite/parser.h"

/* What an answer holds of one table. */
struct ovsdb_charge {
	size_t size;
	size_t full_size; // of all its rows once; 0: not counted yet
};

struct ovsdb_execution {
	struct ovsdb_db *db;
	const struct ovsdb_request *request;
	struct ovsdb_txn *txn;
	struct ovsdb_names names;
	bool is_durable;
	bool must_wait;
	int64_t timeout_ms;           // of the wait that does not hold; -1: for ever
	size_t answer_size;           // of rows
	struct ovsdb_charge *charges; // by table; NULL while there is no row
};

#define OPERATION(name, is_read_only)        \
	struct ovsdb_error *ovsdb_do_##name( \
	    struct ovsdb_execution *x, struct ovsdb_parser *p, json_t *result);
#include "ovsdb-lite/operation.def"
#undef OPERATION

/* The columns of a <row>, sorted by number. For ovsdb_cells_fini. */
struct ovsdb_cells {
	size_t n;
	struct ovsdb_cell *array;
};

MUST_CHECK
struct ovsdb_error *ovsdb_cells_from_json(struct ovsdb_cells *ret, const struct ovsdb_table *table,
    const json_t *json, struct ovsdb_names *names);
void ovsdb_cells_fini(struct ovsdb_cells *cells);
/* The member's table; NULL with an error in p. */
struct ovsdb_table *ovsdb_parse_table(struct ovsdb_execution *x, struct ovsdb_parser *p);
