/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/txn_log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/api/json_write.h"
#include "control/mem.h"
#include "datapath/base/hash.h"

#define LOG_MODULE "journal"
#include "datapath/base/log.h"

enum {
	ROWS_PER_RECORD = 1000,
	PAYLOAD_MAX_SIZE = 1 << 30,
	ROW_HEAD_SIZE = 256, // table, name and owner
	DIGEST_VERSION = 2,
};
#define DIGEST_VERSION_TEXT ",2"

struct txn_log {
	struct journal *journal;
	struct store *store; // while replaying
	struct hash_key key;
	struct hmap by_id;
	struct txn_seen seen[TXN_WINDOW]; // a ring
	size_t n_seen;                    // ever
};

static int replay(
    uint64_t generation, enum journal_type type, json_t *payload, void *arg, struct err *err);
static int replay_change(
    struct txn_log *log, json_t *change, struct change_set *set, struct err *err);
static void forget(struct txn_log *log, const char *txn_id);
static void remember(struct txn_log *log, const char *txn_id, const struct txn_seen *as);
static void seen_from_json(struct txn_log *log, json_t *entry);
static void begin_payload(struct buf_writer *w);
static void put_seen(struct buf_writer *w, const struct txn_seen *seen, bool is_first);
static void begin_rows(struct buf_writer *w);
static void put_row(struct buf_writer *w, enum api_table table, const char *name,
    const struct api_object *o, bool is_first);
static size_t put_text(char *to, size_t at, const char *text);
static void end_payload(struct buf_writer *w);
static int write_snapshot(struct txn_log *log, const struct store *store, struct err *err);
static void put_window(struct buf_writer *w, const struct txn_log *log);
static int put_rows(struct txn_log *log, struct buf_writer *w, struct err *err);

struct txn_log *txn_log_open(
    const char *dir, const struct journal_io *io, struct store *store, struct err *err)
{
	struct txn_log *log = mem_alloc(sizeof(*log));
	log->store = store;
	hmap_init(&log->by_id);
	hash_key_init(&log->key);
	log->journal = journal_open(dir, io, replay, log, err);
	if (log->journal == NULL) {
		txn_log_close(log);
		return NULL;
	}
	return log;
}

void txn_log_close(struct txn_log *log)
{
	if (log == NULL)
		return;
	journal_close(log->journal);
	hmap_fini(&log->by_id);
	free(log);
}

struct journal *txn_log_journal(struct txn_log *log)
{
	return log->journal;
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
	struct buf_writer w;
	buf_writer_init(&w, PAYLOAD_MAX_SIZE);
	begin_payload(&w);
	if (txn_id[0] != '\0') {
		struct txn_seen seen = {.digest = digest, .generation = generation};
		snprintf(seen.id, sizeof(seen.id), "%s", txn_id);
		put_seen(&w, &seen, true);
	}
	begin_rows(&w);
	for (size_t i = 0; i < set->n; i++)
		put_row(&w, set->changes[i].table, set->changes[i].name, set->changes[i].new_object,
		    i == 0);
	end_payload(&w);
	int r = w.bad ? err_set(err, ERR_STORAGE, "the transaction is too large for the journal")
		      : journal_append(log->journal, generation, w.data, w.size, err);
	buf_writer_fini(&w);
	if (r == 0 && txn_id[0] != '\0')
		remember(
		    log, txn_id, &(struct txn_seen){.digest = digest, .generation = generation});
	return r;
}

void txn_log_compact(struct txn_log *log, const struct store *store)
{
	struct err err = {0};
	if (!journal_wants_snapshot(log->journal))
		return;
	if (write_snapshot(log, store, &err) != 0)
		log_err("no snapshot: %s", err.what);
}

/* One row is [table, name, owner, generation, data], or [table, name] when deleted. */
static int replay(
    uint64_t generation, enum journal_type type, json_t *payload, void *arg, struct err *err)
{
	struct txn_log *log = arg;
	json_t *rows = json_object_get(payload, "rows");
	if ((type != JOURNAL_TXN && type != JOURNAL_ROWS) || !json_is_array(rows))
		return err_set(err, ERR_STORAGE, "a record of unknown kind %d", (int)type);
	if (type == JOURNAL_TXN && generation != store_generation(log->store) + 1)
		return err_set(err, ERR_STORAGE, "generation %" PRIu64 " follows %" PRIu64,
		    generation, store_generation(log->store));
	struct change_set set;
	change_set_init(&set, json_array_size(rows));
	size_t i;
	json_t *row;
	int r = 0;
	json_array_foreach (rows, i, row) {
		r = replay_change(log, row, &set, err);
		if (r != 0)
			break;
	}
	if (r == 0)
		store_commit(log->store, set.changes, set.n, generation);
	change_set_fini(&set);
	json_t *seen;
	json_array_foreach (json_object_get(payload, "seen"), i, seen)
		seen_from_json(log, seen);
	return r;
}

static int replay_change(
    struct txn_log *log, json_t *change, struct change_set *set, struct err *err)
{
	const char *table_name = json_string_value(json_array_get(change, 0));
	const char *name = json_string_value(json_array_get(change, 1));
	const char *owner = json_string_value(json_array_get(change, 2));
	json_t *object = json_array_get(change, 4);
	enum api_table table =
	    table_name != NULL ? schema_find_table(table_name) : API_TABLE__COUNT;
	if (table == API_TABLE__COUNT || name == NULL || (object != NULL && owner == NULL))
		return err_set(
		    err, ERR_STORAGE, "a row of a table that this version does not know");
	const struct api_object *old = store_find(log->store, table, name);
	if (object == NULL) {
		if (old != NULL)
			change_set_add(set, old, NULL, 0);
		return 0;
	}
	json_t *data = schema_restore(table, object, err);
	if (data == NULL) {
		err_object(err, "%s/%s", table_name, name);
		return -EINVAL;
	}
	json_int_t changed = json_integer_value(json_array_get(change, 3));
	struct api_object *new = api_object_create(table, name, owner, (uint64_t)changed, data);
	change_set_add(set, old, new, 0);
	api_object_unref(new);
	return 0;
}

static void forget(struct txn_log *log, const char *txn_id)
{
	struct txn_seen *seen = (struct txn_seen *)txn_log_find(log, txn_id);
	if (seen == NULL)
		return;
	hmap_del(&log->by_id, &seen->node);
	seen->id[0] = '\0';
}

/* The slot may be of one that was forgotten. */
static void remember(struct txn_log *log, const char *txn_id, const struct txn_seen *as)
{
	struct txn_seen *seen = &log->seen[log->n_seen % TXN_WINDOW];
	forget(log, txn_id);
	if (seen->id[0] != '\0')
		hmap_del(&log->by_id, &seen->node);
	log->n_seen++;
	snprintf(seen->id, sizeof(seen->id), "%s", txn_id);
	seen->digest = as->digest;
	seen->is_v1 = as->is_v1;
	seen->generation = as->generation;
	hmap_add(&log->by_id, &seen->node, hash_string(&log->key, seen->id));
}

static void seen_from_json(struct txn_log *log, json_t *entry)
{
	const char *id = json_string_value(json_array_get(entry, 0));
	const char *digest = json_string_value(json_array_get(entry, 1));
	struct txn_seen seen = {
	    .generation = (uint64_t)json_integer_value(json_array_get(entry, 2)),
	    .is_v1 = json_integer_value(json_array_get(entry, 3)) != DIGEST_VERSION,
	};
	if (id == NULL || digest == NULL)
		return;
	seen.digest = strtoull(digest, NULL, 16);
	remember(log, id, &seen);
}

/* {"seen":[…],"rows":[…]}, as text: the rows are most of what a transaction costs here. */
static void begin_payload(struct buf_writer *w)
{
	static const char text[] = "{\"seen\":[";
	buf_put(w, text, sizeof(text) - 1);
}

/* [id, digest, generation, version of the digest]; the last is missing for version 1. */
static void put_seen(struct buf_writer *w, const struct txn_seen *seen, bool is_first)
{
	char text[TXN_ID_SIZE + 80];
	int size = snprintf(text, sizeof(text), "%s[\"%s\",\"%016" PRIx64 "\",%" PRIu64,
	    is_first ? "" : ",", seen->id, seen->digest, seen->generation);
	buf_put(w, text, (size_t)size);
	if (seen->is_v1)
		buf_put(w, "]", 1);
	else
		buf_put(w, DIGEST_VERSION_TEXT "]", sizeof(DIGEST_VERSION_TEXT));
}

static void begin_rows(struct buf_writer *w)
{
	static const char text[] = "],\"rows\":[";
	buf_put(w, text, sizeof(text) - 1);
}

/* o NULL: deleted. Names and owners have no character that is escaped. */
static void put_row(struct buf_writer *w, enum api_table table, const char *name,
    const struct api_object *o, bool is_first)
{
	char text[ROW_HEAD_SIZE];
	size_t size = 0;
	size = put_text(text, size, is_first ? "[\"" : ",[\"");
	size = put_text(text, size, api_tables[table].name);
	size = put_text(text, size, "\",\"");
	size = put_text(text, size, name);
	if (o == NULL) {
		size = put_text(text, size, "\"]");
		buf_put(w, text, size);
		return;
	}
	size = put_text(text, size, "\",\"");
	size = put_text(text, size, o->owner);
	size = put_text(text, size, "\",");
	buf_put(w, text, size);
	json_write_integer(w, (json_int_t)o->generation);
	buf_put_u8(w, ',');
	api_object_write(o, w);
	buf_put_u8(w, ']');
}

static size_t put_text(char *to, size_t at, const char *text)
{
	size_t size = strlen(text);
	assert(at + size <= ROW_HEAD_SIZE);
	memcpy(to + at, text, size);
	return at + size;
}

static void end_payload(struct buf_writer *w)
{
	buf_put(w, "]}", 2);
}

static int write_snapshot(struct txn_log *log, const struct store *store, struct err *err)
{
	int r = journal_snapshot_begin(log->journal, store_generation(store), err);
	struct buf_writer w;
	size_t n_rows = 0;
	buf_writer_init(&w, PAYLOAD_MAX_SIZE);
	/* The first record has the window, and is written for an empty store too: it carries the generation. */
	begin_payload(&w);
	put_window(&w, log);
	begin_rows(&w);
	for (enum api_table t = 0; t < API_TABLE__COUNT && r == 0; t++) {
		size_t n;
		const struct api_object *const *sorted = store_sorted(store, t, &n);
		for (size_t i = 0; i < n && r == 0; i++) {
			put_row(&w, t, sorted[i]->name, sorted[i], n_rows++ % ROWS_PER_RECORD == 0);
			if (n_rows % ROWS_PER_RECORD != 0)
				continue;
			r = put_rows(log, &w, err);
			begin_payload(&w);
			begin_rows(&w);
		}
	}
	if (r == 0)
		r = put_rows(log, &w, err);
	if (r == 0)
		r = journal_snapshot_end(log->journal, err);
	buf_writer_fini(&w);
	return r;
}

static void put_window(struct buf_writer *w, const struct txn_log *log)
{
	size_t first = log->n_seen > TXN_WINDOW ? log->n_seen - TXN_WINDOW : 0;
	bool is_first = true;
	for (size_t i = first; i < log->n_seen; i++) {
		const struct txn_seen *seen = &log->seen[i % TXN_WINDOW];
		if (seen->id[0] == '\0')
			continue;
		put_seen(w, seen, is_first);
		is_first = false;
	}
}

/* A record of what w has, which is empty then. */
static int put_rows(struct txn_log *log, struct buf_writer *w, struct err *err)
{
	end_payload(w);
	int r = w->bad ? err_set(err, ERR_STORAGE, "a record is too large for the journal")
		       : journal_snapshot_put(log->journal, w->data, w->size, err);
	w->size = 0;
	return r;
}
