/* SPDX-License-Identifier: Apache-2.0 */
/* DPDK's environment from the engine's options; its messages go to the log. */
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include <glob.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "eal"
#include "datapath/base/log.h"
#include "tools/bench/engine/engine.h"

enum { MAX_ARGS = 16, ARG_SIZE = 128 };

struct eal_args {
	int n;
	char *argv[MAX_ARGS + 1];
	char text[MAX_ARGS][ARG_SIZE];
};

static char file_prefix[64]; // main: rw

static void add_arg(struct eal_args *a, const char *fmt, ...) FORMAT(2, 3);
static bool has_hugetlbfs(void);
static void remove_hugefiles(void);
static bool next_hugetlbfs(FILE *mounts, char *ret, size_t size);
static ssize_t write_log(void *cookie, const char *text, size_t size);

int engine_eal_init(const struct engine_options *o, struct err *err)
{
	static struct eal_args a; // EAL keeps pointers into it
	add_arg(&a, "sluice-bench-engine");
	add_arg(&a, "--lcores=0@%u", o->core);
	add_arg(&a, "--main-lcore=0");
	add_arg(&a, "-m");
	add_arg(&a, "%u", o->memory_mb);
	add_arg(&a, "--no-telemetry");
	add_arg(&a, "--no-shconf");
	if (o->prefix[0] != '\0')
		snprintf(file_prefix, sizeof(file_prefix), "%s", o->prefix);
	else
		snprintf(file_prefix, sizeof(file_prefix), "sluice-bench-%d", (int)getpid());
	add_arg(&a, "--file-prefix=%s", file_prefix);
	add_arg(&a, "--allow=0000:00:00.0"); // nothing is probed until a port asks for it
	add_arg(&a, "--log-level=%s", o->log_level >= LOG_LVL_DEBUG ? "info" : "notice");
	// virtio-user hands the memory to the switch as files, of which vhost-user takes few.
	add_arg(&a, o->no_huge ? "--no-huge" : "--single-file-segments");
	if (!o->no_huge && !has_hugetlbfs())
		add_arg(&a, "--in-memory"); // files without a name, which need no mount

	FILE *log = fopencookie(NULL, "w", (cookie_io_functions_t){.write = write_log});
	if (log != NULL) {
		setvbuf(log, NULL, _IOLBF, 0);
		(void)rte_openlog_stream(log); // returns 0
	}
	if (rte_eal_init(a.n, a.argv) < 0) {
		err_set(err, ERR_INTERNAL, "DPDK did not start: %s", rte_strerror(rte_errno));
		return err_hint(err,
		    "is core %u there, and are %u MB of hugepages free (or use --no-huge)? "
		    "--log-level debug says more",
		    o->core, o->memory_mb);
	}
	remove_hugefiles();
	return 0;
}

void engine_eal_fini(void)
{
	char dir[PATH_MAX];
	snprintf(dir, sizeof(dir), "%s", rte_eal_get_runtime_dir());
	remove_hugefiles(); // what EAL made since
	if (rte_eal_cleanup() < 0)
		log_warn("DPDK did not clean up");
	(void)rmdir(dir); // EAL leaves it behind, empty without shared files
}

static void add_arg(struct eal_args *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(a->text[a->n], ARG_SIZE, fmt, ap);
	va_end(ap);
	a->argv[a->n] = a->text[a->n];
	a->n++;
	a->argv[a->n] = NULL;
}

static bool has_hugetlbfs(void)
{
	char dir[PATH_MAX];
	FILE *mounts = fopen("/proc/mounts", "re");
	bool found = mounts != NULL && next_hugetlbfs(mounts, dir, sizeof(dir));
	if (mounts != NULL)
		fclose(mounts);
	return found;
}

/* EAL keeps them open and needs no names; with one they would hold the memory when the engine is gone. */
static void remove_hugefiles(void)
{
	char dir[PATH_MAX], pattern[PATH_MAX + 128];
	FILE *mounts = fopen("/proc/mounts", "re");
	while (mounts != NULL && next_hugetlbfs(mounts, dir, sizeof(dir))) {
		glob_t found;
		snprintf(pattern, sizeof(pattern), "%s/%smap_*", dir, file_prefix);
		if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
			continue;
		for (size_t i = 0; i < found.gl_pathc; i++)
			(void)unlink(found.gl_pathv[i]);
		globfree(&found);
	}
	if (mounts != NULL)
		fclose(mounts);
}

static bool next_hugetlbfs(FILE *mounts, char *ret, size_t size)
{
	struct mntent *m;
	while ((m = getmntent(mounts)) != NULL) {
		if (strcmp(m->mnt_type, "hugetlbfs") == 0) {
			snprintf(ret, size, "%s", m->mnt_dir);
			return true;
		}
	}
	return false;
}

static ssize_t write_log(void *cookie, const char *text, size_t size)
{
	static const uint32_t level_of[] = {LOG_LVL_ERR, LOG_LVL_ERR, LOG_LVL_ERR, LOG_LVL_ERR,
	    LOG_LVL_ERR, LOG_LVL_WARN, LOG_LVL_INFO, LOG_LVL_DEBUG, LOG_LVL_DEBUG};
	(void)cookie;
	uint32_t dpdk_level = (uint32_t)rte_log_cur_msg_loglevel();
	uint32_t level = dpdk_level < ARRAY_SIZE(level_of) ? level_of[dpdk_level] : LOG_LVL_DEBUG;
	int len = (int)MIN_OF(size, (size_t)1024);
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
		len--;
	if (len > 0)
		log_write((enum log_level)level, LOG_MODULE, "%.*s", len, text);
	return (ssize_t)size;
}
