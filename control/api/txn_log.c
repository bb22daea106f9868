/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/txn_log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/api/object_rows.h"
#include "control/api/state_file.h"
#include "control/mem.h"
#include "datapath/base/hash.h"
#include "ovsdb-lite/server.h"

enum { DIGEST_TEXT_SIZE = 17 };

struct txn_log {
	struct ovsdb_storage *storage;
	struct ovsdb_server *server; // NULL: nobody reads the database
	struct object_rows rows;
	struct hash_key key;
	struct hmap by_id;
	struct txn_seen seen[TXN_WINDOW]; // a ring
	size_t n_seen;                    // ever
};

static void load_seen(const struct object_txn *what, void *arg);
static struct txn_seen *slot_of_next(struct txn_log *log);
static void forget(struct txn_log *log, struct txn_seen *seen);
static void remember(struct txn_log *log, const char *txn_id, uint64_t digest, uint64_t generation);
static void put_seen(struct txn_log *log, const char *txn_id, uint64_t digest, uint64_t generation,
    struct ovsdb_changes *ret);
static int make_durable(struct txn_log *log, struct ovsdb_changes *changes, struct err *err);

struct txn_log *txn_log_open(struct ovsdb_storage *storage, struct store *store, struct err *err)
{
	struct ovsdb_schema *schema = object_rows_schema(err);
	struct ovsdb_db *db = schema != NULL ? state_file_db(storage, schema, err) : NULL;

	if (db == NULL)
		return NULL;
	struct txn_log *log = mem_alloc(sizeof(*log));
	log->storage = storage;
	hmap_init(&log->by_id);
	hash_key_init(&log->key);
	object_rows_init(&log->rows, db);
	object_rows_foreach_txn(&log->rows, load_seen, log);
	if (object_rows_load(&log->rows, store, err) == 0)
		return log;
	txn_log_close(log);
	return NULL;
}

void txn_log_close(struct txn_log *log)
{
	if (log == NULL)
		return;
	hmap_fini(&log->by_id);
	free(log);
}

int txn_log_serve(struct txn_log *log, struct ovsdb_server *server, struct err *err)
{
	log->server = server;
	if (server == NULL)
		return 0;
	int r = ovsdb_server_add_db(server, log->rows.db, log->storage, err);
	return r == 0 ? ovsdb_server_reserve_db(server, OBJECT_DB_NAME) : r;
}

const struct txn_seen *txn_log_find(const struct txn_log *log, const char *txn_id)
{
	hmap_foreach_with_hash (
	    seen, &log->by_id, hash_string(&log->key, txn_id), struct txn_seen, node)
		if (strcmp(seen->id, txn_id) == 0)
			return seen;
	return NULL;
}

int txn_log_append(struct txn_log *log, const char *txn_id, uint64_t digest, uint64_t generation,
    const struct change_set *set, struct err *err)
{
	if (log->server != NULL)
		ovsdb_server_flush(log->server); // so that what fails to be written is this alone
	struct ovsdb_changes *changes = ovsdb_changes_create(log->rows.db);
	changes->txn_id = ovsdb_uuid_random();
	object_rows_change(&log->rows, set->changes, set->n, generation, changes);
	if (txn_id[0] != '\0')
		put_seen(log, txn_id, digest, generation, changes);
	int r = make_durable(log, changes, err);
	ovsdb_changes_unref(changes);
	if (r == 0 && txn_id[0] != '\0')
		remember(log, txn_id, digest, generation);
	return r;
}

static void load_seen(const struct object_txn *what, void *arg)
{
	remember(arg, what->id, strtoull(what->digest, NULL, 16), what->generation);
}

static struct txn_seen *slot_of_next(struct txn_log *log)
{
	return &log->seen[log->n_seen % TXN_WINDOW];
}

static void forget(struct txn_log *log, struct txn_seen *seen)
{
	if (seen == NULL || seen->id[0] == '\0')
		return;
	hmap_del(&log->by_id, &seen->node);
	seen->id[0] = '\0';
}

static void remember(struct txn_log *log, const char *txn_id, uint64_t digest, uint64_t generation)
{
	struct txn_seen *seen = slot_of_next(log);

	forget(log, (struct txn_seen *)txn_log_find(log, txn_id));
	forget(log, seen);
	log->n_seen++;
	snprintf(seen->id, sizeof(seen->id), "%s", txn_id);
	seen->digest = digest;
	seen->generation = generation;
	hmap_add(&log->by_id, &seen->node, hash_string(&log->key, seen->id));
}

/* In place of the one that leaves the window. */
static void put_seen(struct txn_log *log, const char *txn_id, uint64_t digest, uint64_t generation,
    struct ovsdb_changes *ret)
{
	const char *leaves = slot_of_next(log)->id;
	char text[DIGEST_TEXT_SIZE];

	if (leaves[0] != '\0' && strcmp(leaves, txn_id) != 0)
		object_rows_del_txn(&log->rows, leaves, ret);
	snprintf(text, sizeof(text), "%016" PRIx64, digest);
	object_rows_put_txn(&log->rows, &(struct object_txn){txn_id, text, generation}, ret);
}

/* Nothing else is pending: a failure undoes this transaction and no other. */
static int make_durable(struct txn_log *log, struct ovsdb_changes *changes, struct err *err)
{
	ovsdb_db_apply(log->rows.db, changes);
	ovsdb_storage_add(log->storage, &changes, 1);
	int r = ovsdb_storage_flush(log->storage, err);
	if (r != 0 && ovsdb_storage_fault(log->storage) != NULL)
		err_hint(err, "check the disk, then restart sluiced");
	if (r == 0 && log->server != NULL)
		ovsdb_server_tell(log->server, changes);
	return r;
}
