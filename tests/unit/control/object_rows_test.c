/* SPDX-License-Identifier: Apache-2.0 */
/* The API's objects as rows of database Sluice: what clients of OVSDB see of them, what they may not do, and the state directory's file. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/api/object_rows.h"
#include "control/api/state_file.h"
#include "control/api/txn_log.h"
#include "control/mem.h"
#include "tests/unit/control/vswitch_fixture.h"

static const char put_net[] =
    "[{'op':'put','table':'network','name':'red','object':{'vni':7,'mtu':1400}}]";

/* Operations on database Sluice; the results, a new reference. */
static json_t *transact(struct vs *vs, const char *operation)
{
	json_t *params = json_loads(operation, 0, NULL);

	json_array_insert_new(params, 0, json_string(OBJECT_DB_NAME));
	json_t *reply = vs_request(vs, "transact", params);
	json_t *results = json_incref(json_object_get(reply, "result"));
	json_decref(reply);
	return results;
}

static const char *text_at(json_t *results, const char *member)
{
	const char *text = json_string_value(json_object_get(json_array_get(results, 0), member));

	return text != NULL ? text : "";
}

static void rows_are_the_objects(void **state)
{
	struct vs *vs = *state;
	static const char select[] = "[{\"op\":\"select\",\"table\":\"network\",\"where\":[]}]";

	vs_api(vs, "cloud", put_net);
	for (int round = 0; round < 2; round++) {
		json_t *results = transact(vs, select);
		json_t *rows = json_object_get(json_array_get(results, 0), "rows");
		assert_int_equal(json_array_size(rows), 1);
		json_t *row = json_array_get(rows, 0);
		assert_string_equal(json_string_value(json_object_get(row, "name")), "red");
		assert_string_equal(json_string_value(json_object_get(row, "owner")), "cloud");
		assert_int_equal(json_integer_value(json_object_get(row, "generation")),
		    store_generation(vs->d.store));
		json_t *content =
		    json_loads(json_string_value(json_object_get(row, "content")), 0, NULL);
		assert_int_equal(json_integer_value(json_object_get(content, "vni")), 7);
		json_decref(content);
		json_decref(results);
		vs_stop(vs);
		vs_start(vs);
	}
	vs_api(vs, "cloud", "[{'op':'delete','table':'network','name':'red'}]");
	json_t *results = transact(vs, select);
	assert_int_equal(json_array_size(json_object_get(json_array_get(results, 0), "rows")), 0);
	json_decref(results);
}

static void clients_only_read_them(void **state)
{
	static const char *const writes[] = {
	    "[{\"op\":\"insert\",\"table\":\"network\",\"row\":{\"name\":\"blue\"}}]",
	    "[{\"op\":\"update\",\"table\":\"network\",\"where\":[],\"row\":{\"owner\":\"me\"}}]",
	    "[{\"op\":\"mutate\",\"table\":\"state\",\"where\":[],\"mutations\":[[\"generation\","
	    "\"+=\",1]]}]",
	    "[{\"op\":\"delete\",\"table\":\"transaction\",\"where\":[]}]",
	};
	struct vs *vs = *state;

	vs_api(vs, "cloud", put_net);
	for (size_t i = 0; i < ARRAY_SIZE(writes); i++) {
		json_t *results = transact(vs, writes[i]);
		assert_string_equal(text_at(results, "error"), "not allowed");
		assert_non_null(strstr(text_at(results, "details"), "only read database Sluice"));
		json_decref(results);
	}
	assert_int_equal(store_count(vs->d.store, API_TABLE_NETWORK), 1);
}

/* A client that monitors is told as of any row, with the answer to its next request behind it. */
static void monitors_hear_of_the_apis_transactions(void **state)
{
	struct vs *vs = *state;

	vs_api(vs, "cloud", "[{'op':'put','table':'bridge','name':'b','object':{}}]");
	json_t *reply = vs_request(vs, "monitor_cond_since",
	    json_pack("[s, s, {s:[{}]}, s]", OBJECT_DB_NAME, "m", "network",
		"00000000-0000-0000-0000-000000000000"));
	char last[64];

	snprintf(last, sizeof(last), "%s",
	    json_string_value(json_array_get(json_object_get(reply, "result"), 1)));
	json_decref(reply);
	vs_api(vs, "cloud", put_net);
	reply = vs_request(vs, "echo", json_pack("[s]", "x"));
	json_decref(reply);
	assert_non_null(vs->last_update);
	json_t *rows = json_object_get(json_array_get(vs->last_update, 2), "network");
	assert_int_equal(json_object_size(rows), 1);
	/* Whoever comes back hears only what it missed. */
	reply = vs_request(vs, "monitor_cond_since",
	    json_pack("[s, s, {s:[{}]}, s]", OBJECT_DB_NAME, "n", "network", last));
	assert_true(json_is_true(json_array_get(json_object_get(reply, "result"), 0)));
	json_decref(reply);
}

static void state_of_an_earlier_version_is_not_overlooked(void **state)
{
	static const char *const names[] = {"journal", "snapshot", "Open_vSwitch.db"};
	struct vs *vs = *state;
	char path[128], db[128];

	vs_stop(vs);
	snprintf(db, sizeof(db), "%s/" STATE_FILE_NAME, vs->dir);
	assert_int_equal(unlink(db), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct err err = {0};
		snprintf(path, sizeof(path), "%s/%s", vs->dir, names[i]);
		FILE *f = fopen(path, "w");
		assert_non_null(f);
		fclose(f);
		assert_null(state_file_open(vs->dir, NULL, NULL, &err));
		assert_non_null(strstr(err.what, path));
		assert_true(err.hint[0] != '\0');
		assert_int_equal(access(db, F_OK), -1);
		unlink(path);
	}
	vs_start(vs);
}

static int no_sync(int)
{
	return 0;
}

/* A log on the file of dir; its 4,000 transactions need not outlive a crash. */
struct window {
	struct ovsdb_journal_io io;
	char dir[64];
	struct ovsdb_storage *storage;
	struct store *store;
	struct txn_log *log;
};

static void window_open(struct window *w)
{
	struct err err = {0};

	w->io = ovsdb_system_io;
	w->io.sync = no_sync;
	w->store = store_create();
	w->storage = state_file_open(w->dir, NULL, &w->io, &err);
	assert_non_null(w->storage);
	w->log = txn_log_open(w->storage, w->store, &err);
	assert_non_null(w->log);
}

static void window_close(struct window *w)
{
	txn_log_close(w->log);
	store_destroy(w->store);
	ovsdb_storage_close(w->storage);
}

static void append(struct window *w, const char *id, uint64_t digest, uint64_t generation)
{
	struct change_set none = {0};
	struct err err = {0};

	assert_int_equal(txn_log_append(w->log, id, digest, generation, &none, &err), 0);
}

static void the_window_of_ids_comes_back_in_its_order(void **)
{
	enum { N = TXN_WINDOW + 3 };
	struct window w = {0};
	char id[TXN_ID_SIZE], path[128];

	snprintf(w.dir, sizeof(w.dir), "%s/sluice-test-XXXXXX", test_tmp());
	assert_non_null(mkdtemp(w.dir));
	window_open(&w);
	for (int i = 0; i < N; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		append(&w, id, (uint64_t)i, (uint64_t)i + 1);
	}
	for (int round = 0; round < 2; round++) {
		assert_null(txn_log_find(w.log, "t2"));
		assert_int_equal(txn_log_find(w.log, "t3")->digest, 3);
		window_close(&w);
		window_open(&w);
		assert_int_equal(store_generation(w.store), N);
	}
	/* The oldest leaves first, also after a restart. */
	append(&w, "new", 1, N + 1);
	assert_null(txn_log_find(w.log, "t3"));
	assert_non_null(txn_log_find(w.log, "t4"));
	window_close(&w);
	snprintf(path, sizeof(path), "%s/" STATE_FILE_NAME, w.dir);
	unlink(path);
	rmdir(w.dir);
}

int main(void)
{
	mem_init(NULL);
#define T(name) cmocka_unit_test_setup_teardown(name, vs_setup, vs_teardown)
	const struct CMUnitTest tests[] = {
	    T(rows_are_the_objects),
	    T(clients_only_read_them),
	    T(monitors_hear_of_the_apis_transactions),
	    T(state_of_an_earlier_version_is_not_overlooked),
	    cmocka_unit_test(the_window_of_ids_comes_back_in_its_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
