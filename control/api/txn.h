/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Transactions, one after another: check, plan, journal, make it the state, send it to the switch, answer. Whatever fails
 * before the journal changes nothing; what the switch refuses afterwards is undone by a second record.
 *
 * Threads: sluiced's loop. Memory: txn_submit takes the spec's ops.
 */
#include "control/api/rpc.h"
#include "control/api/txn_log.h"
#include "datapath/base/buf.h"

enum {
	TXN_MAX_WAITING = 64, // then busy
	TXN_RATE_PER_S = 200, // writes per owner
	TXN_RATE_BURST = 400,
};

struct txn_spec {
	char txn_id[TXN_ID_SIZE]; // "": the daemon's own, never repeated
	char owner[65];           // "": the daemon, which may change what is anybody's
	json_t *ops;
	uint64_t if_generation;
	bool has_if_generation;
	bool dry_run;
	bool force;
	bool wait_applied; // answer when the workers have it; else when it is durable
};

struct txn_engine;

struct txn_engine *txn_engine_create(struct daemon *d);
void txn_engine_destroy(struct txn_engine *e);
/* The model of what the store holds, at start. */
MUST_CHECK
int txn_engine_restore(struct txn_engine *e, struct err *err);
/* Runs it when its turn comes and answers req; NULL: nobody waits. */
void txn_submit(struct txn_engine *e, struct rpc_request *req, struct txn_spec *spec);
/* Ops that come from the underlay, not from a client: to the switch under a generation of their own. */
void txn_send_ops(struct txn_engine *e, const struct buf_writer *ops, uint32_t n_ops);
/* Members of params: a name that must be there; a flag that may be. */
MUST_CHECK
int txn_get_name(json_t *params, const char *member, char ret[TXN_ID_SIZE], struct err *err);
MUST_CHECK
int txn_get_flag(json_t *params, const char *member, bool *ret, struct err *err);
