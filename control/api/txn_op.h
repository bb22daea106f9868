/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One op of a transaction: {op, table, name, object?, if_rev?}. Which op it is, of what; the object's content is checked later.
 *
 * Threads: sluiced's loop. Memory: borrows from the JSON.
 */
#include "control/api/schema.h"

enum txn_verb { TXN_PUT, TXN_PATCH, TXN_DELETE, TXN_ASSERT };

struct txn_op {
	enum txn_verb verb;
	const char *name;
	enum api_table table;
	json_t *object; // NULL: absent
	uint64_t rev;
	bool has_rev;
	uint32_t index; // in the transaction: set by the caller, for paths
};

/* 0, or negative errno with *err, its path beginning where the caller left it. */
MUST_CHECK
int txn_op_decode(json_t *json, struct txn_op *op, struct err *err);
