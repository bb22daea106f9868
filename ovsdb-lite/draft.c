/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/draft.h"

#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ovsdb-lite/journal_priv.h"
#include "ovsdb-lite/mem.h"

#define LOG_MODULE "journal"
#include "datapath/base/log.h"

enum { CREATE_TRIES = 10, FILE_MODE = 0640 };

struct ovsdb_draft {
	struct ovsdb_journal_file file;
	char *path, *new_path;
};

static bool is_same_file(const char *a, const char *b);
static int create_locked(const char *path, struct err *err);
static int put_head(struct ovsdb_draft *d, struct err *err);
static bool has_zero_byte(uint64_t v);
static void copy_owner(int from, int to);
static int append_later(struct ovsdb_draft *d, struct ovsdb_journal *j,
    const struct ovsdb_journal_mark *since, struct err *err);
static int copy_later(struct ovsdb_draft *d, struct ovsdb_record_reader *reader,
    const struct ovsdb_journal *j, struct err *err);
static void draft_free(struct ovsdb_draft *d);

struct ovsdb_draft *ovsdb_draft_begin(
    const char *path, const struct ovsdb_journal_io *io, struct err *err)
{
	struct ovsdb_draft *d = ovsdb_alloc(sizeof(*d));
	d->path = ovsdb_copy_text(path);
	d->new_path = ovsdb_format_text("%s.new", path);
	d->file.io = io != NULL ? io : &ovsdb_system_io;
	d->file.fd = create_locked(d->new_path, err);
	if (d->file.fd < 0) {
		draft_free(d);
		return NULL;
	}
	if (put_head(d, err) != 0) {
		ovsdb_draft_drop(d);
		return NULL;
	}
	return d;
}

int ovsdb_draft_put(
    struct ovsdb_draft *d, uint32_t type, const void *payload, size_t size, struct err *err)
{
	return ovsdb_journal_file_put(&d->file, type, payload, size, err);
}

int ovsdb_draft_finish(struct ovsdb_draft *d, struct ovsdb_journal_mark *ret, struct err *err)
{
	int r = ovsdb_journal_file_put(&d->file, OVSDB_JOURNAL_END, NULL, 0, err);
	if (r != 0)
		return r;
	if (d->file.io->sync(d->file.fd) != 0)
		return err_set(
		    err, ERR_STORAGE, "%s: cannot sync: %s", d->new_path, strerror(errno));
	*ret = (struct ovsdb_journal_mark){.size = d->file.end, .chain = d->file.chain};
	return 0;
}

void ovsdb_draft_take_over(struct ovsdb_draft *d, const struct ovsdb_journal_mark *end)
{
	d->file.end = d->file.reserved = end->size;
	d->file.chain = end->chain;
}

int ovsdb_draft_publish(struct ovsdb_draft *d, struct err *err)
{
	int r = link(d->new_path, d->path) == 0 ? 0 : -errno;
	if (r == -EEXIST)
		err_set(err, ERR_EXISTS, "%s exists already", d->path);
	else if (r != 0)
		err_set(err, ERR_STORAGE, "cannot create %s: %s", d->path, strerror(-r));
	if (r == 0) {
		unlink(d->new_path);
		r = ovsdb_file_sync_dir(d->file.io, d->path);
		if (r != 0)
			err_set(err, ERR_STORAGE, "cannot sync the directory of %s: %s", d->path,
			    strerror(-r));
		draft_free(d);
		return r;
	}
	ovsdb_draft_drop(d);
	return r;
}

int ovsdb_draft_replace(struct ovsdb_draft *d, struct ovsdb_journal *j,
    const struct ovsdb_journal_mark *since, struct err *err)
{
	uint64_t snapshot_size = d->file.end;
	int r = append_later(d, j, since, err);
	if (r == 0 && d->file.io->rename(d->new_path, j->path) != 0)
		r = err_set(err, ERR_STORAGE, "cannot rename %s: %s", d->new_path, strerror(errno));
	if (r != 0) {
		ovsdb_draft_drop(d);
		return r;
	}
	r = ovsdb_file_sync_dir(d->file.io, j->path);
	if (r != 0) {
		/* After a crash either file may have the name: what were acknowledged now might be gone then. */
		ovsdb_journal_fail(j, "its directory could not be synced: %s", strerror(-r));
		err_set(err, ERR_STORAGE, "%s: %s", j->path, j->fault);
	}
	ovsdb_journal_file_fini(&j->file);
	j->file = d->file;
	j->snapshot_size = snapshot_size;
	j->is_salvaged = false;
	d->file.fd = -1;
	draft_free(d);
	return r;
}

void ovsdb_draft_drop(struct ovsdb_draft *d)
{
	if (d == NULL)
		return;
	unlink(d->new_path);
	draft_free(d);
}

int ovsdb_draft_fd(const struct ovsdb_draft *d)
{
	return d->file.fd;
}

void ovsdb_draft_remove_stale(const char *path)
{
	char *new_path = ovsdb_format_text("%s.new", path);
	int fd = open(new_path, O_RDWR | O_CLOEXEC);
	/* Publishing ended after the link: two names of one file. */
	bool is_same = fd >= 0 && is_same_file(path, new_path);
	if (is_same || (fd >= 0 && ovsdb_file_lock(fd, new_path) == 0)) {
		log_info("removing %s, which was not finished", new_path);
		unlink(new_path);
	}
	if (fd >= 0)
		close(fd);
	free(new_path);
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat x, y;
	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* A descriptor, or -errno. A file that is there already is in use, or was left by a process that died. */
static int create_locked(const char *path, struct err *err)
{
	for (int i = 0; i < CREATE_TRIES; i++) {
		int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
		bool is_ours = fd >= 0;
		if (fd < 0 && errno == EEXIST)
			fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			return err_set(
			    err, ERR_STORAGE, "cannot create %s: %s", path, strerror(errno));
		int r = ovsdb_file_lock(fd, path);
		if (r == 0 && is_ours)
			return fd;
		if (r == 0)
			unlink(path);
		close(fd);
		if (r == -EAGAIN)
			break;
	}
	return err_set(err, ERR_STATE, "another process is writing %s", path);
}

static int put_head(struct ovsdb_draft *d, struct err *err)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	struct ovsdb_journal_head head = {.format = htole32(OVSDB_JOURNAL_FORMAT),
	    .created_ms = htole64((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000)};
	memcpy(head.kind, ovsdb_journal_kind, sizeof(head.kind));
	/* A byte of 0 would leave zeros as they are. */
	while (has_zero_byte(d->file.chain.salt))
		if (getrandom(&d->file.chain.salt, sizeof(d->file.chain.salt), 0) < 0)
			return err_set(err, ERR_STORAGE, "no random bytes: %s", strerror(errno));
	return ovsdb_journal_file_put(&d->file, OVSDB_JOURNAL_HEAD, &head, sizeof(head), err);
}

static bool has_zero_byte(uint64_t v)
{
	return memchr(&v, 0, sizeof(v)) != NULL;
}

static void copy_owner(int from, int to)
{
	struct stat st;
	if (fstat(from, &st) == 0 &&
	    (fchown(to, st.st_uid, st.st_gid) != 0 || fchmod(to, st.st_mode & 07777) != 0))
		log_warn(
		    "the new file has another owner or mode than the old one: %s", strerror(errno));
}

static int append_later(struct ovsdb_draft *d, struct ovsdb_journal *j,
    const struct ovsdb_journal_mark *since, struct err *err)
{
	if (j->fault[0] != '\0')
		return err_set(err, ERR_STORAGE, "%s takes no changes: %s", j->path, j->fault);
	copy_owner(j->file.fd, d->file.fd);
	if (since->size == j->file.end)
		return 0;
	struct ovsdb_record_reader reader;
	ovsdb_record_reader_init(&reader, j->file.fd, since->size, j->file.end, &since->chain);
	int r = copy_later(d, &reader, j, err);
	ovsdb_record_reader_fini(&reader);
	if (r == 0 && d->file.io->sync(d->file.fd) != 0)
		r = err_set(err, ERR_STORAGE, "%s: cannot sync: %s", d->new_path, strerror(errno));
	return r;
}

/* They are read and checked again: what was damaged meanwhile must not get into a good chain. */
static int copy_later(struct ovsdb_draft *d, struct ovsdb_record_reader *reader,
    const struct ovsdb_journal *j, struct err *err)
{
	while (reader->pos < j->file.end) {
		struct ovsdb_record record;
		if (ovsdb_record_next(reader, &record) != OVSDB_RECORD_GOOD)
			return err_set(err, ERR_STORAGE, "%s was damaged meanwhile", j->path);
		int r = ovsdb_draft_put(d, record.type, record.payload, record.payload_size, err);
		if (r != 0)
			return r;
	}
	return 0;
}

static void draft_free(struct ovsdb_draft *d)
{
	ovsdb_journal_file_fini(&d->file);
	free(d->path);
	free(d->new_path);
	free(d);
}
