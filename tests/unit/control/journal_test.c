/* SPDX-License-Identifier: Apache-2.0 */
/* What was acknowledged is there after any crash, or the daemon says that it is not: never something else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/api/journal.h"
#include "datapath/base/log.h"
#include "tests/unit/test.h"

enum { N_RECORDS = 5, FILE_MAX = 16384 };

struct file {
	uint8_t data[FILE_MAX];
	size_t size;
};

/* What a replay has seen. */
struct past {
	uint64_t generations[64];
	size_t n;
	bool wrong; // a payload that was never written
};

static char dir[64];

static int make_dir(void **)
{
	snprintf(dir, sizeof(dir), "%s/sluice-journal-XXXXXX", test_tmp());
	log_init("test", LOG_LVL_ERR);
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_dir(void **)
{
	char path[400];
	DIR *d = opendir(dir);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_name[0] != '.')
			unlink(path);
	}
	closedir(d);
	return rmdir(dir);
}

static void path_of(const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", dir, name);
}

static void read_file(const char *name, struct file *f)
{
	char path[128];
	path_of(name, path);
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	ssize_t n = read(fd, f->data, sizeof(f->data));
	assert_in_range(n, 0, FILE_MAX - 1);
	f->size = (size_t)n;
	close(fd);
}

static void write_file(const char *name, const struct file *f, size_t size)
{
	char path[128];
	path_of(name, path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, f->data, size), size);
	close(fd);
}

static json_t *payload_of(uint64_t generation)
{
	return json_pack("{s:I, s:s}", "n", (json_int_t)generation, "text", "h\xc3\xa9llo");
}

static int see(uint64_t generation, enum journal_type, json_t *payload, void *arg, struct err *)
{
	struct past *past = arg;
	json_t *want = payload_of(generation);
	past->wrong |= !json_equal(payload, want);
	json_decref(want);
	assert_true(past->n < 64);
	past->generations[past->n++] = generation;
	return 0;
}

static struct journal *open_journal(const struct journal_io *io, struct past *past, struct err *err)
{
	*past = (struct past){0};
	*err = (struct err){0};
	return journal_open(dir, io, see, past, err);
}

static int append(struct journal *j, uint64_t generation, struct err *err)
{
	json_t *payload = payload_of(generation);
	char *text = json_dumps(payload, JSON_COMPACT);
	int r = journal_append(j, generation, text, strlen(text), err);
	free(text);
	json_decref(payload);
	return r;
}

/* A journal of N_RECORDS, closed; sizes[i] is its size when record i had been acknowledged, sizes[0] of an empty one. */
static void make_journal(size_t sizes[N_RECORDS + 1])
{
	struct past past;
	struct err err;
	struct journal *j = open_journal(NULL, &past, &err);
	assert_non_null(j);
	sizes[0] = journal_size(j);
	for (uint64_t g = 1; g <= N_RECORDS; g++) {
		assert_int_equal(append(j, g, &err), 0);
		sizes[g] = journal_size(j);
	}
	journal_close(j);
}

static void assert_prefix(const struct past *past, size_t n)
{
	assert_false(past->wrong);
	assert_int_equal(past->n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(past->generations[i], i + 1);
}

static void what_was_acknowledged_is_replayed_in_order(void **)
{
	size_t sizes[N_RECORDS + 1];
	struct past past;
	struct err err;
	make_journal(sizes);
	struct journal *j = open_journal(NULL, &past, &err);
	assert_prefix(&past, N_RECORDS);
	assert_int_equal(append(j, N_RECORDS + 1, &err), 0);
	journal_close(j);
	j = open_journal(NULL, &past, &err);
	assert_prefix(&past, N_RECORDS + 1);
	journal_close(j);
}

static void cut_at_any_byte_leaves_the_whole_records_before_or_is_refused(void **)
{
	size_t sizes[N_RECORDS + 1];
	struct past past;
	struct err err;
	struct file f;
	make_journal(sizes);
	read_file("journal", &f);
	assert_int_equal(f.size, sizes[N_RECORDS]);
	for (size_t size = 0; size <= f.size; size++) {
		write_file("journal", &f, size);
		struct journal *j = open_journal(NULL, &past, &err);
		if (size < sizes[0]) {
			/* The head was durable before the file got its name. */
			assert_null(j);
			assert_int_equal(err.code, ERR_STORAGE);
			continue;
		}
		size_t whole = 0;
		while (whole < N_RECORDS && sizes[whole + 1] <= size)
			whole++;
		assert_non_null(j);
		assert_prefix(&past, whole);
		/* It can be written to again, and what comes then is not lost behind the rubbish. */
		assert_int_equal(append(j, whole + 1, &err), 0);
		journal_close(j);
		j = open_journal(NULL, &past, &err);
		assert_prefix(&past, whole + 1);
		journal_close(j);
	}
}

static void any_flipped_bit_is_noticed(void **)
{
	size_t sizes[N_RECORDS + 1];
	struct past past;
	struct err err;
	struct file f;
	make_journal(sizes);
	read_file("journal", &f);
	for (size_t bit = 0; bit < f.size * 8; bit++) {
		f.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		write_file("journal", &f, f.size);
		struct journal *j = open_journal(NULL, &past, &err);
		f.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_false(past.wrong);
		if (bit / 8 < sizes[N_RECORDS - 1]) {
			/* Good records follow: that is no torn tail. */
			assert_null(j);
			assert_int_equal(err.code, ERR_STORAGE);
			assert_non_null(strstr(err.what, "byte"));
			continue;
		}
		/* In the last record it cannot be told from one that was never finished. */
		assert_non_null(j);
		assert_prefix(&past, N_RECORDS - 1);
		journal_close(j);
	}
}

static void records_in_another_order_or_missing_are_refused(void **)
{
	size_t sizes[N_RECORDS + 1];
	struct past past;
	struct err err;
	struct file f, g;
	make_journal(sizes);
	read_file("journal", &f);
	g = f;
	memmove(g.data + sizes[1], g.data + sizes[2], g.size - sizes[2]);
	g.size -= sizes[2] - sizes[1];
	write_file("journal", &g, g.size);
	assert_null(open_journal(NULL, &past, &err));
	g = f;
	size_t record = sizes[2] - sizes[1];
	memcpy(g.data + sizes[1], f.data + sizes[2], record);
	memcpy(g.data + sizes[2], f.data + sizes[1], record);
	write_file("journal", &g, g.size);
	assert_null(open_journal(NULL, &past, &err));
	assert_int_equal(err.code, ERR_STORAGE);
}

static void snapshot(struct journal *j, uint64_t generation)
{
	struct err err = {0};
	json_t *rows = payload_of(generation);
	assert_int_equal(journal_snapshot_begin(j, generation, &err), 0);
	char *text = json_dumps(rows, JSON_COMPACT);
	assert_int_equal(journal_snapshot_put(j, text, strlen(text), &err), 0);
	free(text);
	assert_int_equal(journal_snapshot_end(j, &err), 0);
	json_decref(rows);
}

static void snapshot_replaces_the_journal_and_two_are_kept(void **)
{
	struct past past;
	struct err err;
	struct file f;
	size_t sizes[N_RECORDS + 1];
	make_journal(sizes);
	struct journal *j = open_journal(NULL, &past, &err);
	snapshot(j, N_RECORDS);
	assert_int_equal(append(j, 6, &err), 0);
	snapshot(j, 6);
	assert_int_equal(append(j, 7, &err), 0);
	journal_close(j);
	j = open_journal(NULL, &past, &err);
	assert_non_null(j);
	assert_int_equal(past.n, 2);
	assert_int_equal(past.generations[0], 6);
	assert_int_equal(past.generations[1], 7);
	assert_false(past.wrong);
	journal_close(j);
	read_file("snapshot.old", &f);
	assert_true(f.size > 0);
}

static void crash_between_the_renames_of_a_compaction_loses_nothing(void **)
{
	struct past past;
	struct err err;
	struct file before;
	size_t sizes[N_RECORDS + 1];
	make_journal(sizes);
	read_file("journal", &before);
	struct journal *j = open_journal(NULL, &past, &err);
	snapshot(j, N_RECORDS);
	journal_close(j);
	/* The new snapshot is there, the journal is still the old one. */
	write_file("journal", &before, before.size);
	j = open_journal(NULL, &past, &err);
	assert_non_null(j);
	assert_int_equal(past.n, 1);
	assert_int_equal(past.generations[0], N_RECORDS);
	assert_int_equal(append(j, N_RECORDS + 1, &err), 0);
	journal_close(j);
	j = open_journal(NULL, &past, &err);
	assert_int_equal(past.n, 2);
	journal_close(j);
}

static void damaged_snapshot_missing_journal_and_strange_pairs_are_refused(void **)
{
	struct past past;
	struct err err;
	struct file first, f, journal;
	size_t sizes[N_RECORDS + 1];
	make_journal(sizes);
	read_file("journal", &first);
	struct journal *j = open_journal(NULL, &past, &err);
	snapshot(j, N_RECORDS);
	snapshot(j, N_RECORDS + 1);
	assert_int_equal(append(j, N_RECORDS + 2, &err), 0);
	journal_close(j);
	read_file("snapshot", &f);
	for (size_t bit = 0; bit < f.size * 8; bit++) {
		f.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		write_file("snapshot", &f, f.size);
		f.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_null(open_journal(NULL, &past, &err));
		assert_int_equal(err.code, ERR_STORAGE);
	}
	for (size_t size = 0; size < f.size; size++) {
		write_file("snapshot", &f, size);
		assert_null(open_journal(NULL, &past, &err));
	}
	write_file("snapshot", &f, f.size);
	read_file("journal", &journal);
	write_file("journal", &first, first.size); // of two snapshots ago
	assert_null(open_journal(NULL, &past, &err));
	char path[128];
	path_of("journal", path);
	unlink(path);
	assert_null(open_journal(NULL, &past, &err));
	write_file("journal", &journal, journal.size);
	j = open_journal(NULL, &past, &err);
	assert_non_null(j);
	journal_close(j);
	path_of("snapshot", path);
	unlink(path);
	assert_null(open_journal(NULL, &past, &err));
}

static void directory_is_locked_against_a_second_daemon(void **)
{
	struct past past;
	struct err err;
	struct journal *j = open_journal(NULL, &past, &err);
	assert_null(open_journal(NULL, &past, &err));
	assert_int_equal(err.code, ERR_STATE);
	assert_non_null(strstr(err.hint, "--state"));
	journal_close(j);
	j = open_journal(NULL, &past, &err);
	assert_non_null(j);
	journal_close(j);
}

/* Faults on demand. */
static int fail_writes, fail_syncs;
static size_t write_at_most = SIZE_MAX;

static ssize_t faulty_write(int fd, const void *data, size_t size, off_t at)
{
	if (fail_writes > 0) {
		fail_writes--;
		/* Half of it gets to the disk. */
		(void)!pwrite(fd, data, size / 2, at);
		errno = ENOSPC;
		return -1;
	}
	return pwrite(fd, data, size < write_at_most ? size : write_at_most, at);
}

static int faulty_sync(int fd)
{
	if (fail_syncs > 0) {
		fail_syncs--;
		errno = EIO;
		return -1;
	}
	return fdatasync(fd);
}

static const struct journal_io faulty = {.write = faulty_write, .sync = faulty_sync};

static void failed_write_changes_nothing_and_the_next_one_works(void **)
{
	struct past past;
	struct err err;
	struct journal *j = open_journal(&faulty, &past, &err);
	assert_int_equal(append(j, 1, &err), 0);
	fail_writes = 1;
	assert_true(append(j, 2, &err) < 0);
	assert_int_equal(err.code, ERR_STORAGE);
	assert_false(journal_is_read_only(j));
	write_at_most = 7;
	assert_int_equal(append(j, 2, &err), 0);
	write_at_most = SIZE_MAX;
	journal_close(j);
	j = open_journal(NULL, &past, &err);
	assert_prefix(&past, 2);
	journal_close(j);
}

static void failed_sync_ends_all_acknowledgement(void **)
{
	struct past past;
	struct err err;
	struct journal *j = open_journal(&faulty, &past, &err);
	assert_int_equal(append(j, 1, &err), 0);
	fail_syncs = 1;
	assert_true(append(j, 2, &err) < 0);
	assert_int_equal(err.code, ERR_STORAGE);
	assert_true(journal_is_read_only(j));
	assert_true(append(j, 2, &err) < 0);
	assert_int_equal(err.code, ERR_STORAGE);
	assert_false(journal_wants_snapshot(j));
	journal_close(j);
	j = open_journal(NULL, &past, &err);
	assert_prefix(&past, 1);
	journal_close(j);
}

/* A real file system without room; needs to mount one. */
static void full_disk_is_an_error_and_not_the_end(void **)
{
	struct past past;
	struct err err = {0};
	if (mount("none", dir, "tmpfs", 0, "size=64k") != 0) {
		print_message("SKIP: cannot mount a tmpfs\n");
		skip();
	}
	struct journal *j = open_journal(NULL, &past, &err);
	assert_non_null(j);
	uint64_t g = 1;
	while (g < 60 && append(j, g, &err) == 0) {
		static const char big[3000] = {[0] = '"', [1 ... 2998] = 'x', [2999] = '"'};
		int r = journal_append(j, 99, big, sizeof(big), &err);
		if (r != 0)
			break;
		g++;
	}
	assert_int_equal(err.code, ERR_STORAGE);
	assert_false(journal_is_read_only(j));
	journal_close(j);
	assert_int_equal(umount(dir), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
	    T(what_was_acknowledged_is_replayed_in_order),
	    T(cut_at_any_byte_leaves_the_whole_records_before_or_is_refused),
	    T(any_flipped_bit_is_noticed),
	    T(records_in_another_order_or_missing_are_refused),
	    T(snapshot_replaces_the_journal_and_two_are_kept),
	    T(crash_between_the_renames_of_a_compaction_loses_nothing),
	    T(damaged_snapshot_missing_journal_and_strange_pairs_are_refused),
	    T(directory_is_locked_against_a_second_daemon),
	    T(failed_write_changes_nothing_and_the_next_one_works),
	    T(failed_sync_ends_all_acknowledgement),
	    T(full_disk_is_an_error_and_not_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
