/* SPDX-License-Identifier: Apache-2.0 */
/*
 *     transaction  i64 wall clock ms, string comment, u16 n, n × {u16 database, uuid, changes}
 *     string       u32 length, bytes
 *     uuid         u64 hi, u64 lo
 *
 * Little-endian. Records come from a file whose checksums are right, and are yet read as if somebody had made them up.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/clock.h"
#include "datapath/base/json_util.h"
#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/storage_priv.h"

static bool put_rows(const struct ovsdb_storage *s, size_t i, struct ovsdb_snapshot_cursor *cursor,
    struct buf_writer *w);
static void put_string(struct buf_writer *w, const char *s);
static void put_uuid(struct buf_writer *w, struct ovsdb_uuid uuid);
static void put_schema_text(struct buf_writer *w, const struct ovsdb_schema *schema);
static struct ovsdb_uuid take_uuid(struct buf *b);
static struct ovsdb_schema *take_schema(struct buf *b, struct err *err);
static int take_db(const struct ovsdb_storage *s, struct buf *b, size_t *ret, struct err *err);
static struct ovsdb_changes *take_changes(struct ovsdb_db *db, struct buf *b, struct err *err);
static int replay_schema(struct ovsdb_storage *s, struct buf *b, struct err *err);
static int replay_rows(struct ovsdb_storage *s, struct buf *b, struct err *err);
static int replay_batch(struct ovsdb_storage *s, struct buf *b, struct err *err);
static int replay_txn(struct ovsdb_storage *s, struct buf *b, struct err *err);
static void load_txn(struct ovsdb_storage *s, struct ovsdb_changes *changes, int64_t ms);
static int replay_conversion(struct ovsdb_storage *s, struct buf *b, struct err *err);
static int malformed(struct err *err, const char *what);

void ovsdb_storage_put_txn(const struct ovsdb_storage *s, struct ovsdb_batch *batch,
    struct ovsdb_changes *const *changes, size_t n_changes)
{
	struct buf_writer *w = &batch->payload;
	uint16_t n = 0;
	for (size_t i = 0; i < n_changes; i++)
		n += !ovsdb_changes_are_ephemeral(changes[i]);
	if (n == 0)
		return;
	if (batch->n_txns == 0)
		buf_put_u32(w, 0);
	buf_put_u64(w, htole64(clock_wall_ms()));
	put_string(w, changes[0]->comment != NULL ? changes[0]->comment : "");
	buf_put_u16(w, htole16(n));
	for (size_t i = 0; i < n_changes; i++) {
		if (ovsdb_changes_are_ephemeral(changes[i]))
			continue;
		buf_put_u16(w, htole16((uint16_t)ovsdb_storage_index(s, changes[i]->db)));
		put_uuid(w, changes[i]->txn_id);
		ovsdb_changes_encode(changes[i], w);
	}
	uint32_t n_txns = htole32(++batch->n_txns);
	if (!w->bad)
		memcpy(w->data, &n_txns, sizeof(n_txns));
}

void ovsdb_storage_put_schema(
    struct buf_writer *w, const struct ovsdb_schema *schema, struct ovsdb_uuid last_txn)
{
	put_schema_text(w, schema);
	put_uuid(w, last_txn);
}

void ovsdb_storage_put_conversion(
    struct buf_writer *w, size_t i, const struct ovsdb_db *db, struct ovsdb_uuid txn_id)
{
	struct ovsdb_snapshot_cursor cursor = {0};
	buf_put_u16(w, htole16((uint16_t)i));
	put_schema_text(w, db->schema);
	put_uuid(w, txn_id);
	size_t at = w->size;
	uint32_t n = 0;
	buf_put_u32(w, 0);
	while (
	    ovsdb_snapshot_encode(db, &cursor, OVSDB_STORAGE_ROWS_MAX, OVSDB_STORAGE_ROWS_SIZE, w))
		n++;
	n = htole32(n);
	if (!w->bad)
		memcpy(w->data + at, &n, sizeof(n));
}

int ovsdb_storage_put_snapshot(
    const struct ovsdb_storage *s, struct ovsdb_draft *d, struct err *err)
{
	int r = 0;
	struct buf_writer w;
	buf_writer_init(&w, OVSDB_RECORD_PAYLOAD_MAX);
	for (size_t i = 0; r == 0 && i < s->n_dbs; i++) {
		w.size = 0;
		ovsdb_storage_put_schema(&w, s->dbs[i].db->schema, s->dbs[i].last_txn);
		r = ovsdb_draft_put(d, OVSDB_STORAGE_SCHEMA, w.data, w.size, err);
	}
	for (size_t i = 0; r == 0 && i < s->n_dbs; i++) {
		struct ovsdb_snapshot_cursor cursor = {0};
		while (r == 0 && put_rows(s, i, &cursor, &w)) {
			if (w.bad)
				r = err_set(err, ERR_TOO_LARGE, "a row of more than %d bytes",
				    OVSDB_RECORD_PAYLOAD_MAX);
			else
				r = ovsdb_draft_put(d, OVSDB_STORAGE_ROWS, w.data, w.size, err);
		}
	}
	buf_writer_fini(&w);
	return r;
}

int ovsdb_storage_replay(
    const struct ovsdb_record *record, bool in_snapshot, void *storage, struct err *err)
{
	struct ovsdb_storage *s = storage;
	struct buf b = buf_from(record->payload, record->payload_size);
	int r;
	if (record->type == OVSDB_STORAGE_SCHEMA)
		r = replay_schema(s, &b, err);
	else if (record->type == OVSDB_STORAGE_ROWS && in_snapshot)
		r = replay_rows(s, &b, err);
	else if (record->type == OVSDB_STORAGE_BATCH && !in_snapshot)
		r = replay_batch(s, &b, err);
	else if (record->type == OVSDB_STORAGE_CONVERT && !in_snapshot)
		r = replay_conversion(s, &b, err);
	else
		r = malformed(err, "a record of an unknown type");
	if (r == 0 && (b.bad || buf_left(&b) > 0))
		r = malformed(err, "a record of another size than its content");
	return r;
}

/* False: there are no more. */
static bool put_rows(const struct ovsdb_storage *s, size_t i, struct ovsdb_snapshot_cursor *cursor,
    struct buf_writer *w)
{
	w->size = 0;
	buf_put_u16(w, htole16((uint16_t)i));
	return ovsdb_snapshot_encode(
	    s->dbs[i].db, cursor, OVSDB_STORAGE_ROWS_MAX, OVSDB_STORAGE_ROWS_SIZE, w);
}

static void put_string(struct buf_writer *w, const char *s)
{
	size_t len = strlen(s);
	buf_put_u32(w, htole32((uint32_t)len));
	buf_put(w, s, len);
}

static void put_uuid(struct buf_writer *w, struct ovsdb_uuid uuid)
{
	buf_put_u64(w, htole64(uuid.hi));
	buf_put_u64(w, htole64(uuid.lo));
}

static void put_schema_text(struct buf_writer *w, const struct ovsdb_schema *schema)
{
	json_t *json = ovsdb_schema_to_json(schema);
	char *text = json_text(json, JSON_COMPACT);
	put_string(w, text);
	free(text);
	json_decref(json);
}

static struct ovsdb_uuid take_uuid(struct buf *b)
{
	uint64_t hi = le64toh(buf_u64(b));
	return (struct ovsdb_uuid){.hi = hi, .lo = le64toh(buf_u64(b))};
}

static struct ovsdb_schema *take_schema(struct buf *b, struct err *err)
{
	size_t len = le32toh(buf_u32(b));
	const uint8_t *text = buf_take(b, len);
	json_t *json = text == NULL ? NULL : json_loadb((const char *)text, len, 0, NULL);
	struct ovsdb_schema *schema = NULL;
	if (json == NULL) {
		malformed(err, "a schema that is not JSON");
		return NULL;
	}
	struct ovsdb_error *error = ovsdb_schema_from_json(&schema, json);
	json_decref(json);
	if (error == NULL)
		return schema;
	ovsdb_error_to_err(error, ERR_STORAGE, err);
	return NULL;
}

static int take_db(const struct ovsdb_storage *s, struct buf *b, size_t *ret, struct err *err)
{
	*ret = le16toh(buf_u16(b));
	if (b->bad || *ret >= s->n_dbs)
		return malformed(err, "a database that is not in the file");
	return 0;
}

static struct ovsdb_changes *take_changes(struct ovsdb_db *db, struct buf *b, struct err *err)
{
	struct ovsdb_changes *changes = NULL;
	struct ovsdb_error *error = ovsdb_changes_decode(db, b, &changes);
	if (error == NULL)
		return changes;
	ovsdb_error_to_err(error, ERR_STORAGE, err);
	return NULL;
}

static int replay_schema(struct ovsdb_storage *s, struct buf *b, struct err *err)
{
	struct ovsdb_schema *schema = take_schema(b, err);
	if (schema == NULL)
		return -EIO;
	struct ovsdb_uuid last_txn = take_uuid(b);
	if (s->n_dbs == OVSDB_STORAGE_MAX_DBS || ovsdb_storage_find_db(s, schema->name) != NULL) {
		ovsdb_schema_destroy(schema);
		return malformed(err, "a database too many");
	}
	struct ovsdb_db *db = ovsdb_db_create(schema);
	ovsdb_db_begin_load(db);
	s->dbs[s->n_dbs++] = (struct ovsdb_stored_db){.db = db, .last_txn = last_txn};
	return 0;
}

static int replay_rows(struct ovsdb_storage *s, struct buf *b, struct err *err)
{
	size_t i;
	int r = take_db(s, b, &i, err);
	if (r != 0)
		return r;
	struct ovsdb_changes *changes = take_changes(s->dbs[i].db, b, err);
	if (changes == NULL)
		return -EIO;
	ovsdb_db_load(s->dbs[i].db, changes);
	s->report->n_rows += changes->n;
	ovsdb_changes_unref(changes);
	return 0;
}

static int replay_batch(struct ovsdb_storage *s, struct buf *b, struct err *err)
{
	int r = 0;
	for (uint32_t n = le32toh(buf_u32(b)); r == 0 && n > 0; n--)
		r = replay_txn(s, b, err);
	s->report->n_batches++;
	return r;
}

/* All of it is read before any of it is taken in. */
static int replay_txn(struct ovsdb_storage *s, struct buf *b, struct err *err)
{
	struct ovsdb_changes *parts[OVSDB_STORAGE_MAX_DBS];
	size_t n_read = 0;
	int r = 0;
	int64_t ms = (int64_t)le64toh(buf_u64(b));
	size_t len = le32toh(buf_u32(b));
	const char *comment = (const char *)buf_take(b, len);
	size_t n = le16toh(buf_u16(b));
	if (b->bad || n == 0 || n > s->n_dbs)
		return malformed(err, "a transaction of no database or too many");
	while (r == 0 && n_read < n) {
		size_t i;
		r = take_db(s, b, &i, err);
		if (r != 0)
			continue;
		struct ovsdb_uuid txn_id = take_uuid(b);
		struct ovsdb_changes *changes = take_changes(s->dbs[i].db, b, err);
		if (changes == NULL) {
			r = -EIO;
			continue;
		}
		changes->txn_id = txn_id;
		if (len > 0 && changes->comment == NULL)
			changes->comment = ovsdb_format_text("%.*s", (int)len, comment);
		for (size_t k = 0; k < n_read; k++)
			if (parts[k]->db == changes->db)
				r = malformed(err, "a transaction with a database twice");
		parts[n_read++] = changes;
	}
	for (size_t k = 0; k < n_read; k++) {
		if (r == 0)
			load_txn(s, parts[k], ms);
		ovsdb_changes_unref(parts[k]);
	}
	if (r == 0) {
		s->report->n_txns++;
		s->report->last_txn_ms = ms;
	}
	return r;
}

static void load_txn(struct ovsdb_storage *s, struct ovsdb_changes *changes, int64_t ms)
{
	ovsdb_db_load(changes->db, changes);
	s->dbs[ovsdb_storage_index(s, changes->db)].last_txn = changes->txn_id;
	s->report->last_txn = changes->txn_id;
	if (s->options.replayed != NULL)
		s->options.replayed(changes, ms, s->options.arg);
}

static int replay_conversion(struct ovsdb_storage *s, struct buf *b, struct err *err)
{
	size_t i;
	int r = take_db(s, b, &i, err);
	struct ovsdb_schema *schema = r == 0 ? take_schema(b, err) : NULL;
	if (schema == NULL)
		return -EIO;
	if (strcmp(schema->name, s->dbs[i].db->schema->name) != 0) {
		ovsdb_schema_destroy(schema);
		return malformed(err, "a conversion to another database");
	}
	struct ovsdb_db *db = ovsdb_db_create(schema);
	struct ovsdb_uuid txn_id = take_uuid(b);
	ovsdb_db_begin_load(db);
	for (uint32_t n = le32toh(buf_u32(b)); r == 0 && n > 0; n--) {
		struct ovsdb_changes *changes = take_changes(db, b, err);
		if (changes != NULL)
			ovsdb_db_load(db, changes);
		r = changes != NULL ? 0 : -EIO;
		ovsdb_changes_unref(changes);
	}
	struct ovsdb_db *old = r == 0 ? s->dbs[i].db : db;
	if (r == 0)
		s->dbs[i] = (struct ovsdb_stored_db){.db = db, .last_txn = txn_id};
	s->report->n_conversions += r == 0;
	ovsdb_db_destroy(old);
	return r;
}

static int malformed(struct err *err, const char *what)
{
	return err_set(err, ERR_STORAGE, "%s", what);
}
