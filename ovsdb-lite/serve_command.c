/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/serve.h"

#define LOG_MODULE "control"
#include "datapath/base/log.h"

#define COMMAND(function, name, usage, least, most) \
	static void function(                       \
	    void *arg, struct ovsdb_control_call *call, int argc, const char *const *argv);
#include "ovsdb-lite/serve_command.def"
#undef COMMAND

/* One compaction of each file; answered when the last has ended. */
struct compaction {
	struct ovsdb_control_call *call;
	unsigned int n_running;
	char *faults;
};

static void on_compacted(const struct err *err, void *arg);
static void add_fault(struct compaction *c, const char *text);
static void answer_if_done(struct compaction *c);
static int parse_level(const char *text, enum log_level *ret);

const struct ovsdb_control_command ovsdb_serve_commands[] = {
#define COMMAND(function, name, usage, least, most) {name, usage, least, most, function},
#include "ovsdb-lite/serve_command.def"
#undef COMMAND
    {0},
};

static void run_exit(void *arg, struct ovsdb_control_call *call, int, const char *const *)
{
	struct ovsdb_serve *s = arg;
	log_info("ending on command");
	ovsdb_control_reply(call, NULL);
	event_base_loopexit(s->base, NULL);
}

static void memory_show(void *arg, struct ovsdb_control_call *call, int, const char *const *)
{
	struct ovsdb_serve *s = arg;
	char text[512];
	ovsdb_server_format_usage(s->server, text, sizeof(text));
	ovsdb_control_reply(call, text);
}

static void add_db(void *arg, struct ovsdb_control_call *call, int, const char *const *argv)
{
	const struct ovsdb_serve_file file = {.path = argv[1]};
	struct err err = {0};
	if (ovsdb_serve_open(arg, &file, &err) == 0)
		ovsdb_control_reply(call, NULL);
	else
		ovsdb_control_fail(call, err.what);
}

static void remove_db(void *arg, struct ovsdb_control_call *call, int, const char *const *argv)
{
	struct err err = {0};
	if (ovsdb_serve_close(arg, argv[1], &err) == 0)
		ovsdb_control_reply(call, NULL);
	else
		ovsdb_control_fail(call, err.what);
}

static void compact(void *arg, struct ovsdb_control_call *call, int argc, const char *const *argv)
{
	struct ovsdb_serve *s = arg;
	struct ovsdb_serve_storage *only = argc > 1 ? ovsdb_serve_storage_of(s, argv[1]) : NULL;
	if (argc > 1 && argv[1][0] == '_') {
		ovsdb_control_fail(call, "cannot compact built-in databases");
		return;
	}
	if (list_is_empty(&s->storages) || (argc > 1 && only == NULL)) {
		ovsdb_control_fail(call, "no database by that name");
		return;
	}
	struct compaction *c = ovsdb_alloc(sizeof(*c));
	c->call = call;
	c->n_running = 1; // this loop
	list_foreach (st, &s->storages, struct ovsdb_serve_storage, node) {
		struct err err = {0};
		if (only != NULL && st != only)
			continue;
		log_info("compacting %s by user request", st->path);
		c->n_running++;
		if (ovsdb_storage_compact_begin(st->storage, on_compacted, c, &err) != 0)
			on_compacted(&err, c);
	}
	c->n_running--;
	answer_if_done(c);
}

static void on_compacted(const struct err *err, void *arg)
{
	struct compaction *c = arg;
	if (err != NULL)
		add_fault(c, err->what);
	c->n_running--;
	answer_if_done(c);
}

static void add_fault(struct compaction *c, const char *text)
{
	char *longer = ovsdb_format_text("%s%s\n", c->faults != NULL ? c->faults : "", text);
	free(c->faults);
	c->faults = longer;
}

static void answer_if_done(struct compaction *c)
{
	if (c->n_running > 0)
		return;
	if (c->faults != NULL)
		ovsdb_control_fail(c->call, c->faults);
	else
		ovsdb_control_reply(c->call, NULL);
	free(c->faults);
	free(c);
}

static void add_remote(void *arg, struct ovsdb_control_call *call, int, const char *const *argv)
{
	char *fault = ovsdb_serve_add_remote(arg, argv[1]);
	if (fault == NULL)
		ovsdb_control_reply(call, NULL);
	else
		ovsdb_control_fail(call, fault);
	free(fault);
}

static void remove_remote(void *arg, struct ovsdb_control_call *call, int, const char *const *argv)
{
	if (ovsdb_serve_del_remote(arg, argv[1]))
		ovsdb_control_reply(call, NULL);
	else
		ovsdb_control_fail(call, "no such remote");
}

static void list_remotes(void *arg, struct ovsdb_control_call *call, int, const char *const *)
{
	struct ovsdb_serve *s = arg;
	char *text = ovsdb_copy_text("");
	for (size_t i = 0; i < s->n_remotes; i++) {
		char *longer = ovsdb_format_text("%s%s\n", text, s->remotes[i]);
		free(text);
		text = longer;
	}
	ovsdb_control_reply(call, text);
	free(text);
}

static void list_dbs(void *arg, struct ovsdb_control_call *call, int, const char *const *)
{
	struct ovsdb_serve *s = arg;
	char *text = ovsdb_server_format_names(s->server);
	ovsdb_control_reply(call, text);
	free(text);
}

static void limits(void *arg, struct ovsdb_control_call *call, int, const char *const *)
{
	struct ovsdb_serve *s = arg;
	char *text = ovsdb_server_format_limits(s->server);
	ovsdb_control_reply(call, text);
	free(text);
}

static void storage_status(void *arg, struct ovsdb_control_call *call, int, const char *const *argv)
{
	struct ovsdb_serve *s = arg;
	struct ovsdb_serve_storage *st = ovsdb_serve_storage_of(s, argv[1]);
	if (st == NULL && ovsdb_server_find_db(s->server, argv[1]) == NULL) {
		ovsdb_control_fail(call, "Failed to find the database.");
		return;
	}
	const char *fault = st != NULL ? ovsdb_storage_fault(st->storage) : NULL;
	char *text = ovsdb_format_text("status: %s", fault != NULL ? fault : "ok");
	ovsdb_control_reply(call, text);
	free(text);
}

static void reconnect(void *arg, struct ovsdb_control_call *call, int, const char *const *)
{
	struct ovsdb_serve *s = arg;
	ovsdb_server_reconnect(s->server, true, "user ran ovsdb-server/reconnect");
	ovsdb_control_reply(call, NULL);
}

static void disable_monitor_cond(
    void *arg, struct ovsdb_control_call *call, int, const char *const *)
{
	struct ovsdb_serve *s = arg;
	ovsdb_server_disable_monitor_cond(s->server);
	ovsdb_server_reconnect(s->server, true, "user ran ovsdb-server/disable-monitor-cond");
	ovsdb_control_reply(call, NULL);
}

static void sync_status(void *, struct ovsdb_control_call *call, int, const char *const *)
{
	ovsdb_control_reply(call, "state: active");
}

static void no_replication(void *, struct ovsdb_control_call *call, int, const char *const *)
{
	ovsdb_control_fail(call, "replication is not supported");
}

static void vlog_list(void *arg, struct ovsdb_control_call *call, int, const char *const *)
{
	static const char *const names[] = {"ERR", "WARN", "INFO", "DBG"};
	struct ovsdb_serve *s = arg;
	char *text = ovsdb_format_text("                 console    syslog    file\n"
				       "                 -------    ------    ------\n"
				       "%-16s %7s       OFF    %6s\n",
	    "all", s->options->log_file != NULL ? "OFF" : names[s->log_level],
	    s->options->log_file != NULL ? names[s->log_level] : "OFF");
	ovsdb_control_reply(call, text);
	free(text);
}

static void vlog_reopen(void *arg, struct ovsdb_control_call *call, int, const char *const *)
{
	struct ovsdb_serve *s = arg;
	struct err err = {0};
	if (s->options->log_file == NULL)
		ovsdb_control_fail(call, "Logging to file not configured");
	else if (ovsdb_serve_open_log(s->options->log_file, &err) != 0)
		ovsdb_control_fail(call, err.what);
	else
		ovsdb_control_reply(call, NULL);
}

/* All modules and destinations have one level here: a word for one of them alone is refused. */
static void vlog_set(void *arg, struct ovsdb_control_call *call, int argc, const char *const *argv)
{
	struct ovsdb_serve *s = arg;
	enum log_level level = LOG_LVL_DEBUG;
	for (int i = 1; i < argc; i++) {
		if (parse_level(argv[i], &level) != 0) {
			char *text = ovsdb_format_text(
			    "%s: there is one level for all modules and destinations: off, err, "
			    "warn, info or dbg, or ANY:ANY: before it",
			    argv[i]);
			ovsdb_control_fail(call, text);
			free(text);
			return;
		}
	}
	s->log_level = (int)level;
	log_set_level(level);
	ovsdb_control_reply(call, NULL);
}

static int parse_level(const char *text, enum log_level *ret)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {{"off", LOG_LVL_ERR}, {"emer", LOG_LVL_ERR}, {"err", LOG_LVL_ERR},
	    {"warn", LOG_LVL_WARN}, {"info", LOG_LVL_INFO}, {"dbg", LOG_LVL_DEBUG}};
	while (strncasecmp(text, "ANY:", 4) == 0)
		text += 4;
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (strcasecmp(text, levels[i].name) != 0)
			continue;
		*ret = levels[i].level;
		return 0;
	}
	return -EINVAL;
}
