/* SPDX-License-Identifier: Apache-2.0 */
/* The program on a veth device of a namespace, with a bpffs of the test's own. */
#include "tests/unit/test.h"

#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "ebpf/ebpf_loader.h"

#define BPFFS "/tmp/sluice-bpffs-test"
#define DIR   BPFFS "/v0"

static int sh(const char *command)
{
	return system(command); // NOLINT(cert-env33-c): fixed texts
}

static uint32_t attached_id(void)
{
	unsigned int id = 0;
	FILE *f =
	    popen("ip -d link show v0 | sed -n 's/.*prog\\/xdp id \\([0-9]*\\).*/\\1/p'", "r");
	assert_non_null(f);
	(void)!fscanf(f, "%u", &id);
	pclose(f);
	return id;
}

static struct uplink_xdp *open_ok(void)
{
	struct err err = {0};
	struct uplink_xdp *x = NULL;
	if (uplink_xdp_open("v0", DIR, &x, &err) < 0)
		fail_msg("%s (%s)", err.what, err.hint);
	return x;
}

static int setup(void **)
{
	return sh(
	    "ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up");
}

static int teardown(void **)
{
	struct err err = {0};
	int rc = uplink_xdp_remove("v0", DIR, &err);
	return sh("ip link del v0") != 0 || rc < 0;
}

static void it_outlives_who_loaded_it(void **)
{
	struct ip_addr us, peer;
	uint64_t n[XDP_COUNTER__COUNT];
	struct uplink_xdp *x = open_ok();
	assert_int_equal(ip_parse("192.0.2.2", &us), 0);
	assert_int_equal(ip_parse("192.0.2.1", &peer), 0);
	assert_int_equal(uplink_xdp_mode(x), UPLINK_XDP_NATIVE);
	assert_int_equal(uplink_xdp_put_vtep(x, &us, 4789, 0), 0);
	assert_int_equal(uplink_xdp_put_allowed(x, &peer, 7, XDP_ALLOWED), 0);
	assert_int_equal(uplink_xdp_set(x, &(struct xdp_settings){.source_pps = 9}), 0);
	assert_int_equal(uplink_xdp_counters(x, n), 0);
	uplink_xdp_close(x);
	uint32_t first = attached_id();
	assert_int_not_equal(first, 0);

	x = open_ok(); // as a restarted switch does
	assert_int_equal(uplink_xdp_mode(x), UPLINK_XDP_NATIVE);
	assert_int_not_equal(attached_id(), first);
	assert_int_equal(uplink_xdp_del_vtep(x, &us, 4789), 0);
	assert_int_equal(uplink_xdp_del_vtep(x, &us, 4789), -ENOENT);
	assert_int_equal(uplink_xdp_del_allowed(x, &peer, 7), 0);
	assert_int_equal(uplink_xdp_del_allowed(x, NULL, 7), -ENOENT);
	uplink_xdp_close(x);
}

static void it_can_be_removed(void **)
{
	struct err err = {0};
	uplink_xdp_close(open_ok());
	assert_int_equal(uplink_xdp_remove("v0", DIR, &err), 0);
	assert_int_equal(attached_id(), 0);
	assert_int_not_equal(access(DIR, F_OK), 0);
	assert_int_equal(uplink_xdp_remove("v0", DIR, &err), 0); // nothing is there
	assert_int_equal(uplink_xdp_remove("nowhere", DIR, &err), 0);
}

static void anothers_program_stays(void **)
{
	struct err err = {0};
	struct uplink_xdp *x = NULL;
	// Another's, for all that this directory knows.
	assert_int_equal(uplink_xdp_open("v0", BPFFS "/other", &x, &err), 0);
	uplink_xdp_close(x);
	uint32_t id = attached_id();
	assert_true(uplink_xdp_open("v0", DIR, &x, &err) < 0);
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_non_null(strstr(err.what, "another XDP program"));
	assert_int_equal(attached_id(), id);
	assert_int_not_equal(access(DIR, F_OK), 0); // no maps of an attempt that failed
	assert_int_equal(uplink_xdp_remove("v0", DIR, &err), 0);
	assert_int_equal(attached_id(), id);
	assert_int_equal(uplink_xdp_remove("v0", BPFFS "/other", &err), 0);
	assert_int_equal(attached_id(), 0);
}

static void failures_are_said(void **)
{
	struct err err = {0};
	struct uplink_xdp *x = NULL;
	assert_true(uplink_xdp_open("nowhere", DIR, &x, &err) < 0);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	err = (struct err){0};
	assert_true(uplink_xdp_open("v0", BPFFS "/no/such", &x, &err) < 0);
	assert_non_null(strstr(err.hint, "bpffs"));
	assert_null(x);
	assert_int_equal(attached_id(), 0);
}

static void generic_where_the_driver_cannot(void **)
{
	struct err err = {0};
	struct uplink_xdp *x = NULL;
	assert_int_equal(uplink_xdp_open("lo", BPFFS "/lo", &x, &err), 0);
	assert_int_equal(uplink_xdp_mode(x), UPLINK_XDP_GENERIC);
	uplink_xdp_close(x);
	assert_int_equal(uplink_xdp_open("lo", BPFFS "/lo", &x, &err), 0);
	assert_int_equal(uplink_xdp_mode(x), UPLINK_XDP_GENERIC);
	uplink_xdp_close(x);
	assert_int_equal(uplink_xdp_remove("lo", BPFFS "/lo", &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(it_outlives_who_loaded_it, setup, teardown),
	    cmocka_unit_test_setup_teardown(it_can_be_removed, setup, teardown),
	    cmocka_unit_test_setup_teardown(anothers_program_stays, setup, teardown),
	    cmocka_unit_test_setup_teardown(failures_are_said, setup, teardown),
	    cmocka_unit_test_setup_teardown(generic_where_the_driver_cannot, setup, teardown),
	};

	if (geteuid() != 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    (mkdir(BPFFS, 0700) < 0 && errno != EEXIST) ||
	    mount("bpf", BPFFS, "bpf", 0, NULL) < 0) {
		printf("skipped: needs root, namespaces and a bpffs\n");
		return 77;
	}
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	umount(BPFFS);
	rmdir(BPFFS);
	return rc;
}
