/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/journal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/api/journal_record.h"
#include "control/api/json_read.h"
#include "control/mem.h"

#define LOG_MODULE "journal"
#include "datapath/base/log.h"

enum {
	FORMAT_VERSION = 1,
	COMPACT_MIN_SIZE = 16 << 20,
	COMPACT_FACTOR = 4,
};
static const size_t record_max_size =
    (size_t)RECORD_PAYLOAD_MAX + RECORD_HEADER_SIZE + RECORD_TRAILER_SIZE;

struct journal {
	struct journal_io io;
	int dir_fd, lock_fd, fd;
	uint64_t end; // of the last acknowledged record
	struct chain chain;
	uint64_t snapshot_size;
	struct chain snapshot_chain;
	bool read_only;
	/* A snapshot in the making. */
	int new_fd;
	uint64_t new_end, new_generation;
	struct chain new_chain;
};

/* Bytes of a file, to walk over. */
struct mapping {
	void *data;
	size_t size;
};

static int lock_dir(struct journal *j, const char *dir, struct err *err);
static int load_snapshot(struct journal *j, journal_replay *replay, void *arg,
    uint64_t *ret_generation, struct chain *ret_replaces, struct err *err);
static int load_journal(struct journal *j, journal_replay *replay, void *arg, uint64_t generation,
    const struct chain *replaces, struct err *err);
static int open_file(struct journal *j, const char *name, struct mapping *ret, struct err *err);
static int check_head(
    const struct record *r, const char *kind, const char *member, char base[CHAIN_TEXT_SIZE]);
static int replay_record(const struct record *r, const char *file, size_t pos,
    journal_replay *replay, void *arg, struct err *err);
static int cut_tail(struct journal *j, const struct record_walk *walk, struct err *err);
static int write_record(struct journal *j, int fd, uint64_t *end, struct chain *chain,
    uint64_t generation, enum journal_type type, const void *payload, size_t size, struct err *err);
static int create_journal(
    struct journal *j, uint64_t generation, const struct chain *base, struct err *err);
static int put_head(struct journal *j, int fd, uint64_t *end, struct chain *chain,
    uint64_t generation, const char *kind, const char *member, const struct chain *base,
    struct err *err);
static int sync_dir(struct journal *j, struct err *err);
static int fail_for_good(struct journal *j, const char *call, struct err *err);
static int damaged(struct err *err, const char *file, size_t pos, const char *what);

static ssize_t system_write(int fd, const void *data, size_t size, off_t at)
{
	return pwrite(fd, data, size, at);
}

struct journal *journal_open(const char *dir, const struct journal_io *io, journal_replay *replay,
    void *arg, struct err *err)
{
	static const struct journal_io system_io = {.write = system_write, .sync = fdatasync};
	struct journal *j = mem_alloc(sizeof(*j));
	j->io = io != NULL ? *io : system_io;
	j->dir_fd = j->lock_fd = j->fd = j->new_fd = -1;
	uint64_t generation = 0;
	struct chain replaces = {0};
	if (lock_dir(j, dir, err) != 0 ||
	    load_snapshot(j, replay, arg, &generation, &replaces, err) != 0 ||
	    load_journal(j, replay, arg, generation, &replaces, err) != 0) {
		journal_close(j);
		return NULL;
	}
	return j;
}

void journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	const int fds[] = {j->new_fd, j->fd, j->lock_fd, j->dir_fd};
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(j);
}

int journal_append(
    struct journal *j, uint64_t generation, const void *payload, size_t size, struct err *err)
{
	if (j->read_only) {
		err_set(err, ERR_STORAGE,
		    "the journal is read-only since a write could not be made durable");
		return err_hint(err, "check the disk, then restart sluiced");
	}
	uint64_t end = j->end;
	struct chain chain = j->chain;
	if (write_record(j, j->fd, &end, &chain, generation, JOURNAL_TXN, payload, size, err) !=
	    0) {
		if (ftruncate(j->fd, (off_t)j->end) != 0)
			return fail_for_good(j, "ftruncate", err);
		return err_errno(err->code);
	}
	if (j->io.sync(j->fd) != 0)
		return fail_for_good(j, "fdatasync", err);
	j->end = end;
	j->chain = chain;
	return 0;
}

bool journal_is_read_only(const struct journal *j)
{
	return j->read_only;
}

uint64_t journal_size(const struct journal *j)
{
	return j->end;
}

bool journal_wants_snapshot(const struct journal *j)
{
	return !j->read_only && j->end > COMPACT_MIN_SIZE &&
	       j->end > COMPACT_FACTOR * j->snapshot_size;
}

int journal_snapshot_begin(struct journal *j, uint64_t generation, struct err *err)
{
	if (j->new_fd >= 0)
		close(j->new_fd);
	j->new_fd = openat(j->dir_fd, "snapshot.tmp", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (j->new_fd < 0)
		return err_set(err, ERR_STORAGE, "cannot create snapshot.tmp: %s", strerror(errno));
	j->new_end = 0;
	j->new_chain = (struct chain){0};
	j->new_generation = generation;
	return put_head(j, j->new_fd, &j->new_end, &j->new_chain, generation, "snapshot",
	    "replaces", &j->snapshot_chain, err);
}

int journal_snapshot_put(struct journal *j, const void *rows, size_t size, struct err *err)
{
	return write_record(j, j->new_fd, &j->new_end, &j->new_chain, j->new_generation,
	    JOURNAL_ROWS, rows, size, err);
}

/*
 * Every crash point leaves a pair that load_journal knows: the old two; the new snapshot with the old journal (which says
 * that it continues what the new snapshot replaces); the new two. "snapshot" exists at all times.
 */
int journal_snapshot_end(struct journal *j, struct err *err)
{
	int r = write_record(
	    j, j->new_fd, &j->new_end, &j->new_chain, j->new_generation, JOURNAL_END, "{}", 2, err);
	if (r != 0)
		return r;
	if (j->io.sync(j->new_fd) != 0)
		return err_set(
		    err, ERR_STORAGE, "snapshot.tmp could not be synced: %s", strerror(errno));
	close(j->new_fd);
	j->new_fd = -1;

	unlinkat(j->dir_fd, "snapshot.old", 0);
	if (linkat(j->dir_fd, "snapshot", j->dir_fd, "snapshot.old", 0) != 0 && errno != ENOENT)
		log_warn("the snapshot before is not kept: %s", strerror(errno));
	if (renameat(j->dir_fd, "snapshot.tmp", j->dir_fd, "snapshot") != 0)
		return err_set(err, ERR_STORAGE, "cannot rename snapshot.tmp: %s", strerror(errno));
	r = sync_dir(j, err);
	if (r == 0)
		r = create_journal(j, j->new_generation, &j->new_chain, err);
	if (r != 0) {
		/* Two files of different ages are in force; what would be appended now could not be replayed. */
		j->read_only = true;
		return r;
	}
	j->snapshot_chain = j->new_chain;
	j->snapshot_size = j->new_end;
	return 0;
}

static int lock_dir(struct journal *j, const char *dir, struct err *err)
{
	if (mkdir(dir, 0750) != 0 && errno != EEXIST)
		return err_set(err, ERR_STORAGE, "cannot create %s: %s", dir, strerror(errno));
	j->dir_fd = open(dir, O_DIRECTORY | O_CLOEXEC);
	if (j->dir_fd < 0)
		return err_set(err, ERR_STORAGE, "cannot open %s: %s", dir, strerror(errno));
	j->lock_fd = openat(j->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (j->lock_fd < 0)
		return err_set(err, ERR_STORAGE, "cannot create %s/lock: %s", dir, strerror(errno));
	if (flock(j->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		err_set(err, ERR_STATE, "another daemon uses the state directory %s", dir);
		return err_hint(err, "stop it, or give this one its own --state");
	}
	return 0;
}

/* A snapshot was complete before it got its name: any fault in it is damage. */
static int load_snapshot(struct journal *j, journal_replay *replay, void *arg,
    uint64_t *ret_generation, struct chain *ret_replaces, struct err *err)
{
	struct mapping file;
	int r = open_file(j, "snapshot", &file, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	close(r);

	struct record_walk walk = {.data = file.data, .size = file.size};
	struct record record = {0};
	char replaces[CHAIN_TEXT_SIZE];
	r = 0;
	if (record_next(&walk, &record) != RECORD_OK ||
	    check_head(&record, "snapshot", "replaces", replaces) != 0)
		r = damaged(err, "snapshot", 0, "its first record is bad");
	for (size_t pos = walk.pos; r == 0 && record.type != JOURNAL_END; pos = walk.pos) {
		if (record_next(&walk, &record) != RECORD_OK)
			r = damaged(err, "snapshot", pos, "bad record");
		else if (record.type != JOURNAL_END)
			r = replay_record(&record, "snapshot", pos, replay, arg, err);
	}
	if (r == 0 && walk.pos != walk.size)
		r = damaged(err, "snapshot", walk.pos, "bytes after its end");
	if (r == 0) {
		for (size_t i = 0; i < CHAIN_SIZE; i++)
			sscanf(replaces + 2 * i, "%2hhx", &ret_replaces->hash[i]);
		*ret_generation = record.generation;
		j->snapshot_chain = walk.chain;
		j->snapshot_size = file.size;
	}
	munmap(file.data, file.size);
	return r;
}

static int load_journal(struct journal *j, journal_replay *replay, void *arg, uint64_t generation,
    const struct chain *replaces, struct err *err)
{
	struct mapping file;
	int r = open_file(j, "journal", &file, err);
	if (r == -ENOENT && j->snapshot_size == 0)
		return create_journal(j, 0, &j->snapshot_chain, err);
	if (r == -ENOENT)
		return damaged(
		    err, "journal", 0, "it is missing, and the snapshot alone may be old");
	if (r < 0)
		return r;
	j->fd = r;

	struct record_walk walk = {.data = file.data, .size = file.size};
	struct record record;
	char base[CHAIN_TEXT_SIZE], snapshot[CHAIN_TEXT_SIZE], older[CHAIN_TEXT_SIZE];
	chain_format(&j->snapshot_chain, snapshot);
	chain_format(replaces, older);
	r = 0;
	if (record_next(&walk, &record) != RECORD_OK ||
	    check_head(&record, "journal", "base", base) != 0)
		r = damaged(err, "journal", 0, "its first record is bad");
	/* A crash between the two renames of a compaction: the snapshot has all of this journal. */
	bool is_superseded = r == 0 && j->snapshot_size > 0 && strcmp(base, older) == 0;
	if (r == 0 && !is_superseded && strcmp(base, snapshot) != 0)
		r = damaged(err, "journal", 0, "it does not continue the snapshot beside it");

	enum record_result result = RECORD_OK;
	while (r == 0 && result == RECORD_OK) {
		size_t pos = walk.pos;
		result = record_next(&walk, &record);
		if (result != RECORD_OK)
			continue;
		if (is_superseded && record.generation > generation)
			r = damaged(
			    err, "journal", pos, "it is newer than the snapshot that replaced it");
		else if (!is_superseded)
			r = replay_record(&record, "journal", pos, replay, arg, err);
	}
	if (r == 0 && result == RECORD_BAD)
		r = cut_tail(j, &walk, err);
	j->end = walk.pos;
	j->chain = walk.chain;
	munmap(file.data, file.size);
	if (r == 0 && is_superseded)
		return create_journal(j, generation, &j->snapshot_chain, err);
	return r;
}

/* A descriptor and the mapped bytes. -ENOENT without *err when there is no such file. */
static int open_file(struct journal *j, const char *name, struct mapping *ret, struct err *err)
{
	int fd = openat(j->dir_fd, name, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0) {
		err_set(err, ERR_STORAGE, "cannot open %s: %s", name, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -EIO;
	}
	ret->size = (size_t)st.st_size;
	if (ret->size == 0) {
		close(fd);
		return damaged(err, name, 0, "it is empty");
	}
	ret->data = mmap(NULL, ret->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (ret->data == MAP_FAILED) {
		err_set(err, ERR_STORAGE, "cannot map %s: %s", name, strerror(errno));
		close(fd);
		return -EIO;
	}
	return fd;
}

static int check_head(
    const struct record *r, const char *kind, const char *member, char base[CHAIN_TEXT_SIZE])
{
	json_t *head = json_loadb(r->payload, r->payload_size, JSON_REJECT_DUPLICATES, NULL);
	const char *got_kind = json_string_value(json_object_get(head, "kind"));
	const char *got_base = json_string_value(json_object_get(head, member));
	bool good = r->type == JOURNAL_HEAD && got_kind != NULL && strcmp(got_kind, kind) == 0 &&
		    got_base != NULL && strlen(got_base) == CHAIN_TEXT_SIZE - 1 &&
		    json_integer_value(json_object_get(head, "format")) == FORMAT_VERSION;
	if (good)
		memcpy(base, got_base, CHAIN_TEXT_SIZE);
	json_decref(head);
	return good ? 0 : -EINVAL;
}

static int replay_record(const struct record *r, const char *file, size_t pos,
    journal_replay *replay, void *arg, struct err *err)
{
	json_error_t fault;
	json_t *payload = json_read(r->payload, r->payload_size, &fault);
	if (payload == NULL)
		return damaged(err, file, pos, "its content is not JSON");
	int result = replay(r->generation, r->type, payload, arg, err);
	json_decref(payload);
	if (result != 0)
		log_err("%s: the record at byte %zu cannot be replayed", file, pos);
	return result;
}

static int cut_tail(struct journal *j, const struct record_walk *walk, struct err *err)
{
	if (record_follows(walk))
		return damaged(err, "journal", walk->pos, "bad record with good ones after it");
	log_warn("journal: cutting %zu bytes of an unfinished record at byte %zu",
	    walk->size - walk->pos, walk->pos);
	if (ftruncate(j->fd, (off_t)walk->pos) != 0 || j->io.sync(j->fd) != 0)
		return err_set(err, ERR_STORAGE, "cannot cut the journal's unfinished tail: %s",
		    strerror(errno));
	return 0;
}

/* Appends at *end; moves *end and *chain on when all bytes are in the file (not: durable). */
static int write_record(struct journal *j, int fd, uint64_t *end, struct chain *chain,
    uint64_t generation, enum journal_type type, const void *payload, size_t size, struct err *err)
{
	struct buf_writer w;
	struct chain next = *chain;
	buf_writer_init(&w, record_max_size);
	int r = record_encode(&w, &next, generation, type, payload, size);
	if (r != 0)
		err_set(err, ERR_STORAGE, "the transaction is too large for the journal");
	/* Space is taken first, so that a full disk shows here and not at fdatasync, which is for good. */
	if (r == 0 && fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)*end, (off_t)w.size) != 0 &&
	    errno != EOPNOTSUPP)
		r = err_set(err, ERR_STORAGE, "no room for the journal: %s", strerror(errno));
	size_t done = 0;
	while (r == 0 && done < w.size) {
		ssize_t n = j->io.write(fd, w.data + done, w.size - done, (off_t)(*end + done));
		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			r = err_set(err, ERR_STORAGE, "cannot write to the journal: %s",
			    n == 0 ? "no progress" : strerror(errno));
	}
	if (r == 0) {
		*end += w.size;
		*chain = next;
	}
	buf_writer_fini(&w);
	return r;
}

/* A new, empty journal takes the place of the one in force, if any. */
static int create_journal(
    struct journal *j, uint64_t generation, const struct chain *base, struct err *err)
{
	int fd = openat(j->dir_fd, "journal.tmp", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return err_set(err, ERR_STORAGE, "cannot create journal.tmp: %s", strerror(errno));
	uint64_t end = 0;
	struct chain chain = {0};
	int r = put_head(j, fd, &end, &chain, generation, "journal", "base", base, err);
	if (r == 0 && j->io.sync(fd) != 0)
		r = err_set(
		    err, ERR_STORAGE, "journal.tmp could not be synced: %s", strerror(errno));
	if (r == 0 && renameat(j->dir_fd, "journal.tmp", j->dir_fd, "journal") != 0)
		r = err_set(err, ERR_STORAGE, "cannot rename journal.tmp: %s", strerror(errno));
	if (r == 0)
		r = sync_dir(j, err);
	if (r != 0) {
		close(fd);
		return r;
	}
	if (j->fd >= 0)
		close(j->fd);
	j->fd = fd;
	j->end = end;
	j->chain = chain;
	return 0;
}

static int put_head(struct journal *j, int fd, uint64_t *end, struct chain *chain,
    uint64_t generation, const char *kind, const char *member, const struct chain *base,
    struct err *err)
{
	char text[CHAIN_TEXT_SIZE], head[CHAIN_TEXT_SIZE + 100];
	chain_format(base, text);
	int size = snprintf(head, sizeof(head), "{\"format\":%d,\"kind\":\"%s\",\"%s\":\"%s\"}",
	    FORMAT_VERSION, kind, member, text);
	return write_record(j, fd, end, chain, generation, JOURNAL_HEAD, head, (size_t)size, err);
}

static int sync_dir(struct journal *j, struct err *err)
{
	if (fsync(j->dir_fd) == 0)
		return 0;
	return err_set(
	    err, ERR_STORAGE, "the state directory could not be synced: %s", strerror(errno));
}

static int fail_for_good(struct journal *j, const char *call, struct err *err)
{
	err_set(err, ERR_STORAGE, "%s failed: %s", call, strerror(errno));
	log_err("journal: %s failed (%s): no change is accepted until a restart", call,
	    strerror(errno));
	j->read_only = true;
	/* Best effort: what was not acknowledged should not come back after a restart. */
	if (ftruncate(j->fd, (off_t)j->end) != 0)
		log_err("journal: cannot take the last record back: %s", strerror(errno));
	return err_hint(err, "check the disk, then restart sluiced");
}

static int damaged(struct err *err, const char *file, size_t pos, const char *what)
{
	err_set(err, ERR_STORAGE, "%s is damaged at byte %zu: %s", file, pos, what);
	return err_hint(err, "keep a copy of the state directory, then restore it, or empty it and "
			     "let the controller reconcile");
}
