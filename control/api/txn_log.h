/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Makes transactions durable, as transactions of the database Sluice (object_rows.h), and keeps the window of transaction ids that
 * makes them repeatable without harm: the ids of the last TXN_WINDOW transactions with a digest of what they asked for.
 *
 * Threads: sluiced's loop. Memory: txn_log_open allocates; txn_log_close frees. The storage is borrowed, and closed after the log.
 */
#include "control/api/txn_build.h"
#include "ovsdb-lite/storage.h"

enum { TXN_WINDOW = 4096, TXN_ID_SIZE = 65 };

struct txn_log;
struct ovsdb_server;

/* Fills the store with what the storage holds. */
struct txn_log *txn_log_open(struct ovsdb_storage *storage, struct store *store, struct err *err);
void txn_log_close(struct txn_log *log);
/*
 * Clients of the server may read the database, and hear of changes; writing is the API's. NULL before the server ends: nobody hears of
 * them any more.
 */
MUST_CHECK
int txn_log_serve(struct txn_log *log, struct ovsdb_server *server, struct err *err);

struct txn_seen {
	struct hmap_node node;
	char id[TXN_ID_SIZE];
	uint64_t digest; // of the request
	uint64_t generation;
};

/* NULL: not in the window. */
const struct txn_seen *txn_log_find(const struct txn_log *log, const char *txn_id);
/* Makes the changes durable under this generation; txn_id "" is not remembered (the daemon's own). */
MUST_CHECK
int txn_log_append(struct txn_log *log, const char *txn_id, uint64_t digest, uint64_t generation,
    const struct change_set *set, struct err *err);
