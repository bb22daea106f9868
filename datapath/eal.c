/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_mbuf.h>

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "eal"
#include "datapath/base/log.h"

enum {
	MAX_ARGS = 24,
	ARG_SIZE = 1024,
	POOL_CACHE = 256,
	POOL_MIN = 4096,
	POOL_MAX = 1 << 20,
	MBUF_COST = 2560, // bytes of memory per packet buffer, overhead included
};

struct eal_args {
	int n;
	char *argv[MAX_ARGS + 1];
	char text[MAX_ARGS][ARG_SIZE];
};

static char runtime_dir[128]; // main: rw

static void build_args(const struct dp_options *options, struct eal_args *a);
static void add_arg(struct eal_args *a, const char *fmt, ...) FORMAT(2, 3);
static void format_lcores(const struct dp_options *options, char *buf, size_t size);
static size_t format_allowed_cpus(char *buf, size_t size);
static uint64_t hugepages_free_mb(void);
static FILE *open_log(void);

int eal_init(struct dp_options *options, struct err *err)
{
	if (!options->huge && !options->no_huge && hugepages_free_mb() < options->memory_mb) {
		options->no_huge = true;
		log_info(
		    "fewer than %u MB of free hugepages: running without them, which costs speed "
		    "(sysctl vm.nr_hugepages=%u)",
		    options->memory_mb, options->memory_mb / 2 + 1);
	}
	static struct eal_args args; // EAL keeps pointers into it
	build_args(options, &args);

	FILE *log = open_log();
	if (log != NULL)
		(void)rte_openlog_stream(log); // returns 0
	// EAL puts its run-time directory below this one.
	setenv("RUNTIME_DIRECTORY", options->rundir, 1);
	if (rte_eal_init(args.n, args.argv) < 0) {
		err_set(err, ERR_INTERNAL, "DPDK did not start: %s", rte_strerror(rte_errno));
		return err_hint(err, "its messages are in the log, more with --log-level debug");
	}
	return 0;
}

void eal_fini(void)
{
	if (rte_eal_cleanup() < 0)
		log_warn("DPDK did not clean up");
	// EAL leaves its run-time directory behind, empty without shared files.
	(void)rmdir(runtime_dir);
	char *slash = strrchr(runtime_dir, '/');
	if (slash == NULL)
		return;
	*slash = '\0';
	(void)rmdir(runtime_dir);
}

unsigned int eal_lcore_of_worker(unsigned int worker_id)
{
	return worker_id + 1;
}

struct rte_mempool *eal_pool_create(const struct dp_options *options, struct err *err)
{
	// Half of the memory: the rest is for jumbo buffers, device rings and EAL itself.
	uint64_t n = (uint64_t)options->memory_mb * 1024 * 1024 / 2 / MBUF_COST;
	n = MIN_OF(MAX_OF(n, (uint64_t)POOL_MIN), (uint64_t)POOL_MAX);
	struct rte_mempool *pool = rte_pktmbuf_pool_create("packets", (unsigned int)n, POOL_CACHE,
	    PKT_PRIV_SIZE, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL) {
		err_set(err, ERR_TABLE_FULL, "no memory for %llu packet buffers",
		    (unsigned long long)n);
		err_hint(err, "raise --memory, now %u MB", options->memory_mb);
	}
	return pool;
}

static void build_args(const struct dp_options *options, struct eal_args *a)
{
	char lcores[ARG_SIZE - 16];
	format_lcores(options, lcores, sizeof(lcores));
	add_arg(a, "sluice-switch");
	add_arg(a, "--lcores=%s", lcores);
	add_arg(a, "--main-lcore=0");
	add_arg(a, "-m");
	add_arg(a, "%u", options->memory_mb);
	add_arg(a, "--no-telemetry");
	// No files in common with other processes: a second switch needs no prefix to stay apart.
	add_arg(a, "--no-shconf");
	unsigned long long id = hash_stable(options->rundir, strlen(options->rundir));
	add_arg(a, "--file-prefix=sluice-%016llx", id);
	snprintf(runtime_dir, sizeof(runtime_dir), "%s/dpdk/sluice-%016llx", options->rundir, id);
	// An allow list with no device on it: nothing is probed until a port asks for it.
	add_arg(a, "--allow=0000:00:00.0");
	add_arg(a, "--log-level=%s", options->log_level >= LOG_LVL_DEBUG ? "info" : "notice");
	if (options->no_huge)
		add_arg(a, "--no-huge");
	else
		add_arg(a, "--huge-unlink=always");
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

/* "0@(0-3),1@2,2@3": main anywhere we may run, workers on their cores. */
static void format_lcores(const struct dp_options *options, char *buf, size_t size)
{
	size_t n = (size_t)snprintf(buf, size, "0@(");
	n += format_allowed_cpus(buf + n, size - n);
	n += (size_t)snprintf(buf + n, size - n, ")");
	for (unsigned int i = 0; i < options->n_workers && n < size; i++)
		n += (size_t)snprintf(
		    buf + n, size - n, ",%u@%u", eal_lcore_of_worker(i), options->cores[i]);
}

static size_t format_allowed_cpus(char *buf, size_t size)
{
	cpu_set_t set;
	size_t n = 0;
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return (size_t)snprintf(buf, size, "0");
	for (int from = 0; from < CPU_SETSIZE && n + 16 < size; from++) {
		if (!CPU_ISSET(from, &set))
			continue;
		int to = from;
		while (to + 1 < CPU_SETSIZE && CPU_ISSET(to + 1, &set))
			to++;
		n += (size_t)snprintf(buf + n, size - n, n == 0 ? "%d-%d" : ",%d-%d", from, to);
		from = to;
	}
	return n;
}

/* Of every page size. */
static uint64_t hugepages_free_mb(void)
{
	DIR *dir = opendir("/sys/kernel/mm/hugepages");
	if (dir == NULL)
		return 0;
	uint64_t n_kb = 0;
	for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
		unsigned long size_kb, n_free;
		char path[512];
		if (sscanf(e->d_name, "hugepages-%lukB", &size_kb) != 1)
			continue;
		snprintf(
		    path, sizeof(path), "/sys/kernel/mm/hugepages/%s/free_hugepages", e->d_name);
		FILE *f = fopen(path, "re");
		if (f == NULL)
			continue;
		if (fscanf(f, "%lu", &n_free) == 1)
			n_kb += n_free * size_kb;
		fclose(f);
	}
	closedir(dir);
	return n_kb / 1024;
}

/* What is no news to anybody: said at debug. */
static const char *const noise[] = {
    "No free 2048 kB hugepages",
    "No free 1048576 kB hugepages",
    "No available",
    "VFIO support",
    "Probing VFIO",
    "TSC frequency is",
    "Multi-process socket",
    "Selected IOVA mode",
    "Detected CPU lcores",
    "Detected NUMA nodes",
    "Static memory layout",
    "IPC is disabled",
    "Invalid port_id=",
    "VHOST_CONFIG",
};

static ssize_t write_log(void *cookie, const char *text, size_t size)
{
	static const uint32_t level_of[] = {LOG_LVL_ERR, LOG_LVL_ERR, LOG_LVL_ERR, LOG_LVL_ERR,
	    LOG_LVL_ERR, LOG_LVL_WARN, LOG_LVL_INFO, LOG_LVL_DEBUG, LOG_LVL_DEBUG};
	(void)cookie;
	uint32_t dpdk_level = (uint32_t)rte_log_cur_msg_loglevel();
	uint32_t level = dpdk_level < ARRAY_SIZE(level_of) ? level_of[dpdk_level] : LOG_LVL_DEBUG;
	for (size_t i = 0; i < ARRAY_SIZE(noise); i++)
		if (memmem(text, size, noise[i], strlen(noise[i])) != NULL)
			level = LOG_LVL_DEBUG;
	int len = (int)MIN_OF(size, (size_t)1024);
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
		len--;
	if (len > 0)
		log_write((enum log_level)level, LOG_MODULE, "%.*s", len, text);
	return (ssize_t)size;
}

static FILE *open_log(void)
{
	FILE *f = fopencookie(NULL, "w", (cookie_io_functions_t){.write = write_log});
	if (f != NULL)
		setvbuf(f, NULL, _IOLBF, 0);
	return f;
}
