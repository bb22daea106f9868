/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datapath/rundir.h"

static char base[32], path[64], pid_path[96];

static int setup(void **)
{
	strcpy(base, "/tmp/sluice-rundir-XXXXXX");
	if (mkdtemp(base) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/run", base);
	snprintf(pid_path, sizeof(pid_path), "%s/switch.pid", path);
	return 0;
}

static int teardown(void **)
{
	(void)unlink(pid_path);
	(void)rmdir(path);
	return rmdir(base);
}

static void the_directory_is_made_private_and_holds_our_pid(void **)
{
	struct err err = {0};
	struct stat st;
	int fd = rundir_lock(path, &err);
	assert_true(fd >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777 & ~0750, 0);
	FILE *f = fopen(pid_path, "re");
	int pid = 0;
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &pid), 1);
	assert_int_equal(pid, getpid());
	fclose(f);
	rundir_unlock(path, fd);
	assert_int_equal(access(pid_path, F_OK), -1);
}

static void a_second_switch_is_refused_and_told_who_runs(void **)
{
	struct err err = {0};
	char pid[16];
	int fd = rundir_lock(path, &err);
	assert_true(fd >= 0);
	assert_int_equal(rundir_lock(path, &err), -EBUSY);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	assert_non_null(strstr(err.what, pid));
	assert_non_null(strstr(err.hint, "--rundir"));
	rundir_unlock(path, fd);
	fd = rundir_lock(path, &err);
	assert_true(fd >= 0);
	rundir_unlock(path, fd);
}

static void what_a_killed_switch_left_does_not_stand_in_the_way(void **)
{
	struct err err = {0};
	assert_int_equal(mkdir(path, 0750), 0);
	FILE *f = fopen(pid_path, "we");
	fputs("123456789012345\n", f);
	fclose(f);
	int fd = rundir_lock(path, &err);
	assert_true(fd >= 0);
	rundir_unlock(path, fd);
}

static void a_missing_parent_and_a_planted_link_are_errors(void **)
{
	struct err err = {0};
	char deep[96];
	snprintf(deep, sizeof(deep), "%s/no/where", base);
	assert_int_equal(rundir_lock(deep, &err), -ENOENT);
	assert_non_null(strstr(err.what, deep));
	assert_int_equal(mkdir(path, 0750), 0);
	assert_int_equal(symlink("/dev/null", pid_path), 0);
	assert_int_equal(rundir_lock(path, &err), -ELOOP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    TEST(the_directory_is_made_private_and_holds_our_pid),
	    TEST(a_second_switch_is_refused_and_told_who_runs),
	    TEST(what_a_killed_switch_left_does_not_stand_in_the_way),
	    TEST(a_missing_parent_and_a_planted_link_are_errors),
#undef TEST
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
