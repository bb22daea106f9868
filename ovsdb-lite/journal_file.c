/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/journal_file.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RESERVE_SIZE = 1 << 20 };

static int reserve(struct ovsdb_journal_file *f, size_t size);
static int allocate(int fd, uint64_t at, size_t size);
static int write_all(struct ovsdb_journal_file *f, const uint8_t *data, size_t size);

static ssize_t system_write(int fd, const void *data, size_t size, off_t at)
{
	return pwrite(fd, data, size, at);
}

const struct ovsdb_journal_io ovsdb_system_io = {
    .write = system_write,
    .sync = fdatasync,
    .truncate = ftruncate,
    .rename = rename,
    .sync_dir = fsync,
};

int ovsdb_journal_file_put(
    struct ovsdb_journal_file *f, uint32_t type, const void *payload, size_t size, struct err *err)
{
	struct buf_writer w;
	struct ovsdb_record_chain next = f->chain;
	buf_writer_init(&w, (size_t)OVSDB_RECORD_PAYLOAD_MAX + OVSDB_RECORD_OVERHEAD);
	int r = ovsdb_record_encode(&w, &next, type, payload, size);
	if (r != 0)
		err_set(err, ERR_STORAGE, "a record of %zu bytes is too large", size);
	if (r == 0) {
		r = reserve(f, w.size);
		if (r == 0)
			r = write_all(f, w.data, w.size);
		if (r != 0)
			err_set(err, ERR_STORAGE, "cannot write: %s", strerror(-r));
	}
	if (r == 0) {
		f->end += w.size;
		f->chain = next;
	}
	buf_writer_fini(&w);
	return r;
}

void ovsdb_journal_file_fini(struct ovsdb_journal_file *f)
{
	if (f->fd < 0)
		return;
	/* Gives back what was reserved; the size stays. */
	if (f->reserved > f->end)
		(void)!ftruncate(f->fd, (off_t)f->end);
	close(f->fd);
	f->fd = -1;
}

int ovsdb_file_lock(int fd, const char *path)
{
	struct stat ours, now;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	if (fstat(fd, &ours) != 0 || stat(path, &now) != 0)
		return errno == ENOENT ? -ESTALE : -errno;
	return ours.st_dev == now.st_dev && ours.st_ino == now.st_ino ? 0 : -ESTALE;
}

int ovsdb_file_sync_dir(const struct ovsdb_journal_io *io, const char *path)
{
	char copy[PATH_MAX];
	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return -ENAMETOOLONG;
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = io->sync_dir(fd) == 0 ? 0 : -errno;
	close(fd);
	return r;
}

/* Space is taken first, so that a full disk shows here and not at fdatasync, which is for good. */
static int reserve(struct ovsdb_journal_file *f, size_t size)
{
	if (f->end + size <= f->reserved)
		return 0;
	const size_t sizes[] = {size + RESERVE_SIZE, size};
	int r = -ENOSPC;
	for (size_t i = 0; i < ARRAY_SIZE(sizes) && r != 0; i++) {
		r = allocate(f->fd, f->end, sizes[i]);
		if (r == 0)
			f->reserved = f->end + sizes[i];
	}
	return r == -EOPNOTSUPP || r == -ENOSYS ? 0 : r; // the latter from a seccomp filter
}

/* A signal interrupts it on some file systems. */
static int allocate(int fd, uint64_t at, size_t size)
{
	int r;
	do
		r = fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)size) == 0 ? 0 : -errno;
	while (r == -EINTR);
	return r;
}

static int write_all(struct ovsdb_journal_file *f, const uint8_t *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = f->io->write(f->fd, data + done, size - done, (off_t)(f->end + done));
		if (n > 0)
			done += (size_t)n;
		else if (n == 0)
			return -EIO;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}
