/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "datapath/base/json_util.h"
#include "tests/unit/test.h"

static json_t *object(const char *text)
{
	json_t *obj = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

	assert_non_null(obj);
	return obj;
}

static void getters_return_what_is_there(void **)
{
	json_t *obj = object("{\"s\":\"x\",\"n\":7,\"b\":true,\"o\":{},\"a\":[],\"m\":\"02:00:00:"
			     "00:00:01\",\"i\":\"::1\"}");
	struct err err = {0};
	const char *s;
	uint64_t n;
	bool b;
	json_t *o, *a;
	struct mac_addr mac;
	struct ip_addr ip;

	assert_int_equal(json_get_string(obj, "s", &s, &err), 0);
	assert_string_equal(s, "x");
	assert_int_equal(json_get_u64(obj, "n", 7, 7, &n, &err), 0);
	assert_int_equal(n, 7);
	assert_int_equal(json_get_bool(obj, "b", &b, &err), 0);
	assert_true(b);
	assert_int_equal(json_get_object(obj, "o", &o, &err), 0);
	assert_int_equal(json_get_array(obj, "a", &a, &err), 0);
	assert_int_equal(json_get_mac(obj, "m", &mac, &err), 0);
	assert_int_equal(json_get_ip(obj, "i", &ip, &err), 0);
	json_decref(obj);
}

static void absent_members_leave_the_error_alone(void **)
{
	json_t *obj = object("{}"), *o;
	struct err err = {0};
	const char *s;
	uint64_t n;
	bool b;

	assert_int_equal(json_get_string(obj, "s", &s, &err), -ENOENT);
	assert_int_equal(json_get_u64(obj, "n", 0, 1, &n, &err), -ENOENT);
	assert_int_equal(json_get_bool(obj, "b", &b, &err), -ENOENT);
	assert_int_equal(json_get_object(obj, "o", &o, &err), -ENOENT);
	assert_int_equal(err.code, ERR_NONE);
	assert_string_equal(err.path, "");
	json_decref(obj);
}

static void wrong_types_and_ranges_name_the_member(void **)
{
	static const char *const bad_numbers[] = {"{\"mtu\":\"1500\"}", "{\"mtu\":1500.0}",
	    "{\"mtu\":-1}", "{\"mtu\":67}", "{\"mtu\":9001}", "{\"mtu\":null}", "{\"mtu\":true}",
	    "{\"mtu\":[1500]}", "{\"mtu\":9223372036854775807}"};

	for (size_t i = 0; i < ARRAY_SIZE(bad_numbers); i++) {
		json_t *obj = object(bad_numbers[i]);
		struct err err = {0};
		uint64_t n = 3;
		err_path(&err, "/ops/0/row");
		assert_int_equal(json_get_u64(obj, "mtu", 68, 9000, &n, &err), -EINVAL);
		assert_string_equal(err.path, "/ops/0/row/mtu");
		assert_int_equal(err.code, ERR_PARAMS);
		assert_non_null(strstr(err.what, "mtu"));
		assert_int_equal(n, 3);
		json_decref(obj);
	}
}

static void other_getters_refuse_other_types(void **)
{
	json_t *obj = object("{\"x\":{},\"y\":1,\"z\":\"10.0.0\"}"), *j;
	struct err err = {0};
	struct mac_addr mac;
	struct ip_addr ip;
	const char *s;
	bool b;

	assert_int_equal(json_get_string(obj, "x", &s, &err), -EINVAL);
	assert_int_equal(json_get_bool(obj, "y", &b, &err), -EINVAL);
	assert_int_equal(json_get_array(obj, "x", &j, &err), -EINVAL);
	assert_int_equal(json_get_object(obj, "y", &j, &err), -EINVAL);
	assert_int_equal(json_get_mac(obj, "y", &mac, &err), -EINVAL);
	assert_int_equal(json_get_mac(obj, "z", &mac, &err), -EINVAL);
	assert_int_equal(json_get_ip(obj, "z", &ip, &err), -EINVAL);
	assert_non_null(strstr(err.what, "10.0.0"));
	json_decref(obj);
}

static void strings_with_nul_inside_are_refused(void **)
{
	json_t *obj = object("{\"name\":\"vm1\\u0000x\"}");
	struct err err = {0};
	const char *s;

	assert_int_equal(json_get_string(obj, "name", &s, &err), -EINVAL);
	assert_string_equal(err.path, "/name");
	json_decref(obj);
}

static void unknown_members_get_a_suggestion(void **)
{
	static const char *const known[] = {"name", "bridge", "mtu"};
	json_t *obj = object("{\"name\":\"x\",\"brigde\":\"y\"}");
	struct err err = {0};

	assert_int_equal(json_check_members(obj, known, ARRAY_SIZE(known), &err), -EINVAL);
	assert_string_equal(err.path, "/brigde");
	assert_string_equal(err.hint, "did you mean \"bridge\"?");
	json_object_del(obj, "brigde");
	assert_int_equal(json_check_members(obj, known, ARRAY_SIZE(known), &err), 0);
	json_decref(obj);
}

static void pointers_escape_what_rfc_6901_says(void **)
{
	json_t *obj = object("{\"a/b~c\":1}");
	struct err err = {0};

	assert_int_equal(json_check_members(obj, NULL, 0, &err), -EINVAL);
	assert_string_equal(err.path, "/a~1b~0c");
	json_decref(obj);
}

static void endless_member_names_do_not_overrun(void **)
{
	char name[2000];
	struct err err = {0};
	json_t *obj = json_object();

	memset(name, '~', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	json_object_set_new(obj, name, json_true());
	assert_int_equal(json_check_members(obj, NULL, 0, &err), -EINVAL);
	assert_true(strlen(err.path) < sizeof(err.path));
	json_decref(obj);
}

static void names_are_short_and_plain(void **)
{
	char name[66];

	memset(name, 'a', 64);
	name[64] = '\0';
	assert_true(json_name_is_valid(name));
	memcpy(name + 64, "a", 2);
	assert_false(json_name_is_valid(name));
	assert_true(json_name_is_valid("Web-1.prod_a:0"));
	assert_false(json_name_is_valid(""));
	assert_false(json_name_is_valid("a b"));
	assert_false(json_name_is_valid("a/b"));
	assert_false(json_name_is_valid("caf\xc3\xa9"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(getters_return_what_is_there),
	    cmocka_unit_test(absent_members_leave_the_error_alone),
	    cmocka_unit_test(wrong_types_and_ranges_name_the_member),
	    cmocka_unit_test(other_getters_refuse_other_types),
	    cmocka_unit_test(strings_with_nul_inside_are_refused),
	    cmocka_unit_test(unknown_members_get_a_suggestion),
	    cmocka_unit_test(pointers_escape_what_rfc_6901_says),
	    cmocka_unit_test(endless_member_names_do_not_overrun),
	    cmocka_unit_test(names_are_short_and_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
