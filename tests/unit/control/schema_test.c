/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "control/api/schema.h"

/* JSON with ' for ". New reference. */
static json_t *parse(const char *text)
{
	char *copy = strdup(text);
	for (char *p = copy; *p != '\0'; p++)
		*p = *p == '\'' ? '"' : *p;
	json_error_t fault;
	json_t *json = json_loads(copy, JSON_DECODE_ANY, &fault);
	if (json == NULL)
		fail_msg("%s: %s", text, fault.text);
	free(copy);
	return json;
}

static json_t *normalise(enum api_table table, const char *object, json_t *old, struct err *err)
{
	*err = (struct err){0};
	json_t *json = parse(object);
	json_t *result = schema_normalise(table, json, old, err);
	json_decref(json);
	return result;
}

static void assert_refused(enum api_table table, const char *object, const char *path)
{
	struct err err;
	json_t *result = normalise(table, object, NULL, &err);
	if (result != NULL)
		fail_msg("accepted: %s", object);
	assert_int_equal(err.code, ERR_PARAMS);
	assert_string_equal(err.path, path);
	assert_true(err.what[0] != '\0');
}

static void assert_becomes(
    enum api_table table, const char *object, const char *member, const char *want)
{
	struct err err;
	json_t *result = normalise(table, object, NULL, &err);
	if (result == NULL)
		fail_msg("%s: %s %s", object, err.path, err.what);
	json_t *wanted = parse(want);
	if (!json_equal(json_object_get(result, member), wanted))
		fail_msg("%s: %s is not %s", object, member, want);
	json_decref(wanted);
	json_decref(result);
}

static void tables_are_found_by_name(void **)
{
	assert_int_equal(schema_find_table("network"), API_TABLE_NETWORK);
	assert_int_equal(schema_find_table("group"), API_TABLE_GROUP);
	assert_int_equal(schema_find_table("Network"), API_TABLE__COUNT);
	assert_string_equal(api_tables[API_TABLE_PORT].columns[0].name, "kind");
	for (enum api_table t = 0; t < API_TABLE__COUNT; t++) {
		assert_true(api_tables[t].n_columns > 0);
		for (size_t i = 0; i < api_tables[t].n_columns; i++)
			assert_non_null(api_tables[t].columns[i].name);
	}
}

static void defaults_are_filled_and_all_of_them_are_valid(void **)
{
	assert_becomes(API_TABLE_NETWORK, "{'vni':5}", "unknown_unicast", "'drop'");
	assert_becomes(API_TABLE_NETWORK, "{'vni':5}", "arp_suppress", "true");
	assert_becomes(API_TABLE_PORT, "{}", "addresses", "[]");
	for (enum api_table t = 0; t < API_TABLE__COUNT; t++) {
		for (size_t i = 0; i < api_tables[t].n_columns; i++) {
			const struct api_column *c = &api_tables[t].columns[i];
			if (c->default_json == NULL)
				continue;
			struct err err = {0};
			json_t *object = parse("{'vni':1,'remote_ip':'10.0.0.1','bridge':'b','"
					       "group_id':1,'type':'all','buckets':[]}");
			json_t *only = json_object();
			for (size_t k = 0; k < api_tables[t].n_columns; k++)
				if (api_tables[t].columns[k].flags & CF_REQUIRED)
					json_object_set(only, api_tables[t].columns[k].name,
					    json_object_get(object, api_tables[t].columns[k].name));
			json_object_set_new(
			    only, c->name, json_loads(c->default_json, JSON_DECODE_ANY, NULL));
			json_t *result = schema_normalise(t, only, NULL, &err);
			if (result == NULL)
				fail_msg(
				    "default of %s.%s: %s", api_tables[t].name, c->name, err.what);
			json_decref(result);
			json_decref(only);
			json_decref(object);
		}
	}
}

static void addresses_become_canonical(void **)
{
	assert_becomes(API_TABLE_PORT, "{'mac':'AA:BB:CC:00:11:22'}", "mac", "'aa:bb:cc:00:11:22'");
	assert_becomes(API_TABLE_PORT, "{'addresses':['10.0.0.1','2001:DB8:0::1','10.0.0.0/8']}",
	    "addresses", "['10.0.0.1','2001:db8::1','10.0.0.0/8']");
	assert_becomes(
	    API_TABLE_TUNNEL_PEER, "{'remote_ip':'FE80::0001'}", "remote_ip", "'fe80::1'");
	assert_becomes(API_TABLE_NETWORK, "{'vni':1,'cookie':'0x00FF'}", "cookie", "'0xff'");
}

static void wrong_types_and_ranges_are_refused_with_their_path(void **)
{
	assert_refused(API_TABLE_NETWORK, "[]", "");
	assert_refused(API_TABLE_NETWORK, "'x'", "");
	assert_refused(API_TABLE_NETWORK, "{}", "/vni");
	assert_refused(API_TABLE_NETWORK, "{'vni':0}", "/vni");
	assert_refused(API_TABLE_NETWORK, "{'vni':16777216}", "/vni");
	assert_refused(API_TABLE_NETWORK, "{'vni':-1}", "/vni");
	assert_refused(API_TABLE_NETWORK, "{'vni':1.0}", "/vni");
	assert_refused(API_TABLE_NETWORK, "{'vni':'1'}", "/vni");
	assert_refused(API_TABLE_NETWORK, "{'vni':null}", "/vni");
	assert_refused(API_TABLE_NETWORK, "{'vni':1,'arp_suppress':1}", "/arp_suppress");
	assert_refused(API_TABLE_NETWORK, "{'vni':1,'unknown_unicast':'flod'}", "/unknown_unicast");
	assert_refused(API_TABLE_NETWORK, "{'vni':1,'cookie':'12'}", "/cookie");
	assert_refused(API_TABLE_NETWORK, "{'vni':1,'cookie':'0x'}", "/cookie");
	assert_refused(API_TABLE_NETWORK, "{'vni':1,'cookie':'0x11112222333344445'}", "/cookie");
	assert_refused(API_TABLE_PORT, "{'mac':'aa:bb:cc:00:11'}", "/mac");
	assert_refused(API_TABLE_PORT, "{'addresses':'10.0.0.1'}", "/addresses");
	assert_refused(API_TABLE_PORT, "{'addresses':['10.0.0.1','10.0.0.256']}", "/addresses/1");
	assert_refused(API_TABLE_PORT, "{'addresses':['10.0.0.1/8']}", "/addresses/0");
	assert_refused(API_TABLE_PORT, "{'network':'a b'}", "/network");
	assert_refused(API_TABLE_PORT, "{'socket':''}", "/socket");
	assert_refused(API_TABLE_FLOW, "{'bridge':'b','match':[]}", "/match");
	assert_refused(API_TABLE_FLOW, "{'bridge':'b','actions':[1]}", "/actions/0");
}

static void actions_are_objects_or_words(void **)
{
	struct err err;
	json_t *flow = normalise(
	    API_TABLE_FLOW, "{'bridge':'b','actions':['dec_ttl',{'output':'p'}]}", NULL, &err);
	assert_non_null(flow);
	assert_true(json_is_string(json_array_get(json_object_get(flow, "actions"), 0)));
	json_decref(flow);
}

static void unknown_members_are_refused_with_a_guess(void **)
{
	struct err err;
	assert_null(normalise(API_TABLE_NETWORK, "{'vni':1,'mtuu':5}", NULL, &err));
	assert_string_equal(err.path, "/mtuu");
	assert_non_null(strstr(err.hint, "mtu"));
	assert_null(normalise(API_TABLE_NETWORK, "{'vni':1,'unknown_unicast':'flod'}", NULL, &err));
	assert_non_null(strstr(err.hint, "flood"));
	assert_refused(API_TABLE_NETWORK, "{'vni':1,'name':'x'}", "/name");
}

static void list_of_more_than_the_limit_is_refused(void **)
{
	json_t *list = json_array();
	for (int i = 0; i < 65; i++)
		json_array_append_new(list, json_string("10.0.0.1"));
	json_t *object = json_pack("{s:o}", "addresses", list);
	struct err err = {0};
	assert_null(schema_normalise(API_TABLE_PORT, object, NULL, &err));
	assert_string_equal(err.path, "/addresses");
	json_array_remove(list, 0);
	json_t *result = schema_normalise(API_TABLE_PORT, object, NULL, &err);
	assert_non_null(result);
	json_decref(result);
	json_decref(object);
}

static void patch_replaces_members_and_null_restores_defaults(void **)
{
	struct err err;
	json_t *old = normalise(API_TABLE_NETWORK,
	    "{'vni':5,'mtu':1400,'unknown_unicast':'flood','cookie':'0x1'}", NULL, &err);
	json_t *new = normalise(API_TABLE_NETWORK,
	    "{'unknown_unicast':null,'mtu':null,'cookie':null,'arp_suppress':false}", old, &err);
	json_t *want = normalise(API_TABLE_NETWORK, "{'vni':5,'arp_suppress':false}", NULL, &err);
	assert_true(json_equal(new, want));
	assert_null(normalise(API_TABLE_NETWORK, "{'vni':null}", old, &err));
	assert_string_equal(err.path, "/vni");
	json_decref(old);
	json_decref(new);
	json_decref(want);
}

static void immutable_columns_keep_their_value(void **)
{
	struct err err;
	json_t *a = normalise(API_TABLE_PORT, "{'kind':'tap'}", NULL, &err);
	json_t *b = normalise(API_TABLE_PORT, "{'kind':'null'}", NULL, &err);
	json_t *c = normalise(API_TABLE_PORT, "{'kind':'tap','mtu':1400}", NULL, &err);
	assert_int_equal(schema_check_immutable(API_TABLE_PORT, a, c, &err), 0);
	assert_true(schema_check_immutable(API_TABLE_PORT, a, b, &err) < 0);
	assert_string_equal(err.path, "/kind");
	json_decref(a);
	json_decref(b);
	json_decref(c);
}

static void normal_form_is_stable(void **)
{
	struct err err;
	json_t *once = normalise(API_TABLE_FLOW,
	    "{'bridge':'b','match':{'ip_dst':'10.0.0.1'},'actions':[{'output':1}]}", NULL, &err);
	json_t *twice = schema_normalise(API_TABLE_FLOW, once, NULL, &err);
	char *a = json_dumps(once, 0), *b = json_dumps(twice, 0);
	assert_string_equal(a, b);
	free(a);
	free(b);
	json_decref(once);
	json_decref(twice);
}

static void every_table_describes_itself(void **)
{
	for (enum api_table t = 0; t < API_TABLE__COUNT; t++) {
		json_t *json = schema_to_json(t);
		assert_non_null(json);
		assert_int_equal(
		    json_array_size(json_object_get(json, "columns")), api_tables[t].n_columns);
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tables_are_found_by_name),
	    cmocka_unit_test(defaults_are_filled_and_all_of_them_are_valid),
	    cmocka_unit_test(addresses_become_canonical),
	    cmocka_unit_test(wrong_types_and_ranges_are_refused_with_their_path),
	    cmocka_unit_test(actions_are_objects_or_words),
	    cmocka_unit_test(unknown_members_are_refused_with_a_guess),
	    cmocka_unit_test(list_of_more_than_the_limit_is_refused),
	    cmocka_unit_test(patch_replaces_members_and_null_restores_defaults),
	    cmocka_unit_test(immutable_columns_keep_their_value),
	    cmocka_unit_test(normal_form_is_stable),
	    cmocka_unit_test(every_table_describes_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
