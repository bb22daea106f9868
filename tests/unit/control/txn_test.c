/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions over the API: all or nothing, durable, repeatable; and what they answer. */
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
#include "datapath/base/clock.h"
#include "tests/unit/control/api_fixture.h"
#include "tests/unit/test.h"

static unsigned int n_flows; // in one transaction

static void refused(struct api *api, int fd, const char *ops, int code, const char *path)
{
	uint64_t before = store_generation(api->daemon.store);
	json_t *reply = api_commit_as(api, fd, "o", ops, "");
	const char *got = json_string_value(api_at(reply, "/error/data/path"));
	if (api_error_code(reply) != code ||
	    (path != NULL && (got == NULL || strcmp(got, path) != 0))) {
		char *text = json_dumps(reply, 0);
		fail_msg("%s: %s", ops, text);
	}
	json_decref(reply);
	assert_int_equal(store_generation(api->daemon.store), before);
}

static const char *const net = "{'op':'put','table':'network','name':'n1','object':{'vni':100}}";
static const char *const port = "{'op':'put','table':'port','name':'p1','object':{'network':'n1'}}";

static void commit_answers_generation_workers_and_counts(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	json_t *reply = api_commit_as(api, fd, "o", net, "");
	assert_int_equal(json_integer_value(api_at(reply, "/result/generation")), 1);
	assert_true(json_is_true(api_at(reply, "/result/applied")));
	assert_int_equal(json_integer_value(api_at(reply, "/result/workers")), 2);
	assert_int_equal(json_integer_value(api_at(reply, "/result/n_created")), 1);
	json_decref(reply);
	reply = api_callf(api, fd, "state.get", "{'table':'network','name':'n1'}");
	assert_int_equal(json_integer_value(api_at(reply, "/result/object/vni")), 100);
	assert_string_equal(json_string_value(api_at(reply, "/result/owner")), "o");
	json_decref(reply);
	close(fd);
}

static void ops_run_in_order_and_fold_to_one_change(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	api_must(api, fd,
	    "{'op':'put','table':'network','name':'a','object':{'vni':1}},"
	    "{'op':'patch','table':'network','name':'a','object':{'mtu':1400}},"
	    "{'op':'put','table':'network','name':'b','object':{'vni':2}},"
	    "{'op':'delete','table':'network','name':'b'},"
	    "{'op':'assert','table':'network','name':'a','object':{'vni':1,'mtu':1400}},"
	    "{'op':'assert','table':'network','name':'b','object':null}");
	assert_true(api_has(api, API_TABLE_NETWORK, "a"));
	assert_false(api_has(api, API_TABLE_NETWORK, "b"));
	/* What changes nothing makes no generation. */
	api_must(
	    api, fd, "{'op':'put','table':'network','name':'a','object':{'vni':1,'mtu':1400}}");
	assert_int_equal(api_generation(api), 1);
	close(fd);
}

static void all_failing_ops_are_reported_and_nothing_changes(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	json_t *reply = api_commit_as(api, fd, "o",
	    "{'op':'put','table':'network','name':'ok','object':{'vni':7}},"
	    "{'op':'put','table':'network','name':'n2','object':{'vni':0}},"
	    "{'op':'put','table':'netwrk','name':'n3','object':{'vni':1}},"
	    "{'op':'delete','table':'network','name':'gone'},"
	    "{'op':'putt','table':'network','name':'n4','object':{}},"
	    "{'op':'put','table':'network','name':'n5','object':{'vnii':3}}",
	    "");
	assert_int_equal(api_error_code(reply), -32602);
	assert_int_equal(json_integer_value(api_at(reply, "/error/data/n_errors")), 5);
	assert_int_equal(json_array_size(api_at(reply, "/error/data/errors")), 5);
	assert_string_equal(
	    json_string_value(api_at(reply, "/error/data/path")), "/ops/1/object/vni");
	assert_string_equal(json_string_value(api_at(reply, "/error/data/object")), "network/n2");
	assert_int_equal(json_integer_value(api_at(reply, "/error/data/op")), 1);
	assert_string_equal(
	    json_string_value(api_at(reply, "/error/data/errors/1/data/path")), "/ops/2/table");
	assert_non_null(
	    strstr(json_string_value(api_at(reply, "/error/data/errors/1/data/hint")), "network"));
	assert_int_equal(json_integer_value(api_at(reply, "/error/data/errors/2/code")), 1002);
	assert_string_equal(
	    json_string_value(api_at(reply, "/error/data/errors/3/data/path")), "/ops/4/op");
	assert_string_equal(json_string_value(api_at(reply, "/error/data/errors/4/data/path")),
	    "/ops/5/object/vnii");
	json_decref(reply);
	assert_int_equal(api_generation(api), 0);
	assert_int_equal(fake.n_commits, 1); // the restore at start
	close(fd);
}

static void at_most_32_errors_are_reported_but_all_counted(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	json_t *ops = json_array();
	for (int i = 0; i < 40; i++)
		json_array_append_new(ops,
		    json_pack("{s:s, s:s, s:s}", "op", "delete", "table", "flow", "name", "x"));
	json_t *reply = api_call(api, fd, "txn.commit",
	    json_pack("{s:s, s:s, s:o}", "txn_id", "many", "owner", "o", "ops", ops));
	assert_int_equal(json_array_size(api_at(reply, "/error/data/errors")), 32);
	assert_int_equal(json_integer_value(api_at(reply, "/error/data/n_errors")), 40);
	json_decref(reply);
	close(fd);
}

static void params_are_checked(void **state)
{
	static const struct {
		const char *params, *path;
	} rows[] = {
	    {"{'owner':'o','ops':[]}", "/txn_id"},
	    {"{'txn_id':'a','ops':[]}", "/owner"},
	    {"{'txn_id':'a','owner':'o'}", "/ops"},
	    {"{'txn_id':'a b','owner':'o','ops':[]}", "/txn_id"},
	    {"{'txn_id':'a','owner':'','ops':[]}", "/owner"},
	    {"{'txn_id':'a','owner':'o','ops':{}}", "/ops"},
	    {"{'txn_id':'a','owner':'o','ops':[],'wait':'none'}", "/wait"},
	    {"{'txn_id':'a','owner':'o','ops':[],'force':1}", "/force"},
	    {"{'txn_id':'a','owner':'o','ops':[],'dryrun':true}", "/dryrun"},
	    {"{'txn_id':'a','owner':'o','ops':[],'if_generation':-1}", "/if_generation"},
	    {"{'txn_id':'a','owner':'o','ops':[5]}", "/ops/0"},
	    {"{'txn_id':'a','owner':'o','ops':[{'op':'put','table':'network','name':'a'}]}",
		"/ops/0"},
	    {"{'txn_id':'a','owner':'o','ops':[{'op':'put','table':'network','name':'a','objct':{}}"
	     "]}",
		"/ops/0/objct"},
	    {"{'txn_id':'a','owner':'o','ops':[{'op':'put','table':'network','name':'a/"
	     "b','object':{}}]}",
		"/ops/0/name"},
	    {"{'txn_id':'a','owner':'o','ops':[{'op':'put','table':'network','name':7,'object':{}}]"
	     "}",
		"/ops/0/name"},
	    {"{'txn_id':'a','owner':'o','ops':[{'op':'put','table':'network','name':'a','object':7}"
	     "]}",
		"/ops/0/object"},
	    {"{'txn_id':'a','owner':'o','ops':[{'op':'delete','table':'network','name':'a','object'"
	     ":{}}]}",
		"/ops/0"},
	};
	struct api *api = *state;
	int fd = api_connect(api);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *reply = api_callf(api, fd, "txn.commit", rows[i].params);
		const char *path = json_string_value(api_at(reply, "/error/data/path"));
		if (api_error_code(reply) != -32602 || path == NULL ||
		    strcmp(path, rows[i].path) != 0)
			fail_msg("%s: %s", rows[i].params, json_dumps(reply, 0));
		json_decref(reply);
	}
	close(fd);
}

static void references_must_exist_and_what_is_used_must_stay(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	refused(api, fd, port, 1004, "/ops/0/object/network");
	api_must(api, fd, net);
	api_must(api, fd, port);
	refused(api, fd, "{'op':'delete','table':'network','name':'n1'}", 1004, "/ops/0");
	refused(api, fd,
	    "{'op':'put','table':'tunnel_peer','name':'t','object':{'remote_ip':'10.0.0.9','"
	    "networks':['n1','n9']}}",
	    1004, "/ops/0/object/networks/1");
	api_must(api, fd,
	    "{'op':'delete','table':'network','name':'n1'},{'op':'delete','table':'port','name':'"
	    "p1'}");
	/* The order within a transaction does not matter. */
	char both[512];
	snprintf(both, sizeof(both), "%s,%s", port, net);
	api_must(api, fd, both);
	/* Nor does a user that lets go in the same transaction hold it. */
	api_must(api, fd,
	    "{'op':'delete','table':'network','name':'n1'},{'op':'patch','table':'port','name':'p1'"
	    ",'object':{'network':null}}");
	close(fd);
}

static void immutable_columns_are_refused_even_by_delete_and_put(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	api_must(api, fd, "{'op':'put','table':'port','name':'p','object':{'kind':'tap'}}");
	refused(api, fd, "{'op':'put','table':'port','name':'p','object':{'kind':'null'}}", -32602,
	    "/ops/0/object/kind");
	refused(api, fd,
	    "{'op':'delete','table':'port','name':'p'},{'op':'put','table':'port','name':'p','"
	    "object':{'kind':'null'}}",
	    -32602, "/ops/1/object/kind");
	close(fd);
}

static void objects_have_one_owner(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	api_must(api, fd, net);
	static const char *const ops[] = {"{'op':'delete','table':'network','name':'n1'}",
	    "{'op':'put','table':'network','name':'n1','object':{'vni':2}}",
	    "{'op':'patch','table':'network','name':'n1','object':{'mtu':1400}}"};
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		json_t *reply = api_commit_as(api, fd, "other", ops[i], "");
		assert_int_equal(api_error_code(reply), -32002);
		json_decref(reply);
	}
	json_t *reply =
	    api_commit_as(api, fd, "other", "{'op':'assert','table':'network','name':'n1'}", "");
	assert_int_equal(api_error_code(reply), 0);
	json_decref(reply);
	close(fd);
}

static void if_generation_and_if_rev_compare_and_swap(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	api_must(api, fd, net);
	json_t *reply = api_commit_as(
	    api, fd, "o", "{'op':'delete','table':'network','name':'n1'}", ",'if_generation':0");
	assert_int_equal(api_error_code(reply), 1001);
	json_decref(reply);
	refused(api, fd, "{'op':'delete','table':'network','name':'n1','if_rev':5}", 1001,
	    "/ops/0/if_rev");
	refused(api, fd, "{'op':'assert','table':'network','name':'n1','object':{'vni':101}}", 1001,
	    "/ops/0/object/vni");
	refused(
	    api, fd, "{'op':'assert','table':'network','name':'n1','object':null}", 1001, "/ops/0");
	reply = api_commit_as(api, fd, "o",
	    "{'op':'delete','table':'network','name':'n1','if_rev':1}", ",'if_generation':1");
	assert_int_equal(api_error_code(reply), 0);
	json_decref(reply);
	close(fd);
}

static void repeated_txn_id_is_answered_and_not_done_twice(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	const char *first = "{'txn_id':'same','owner':'o','ops':[{'op':'put','table':'network','"
			    "name':'a','object':{'vni':1,'mtu':1400}}]}";
	const char *again = "{'owner':'o','ops':[{'name':'a','table':'network','object':{'mtu':"
			    "1400,'vni':1},'op':'put'}],'txn_id':'same'}";
	const char *other =
	    "{'txn_id':'same','owner':'o','ops':[{'op':'delete','table':'network','name':'a'}]}";
	json_decref(api_callf(api, fd, "txn.commit", first));
	for (int round = 0; round < 2; round++) {
		json_t *reply = api_callf(api, fd, "txn.commit", again);
		assert_true(json_is_true(api_at(reply, "/result/replayed")));
		assert_int_equal(json_integer_value(api_at(reply, "/result/generation")), 1);
		json_decref(reply);
		reply = api_callf(api, fd, "txn.commit", other);
		assert_int_equal(api_error_code(reply), 1001);
		json_decref(reply);
		/* Also by a daemon that has been restarted. */
		close(fd);
		api_stop(api);
		api_start(api);
		fd = api_connect(api);
	}
	assert_int_equal(api_generation(api), 1);
	close(fd);
}

static void restart_restores_what_was_acknowledged(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	api_must(api, fd, net);
	api_must(api, fd, port);
	api_must(api, fd, "{'op':'patch','table':'network','name':'n1','object':{'mtu':1300}}");
	json_t *before = api_callf(api, fd, "state.export", "{}");
	close(fd);
	api_stop(api);
	api_start(api);
	assert_int_equal(api_generation(api), 3);
	fd = api_connect(api);
	json_t *after = api_callf(api, fd, "state.export", "{}");
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	close(fd);
}

static void dry_run_tells_and_changes_nothing(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	api_must(api, fd, net);
	json_t *reply = api_commit_as(api, fd, "o",
	    "{'op':'patch','table':'network','name':'n1','object':{'mtu':1300}},{'op':'put','table'"
	    ":'bridge','name':'b','object':{}}",
	    ",'dry_run':true");
	assert_true(json_is_true(api_at(reply, "/result/dry_run")));
	assert_string_equal(json_string_value(api_at(reply, "/result/created/0/name")), "b");
	assert_string_equal(json_string_value(api_at(reply, "/result/updated/0/name")), "n1");
	assert_int_equal(json_integer_value(api_at(reply, "/result/n_deleted")), 0);
	assert_int_equal(json_integer_value(api_at(reply, "/result/dataplane_ops")), 2);
	json_decref(reply);
	assert_int_equal(api_generation(api), 1);
	assert_false(api_has(api, API_TABLE_BRIDGE, "b"));
	assert_int_equal(fake.n_discards, 1);
	close(fd);
}

static void model_refusal_is_reported_with_the_path_of_the_op(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	fake.refuse_name = "n2";
	refused(api, fd,
	    "{'op':'put','table':'network','name':'n0','object':{'vni':1}},{'op':'put','table':'"
	    "network','name':'n2','object':{'vni':1}}",
	    1001, "/ops/1/object/vni");
	close(fd);
}

static void deleting_most_of_a_table_needs_force(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	char ops[4096] = "", deletes[4096] = "";
	for (int i = 0; i < 20; i++) {
		char op[100];
		snprintf(op, sizeof(op), "%s{'op':'put','table':'bridge','name':'b%d','object':{}}",
		    i > 0 ? "," : "", i);
		strcat(ops, op);
		snprintf(op, sizeof(op), "%s{'op':'delete','table':'bridge','name':'b%d'}",
		    i > 0 ? "," : "", i);
		if (i < 11)
			strcat(deletes, op);
	}
	api_must(api, fd, ops);
	refused(api, fd, deletes, 1010, NULL);
	json_t *reply = api_commit_as(api, fd, "o", deletes, ",'force':true");
	assert_int_equal(api_error_code(reply), 0);
	json_decref(reply);
	close(fd);
}

static void table_limit_is_kept(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	for (int round = 0; round < 2; round++) {
		json_t *ops = json_array();
		for (int i = round == 0 ? 0 : 254; i < (round == 0 ? 254 : 255); i++) {
			char name[16];
			snprintf(name, sizeof(name), "b%d", i);
			json_array_append_new(ops, json_pack("{s:s, s:s, s:s, s:{}}", "op", "put",
						       "table", "bridge", "name", name, "object"));
		}
		json_t *reply = api_call(api, fd, "txn.commit",
		    json_pack("{s:s, s:s, s:o}", "txn_id", round == 0 ? "r0" : "r1", "owner", "o",
			"ops", ops));
		assert_int_equal(api_error_code(reply), round == 0 ? 0 : 1005);
		json_decref(reply);
	}
	close(fd);
}

static void without_a_switch_it_is_durable_and_not_applied(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	fake.is_connected = false;
	json_t *reply = api_commit_as(api, fd, "o", net, "");
	assert_true(json_is_false(api_at(reply, "/result/applied")));
	assert_int_equal(json_integer_value(api_at(reply, "/result/generation")), 1);
	json_decref(reply);
	close(fd);
}

static void durable_answers_before_the_switch_and_the_next_one_waits(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api), other = api_connect(api);
	fake.hold = HOLD_COMMIT;
	json_t *reply = api_commit_as(api, fd, "o", net, ",'wait':'durable'");
	assert_int_equal(json_integer_value(api_at(reply, "/result/generation")), 1);
	assert_true(json_is_false(api_at(reply, "/result/applied")));
	json_decref(reply);
	api_send(api, other,
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"txn.commit\",\"params\":{\"txn_id\":"
	    "\"second\","
	    "\"owner\":\"o\",\"ops\":[{\"op\":\"put\",\"table\":\"bridge\",\"name\":\"b\","
	    "\"object\":{}}]}}\n");
	assert_true(api_is_silent(api, other));
	assert_int_equal(api_generation(api), 1);
	fake_answer();
	api_run(api);
	assert_int_equal(api_generation(api), 2);
	fake_answer();
	char *line = api_read_line(api, other);
	assert_non_null(strstr(line, "\"applied\":true"));
	free(line);
	close(fd);
	close(other);
}

static void client_that_goes_away_does_not_stop_its_commit(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	fake.hold = HOLD_COMMIT;
	api_send(api, fd,
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"txn.commit\",\"params\":{\"txn_id\":"
	    "\"second\","
	    "\"owner\":\"o\",\"ops\":[{\"op\":\"put\",\"table\":\"bridge\",\"name\":\"b\","
	    "\"object\":{}}]}}\n");
	close(fd);
	api_run(api);
	fake_answer();
	api_run(api);
	assert_true(api_has(api, API_TABLE_BRIDGE, "b"));
}

static void owner_that_writes_too_often_is_told_to_wait(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	int limited = 0;
	for (int i = 0; i < 450 && limited == 0; i++) {
		json_t *reply = api_commit_as(api, fd, "busy", "", "");
		limited = api_error_code(reply);
		assert_true(limited == 0 || api_at(reply, "/error/data/retry_after_ms") != NULL);
		json_decref(reply);
	}
	/* 400 at once; a slow machine earns some more meanwhile. */
	if (limited != 0)
		assert_int_equal(limited, -32006);
	json_t *reply = api_commit_as(api, fd, "other", net, "");
	assert_int_equal(api_error_code(reply), 0);
	json_decref(reply);
	close(fd);
}

static json_t *many_flows(void)
{
	json_t *ops = json_array();
	json_array_append_new(ops, json_pack("{s:s, s:s, s:s, s:{}}", "op", "put", "table",
				       "bridge", "name", "b", "object"));
	for (unsigned int i = 0; i < n_flows; i++) {
		char name[16], ip[32];
		snprintf(name, sizeof(name), "f%u", i);
		snprintf(ip, sizeof(ip), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		json_array_append_new(ops,
		    json_pack("{s:s, s:s, s:s, s:{s:s, s:i, s:{s:s, s:s}, s:[{s:i}]}}", "op", "put",
			"table", "flow", "name", name, "object", "bridge", "b", "priority", 100,
			"match", "eth_type", "0x0800", "ipv4_dst", ip, "actions", "output", 1));
	}
	return ops;
}

/* Prints what it takes; limits are not for unit tests under sanitizers. */
static void twenty_thousand_flows_in_one_transaction(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	json_t *params =
	    json_pack("{s:s, s:s, s:o}", "txn_id", "big", "owner", "o", "ops", many_flows());
	uint64_t start = clock_ms();
	json_t *reply = api_call(api, fd, "txn.commit", params);
	print_message("%u flows over the socket, without model and switch: %lu ms\n", n_flows,
	    clock_ms() - start);
	assert_int_equal(json_integer_value(api_at(reply, "/result/n_created")), n_flows + 1);
	json_decref(reply);
	size_t n = 0;
	for (const char *cursor = NULL;;) {
		json_t *page =
		    json_pack("{s:s, s:i, s:s*}", "table", "flow", "limit", 7000, "cursor", cursor);
		reply = api_call(api, fd, "state.list", page);
		n += json_array_size(api_at(reply, "/result/objects"));
		static char kept[80];
		cursor = json_string_value(api_at(reply, "/result/cursor"));
		if (cursor == NULL)
			break;
		snprintf(kept, sizeof(kept), "%s", cursor);
		cursor = kept;
		json_decref(reply);
	}
	json_decref(reply);
	assert_int_equal(n, n_flows);
	start = clock_ms();
	close(fd);
	api_stop(api);
	api_start(api);
	print_message("restart with %u flows: %lu ms\n", n_flows, clock_ms() - start);
	assert_int_equal(store_count(api->daemon.store, API_TABLE_FLOW), n_flows);
}

static void durable_commits_per_second(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	uint64_t start = clock_ms();
	for (int i = 0; i < 200; i++) {
		char op[160];
		snprintf(op, sizeof(op),
		    "{'op':'put','table':'network','name':'n','object':{'vni':%d}}", i + 1);
		api_must(api, fd, op);
	}
	print_message("200 durable commits one by one: %lu ms\n", clock_ms() - start);
	assert_int_equal(api_generation(api), 200);
	close(fd);
}

static void snapshot_holds_objects_generation_and_txn_ids(void **state)
{
	enum { N_TXNS = 8, N_LARGE = 150, LARGE_SIZE = 60000 };
	struct api *api = *state;
	int fd = api_connect(api);
	char *large = malloc(LARGE_SIZE);
	memset(large, 'x', LARGE_SIZE);
	json_decref(api_commit_as(
	    api, fd, "o", "{'op':'put','table':'bridge','name':'b','object':{}}", ""));
	/* What comes after the snapshot is past STATE_COMPACT_MIN_SIZE: the file is written anew. */
	for (int i = 0; i < N_TXNS; i++) {
		json_t *ops = json_array();
		for (int k = 0; k < N_LARGE; k++)
			json_array_append_new(ops,
			    json_pack("{s:s, s:s, s:o, s:{s:s, s:i, s:{s:s#}}}", "op", "put",
				"table", "flow", "name", json_sprintf("f%d", k), "object", "bridge",
				"b", "priority", i, "match", "x", large, LARGE_SIZE));
		json_t *reply = api_call(api, fd, "txn.commit",
		    json_pack("{s:o, s:s, s:o}", "txn_id", json_sprintf("big%d", i), "owner", "o",
			"ops", ops));
		assert_int_equal(api_error_code(reply), 0);
		json_decref(reply);
		api_run(api);
	}
	free(large);
	while (ovsdb_storage_is_compacting(api->daemon.storage))
		event_base_loop(api->daemon.base, EVLOOP_ONCE);
	assert_in_range(ovsdb_storage_size(api->daemon.storage), 0, STATE_COMPACT_MIN_SIZE);
	close(fd);
	api_stop(api);
	api_start(api);
	assert_int_equal(api_generation(api), 1 + N_TXNS);
	assert_int_equal(store_count(api->daemon.store, API_TABLE_FLOW), N_LARGE);
	assert_non_null(txn_log_find(api->daemon.log, "big0"));
	fd = api_connect(api);
	api_must(api, fd, net);
	close(fd);
}

int main(void)
{
	n_flows = test_size(4000, 20000);
#define T(name) cmocka_unit_test_setup_teardown(name, api_setup, api_teardown)
	const struct CMUnitTest tests[] = {
	    T(commit_answers_generation_workers_and_counts),
	    T(ops_run_in_order_and_fold_to_one_change),
	    T(all_failing_ops_are_reported_and_nothing_changes),
	    T(at_most_32_errors_are_reported_but_all_counted),
	    T(params_are_checked),
	    T(references_must_exist_and_what_is_used_must_stay),
	    T(immutable_columns_are_refused_even_by_delete_and_put),
	    T(objects_have_one_owner),
	    T(if_generation_and_if_rev_compare_and_swap),
	    T(repeated_txn_id_is_answered_and_not_done_twice),
	    T(restart_restores_what_was_acknowledged),
	    T(dry_run_tells_and_changes_nothing),
	    T(model_refusal_is_reported_with_the_path_of_the_op),
	    T(deleting_most_of_a_table_needs_force),
	    T(table_limit_is_kept),
	    T(without_a_switch_it_is_durable_and_not_applied),
	    T(durable_answers_before_the_switch_and_the_next_one_waits),
	    T(client_that_goes_away_does_not_stop_its_commit),
	    T(owner_that_writes_too_often_is_told_to_wait),
	    T(twenty_thousand_flows_in_one_transaction),
	    T(durable_commits_per_second),
	    T(snapshot_holds_objects_generation_and_txn_ids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
