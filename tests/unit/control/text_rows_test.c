/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that are read, checked and kept as text: everything is as it is by way of JSON values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/api/json_digest.h"
#include "control/api/json_read.h"
#include "control/api/schema_text.h"
#include "control/api/state_file.h"
#include "control/api/store.h"
#include "control/api/txn_log.h"
#include "tests/unit/control/api_fixture.h"
#include "tests/unit/test.h"

enum { MAX_TEXT = 600 };

static const char *const flows[] = {
    "{'bridge':'br0','priority':100,'actions':[{'output':'n2'}],'match':{'in_port':'n1','tcp_dst':"
    "80}}",
    "{ 'match' : { } , 'bridge' : 'b' }",
    "{'bridge':'b','table':0,'priority':32768,'match':{},'actions':[],'clear_actions':false,"
    "'idle_timeout_s':0,'hard_timeout_s':0}",
    "{'bridge':'b','table':253,'priority':0,'write_actions':[],'clear_actions':true,'goto':253,"
    "'metadata':'0x1/0xff','idle_timeout_s':65535,'hard_timeout_s':1,'cookie':'0xabc'}",
    "{'bridge':'b','cookie':'0x0'}",
    "{'bridge':'b','cookie':'0x0F'}",
    "{'bridge':'b','cookie':'0x00'}",
    "{'bridge':'b','cookie':'0x11112222333344445'}",
    "{'bridge':'b','cookie':''}",
    "{'bridge':'b','actions':['dec_ttl',{'set_field':{'eth_dst':'02:00:00:00:00:01'}},{'output':'a "
    "b'}]}",
    "{'bridge':'b','actions':[1]}",
    "{'bridge':'b','actions':{}}",
    "{'bridge':'b','match':[]}",
    "{'bridge':'b','match':null}",
    "{'bridge':'b','table':254}",
    "{'bridge':'b','table':-1}",
    "{'bridge':'b','table':1.0}",
    "{'bridge':'b','table':'1'}",
    "{'bridge':'b','table':true}",
    "{'bridge':'b','goto':0}",
    "{'bridge':'b','clear_actions':null}",
    "{'bridge':'b','clear_actions':0}",
    "{'bridge':'b','metadata':''}",
    "{'bridge':'b','metadata':'12345678901234567890123456789012345678901'}",
    "{'bridge':'b','metadata':7}",
    "{'bridge':'','priority':1}",
    "{'bridge':'a/b'}",
    "{'bridge':'b:C_-.9'}",
    "{'bridge':'0123456789012345678901234567890123456789012345678901234567890123'}",
    "{'bridge':'01234567890123456789012345678901234567890123456789012345678901234'}",
    "{'bridge':7}",
    "{'priority':1}",
    "{}",
    "[]",
    "7",
    "{'bridge':'b','unknown':1}",
    "{'bridge':'b','_installed_ms':1}",
    "{'bridge':'b','name':'x'}",
    "{'bridge':'\\u0062'}",
    "{'bridge':'b','match':{'reg0':'\\u00e4\\n'}}",
    "{'bridge':'b','match':{'a':{'b':[1,{'c':'d, : e'}]}}}",
};

static size_t to_json(char *to, const char *text)
{
	size_t n = 0;

	for (; text[n] != '\0'; n++)
		to[n] = text[n] == '\'' ? '"' : text[n];
	to[n] = '\0';
	return n;
}

/* Where both take it they agree. Whether the quick way took it. */
static bool assert_normalised_alike(const char *text, size_t size)
{
	static struct schema_text_hints hints;
	struct buf_writer quick, slow;
	struct json_plain p = {.at = text, .end = text + size};
	json_error_t fault;
	struct err err = {0};

	(void)json_plain_digest(&p);
	if (p.bad || p.at != p.end)
		return false;
	buf_writer_init(&quick, 1 << 20);
	buf_writer_init(&slow, 1 << 20);
	p = (struct json_plain){.at = text, .end = text + size};
	bool taken = schema_text_normalise(API_TABLE_FLOW, &p, &hints, &quick);
	assert_true(!taken || p.at == p.end);
	json_t *value = json_read(text, size, &fault);
	assert_non_null(value);
	json_t *data = schema_normalise(API_TABLE_FLOW, value, NULL, &err);
	if (taken && data == NULL)
		fail_msg("%.*s is to be refused: %s", (int)size, text, err.what);
	if (taken) {
		api_object_text_write(API_TABLE_FLOW, data, &slow);
		assert_int_equal(quick.size, slow.size);
		assert_memory_equal(quick.data, slow.data, slow.size);
	} else {
		assert_int_equal(quick.size, 0);
	}
	json_decref(data);
	json_decref(value);
	buf_writer_fini(&quick);
	buf_writer_fini(&slow);
	return taken;
}

static void flows_are_normalised_as_by_values(void **)
{
	char text[MAX_TEXT];
	size_t n_taken = 0;

	for (size_t i = 0; i < ARRAY_SIZE(flows); i++)
		n_taken += assert_normalised_alike(text, to_json(text, flows[i]));
	assert_true(n_taken >= 9);
}

static void mutate(char *text, size_t *size)
{
	static const char letters[] = "{}[]\",: \\0123456789x-.ntfb_\n\x7f\xc3";
	unsigned int n = 1 + (unsigned int)rand() % 3;

	while (n-- > 0 && *size > 1) {
		size_t at = (size_t)rand() % *size;
		if (rand() % 2) {
			text[at] = letters[(size_t)rand() % (sizeof(letters) - 1)];
		} else if (rand() % 2) {
			memmove(text + at, text + at + 1, --*size - at);
		} else if (*size < MAX_TEXT - 1) {
			memmove(text + at + 1, text + at, (*size)++ - at);
			text[at] = letters[(size_t)rand() % (sizeof(letters) - 1)];
		}
	}
}

/* At the end of an allocation, so that a sanitizer sees a read past it. */
static void assert_digested_alike(const char *text, size_t size)
{
	char *copy = malloc(size);
	json_error_t fault;

	memcpy(copy, text, size);
	struct json_plain p = {.at = copy, .end = copy + size};
	uint64_t digest = json_plain_digest(&p);
	json_plain_next(&p);
	if (!p.bad && p.at == p.end) {
		json_t *value =
		    json_loadb(copy, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
		if (value == NULL)
			fail_msg("%.*s is no JSON: %s", (int)size, text, fault.text);
		assert_int_equal(digest, json_digest(value));
		json_decref(value);
	}
	free(copy);
}

static void mutated_flows_are_read_as_by_values(void **)
{
	char text[MAX_TEXT];
	size_t n_taken = 0, n = test_size(20000, 2000000);

	srand(11);
	for (size_t i = 0; i < n; i++) {
		size_t size = to_json(text, flows[(size_t)rand() % ARRAY_SIZE(flows)]);
		mutate(text, &size);
		assert_digested_alike(text, size);
		n_taken += assert_normalised_alike(text, size);
	}
	assert_true(n_taken > n / 100);
}

static void digests_do_not_depend_on_how_it_is_written(void **)
{
	static const char *const same[] = {"{\"a\":[1,\"x\"],\"b\":{\"c\":true,\"d\":null}}",
	    " { \"b\" : {\"d\": null, \"c\":true} , \"a\" : [1, \"x\"] } "};
	static const char *const others[] = {"{\"a\":[\"x\",1],\"b\":{\"c\":true,\"d\":null}}",
	    "{\"a\":[1,\"x\"],\"b\":{\"c\":false,\"d\":null}}",
	    "{\"a\":[1,\"x\"],\"b\":{\"c\":true}}",
	    "{\"b\":[1,\"x\"],\"a\":{\"c\":true,\"d\":null}}",
	    "{\"a\":[1,\"x\",[]],\"b\":{\"c\":true,\"d\":null}}",
	    "{\"a\":[1,\"xy\"],\"b\":{\"c\":true,\"d\":null}}",
	    "{\"a\":[\"1\",\"x\"],\"b\":{\"c\":true,\"d\":null}}"};
	json_error_t fault;
	uint64_t digests[2];

	for (size_t i = 0; i < 2; i++) {
		struct json_plain p = {.at = same[i], .end = same[i] + strlen(same[i])};
		digests[i] = json_plain_digest(&p);
	}
	assert_int_equal(digests[0], digests[1]);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		json_t *value = json_read(others[i], strlen(others[i]), &fault);
		assert_int_not_equal(json_digest(value), digests[0]);
		json_decref(value);
	}
}

/* With an escape in each op it goes by values. */
static json_t *state_after(
    struct api *api, int fd, const char *const *ops, size_t n, bool by_values)
{
	char text[2048], op[2048];

	for (size_t i = 0; i < n; i++) {
		const char *at = ops[i];
		size_t size = 0;
		for (; *at != '\0'; at++) {
			bool is_op = by_values && strncmp(at, "'op'", 4) == 0;
			size += (size_t)snprintf(
			    op + size, sizeof(op) - size, "%.*s", is_op ? 0 : 1, at);
			if (is_op) {
				size +=
				    (size_t)snprintf(op + size, sizeof(op) - size, "'\\u006fp'");
				at += 3;
			}
		}
		snprintf(text, sizeof(text), "%s", op);
		api_must(api, fd, text);
	}
	return api_callf(api, fd, "state.export", "{}");
}

static void ops_as_text_do_what_values_do(void **state)
{
	static const char *const ops[] = {
	    "{'op':'put','table':'bridge','name':'b','object':{}},{'op':'put','table':'bridge','"
	    "name':'c','object':{}}",
	    "{'op':'put','table':'flow','name':'f','object':{'bridge':'b','match':{'tcp_dst':80,'"
	    "ip_proto':6}}},"
	    "{'op':'put','table':'flow','name':'g','object':{'bridge':'b','priority':3}}",
	    /* more than once in a transaction: names outlive the objects that they came with */
	    "{'op':'put','table':'flow','name':'h','object':{'bridge':'b'}},"
	    "{'op':'put','table':'flow','name':'h','object':{'bridge':'b','priority':5}},"
	    "{'op':'delete','table':'flow','name':'h'},"
	    "{'op':'put','table':'flow','name':'h','object':{'bridge':'c','priority':6}},"
	    "{'op':'patch','table':'flow','name':'h','object':{'priority':7}},"
	    "{'op':'put','table':'flow','name':'h','object':{'bridge':'c','priority':8}}",
	    "{'op':'put','table':'flow','name':'i','object':{'bridge':'b'}},{'op':'delete','table':"
	    "'flow','name':'i'}",
	    /* the same in another order of members, and a change */
	    "{'op':'put','table':'flow','name':'f','object':{'match':{'ip_proto':6,'tcp_dst':80},'"
	    "bridge':'b'}},"
	    "{'op':'put','table':'flow','name':'g','object':{'bridge':'b','priority':4,'cookie':'"
	    "0x5'}}",
	    "{'op':'delete','table':'flow','name':'f'},{'op':'assert','table':'flow','name':'g','"
	    "object':{'priority':4,'table':0}}",
	};
	struct api *api = *state;
	int fd = api_connect(api);
	json_t *by_text = state_after(api, fd, ops, ARRAY_SIZE(ops), false);
	json_t *named = api_at(by_text, "/result/objects");

	assert_int_equal(json_array_size(named), 4); // b, c, g, h
	close(fd);
	api_stop(api);
	char path[200];
	snprintf(path, sizeof(path), "%s/" STATE_FILE_NAME, api->dir);
	unlink(path);
	api_start(api);
	fd = api_connect(api);
	json_t *by_values = state_after(api, fd, ops, ARRAY_SIZE(ops), true);
	assert_true(json_equal(by_text, by_values));
	json_decref(by_text);
	json_decref(by_values);
	close(fd);
}

/* Which is the daemon's own to say, and stays when the flow does something else. */
static void hard_timeouts_begin_when_a_row_is_put(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);
	const struct api_object *o;

	api_must(api, fd,
	    "{'op':'put','table':'bridge','name':'b','object':{}},"
	    "{'op':'put','table':'flow','name':'f','object':{'bridge':'b','hard_timeout_s':9}}");
	o = store_find(api->daemon.store, API_TABLE_FLOW, "f");
	json_t *begun = api_object_column(o, "_installed_ms");
	assert_true(json_integer_value(begun) > 0);
	api_must(api, fd,
	    "{'op':'put','table':'flow','name':'f','object':{'bridge':'b','hard_timeout_s':9,"
	    "'actions':['dec_ttl']}}");
	o = store_find(api->daemon.store, API_TABLE_FLOW, "f");
	json_t *goes_on = api_object_column(o, "_installed_ms");
	assert_true(json_equal(begun, goes_on));
	api_must(api, fd, "{'op':'put','table':'flow','name':'f','object':{'bridge':'b'}}");
	o = store_find(api->daemon.store, API_TABLE_FLOW, "f");
	assert_null(api_object_column(o, "_installed_ms"));
	json_decref(begun);
	json_decref(goes_on);
	close(fd);
}

static void clients_see_all_columns_of_a_row(void **state)
{
	static const char *const order[] = {"bridge", "table", "priority", "match", "actions",
	    "clear_actions", "idle_timeout_s", "hard_timeout_s", "cookie"};
	struct api *api = *state;
	int fd = api_connect(api);
	const char *name;
	json_t *value;
	size_t i = 0;

	api_must(api, fd,
	    "{'op':'put','table':'bridge','name':'b','object':{}},"
	    "{'op':'put','table':'flow','name':'f','object':{'cookie':'0x7','bridge':'b'}}");
	json_t *reply = api_callf(api, fd, "state.get", "{'table':'flow','name':'f'}");
	json_object_foreach (api_at(reply, "/result/object"), name, value)
		assert_string_equal(name, order[i++]);
	assert_int_equal(i, ARRAY_SIZE(order));
	assert_int_equal(json_integer_value(api_at(reply, "/result/object/priority")), 32768);
	json_decref(reply);
	/* Filters see defaults, too. */
	reply =
	    api_callf(api, fd, "state.list", "{'table':'flow','filter':{'table':0,'bridge':'b'}}");
	assert_int_equal(json_array_size(api_at(reply, "/result/objects")), 1);
	json_decref(reply);
	reply = api_callf(api, fd, "state.list", "{'table':'flow','filter':{'goto':1}}");
	assert_int_equal(json_array_size(api_at(reply, "/result/objects")), 0);
	json_decref(reply);
	close(fd);
}

static void expect_error(struct api *api, int fd, const char *line, int code)
{
	api_send(api, fd, line);
	char *text = api_read_line(api, fd);
	json_t *reply = json_loads(text, 0, NULL);
	if (api_error_code(reply) != code)
		fail_msg("%s: %s", line, text);
	json_decref(reply);
	free(text);
}

static void a_list_of_ops_is_strict_json_as_all_else(void **state)
{
	struct api *api = *state;
	int fd = api_connect(api);

#define REQUEST(method, params) \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":{" params "}}\n"
	expect_error(api, fd,
	    REQUEST("txn.commit", "\"txn_id\":\"a\",\"owner\":\"o\",\"ops\":[],\"ops\":[]"),
	    -32700);
	expect_error(api, fd,
	    REQUEST("txn.commit", "\"txn_id\":\"a\",\"owner\":\"o\",\"ops\":[],\"op\\u0073\":[]"),
	    -32700);
	expect_error(api, fd,
	    REQUEST("txn.commit", "\"txn_id\":\"a\",\"owner\":\"o\",\"op\\u0073\":[],\"ops\":[]"),
	    -32700);
	close(fd);
	fd = api_connect(api);
	expect_error(api, fd,
	    REQUEST("txn.commit", "\"txn_id\":\"a\",\"owner\":\"o\",\"ops\":[{\"op\":1,\"op\":1}]"),
	    -32700);
	expect_error(api, fd,
	    REQUEST("txn.commit", "\"txn_id\":\"a\",\"owner\":\"o\",\"ops\":[1,]"), -32700);
	close(fd);
	fd = api_connect(api);
	/* No parameter of another method. */
	expect_error(api, fd, REQUEST("sys.hello", "\"ops\":[{}]"), -32602);
	/* Of a batch they are values. */
	api_send(api, fd,
	    "["
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"txn.commit\",\"params\":{\"txn_id\":\"x\","
	    "\"owner\":\"o\","
	    "\"ops\":[{\"op\":\"put\",\"table\":\"bridge\",\"name\":\"z\",\"object\":{}}]}}]\n");
	free(api_read_line(api, fd));
	assert_true(api_has(api, API_TABLE_BRIDGE, "z"));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(flows_are_normalised_as_by_values),
	    cmocka_unit_test(mutated_flows_are_read_as_by_values),
	    cmocka_unit_test(digests_do_not_depend_on_how_it_is_written),
	    cmocka_unit_test_setup_teardown(ops_as_text_do_what_values_do, api_setup, api_teardown),
	    cmocka_unit_test_setup_teardown(
		hard_timeouts_begin_when_a_row_is_put, api_setup, api_teardown),
	    cmocka_unit_test_setup_teardown(
		clients_see_all_columns_of_a_row, api_setup, api_teardown),
	    cmocka_unit_test_setup_teardown(
		a_list_of_ops_is_strict_json_as_all_else, api_setup, api_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
