/* SPDX-License-Identifier: Apache-2.0 */
/* Databases in a file: what was flushed is there after a restart, what could not be flushed is undone. */
#include "tests/unit/test.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "datapath/base/log.h"
#include "ovsdb-lite/storage.h"
#include "ovsdb-lite/txn.h"

static char dir[64], path[100];
static struct event_base *base;
static pid_t test_pid;
static struct err err;

/* Faults on demand, counted down; and what a forked child does at its writes. */
static int fail_write, fail_sync, n_writes, n_syncs;
static enum { CHILD_WORKS, CHILD_FAILS, CHILD_DIES, CHILD_WAITS } child;

static ssize_t faulty_write(int fd, const void *data, size_t size, off_t at)
{
	if (getpid() != test_pid && child == CHILD_DIES)
		kill(getpid(), SIGKILL);
	/* It has no descriptor of the test: a file tells it to go on. */
	while (getpid() != test_pid && child == CHILD_WAITS && access(dir, F_OK) == 0) {
		char go[120];
		snprintf(go, sizeof(go), "%s/go", dir);
		if (access(go, F_OK) == 0)
			break;
		poll(NULL, 0, 1);
	}
	n_writes++;
	if ((getpid() != test_pid && child == CHILD_FAILS) ||
	    (fail_write > 0 && --fail_write == 0)) {
		errno = ENOSPC;
		return -1;
	}
	return pwrite(fd, data, size, at);
}

static int faulty_sync(int fd)
{
	n_syncs++;
	if (fail_sync > 0 && --fail_sync == 0) {
		errno = EIO;
		return -1;
	}
	return fdatasync(fd);
}

static const struct ovsdb_journal_io faulty = {
    .write = faulty_write,
    .sync = faulty_sync,
    .truncate = ftruncate,
    .rename = rename,
    .sync_dir = fsync,
};

static int make_dir(void **)
{
	snprintf(dir, sizeof(dir), "%s/ovsdb-storage-XXXXXX", test_tmp());
	log_init("test", LOG_LVL_ERR);
	fail_write = fail_sync = n_writes = n_syncs = 0;
	child = CHILD_WORKS;
	test_pid = getpid();
	base = event_base_new();
	err = (struct err){0};
	if (mkdtemp(dir) == NULL || base == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/db", dir);
	return 0;
}

static int remove_dir(void **)
{
	char name[400];
	DIR *d = opendir(dir);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		snprintf(name, sizeof(name), "%s/%s", dir, e->d_name);
		if (e->d_name[0] != '.')
			unlink(name);
	}
	closedir(d);
	event_base_free(base);
	return rmdir(dir);
}

static struct ovsdb_schema *make_schema(const char *name, const char *more)
{
	struct ovsdb_schema *schema = NULL;
	char *text = NULL;
	assert_true(
	    asprintf(&text,
		"{\"name\": \"%s\", \"version\": \"1.0.0\", \"cksum\": \"1 2\", \"tables\": "
		"{\"t\": {\"columns\": {"
		"\"n\": {\"type\": \"integer\"}, %s"
		"\"now\": {\"type\": \"integer\", \"ephemeral\": true},"
		"\"tags\": {\"type\": {\"key\": \"string\", \"min\": 0, \"max\": \"unlimited\"}},"
		"\"map\": {\"type\": {\"key\": \"string\", \"value\": \"string\", \"min\": 0, "
		"\"max\": \"unlimited\"}}"
		"}, \"isRoot\": true, \"indexes\": [[\"n\"]]}}}",
		name, more) > 0);
	json_t *json = json_loads(text, 0, NULL);
	struct ovsdb_error *error = ovsdb_schema_from_json(&schema, json);
	assert_null(error);
	json_decref(json);
	free(text);
	return schema;
}

static void create(size_t n)
{
	static const char *const names[] = {"one", "two"};
	struct ovsdb_schema *schemas[2];
	for (size_t i = 0; i < n; i++)
		schemas[i] = make_schema(names[i], "");
	assert_int_equal(
	    ovsdb_storage_create(path, (const struct ovsdb_schema *const *)schemas, n, NULL, &err),
	    0);
	for (size_t i = 0; i < n; i++)
		ovsdb_schema_destroy(schemas[i]);
}

static struct ovsdb_storage_report report;

static struct ovsdb_storage *open_storage(void)
{
	err = (struct err){0};
	return ovsdb_storage_open(
	    path, &(struct ovsdb_storage_options){.io = &faulty, .base = base}, &report, &err);
}

static struct ovsdb_datum tags(int n)
{
	struct ovsdb_datum_builder b;
	ovsdb_datum_builder_init(&b, OVSDB_STRING, OVSDB_VOID);
	for (int i = 0; i < n; i++) {
		char tag[20];
		snprintf(tag, sizeof(tag), "tag-%d", i);
		ovsdb_datum_builder_add_strings(&b, tag, NULL);
	}
	return ovsdb_datum_builder_finish(&b);
}

static struct ovsdb_row *find(struct ovsdb_db *db, int n)
{
	struct ovsdb_datum key = ovsdb_datum_of_integer(n);
	return ovsdb_table_find_by_index(ovsdb_db_find_table(db, "t"), 0, &key);
}

/* Row n with as many tags, or none with n_tags < 0. */
static struct ovsdb_changes *put(struct ovsdb_db *db, int n, int n_tags)
{
	struct ovsdb_table *table = ovsdb_db_find_table(db, "t");
	struct ovsdb_txn *txn = ovsdb_txn_create(db);
	struct ovsdb_row *row = find(db, n);
	struct ovsdb_datum datum = tags(n_tags);
	const struct ovsdb_cell cells[] = {
	    {ovsdb_table_find_column(table, "tags"), datum},
	    {ovsdb_table_find_column(table, "n"), ovsdb_datum_of_integer(n)},
	};
	struct ovsdb_error *error = NULL;
	if (row == NULL)
		error = ovsdb_txn_insert(txn, table, NULL, cells, 2, NULL);
	else if (n_tags >= 0)
		error = ovsdb_txn_update(txn, table, &row->uuid, cells, 1);
	else
		ovsdb_txn_delete(txn, table, &row->uuid);
	assert_null(error);
	error = ovsdb_txn_prepare(txn);
	assert_null(error);
	ovsdb_datum_unref(&datum);
	return ovsdb_txn_commit(txn);
}

static void add(struct ovsdb_storage *s, size_t db, int n, int n_tags)
{
	struct ovsdb_changes *changes = put(ovsdb_storage_db(s, db), n, n_tags);
	ovsdb_storage_add(s, &changes, 1);
	ovsdb_changes_unref(changes);
}

static void set_now(struct ovsdb_storage *s, int n, int64_t now)
{
	struct ovsdb_db *db = ovsdb_storage_db(s, 0);
	struct ovsdb_table *table = ovsdb_db_find_table(db, "t");
	struct ovsdb_txn *txn = ovsdb_txn_create(db);
	const struct ovsdb_cell cell = {
	    ovsdb_table_find_column(table, "now"), ovsdb_datum_of_integer(now)};
	struct ovsdb_error *error = ovsdb_txn_update(txn, table, &find(db, n)->uuid, &cell, 1);
	assert_null(error);
	error = ovsdb_txn_prepare(txn);
	assert_null(error);
	struct ovsdb_changes *changes = ovsdb_txn_commit(txn);
	assert_int_equal(changes->n, 1);
	ovsdb_storage_add(s, &changes, 1);
	ovsdb_changes_unref(changes);
}

static int flush(struct ovsdb_storage *s)
{
	return ovsdb_storage_flush(s, &err);
}

/* -1: no such row. */
static int n_tags_of(const struct ovsdb_storage *s, size_t db, int n)
{
	struct ovsdb_row *row = find(ovsdb_storage_db(s, db), n);
	return row == NULL ? -1 : (int)ovsdb_row_get_named(row, "tags").n;
}

static struct ovsdb_storage *reopen(struct ovsdb_storage *s)
{
	ovsdb_storage_close(s);
	s = open_storage();
	if (s == NULL)
		print_message("%s\n", err.what);
	assert_non_null(s);
	return s;
}

static void new_file_has_its_databases_empty(void **)
{
	create(2);
	struct ovsdb_storage *s = open_storage();
	assert_non_null(s);
	assert_int_equal(ovsdb_storage_n_dbs(s), 2);
	assert_ptr_equal(ovsdb_storage_find_db(s, "two"), ovsdb_storage_db(s, 1));
	assert_null(ovsdb_storage_find_db(s, "three"));
	assert_int_equal(ovsdb_db_count_rows(ovsdb_storage_db(s, 0)), 0);
	assert_string_equal(ovsdb_storage_db(s, 0)->schema->cksum, "1 2");
	assert_int_equal(report.n_txns, 0);
	ovsdb_storage_close(s);
	struct ovsdb_schema *schema = make_schema("one", "");
	assert_int_equal(
	    ovsdb_storage_create(path, (const struct ovsdb_schema *const[]){schema}, 1, NULL, &err),
	    -EEXIST);
	ovsdb_schema_destroy(schema);
}

static void flushed_transactions_are_there_after_a_restart(void **)
{
	create(2);
	struct ovsdb_storage *s = open_storage();
	add(s, 0, 1, 3);
	add(s, 1, 1, 0);
	add(s, 0, 2, 100);
	assert_int_equal(flush(s), 0);
	add(s, 0, 2, 99);
	add(s, 0, 1, -1);
	assert_true(ovsdb_storage_is_pending(s));
	assert_int_equal(flush(s), 0);
	assert_false(ovsdb_storage_is_pending(s));
	struct ovsdb_uuid last = ovsdb_storage_last_txn(s, ovsdb_storage_db(s, 0));
	s = reopen(s);
	assert_int_equal(n_tags_of(s, 0, 1), -1);
	assert_int_equal(n_tags_of(s, 0, 2), 99);
	assert_int_equal(n_tags_of(s, 1, 1), 0);
	assert_int_equal(report.n_txns, 5);
	assert_int_equal(report.n_batches, 2);
	assert_true(ovsdb_uuid_equals(last, ovsdb_storage_last_txn(s, ovsdb_storage_db(s, 0))));
	/* And after being written anew. */
	assert_int_equal(ovsdb_storage_compact(s, &err), 0);
	add(s, 0, 3, 1);
	assert_int_equal(flush(s), 0);
	s = reopen(s);
	assert_int_equal(n_tags_of(s, 0, 2), 99);
	assert_int_equal(n_tags_of(s, 1, 1), 0);
	assert_int_equal(n_tags_of(s, 0, 3), 1);
	assert_int_equal(report.n_rows, 2);
	assert_int_equal(report.n_txns, 1);
	ovsdb_storage_close(s);
}

static void what_was_not_flushed_is_lost(void **)
{
	create(1);
	struct ovsdb_storage *s = open_storage();
	add(s, 0, 1, 3);
	s = reopen(s);
	assert_int_equal(n_tags_of(s, 0, 1), -1);
	ovsdb_storage_close(s);
}

static void ephemeral_changes_cost_no_write(void **)
{
	create(1);
	struct ovsdb_storage *s = open_storage();
	add(s, 0, 1, 3);
	assert_int_equal(flush(s), 0);
	n_writes = n_syncs = 0;
	set_now(s, 1, 77);
	assert_int_equal(flush(s), 0);
	assert_int_equal(n_writes + n_syncs, 0);
	struct ovsdb_datum now = ovsdb_row_get_named(find(ovsdb_storage_db(s, 0), 1), "now");
	assert_int_equal(ovsdb_datum_integer(&now, 0), 77);
	/* Three in a flush are one write. */
	add(s, 0, 2, 3);
	set_now(s, 1, 78);
	add(s, 0, 3, 3);
	assert_int_equal(flush(s), 0);
	assert_int_equal(n_writes, 1);
	assert_int_equal(n_syncs, 1);
	s = reopen(s);
	now = ovsdb_row_get_named(find(ovsdb_storage_db(s, 0), 1), "now");
	assert_int_equal(ovsdb_datum_integer(&now, 0), 0);
	assert_int_equal(report.n_txns, 3);
	ovsdb_storage_close(s);
}

static int n_undone;

static void see_undone(struct ovsdb_listener *, struct ovsdb_changes *)
{
	n_undone++;
}

static void see_committed(struct ovsdb_listener *, struct ovsdb_changes *)
{
}

static void failed_write_undoes_the_whole_batch(void **)
{
	struct ovsdb_listener listener = {.committed = see_committed, .undone = see_undone};
	create(1);
	struct ovsdb_storage *s = open_storage();
	add(s, 0, 1, 3);
	assert_int_equal(flush(s), 0);
	struct ovsdb_uuid last = ovsdb_storage_last_txn(s, ovsdb_storage_db(s, 0));
	ovsdb_db_add_listener(ovsdb_storage_db(s, 0), &listener);
	n_undone = 0;
	add(s, 0, 1, 4);
	set_now(s, 1, 5);
	add(s, 0, 1, 6);
	add(s, 0, 2, 0);
	fail_write = 1;
	assert_true(flush(s) < 0);
	assert_int_equal(err.code, ERR_STORAGE);
	assert_int_equal(n_undone, 4);
	assert_int_equal(n_tags_of(s, 0, 1), 3);
	assert_int_equal(n_tags_of(s, 0, 2), -1);
	struct ovsdb_datum now = ovsdb_row_get_named(find(ovsdb_storage_db(s, 0), 1), "now");
	assert_int_equal(ovsdb_datum_integer(&now, 0), 0);
	assert_true(ovsdb_uuid_equals(last, ovsdb_storage_last_txn(s, ovsdb_storage_db(s, 0))));
	/* There is room again. */
	assert_null(ovsdb_storage_fault(s));
	add(s, 0, 2, 2);
	assert_int_equal(flush(s), 0);
	ovsdb_db_del_listener(&listener);
	s = reopen(s);
	assert_int_equal(n_tags_of(s, 0, 1), 3);
	assert_int_equal(n_tags_of(s, 0, 2), 2);
	ovsdb_storage_close(s);
}

static void failed_sync_leaves_a_storage_to_read(void **)
{
	create(1);
	struct ovsdb_storage *s = open_storage();
	add(s, 0, 1, 3);
	assert_int_equal(flush(s), 0);
	add(s, 0, 1, 4);
	fail_sync = 1;
	assert_true(flush(s) < 0);
	assert_non_null(strstr(ovsdb_storage_fault(s), "fdatasync"));
	assert_int_equal(n_tags_of(s, 0, 1), 3);
	add(s, 0, 1, 5);
	assert_true(flush(s) < 0);
	assert_int_equal(n_tags_of(s, 0, 1), 3);
	assert_true(ovsdb_storage_compact_begin(s, NULL, NULL, &err) < 0);
	s = reopen(s);
	assert_int_equal(n_tags_of(s, 0, 1), 3);
	ovsdb_storage_close(s);
}

static void conversion_is_there_after_a_restart_or_was_not_made(void **)
{
	create(2);
	struct ovsdb_storage *s = open_storage();
	add(s, 0, 1, 3);
	add(s, 1, 1, 1);
	assert_int_equal(flush(s), 0);
	for (int round = 0; round < 2; round++) {
		struct ovsdb_db *old = ovsdb_storage_db(s, 0), *new = NULL;
		struct ovsdb_error *error = ovsdb_db_convert(
		    old, make_schema("one", "\"added\": {\"type\": \"string\"},"), &new);
		assert_null(error);
		fail_write = round == 0;
		int r = ovsdb_storage_convert(s, old, new, &err);
		assert_int_equal(r == 0, round == 1);
		ovsdb_db_destroy(r == 0 ? old : new);
		s = reopen(s);
		assert_int_equal(n_tags_of(s, 0, 1), 3);
		assert_int_equal(n_tags_of(s, 1, 1), 1);
		const struct ovsdb_table *table = ovsdb_db_find_table(ovsdb_storage_db(s, 0), "t");
		assert_int_equal(ovsdb_table_find_column(table, "added") != NULL, round == 1);
	}
	add(s, 0, 2, 3);
	assert_int_equal(flush(s), 0);
	s = reopen(s);
	assert_int_equal(report.n_conversions, 1);
	assert_int_equal(n_tags_of(s, 0, 2), 3);
	ovsdb_storage_close(s);
}

static void database_can_be_added_to_a_file(void **)
{
	create(1);
	struct ovsdb_storage *s = open_storage();
	assert_null(ovsdb_storage_add_db(s, make_schema("one", ""), &err));
	assert_int_equal(err.code, ERR_EXISTS);
	assert_non_null(ovsdb_storage_add_db(s, make_schema("two", ""), &err));
	add(s, 1, 1, 2);
	assert_int_equal(flush(s), 0);
	for (int i = 3; i <= OVSDB_STORAGE_MAX_DBS; i++) {
		char name[20];
		snprintf(name, sizeof(name), "more%d", i);
		assert_non_null(ovsdb_storage_add_db(s, make_schema(name, ""), &err));
	}
	assert_null(ovsdb_storage_add_db(s, make_schema("toomany", ""), &err));
	assert_int_equal(err.code, ERR_TABLE_FULL);
	s = reopen(s);
	assert_int_equal(ovsdb_storage_n_dbs(s), OVSDB_STORAGE_MAX_DBS);
	assert_int_equal(n_tags_of(s, 1, 1), 2);
	ovsdb_storage_close(s);
}

static int n_compacted, n_failed;

static void compacted(const struct err *fault, void *)
{
	n_compacted += fault == NULL;
	n_failed += fault != NULL;
}

static void wait_for_compaction(const struct ovsdb_storage *s)
{
	while (ovsdb_storage_is_compacting(s))
		event_base_loop(base, EVLOOP_ONCE);
}

static bool new_file_exists(void)
{
	char name[120];
	snprintf(name, sizeof(name), "%s.new", path);
	return access(name, F_OK) == 0;
}

static void changes_during_a_compaction_are_kept(void **)
{
	create(2);
	struct ovsdb_storage *s = open_storage();
	for (int i = 0; i < 50; i++)
		add(s, 0, 1, i);
	assert_int_equal(flush(s), 0);
	uint64_t size = ovsdb_storage_size(s);
	n_compacted = n_failed = 0;
	child = CHILD_WAITS;
	assert_int_equal(ovsdb_storage_compact_begin(s, compacted, NULL, &err), 0);
	assert_true(ovsdb_storage_is_compacting(s));
	assert_int_equal(ovsdb_storage_compact_begin(s, compacted, NULL, &err), -EAGAIN);
	assert_int_equal(err.code, ERR_BUSY);
	assert_int_equal(ovsdb_storage_compact(s, &err), -EAGAIN);
	add(s, 0, 1, 5);
	add(s, 1, 7, 5);
	assert_int_equal(flush(s), 0);
	char go[120];
	snprintf(go, sizeof(go), "%s/go", dir);
	close(open(go, O_CREAT | O_WRONLY, 0600));
	wait_for_compaction(s);
	assert_int_equal(n_compacted, 1);
	assert_true(ovsdb_storage_size(s) < size);
	add(s, 1, 8, 5);
	assert_int_equal(flush(s), 0);
	s = reopen(s);
	assert_int_equal(n_tags_of(s, 0, 1), 5);
	assert_int_equal(n_tags_of(s, 1, 7), 5);
	assert_int_equal(n_tags_of(s, 1, 8), 5);
	assert_int_equal(report.n_txns, 3);
	assert_false(new_file_exists());
	ovsdb_storage_close(s);
}

/* What the parent closes is closed, though a child was forked meanwhile; and a child that is not needed any more is ended. */
static void child_holds_nothing_of_the_parents_open(void **)
{
	create(1);
	struct ovsdb_storage *s = open_storage();
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	child = CHILD_WAITS;
	assert_int_equal(ovsdb_storage_compact_begin(s, compacted, NULL, &err), 0);
	close(fds[1]);
	struct pollfd p = {.fd = fds[0], .events = POLLIN};
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_true(p.revents & POLLHUP);
	close(fds[0]);
	ovsdb_storage_close(s);
	assert_false(new_file_exists());
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void failed_compaction_leaves_the_old_file(void **)
{
	create(1);
	struct ovsdb_storage *s = open_storage();
	add(s, 0, 1, 3);
	assert_int_equal(flush(s), 0);
	uint64_t size = ovsdb_storage_size(s);
	n_compacted = n_failed = 0;
	child = CHILD_FAILS;
	assert_int_equal(ovsdb_storage_compact_begin(s, compacted, NULL, &err), 0);
	wait_for_compaction(s);
	child = CHILD_DIES;
	assert_int_equal(ovsdb_storage_compact_begin(s, compacted, NULL, &err), 0);
	wait_for_compaction(s);
	assert_int_equal(n_failed, 2);
	assert_int_equal(n_compacted, 0);
	assert_int_equal(ovsdb_storage_size(s), size);
	assert_false(new_file_exists());
	assert_null(ovsdb_storage_fault(s));
	add(s, 0, 2, 4);
	assert_int_equal(flush(s), 0);
	child = CHILD_WORKS;
	assert_int_equal(ovsdb_storage_compact_begin(s, compacted, NULL, &err), 0);
	wait_for_compaction(s);
	assert_int_equal(n_compacted, 1);
	s = reopen(s);
	assert_int_equal(n_tags_of(s, 0, 1), 3);
	assert_int_equal(n_tags_of(s, 0, 2), 4);
	ovsdb_storage_close(s);
}

/* Else it would be in the new file, and again in what comes after it. */
static void compaction_waits_for_what_is_pending(void **)
{
	create(1);
	struct ovsdb_storage *s = open_storage();
	n_compacted = n_failed = 0;
	add(s, 0, 1, 3);
	assert_int_equal(ovsdb_storage_compact_begin(s, compacted, NULL, &err), 0);
	assert_int_equal(flush(s), 0);
	wait_for_compaction(s);
	assert_int_equal(n_compacted, 1);
	s = reopen(s);
	assert_int_equal(n_tags_of(s, 0, 1), 3);
	assert_int_equal(report.n_rows, 1);
	assert_int_equal(report.n_txns, 0);
	/* It cannot begin any more: whoever asked hears of it. */
	add(s, 0, 2, 3);
	assert_int_equal(ovsdb_storage_compact_begin(s, compacted, NULL, &err), 0);
	fail_sync = 1;
	assert_true(flush(s) < 0);
	assert_int_equal(n_failed, 1);
	assert_false(ovsdb_storage_is_compacting(s));
	ovsdb_storage_close(s);
}

/* Row n, new or not, with one tag of so many letters. */
static void add_long(struct ovsdb_storage *s, int n, size_t len, char letter)
{
	struct ovsdb_db *db = ovsdb_storage_db(s, 0);
	struct ovsdb_table *table = ovsdb_db_find_table(db, "t");
	struct ovsdb_txn *txn = ovsdb_txn_create(db);
	struct ovsdb_row *row = find(db, n);
	char *text = malloc(len + 1);
	memset(text, letter, len);
	text[len] = '\0';
	struct ovsdb_cell cells[] = {
	    {ovsdb_table_find_column(table, "tags"), ovsdb_datum_of_string(text)},
	    {ovsdb_table_find_column(table, "n"), ovsdb_datum_of_integer(n)},
	};
	struct ovsdb_error *error = row == NULL
					? ovsdb_txn_insert(txn, table, NULL, cells, 2, NULL)
					: ovsdb_txn_update(txn, table, &row->uuid, cells, 1);
	assert_null(error);
	error = ovsdb_txn_prepare(txn);
	assert_null(error);
	ovsdb_datum_unref(&cells[0].datum);
	free(text);
	struct ovsdb_changes *changes = ovsdb_txn_commit(txn);
	ovsdb_storage_add(s, &changes, 1);
	ovsdb_changes_unref(changes);
}

static void file_that_grew_much_is_compacted_by_itself(void **)
{
	create(1);
	struct ovsdb_storage *s = open_storage();
	int n = 0;
	while (!ovsdb_storage_is_compacting(s) && n < 100) {
		add_long(s, 1, 500 << 10, (char)('a' + n % 26));
		assert_int_equal(flush(s), 0);
		n++;
	}
	assert_in_range(n, 2, 99);
	assert_true(ovsdb_storage_size(s) > OVSDB_COMPACT_MIN_SIZE);
	wait_for_compaction(s);
	assert_in_range(ovsdb_storage_size(s), 1, 1 << 20);
	ovsdb_storage_close(s);
}

/* Records of a snapshot have many rows, and a limit. */
static void large_rows_are_compacted(void **)
{
	enum { N_LARGE = 300, LARGE_LEN = 200 << 10, HUGE_LEN = 17 << 20 };
	create(1);
	struct ovsdb_storage *s = open_storage();
	for (int n = 0; n < N_LARGE; n++)
		add_long(s, n, LARGE_LEN, 'x');
	add_long(s, N_LARGE, HUGE_LEN, 'y');
	add_long(s, N_LARGE + 1, 1, 'z');
	assert_int_equal(flush(s), 0);
	assert_true(ovsdb_storage_is_compacting(s));
	wait_for_compaction(s);
	s = reopen(s);
	assert_int_equal(report.n_rows, N_LARGE + 2);
	/* Several to a record: none was encoded twice. */
	assert_in_range(report.journal.n_records, N_LARGE / 6, N_LARGE / 5 + 10);
	struct ovsdb_datum huge =
	    ovsdb_row_get_named(find(ovsdb_storage_db(s, 0), N_LARGE), "tags");
	assert_int_equal(strlen(ovsdb_datum_string(&huge)), HUGE_LEN);
	ovsdb_storage_close(s);
}

static void what_comes_before_damage_can_be_saved(void **)
{
	create(1);
	struct ovsdb_storage *s = open_storage();
	uint64_t sizes[4];
	for (int i = 1; i < 4; i++) {
		add(s, 0, i, i);
		assert_int_equal(flush(s), 0);
		sizes[i] = ovsdb_storage_size(s);
	}
	ovsdb_storage_close(s);
	int fd = open(path, O_RDWR);
	assert_int_equal(pwrite(fd, "!", 1, (off_t)sizes[1] + 80), 1);
	close(fd);
	assert_null(open_storage());
	assert_int_equal(report.journal.good_size, sizes[1]);
	s = ovsdb_storage_open(
	    path, &(struct ovsdb_storage_options){.salvage = true}, &report, &err);
	assert_non_null(s);
	assert_true(report.journal.is_damaged);
	/* Not on top of the damage. */
	add(s, 0, 9, 9);
	assert_true(flush(s) < 0);
	assert_int_equal(ovsdb_storage_compact(s, &err), 0);
	s = reopen(s);
	assert_int_equal(n_tags_of(s, 0, 1), 1);
	assert_int_equal(n_tags_of(s, 0, 2), -1);
	ovsdb_storage_close(s);
}

static void reader_sees_the_file_of_a_running_writer(void **)
{
	create(1);
	struct ovsdb_storage *s = open_storage();
	add(s, 0, 1, 3);
	assert_int_equal(flush(s), 0);
	assert_null(open_storage());
	assert_int_equal(err.code, ERR_STATE);
	struct ovsdb_storage *reader = ovsdb_storage_open(
	    path, &(struct ovsdb_storage_options){.read_only = true}, NULL, &err);
	assert_int_equal(n_tags_of(reader, 0, 1), 3);
	assert_non_null(ovsdb_storage_fault(reader));
	ovsdb_storage_close(reader);
	ovsdb_storage_close(s);
}

static uint64_t fill_disk(void)
{
	static uint8_t bytes[4096];
	char name[120];
	uint64_t size = 0;
	snprintf(name, sizeof(name), "%s/filler", dir);
	int fd = open(name, O_CREAT | O_WRONLY, 0600);
	for (ssize_t n; (n = write(fd, bytes, sizeof(bytes))) > 0;)
		size += (uint64_t)n;
	close(fd);
	return size;
}

/* A real file system without room; needs to mount one. */
static void full_disk_leaves_the_old_state_and_passes(void **)
{
	if (mount("none", dir, "tmpfs", 0, "size=256k") != 0) {
		print_message("SKIP: cannot mount a tmpfs\n");
		skip();
	}
	create(1);
	struct ovsdb_storage *s = open_storage();
	add(s, 0, 1, 3);
	bool first = flush(s) == 0;
	uint64_t filled = fill_disk();
	int n_before = 0;
	/* Until the space that was reserved is used up. */
	do
		add(s, 0, 1, 1000 + ++n_before);
	while (flush(s) == 0 && n_before < 100);
	int n_tags = n_tags_of(s, 0, 1);
	enum err_code code = err.code;
	bool compacts = ovsdb_storage_compact(s, &err) == 0;
	bool is_sound = ovsdb_storage_fault(s) == NULL;
	char name[120];
	snprintf(name, sizeof(name), "%s/filler", dir);
	unlink(name);
	add(s, 0, 2, 7);
	bool later = flush(s) == 0 && ovsdb_storage_compact(s, &err) == 0;
	s = reopen(s);
	int n_loaded = n_tags_of(s, 0, 1), n_second = n_tags_of(s, 0, 2);
	ovsdb_storage_close(s);
	assert_int_equal(umount2(dir, MNT_DETACH), 0);
	assert_true(first && filled > 0 && is_sound && later);
	assert_int_equal(code, ERR_STORAGE);
	assert_false(compacts);
	assert_int_equal(n_tags, n_before == 1 ? 3 : 1000 + n_before - 1);
	assert_int_equal(n_loaded, n_tags);
	assert_int_equal(n_second, 7);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
	    T(new_file_has_its_databases_empty),
	    T(flushed_transactions_are_there_after_a_restart),
	    T(what_was_not_flushed_is_lost),
	    T(ephemeral_changes_cost_no_write),
	    T(failed_write_undoes_the_whole_batch),
	    T(failed_sync_leaves_a_storage_to_read),
	    T(conversion_is_there_after_a_restart_or_was_not_made),
	    T(database_can_be_added_to_a_file),
	    T(changes_during_a_compaction_are_kept),
	    T(child_holds_nothing_of_the_parents_open),
	    T(failed_compaction_leaves_the_old_file),
	    T(compaction_waits_for_what_is_pending),
	    T(file_that_grew_much_is_compacted_by_itself),
	    T(large_rows_are_compacted),
	    T(what_comes_before_damage_can_be_saved),
	    T(reader_sees_the_file_of_a_running_writer),
	    T(full_disk_leaves_the_old_state_and_passes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
