/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/txn_log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/mem.h"
#include "datapath/base/hash.h"

#define LOG_MODULE "journal"
#include "datapath/base/log.h"

enum { ROWS_PER_RECORD = 1000 };

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
static int append(struct txn_log *log, json_t *payload, uint64_t generation,
    const struct change_set *set, struct err *err);
static void forget(struct txn_log *log, const char *txn_id);
static void remember(struct txn_log *log, const char *txn_id, uint64_t digest, uint64_t generation);
static json_t *seen_to_json(const char *txn_id, uint64_t digest, uint64_t generation);
static void seen_from_json(struct txn_log *log, json_t *seen);
static json_t *row_to_json(enum api_table table, const char *name, const struct api_object *o);
static int write_snapshot(struct txn_log *log, const struct store *store, struct err *err);
static json_t *window_to_json(const struct txn_log *log);
static int put_rows(struct txn_log *log, json_t *rows, json_t *window, struct err *err);

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
	json_t *payload = json_object();
	if (txn_id[0] != '\0')
		json_object_set_new(
		    payload, "seen", json_pack("[o]", seen_to_json(txn_id, digest, generation)));
	int r = append(log, payload, generation, set, err);
	if (r == 0 && txn_id[0] != '\0')
		remember(log, txn_id, digest, generation);
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

/* Members of an object may come in any order: their digests are added up. */
uint64_t txn_digest(json_t *value)
{
	uint64_t parts[3] = {json_typeof(value), 0, 0};
	const char *key;
	json_t *member;
	size_t i;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		json_object_foreach (value, key, member) {
			uint64_t pair[2] = {hash_stable(key, strlen(key)), txn_digest(member)};
			parts[1] += hash_stable(pair, sizeof(pair));
		}
		break;
	case JSON_ARRAY:
		json_array_foreach (value, i, member) {
			uint64_t pair[2] = {parts[1], txn_digest(member)};
			parts[1] = hash_stable(pair, sizeof(pair));
		}
		break;
	case JSON_STRING:
		parts[1] = hash_stable(json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER: parts[1] = (uint64_t)json_integer_value(value); break;
	case JSON_REAL: {
		double d = json_real_value(value);
		memcpy(&parts[2], &d, sizeof(d));
		break;
	}
	default: break;
	}
	return hash_stable(parts, sizeof(parts));
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

/* Takes payload. */
static int append(struct txn_log *log, json_t *payload, uint64_t generation,
    const struct change_set *set, struct err *err)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < set->n; i++) {
		const struct api_change *c = &set->changes[i];
		json_array_append_new(rows, row_to_json(c->table, c->name, c->new_object));
	}
	json_object_set_new(payload, "rows", rows);
	int r = journal_append(log->journal, generation, payload, err);
	json_decref(payload);
	return r;
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
static void remember(struct txn_log *log, const char *txn_id, uint64_t digest, uint64_t generation)
{
	struct txn_seen *seen = &log->seen[log->n_seen % TXN_WINDOW];
	forget(log, txn_id);
	if (seen->id[0] != '\0')
		hmap_del(&log->by_id, &seen->node);
	log->n_seen++;
	snprintf(seen->id, sizeof(seen->id), "%s", txn_id);
	seen->digest = digest;
	seen->generation = generation;
	hmap_add(&log->by_id, &seen->node, hash_string(&log->key, seen->id));
}

static json_t *seen_to_json(const char *txn_id, uint64_t digest, uint64_t generation)
{
	char text[20];
	snprintf(text, sizeof(text), "%016" PRIx64, digest);
	return json_pack("[s, s, I]", txn_id, text, (json_int_t)generation);
}

static void seen_from_json(struct txn_log *log, json_t *seen)
{
	const char *id = json_string_value(json_array_get(seen, 0));
	const char *digest = json_string_value(json_array_get(seen, 1));
	if (id != NULL && digest != NULL)
		remember(log, id, strtoull(digest, NULL, 16),
		    (uint64_t)json_integer_value(json_array_get(seen, 2)));
}

/* o NULL: deleted. */
static json_t *row_to_json(enum api_table table, const char *name, const struct api_object *o)
{
	json_t *row = json_array();
	json_array_append_new(row, json_string(api_tables[table].name));
	json_array_append_new(row, json_string(name));
	if (o == NULL)
		return row;
	json_array_append_new(row, json_string(o->owner));
	json_array_append_new(row, json_integer((json_int_t)o->generation));
	json_array_append_new(row, api_object_json(o));
	return row;
}

static int write_snapshot(struct txn_log *log, const struct store *store, struct err *err)
{
	int r = journal_snapshot_begin(log->journal, store_generation(store), err);
	/* The first record has the window, and is written for an empty store too: it carries the generation. */
	json_t *window = window_to_json(log);
	json_t *rows = json_array();
	for (enum api_table t = 0; t < API_TABLE__COUNT && r == 0; t++) {
		size_t n;
		const struct api_object *const *sorted = store_sorted(store, t, &n);
		for (size_t i = 0; i < n && r == 0; i++) {
			json_array_append_new(rows, row_to_json(t, sorted[i]->name, sorted[i]));
			if (json_array_size(rows) < ROWS_PER_RECORD)
				continue;
			r = put_rows(log, rows, window, err);
			json_array_clear(rows);
			json_array_clear(window);
		}
	}
	if (r == 0)
		r = put_rows(log, rows, window, err);
	if (r == 0)
		r = journal_snapshot_end(log->journal, err);
	json_decref(rows);
	json_decref(window);
	return r;
}

static json_t *window_to_json(const struct txn_log *log)
{
	json_t *window = json_array();
	size_t first = log->n_seen > TXN_WINDOW ? log->n_seen - TXN_WINDOW : 0;
	for (size_t i = first; i < log->n_seen; i++) {
		const struct txn_seen *seen = &log->seen[i % TXN_WINDOW];
		if (seen->id[0] != '\0')
			json_array_append_new(
			    window, seen_to_json(seen->id, seen->digest, seen->generation));
	}
	return window;
}

static int put_rows(struct txn_log *log, json_t *rows, json_t *window, struct err *err)
{
	json_t *payload = json_pack("{s:O, s:O}", "rows", rows, "seen", window);
	int r = journal_snapshot_put(log->journal, payload, err);
	json_decref(payload);
	return r;
}
