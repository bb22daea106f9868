/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "control/api/txn_log.h"
#include "datapath/base/log.h"
#include "tests/fuzz/fuzz.h"

static char dir[32];

static void start(void);
static void stop(void);
static void empty_dir(void);
static void open_bytes(const uint8_t *data, size_t size);
static void open_payload(const uint8_t *data, size_t size);
static void check_open(void);
static int no_sync(int fd);
static ssize_t write_at(int fd, const void *data, size_t size, off_t at);
static int ignore(
    uint64_t generation, enum journal_type type, json_t *payload, void *arg, struct err *err);

static const struct journal_io io = {.write = write_at, .sync = no_sync};

/* First byte: the rest is a journal file, or JSON that is put into a good record. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	start();
	if (size == 0)
		return 0;
	empty_dir();
	if (data[0] == 'F')
		open_bytes(data + 1, size - 1);
	else
		open_payload(data + 1, size - 1);
	return 0;
}

static void open_bytes(const uint8_t *data, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/journal", dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	FUZZ_ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
	check_open();
}

static void open_payload(const uint8_t *data, size_t size)
{
	struct err err = {0};
	json_t *payload = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);

	if (payload == NULL)
		return;
	struct journal *j = journal_open(dir, &io, ignore, NULL, &err);
	FUZZ_ASSERT(j != NULL);
	FUZZ_ASSERT(journal_append(j, 1, data, size, &err) == 0);
	journal_close(j);
	json_decref(payload);
	check_open();
}

/* Refused with a reason, or taken, and then the same again. */
static void check_open(void)
{
	struct err err = {0};
	uint64_t generation = 0;
	size_t n = 0;

	for (int round = 0; round < 2; round++) {
		struct store *s = store_create();
		struct txn_log *log = txn_log_open(dir, &io, s, &err);
		FUZZ_ASSERT(log != NULL || (err.what[0] != '\0' && round == 0));
		size_t n_now = 0;
		for (enum api_table t = 0; t < API_TABLE__COUNT; t++)
			n_now += store_count(s, t);
		if (log != NULL && round == 1)
			FUZZ_ASSERT(generation == store_generation(s) && n == n_now);
		generation = store_generation(s);
		n = n_now;
		bool refused = log == NULL;
		txn_log_close(log);
		store_destroy(s);
		if (refused)
			return;
	}
}

static void start(void)
{
	static bool started;

	if (started)
		return;
	started = true;
	log_init("fuzz", LOG_LVL_ERR);
	// In memory where possible: each input is synced.
	snprintf(dir, sizeof(dir), "%s/sluice-fuzz-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	FUZZ_ASSERT(mkdtemp(dir) != NULL);
	atexit(stop);
}

static void stop(void)
{
	empty_dir();
	rmdir(dir);
}

static void empty_dir(void)
{
	static const char *const names[] = {
	    "journal", "journal.tmp", "snapshot", "snapshot.old", "snapshot.tmp", "lock"};
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
}

static int no_sync(int)
{
	return 0;
}

static ssize_t write_at(int fd, const void *data, size_t size, off_t at)
{
	return pwrite(fd, data, size, at);
}

static int ignore(uint64_t, enum journal_type, json_t *, void *, struct err *)
{
	return 0;
}
