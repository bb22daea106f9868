/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Transactions as the journal keeps them, and the window of transaction ids that makes them repeatable without harm: the
 * ids of the last TXN_WINDOW transactions with a digest of what they asked for.
 *
 * Threads: sluiced's loop. Memory: txn_log_open allocates; txn_log_close frees, the journal with it.
 */
#include "control/api/journal.h"
#include "control/api/txn_build.h"

enum { TXN_WINDOW = 4096, TXN_ID_SIZE = 65 };

struct txn_log;

/* Fills the store with what the state directory says. */
struct txn_log *txn_log_open(
    const char *dir, const struct journal_io *io, struct store *store, struct err *err);
void txn_log_close(struct txn_log *log);
struct journal *txn_log_journal(struct txn_log *log);

struct txn_seen {
	struct hmap_node node;
	char id[TXN_ID_SIZE];
	uint64_t digest; // of the request
	bool is_v1;      // the digest, of a journal of before
	uint64_t generation;
};

/* NULL: not in the window. */
const struct txn_seen *txn_log_find(const struct txn_log *log, const char *txn_id);
/* Makes the changes durable under this generation; txn_id "" is not remembered (the daemon's own). */
MUST_CHECK
int txn_log_append(struct txn_log *log, const char *txn_id, uint64_t digest, uint64_t generation,
    const struct change_set *set, struct err *err);
/* A new snapshot when the journal has grown much larger than the last. */
void txn_log_compact(struct txn_log *log, const struct store *store);
