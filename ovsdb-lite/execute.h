/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * "transact" (RFC 7047 4.1.3, 5.2): executes the operations of a request in a transaction and prepares it.
 *
 *     ovsdb_execute(db, &request, &outcome);
 *     outcome.result == NULL  → a "wait" does not hold yet: nothing was done. Call again after a commit, and when timeout_ms is over.
 *     outcome.txn == NULL     → result is the answer; nothing is to be committed (an error, an abort).
 *     else                    → journal ovsdb_txn_changes(txn), commit (or abort, and answer with an error), send result.
 *
 * Threads: one. Memory: the caller owns outcome.result and outcome.txn.
 */
#include "ovsdb-lite/txn.h"

struct ovsdb_request {
	const json_t *
	    params; // ["DB", operation, …]: transact's params; the database's name is not looked at
	bool is_read_only;   // operations that change something are refused: "not allowed"
	bool is_reserved;    // the same: nobody but the program writes this database
	uint64_t elapsed_ms; // since the request came, for waits
	bool (*holds_lock)(void *ctx, const char *name); // "assert"; NULL: holds none
	void *ctx;
};

struct ovsdb_outcome {
	json_t *
	    result; // an array of results, or an error object when params is no array of operations
	struct ovsdb_txn *txn; // prepared
	bool is_durable;       // a "commit" asked for it
	int64_t
	    timeout_ms; // of the wait that did not hold: from the request's arrival; -1: for ever
};

void ovsdb_execute(
    struct ovsdb_db *db, const struct ovsdb_request *request, struct ovsdb_outcome *outcome);
