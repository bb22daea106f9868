/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/engine/options.h"

#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/json_util.h"
#include "datapath/base/log.h"

enum {
	CORE_MAX = CPU_SETSIZE - 1,
	MEMORY_MB = 256,
	MEMORY_MB_MIN = 64,
	MEMORY_MB_MAX = 1 << 16,
	MTU = 1500,
	MTU_MIN = 68,
	MTU_MAX = 9216,
	QUEUES_MAX = 16,
	DEVARGS_MAX_LEN = 1000,
	N_OPTIONS_MAX = 16,
};

struct option_row {
	const char *name;
	const char *arg; // NULL: takes none
	const char *help;
	int (*set)(struct engine_options *o, const char *arg, struct err *err);
};

static int set_core(struct engine_options *o, const char *s, struct err *err);
static int set_memory(struct engine_options *o, const char *s, struct err *err);
static int set_mtu(struct engine_options *o, const char *s, struct err *err);
static int set_no_huge(struct engine_options *o, const char *s, struct err *err);
static int set_prefix(struct engine_options *o, const char *s, struct err *err);
static int set_port(struct engine_options *o, const char *s, struct err *err);
static int set_log_level(struct engine_options *o, const char *s, struct err *err);
static int find_queues(const char *devargs, unsigned int *ret, struct err *err);
static int parse_number(const char *name, const char *s, unsigned int min, unsigned int max,
    unsigned int *ret, struct err *err);

static const struct option_row rows[] = {
    {"core", "N", "the core that sends and receives (required)", set_core},
    {"port", "NAME=DEVARGS", "a port, such as a=net_virtio_user0,path=/run/a.sock,server=1",
	set_port},
    {"mtu", "N", "frames up to this MTU, encapsulation included (default 1500)", set_mtu},
    {"memory", "MB", "memory for packet buffers and devices (default 256)", set_memory},
    {"no-huge", NULL, "use no hugepages", set_no_huge},
    {"prefix", "NAME", "names DPDK's files (default: from the process id)", set_prefix},
    {"log-level", "LEVEL", "err, warn, info or debug (default warn)", set_log_level},
    {"version", NULL, "print the version and exit", NULL},
    {"help", NULL, "print this text and exit", NULL},
};
static_assert(ARRAY_SIZE(rows) <= N_OPTIONS_MAX);

int engine_options_parse(
    struct engine_options *o, int argc, char **argv, enum options_result *ret, struct err *err)
{
	struct option longs[N_OPTIONS_MAX + 1] = {0};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		longs[i] = (struct option){.name = rows[i].name,
		    .has_arg = rows[i].arg != NULL ? required_argument : no_argument};
	*o = (struct engine_options){.memory_mb = MEMORY_MB, .mtu = MTU, .log_level = LOG_LVL_WARN};
	*ret = OPTIONS_RUN;
	optind = 0;
	opterr = 0;
	for (int at = 0, c; (c = getopt_long(argc, argv, "+:", longs, &at)) != -1;) {
		if (c != 0) {
			const char *given = argv[optind > 0 ? optind - 1 : 0];
			err_set(err, ERR_PARAMS,
			    c == ':' ? "%s needs a value" : "unknown option %s", given);
			return err_hint(err, "see sluice-bench-engine --help");
		}
		if (rows[at].set == NULL) {
			*ret = strcmp(rows[at].name, "help") == 0 ? OPTIONS_HELP : OPTIONS_VERSION;
			return 0;
		}
		if (rows[at].set(o, optarg, err) < 0)
			return -EINVAL;
	}
	if (optind < argc)
		return err_set(err, ERR_PARAMS, "unexpected argument %s", argv[optind]);
	if (!o->has_core || o->n_ports == 0) {
		err_set(err, ERR_PARAMS, "--core and at least one --port are required");
		return err_hint(err, "see sluice-bench-engine --help");
	}
	return 0;
}

void engine_options_help(char *buf, size_t size)
{
	size_t n = (size_t)snprintf(buf, size,
	    "Usage: sluice-bench-engine --core N --port NAME=DEVARGS [OPTION]...\n"
	    "Packet generator and sink: one JSON command a line on standard input, one answer a "
	    "line on standard output.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows) && n < size; i++) {
		char left[40];
		snprintf(left, sizeof(left), "--%s%s%s", rows[i].name,
		    rows[i].arg != NULL ? " " : "", rows[i].arg != NULL ? rows[i].arg : "");
		n += (size_t)snprintf(buf + n, size - n, "  %-20s %s\n", left, rows[i].help);
	}
}

static int set_core(struct engine_options *o, const char *s, struct err *err)
{
	o->has_core = true;
	return parse_number("core", s, 0, CORE_MAX, &o->core, err);
}

static int set_memory(struct engine_options *o, const char *s, struct err *err)
{
	return parse_number("memory", s, MEMORY_MB_MIN, MEMORY_MB_MAX, &o->memory_mb, err);
}

static int set_mtu(struct engine_options *o, const char *s, struct err *err)
{
	return parse_number("mtu", s, MTU_MIN, MTU_MAX, &o->mtu, err);
}

static int set_no_huge(struct engine_options *o, const char *s, struct err *err)
{
	(void)s, (void)err;
	o->no_huge = true;
	return 0;
}

static int set_prefix(struct engine_options *o, const char *s, struct err *err)
{
	if (!json_name_is_valid(s) || strlen(s) >= sizeof(o->prefix))
		return err_set(err, ERR_PARAMS,
		    "--prefix must be 1 to %zu letters, digits or . _ : -", sizeof(o->prefix) - 1);
	snprintf(o->prefix, sizeof(o->prefix), "%s", s);
	return 0;
}

static int set_port(struct engine_options *o, const char *s, struct err *err)
{
	struct port_option *p = &o->ports[o->n_ports];
	size_t len = strcspn(s, "=");
	if (o->n_ports == PORT_MAX)
		return err_set(err, ERR_PARAMS, "more than %d ports", PORT_MAX);
	if (len == 0 || len >= sizeof(p->name) || s[len] == '\0' || s[len + 1] == '\0')
		return err_set(err, ERR_PARAMS, "--port is NAME=DEVARGS, not %.100s", s);
	snprintf(p->name, sizeof(p->name), "%.*s", (int)len, s);
	p->devargs = s + len + 1;
	if (!json_name_is_valid(p->name) || strlen(p->devargs) > DEVARGS_MAX_LEN)
		return err_set(err, ERR_PARAMS,
		    "a port has a name of letters, digits and . _ : - and up to %d bytes of "
		    "devargs",
		    DEVARGS_MAX_LEN);
	for (unsigned int i = 0; i < o->n_ports; i++)
		if (strcmp(o->ports[i].name, p->name) == 0)
			return err_set(err, ERR_PARAMS, "the port %s is there twice", p->name);
	o->n_ports++;
	return find_queues(p->devargs, &p->n_queues, err);
}

static int set_log_level(struct engine_options *o, const char *s, struct err *err)
{
	enum log_level level;
	if (log_level_parse(s, &level) < 0)
		return err_set(
		    err, ERR_PARAMS, "--log-level must be err, warn, info or debug, not %s", s);
	o->log_level = level;
	return 0;
}

static int find_queues(const char *devargs, unsigned int *ret, struct err *err)
{
	static const char *const keys[] = {",queues=", ",qpairs=", ",queue_count="};
	*ret = 1;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *at = strstr(devargs, keys[i]);
		if (at == NULL)
			continue;
		char number[8];
		at += strlen(keys[i]);
		snprintf(number, sizeof(number), "%.*s", (int)strcspn(at, ","), at);
		return parse_number("port's queues", number, 1, QUEUES_MAX, ret, err);
	}
	return 0;
}

static int parse_number(const char *name, const char *s, unsigned int min, unsigned int max,
    unsigned int *ret, struct err *err)
{
	char *end;
	errno = 0;
	unsigned long long v = strtoull(s, &end, 10);
	if (errno != 0 || end == s || *end != '\0' || s[0] < '0' || s[0] > '9' || v < min ||
	    v > max)
		return err_set(err, ERR_PARAMS, "--%s must be a number from %u to %u, not %.40s",
		    name, min, max, s);
	*ret = (unsigned int)v;
	return 0;
}
