/* SPDX-License-Identifier: Apache-2.0 */
/* What was acknowledged is there after any crash, or opening says that it is not: never something else. */
#include "tests/unit/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "datapath/base/log.h"
#include "ovsdb-lite/draft.h"
#include "tests/unit/ovsdb-lite/faulty_io.h"

enum { N_ROWS = 3, N_RECORDS = 5, FILE_MAX = 16384, ROWS = OVSDB_JOURNAL_USER, CHANGE };

struct file {
	uint8_t data[FILE_MAX];
	size_t size;
};

/* What a replay has seen: records say which they are. */
struct past {
	size_t n_rows, n;
	uint8_t numbers[64];
	bool wrong;
};

static char dir[64], path[100];

static int make_dir(void **)
{
	snprintf(dir, sizeof(dir), "%s/ovsdb-journal-XXXXXX", test_tmp());
	log_init("test", LOG_LVL_ERR);
	faulty_io_reset();
	if (mkdtemp(dir) == NULL)
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
	return rmdir(dir);
}

static void read_file(struct file *f)
{
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	ssize_t n = read(fd, f->data, sizeof(f->data));
	assert_in_range(n, 0, FILE_MAX - 1);
	f->size = (size_t)n;
	close(fd);
}

static void write_file(const struct file *f, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, f->data, size), size);
	close(fd);
}

static bool exists(const char *suffix)
{
	char name[120];
	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return access(name, F_OK) == 0;
}

/* Its number, and bytes that follow from it. */
static size_t make_payload(uint8_t number, uint8_t payload[64])
{
	size_t size = 8 + number;
	payload[0] = number;
	for (size_t i = 1; i < size; i++)
		payload[i] = (uint8_t)(number * 31 + i);
	return size;
}

static int see(const struct ovsdb_record *record, bool in_snapshot, void *arg, struct err *)
{
	struct past *past = arg;
	uint8_t want[64];
	uint8_t number = record->payload_size > 0 ? record->payload[0] : 0;
	past->wrong |= in_snapshot != (record->type == ROWS);
	past->wrong |= number > 32 || record->payload_size != make_payload(number, want) ||
		       memcmp(want, record->payload, record->payload_size) != 0;
	assert_true(past->n < 64);
	if (in_snapshot)
		past->wrong |= number != past->n_rows++;
	else
		past->numbers[past->n++] = number;
	return 0;
}

static struct ovsdb_journal_report report;

static struct ovsdb_journal *open_with(
    const struct ovsdb_journal_options *options, struct past *past, struct err *err)
{
	*past = (struct past){0};
	*err = (struct err){0};
	return ovsdb_journal_open(path, options, see, past, &report, err);
}

static struct ovsdb_journal *open_journal(struct past *past, struct err *err)
{
	return open_with(&(struct ovsdb_journal_options){.io = &faulty}, past, err);
}

static int append(struct ovsdb_journal *j, uint8_t number, struct err *err)
{
	uint8_t payload[64];
	size_t size = make_payload(number, payload);
	return ovsdb_journal_append(j, CHANGE, payload, size, err);
}

/* The payload that is these bytes in the file. */
static void mask(const struct ovsdb_journal *j, uint8_t *data, size_t size)
{
	uint64_t salt = ovsdb_journal_mark(j).chain.salt;
	for (size_t i = 0; i < size; i++)
		data[i] ^= (uint8_t)(salt >> 8 * (i % 8));
}

static struct ovsdb_draft *make_draft(void)
{
	struct err err = {0};
	struct ovsdb_draft *d = ovsdb_draft_begin(path, &faulty, &err);
	assert_non_null(d);
	for (int i = 0; i < N_ROWS; i++) {
		uint8_t payload[64];
		size_t size = make_payload((uint8_t)i, payload);
		assert_int_equal(ovsdb_draft_put(d, ROWS, payload, size, &err), 0);
	}
	return d;
}

static void create(void)
{
	struct err err = {0};
	struct ovsdb_journal_mark end;
	struct ovsdb_draft *d = make_draft();
	assert_int_equal(ovsdb_draft_finish(d, &end, &err), 0);
	assert_int_equal(ovsdb_draft_publish(d, &err), 0);
}

/* N_RECORDS after a snapshot; sizes[i] is the file's size when record i had been acknowledged, sizes[0] that of the snapshot. */
static void make_journal(size_t sizes[N_RECORDS + 1])
{
	struct past past;
	struct err err;
	create();
	struct ovsdb_journal *j = open_journal(&past, &err);
	assert_non_null(j);
	sizes[0] = ovsdb_journal_size(j);
	assert_int_equal(sizes[0], ovsdb_journal_snapshot_size(j));
	for (int i = 1; i <= N_RECORDS; i++) {
		assert_int_equal(append(j, (uint8_t)i, &err), 0);
		sizes[i] = ovsdb_journal_size(j);
	}
	ovsdb_journal_close(j);
}

static void assert_prefix(const struct past *past, size_t n)
{
	assert_false(past->wrong);
	assert_int_equal(past->n_rows, N_ROWS);
	assert_int_equal(past->n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(past->numbers[i], i + 1);
}

static void assert_file_has(size_t n)
{
	struct past past;
	struct err err;
	struct ovsdb_journal *j = open_journal(&past, &err);
	assert_non_null(j);
	assert_prefix(&past, n);
	ovsdb_journal_close(j);
}

static void assert_damaged(uint64_t at)
{
	struct past past;
	struct err err;
	char byte[40];
	assert_null(open_journal(&past, &err));
	assert_false(past.wrong);
	assert_int_equal(err.code, ERR_STORAGE);
	assert_true(report.is_damaged);
	assert_int_equal(report.good_size, at);
	snprintf(byte, sizeof(byte), "at byte %zu,", (size_t)at);
	assert_non_null(strstr(err.what, byte));
	assert_non_null(strstr(err.hint, "repair"));
}

static void what_was_acknowledged_is_replayed_in_order(void **)
{
	size_t sizes[N_RECORDS + 1];
	struct past past;
	struct err err;
	make_journal(sizes);
	struct ovsdb_journal *j = open_journal(&past, &err);
	assert_prefix(&past, N_RECORDS);
	assert_int_equal(report.n_records, 1 + N_ROWS + 1 + N_RECORDS);
	assert_int_equal(report.good_size, report.file_size);
	assert_int_equal(append(j, N_RECORDS + 1, &err), 0);
	ovsdb_journal_close(j);
	assert_file_has(N_RECORDS + 1);
}

static void cut_at_any_byte_leaves_the_whole_records_before_or_is_refused(void **)
{
	size_t sizes[N_RECORDS + 1];
	struct past past;
	struct err err;
	struct file f;
	make_journal(sizes);
	read_file(&f);
	assert_int_equal(f.size, sizes[N_RECORDS]);
	for (size_t size = 0; size <= f.size; size++) {
		write_file(&f, size);
		struct ovsdb_journal *j = open_journal(&past, &err);
		if (size < sizes[0]) {
			/* The snapshot was durable before the file got its name. */
			assert_null(j);
			assert_int_equal(err.code, size == 0 ? ERR_UNSUPPORTED : ERR_STORAGE);
			continue;
		}
		size_t whole = 0;
		while (whole < N_RECORDS && sizes[whole + 1] <= size)
			whole++;
		assert_non_null(j);
		assert_prefix(&past, whole);
		assert_int_equal(report.is_torn, sizes[whole] != size);
		/* It can be written to again, and what comes then is not lost behind the rubbish. */
		assert_int_equal(append(j, (uint8_t)(whole + 1), &err), 0);
		ovsdb_journal_close(j);
		assert_file_has(whole + 1);
	}
}

static void any_flipped_bit_is_refused(void **)
{
	size_t sizes[N_RECORDS + 1];
	struct past past;
	struct err err;
	struct file f;
	make_journal(sizes);
	read_file(&f);
	for (size_t bit = 0; bit < f.size * 8; bit++) {
		f.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		write_file(&f, f.size);
		f.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_null(open_journal(&past, &err));
		assert_false(past.wrong);
		assert_true(report.is_damaged);
		assert_true(report.good_size <= bit / 8);
	}
	write_file(&f, f.size);
	assert_file_has(N_RECORDS);
}

/* Of a crash of the machine: the size is there, and some of the sectors. */
static void sectors_that_were_never_written_are_cut(void **)
{
	static uint8_t big[3000];
	size_t sizes[N_RECORDS + 1];
	struct past past;
	struct err err;
	struct file f, torn;
	make_journal(sizes);
	memset(big, 'x', sizeof(big));
	struct ovsdb_journal *j = open_journal(&past, &err);
	assert_int_equal(ovsdb_journal_append(j, CHANGE, big, sizeof(big), &err), 0);
	ovsdb_journal_close(j);
	read_file(&f);
	for (size_t from = 0; from < f.size; from += 512) {
		size_t start = MAX_OF(from, sizes[N_RECORDS]), end = MIN_OF(from + 512, f.size);
		if (end <= start)
			continue;
		torn = f;
		memset(torn.data + start, 0, end - start);
		write_file(&torn, torn.size);
		assert_file_has(N_RECORDS);
		/* Half a sector is none that was never written. */
		torn.data[start] = f.data[start];
		if (end - start < 2)
			continue;
		write_file(&torn, torn.size);
		assert_damaged(sizes[N_RECORDS]);
	}
	memset(f.data + sizes[N_RECORDS], 0, f.size - sizes[N_RECORDS]);
	write_file(&f, f.size);
	assert_file_has(N_RECORDS);
}

/* Content may be zeros, as the values of a large map are: they are not sectors that were never written. */
static void damage_in_a_record_of_zeros_is_refused(void **)
{
	static const uint8_t zeros[3000];
	size_t sizes[N_RECORDS + 1];
	struct past past;
	struct err err;
	struct file f;
	make_journal(sizes);
	struct ovsdb_journal *j = open_journal(&past, &err);
	assert_int_equal(ovsdb_journal_append(j, CHANGE, zeros, sizeof(zeros), &err), 0);
	ovsdb_journal_close(j);
	read_file(&f);
	for (size_t at = sizes[N_RECORDS]; at < f.size; at += 7) {
		f.data[at] ^= 1;
		write_file(&f, f.size);
		f.data[at] ^= 1;
		assert_damaged(sizes[N_RECORDS]);
	}
}

static void bytes_of_others_after_the_last_record_are_refused(void **)
{
	size_t sizes[N_RECORDS + 1];
	struct file f;
	make_journal(sizes);
	read_file(&f);
	/* Too few for a record are none that was acknowledged. */
	memcpy(f.data + f.size, "hello\n", 6);
	write_file(&f, f.size + 6);
	assert_file_has(N_RECORDS);
	memset(f.data + f.size, 'x', 600);
	write_file(&f, f.size + 600);
	assert_damaged(sizes[N_RECORDS]);
}

static void records_in_another_order_doubled_or_missing_are_refused(void **)
{
	size_t sizes[N_RECORDS + 1];
	struct file f, g;
	make_journal(sizes);
	read_file(&f);
	g = f; // without record 2
	memmove(g.data + sizes[1], g.data + sizes[2], g.size - sizes[2]);
	write_file(&g, g.size - (sizes[2] - sizes[1]));
	assert_damaged(sizes[1]);
	g = f; // the last one twice
	memcpy(g.data + g.size, f.data + sizes[N_RECORDS - 1], g.size - sizes[N_RECORDS - 1]);
	write_file(&g, 2 * g.size - sizes[N_RECORDS - 1]);
	assert_damaged(g.size);
	g = f; // 3 before 2
	size_t third = sizes[3] - sizes[2];
	memcpy(g.data + sizes[1], f.data + sizes[2], third);
	memcpy(g.data + sizes[1] + third, f.data + sizes[1], sizes[2] - sizes[1]);
	write_file(&g, g.size);
	assert_damaged(sizes[1]);
}

static void records_of_another_file_are_refused(void **)
{
	size_t sizes[N_RECORDS + 1];
	struct file f, g;
	make_journal(sizes);
	read_file(&f);
	unlink(path);
	make_journal(sizes);
	read_file(&g);
	memcpy(g.data + sizes[3], f.data + sizes[3], f.size - sizes[3]);
	write_file(&g, g.size);
	assert_damaged(sizes[3]);
}

/* A client that knows the salt may write what looks like a record into one; when that one is not finished it stays a torn tail. */
static void content_that_looks_like_a_record_is_content(void **)
{
	size_t sizes[N_RECORDS + 1];
	struct past past;
	struct err err;
	struct file f;
	struct buf_writer w;
	struct ovsdb_record_chain chain = {.salt = 1, .sequence = 1000};
	make_journal(sizes);
	buf_writer_init(&w, 1000);
	assert_int_equal(ovsdb_record_encode(&w, &chain, CHANGE, "x", 1), 0);
	struct ovsdb_journal *j = open_journal(&past, &err);
	mask(j, w.data, w.size);
	assert_int_equal(ovsdb_journal_append(j, CHANGE, w.data, w.size, &err), 0);
	ovsdb_journal_close(j);
	buf_writer_fini(&w);
	read_file(&f);
	write_file(&f, f.size - 1);
	assert_file_has(N_RECORDS);
}

/* As somebody can make it who has the file: each header would have a gigabyte read and checksummed. */
static void search_for_later_records_is_limited(void **)
{
	static uint8_t payload[3000 * OVSDB_RECORD_HEADER_SIZE];
	size_t sizes[N_RECORDS + 1];
	for (size_t n = 100; n <= 3000; n += 2900) {
		struct past past;
		struct err err;
		struct buf_writer w;
		unlink(path);
		make_journal(sizes);
		struct ovsdb_journal *j = open_journal(&past, &err);
		struct ovsdb_record_chain chain = {
		    .salt = ovsdb_journal_mark(j).chain.salt, .sequence = 1000};
		buf_writer_init(&w, 2000);
		assert_int_equal(ovsdb_record_encode(&w, &chain, CHANGE, payload, 1000), 0);
		for (size_t i = 0; i < n; i++)
			memcpy(payload + i * OVSDB_RECORD_HEADER_SIZE, w.data,
			    OVSDB_RECORD_HEADER_SIZE);
		buf_writer_fini(&w);
		mask(j, payload, sizeof(payload));
		assert_int_equal(
		    ovsdb_journal_append(j, CHANGE, payload, sizeof(payload), &err), 0);
		uint64_t size = ovsdb_journal_size(j);
		ovsdb_journal_close(j);
		memset(payload, 0, sizeof(payload));
		assert_int_equal(truncate(path, (off_t)size - 1), 0);
		if (n == 100)
			assert_file_has(N_RECORDS);
		else
			assert_damaged(sizes[N_RECORDS]);
	}
}

static void file_of_another_program_is_refused(void **)
{
	static const char *const texts[] = {"OVSDB JSON 15 0123\n{}", "", "hello"};
	struct past past;
	struct err err;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct file f = {.size = strlen(texts[i])};
		memcpy(f.data, texts[i], f.size);
		write_file(&f, f.size);
		assert_null(open_journal(&past, &err));
		assert_int_equal(err.code, i == 2 ? ERR_STORAGE : ERR_UNSUPPORTED);
	}
	unlink(path);
	assert_null(open_journal(&past, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void file_is_locked_also_after_it_was_replaced(void **)
{
	size_t sizes[N_RECORDS + 1];
	struct past past;
	struct err err;
	make_journal(sizes);
	struct ovsdb_journal *j = open_journal(&past, &err);
	assert_null(open_journal(&past, &err));
	assert_int_equal(err.code, ERR_STATE);
	struct ovsdb_journal_mark mark = ovsdb_journal_mark(j), end;
	struct ovsdb_draft *d = make_draft();
	assert_null(ovsdb_draft_begin(path, NULL, &err));
	assert_int_equal(err.code, ERR_STATE);
	assert_int_equal(ovsdb_draft_finish(d, &end, &err), 0);
	assert_int_equal(ovsdb_draft_replace(d, j, &mark, &err), 0);
	assert_null(open_journal(&past, &err));
	assert_int_equal(err.code, ERR_STATE);
	/* A reader needs no lock, and changes nothing. */
	struct ovsdb_journal *reader =
	    open_with(&(struct ovsdb_journal_options){.read_only = true}, &past, &err);
	assert_non_null(reader);
	assert_true(append(reader, 1, &err) < 0);
	ovsdb_journal_close(reader);
	ovsdb_journal_close(j);
	assert_file_has(0);
}

static void reader_leaves_a_torn_tail_alone(void **)
{
	size_t sizes[N_RECORDS + 1];
	struct past past;
	struct err err;
	struct file f;
	make_journal(sizes);
	read_file(&f);
	write_file(&f, f.size - 3);
	struct ovsdb_journal *j =
	    open_with(&(struct ovsdb_journal_options){.read_only = true}, &past, &err);
	assert_prefix(&past, N_RECORDS - 1);
	assert_true(report.is_torn);
	ovsdb_journal_close(j);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, f.size - 3);
}

static void failed_write_changes_nothing_and_the_next_one_works(void **)
{
	struct past past;
	struct err err;
	create();
	struct ovsdb_journal *j = open_journal(&past, &err);
	assert_int_equal(append(j, 1, &err), 0);
	fail_write = 1;
	assert_true(append(j, 2, &err) < 0);
	assert_int_equal(err.code, ERR_STORAGE);
	assert_null(ovsdb_journal_fault(j));
	write_at_most = 7;
	assert_int_equal(append(j, 2, &err), 0);
	ovsdb_journal_close(j);
	assert_file_has(2);
}

static void failed_write_that_cannot_be_taken_back_ends_writing(void **)
{
	struct past past;
	struct err err;
	create();
	struct ovsdb_journal *j = open_journal(&past, &err);
	assert_int_equal(append(j, 1, &err), 0);
	fail_write = fail_truncate = 1;
	assert_true(append(j, 2, &err) < 0);
	assert_non_null(ovsdb_journal_fault(j));
	assert_true(append(j, 2, &err) < 0);
	ovsdb_journal_close(j);
	assert_file_has(1);
}

static void failed_sync_ends_all_acknowledgement(void **)
{
	struct past past;
	struct err err;
	create();
	struct ovsdb_journal *j = open_journal(&past, &err);
	assert_int_equal(append(j, 1, &err), 0);
	fail_sync = 1;
	assert_true(append(j, 2, &err) < 0);
	assert_int_equal(err.code, ERR_STORAGE);
	assert_non_null(strstr(ovsdb_journal_fault(j), "fdatasync"));
	assert_true(append(j, 2, &err) < 0);
	assert_non_null(strstr(err.what, "fdatasync"));
	/* Neither by the back door. */
	struct ovsdb_journal_mark mark = ovsdb_journal_mark(j), end;
	struct ovsdb_draft *d = make_draft();
	assert_int_equal(ovsdb_draft_finish(d, &end, &err), 0);
	assert_true(ovsdb_draft_replace(d, j, &mark, &err) < 0);
	ovsdb_journal_close(j);
	assert_false(exists(".new"));
	assert_file_has(1);
}

static void new_file_has_what_was_appended_while_it_was_made(void **)
{
	struct past past;
	struct err err;
	struct stat st;
	create();
	assert_int_equal(chmod(path, 0604), 0);
	struct ovsdb_journal *j = open_journal(&past, &err);
	assert_int_equal(append(j, 20, &err), 0);
	struct ovsdb_journal_mark mark = ovsdb_journal_mark(j), end;
	struct ovsdb_draft *d = make_draft();
	assert_int_equal(append(j, 1, &err), 0);
	assert_int_equal(ovsdb_draft_finish(d, &end, &err), 0);
	assert_int_equal(append(j, 2, &err), 0);
	ovsdb_draft_take_over(d, &end);
	assert_int_equal(ovsdb_draft_replace(d, j, &mark, &err), 0);
	assert_int_equal(append(j, 3, &err), 0);
	ovsdb_journal_close(j);
	assert_file_has(3);
	assert_false(exists(".new"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
}

/* The link stays, and what it points to is replaced. */
static void link_to_the_file_is_followed(void **)
{
	struct past past;
	struct err err;
	char there[80];
	create();
	snprintf(there, sizeof(there), "%s/there", dir);
	assert_int_equal(rename(path, there), 0);
	assert_int_equal(symlink("there", path), 0);
	struct ovsdb_journal *j = open_journal(&past, &err);
	struct ovsdb_journal_mark mark = ovsdb_journal_mark(j), end;
	assert_string_equal(ovsdb_journal_path(j), there);
	snprintf(path, sizeof(path), "%s", there);
	struct ovsdb_draft *d = make_draft();
	assert_int_equal(ovsdb_draft_finish(d, &end, &err), 0);
	assert_int_equal(ovsdb_draft_replace(d, j, &mark, &err), 0);
	ovsdb_journal_close(j);
	struct stat st;
	snprintf(path, sizeof(path), "%s/db", dir);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_file_has(0);
}

/* Whatever fails while a new file takes its place: what was acknowledged is in the file that has the name. */
static void failure_at_any_step_of_a_replacement_keeps_the_old_file(void **)
{
	static int *const counters[] = {
	    &fail_write, &fail_sync, &fail_rename, &fail_sync_dir, &fail_truncate};
	struct past past;
	struct err err;
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		for (int at = 1; at < 8; at++) {
			create();
			struct ovsdb_journal *j = open_journal(&past, &err);
			struct ovsdb_journal_mark mark = ovsdb_journal_mark(j), end;
			struct ovsdb_draft *d = make_draft();
			assert_int_equal(append(j, 1, &err), 0);
			*counters[i] = at;
			int r = ovsdb_draft_finish(d, &end, &err);
			if (r == 0)
				r = ovsdb_draft_replace(d, j, &mark, &err);
			else
				ovsdb_draft_drop(d);
			bool failed = *counters[i] == 0;
			*counters[i] = 0;
			assert_int_equal(r != 0, failed);
			uint8_t n = append(j, 2, &err) == 0 ? 2 : 1;
			/* Only when it is not known which file a crash would leave. */
			assert_int_equal(n == 1, failed && counters[i] == &fail_sync_dir);
			ovsdb_journal_close(j);
			assert_file_has(n);
			assert_false(exists(".new"));
			unlink(path);
		}
	}
}

static void new_file_takes_the_place_of_none(void **)
{
	struct err err = {0};
	struct ovsdb_journal_mark end;
	create();
	struct ovsdb_draft *d = make_draft();
	assert_int_equal(ovsdb_draft_finish(d, &end, &err), 0);
	assert_int_equal(ovsdb_draft_publish(d, &err), -EEXIST);
	assert_int_equal(err.code, ERR_EXISTS);
	assert_false(exists(".new"));
	assert_file_has(0);
}

static void what_a_dead_process_left_is_removed_and_what_a_live_one_has_is_not(void **)
{
	struct past past;
	struct err err;
	char new_path[120];
	create();
	snprintf(new_path, sizeof(new_path), "%s.new", path);
	close(open(new_path, O_CREAT | O_WRONLY, 0600));
	ovsdb_journal_close(open_journal(&past, &err));
	assert_false(exists(".new"));
	close(open(new_path, O_CREAT | O_WRONLY, 0600));
	struct ovsdb_draft *d = make_draft();
	ovsdb_journal_close(open_journal(&past, &err));
	assert_true(exists(".new"));
	ovsdb_draft_drop(d);
	assert_false(exists(".new"));
}

static void large_records_are_read_in_pieces(void **)
{
	enum { SIZE = 5 << 20 };
	struct past past;
	struct err err;
	struct ovsdb_record_reader reader;
	struct ovsdb_record record;
	uint8_t *big = malloc(SIZE);
	create();
	struct ovsdb_journal *j = open_journal(&past, &err);
	memset(big, 0xf5, SIZE); // each byte may begin a record
	mask(j, big, SIZE);
	assert_int_equal(ovsdb_journal_append(j, CHANGE, big, SIZE, &err), 0);
	assert_int_equal(append(j, 1, &err), 0);
	uint64_t size = ovsdb_journal_size(j);
	ovsdb_journal_close(j);
	for (int cut = 0; cut < 2; cut++) {
		int fd = open(path, O_RDONLY);
		ovsdb_record_reader_init(
		    &reader, fd, 0, cut ? size - 200 : size, &(struct ovsdb_record_chain){0});
		size_t n = 0;
		enum ovsdb_record_result result;
		while ((result = ovsdb_record_next(&reader, &record)) == OVSDB_RECORD_GOOD)
			n++;
		assert_int_equal(result, cut ? OVSDB_RECORD_TORN : OVSDB_RECORD_NO_MORE);
		assert_int_equal(n, 1 + N_ROWS + 1 + (cut ? 0 : 2));
		ovsdb_record_reader_fini(&reader);
		close(fd);
	}
	free(big);
}

/* A real file system without room; needs to mount one. */
static void full_disk_is_an_error_and_not_the_end(void **)
{
	static uint8_t payload[3000];
	struct past past;
	struct err err = {0};
	if (mount("none", dir, "tmpfs", 0, "size=64k") != 0) {
		print_message("SKIP: cannot mount a tmpfs\n");
		skip();
	}
	create();
	struct ovsdb_journal *j = open_journal(&past, &err);
	uint64_t size = 0;
	int n = 0;
	while (n < 60 && ovsdb_journal_append(j, CHANGE, payload, sizeof(payload), &err) == 0) {
		size = ovsdb_journal_size(j);
		n++;
	}
	bool went_on = ovsdb_journal_fault(j) == NULL && ovsdb_journal_size(j) == size;
	/* Less still fits, or will when somebody makes room. */
	bool small = append(j, 1, &err) == 0;
	size = ovsdb_journal_size(j);
	ovsdb_journal_close(j);
	struct stat st = {0};
	stat(path, &st);
	assert_int_equal(umount(dir), 0);
	assert_in_range(n, 2, 59);
	assert_true(went_on);
	assert_true(small || err.code == ERR_STORAGE);
	assert_int_equal(st.st_size, size);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
	    T(what_was_acknowledged_is_replayed_in_order),
	    T(cut_at_any_byte_leaves_the_whole_records_before_or_is_refused),
	    T(any_flipped_bit_is_refused),
	    T(sectors_that_were_never_written_are_cut),
	    T(damage_in_a_record_of_zeros_is_refused),
	    T(bytes_of_others_after_the_last_record_are_refused),
	    T(records_in_another_order_doubled_or_missing_are_refused),
	    T(records_of_another_file_are_refused),
	    T(content_that_looks_like_a_record_is_content),
	    T(search_for_later_records_is_limited),
	    T(file_of_another_program_is_refused),
	    T(file_is_locked_also_after_it_was_replaced),
	    T(reader_leaves_a_torn_tail_alone),
	    T(failed_write_changes_nothing_and_the_next_one_works),
	    T(failed_write_that_cannot_be_taken_back_ends_writing),
	    T(failed_sync_ends_all_acknowledgement),
	    T(new_file_has_what_was_appended_while_it_was_made),
	    T(link_to_the_file_is_followed),
	    T(failure_at_any_step_of_a_replacement_keeps_the_old_file),
	    T(new_file_takes_the_place_of_none),
	    T(what_a_dead_process_left_is_removed_and_what_a_live_one_has_is_not),
	    T(large_records_are_read_in_pieces),
	    T(full_disk_is_an_error_and_not_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
