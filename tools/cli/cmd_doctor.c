/* SPDX-License-Identifier: Apache-2.0 */
/* Preflight: what this host offers the switch. Needs no daemon. Each finding has the command that mends it. */
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cli/out.h"

enum verdict { V_OK, V_WARN, V_FAIL };

struct finding {
	enum verdict verdict;
	char what[200];
	char fix[200];
};

static void find_set(struct finding *f, enum verdict v, const char *what, const char *fix)
{
	f->verdict = v;
	snprintf(f->what, sizeof(f->what), "%s", what);
	snprintf(f->fix, sizeof(f->fix), "%s", fix);
}

/* First number of a file, or -1. */
static long long read_number(const char *path)
{
	long long n = -1;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return -1;
	if (fscanf(f, "%lld", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

static void check_cpu(struct finding *f)
{
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
		find_set(f, V_OK, "the CPU has AVX2 and BMI2 (x86-64-v3)", "");
	else
		find_set(f, V_FAIL,
		    "the CPU lacks AVX2 or BMI2; sluice-switch will refuse to start",
		    "rebuild with meson -Dcpu=x86-64-v2, or use a newer CPU");
}

static void check_cores(struct finding *f)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	char what[128];

	snprintf(
	    what, sizeof(what), "%ld CPU cores: one is enough to try, two or more to measure", n);
	find_set(f, n > 1 ? V_OK : V_WARN, what, n > 1 ? "" : "give the machine a second core");
}

static void check_hugepages(struct finding *f)
{
	long long n = read_number("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
	long long free_pages =
	    read_number("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
	char what[160];

	snprintf(what, sizeof(what), "%lld hugepages of 2 MiB, %lld free", n, free_pages);
	if (free_pages >= 128) {
		find_set(f, V_OK, what, "");
	} else {
		size_t len = strlen(what);
		snprintf(what + len, sizeof(what) - len,
		    ": the switch will use ordinary pages (slower, otherwise the same)");
		find_set(f, V_WARN, what, "sysctl -w vm.nr_hugepages=512");
	}
}

static void check_root(struct finding *f)
{
	if (geteuid() == 0)
		find_set(f, V_OK, "running as root", "");
	else
		find_set(f, V_WARN,
		    "not running as root: sluice-switch and sluiced need CAP_NET_ADMIN, "
		    "CAP_NET_RAW and CAP_IPC_LOCK",
		    "sudo sluice doctor");
}

static void check_memlock(struct finding *f)
{
	struct rlimit rl;
	char what[160];

	getrlimit(RLIMIT_MEMLOCK, &rl);
	if (rl.rlim_cur == RLIM_INFINITY || rl.rlim_cur >= 512ull << 20) {
		find_set(f, V_OK, "locked memory is not limited", "");
		return;
	}
	snprintf(what, sizeof(what),
	    "locked memory is limited to %llu KiB: AF_XDP and NIC drivers may need more",
	    (unsigned long long)rl.rlim_cur / 1024);
	find_set(
	    f, V_WARN, what, "ulimit -l unlimited, or LimitMEMLOCK=infinity in the systemd unit");
}

static void check_rundir(struct finding *f)
{
	struct stat st;

	if (stat("/run/sluice", &st) != 0)
		find_set(f, V_WARN,
		    "/run/sluice is not there; sluice-switch makes it when started as root",
		    "install -d -m 0750 /run/sluice");
	else if (!S_ISDIR(st.st_mode) || (st.st_mode & 0007) != 0)
		find_set(f, V_FAIL,
		    "/run/sluice is open to everybody: any local user could reach VMs' sockets",
		    "chmod 0750 /run/sluice");
	else if (access("/run/sluice", W_OK) != 0)
		find_set(f, V_WARN, "/run/sluice is not writable by this user",
		    "run as root, or use --rundir");
	else
		find_set(f, V_OK, "/run/sluice is there and closed to others", "");
}

static void check_tun(struct finding *f)
{
	if (access("/dev/net/tun", R_OK | W_OK) == 0)
		find_set(f, V_OK, "/dev/net/tun can be opened (tap ports)", "");
	else
		find_set(f, V_WARN, "/dev/net/tun cannot be opened: tap ports will fail",
		    "modprobe tun");
}

static void check_btf(struct finding *f)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) == 0)
		find_set(f, V_OK, "the kernel has BTF (XDP on a shared NIC)", "");
	else
		find_set(f, V_WARN,
		    "the kernel has no BTF: XDP on a shared NIC will not load; af_packet uplinks "
		    "work",
		    "use a distribution kernel with CONFIG_DEBUG_INFO_BTF");
}

static void check_shm(struct finding *f)
{
	struct stat st;

	if (stat("/dev/shm", &st) == 0 && S_ISDIR(st.st_mode))
		find_set(f, V_OK, "/dev/shm is there (VM memory can be shared)", "");
	else
		find_set(f, V_WARN, "/dev/shm is not mounted; memfd still works for VMs",
		    "mount -t tmpfs shm /dev/shm");
}

static void check_drivers(struct finding *f)
{
	static const char *const want[] = {
	    "net_af_packet", "net_af_xdp", "net_tap", "net_vhost", NULL};
	char missing[128] = "";

	for (size_t i = 0; want[i] != NULL; i++) {
		char pattern[128];
		glob_t g = {0};

		snprintf(pattern, sizeof(pattern), "/usr/lib/*/dpdk/pmds-*/librte_%s.so*", want[i]);
		if (glob(pattern, 0, NULL, &g) != 0) {
			size_t len = strlen(missing);
			snprintf(missing + len, sizeof(missing) - len, "%s%s", len > 0 ? ", " : "",
			    want[i]);
		}
		globfree(&g);
	}
	if (missing[0] == '\0') {
		find_set(f, V_OK,
		    "DPDK's drivers for af_packet, AF_XDP, tap and vhost are installed", "");
		return;
	}
	char what[192];
	snprintf(what, sizeof(what), "DPDK drivers not found: %s", missing);
	find_set(f, V_WARN, what, "apt-get install dpdk libdpdk-dev");
}

static void check_daemon(struct finding *f, const struct cli *cli)
{
	char what[192];

	if (access(cli->socket_path, F_OK) == 0) {
		snprintf(what, sizeof(what), "sluiced's socket %s is there", cli->socket_path);
		find_set(f, V_OK, what, "");
	} else {
		snprintf(
		    what, sizeof(what), "no socket at %s: sluiced does not run", cli->socket_path);
		find_set(f, V_WARN, what,
		    "systemctl start sluice-switch sluiced, or tools/quickstart to try it");
	}
}

int cmd_doctor(struct cli *cli, const struct command *cmd, int argc, char **)
{
	static void (*const checks[])(struct finding *) = {check_cpu, check_cores, check_hugepages,
	    check_root, check_memlock, check_rundir, check_tun, check_btf, check_shm,
	    check_drivers};
	static const char *const words[] = {"ok", "warn", "fail"};
	enum verdict worst = V_OK;
	json_t *list = json_array();

	if (argc > 0) {
		json_decref(list);
		return cli_usage(cli, cmd, "doctor takes no arguments");
	}
	for (size_t i = 0; i <= ARRAY_SIZE(checks); i++) {
		struct finding f;

		if (i < ARRAY_SIZE(checks))
			checks[i](&f);
		else
			check_daemon(&f, cli);
		worst = MAX_OF(worst, f.verdict);
		json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "verdict", words[f.verdict],
						"what", f.what, "fix", f.fix));
		if (!cli->json) {
			printf("%-4s  %s\n", words[f.verdict], f.what);
			if (f.fix[0] != '\0')
				printf("      fix: %s\n", f.fix);
		}
	}
	if (cli->json)
		out_json(cli, list);
	json_decref(list);
	return worst == V_FAIL ? EXIT_REFUSED : EXIT_OK;
}
