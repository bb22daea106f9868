/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Transactions, one after another: check, plan, let the switch prepare it, journal, make it the state, tell the switch to commit,
 * answer. Whatever fails up to the journal changes nothing anywhere; afterwards nothing can fail. Killed at any point: what is in the
 * journal is the state, and the switch is brought to it; what is not, the switch drops.
 *
 * A transaction that comes while the switch is away is journalled without its word; see dp_client.h for what it refuses later.
 *
 * Threads: sluiced's loop. Memory: txn_submit takes the spec's ops.
 */
#include "control/api/rpc.h"
#include "control/api/txn_log.h"
#include "datapath/base/list.h"

#define TXN_OVSDB_OWNER "ovsdb" // of what rows of the database Open_vSwitch want

enum {
	TXN_MAX_WAITING = 64, // then busy
	TXN_RATE_PER_S = 200, // writes per owner
	TXN_RATE_BURST = 400,
};

/* How a transaction that nobody waits for by JSON-RPC has ended. */
struct txn_outcome {
	const struct err *err; // the first reason; NULL: it is the state now
	json_t *
	    errors; // of all reasons (up to TXN_MAX_ERRORS), as rpc_error_to_json; NULL: err is all
	bool is_applied; // the workers have it
};
typedef void txn_done(const struct txn_outcome *outcome, void *arg);

struct txn_spec {
	char txn_id[TXN_ID_SIZE]; // "": the daemon's own, never repeated
	char owner[65];           // "": the daemon, which may change what is anybody's
	struct txn_ops ops;
	uint64_t if_generation;
	bool has_if_generation;
	bool dry_run;
	bool force;
	bool wait_applied; // answer when the workers have it; else when it is durable
	bool any_owner;    // may delete what is anybody's; what it makes is owner's
	txn_done *done;    // NULL: nobody; else called once
	void *done_arg;
};

struct txn_engine;

struct txn_engine *txn_engine_create(struct daemon *d);
void txn_engine_destroy(struct txn_engine *e);
/* The model of what the store holds, at start. */
MUST_CHECK
int txn_engine_restore(struct txn_engine *e, struct err *err);
/* Runs it when its turn comes and answers req; NULL: nobody waits. */
void txn_submit(struct txn_engine *e, struct rpc_request *req, struct txn_spec *spec);
/*
 * Something to do with the model between transactions: at once, or when the one that runs has ended. A job that waits already is not
 * added again. It may submit a transaction, which then is the next.
 */
struct txn_job {
	struct list node;
	void (*run)(void *arg);
	void *arg;
	bool is_waiting;
};
void txn_when_idle(struct txn_engine *e, struct txn_job *job);
bool txn_is_idle(const struct txn_engine *e); // the model may be changed, as in a job
/* Members of params: a name that must be there; a flag that may be. */
MUST_CHECK
int txn_get_name(json_t *params, const char *member, char ret[TXN_ID_SIZE], struct err *err);
MUST_CHECK
int txn_get_flag(json_t *params, const char *member, bool *ret, struct err *err);
