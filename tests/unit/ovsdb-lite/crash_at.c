/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD: a process dies (SIGKILL) at its nth call that changes a file, of those that are named below.
 *
 * CRASH_AT=n        which call; of a forked child's own count when CRASH_IN=child, else of the first process
 * CRASH_HOW=before  the call is not made
 *           half    of a write the first half is made; other calls are not
 *           power   the call is not made, and what was not synced is gone: files are as long as at their last fdatasync, and names that
 *                   no fsync of their directory made durable are as before
 * CRASH_LOG=FILE    calls are counted and named in FILE instead
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX = 64, PATH_SIZE = 400 };

/* A file that has grown since it was synced. */
struct grown {
	ino_t ino;
	int fd; // a copy, in the first process; a child that syncs the file finds it by ino
	off_t size;
};

/* A name that was given since its directory was synced. */
struct named {
	char path[PATH_SIZE], old[PATH_SIZE];
	bool had_old;
};

/* Of all processes. */
struct shared {
	struct grown grown[MAX];
	struct named named[MAX];
	int n_grown, n_named;
};

static struct shared *shared;
static int n_calls, crash_at;
static pid_t first;
static bool in_child, half, power;
static const char *log_path;

static void *real(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

__attribute__((constructor)) static void start(void)
{
	const char *how = getenv("CRASH_HOW");
	first = getpid();
	int flags = MAP_SHARED | MAP_ANONYMOUS;
	// cppcheck-suppress invalidFunctionArg
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, flags, -1, 0);
	crash_at = getenv("CRASH_AT") != NULL ? atoi(getenv("CRASH_AT")) : 0;
	in_child = getenv("CRASH_IN") != NULL && strcmp(getenv("CRASH_IN"), "child") == 0;
	half = how != NULL && strcmp(how, "half") == 0;
	power = how != NULL && strcmp(how, "power") == 0;
	log_path = getenv("CRASH_LOG");
}

static void lose_what_was_not_synced(void)
{
	int (*truncate_to)(int, off_t) = real("ftruncate64");
	int (*rename_to)(const char *, const char *) = real("rename");
	int (*remove_name)(const char *) = real("unlink");
	for (int i = 0; i < shared->n_grown; i++)
		truncate_to(shared->grown[i].fd, shared->grown[i].size);
	for (int i = shared->n_named - 1; i >= 0; i--) {
		const struct named *n = &shared->named[i];
		if (n->had_old)
			rename_to(n->old, n->path);
		else
			remove_name(n->path);
	}
}

/* True: half of the write is to be made, then die. */
static bool count(const char *call)
{
	bool is_child = getpid() != first;
	n_calls++;
	if (log_path != NULL) {
		int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
		dprintf(fd, "%s %d %s\n", is_child ? "child" : "parent", n_calls, call);
		close(fd);
	}
	if (is_child != in_child || n_calls != crash_at)
		return false;
	if (half && strcmp(call, "pwrite") == 0)
		return true;
	if (power)
		lose_what_was_not_synced();
	kill(getpid(), SIGKILL);
	return false;
}

/* A forked child counts its own calls. */
static void after_fork(void)
{
	static pid_t counted;
	if (getpid() != first && counted != getpid())
		n_calls = 0;
	counted = getpid();
}

static struct grown *find_grown(int fd)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return NULL;
	for (int i = 0; i < shared->n_grown; i++)
		if (shared->grown[i].ino == st.st_ino)
			return &shared->grown[i];
	return NULL;
}

static void note_growth(int fd)
{
	struct stat st;
	if (!power || find_grown(fd) != NULL || shared->n_grown == MAX || fstat(fd, &st) != 0)
		return;
	int copy = getpid() == first ? dup(fd) : -1;
	shared->grown[shared->n_grown++] =
	    (struct grown){.ino = st.st_ino, .fd = copy, .size = st.st_size};
}

static void note_sync(int fd)
{
	struct stat st;
	int (*remove_name)(const char *) = real("unlink");
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		while (shared->n_named > 0)
			remove_name(shared->named[--shared->n_named].old);
		return;
	}
	struct grown *g = find_grown(fd);
	if (g == NULL)
		return;
	if (getpid() == first)
		close(g->fd);
	*g = shared->grown[--shared->n_grown];
}

static void note_name(const char *path)
{
	if (!power || shared->n_named == MAX)
		return;
	struct named *n = &shared->named[shared->n_named++];
	snprintf(n->path, sizeof(n->path), "%s", path);
	snprintf(n->old, sizeof(n->old), "%s.crash-%d", path, shared->n_named);
	n->had_old = ((int (*)(const char *, const char *))real("link"))(path, n->old) == 0;
}

#define EXPORT __attribute__((visibility("default")))

EXPORT ssize_t pwrite64(int fd, const void *data, size_t size, off_t at);
EXPORT int fdatasync(int fd);
EXPORT int fsync(int fd);
EXPORT int ftruncate64(int fd, off_t size);
EXPORT int rename(const char *from, const char *to);
EXPORT int link(const char *from, const char *to);
EXPORT int unlink(const char *path);

ssize_t pwrite64(int fd, const void *data, size_t size, off_t at)
{
	ssize_t (*call)(int, const void *, size_t, off_t) = real("pwrite64");
	after_fork();
	if (count("pwrite")) {
		call(fd, data, size / 2, at);
		kill(getpid(), SIGKILL);
	}
	note_growth(fd);
	return call(fd, data, size, at);
}

int fdatasync(int fd)
{
	after_fork();
	count("fdatasync");
	int r = ((int (*)(int))real("fdatasync"))(fd);
	note_sync(fd);
	return r;
}

int fsync(int fd)
{
	after_fork();
	count("fsync");
	int r = ((int (*)(int))real("fsync"))(fd);
	note_sync(fd);
	return r;
}

int ftruncate64(int fd, off_t size)
{
	after_fork();
	count("ftruncate");
	return ((int (*)(int, off_t))real("ftruncate64"))(fd, size);
}

int rename(const char *from, const char *to)
{
	after_fork();
	count("rename");
	note_name(to);
	return ((int (*)(const char *, const char *))real("rename"))(from, to);
}

int link(const char *from, const char *to)
{
	after_fork();
	count("link");
	note_name(to);
	return ((int (*)(const char *, const char *))real("link"))(from, to);
}

int unlink(const char *path)
{
	after_fork();
	count("unlink");
	return ((int (*)(const char *))real("unlink"))(path);
}
