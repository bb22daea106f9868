/* SPDX-License-Identifier: Apache-2.0 */
/* No memory, at every point of a transaction's way: the daemon says so and ends, and the state is a whole one. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/api/state_file.h"
#include "control/api/store.h"
#include "control/mem.h"
#include "tests/unit/control/api_fixture.h"

enum { N_TXNS = 3, MAX_COUNT = 100000 };

static long left; // allocations until there is none

static void *fail_alloc(size_t size)
{
	return left-- > 0 ? malloc(size) : NULL;
}

static void *fail_resize(void *p, size_t size)
{
	return left-- > 0 ? realloc(p, size) : NULL;
}

/* What the daemon has acknowledged, for the parent to see. */
static volatile int *acknowledged;

/* A daemon that gets count allocations while it serves; each transaction makes two networks. 0: it was enough. */
static void serve(struct api *api, long count, int stderr_fd)
{
	const struct mem_source source = {.alloc = fail_alloc, .resize = fail_resize};
	dup2(stderr_fd, STDERR_FILENO);
	api_start(api);
	int fd = api_connect(api);
	left = count;
	for (int i = 0; i < N_TXNS; i++) {
		char text[600];
		snprintf(text, sizeof(text),
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"txn.commit\",\"params\":{\"txn_"
		    "id\":"
		    "\"t%d\",\"owner\":\"o\",\"ops\":[{\"op\":\"put\",\"table\":\"network\","
		    "\"name\":\"a%d\",\"object\":{\"vni\":%d}},{\"op\":\"put\",\"table\":"
		    "\"network\","
		    "\"name\":\"b%d\",\"object\":{\"vni\":%d}}]}}\n",
		    i, i, 2 * i + 1, i, 2 * i + 2);
		mem_init(&source);
		api_send(api, fd, text);
		char *line = api_read_line(api, fd);
		mem_init(NULL);
		if (line == NULL || strstr(line, "\"n_created\":2") == NULL)
			_exit(3);
		free(line);
		*acknowledged = i + 1;
	}
	_exit(0);
}

static bool has(const struct api *api, char kind, int i)
{
	char name[8];
	snprintf(name, sizeof(name), "%c%d", kind, i);
	return store_find(api->daemon.store, API_TABLE_NETWORK, name) != NULL;
}

static void every_failure_ends_the_daemon_and_leaves_a_whole_state(void **state)
{
	struct api *api = *state;
	size_t n_failed = 0, n_unacknowledged = 0;
	long step = getenv("TEST_LONG") != NULL ? 1 : 7; // all takes 10 s
	acknowledged =
	    mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (long count = 0; count < MAX_COUNT; count += step) {
		char path[128], text[400] = "";
		int status = -1, pipe_fds[2];
		api_stop(api);
		snprintf(path, sizeof(path), "%s/" STATE_FILE_NAME, api->dir);
		unlink(path);
		*acknowledged = 0;
		assert_int_equal(pipe(pipe_fds), 0);
		pid_t pid = fork();
		if (pid == 0)
			serve(api, count, pipe_fds[1]);
		close(pipe_fds[1]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		ssize_t n = read(pipe_fds[0], text, sizeof(text) - 1);
		close(pipe_fds[0]);
		api_start(api);
		/* Each transaction is there or is not, and none that was acknowledged is missing. */
		int n_there = 0;
		for (int i = 0; i < N_TXNS; i++) {
			assert_int_equal(has(api, 'a', i), has(api, 'b', i));
			n_there += has(api, 'a', i);
		}
		assert_true(n_there >= *acknowledged && n_there <= *acknowledged + 1);
		assert_int_equal(store_generation(api->daemon.store), n_there);
		n_unacknowledged += n_there > *acknowledged;
		if (WEXITSTATUS(status) == 0)
			break;
		if (WEXITSTATUS(status) != MEM_EXIT_CODE || n <= 0 ||
		    strstr(text, "out of memory") == NULL)
			fail_msg(
			    "count %ld: status %d, says: %s", count, WEXITSTATUS(status), text);
		n_failed++;
	}
	print_message(
	    "%zu counts failed, %zu after the journal had it\n", n_failed, n_unacknowledged);
	assert_true(n_failed > 40 && n_unacknowledged > 0);
	munmap((void *)acknowledged, sizeof(int));
}

static void size_that_overflows_ends_the_daemon(void **)
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0) {
		const struct mem_source source = {.alloc = fail_alloc, .resize = fail_resize};
		left = 0;
		mem_init(&source);
		(void)mem_alloc_array(SIZE_MAX, 2);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), MEM_EXIT_CODE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		every_failure_ends_the_daemon_and_leaves_a_whole_state, api_setup, api_teardown),
	    cmocka_unit_test(size_that_overflows_ends_the_daemon),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
