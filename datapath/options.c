/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/log.h"

enum {
	MEMORY_MB_MIN = 64,
	MEMORY_MB_MAX = 1 << 20,
	SESSIONS_MIN = 1024,
	SESSIONS_MAX = 1 << 26,
	N_OPTIONS_MAX = 16,
};

struct option_row {
	const char *name;
	const char *arg; // NULL: takes none
	const char *help;
	int (*set)(struct dp_options *o, const char *arg, struct err *err);
};

static int set_rundir(struct dp_options *o, const char *s, struct err *err);
static int set_memory(struct dp_options *o, const char *s, struct err *err);
static int set_huge(struct dp_options *o, const char *s, struct err *err);
static int set_no_huge(struct dp_options *o, const char *s, struct err *err);
static int set_sessions(struct dp_options *o, const char *s, struct err *err);
static int set_no_sleep(struct dp_options *o, const char *s, struct err *err);
static int set_log_level(struct dp_options *o, const char *s, struct err *err);
static int parse_u32(
    const char *name, const char *s, uint32_t min, uint32_t max, uint32_t *ret, struct err *err);

static const struct option_row rows[] = {
    {"rundir", "DIR", "directory of the control socket (default /run/sluice)", set_rundir},
    {"cores", "LIST", "one worker on each of these cores, such as 0-1,3 (default 0)",
	options_parse_cores},
    {"memory", "MB", "memory for packet buffers and devices (default 256)", set_memory},
    {"no-huge", NULL, "use no hugepages (default when too few are free)", set_no_huge},
    {"huge", NULL, "insist on hugepages", set_huge},
    {"sessions", "N", "session table entries per worker (default 65536)", set_sessions},
    {"no-sleep", NULL, "poll all the time: lowest latency, full cores", set_no_sleep},
    {"log-level", "LEVEL", "err, warn, info or debug (default info)", set_log_level},
    {"version", NULL, "print the version and exit", NULL},
    {"help", NULL, "print this text and exit", NULL},
};
static_assert(ARRAY_SIZE(rows) <= N_OPTIONS_MAX);

void options_init(struct dp_options *o)
{
	*o = (struct dp_options){
	    .rundir = "/run/sluice",
	    .n_workers = 1,
	    .memory_mb = 256,
	    .max_sessions = 65536,
	    .sleep = true,
	    .log_level = LOG_LVL_INFO,
	};
}

int options_parse(
    struct dp_options *o, int argc, char **argv, enum options_result *ret, struct err *err)
{
	struct option longs[N_OPTIONS_MAX + 1] = {0};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		longs[i] = (struct option){.name = rows[i].name,
		    .has_arg = rows[i].arg != NULL ? required_argument : no_argument};
	*ret = OPTIONS_RUN;
	optind = 0;
	opterr = 0;
	for (;;) {
		int at = 0;
		int c = getopt_long(argc, argv, "+:", longs, &at);
		if (c == -1)
			break;
		if (c != 0) {
			const char *given = argv[optind > 0 ? optind - 1 : 0];
			err_set(err, ERR_PARAMS,
			    c == ':' ? "%s needs a value" : "unknown option %s", given);
			return err_hint(err, "see sluice-switch --help");
		}
		if (strcmp(rows[at].name, "help") == 0)
			*ret = OPTIONS_HELP;
		else if (strcmp(rows[at].name, "version") == 0)
			*ret = OPTIONS_VERSION;
		else if (rows[at].set(o, optarg, err) < 0)
			return -EINVAL;
		if (*ret != OPTIONS_RUN)
			return 0;
	}
	if (optind < argc) {
		err_set(err, ERR_PARAMS, "unexpected argument %s", argv[optind]);
		return err_hint(err, "see sluice-switch --help");
	}
	return 0;
}

void options_help(char *buf, size_t size)
{
	size_t n = (size_t)snprintf(buf, size,
	    "Usage: sluice-switch [OPTION]...\n"
	    "The data plane of Sluice. It forwards what sluiced programs over "
	    "DIR/switch.sock.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows) && n < size; i++) {
		char left[40];
		snprintf(left, sizeof(left), "--%s%s%s", rows[i].name,
		    rows[i].arg != NULL ? " " : "", rows[i].arg != NULL ? rows[i].arg : "");
		n += (size_t)snprintf(buf + n, size - n, "  %-20s %s\n", left, rows[i].help);
	}
}

int options_parse_cores(struct dp_options *o, const char *s, struct err *err)
{
	unsigned int n = 0;
	unsigned int cores[RCU_MAX_WORKERS];
	for (const char *at = s; *at != '\0' || at == s;) {
		unsigned int from, to;
		int used = 0;
		if (sscanf(at, "%4u%n-%4u%n", &from, &used, &to, &used) < 2)
			to = from;
		if (used == 0 || at[0] < '0' || at[0] > '9' || from > to || to >= 1024)
			return err_set(
			    err, ERR_PARAMS, "\"%s\" is not a list of cores such as 0-1,3", s);
		for (unsigned int core = from; core <= to; core++) {
			for (unsigned int i = 0; i < n; i++)
				if (cores[i] == core)
					return err_set(
					    err, ERR_PARAMS, "core %u is twice in \"%s\"", core, s);
			if (n == RCU_MAX_WORKERS)
				return err_set(
				    err, ERR_PARAMS, "at most %d workers", RCU_MAX_WORKERS);
			cores[n++] = core;
		}
		at += used;
		if (*at == ',' && at[1] != '\0')
			at++;
		else if (*at != '\0')
			return err_set(
			    err, ERR_PARAMS, "\"%s\" is not a list of cores such as 0-1,3", s);
	}
	memcpy(o->cores, cores, n * sizeof(cores[0]));
	o->n_workers = n;
	return 0;
}

static int set_rundir(struct dp_options *o, const char *s, struct err *err)
{
	size_t len = strlen(s);
	if (len == 0 || len >= sizeof(o->rundir) || s[0] != '/')
		return err_set(err, ERR_PARAMS,
		    "--rundir must be an absolute path of at most %zu bytes",
		    sizeof(o->rundir) - 1);
	memcpy(o->rundir, s, len + 1);
	return 0;
}

static int set_memory(struct dp_options *o, const char *s, struct err *err)
{
	return parse_u32("memory", s, MEMORY_MB_MIN, MEMORY_MB_MAX, &o->memory_mb, err);
}

static int set_huge(struct dp_options *o, const char *s, struct err *err)
{
	(void)s, (void)err;
	o->huge = true;
	o->no_huge = false;
	return 0;
}

static int set_no_huge(struct dp_options *o, const char *s, struct err *err)
{
	(void)s, (void)err;
	o->no_huge = true;
	o->huge = false;
	return 0;
}

static int set_sessions(struct dp_options *o, const char *s, struct err *err)
{
	return parse_u32("sessions", s, SESSIONS_MIN, SESSIONS_MAX, &o->max_sessions, err);
}

static int set_no_sleep(struct dp_options *o, const char *s, struct err *err)
{
	(void)s, (void)err;
	o->sleep = false;
	return 0;
}

static int set_log_level(struct dp_options *o, const char *s, struct err *err)
{
	enum log_level level;
	if (log_level_parse(s, &level) < 0)
		return err_set(
		    err, ERR_PARAMS, "--log-level must be err, warn, info or debug, not %s", s);
	o->log_level = level;
	return 0;
}

static int parse_u32(
    const char *name, const char *s, uint32_t min, uint32_t max, uint32_t *ret, struct err *err)
{
	char *end;
	errno = 0;
	unsigned long long v = strtoull(s, &end, 10);
	if (errno != 0 || end == s || *end != '\0' || s[0] < '0' || s[0] > '9' || v < min ||
	    v > max)
		return err_set(err, ERR_PARAMS, "--%s must be a number from %u to %u, not %s", name,
		    min, max, s);
	*ret = (uint32_t)v;
	return 0;
}
