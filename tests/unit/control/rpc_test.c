/* SPDX-License-Identifier: Apache-2.0 */
/* Every row of the table of JSON-RPC corner cases, in its order; then the limits of a connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/control/api_fixture.h"
#include "tests/unit/control/test_methods.h"

/* One line in (' for "), one line out that must be exactly this, up to the error's data. */
static void exchange(struct api *api, int fd, const char *in, const char *want)
{
	char *text = strdup(in), *wanted = strdup(want);
	for (char *p = text; *p != '\0'; p++)
		*p = *p == '\'' ? '"' : *p;
	for (char *p = wanted; *p != '\0'; p++)
		*p = *p == '\'' ? '"' : *p;
	api_send(api, fd, text);
	api_send(api, fd, "\n");
	char *line = api_read_line(api, fd);
	assert_non_null(line);
	if (strncmp(line, wanted, strlen(wanted)) != 0)
		fail_msg("to %s\n came %s\n not %s", text, line, wanted);
	free(line);
	free(text);
	free(wanted);
}

static void no_answer(struct api *api, int fd, const char *in)
{
	char *text = strdup(in);
	for (char *p = text; *p != '\0'; p++)
		*p = *p == '\'' ? '"' : *p;
	api_send(api, fd, text);
	api_send(api, fd, "\n");
	assert_true(api_is_silent(api, fd));
	free(text);
}

#define ECHO                  "'jsonrpc':'2.0','method':'test.echo'"
#define OK(id)                "{'jsonrpc':'2.0','id':" id ",'result':{}}"
#define ERROR_REPLY(id, code) "{'jsonrpc':'2.0','id':" id ",'error':{'code':" code ","

static void jsonrpc_missing_or_not_2_0_is_invalid_request(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	exchange(api, fd, "{'id':1,'method':'test.echo'}", ERROR_REPLY("1", "-32600"));
	exchange(
	    api, fd, "{'jsonrpc':'1.0','id':1,'method':'test.echo'}", ERROR_REPLY("1", "-32600"));
	exchange(
	    api, fd, "{'jsonrpc':2.0,'id':1,'method':'test.echo'}", ERROR_REPLY("1", "-32600"));
	exchange(api, fd, "{'jsonrpc':'2.0','id':1}", ERROR_REPLY("1", "-32600"));
	exchange(api, fd, "{'jsonrpc':'2.0','id':1,'method':7}", ERROR_REPLY("1", "-32600"));
	exchange(api, fd, "{'foo':'boo'}", ERROR_REPLY("null", "-32600"));
	close(fd);
}

static void id_is_echoed_byte_for_byte(void **state)
{
	static const char *const ids[] = {"1", "1.0", "1e2", "-0", "0.10E+05",
	    "1234567890123456789012345678901234567890123456789012345678901234", "'a'", "''",
	    "'\\u0041\\/'", "'\xc3\xa9'"};
	struct api *api = *state;
	int fd = api_connect(api);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		char in[300], want[300];
		snprintf(in, sizeof(in), "{" ECHO ",'id' : %s }", ids[i]);
		snprintf(want, sizeof(want), "{'jsonrpc':'2.0','id':%s,'result':{}}", ids[i]);
		exchange(api, fd, in, want);
	}
	/* The key may be escaped, and an id inside params is none. */
	exchange(api, fd, "{" ECHO ",'\\u0069d':1.50}", OK("1.50"));
	exchange(api, fd, "{'params':{'a':{'id':9}},'id':1.0," ECHO "}",
	    "{'jsonrpc':'2.0','id':1.0,'result':{'a':{'id':9}}}");
	close(fd);
}

static void id_of_more_than_128_bytes_is_invalid_request(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	char in[400], id[131] = {0};
	memset(id, 'x', 128);
	snprintf(in, sizeof(in), "{" ECHO ",'id':'%s'}", id);
	char want[400];
	snprintf(want, sizeof(want), "{'jsonrpc':'2.0','id':'%s','result':{}}", id);
	exchange(api, fd, in, want);
	memset(id, 'x', 129);
	snprintf(in, sizeof(in), "{" ECHO ",'id':'%s'}", id);
	exchange(api, fd, in, ERROR_REPLY("null", "-32600"));
	close(fd);
}

static void id_null_is_a_request_other_types_are_invalid(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	exchange(api, fd, "{" ECHO ",'id':null}", OK("null"));
	exchange(api, fd, "{" ECHO ",'id':{}}", ERROR_REPLY("null", "-32600"));
	exchange(api, fd, "{" ECHO ",'id':[1]}", ERROR_REPLY("null", "-32600"));
	exchange(api, fd, "{" ECHO ",'id':true}", ERROR_REPLY("null", "-32600"));
	close(fd);
}

static void notification_is_never_answered_and_a_mutating_one_not_executed(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	test_n_writes = 0;
	no_answer(api, fd, "{" ECHO "}");
	no_answer(api, fd, "{'jsonrpc':'2.0','method':'no.such'}");
	no_answer(api, fd, "{" ECHO ",'params':{'no':1}}");
	no_answer(api, fd, "{'jsonrpc':'2.0','method':'test.write'}");
	assert_int_equal(test_n_writes, 0);
	assert_int_equal(rpc_server_counters(api->daemon.rpc).n_notifications_ignored, 2);
	exchange(api, fd, "{'jsonrpc':'2.0','method':'test.write','id':1}",
	    "{'jsonrpc':'2.0','id':1,'result':1}");
	close(fd);
}

static void batch_of_nothing_of_non_objects_and_of_notifications(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	exchange(api, fd, "[]", ERROR_REPLY("null", "-32600"));
	exchange(api, fd, "[1]", "[" ERROR_REPLY("null", "-32600"));
	exchange(api, fd, "[7,{" ECHO ",'id':2}]", "[" ERROR_REPLY("null", "-32600"));
	no_answer(api, fd, "[{" ECHO "},{'jsonrpc':'2.0','method':'test.write'}]");
	close(fd);
}

static void batch_is_executed_in_order_with_one_reply_array(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	test_n_writes = 0;
	exchange(api, fd,
	    "[{'jsonrpc':'2.0','method':'test.write','id':'a'},{" ECHO
	    "},{'jsonrpc':'2.0','method':'test.write','id':1.0}]",
	    "[{'jsonrpc':'2.0','id':'a','result':1},{'jsonrpc':'2.0','id':1.0,'result':2}]");
	/* One that waits holds the next ones back. */
	api_send(api, fd,
	    "[{\"jsonrpc\":\"2.0\",\"method\":\"test.later\",\"id\":1},"
	    "{\"jsonrpc\":\"2.0\",\"method\":\"test.write\",\"id\":2}]\n");
	assert_int_equal(test_n_writes, 2);
	assert_true(api_is_silent(api, fd));
	rpc_reply(test_waiting, json_true());
	char *line = api_read_line(api, fd);
	assert_string_equal(line, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":true},{\"jsonrpc\":"
				  "\"2.0\",\"id\":2,\"result\":3}]");
	free(line);
	close(fd);
}

static void batch_has_at_most_64_members(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	for (size_t n = 64; n <= 65; n++) {
		char in[65 * 80] = "[";
		for (size_t i = 0; i < n; i++) {
			char member[80];
			snprintf(
			    member, sizeof(member), "%s{" ECHO ",'id':%zu}", i > 0 ? "," : "", i);
			strcat(in, member);
		}
		strcat(in, "]");
		exchange(api, fd, in,
		    n == 64 ? "[{'jsonrpc':'2.0','id':0,'result':{}},"
			    : ERROR_REPLY("null", "-32001"));
	}
	close(fd);
}

static void what_is_not_strict_json_is_rejected(void **state)
{
	static const char *const lines[] = {
	    "{" ECHO ",'id':1,'id':2}",       // duplicate keys
	    "{" ECHO ",'id':1,'\\u0069d':1}", // the same, escaped
	    "{" ECHO ",'id':1,'params':{'a':1,'a':1}}",
	    "{" ECHO ",'id':1} x", // trailing bytes
	    "{" ECHO ",'id':1}{}",
	    "{" ECHO ",'id':NaN}",
	    "{" ECHO ",'id':1,'params':{'a':Infinity}}",
	    "{" ECHO ",'id':1/* c */}",
	    "// c",
	    "{" ECHO ",'id':01}",
	    "{" ECHO ",'id':1.}",
	    "{" ECHO ",'id':+1}",
	    "{" ECHO ",'id':1",
	    "",
	    "\"",
	    "\"\\",
	    "]",
	};
	struct api *api = *state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		int fd = api_connect(api);
		exchange(api, fd, lines[i], ERROR_REPLY("null", "-32700"));
		exchange(api, fd, "{" ECHO ",'id':1}", OK("1")); // the connection goes on
		close(fd);
	}
}

static void nested_batch_is_rejected(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	exchange(api, fd, "[[{" ECHO ",'id':1}]]", "[" ERROR_REPLY("null", "-32600"));
	close(fd);
}

static void params_are_by_name_and_unknown_members_named(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	exchange(api, fd, "{" ECHO ",'id':1,'params':[1]}", ERROR_REPLY("1", "-32602"));
	exchange(api, fd, "{" ECHO ",'id':1,'params':'x'}", ERROR_REPLY("1", "-32600"));
	json_t *reply = api_callf(api, fd, "test.echo", "{'a':1,'sise':2}");
	assert_int_equal(api_error_code(reply), -32602);
	assert_string_equal(json_string_value(api_at(reply, "/error/data/path")), "/sise");
	assert_non_null(strstr(json_string_value(api_at(reply, "/error/data/hint")), "size"));
	json_decref(reply);
	reply = api_callf(api, fd, "test.ehco", "{}");
	assert_int_equal(api_error_code(reply), -32601);
	assert_non_null(strstr(json_string_value(api_at(reply, "/error/data/hint")), "test.echo"));
	json_decref(reply);
	exchange(api, fd, "{" ECHO ",'id':1,'parms':{}}", ERROR_REPLY("1", "-32600"));
	close(fd);
}

static void integers_are_exact_in_64_bits(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	exchange(api, fd, "{" ECHO ",'id':1,'params':{'a':9223372036854775807}}",
	    "{'jsonrpc':'2.0','id':1,'result':{'a':9223372036854775807}}");
	exchange(api, fd, "{" ECHO ",'id':1,'params':{'a':9007199254740993}}",
	    "{'jsonrpc':'2.0','id':1,'result':{'a':9007199254740993}}");
	exchange(api, fd, "{" ECHO ",'id':1,'params':{'a':9223372036854775808}}",
	    ERROR_REPLY("null", "-32700"));
	exchange(api, fd, "{" ECHO ",'id':1,'params':{'a':1e999}}", ERROR_REPLY("null", "-32700"));
	/* An exponent is not an integer where the schema wants one. */
	json_t *reply = api_callf(api, fd, "state.diff", "{'from':1e2}");
	assert_int_equal(api_error_code(reply), -32602);
	json_decref(reply);
	close(fd);
}

static void strings_are_strict_utf8_without_nul_and_lone_surrogates(void **state)
{
	static const char *const bad[] = {"\\ud800", "\\udc00\\ud800", "\\u0000", "\xc3",
	    "\xc0\x80", "\xed\xa0\x80", "\xff", "\xf4\x90\x80\x80", "\t"};
	struct api *api = *state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char in[200];
		int fd = api_connect(api);
		snprintf(in, sizeof(in), "{" ECHO ",'id':1,'params':{'a':'%s'}}", bad[i]);
		exchange(api, fd, in, ERROR_REPLY("null", "-32700"));
		close(fd);
	}
	int fd = api_connect(api);
	exchange(api, fd, "{" ECHO ",'id':1,'params':{'a':'\\ud83d\\ude00'}}",
	    "{'jsonrpc':'2.0','id':1,'result':{'a':'");
	send(fd, "{\0}\n", 4, 0);
	char *line = api_read_line(api, fd);
	assert_non_null(strstr(line, "-32700"));
	free(line);
	close(fd);
}

static void requests_in_flight_may_share_an_id_and_are_answered_in_order(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	api_send(api, fd,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"test.later\",\"id\":5}\n"
	    "{\"jsonrpc\":\"2.0\",\"method\":\"test.echo\",\"id\":5}\n");
	assert_true(api_is_silent(api, fd));
	rpc_reply(test_waiting, json_string("first"));
	char *line = api_read_line(api, fd);
	assert_string_equal(line, "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":\"first\"}");
	free(line);
	line = api_read_line(api, fd);
	assert_string_equal(line, "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{}}");
	free(line);
	close(fd);
}

static void client_that_closes_half_way_leaves_its_request_running(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	api_send(api, fd,
	    "[{\"jsonrpc\":\"2.0\",\"method\":\"test.later\",\"id\":5},"
	    "{\"jsonrpc\":\"2.0\",\"method\":\"test.write\",\"id\":6}]\n");
	struct rpc_request *req = test_waiting;
	size_t n_writes = test_n_writes;
	close(fd);
	api_run(api);
	rpc_reply(req, json_true());
	api_run(api);
	assert_int_equal(rpc_server_counters(api->daemon.rpc).n_connections, 0);
	assert_true(test_n_writes <= n_writes + 1);
	/* One that only says that it sends no more is answered. */
	fd = api_connect(api);
	api_send(api, fd, "{\"jsonrpc\":\"2.0\",\"method\":\"test.later\",\"id\":5}\n");
	shutdown(fd, SHUT_WR);
	api_run(api);
	rpc_reply(test_waiting, json_true());
	char *line = api_read_line(api, fd);
	assert_string_equal(line, "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":true}");
	free(line);
	assert_null(api_read_line(api, fd));
	close(fd);
}

static void eighth_line_that_is_not_json_closes_the_connection(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	for (int i = 0; i < 8; i++)
		exchange(api, fd, "rubbish", ERROR_REPLY("null", "-32700"));
	assert_null(api_read_line(api, fd));
	close(fd);
}

static void line_over_the_limit_is_answered_and_closed(void **state)
{
	struct api *api = *state;
	struct rpc_limits limits = rpc_server_limits(api->daemon.rpc);
	limits.line_size = 1000;
	rpc_server_set_limits(api->daemon.rpc, &limits);
	char text[2002];
	for (int with_end = 0; with_end <= 1; with_end++) {
		int fd = api_connect(api);
		memset(text, ' ', sizeof(text));
		strcpy(text + 1001, with_end ? "\n" : "");
		api_send(api, fd, text);
		char *line = api_read_line(api, fd);
		assert_non_null(strstr(line, "-32001"));
		free(line);
		assert_null(api_read_line(api, fd));
		close(fd);
	}
	int fd = api_connect(api);
	snprintf(text, sizeof(text), "{'jsonrpc':'2.0','method':'test.echo','id':1}%955s", "");
	exchange(api, fd, text, OK("1"));
	close(fd);
}

static void depth_values_and_strings_are_limited(void **state)
{
	struct api *api = *state;
	struct rpc_limits limits = rpc_server_limits(api->daemon.rpc);
	limits.n_values = 100;
	limits.string_size = 50;
	rpc_server_set_limits(api->daemon.rpc, &limits);
	int fd = api_connect(api);
	/* The request is at depth 1, params at 2. */
	exchange(api, fd,
	    "{" ECHO
	    ",'id':1,'params':{'a':[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}}",
	    "{'jsonrpc':'2.0','id':1,'result':");
	exchange(api, fd,
	    "{" ECHO ",'id':1,'params':{'a':[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]"
	    "]]]]]]]}}",
	    ERROR_REPLY("null", "-32001"));
	char in[1000] = "{" ECHO ",'id':1,'params':{'a':[0";
	for (int i = 0; i < 100; i++)
		strcat(in, ",0");
	strcat(in, "]}}");
	exchange(api, fd, in, ERROR_REPLY("null", "-32001"));
	exchange(api, fd,
	    "{" ECHO
	    ",'id':1,'params':{'a':'012345678901234567890123456789012345678901234567890'}}",
	    ERROR_REPLY("null", "-32001"));
	close(fd);
}

static void reply_over_the_limit_is_an_error_and_the_next_one_fits(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	json_t *reply = api_call(api, fd, "test.big", json_pack("{s:i}", "size", 9 << 20));
	assert_int_equal(api_error_code(reply), -32001);
	json_decref(reply);
	reply = api_call(api, fd, "test.big", json_pack("{s:i}", "size", 5 << 20));
	assert_int_equal(json_string_length(json_object_get(reply, "result")), 5 << 20);
	json_decref(reply);
	close(fd);
}

static void client_that_does_not_read_is_not_read_from(void **state)
{
	struct api *api = *state;
	struct rpc_limits limits = rpc_server_limits(api->daemon.rpc);
	limits.output_size = 1 << 20;
	rpc_server_set_limits(api->daemon.rpc, &limits);
	int fd = api_connect(api);
	uint64_t before = rpc_server_counters(api->daemon.rpc).n_requests;
	const char *big =
	    "{\"jsonrpc\":\"2.0\",\"method\":\"test.big\",\"id\":1,\"params\":{\"size\":500000}}\n";
	for (int i = 0; i < 50; i++)
		send(fd, big, strlen(big), MSG_DONTWAIT);
	api_run(api);
	uint64_t n = rpc_server_counters(api->daemon.rpc).n_requests - before;
	assert_in_range(n, 1, 6);
	for (int i = 0; i < 50; i++) {
		char *line = api_read_line(api, fd);
		assert_non_null(line);
		free(line);
	}
	assert_int_equal(rpc_server_counters(api->daemon.rpc).n_requests - before, 50);
	close(fd);
}

static void connections_are_limited(void **state)
{
	struct api *api = *state;
	int fds[64];
	for (size_t i = 0; i < 64; i++)
		fds[i] = api_connect(api);
	int fd = api_connect(api);
	char *line = api_read_line(api, fd);
	assert_non_null(strstr(line, "\"code\":-32000"));
	assert_non_null(strstr(line, "retry_after_ms"));
	free(line);
	assert_null(api_read_line(api, fd));
	close(fd);
	for (size_t i = 0; i < 64; i++)
		close(fds[i]);
	api_run(api);
	fd = api_connect(api);
	exchange(api, fd, "{" ECHO ",'id':1}", OK("1"));
	close(fd);
}

static void idle_and_partial_lines_are_closed_a_watcher_is_not(void **state)
{
	struct api *api = *state;
	struct rpc_limits limits = rpc_server_limits(api->daemon.rpc);
	limits.idle_ms = 100;
	limits.partial_ms = 40;
	rpc_server_set_limits(api->daemon.rpc, &limits);
	int idle = api_connect(api), partial = api_connect(api), watcher = api_connect(api);
	json_decref(api_callf(api, watcher, "watch.start", "{'since':0}"));
	api_send(api, partial, "{\"jsonrpc\"");
	char *line = api_read_line(api, partial);
	assert_non_null(strstr(line, "not finished"));
	free(line);
	assert_null(api_read_line(api, partial));
	assert_null(api_read_line(api, idle));
	exchange(api, watcher, "{" ECHO ",'id':1}", OK("1"));
	close(idle);
	close(partial);
	close(watcher);
}

/* Whoever is neither root nor in group sluice may read; root, who runs the tests, may all. */
static void role_follows_the_peers_credentials(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	json_t *reply = api_callf(api, fd, "test.admin", "{}");
	assert_int_equal(api_error_code(reply), 0);
	json_decref(reply);
	close(fd);
	if (geteuid() != 0)
		skip();
	chmod(api->dir, 0755);
	chmod(api->socket, 0666);
	int pipe_fds[2];
	assert_int_equal(pipe(pipe_fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (setgid(65534) != 0 || setuid(65534) != 0)
			_exit(1);
		/* The parent's loop serves: only the plain socket calls are made here. */
		struct sockaddr_un {
			sa_family_t family;
			char path[108];
		} addr = {.family = AF_UNIX};
		strcpy(addr.path, api->socket);
		int s = socket(AF_UNIX, SOCK_STREAM, 0);
		char reply_text[1000] = {0};
		const char *text = "{\"jsonrpc\":\"2.0\",\"method\":\"test.admin\",\"id\":1}\n";
		if (connect(s, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
		    write(s, text, strlen(text)) < 0 ||
		    read(s, reply_text, sizeof(reply_text) - 1) <= 0)
			_exit(2);
		_exit(strstr(reply_text, "-32002") != NULL ? 0 : 3);
	}
	int status = -1;
	for (int i = 0; i < 2000 && waitpid(pid, &status, WNOHANG) == 0; i++) {
		api_run(api);
		usleep(1000);
	}
	assert_int_equal(status, 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static void socket_is_not_taken_from_a_daemon_that_answers(void **state)
{
	struct api *api = *state;
	struct err err = {0};
	assert_null(rpc_server_create(api->daemon.base, api->socket, &api->daemon, NULL, &err));
	assert_int_equal(err.code, ERR_STATE);
	struct stat st;
	assert_int_equal(stat(api->socket, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, api_setup, api_teardown)
	const struct CMUnitTest tests[] = {
	    T(jsonrpc_missing_or_not_2_0_is_invalid_request),
	    T(id_is_echoed_byte_for_byte),
	    T(id_of_more_than_128_bytes_is_invalid_request),
	    T(id_null_is_a_request_other_types_are_invalid),
	    T(notification_is_never_answered_and_a_mutating_one_not_executed),
	    T(batch_of_nothing_of_non_objects_and_of_notifications),
	    T(batch_is_executed_in_order_with_one_reply_array),
	    T(batch_has_at_most_64_members),
	    T(what_is_not_strict_json_is_rejected),
	    T(nested_batch_is_rejected),
	    T(params_are_by_name_and_unknown_members_named),
	    T(integers_are_exact_in_64_bits),
	    T(strings_are_strict_utf8_without_nul_and_lone_surrogates),
	    T(requests_in_flight_may_share_an_id_and_are_answered_in_order),
	    T(client_that_closes_half_way_leaves_its_request_running),
	    T(eighth_line_that_is_not_json_closes_the_connection),
	    T(line_over_the_limit_is_answered_and_closed),
	    T(depth_values_and_strings_are_limited),
	    T(reply_over_the_limit_is_an_error_and_the_next_one_fits),
	    T(client_that_does_not_read_is_not_read_from),
	    T(connections_are_limited),
	    T(idle_and_partial_lines_are_closed_a_watcher_is_not),
	    T(role_follows_the_peers_credentials),
	    T(socket_is_not_taken_from_a_daemon_that_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
