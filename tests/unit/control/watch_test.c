/* SPDX-License-Identifier: Apache-2.0 */
/* Watchers see every change once and in order, however slow they are; or are told that they do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/api/history.h"
#include "control/api/store.h"
#include "control/api/watch.h"
#include "tests/unit/control/api_fixture.h"

static int id_counter;

static void commit_as(struct api *api, int fd, const char *owner, const char *ops)
{
	char params[2048];
	int id = ++id_counter;
	snprintf(params, sizeof(params), "{'txn_id':'t%d','owner':'%s','force':true,'ops':[%s]}",
	    id, owner, ops);
	json_t *reply = api_callf(api, fd, "txn.commit", params);
	if (api_error_code(reply) != 0)
		fail_msg("%s: %s", ops, json_dumps(reply, 0));
	json_decref(reply);
}

static void commit(struct api *api, int fd, const char *ops)
{
	commit_as(api, fd, "o", ops);
}

static void put_network(struct api *api, int fd, const char *name, int vni)
{
	char op[200];
	snprintf(op, sizeof(op), "{'op':'put','table':'network','name':'%s','object':{'vni':%d}}",
	    name, vni);
	commit(api, fd, op);
}

/* The params of the next notification, which must be of this method. */
static json_t *next_event(struct api *api, int fd, const char *method)
{
	char *line = api_read_line(api, fd);
	assert_non_null(line);
	json_t *message = json_loads(line, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(message, "method")), method);
	assert_null(json_object_get(message, "id"));
	json_t *params = json_incref(json_object_get(message, "params"));
	json_decref(message);
	free(line);
	return params;
}

static uint64_t generation_of(json_t *event)
{
	return (uint64_t)json_integer_value(json_object_get(event, "generation"));
}

static void start_without_since_gets_a_snapshot_then_changes(void **state)
{
	struct api *api = *state;
	int writer = api_connect(api), watcher = api_connect(api);
	put_network(api, writer, "a", 1);
	json_t *reply = api_callf(api, watcher, "watch.start", "{}");
	assert_true(json_is_true(api_at(reply, "/result/reset")));
	json_int_t sub = json_integer_value(api_at(reply, "/result/sub"));
	json_decref(reply);
	json_t *event = next_event(api, watcher, "watch.event");
	assert_true(json_is_true(api_at(event, "/snapshot")));
	assert_int_equal(json_array_size(api_at(event, "/changes")), 1);
	json_decref(event);
	put_network(api, writer, "b", 2);
	event = next_event(api, watcher, "watch.event");
	assert_int_equal(json_integer_value(api_at(event, "/sub")), sub);
	assert_int_equal(generation_of(event), 2);
	assert_int_equal(json_integer_value(api_at(event, "/prev")), 1);
	assert_string_equal(json_string_value(api_at(event, "/changes/0/op")), "put");
	assert_int_equal(json_integer_value(api_at(event, "/changes/0/object/vni")), 2);
	json_decref(event);
	commit(api, writer, "{'op':'delete','table':'network','name':'a'}");
	event = next_event(api, watcher, "watch.event");
	assert_string_equal(json_string_value(api_at(event, "/changes/0/op")), "delete");
	json_decref(event);
	close(writer);
	close(watcher);
}

static void empty_snapshot_is_said(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	json_decref(api_callf(api, fd, "watch.start", "{}"));
	json_t *event = next_event(api, fd, "watch.event");
	assert_true(json_is_true(api_at(event, "/snapshot")));
	assert_int_equal(json_array_size(api_at(event, "/changes")), 0);
	json_decref(event);
	close(fd);
}

static void since_resumes_without_a_gap(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	for (int i = 1; i <= 5; i++)
		put_network(api, fd, "a", i);
	json_t *reply = api_callf(api, fd, "watch.start", "{'since':2}");
	assert_true(json_is_false(api_at(reply, "/result/reset")));
	json_decref(reply);
	for (uint64_t g = 3; g <= 5; g++) {
		json_t *event = next_event(api, fd, "watch.event");
		assert_int_equal(generation_of(event), g);
		assert_int_equal(json_integer_value(api_at(event, "/prev")), g - 1);
		json_decref(event);
	}
	close(fd);
}

static void since_that_is_forgotten_or_in_the_future_resets(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	put_network(api, fd, "a", 1);
	put_network(api, fd, "b", 2);
	close(fd);
	api_stop(api);
	api_start(api); // history is not kept over a restart
	fd = api_connect(api);
	static const char *const params[] = {"{'since':1}", "{'since':99}"};
	for (size_t i = 0; i < ARRAY_SIZE(params); i++) {
		json_t *reply = api_callf(api, fd, "watch.start", params[i]);
		assert_true(json_is_true(api_at(reply, "/result/reset")));
		json_decref(reply);
		json_t *event = next_event(api, fd, "watch.event");
		assert_int_equal(json_array_size(api_at(event, "/changes")), 2);
		json_decref(event);
	}
	close(fd);
}

static void tables_and_filter_choose_and_leaving_the_filter_is_a_delete(void **state)
{
	struct api *api = *state;
	int writer = api_connect(api), watcher = api_connect(api);
	json_decref(api_callf(
	    api, watcher, "watch.start", "{'tables':['network'],'filter':{'mtu':1400},'since':0}"));
	commit(api, writer, "{'op':'put','table':'bridge','name':'x','object':{}}");
	put_network(api, writer, "a", 1);
	assert_true(api_is_silent(api, watcher));
	commit(api, writer, "{'op':'patch','table':'network','name':'a','object':{'mtu':1400}}");
	json_t *event = next_event(api, watcher, "watch.event");
	assert_int_equal(json_integer_value(api_at(event, "/prev")), 0);
	assert_string_equal(json_string_value(api_at(event, "/changes/0/op")), "put");
	json_decref(event);
	commit(api, writer, "{'op':'patch','table':'network','name':'a','object':{'mtu':null}}");
	event = next_event(api, watcher, "watch.event");
	assert_string_equal(json_string_value(api_at(event, "/changes/0/op")), "delete");
	json_decref(event);
	close(writer);
	close(watcher);
}

static void bad_params_are_refused(void **state)
{
	static const struct {
		const char *params, *path;
	} rows[] = {
	    {"{'tables':['netwrk']}", "/tables/0"},
	    {"{'tables':[1]}", "/tables/0"},
	    {"{'tables':'network'}", "/tables"},
	    {"{'filter':{'nope':1}}", "/filter/nope"},
	    {"{'tables':['bridge'],'filter':{'vni':1}}", "/filter/vni"},
	    {"{'since':-1}", "/since"},
	    {"{'sice':1}", "/sice"},
	};
	struct api *api = *state;
	int fd = api_connect(api);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *reply = api_callf(api, fd, "watch.start", rows[i].params);
		assert_int_equal(api_error_code(reply), -32602);
		assert_string_equal(
		    json_string_value(api_at(reply, "/error/data/path")), rows[i].path);
		json_decref(reply);
	}
	close(fd);
}

static void cancel_ends_it_and_only_ones_own(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api), other = api_connect(api);
	json_t *reply = api_callf(api, fd, "watch.start", "{'since':0}");
	char params[40];
	snprintf(params, sizeof(params), "{'sub':%d}",
	    (int)json_integer_value(api_at(reply, "/result/sub")));
	json_decref(reply);
	reply = api_callf(api, other, "watch.cancel", params);
	assert_int_equal(api_error_code(reply), 1002);
	json_decref(reply);
	reply = api_callf(api, fd, "watch.cancel", params);
	assert_int_equal(api_error_code(reply), 0);
	json_decref(reply);
	put_network(api, other, "a", 1);
	assert_true(api_is_silent(api, fd));
	close(fd);
	close(other);
}

static void watches_of_a_connection_are_limited_and_go_with_it(void **state)
{
	struct api *api = *state;
	for (int round = 0; round < 3; round++) {
		int fd = api_connect(api);
		for (int i = 0; i < WATCH_MAX_PER_CONNECTION; i++) {
			json_t *reply = api_callf(api, fd, "watch.start", "{'since':0}");
			assert_int_equal(api_error_code(reply), 0);
			json_decref(reply);
		}
		json_t *reply = api_callf(api, fd, "watch.start", "{'since':0}");
		assert_int_equal(api_error_code(reply), -32000);
		json_decref(reply);
		close(fd);
		api_run(api);
	}
}

static void large_changes_come_in_parts_and_slow_readers_lose_nothing(void **state)
{
	struct api *api = *state;
	int writer = api_connect(api), watcher = api_connect(api);
	struct rpc_limits limits = rpc_server_limits(api->daemon.rpc);
	json_decref(api_callf(api, watcher, "watch.start", "{'since':0}"));
	json_t *ops = json_array();
	json_array_append_new(ops, json_pack("{s:s, s:s, s:s, s:{}}", "op", "put", "table",
				       "bridge", "name", "b", "object"));
	for (int i = 0; i < 5000; i++)
		json_array_append_new(
		    ops, json_pack("{s:s, s:s, s:o, s:{s:s}}", "op", "put", "table", "flow", "name",
			     json_sprintf("f%d", i), "object", "bridge", "b"));
	json_t *reply = api_call(api, writer, "txn.commit",
	    json_pack("{s:s, s:s, s:o}", "txn_id", "x", "owner", "o", "ops", ops));
	assert_int_equal(api_error_code(reply), 0);
	json_decref(reply);
	/* Room for a part or two at a time: the rest waits in the history. */
	limits.output_size = 300000;
	rpc_server_set_limits(api->daemon.rpc, &limits);
	size_t n = 0;
	bool more = true;
	while (more) {
		json_t *event = next_event(api, watcher, "watch.event");
		assert_int_equal(generation_of(event), 1);
		assert_int_equal(json_integer_value(api_at(event, "/prev")), 0);
		assert_in_range(
		    json_array_size(api_at(event, "/changes")), 1, WATCH_CHANGES_PER_EVENT);
		n += json_array_size(api_at(event, "/changes"));
		more = json_is_true(api_at(event, "/more"));
		json_decref(event);
	}
	assert_int_equal(n, 5001);
	close(writer);
	close(watcher);
}

static void reader_that_falls_out_of_the_history_is_lost_and_told(void **state)
{
	struct api *api = *state;
	int writer = api_connect(api), watcher = api_connect(api);
	json_t *reply = api_callf(api, watcher, "watch.start", "{'since':0}");
	json_int_t sub = json_integer_value(api_at(reply, "/result/sub"));
	json_decref(reply);
	/* It never reads: its output fills, then the history goes on without it. */
	struct rpc_limits limits = rpc_server_limits(api->daemon.rpc);
	limits.output_size = 20000;
	rpc_server_set_limits(api->daemon.rpc, &limits);
	for (int i = 0; i < HISTORY_MAX_SETS + 1000; i++) {
		char owner[16], op[160];
		/* Owners are limited in their writes per second. */
		snprintf(owner, sizeof(owner), "o%d", i / 300);
		snprintf(op, sizeof(op),
		    "{'op':'put','table':'network','name':'%s','object':{'vni':%d}}", owner, i + 1);
		commit_as(api, writer, owner, op);
	}
	uint64_t last = 0;
	for (;;) {
		char *line = api_read_line(api, watcher);
		assert_non_null(line);
		json_t *message = json_loads(line, 0, NULL);
		free(line);
		json_t *params = json_object_get(message, "params");
		bool lost = strcmp(json_string_value(json_object_get(message, "method")),
				"watch.lost") == 0;
		if (lost)
			assert_int_equal(json_integer_value(api_at(params, "/sub")), sub);
		else
			assert_int_equal(generation_of(params), ++last);
		json_decref(message);
		if (lost)
			break;
	}
	assert_true(last < HISTORY_MAX_SETS + 1000);
	put_network(api, writer, "a", 1);
	assert_true(api_is_silent(api, watcher));
	close(writer);
	close(watcher);
}

static void diff_tells_what_changed_between_generations(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	for (int i = 1; i <= 4; i++)
		put_network(api, fd, "a", i);
	json_t *reply = api_callf(api, fd, "state.diff", "{'from':1,'to':3}");
	assert_int_equal(json_array_size(api_at(reply, "/result/changes")), 2);
	assert_int_equal(json_integer_value(api_at(reply, "/result/changes/0/old/vni")), 1);
	assert_int_equal(json_integer_value(api_at(reply, "/result/changes/1/new/vni")), 3);
	json_decref(reply);
	reply = api_callf(api, fd, "state.diff", "{'from':9}");
	assert_int_equal(api_error_code(reply), -32602);
	json_decref(reply);
	close(fd);
}

static void list_pages_filters_and_notices_changes(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	static const char *const names[] = {"d", "a", "c", "b", "e"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		put_network(api, fd, names[i], (int)i + 1);
	json_t *reply =
	    api_callf(api, fd, "state.list", "{'table':'network','limit':2,'cursor':'b'}");
	assert_string_equal(json_string_value(api_at(reply, "/result/objects/0/name")), "c");
	assert_string_equal(json_string_value(api_at(reply, "/result/cursor")), "d");
	json_decref(reply);
	reply = api_callf(api, fd, "state.list", "{'table':'network','limit':5}");
	assert_int_equal(json_array_size(api_at(reply, "/result/objects")), 5);
	assert_null(api_at(reply, "/result/cursor"));
	json_decref(reply);
	reply = api_callf(api, fd, "state.list", "{'table':'network','filter':{'vni':3}}");
	assert_int_equal(json_array_size(api_at(reply, "/result/objects")), 1);
	assert_string_equal(json_string_value(api_at(reply, "/result/objects/0/name")), "c");
	json_decref(reply);
	reply = api_callf(api, fd, "state.list", "{'table':'network','at_generation':1}");
	assert_int_equal(api_error_code(reply), 1001);
	json_decref(reply);
	reply = api_callf(api, fd, "state.list", "{'table':'network','limit':0}");
	assert_int_equal(api_error_code(reply), -32602);
	json_decref(reply);
	reply = api_callf(api, fd, "state.list", "{}");
	assert_int_equal(api_error_code(reply), -32602);
	json_decref(reply);
	reply = api_callf(api, fd, "state.export", "{'limit':2}");
	assert_string_equal(json_string_value(api_at(reply, "/result/cursor")), "network/b");
	json_decref(reply);
	reply = api_callf(api, fd, "state.export", "{'cursor':'network/b'}");
	assert_int_equal(json_array_size(api_at(reply, "/result/objects")), 3);
	json_decref(reply);
	reply = api_callf(api, fd, "state.export", "{'cursor':'nonsense'}");
	assert_int_equal(api_error_code(reply), -32602);
	json_decref(reply);
	close(fd);
}

static void system_methods_answer(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	json_t *reply = api_callf(api, fd, "sys.hello", "{'client':'test','api':'1.7'}");
	assert_string_equal(json_string_value(api_at(reply, "/result/server")), "sluiced");
	assert_int_equal(json_integer_value(api_at(reply, "/result/limits/ops_per_txn")), 100000);
	json_decref(reply);
	reply = api_callf(api, fd, "sys.hello", "{'api':'2.0'}");
	assert_int_equal(api_error_code(reply), -32005);
	json_decref(reply);
	reply = api_callf(api, fd, "sys.hello", "{'api':'one'}");
	assert_int_equal(api_error_code(reply), -32602);
	json_decref(reply);
	reply = api_callf(api, fd, "sys.health", "{}");
	assert_true(json_is_true(api_at(reply, "/result/ok")));
	json_decref(reply);
	reply = api_callf(api, fd, "sys.limits", "{}");
	assert_int_equal(json_integer_value(api_at(reply, "/result/rows/network")), 4096);
	json_decref(reply);
	reply = api_callf(api, fd, "sys.log_level", "{'level':'err'}");
	assert_int_equal(api_error_code(reply), 0);
	json_decref(reply);
	reply = api_callf(api, fd, "sys.log_level", "{'level':'loud'}");
	assert_string_equal(json_string_value(api_at(reply, "/error/data/path")), "/level");
	json_decref(reply);
	reply = api_callf(api, fd, "rpc.methods", "{}");
	assert_int_equal(json_array_size(api_at(reply, "/result/methods")), rpc_n_methods);
	json_decref(reply);
	reply = api_callf(api, fd, "schema.get", "{'table':'port'}");
	assert_int_equal(json_array_size(api_at(reply, "/result/tables")), 1);
	json_decref(reply);
	close(fd);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, api_setup, api_teardown)
	const struct CMUnitTest tests[] = {
	    T(start_without_since_gets_a_snapshot_then_changes),
	    T(empty_snapshot_is_said),
	    T(since_resumes_without_a_gap),
	    T(since_that_is_forgotten_or_in_the_future_resets),
	    T(tables_and_filter_choose_and_leaving_the_filter_is_a_delete),
	    T(bad_params_are_refused),
	    T(cancel_ends_it_and_only_ones_own),
	    T(watches_of_a_connection_are_limited_and_go_with_it),
	    T(large_changes_come_in_parts_and_slow_readers_lose_nothing),
	    T(reader_that_falls_out_of_the_history_is_lost_and_told),
	    T(diff_tells_what_changed_between_generations),
	    T(list_pages_filters_and_notices_changes),
	    T(system_methods_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
