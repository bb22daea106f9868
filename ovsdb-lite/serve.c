/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/serve.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datapath/base/hash.h"
#include "datapath/base/sd_notify.h"
#include "ovsdb-lite/mem.h"

#define LOG_MODULE "serve"
#include "datapath/base/log.h"

enum { STATUS_MS = 2500 };

static void raise_descriptors(void);
static int run(struct ovsdb_serve *s, struct err *err);
static int start(struct ovsdb_serve *s, struct err *err);
static void finish(struct ovsdb_serve *s);
static int create_file(const struct ovsdb_serve_file *file, struct err *err);
static int serve_all_of(struct ovsdb_serve *s, struct ovsdb_storage *storage, struct err *err);
static bool is_open(const struct ovsdb_serve *s, const char *path);
static void close_storage(struct ovsdb_serve_storage *st);
static void apply_tls(struct ovsdb_serve *s);
static uint64_t stamp_of(const struct ovsdb_tls_files *files);
static void apply_remotes(struct ovsdb_serve *s);
static bool has_db_remotes(const struct ovsdb_serve *s);
static void on_commit(void *arg, struct ovsdb_changes *changes);
static void on_status(evutil_socket_t fd, short what, void *arg);
static void on_signal(evutil_socket_t sig, short what, void *arg);
static int write_pidfile(const char *path, struct err *err);
static int compare_names(const void *a, const void *b);

int ovsdb_serve(int argc, char *const argv[])
{
	static struct ovsdb_serve_options options;
	struct ovsdb_serve s = {.options = &options};
	struct err err = {0};
	int rc = ovsdb_serve_options_parse(&options, argc, argv);
	if (rc >= 0)
		return rc;
	int said = dup(STDERR_FILENO); // where whoever starts it looks, also with a log file
	log_init("ovsdb-lite", (enum log_level)options.log_level);
	s.log_level = options.log_level;
	signal(SIGPIPE, SIG_IGN);
	raise_descriptors();
	list_init(&s.storages);
	rc = run(&s, &err);
	finish(&s);
	if (rc != 0) {
		dprintf(said, "ovsdb-lite: %s\n", err.what);
		if (err.hint[0] != '\0')
			dprintf(said, "hint: %s\n", err.hint);
	}
	close(said);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int ovsdb_serve_open(struct ovsdb_serve *s, const struct ovsdb_serve_file *file, struct err *err)
{
	const struct ovsdb_storage_options how = {.base = s->base};
	if (is_open(s, file->path))
		return err_set(err, ERR_EXISTS, "ovsdb error: %s: already open", file->path);
	if (access(file->path, F_OK) != 0) {
		if (file->n_schemas == 0)
			return err_set(err, ERR_NOT_FOUND, "I/O error: %s: open failed (%s)",
			    file->path, strerror(errno));
		if (create_file(file, err) != 0)
			return err_errno(err->code);
		log_info("%s: made", file->path);
	}
	struct ovsdb_storage *storage = ovsdb_storage_open(file->path, &how, NULL, err);
	if (storage == NULL)
		return err_errno(err->code);
	if (serve_all_of(s, storage, err) != 0) {
		ovsdb_storage_close(storage);
		return err_errno(err->code);
	}
	struct ovsdb_serve_storage *st = ovsdb_alloc(sizeof(*st));
	st->storage = storage;
	st->path = ovsdb_copy_text(file->path);
	list_add(&s->storages, &st->node);
	s->remotes_changed = true;
	return 0;
}

int ovsdb_serve_close(struct ovsdb_serve *s, const char *db_name, struct err *err)
{
	struct ovsdb_serve_storage *st = ovsdb_serve_storage_of(s, db_name);
	if (db_name[0] == '_')
		return err_set(err, ERR_FORBIDDEN, "Cannot remove reserved database.");
	if (st != NULL && ovsdb_storage_is_compacting(st->storage))
		return err_set(err, ERR_BUSY, "%s is being compacted; try again.", st->path);
	if (st == NULL || ovsdb_server_remove_db(s->server, db_name) != 0)
		return err_set(err, ERR_NOT_FOUND, "Failed to find the database.");
	s->remotes_changed = true;
	for (size_t i = 0; i < ovsdb_storage_n_dbs(st->storage); i++) {
		struct ovsdb_db *db = ovsdb_storage_db(st->storage, i);
		if (ovsdb_server_find_db(s->server, db->schema->name) == db)
			return 0; // another of the file is served
	}
	close_storage(st);
	return 0;
}

struct ovsdb_serve_storage *ovsdb_serve_storage_of(const struct ovsdb_serve *s, const char *db_name)
{
	struct ovsdb_db *db = ovsdb_server_find_db(s->server, db_name);
	list_foreach (st, &s->storages, struct ovsdb_serve_storage, node)
		if (db != NULL && ovsdb_storage_find_db(st->storage, db_name) == db)
			return st;
	return NULL;
}

char *ovsdb_serve_add_remote(struct ovsdb_serve *s, const char *name)
{
	struct ovsdb_db_column c;
	char *fault = ovsdb_is_db_column(name) ? ovsdb_db_column_find(s->server, name, &c) : NULL;
	if (fault != NULL)
		return fault;
	for (size_t i = 0; i < s->n_remotes; i++)
		if (strcmp(s->remotes[i], name) == 0)
			return NULL;
	s->remotes =
	    ovsdb_grow(s->remotes, s->n_remotes, &s->remotes_capacity, sizeof(*s->remotes));
	s->remotes[s->n_remotes++] = ovsdb_copy_text(name);
	qsort(s->remotes, s->n_remotes, sizeof(*s->remotes), compare_names);
	apply_remotes(s);
	return NULL;
}

bool ovsdb_serve_del_remote(struct ovsdb_serve *s, const char *name)
{
	for (size_t i = 0; i < s->n_remotes; i++) {
		if (strcmp(s->remotes[i], name) != 0)
			continue;
		free(s->remotes[i]);
		s->n_remotes--;
		memmove(
		    &s->remotes[i], &s->remotes[i + 1], (s->n_remotes - i) * sizeof(*s->remotes));
		apply_remotes(s);
		return true;
	}
	return false;
}

int ovsdb_serve_open_log(const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0) {
		err_set(err, ERR_INTERNAL, "cannot log to %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -EIO;
	}
	close(fd);
	return 0;
}

/* As many clients as the limits let. */
static void raise_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int run(struct ovsdb_serve *s, struct err *err)
{
	s->base = event_base_new();
	if (s->base == NULL)
		return err_set(err, ERR_INTERNAL, "no event loop");
	struct event *signals[] = {
	    evsignal_new(s->base, SIGTERM, on_signal, s->base),
	    evsignal_new(s->base, SIGINT, on_signal, s->base),
	};
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		event_add(signals[i], NULL);
	int rc = start(s, err);
	if (rc == 0) {
		sd_notify("READY=1");
		event_base_dispatch(s->base);
		sd_notify("STOPPING=1");
	}
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		event_free(signals[i]);
	return rc;
}

static int start(struct ovsdb_serve *s, struct err *err)
{
	const struct ovsdb_serve_options *o = s->options;
	const struct timeval period = {
	    .tv_sec = STATUS_MS / 1000, .tv_usec = STATUS_MS % 1000 * 1000};
	const struct ovsdb_server_events events = {.on_commit = on_commit, .arg = s};
	if (o->log_file != NULL && ovsdb_serve_open_log(o->log_file, err) != 0)
		return -EIO;
	s->wants_tls =
	    o->tls.private_key != NULL || o->tls.certificate != NULL || o->tls.ca_cert != NULL;
	s->server = ovsdb_server_create(s->base, NULL, &events);
	for (size_t i = 0; i < o->n_files; i++)
		if (ovsdb_serve_open(s, &o->files[i], err) != 0)
			return err_errno(err->code);
	apply_tls(s);
	for (size_t i = 0; i < o->n_remotes; i++) {
		char *fault = ovsdb_serve_add_remote(s, o->remotes[i]);
		if (fault == NULL)
			continue;
		err_set(err, ERR_PARAMS, "--listen %s", fault);
		free(fault);
		return -EINVAL;
	}
	s->status_timer = event_new(s->base, -1, EV_PERSIST, on_status, s);
	event_add(s->status_timer, &period);
	on_status(-1, 0, s);
	if (o->pidfile != NULL && write_pidfile(o->pidfile, err) != 0)
		return -EIO;
	ovsdb_server_flush(s->server);
	if (o->unixctl == NULL)
		return 0;
	s->control = ovsdb_control_create(s->base, o->unixctl, ovsdb_serve_commands, s, err);
	return s->control != NULL ? 0 : -EIO;
}

static void finish(struct ovsdb_serve *s)
{
	ovsdb_server_destroy(s->server);
	list_foreach_safe (st, &s->storages, struct ovsdb_serve_storage, node)
		close_storage(st);
	ovsdb_control_destroy(s->control);
	if (s->status_timer != NULL)
		event_free(s->status_timer);
	for (size_t i = 0; i < s->n_remotes; i++)
		free(s->remotes[i]);
	free(s->remotes);
	free(s->tls_faults);
	if (s->base != NULL)
		event_base_free(s->base);
	if (s->options->pidfile != NULL && s->server != NULL)
		unlink(s->options->pidfile);
}

static int create_file(const struct ovsdb_serve_file *file, struct err *err)
{
	struct ovsdb_schema *schemas[OVSDB_SERVE_MAX_SCHEMAS] = {0};
	const struct ovsdb_schema *made[OVSDB_SERVE_MAX_SCHEMAS];
	int rc = 0;
	for (size_t i = 0; i < file->n_schemas && rc == 0; i++) {
		struct ovsdb_error *error = ovsdb_schema_from_file(&schemas[i], file->schemas[i]);
		if (error != NULL)
			rc = ovsdb_error_to_err(error, ERR_PARAMS, err);
		made[i] = schemas[i];
	}
	if (rc == 0)
		rc = ovsdb_storage_create(file->path, made, file->n_schemas, NULL, err);
	for (size_t i = 0; i < file->n_schemas; i++)
		ovsdb_schema_destroy(schemas[i]);
	return rc;
}

static int serve_all_of(struct ovsdb_serve *s, struct ovsdb_storage *storage, struct err *err)
{
	for (size_t i = 0; i < ovsdb_storage_n_dbs(storage); i++) {
		struct ovsdb_db *db = ovsdb_storage_db(storage, i);
		struct err why = {0};
		if (ovsdb_server_add_db(s->server, db, storage, &why) == 0)
			continue;
		while (i-- > 0)
			(void)!ovsdb_server_remove_db(
			    s->server, ovsdb_storage_db(storage, i)->schema->name);
		return err_set(err, why.code, "ovsdb error: %s", why.what);
	}
	return 0;
}

/* Under whatever name. */
static bool is_open(const struct ovsdb_serve *s, const char *path)
{
	char real[PATH_MAX];
	if (realpath(path, real) == NULL)
		return false;
	list_foreach (st, &s->storages, struct ovsdb_serve_storage, node) {
		char other[PATH_MAX];
		if (realpath(st->path, other) != NULL && strcmp(real, other) == 0)
			return true;
	}
	return false;
}

static void close_storage(struct ovsdb_serve_storage *st)
{
	list_del(&st->node);
	ovsdb_storage_close(st->storage);
	free(st->path);
	free(st);
}

/* Says once what is wrong with it. */
static void apply_tls(struct ovsdb_serve *s)
{
	const struct ovsdb_tls_files *named = &s->options->tls;
	struct ovsdb_tls_files files = {
	    .private_key = ovsdb_db_column_text(s->server, named->private_key),
	    .certificate = ovsdb_db_column_text(s->server, named->certificate),
	    .ca_cert = ovsdb_db_column_text(s->server, named->ca_cert),
	    .peer_ca_cert = ovsdb_db_column_text(s->server, named->peer_ca_cert),
	    .protocols = ovsdb_db_column_text(s->server, named->protocols),
	    .ciphers = ovsdb_db_column_text(s->server, named->ciphers),
	};
	struct err err = {0};
	uint64_t stamp = s->wants_tls ? stamp_of(&files) : 0;
	if (!s->wants_tls || stamp == s->tls_stamp)
		return;
	s->tls_stamp = stamp;
	if (ovsdb_server_set_tls(s->server, &files, &err) == 0) {
		free(s->tls_faults);
		s->tls_faults = NULL;
	} else if (s->tls_faults == NULL || strcmp(s->tls_faults, err.what) != 0) {
		log_warn("%s", err.what);
		free(s->tls_faults);
		s->tls_faults = ovsdb_copy_text(err.what);
	}
}

/* Another when a name, or what a file holds by its time and size, is another. */
static uint64_t stamp_of(const struct ovsdb_tls_files *files)
{
	const char *const names[] = {files->private_key, files->certificate, files->ca_cert,
	    files->peer_ca_cert, files->protocols, files->ciphers};
	uint64_t stamps[ARRAY_SIZE(names)][4] = {0};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct stat st;
		if (names[i] == NULL)
			continue;
		stamps[i][0] = hash_stable(names[i], strlen(names[i]));
		if (i > 3 || stat(names[i], &st) != 0)
			continue;
		stamps[i][1] = (uint64_t)st.st_mtim.tv_sec;
		stamps[i][2] = (uint64_t)st.st_mtim.tv_nsec;
		stamps[i][3] = (uint64_t)st.st_size;
	}
	return hash_stable(stamps, sizeof(stamps)) | 1;
}

static void apply_remotes(struct ovsdb_serve *s)
{
	struct ovsdb_remote_list list = {0};
	for (size_t i = 0; i < s->n_remotes; i++)
		ovsdb_remote_list_add(&list, s->server, s->remotes[i]);
	ovsdb_server_set_remotes(s->server, list.array, list.n);
	ovsdb_remote_list_fini(&list);
}

static bool has_db_remotes(const struct ovsdb_serve *s)
{
	for (size_t i = 0; i < s->n_remotes; i++)
		if (ovsdb_is_db_column(s->remotes[i]))
			return true;
	return false;
}

/* A column of remotes or of files may have changed. */
static void on_commit(void *arg, struct ovsdb_changes *)
{
	struct ovsdb_serve *s = arg;
	if (s->status_timer == NULL || s->remotes_changed || (!has_db_remotes(s) && !s->wants_tls))
		return;
	s->remotes_changed = true;
	event_active(s->status_timer, EV_TIMEOUT, 0);
}

static void on_status(evutil_socket_t, short, void *arg)
{
	struct ovsdb_serve *s = arg;
	bool changed = s->remotes_changed;
	s->remotes_changed = false;
	apply_tls(s);
	if (changed && has_db_remotes(s))
		apply_remotes(s);
	for (size_t i = 0; i < s->n_remotes; i++)
		ovsdb_db_column_write_status(s->server, s->remotes[i]);
}

static void on_signal(evutil_socket_t sig, short, void *arg)
{
	log_info("ending on signal %d", (int)sig);
	event_base_loopbreak(arg);
}

static int write_pidfile(const char *path, struct err *err)
{
	FILE *f = fopen(path, "we");
	if (f == NULL || fprintf(f, "%d\n", (int)getpid()) < 0 || fclose(f) != 0)
		return err_set(err, ERR_INTERNAL, "cannot write %s: %s", path, strerror(errno));
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}
