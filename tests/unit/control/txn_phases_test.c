/* SPDX-License-Identifier: Apache-2.0 */
/* A transaction and the switch: asked first, journalled, then told; and what runs between transactions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/api/state_file.h"
#include "control/api/store.h"
#include "control/api/txn.h"
#include "control/api/txn_log.h"
#include "control/daemon.h"
#include "tests/unit/control/api_fixture.h"

static const char *const net = "{'op':'put','table':'network','name':'n1','object':{'vni':100}}";

/* The journal's size, so that a test sees whether anything was written at all. */
static uint64_t journal_bytes(struct api *api)
{
	return ovsdb_storage_size(api->daemon.storage);
}

static const char *const change =
    "{'txn_id':'x','owner':'o','ops':[{'op':'patch','table':'network','"
    "name':'n1','object':{'mtu':1300}},"
    "{'op':'put','table':'bridge','name':'b','object':{}}]}";

static void assert_change_left_no_trace(struct api *api)
{
	assert_int_equal(api_generation(api), 1);
	assert_false(api_has(api, API_TABLE_BRIDGE, "b"));
	assert_null(
	    json_object_get(store_find(api->daemon.store, API_TABLE_NETWORK, "n1")->data, "mtu"));
}

static void what_the_switch_refuses_is_never_journalled(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	api_must(api, fd, net);
	uint64_t bytes = journal_bytes(api);
	for (int i = 0; i < 2; i++) {
		fake.switch_error = i == 0 ? -ENOSPC : -ENOTCONN;
		json_t *reply = api_callf(api, fd, "txn.commit", change);
		assert_int_equal(api_error_code(reply), i == 0 ? 1009 : -32004);
		assert_non_null(strstr(json_string_value(api_at(reply, "/error/message")),
		    i == 0 ? "rule table is full" : "it ended"));
		json_decref(reply);
		assert_change_left_no_trace(api);
		assert_int_equal(journal_bytes(api), bytes);
		assert_int_equal(fake.n_aborts, 0);
	}
	fake.switch_error = 0;
	close(fd);
	api_stop(api);
	api_start(api);
	fd = api_connect(api);
	assert_change_left_no_trace(api);
	/* Its id was not used up. */
	json_t *reply = api_callf(api, fd, "txn.commit", change);
	assert_int_equal(api_error_code(reply), 0);
	assert_null(api_at(reply, "/result/replayed"));
	json_decref(reply);
	close(fd);
}

static void nothing_moves_until_the_switch_has_prepared(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	api_must(api, fd, net);
	uint64_t bytes = journal_bytes(api);
	fake.hold = HOLD_PREPARE;
	char line[512];
	snprintf(line, sizeof(line), "{'jsonrpc':'2.0','id':1,'method':'txn.commit','params':%s}\n",
	    change);
	for (char *p = line; *p != '\0'; p++)
		*p = *p == '\'' ? '"' : *p;
	api_send(api, fd, line);
	assert_true(api_is_silent(api, fd));
	assert_change_left_no_trace(api);
	assert_int_equal(journal_bytes(api), bytes);
	fake.hold = HOLD_COMMIT;
	fake_answer();
	api_run(api);
	/* Durable and true here, but not said before the workers have it. */
	assert_true(api_has(api, API_TABLE_BRIDGE, "b"));
	assert_true(journal_bytes(api) > bytes);
	assert_true(api_is_silent(api, fd));
	fake_answer();
	char *reply = api_read_line(api, fd);
	assert_non_null(strstr(reply, "\"applied\":true"));
	free(reply);
	close(fd);
}

static void a_commit_that_gets_no_answer_is_durable_and_not_applied(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	fake.hold = HOLD_COMMIT;
	char line[512];
	snprintf(line, sizeof(line),
	    "{'jsonrpc':'2.0','id':1,'method':'txn.commit','params':{'txn_id':'y','owner':'o','ops'"
	    ":[%s]"
	    "}}\n",
	    net);
	for (char *p = line; *p != '\0'; p++)
		*p = *p == '\'' ? '"' : *p;
	api_send(api, fd, line);
	assert_true(api_is_silent(api, fd));
	fake.switch_error = -ENOTCONN;
	fake_answer();
	char *reply = api_read_line(api, fd);
	assert_non_null(strstr(reply, "\"applied\":false"));
	free(reply);
	assert_int_equal(api_generation(api), 1);
	close(fd);
}

static ssize_t full_disk(int, const void *, size_t, off_t)
{
	errno = ENOSPC;
	return -1;
}

static void a_journal_that_fails_aborts_what_was_prepared(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	api_must(api, fd, net);
	struct ovsdb_journal_io broken = ovsdb_system_io;
	struct err err = {0};
	/* The same directory again, with a disk that is full from now on. */
	txn_log_close(api->daemon.log);
	ovsdb_storage_close(api->daemon.storage);
	broken.write = full_disk;
	struct store *scratch = store_create();
	api->daemon.storage = state_file_open(api->dir, api->daemon.base, &broken, &err);
	assert_non_null(api->daemon.storage);
	api->daemon.log = txn_log_open(api->daemon.storage, scratch, &err);
	store_destroy(scratch);
	assert_non_null(api->daemon.log);
	json_t *reply = api_callf(api, fd, "txn.commit", change);
	assert_int_equal(api_error_code(reply), 1008);
	json_decref(reply);
	assert_int_equal(fake.n_aborts, 1);
	assert_int_equal(fake.prepared, 0);
	assert_change_left_no_trace(api);
	close(fd);
}

static size_t n_job_runs;

static void submit_in_job(void *arg)
{
	struct api *api = arg;
	struct txn_spec spec = {.ops.list = json_pack("[{s:s, s:s, s:s, s:{}}]", "op", "put",
				    "table", "bridge", "name", "first", "object")};
	n_job_runs++;
	assert_int_equal(fake.prepared, 0);
	txn_submit(api->daemon.txn, NULL, &spec);
}

/* The model is not to change under a plan; and what the job decides is decided on the state it sees. */
static void jobs_run_between_transactions_and_before_those_that_wait(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	struct txn_job job = {.run = submit_in_job, .arg = api};
	struct txn_spec spec = {.ops.list = json_pack("[{s:s, s:s, s:s, s:{}}]", "op", "put",
				    "table", "bridge", "name", "a", "object")};
	n_job_runs = 0;
	fake.hold = HOLD_PREPARE;
	txn_submit(api->daemon.txn, NULL, &spec);
	spec.ops.list =
	    json_pack("[{s:s, s:s, s:s}]", "op", "delete", "table", "bridge", "name", "first");
	txn_submit(api->daemon.txn, NULL, &spec);
	txn_when_idle(api->daemon.txn, &job);
	txn_when_idle(api->daemon.txn, &job); // waits already
	api_run(api);
	assert_int_equal(n_job_runs, 0);
	fake.hold = HOLD_NOTHING;
	fake_answer();
	api_run(api);
	assert_int_equal(n_job_runs, 1);
	assert_int_equal(api_generation(api), 3); // a; first; and the one that waited deleted it
	assert_false(api_has(api, API_TABLE_BRIDGE, "first"));
	assert_true(api_has(api, API_TABLE_BRIDGE, "a"));
	txn_when_idle(api->daemon.txn, &job); // at once
	assert_int_equal(n_job_runs, 2);
	api_run(api);
	assert_true(api_has(api, API_TABLE_BRIDGE, "first"));
	close(fd);
}

struct told {
	int n;
	enum err_code code;
	size_t n_errors;
	bool is_applied;
};

static void on_done(const struct txn_outcome *outcome, void *arg)
{
	struct told *told = arg;

	told->n++;
	told->code = outcome->err != NULL ? outcome->err->code : ERR_NONE;
	told->n_errors = json_array_size(outcome->errors);
	told->is_applied = outcome->is_applied;
}

static void the_daemons_own_transactions_tell_how_they_ended(void **state)
{
	struct api *api = *state;
	struct told told = {0};
	struct txn_spec spec = {
	    .owner = "o", .wait_applied = true, .done = on_done, .done_arg = &told};
	static const char put[] = "[{s:s, s:s, s:s, s:{s:s}}, {s:s, s:s, s:s, s:{s:s}}]";

	spec.ops.list =
	    json_pack(put, "op", "put", "table", "bridge", "name", "a", "object", "miss", "never",
		"op", "put", "table", "bridge", "name", "b", "object", "miss", "nor this");
	txn_submit(api->daemon.txn, NULL, &spec);
	api_run(api);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.code, ERR_PARAMS);
	assert_int_equal(told.n_errors, 2);
	spec.ops.list =
	    json_pack(put, "op", "put", "table", "bridge", "name", "a", "object", "miss", "drop",
		"op", "put", "table", "bridge", "name", "b", "object", "miss", "normal");
	fake.switch_error = -ENOSPC;
	txn_submit(api->daemon.txn, NULL, &spec);
	api_run(api);
	assert_int_equal(told.n, 2);
	assert_int_equal(told.code, ERR_DATAPLANE);
	fake.switch_error = 0;
	spec.ops.list =
	    json_pack(put, "op", "put", "table", "bridge", "name", "a", "object", "miss", "drop",
		"op", "put", "table", "bridge", "name", "b", "object", "miss", "normal");
	txn_submit(api->daemon.txn, NULL, &spec);
	api_run(api);
	assert_int_equal(told.n, 3);
	assert_int_equal(told.code, ERR_NONE);
	assert_true(told.is_applied);
}

static void the_owner_of_rows_is_not_the_apis(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	static const char text[] = "{'txn_id':'%s','owner':'ovsdb','ops':[{'op':'put','table':'"
				   "bridge','name':'b','object':{}}]}";
	char params[200];

	snprintf(params, sizeof(params), text, "x");
	json_t *reply = api_callf(api, fd, "txn.commit", params);
	assert_int_equal(api_error_code(reply), 0); // nobody serves rows
	json_decref(reply);
	api->daemon.vswitch = (struct vswitch *)api; // somebody does
	snprintf(params, sizeof(params), text, "y");
	reply = api_callf(api, fd, "txn.commit", params);
	assert_int_equal(api_error_code(reply), -32002);
	json_decref(reply);
	close(fd);
}

static void health_says_what_the_switch_refuses(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	json_t *reply = api_callf(api, fd, "sys.health", "{}");
	assert_true(json_is_true(api_at(reply, "/result/ok")));
	assert_string_equal(json_string_value(api_at(reply, "/result/switch/state")), "current");
	json_decref(reply);
	fake.n_refusals = 1;
	reply = api_callf(api, fd, "sys.health", "{}");
	assert_true(json_is_false(api_at(reply, "/result/ok")));
	assert_true(json_is_true(api_at(reply, "/result/switch_connected")));
	assert_string_equal(json_string_value(api_at(reply, "/result/switch/state")), "refuses");
	assert_string_equal(
	    json_string_value(api_at(reply, "/result/switch/refused/0/object")), "port/vm1");
	assert_string_equal(
	    json_string_value(api_at(reply, "/result/switch/refused/0/why")), "no such device");
	assert_int_equal(json_integer_value(api_at(reply, "/result/switch/retry_ms")), 500);
	json_decref(reply);
	fake.is_connected = false;
	reply = api_callf(api, fd, "sys.health", "{}");
	assert_string_equal(json_string_value(api_at(reply, "/result/switch/state")), "away");
	assert_string_equal(
	    json_string_value(api_at(reply, "/result/switch/last_error")), "it ended");
	json_decref(reply);
	close(fd);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, api_setup, api_teardown)
	const struct CMUnitTest tests[] = {
	    T(what_the_switch_refuses_is_never_journalled),
	    T(nothing_moves_until_the_switch_has_prepared),
	    T(a_commit_that_gets_no_answer_is_durable_and_not_applied),
	    T(a_journal_that_fails_aborts_what_was_prepared),
	    T(jobs_run_between_transactions_and_before_those_that_wait),
	    T(the_daemons_own_transactions_tell_how_they_ended),
	    T(the_owner_of_rows_is_not_the_apis),
	    T(health_says_what_the_switch_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
