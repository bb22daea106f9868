/* SPDX-License-Identifier: Apache-2.0 */
/* The memory that all clients together may take: it is counted right, reached, refused, and given back. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/api/json_line.h"
#include "control/mem.h"
#include "tests/unit/control/api_fixture.h"
#include "tests/unit/control/test_methods.h"

enum { MIB = 1 << 20 };

static struct rpc_counters counters(const struct api *api)
{
	return rpc_server_counters(api->daemon.rpc);
}

static void set_memory(struct api *api, size_t size)
{
	struct rpc_limits limits = rpc_server_limits(api->daemon.rpc);
	limits.memory_size = size;
	rpc_server_set_limits(api->daemon.rpc, &limits);
}

static char *repeat(const char *head, const char *part, size_t n, const char *tail)
{
	size_t size = strlen(part);
	char *text = malloc(strlen(head) + n * size + strlen(tail) + 1), *end = stpcpy(text, head);
	for (size_t i = 0; i < n; i++)
		end = stpcpy(end, part);
	strcpy(end, tail);
	return text;
}

/* Keys must differ: n of them. */
static char *many_keys(size_t n, const char *value)
{
	char *text = malloc(n * (strlen(value) + 16) + 16), *end = stpcpy(text, "{");
	for (size_t i = 0; i < n; i++)
		end += sprintf(end, "%s\"%zx\":%s", i > 0 ? "," : "", i, value);
	strcpy(end, "}");
	return text;
}

/* What is charged before decoding covers what jansson then takes, whatever the shape; and is not far from it. */
static void estimate_covers_what_the_values_take(void **)
{
	const struct json_line_limits limits = {.string_size = MIB,
	    .n_values = 4000000,
	    .n_containers = 1000000,
	    .depth = 32,
	    .n_batch = 64,
	    .memory = SIZE_MAX};
	char *lines[] = {
	    repeat("{\"a\":[0", ",[]", 50000, "]}"),
	    repeat("{\"a\":[0", ",{}", 50000, "]}"),
	    repeat("{\"a\":[0", ",1", 50000, "]}"),
	    repeat("{\"a\":[0", ",1.5", 50000, "]}"),
	    repeat("{\"a\":[0", ",\"\"", 50000, "]}"),
	    repeat("{\"a\":[0", ",\"abcdefghijklmnopqrstuvwxyz\"", 50000, "]}"),
	    repeat("{\"a\":[0", ",[[[[[[[[]]]]]]]]", 20000, "]}"),
	    repeat("{\"a\":[0", ",{\"a\":{\"b\":{\"c\":\"d\"}}}", 20000, "]}"),
	    repeat("{\"a\":[0",
		",{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9}", 10000,
		"]}"),
	    repeat("{\"a\":\"", "x", 500000, "\"}"),
	    many_keys(8, "1"),
	    many_keys(33000, "1"),
	    many_keys(33000, "\"\""),
	    many_keys(65600, "[]"),
	    many_keys(100000, "null"),
	};
	mem_init(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct json_line line;
		struct err err = {0};
		size_t before = mem_json_bytes();
		if (json_line_decode(&line, lines[i], strlen(lines[i]), &limits, &err) != 0)
			fail_msg("%.40s: %s", lines[i], err.what);
		size_t taken = mem_json_bytes() - before;
		if (taken > line.memory || line.memory > 6 * taken + 4096)
			fail_msg("%.40s takes %zu, charged %zu", lines[i], taken, line.memory);
		json_line_fini(&line);
		assert_int_equal(mem_json_bytes(), before);
		free(lines[i]);
	}
}

/* A message waits for its answer with all it has: a second one of that size has no room, a small one of root has. */
static void message_without_room_is_refused_and_the_connection_goes_on(void **state)
{
	struct api *api = *state;
	int first = api_connect_as(api, "operate"), second = api_connect_as(api, "read"),
	    root = api_connect(api);
	set_memory(api, 16 * MIB);
	char *big =
	    repeat("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"test.echo\",\"params\":{\"a\":[0",
		",0", 150000, "]}}\n");
	char *wait =
	    repeat("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"test.later\"},{\"jsonrpc\":\"2.0\","
		   "\"id\":2,\"method\":\"test.echo\",\"params\":{\"a\":[0",
		",0", 150000, "]}}]\n");
	api_send(api, first, wait);
	assert_true(api_is_silent(api, first));
	size_t used = counters(api).memory_bytes;
	assert_in_range(used, 6 * MIB, 12 * MIB);

	api_send(api, second, big);
	char *line = api_read_line(api, second);
	assert_non_null(strstr(line, "\"code\":-32000"));
	assert_non_null(strstr(line, "retry_after_ms"));
	free(line);
	assert_int_equal(counters(api).n_no_memory, 1);
	json_t *reply = api_callf(api, second, "test.echo", "{'a':1}");
	assert_int_equal(api_error_code(reply), 0);
	json_decref(reply);
	reply = api_callf(api, root, "test.echo", "{'a':1}");
	assert_int_equal(api_error_code(reply), 0);
	json_decref(reply);

	/* Also when whoever made it wait has gone: the message is still there. */
	close(first);
	api_run(api);
	assert_true(counters(api).memory_bytes > 6 * MIB);
	rpc_reply(test_waiting, json_true());
	api_run(api);
	assert_true(counters(api).memory_bytes < MIB);
	api_send(api, second, big);
	line = api_read_line(api, second);
	assert_non_null(line);
	assert_null(strstr(line, "error"));
	free(line);
	free(big);
	free(wait);
	close(second);
	close(root);
	api_run(api);
	assert_int_equal(counters(api).memory_bytes, 0);
}

/* Lines that are not finished take the buffer they are in. */
static void unfinished_lines_reach_the_limit_and_are_given_up(void **state)
{
	struct api *api = *state;
	int fds[8];
	set_memory(api, 8 * MIB);
	char *part = repeat("", " ", 900000, "");
	size_t n_refused = 0;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = api_connect_as(api, "operate");
		api_send(api, fds[i], part);
		char *line = NULL;
		if (!api_is_silent(api, fds[i]))
			line = api_read_line(api, fds[i]);
		n_refused += line != NULL && strstr(line, "-32000") != NULL;
		free(line);
		assert_true(counters(api).memory_bytes <= 8 * MIB);
	}
	assert_in_range(n_refused, 1, 6);
	assert_int_equal(counters(api).n_no_memory, n_refused);
	int root = api_connect(api);
	json_t *reply = api_callf(api, root, "test.echo", "{'a':1}");
	assert_int_equal(api_error_code(reply), 0);
	json_decref(reply);
	close(root);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	api_run(api);
	assert_int_equal(counters(api).memory_bytes, 0);
	free(part);
}

/* Replies that nobody reads count too. */
static void unread_replies_reach_the_limit(void **state)
{
	struct api *api = *state;
	int fds[8];
	const char *ask = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"test.big\",\"params\":{"
			  "\"size\":4000000}}\n";
	set_memory(api, 16 * MIB);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = api_connect_as(api, "operate");
		api_send(api, fds[i], ask);
		api_run(api);
	}
	struct rpc_counters c = counters(api);
	assert_true(c.n_no_memory >= 3);
	assert_true(c.memory_bytes < 17 * MIB);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	api_run(api);
	assert_int_equal(counters(api).memory_bytes, 0);
}

static void what_is_reconciled_is_charged_until_the_next_begin(void **state)
{
	struct api *api = *state;
	int fd = api_connect_as(api, "owner:red");
	set_memory(api, 4 * MIB);
	json_decref(api_callf(api, fd, "reconcile.begin", "{'owner':'red','epoch':1}"));
	int code = 0;
	size_t n = 0;
	for (; n < 100 && code == 0; n++) {
		json_t *objects = json_array();
		for (size_t i = 0; i < 100; i++) {
			char name[32];
			snprintf(name, sizeof(name), "n%zu", n * 100 + i);
			json_array_append_new(
			    objects, json_pack("{s:s, s:s, s:{s:i}}", "table", "network", "name",
					 name, "object", "vni", (int)(n * 100 + i + 1)));
		}
		json_t *reply = api_call(api, fd, "reconcile.put",
		    json_pack("{s:s, s:i, s:o}", "owner", "red", "epoch", 1, "objects", objects));
		code = api_error_code(reply);
		json_decref(reply);
	}
	assert_int_equal(code, -32000);
	assert_in_range(n, 5, 60);
	assert_true(counters(api).memory_bytes > 2 * MIB);
	json_t *reply = api_callf(api, fd, "reconcile.begin", "{'owner':'red','epoch':2}");
	assert_int_equal(api_error_code(reply), 0);
	json_decref(reply);
	assert_true(counters(api).memory_bytes < MIB);
	close(fd);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, api_setup, api_teardown)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(estimate_covers_what_the_values_take),
	    T(message_without_room_is_refused_and_the_connection_goes_on),
	    T(unfinished_lines_reach_the_limit_and_are_given_up),
	    T(unread_replies_reach_the_limit),
	    T(what_is_reconciled_is_charged_until_the_next_begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
