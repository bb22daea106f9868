/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/journal.h"

#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ovsdb-lite/draft.h"
#include "ovsdb-lite/journal_priv.h"
#include "ovsdb-lite/mem.h"

#define LOG_MODULE "journal"
#include "datapath/base/log.h"

enum { LOCK_TRIES = 100 };

struct replay {
	ovsdb_journal_replay *function;
	void *arg;
	struct ovsdb_journal_report *report;
};

static int open_file(struct ovsdb_journal *j, const char *path, bool read_only, struct err *err);
static int open_locked(struct ovsdb_journal *j, const char *path, struct err *err);
static int load(struct ovsdb_journal *j, const struct replay *replay, struct err *err);
static int replay_record(struct ovsdb_journal *j, const struct ovsdb_record *record,
    const struct replay *replay, struct err *err);
static const char *head_fault(const struct ovsdb_record *record);
static int check_end(struct ovsdb_journal *j, struct ovsdb_record_reader *reader,
    enum ovsdb_record_result result, const struct replay *replay, struct err *err);
static int damaged(struct ovsdb_journal *j, struct ovsdb_journal_report *report, const char *fault,
    struct err *err);
static int foreign(struct ovsdb_journal *j, const char *fault, struct err *err);
static int cut_tail(
    struct ovsdb_journal *j, const struct ovsdb_journal_report *report, struct err *err);
static int refuse(const struct ovsdb_journal *j, struct err *err);

const char ovsdb_journal_kind[12] = "ovsdb-lite\n";

struct ovsdb_journal *ovsdb_journal_open(const char *path,
    const struct ovsdb_journal_options *options, ovsdb_journal_replay *function, void *arg,
    struct ovsdb_journal_report *report, struct err *err)
{
	struct ovsdb_journal *j = ovsdb_alloc(sizeof(*j));
	const struct replay replay = {.function = function, .arg = arg, .report = report};
	*report = (struct ovsdb_journal_report){0};
	j->file.io = options->io != NULL ? options->io : &ovsdb_system_io;
	j->file.fd = -1;
	int r = open_file(j, path, options->read_only, err);
	if (r == 0) {
		r = load(j, &replay, err);
		j->is_salvaged =
		    r != 0 && options->salvage && report->is_damaged && report->is_snapshot_good;
		r = j->is_salvaged ? 0 : r;
	}
	if (r == 0 && report->is_torn && !options->read_only)
		r = cut_tail(j, report, err);
	if (r != 0) {
		ovsdb_journal_close(j);
		return NULL;
	}
	if (options->read_only)
		ovsdb_journal_fail(j, "the file was opened for reading only");
	else
		ovsdb_draft_remove_stale(j->path);
	return j;
}

void ovsdb_journal_close(struct ovsdb_journal *j)
{
	if (j == NULL)
		return;
	ovsdb_journal_file_fini(&j->file);
	free(j->path);
	free(j);
}

int ovsdb_journal_append(
    struct ovsdb_journal *j, uint32_t type, const void *payload, size_t size, struct err *err)
{
	if (j->fault[0] != '\0')
		return refuse(j, err);
	if (j->is_salvaged)
		return err_set(err, ERR_STATE, "%s is damaged, and was not replaced yet", j->path);
	struct ovsdb_journal_file before = j->file;
	int r = ovsdb_journal_file_put(&j->file, type, payload, size, err);
	if (r != 0) {
		if (j->file.io->truncate(j->file.fd, (off_t)before.end) != 0)
			ovsdb_journal_fail(
			    j, "a failed write could not be taken back: %s", strerror(errno));
		before.reserved = before.end;
		j->file = before;
		return r;
	}
	if (j->file.io->sync(j->file.fd) == 0)
		return 0;
	ovsdb_journal_fail(j, "fdatasync failed: %s", strerror(errno));
	j->file = before;
	/* Best effort, also of the second sync: what was not acknowledged should not come back after a restart. */
	if (j->file.io->truncate(j->file.fd, (off_t)before.end) != 0 ||
	    j->file.io->sync(j->file.fd) != 0)
		log_err(
		    "%s: the last record may be there after a restart, though it was refused: %s",
		    j->path, strerror(errno));
	return refuse(j, err);
}

const char *ovsdb_journal_fault(const struct ovsdb_journal *j)
{
	return j->fault[0] != '\0' ? j->fault : NULL;
}

const char *ovsdb_journal_path(const struct ovsdb_journal *j)
{
	return j->path;
}

struct ovsdb_journal_mark ovsdb_journal_mark(const struct ovsdb_journal *j)
{
	return (struct ovsdb_journal_mark){.size = j->file.end, .chain = j->file.chain};
}

uint64_t ovsdb_journal_size(const struct ovsdb_journal *j)
{
	return j->file.end;
}

uint64_t ovsdb_journal_snapshot_size(const struct ovsdb_journal *j)
{
	return j->snapshot_size;
}

void ovsdb_journal_fail(struct ovsdb_journal *j, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(j->fault, sizeof(j->fault), fmt, args);
	va_end(args);
}

static int open_file(struct ovsdb_journal *j, const char *path, bool read_only, struct err *err)
{
	/* A new file takes the place of the old one, not of a link to it. */
	j->path = realpath(path, NULL);
	if (j->path == NULL)
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_STORAGE, "%s: %s", path,
		    strerror(errno));
	if (!read_only)
		return open_locked(j, path, err);
	j->file.fd = open(j->path, O_RDONLY | O_CLOEXEC);
	return j->file.fd >= 0 ? 0 : err_set(err, ERR_STORAGE, "%s: %s", path, strerror(errno));
}

/* Between open and lock the file may be replaced by a compaction. */
static int open_locked(struct ovsdb_journal *j, const char *path, struct err *err)
{
	int r = -ESTALE;
	for (int i = 0; i < LOCK_TRIES && r == -ESTALE; i++) {
		ovsdb_journal_file_fini(&j->file);
		j->file.fd = open(j->path, O_RDWR | O_CLOEXEC);
		if (j->file.fd < 0)
			return err_set(err, ERR_STORAGE, "%s: %s", path, strerror(errno));
		r = ovsdb_file_lock(j->file.fd, j->path);
	}
	if (r == 0)
		return 0;
	if (r != -EAGAIN)
		return err_set(err, ERR_STORAGE, "%s: cannot lock: %s", path, strerror(-r));
	err_set(err, ERR_STATE, "%s: another process has it open", path);
	return err_hint(err, "only one can write it; ask that one, or stop it");
}

static int load(struct ovsdb_journal *j, const struct replay *replay, struct err *err)
{
	struct stat st;
	if (fstat(j->file.fd, &st) != 0)
		return err_set(err, ERR_STORAGE, "%s: %s", j->path, strerror(errno));
	replay->report->file_size = (uint64_t)st.st_size;
	struct ovsdb_record_reader reader;
	ovsdb_record_reader_init(
	    &reader, j->file.fd, 0, (uint64_t)st.st_size, &(struct ovsdb_record_chain){0});
	enum ovsdb_record_result result = OVSDB_RECORD_GOOD;
	int r = 0;
	while (r == 0 && result == OVSDB_RECORD_GOOD) {
		struct ovsdb_record record;
		result = ovsdb_record_next(&reader, &record);
		if (result != OVSDB_RECORD_GOOD)
			continue;
		r = replay_record(j, &record, replay, err);
		if (r != 0)
			continue;
		replay->report->n_records = reader.chain.sequence;
		replay->report->good_size = reader.pos;
		j->file.end = reader.pos;
		j->file.chain = reader.chain;
		if (record.type == OVSDB_JOURNAL_END)
			j->snapshot_size = reader.pos;
	}
	if (r == 0)
		r = check_end(j, &reader, result, replay, err);
	ovsdb_record_reader_fini(&reader);
	return r;
}

static int replay_record(struct ovsdb_journal *j, const struct ovsdb_record *record,
    const struct replay *replay, struct err *err)
{
	if (record->sequence == 0) {
		const char *fault = head_fault(record);
		return fault != NULL ? foreign(j, fault, err) : 0;
	}
	bool in_snapshot = !replay->report->is_snapshot_good;
	if (record->type == OVSDB_JOURNAL_END && in_snapshot) {
		replay->report->is_snapshot_good = true;
		return 0;
	}
	if (record->type < OVSDB_JOURNAL_USER)
		return damaged(j, replay->report, "its type has no place there", err);
	int r = replay->function(record, in_snapshot, replay->arg, err);
	if (r == 0)
		return 0;
	char why[sizeof(err->what)];
	memcpy(why, err->what, sizeof(why));
	damaged(j, replay->report, "its content cannot be taken", err);
	size_t len = strlen(err->what);
	snprintf(err->what + len, sizeof(err->what) - len, ": %s", why);
	return r;
}

static const char *head_fault(const struct ovsdb_record *record)
{
	struct ovsdb_journal_head head;
	if (record->type != OVSDB_JOURNAL_HEAD || record->payload_size < sizeof(head))
		return "it does not begin with a head";
	memcpy(&head, record->payload, sizeof(head));
	if (memcmp(head.kind, ovsdb_journal_kind, sizeof(head.kind)) != 0)
		return "it is of another kind";
	return le32toh(head.format) == OVSDB_JOURNAL_FORMAT ? NULL
							    : "its format is of another version";
}

static int check_end(struct ovsdb_journal *j, struct ovsdb_record_reader *reader,
    enum ovsdb_record_result result, const struct replay *replay, struct err *err)
{
	struct ovsdb_journal_report *report = replay->report;
	if (result == OVSDB_RECORD_UNREADABLE) {
		err_set(err, ERR_STORAGE, "%s cannot be read after byte %" PRIu64 ": %s", j->path,
		    report->good_size, strerror(errno));
		return err_hint(err, "check the disk");
	}
	if (reader->size == 0)
		return foreign(j, "it is empty", err);
	if (result == OVSDB_RECORD_BAD ||
	    (result == OVSDB_RECORD_TORN && !report->is_snapshot_good))
		return damaged(j, report, reader->fault, err);
	if (!report->is_snapshot_good)
		return damaged(j, report, "it is missing: the snapshot has no end", err);
	report->is_torn = result == OVSDB_RECORD_TORN;
	report->fault = reader->fault;
	return 0;
}

/* Of the record after the good ones. */
static int damaged(struct ovsdb_journal *j, struct ovsdb_journal_report *report, const char *fault,
    struct err *err)
{
	char start[16] = "";
	if (report->n_records == 0 && pread(j->file.fd, start, sizeof(start) - 1, 0) > 0 &&
	    strncmp(start, "OVSDB ", 6) == 0)
		return foreign(j, "it is a database of ovsdb-server", err);
	report->is_damaged = true;
	report->fault = fault;
	err_set(err, ERR_STORAGE, "%s is damaged at byte %" PRIu64 ", in record %" PRIu64 ": %s",
	    j->path, report->good_size, report->n_records, fault);
	return err_hint(err,
	    "see what is left with \"ovsdb-lite check %s\", go on with it after "
	    "\"ovsdb-lite repair %s\"",
	    j->path, j->path);
}

static int foreign(struct ovsdb_journal *j, const char *fault, struct err *err)
{
	err_set(err, ERR_UNSUPPORTED, "%s is no database of this program: %s", j->path, fault);
	return err_hint(
	    err, "a database of ovsdb-server becomes one by \"ovsdb-lite import NEW %s\"", j->path);
}

static int cut_tail(
    struct ovsdb_journal *j, const struct ovsdb_journal_report *report, struct err *err)
{
	log_warn("%s: cutting %" PRIu64
		 " bytes of a write that was never finished, after record %" PRIu64
		 " at byte %" PRIu64,
	    j->path, report->file_size - report->good_size, report->n_records - 1,
	    report->good_size);
	if (j->file.io->truncate(j->file.fd, (off_t)report->good_size) == 0 &&
	    j->file.io->sync(j->file.fd) == 0)
		return 0;
	return err_set(
	    err, ERR_STORAGE, "%s: cannot cut its unfinished tail: %s", j->path, strerror(errno));
}

static int refuse(const struct ovsdb_journal *j, struct err *err)
{
	err_set(err, ERR_STORAGE, "%s takes no changes: %s", j->path, j->fault);
	return err_hint(err, "check the disk, then restart");
}
