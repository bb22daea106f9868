/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/rundir.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 256, LOCK_TRIES = 10 };

static bool is_file_at(int fd, const char *path);
static int refuse_second(int fd, const char *path, struct err *err);

int rundir_lock(const char *path, struct err *err)
{
	char pid_path[PATH_SIZE];
	if (mkdir(path, 0750) < 0 && errno != EEXIST) {
		int rc = -errno;
		err_set(err, ERR_INTERNAL, "cannot make the directory %s: %s", path, strerror(-rc));
		err_hint(err, "its parent must exist and be writable; --rundir names another");
		return rc;
	}
	snprintf(pid_path, sizeof(pid_path), "%s/switch.pid", path);
	// A switch that ends removes its file, perhaps between our open and our lock: then the lock is on nothing.
	for (int i = 0; i < LOCK_TRIES; i++) {
		int fd = open(pid_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
		if (fd < 0) {
			int rc = -errno;
			err_set(err, ERR_INTERNAL, "cannot open %s: %s", pid_path, strerror(-rc));
			return rc;
		}
		if (flock(fd, LOCK_EX | LOCK_NB) < 0)
			return refuse_second(fd, path, err);
		if (is_file_at(fd, pid_path)) {
			if (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", (int)getpid()) < 0)
				err_set(err, ERR_INTERNAL, "cannot write %s", pid_path);
			return fd;
		}
		close(fd);
	}
	err_set(err, ERR_INTERNAL, "%s does not stay in place", pid_path);
	return -EBUSY;
}

void rundir_unlock(const char *path, int lock_fd)
{
	char pid_path[PATH_SIZE];
	snprintf(pid_path, sizeof(pid_path), "%s/switch.pid", path);
	(void)unlink(pid_path); // somebody else may have cleaned up
	close(lock_fd);
}

static bool is_file_at(int fd, const char *path)
{
	struct stat a, b;
	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static int refuse_second(int fd, const char *path, struct err *err)
{
	char text[16] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	close(fd);
	err_set(err, ERR_CONFLICT, "another sluice-switch (pid %ld) runs on %s",
	    n > 0 ? strtol(text, NULL, 10) : 0, path);
	err_hint(err, "stop it, or give this one its own --rundir");
	return -EBUSY;
}
