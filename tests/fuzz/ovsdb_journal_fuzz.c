/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datapath/base/log.h"
#include "ovsdb-lite/digest.h"
#include "ovsdb-lite/draft.h"
#include "ovsdb-lite/ovs_file.h"
#include "ovsdb-lite/storage.h"
#include "tests/fuzz/fuzz.h"

enum { N_TYPES = 5 }; // one more than there are

static const char schema_text[] =
    "{\"name\":\"D\",\"version\":\"1.0.0\",\"tables\":{"
    "\"a\":{\"columns\":{\"n\":{\"type\":\"integer\"},\"s\":{\"type\":{\"key\":\"string\",\"min\":"
    "0,\"max\":\"unlimited\"}},"
    "\"m\":{\"type\":{\"key\":\"string\",\"value\":\"integer\",\"min\":0,\"max\":4}},"
    "\"r\":{\"type\":{\"key\":{\"type\":\"uuid\",\"refTable\":\"b\"},\"min\":0,\"max\":1}}},"
    "\"isRoot\":true,\"indexes\":[[\"n\"]]},"
    "\"b\":{\"columns\":{\"w\":{\"type\":{\"key\":{\"type\":\"uuid\",\"refTable\":\"a\","
    "\"refType\":\"weak\"},\"min\":0,\"max\":1}},"
    "\"x\":{\"type\":\"real\"},\"f\":{\"type\":\"boolean\"}}}}}";

static char dir[40], path[48];

static void start(void);
static void stop(void);
static void write_bytes(const uint8_t *data, size_t size);
static void write_records(const uint8_t *data, size_t size);
static void import(const uint8_t *data, size_t size);
static void put_theirs(FILE *f, const void *text, size_t size);
static void put_schema(struct ovsdb_draft *d);
static void check_open(void);
static size_t count_rows(struct ovsdb_storage *s);

static int no_sync(int)
{
	return 0;
}

static ssize_t write_at(int fd, const void *data, size_t size, off_t at)
{
	return pwrite(fd, data, size, at);
}

static const struct ovsdb_journal_io io = {
    .write = write_at,
    .sync = no_sync,
    .truncate = ftruncate,
    .rename = rename,
    .sync_dir = no_sync,
};

/*
 * 'F': the rest is a file. 'O': the JSON of a transaction in a file of ovsdb-server, which is imported. Else: good records of a file, each {type, u16 size, payload}; type 255 ends the snapshot.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	start();
	unlink(path);
	if (size == 0)
		return 0;
	if (data[0] == 'F')
		write_bytes(data + 1, size - 1);
	else if (data[0] == 'O')
		import(data + 1, size - 1);
	else
		write_records(data + 1, size - 1);
	if (access(path, F_OK) == 0)
		check_open();
	return 0;
}

static void write_bytes(const uint8_t *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	FUZZ_ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void write_records(const uint8_t *data, size_t size)
{
	struct err err = {0};
	struct buf b = buf_from(data, size);
	struct ovsdb_journal_mark end;
	struct ovsdb_draft *d = ovsdb_draft_begin(path, &io, &err);
	FUZZ_ASSERT(d != NULL);
	put_schema(d);
	bool ended = false;
	while (buf_left(&b) >= 3) {
		uint8_t type = buf_u8(&b);
		size_t n = buf_u16(&b);
		n = MIN_OF(n, buf_left(&b));
		if (type == 255 && !ended)
			FUZZ_ASSERT(ovsdb_draft_finish(d, &end, &err) == 0);
		ended |= type == 255;
		FUZZ_ASSERT(ovsdb_draft_put(d, (uint32_t)(OVSDB_JOURNAL_USER + type % N_TYPES),
				buf_take(&b, n), n, &err) == 0);
	}
	if (!ended)
		FUZZ_ASSERT(ovsdb_draft_finish(d, &end, &err) == 0);
	FUZZ_ASSERT(ovsdb_draft_publish(d, &err) == 0);
}

/* Three records: the schema, rows that the third may change, and it. */
static void import(const uint8_t *data, size_t size)
{
	static const char rows[] =
	    "{\"b\":{\"00000000-0000-4000-8000-000000000001\":{\"x\":1}},\"a\":{\"00000000-0000-"
	    "4000-8000-000000000002\":"
	    "{\"n\":1,\"s\":[\"set\",[\"p\",\"q\"]],\"m\":[\"map\",[[\"k\",1]]],\"r\":[\"uuid\","
	    "\"00000000-0000-4000-8000-000000000001\"]}}}";
	char theirs[sizeof(path) + 4];
	struct err err = {0};
	snprintf(theirs, sizeof(theirs), "%s.ovs", path);
	FILE *f = fopen(theirs, "w");
	FUZZ_ASSERT(f != NULL);
	put_theirs(f, schema_text, sizeof(schema_text) - 1);
	put_theirs(f, rows, sizeof(rows) - 1);
	put_theirs(f, data, size);
	fclose(f);
	struct ovsdb_db *db = ovsdb_ovs_file_read(theirs, NULL, &err);
	unlink(theirs);
	FUZZ_ASSERT(db != NULL || err.what[0] != '\0');
	if (db != NULL)
		FUZZ_ASSERT(ovsdb_storage_create_from(path, &db, 1, &io, &err) == 0);
	ovsdb_db_destroy(db);
}

static void put_theirs(FILE *f, const void *text, size_t size)
{
	uint8_t hash[OVSDB_SHA1_SIZE];
	ovsdb_sha1(text, size, hash);
	fprintf(f, "OVSDB JSON %zu ", size);
	for (size_t i = 0; i < sizeof(hash); i++)
		fprintf(f, "%02x", hash[i]);
	fputc('\n', f);
	fwrite(text, 1, size, f);
}

static void put_schema(struct ovsdb_draft *d)
{
	struct err err = {0};
	struct buf_writer w;
	buf_writer_init(&w, 10000);
	buf_put_u32(&w, sizeof(schema_text) - 1);
	buf_put(&w, schema_text, sizeof(schema_text) - 1);
	buf_put_zeros(&w, sizeof(struct ovsdb_uuid));
	FUZZ_ASSERT(ovsdb_draft_put(d, OVSDB_STORAGE_SCHEMA, w.data, w.size, &err) == 0);
	buf_writer_fini(&w);
}

/* Refused with a reason, or taken, and then the same again, also when it was written anew. */
static void check_open(void)
{
	const struct ovsdb_storage_options options = {.io = &io};
	size_t n_rows = 0;

	for (int round = 0; round < 3; round++) {
		struct err err = {0};
		struct ovsdb_storage_report report;
		struct ovsdb_storage *s = ovsdb_storage_open(path, &options, &report, &err);
		FUZZ_ASSERT(s != NULL || (err.what[0] != '\0' && round == 0));
		if (s == NULL)
			return;
		FUZZ_ASSERT(round == 0 || n_rows == count_rows(s));
		n_rows = count_rows(s);
		if (round == 1)
			FUZZ_ASSERT(ovsdb_storage_compact(s, &err) == 0);
		ovsdb_storage_close(s);
	}
}

static size_t count_rows(struct ovsdb_storage *s)
{
	size_t n = 0;
	for (size_t i = 0; i < ovsdb_storage_n_dbs(s); i++)
		n += ovsdb_db_count_rows(ovsdb_storage_db(s, i));
	return n;
}

static void start(void)
{
	static bool started;

	if (started)
		return;
	started = true;
	log_init("fuzz", LOG_LVL_ERR);
	// In memory where possible.
	snprintf(dir, sizeof(dir), "%s/ovsdb-fuzz-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	FUZZ_ASSERT(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/db", dir);
	atexit(stop);
}

static void stop(void)
{
	char new_path[sizeof(path) + 4];

	snprintf(new_path, sizeof(new_path), "%s.new", path);
	unlink(path);
	unlink(new_path);
	rmdir(dir);
}
