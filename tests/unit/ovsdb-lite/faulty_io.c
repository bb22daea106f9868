/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/ovsdb-lite/faulty_io.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int fail_write, fail_sync, fail_truncate, fail_rename, fail_sync_dir;
size_t write_at_most = SIZE_MAX;

static bool fails(int *counter)
{
	if (*counter == 0 || --*counter > 0)
		return false;
	errno = EIO;
	return true;
}

static ssize_t faulty_write(int fd, const void *data, size_t size, off_t at)
{
	if (fails(&fail_write)) {
		/* Half of it gets to the disk. */
		(void)!pwrite(fd, data, size / 2, at);
		errno = ENOSPC;
		return -1;
	}
	return pwrite(fd, data, MIN_OF(size, write_at_most), at);
}

static int faulty_sync(int fd)
{
	return fails(&fail_sync) ? -1 : fdatasync(fd);
}

static int faulty_truncate(int fd, off_t size)
{
	return fails(&fail_truncate) ? -1 : ftruncate(fd, size);
}

static int faulty_rename(const char *from, const char *to)
{
	return fails(&fail_rename) ? -1 : rename(from, to);
}

static int faulty_sync_dir(int fd)
{
	return fails(&fail_sync_dir) ? -1 : fsync(fd);
}

const struct ovsdb_journal_io faulty = {
    .write = faulty_write,
    .sync = faulty_sync,
    .truncate = faulty_truncate,
    .rename = faulty_rename,
    .sync_dir = faulty_sync_dir,
};

void faulty_io_reset(void)
{
	fail_write = fail_sync = fail_truncate = fail_rename = fail_sync_dir = 0;
	write_at_most = SIZE_MAX;
}
