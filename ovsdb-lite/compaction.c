/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A forked child has the databases as they were at the fork, frozen by copy-on-write. It writes them to the draft, says through a pipe where
 * the draft ends, and ends itself without running anything of its parent's: no handlers, no destructors, no shared descriptors.
 */
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "datapath/base/clock.h"
#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/storage_priv.h"

#define LOG_MODULE "storage"
#include "datapath/base/log.h"

enum {
	CHILD_NICE = 10,
	CHILD_MAX_S = 600, // then it hangs
};

/* From the child, at once: smaller than PIPE_BUF. */
struct message {
	int32_t result; // 0 or -errno
	struct ovsdb_journal_mark end;
	struct err err;
};

struct ovsdb_compaction {
	struct ovsdb_storage *storage;
	ovsdb_storage_compacted *done;
	void *arg;
	/* Once it has begun. */
	struct ovsdb_draft *draft;
	struct ovsdb_journal_mark since;
	pid_t pid; // 0: it waits for the flush
	int fd;    // the pipe's end
	struct event *event;
	uint64_t begun_ms;
};

static bool wants_compaction(const struct ovsdb_storage *s);
static int begin(struct ovsdb_storage *s, struct err *err);
static int start_child(struct ovsdb_compaction *c, int pipe_fds[2], struct err *err);
static void run_child(struct ovsdb_compaction *c, int fd, pid_t parent) __attribute__((noreturn));
static void leave_parent(int draft_fd, int fd);
static void on_message(evutil_socket_t fd, short what, void *compaction);
static int receive(struct ovsdb_compaction *c, struct err *err);
static void report(struct ovsdb_storage *s, int result, const struct err *err);
static void compaction_free(struct ovsdb_compaction *c);

int ovsdb_storage_compact_begin(
    struct ovsdb_storage *s, ovsdb_storage_compacted *done, void *arg, struct err *err)
{
	if (s->compaction != NULL)
		return err_set(err, ERR_BUSY, "%s is being compacted", ovsdb_storage_path(s));
	if (s->options.base == NULL)
		return err_set(err, ERR_UNSUPPORTED, "no event loop to compact in");
	struct ovsdb_compaction *c = ovsdb_alloc(sizeof(*c));
	*c = (struct ovsdb_compaction){.storage = s, .done = done, .arg = arg, .fd = -1};
	s->compaction = c;
	return ovsdb_storage_is_pending(s) ? 0 : begin(s, err);
}

bool ovsdb_storage_is_compacting(const struct ovsdb_storage *s)
{
	return s->compaction != NULL;
}

int ovsdb_storage_compact(struct ovsdb_storage *s, struct err *err)
{
	struct ovsdb_journal_mark end, since = ovsdb_journal_mark(s->journal);
	assert(!ovsdb_storage_is_pending(s));
	if (s->compaction != NULL)
		return err_set(err, ERR_BUSY, "%s is being compacted", ovsdb_storage_path(s));
	struct ovsdb_draft *d = ovsdb_draft_begin(ovsdb_storage_path(s), s->options.io, err);
	if (d == NULL)
		return err_errno(err->code);
	int r = ovsdb_storage_put_snapshot(s, d, err);
	if (r == 0)
		r = ovsdb_draft_finish(d, &end, err);
	if (r == 0)
		return ovsdb_draft_replace(d, s->journal, &since, err);
	ovsdb_draft_drop(d);
	return r;
}

void ovsdb_compaction_after_flush(struct ovsdb_storage *s)
{
	struct err err = {0};
	if (s->compaction == NULL && wants_compaction(s))
		(void)!ovsdb_storage_compact_begin(s, NULL, NULL, &err);
	else if (s->compaction != NULL && s->compaction->pid == 0) {
		struct ovsdb_compaction c = *s->compaction;
		int r = begin(s, &err);
		if (r != 0 && c.done != NULL)
			c.done(&err, c.arg);
	}
}

void ovsdb_compaction_stop(struct ovsdb_storage *s)
{
	if (s->compaction == NULL)
		return;
	if (s->compaction->pid > 0) {
		kill(s->compaction->pid, SIGKILL);
		waitpid(s->compaction->pid, NULL, 0);
	}
	compaction_free(s->compaction);
	s->compaction = NULL;
}

static bool wants_compaction(const struct ovsdb_storage *s)
{
	uint64_t snapshot = ovsdb_journal_snapshot_size(s->journal);
	uint64_t after = ovsdb_journal_size(s->journal) - snapshot;
	uint64_t min_size = s->options.compact_min_size;
	min_size = min_size != 0 ? min_size : OVSDB_COMPACT_MIN_SIZE;
	return s->options.base != NULL && ovsdb_storage_fault(s) == NULL && after > min_size &&
	       after > OVSDB_COMPACT_FACTOR * snapshot && clock_ms() >= s->no_compaction_before_ms;
}

/* An error ends the compaction, without calling done. */
static int begin(struct ovsdb_storage *s, struct err *err)
{
	struct ovsdb_compaction *c = s->compaction;
	int pipe_fds[2] = {-1, -1};
	int r = 0;
	c->begun_ms = clock_ms();
	c->since = ovsdb_journal_mark(s->journal);
	if (ovsdb_storage_fault(s) != NULL)
		r = err_set(err, ERR_STORAGE, "%s takes no changes: %s", ovsdb_storage_path(s),
		    ovsdb_storage_fault(s));
	if (r == 0) {
		c->draft = ovsdb_draft_begin(ovsdb_storage_path(s), s->options.io, err);
		r = c->draft == NULL ? err_errno(err->code) : 0;
	}
	if (r == 0 && pipe2(pipe_fds, O_CLOEXEC) != 0)
		r = err_set(err, ERR_STORAGE, "no pipe to compact with: %s", strerror(errno));
	if (r == 0)
		r = start_child(c, pipe_fds, err);
	if (pipe_fds[1] >= 0)
		close(pipe_fds[1]);
	if (r == 0)
		return 0;
	if (pipe_fds[0] >= 0)
		close(pipe_fds[0]);
	ovsdb_draft_drop(c->draft);
	c->draft = NULL;
	compaction_free(c);
	s->compaction = NULL;
	report(s, r, err);
	return r;
}

static int start_child(struct ovsdb_compaction *c, int pipe_fds[2], struct err *err)
{
	const struct timeval most = {.tv_sec = CHILD_MAX_S};
	pid_t parent = getpid();
	struct event *event =
	    event_new(c->storage->options.base, pipe_fds[0], EV_READ, on_message, c);
	if (event == NULL || event_add(event, &most) != 0) {
		if (event != NULL)
			event_free(event);
		return err_set(err, ERR_STORAGE, "no event to compact with");
	}
	/* Until the child has its own handlers, nothing may reach it. */
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0)
		run_child(c, pipe_fds[1], parent);
	int fork_errno = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0) {
		event_free(event);
		return err_set(err, ERR_STORAGE, "cannot fork: %s", strerror(fork_errno));
	}
	c->pid = pid;
	c->fd = pipe_fds[0];
	c->event = event;
	return 0;
}

static void run_child(struct ovsdb_compaction *c, int fd, pid_t parent)
{
	struct message message = {0};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	leave_parent(ovsdb_draft_fd(c->draft), fd);
	message.result = ovsdb_storage_put_snapshot(c->storage, c->draft, &message.err);
	if (message.result == 0)
		message.result = ovsdb_draft_finish(c->draft, &message.end, &message.err);
	bool sent = write(fd, &message, sizeof(message)) == sizeof(message);
	_exit(sent ? 0 : 1);
}

/*
 * Clients' sockets are closed here so that they end when the parent closes them; closing a copy of a descriptor does not touch the
 * connection, nor the parent's epoll. The parent's handlers would write into descriptors that are shared.
 */
static void leave_parent(int draft_fd, int fd)
{
	unsigned int low = (unsigned int)MIN_OF(draft_fd, fd),
		     high = (unsigned int)MAX_OF(draft_fd, fd);
	if (low > 3)
		close_range(3, low - 1, 0);
	if (high > low + 1)
		close_range(low + 1, high - 1, 0);
	close_range(high + 1, ~0U, 0);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, sig == SIGPIPE ? SIG_IGN : SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	(void)!nice(CHILD_NICE);
}

static void on_message(evutil_socket_t fd, short what, void *compaction)
{
	struct ovsdb_compaction *c = compaction;
	struct ovsdb_storage *s = c->storage;
	struct err err = {0};
	(void)fd;
	if ((what & EV_TIMEOUT) != 0)
		kill(c->pid, SIGKILL);
	uint64_t before = ovsdb_storage_size(s);
	int r = receive(c, &err);
	if (r == 0)
		r = ovsdb_draft_replace(c->draft, s->journal, &c->since, &err);
	else
		ovsdb_draft_drop(c->draft);
	c->draft = NULL;
	if (r == 0)
		log_info("%s: compacted from %" PRIu64 " to %" PRIu64 " bytes in %" PRIu64 " ms",
		    ovsdb_storage_path(s), before, ovsdb_storage_size(s), clock_ms() - c->begun_ms);
	report(s, r, &err);
	ovsdb_storage_compacted *done = c->done;
	void *arg = c->arg;
	compaction_free(c);
	s->compaction = NULL;
	if (done != NULL)
		done(r == 0 ? NULL : &err, arg);
}

/* What the child says, and its end. */
static int receive(struct ovsdb_compaction *c, struct err *err)
{
	struct message message;
	int status = 0;
	ssize_t n;
	do
		n = read(c->fd, &message, sizeof(message));
	while (n < 0 && errno == EINTR);
	/* A child that said nothing is dead, or will not say anything any more. */
	if (n != sizeof(message))
		kill(c->pid, SIGKILL);
	pid_t ended = waitpid(c->pid, &status, 0);
	c->pid = -1;
	if (n == sizeof(message)) {
		*err = message.err;
		ovsdb_draft_take_over(c->draft, &message.end);
		return message.result;
	}
	if (ended > 0 && WIFSIGNALED(status))
		return err_set(err, ERR_STORAGE, "the process that compacted died of signal %d",
		    WTERMSIG(status));
	return err_set(err, ERR_STORAGE, "the process that compacted ended without a result");
}

static void report(struct ovsdb_storage *s, int result, const struct err *err)
{
	if (result == 0)
		return;
	s->no_compaction_before_ms = clock_ms() + OVSDB_COMPACT_RETRY_MS;
	log_warn("%s: not compacted, goes on as it is: %s", ovsdb_storage_path(s), err->what);
}

static void compaction_free(struct ovsdb_compaction *c)
{
	if (c->event != NULL)
		event_free(c->event);
	if (c->fd >= 0)
		close(c->fd);
	ovsdb_draft_drop(c->draft);
	free(c);
}
