/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/storage.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/storage_priv.h"

static const size_t payload_max = OVSDB_RECORD_PAYLOAD_MAX;

static int too_many(struct err *err);
static char *target_of(const char *path);
static int end_load(struct ovsdb_storage *s, struct err *err);
static void batch_clear(struct ovsdb_batch *batch);
static int append(struct ovsdb_storage *s, uint32_t type, struct buf_writer *w, struct err *err);

int ovsdb_storage_create(const char *path, const struct ovsdb_schema *const *schemas, size_t n,
    const struct ovsdb_journal_io *io, struct err *err)
{
	struct ovsdb_db *dbs[OVSDB_STORAGE_MAX_DBS] = {NULL};
	size_t n_made = 0;
	for (; n_made < MIN_OF(n, ARRAY_SIZE(dbs)); n_made++)
		dbs[n_made] = ovsdb_db_create(ovsdb_schema_copy(schemas[n_made]));
	int r = n == n_made ? ovsdb_storage_create_from(path, dbs, n, io, err) : too_many(err);
	while (n_made > 0)
		ovsdb_db_destroy(dbs[--n_made]);
	return r;
}

int ovsdb_storage_create_from(const char *path, struct ovsdb_db *const *dbs, size_t n,
    const struct ovsdb_journal_io *io, struct err *err)
{
	struct ovsdb_storage s = {.options.io = io, .n_dbs = n};
	if (n > ARRAY_SIZE(s.dbs))
		return too_many(err);
	for (size_t i = 0; i < n; i++)
		s.dbs[i].db = dbs[i];
	return ovsdb_storage_copy(&s, path, err);
}

struct ovsdb_storage *ovsdb_storage_open(const char *path,
    const struct ovsdb_storage_options *options, struct ovsdb_storage_report *report,
    struct err *err)
{
	struct ovsdb_storage_report ignored;
	struct ovsdb_storage *s = ovsdb_alloc(sizeof(*s));
	s->options = *options;
	s->report = report != NULL ? report : &ignored;
	*s->report = (struct ovsdb_storage_report){0};
	batch_clear(&s->batch);
	const struct ovsdb_journal_options how = {
	    .io = options->io, .read_only = options->read_only, .salvage = options->salvage};
	s->journal =
	    ovsdb_journal_open(path, &how, ovsdb_storage_replay, s, &s->report->journal, err);
	if (s->journal == NULL || end_load(s, err) != 0) {
		ovsdb_storage_close(s);
		return NULL;
	}
	s->report->snapshot_size = ovsdb_journal_snapshot_size(s->journal);
	s->report = NULL;
	return s;
}

void ovsdb_storage_close(struct ovsdb_storage *s)
{
	if (s == NULL)
		return;
	ovsdb_compaction_stop(s);
	batch_clear(&s->batch);
	buf_writer_fini(&s->batch.payload);
	free(s->batch.changes);
	for (size_t i = 0; i < s->n_dbs; i++)
		ovsdb_db_destroy(s->dbs[i].db);
	ovsdb_journal_close(s->journal);
	free(s);
}

size_t ovsdb_storage_n_dbs(const struct ovsdb_storage *s)
{
	return s->n_dbs;
}

struct ovsdb_db *ovsdb_storage_db(const struct ovsdb_storage *s, size_t i)
{
	return s->dbs[i].db;
}

struct ovsdb_db *ovsdb_storage_find_db(const struct ovsdb_storage *s, const char *name)
{
	for (size_t i = 0; i < s->n_dbs; i++)
		if (strcmp(s->dbs[i].db->schema->name, name) == 0)
			return s->dbs[i].db;
	return NULL;
}

struct ovsdb_uuid ovsdb_storage_last_txn(const struct ovsdb_storage *s, const struct ovsdb_db *db)
{
	return s->dbs[ovsdb_storage_index(s, db)].last_txn;
}

const char *ovsdb_storage_path(const struct ovsdb_storage *s)
{
	return ovsdb_journal_path(s->journal);
}

uint64_t ovsdb_storage_size(const struct ovsdb_storage *s)
{
	return ovsdb_journal_size(s->journal);
}

const char *ovsdb_storage_fault(const struct ovsdb_storage *s)
{
	return ovsdb_journal_fault(s->journal);
}

void ovsdb_storage_add(
    struct ovsdb_storage *s, struct ovsdb_changes *const *changes, size_t n_changes)
{
	struct ovsdb_batch *batch = &s->batch;
	ovsdb_storage_put_txn(s, batch, changes, n_changes);
	for (size_t i = 0; i < n_changes; i++) {
		batch->changes = ovsdb_grow(
		    batch->changes, batch->n, &batch->capacity, sizeof(batch->changes[0]));
		batch->changes[batch->n++] = ovsdb_changes_ref(changes[i]);
	}
}

bool ovsdb_storage_is_pending(const struct ovsdb_storage *s)
{
	return s->batch.n > 0;
}

int ovsdb_storage_flush(struct ovsdb_storage *s, struct err *err)
{
	struct ovsdb_batch *batch = &s->batch;
	int r = 0;
	if (batch->n_txns > 0)
		r = append(s, OVSDB_STORAGE_BATCH, &batch->payload, err);
	for (size_t i = batch->n; r != 0 && i-- > 0;)
		ovsdb_undo(batch->changes[i]->db, batch->changes[i]);
	for (size_t i = 0; r == 0 && i < batch->n; i++)
		s->dbs[ovsdb_storage_index(s, batch->changes[i]->db)].last_txn =
		    batch->changes[i]->txn_id;
	batch_clear(batch);
	ovsdb_compaction_after_flush(s);
	return r;
}

struct ovsdb_db *ovsdb_storage_add_db(
    struct ovsdb_storage *s, struct ovsdb_schema *schema, struct err *err)
{
	int r = 0;
	assert(!ovsdb_storage_is_pending(s));
	if (s->n_dbs == OVSDB_STORAGE_MAX_DBS)
		r = too_many(err);
	else if (ovsdb_storage_find_db(s, schema->name) != NULL)
		r = err_set(err, ERR_EXISTS, "database %s exists already", schema->name);
	if (r == 0) {
		struct buf_writer w;
		buf_writer_init(&w, payload_max);
		ovsdb_storage_put_schema(&w, schema, (struct ovsdb_uuid){0});
		r = append(s, OVSDB_STORAGE_SCHEMA, &w, err);
		buf_writer_fini(&w);
	}
	if (r != 0) {
		ovsdb_schema_destroy(schema);
		return NULL;
	}
	struct ovsdb_db *db = ovsdb_db_create(schema);
	s->dbs[s->n_dbs++] = (struct ovsdb_stored_db){.db = db};
	return db;
}

int ovsdb_storage_convert(
    struct ovsdb_storage *s, struct ovsdb_db *old, struct ovsdb_db *new, struct err *err)
{
	size_t i = ovsdb_storage_index(s, old);
	struct ovsdb_uuid txn_id = ovsdb_uuid_random();
	struct buf_writer w;
	assert(!ovsdb_storage_is_pending(s));
	buf_writer_init(&w, payload_max);
	ovsdb_storage_put_conversion(&w, i, new, txn_id);
	int r = append(s, OVSDB_STORAGE_CONVERT, &w, err);
	buf_writer_fini(&w);
	if (r == 0)
		s->dbs[i] = (struct ovsdb_stored_db){.db = new, .last_txn = txn_id};
	return r;
}

int ovsdb_storage_copy(const struct ovsdb_storage *s, const char *path, struct err *err)
{
	struct ovsdb_journal_mark end;
	char *target = target_of(path);
	struct ovsdb_draft *d = NULL;
	if (access(target, F_OK) == 0)
		err_set(err, ERR_EXISTS, "%s exists already", path);
	else
		d = ovsdb_draft_begin(target, s->options.io, err);
	free(target);
	if (d == NULL)
		return err_errno(err->code);
	int r = ovsdb_storage_put_snapshot(s, d, err);
	if (r == 0)
		r = ovsdb_draft_finish(d, &end, err);
	if (r == 0)
		return ovsdb_draft_publish(d, err);
	ovsdb_draft_drop(d);
	return r;
}

size_t ovsdb_storage_index(const struct ovsdb_storage *s, const struct ovsdb_db *db)
{
	size_t i = 0;
	while (i < s->n_dbs && s->dbs[i].db != db)
		i++;
	assert(i < s->n_dbs);
	return i;
}

static int too_many(struct err *err)
{
	return err_set(
	    err, ERR_TABLE_FULL, "at most %d databases in a file", OVSDB_STORAGE_MAX_DBS);
}

/* What a link to a file that does not exist yet points to; else path. For free(). */
static char *target_of(const char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return ovsdb_copy_text(path);
	target[n] = '\0';
	const char *slash = strrchr(path, '/');
	if (target[0] == '/' || slash == NULL)
		return ovsdb_copy_text(target);
	return ovsdb_format_text("%.*s%s", (int)(slash - path + 1), path, target);
}

static int end_load(struct ovsdb_storage *s, struct err *err)
{
	for (size_t i = 0; i < s->n_dbs; i++) {
		struct ovsdb_db *db = s->dbs[i].db;
		struct ovsdb_error *error = ovsdb_db_end_load(db);
		if (error == NULL)
			continue;
		char *text = ovsdb_error_format(error);
		err_set(err, ERR_STORAGE, "%s: database %s is not consistent: %s",
		    ovsdb_journal_path(s->journal), db->schema->name, text);
		free(text);
		ovsdb_error_destroy(error);
		return err_hint(err, "restore it from a backup");
	}
	return 0;
}

static void batch_clear(struct ovsdb_batch *batch)
{
	for (size_t i = 0; i < batch->n; i++)
		ovsdb_changes_unref(batch->changes[i]);
	batch->n = 0;
	batch->n_txns = 0;
	buf_writer_fini(&batch->payload);
	buf_writer_init(&batch->payload, payload_max);
}

static int append(struct ovsdb_storage *s, uint32_t type, struct buf_writer *w, struct err *err)
{
	if (w->bad)
		return err_set(err, ERR_TOO_LARGE, "a change has more than %zu bytes", payload_max);
	return ovsdb_journal_append(s->journal, type, w->data, w->size, err);
}
