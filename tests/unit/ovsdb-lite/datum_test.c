/* SPDX-License-Identifier: Apache-2.0 */
/* Values: JSON, order, differences, sets; against naive arrays at random. */
#include "tests/unit/test.h"

#include <string.h>
#include <time.h>

#include "ovsdb-lite/column_type.h"
#include "ovsdb-lite/row_set.h"
#include "tests/unit/ovsdb-lite/fixture.h"

static struct ovsdb_type type_of(const char *json)
{
	struct ovsdb_type type;
	json_t *j = fixture_json(json);

	assert_null(ovsdb_type_from_json(&type, j));
	json_decref(j);
	return type;
}

static struct ovsdb_datum datum_of(const struct ovsdb_type *type, const char *json)
{
	struct ovsdb_datum d;
	json_t *j = fixture_json(json);

	assert_null(ovsdb_datum_from_json(&d, type, j, NULL));
	json_decref(j);
	return d;
}

static void expect_format(const char *type_json, const char *json, const char *text)
{
	struct ovsdb_type type = type_of(type_json);
	struct ovsdb_datum d = datum_of(&type, json);
	char *got = ovsdb_datum_format(&d, &type);

	assert_string_equal(got, text);
	free(got);
	ovsdb_datum_unref(&d);
	ovsdb_type_fini(&type);
}

static void expect_error(const char *type_json, const char *json, const char *details)
{
	struct ovsdb_type type = type_of(type_json);
	json_t *j = fixture_json(json);
	struct ovsdb_datum d;
	struct ovsdb_error *error = ovsdb_datum_from_json(&d, &type, j, NULL);

	assert_non_null(error);
	assert_string_equal(error->details, details);
	ovsdb_error_destroy(error);
	json_decref(j);
	ovsdb_type_fini(&type);
}

static void texts_are_as_tools_print_them(void **)
{
	expect_format("'integer'", "-7", "-7");
	expect_format("'real'", "0.5", "0.5");
	expect_format("'real'", "3", "3");
	expect_format("'string'", "'br-int'", "br-int");
	expect_format("'string'", "'a b'", "\"a b\"");
	expect_format("'string'", "'true'", "\"true\"");
	expect_format("'string'", "''", "\"\"");
	expect_format("{'key':'integer','min':0}", "['set',[]]", "[]");
	expect_format("{'key':'integer','min':0,'max':3}", "['set',[3,1,2]]", "[1, 2, 3]");
	expect_format("{'key':'string','value':'integer','min':0,'max':3}",
	    "['map',[['b',2],['a',1]]]", "{a=1, b=2}");
}

static void constraints_name_value_and_limit(void **)
{
	expect_error("{'key':{'type':'integer','minInteger':1,'maxInteger':3}}", "4",
	    "4 is not in the valid range 1 to 3 (inclusive)");
	expect_error("{'key':{'type':'integer','maxInteger':3}}", "4",
	    "4 is greater than maximum allowed value 3");
	expect_error("{'key':{'type':'real','minReal':-2.5}}", "-3",
	    "-3 is less than minimum allowed value -2.5");
	expect_error("{'key':{'type':'string','minLength':2}}", "'\\u00e9'",
	    "\"\xc3\xa9\" length 1 is less than minimum allowed length 2");
	expect_error("{'key':{'type':'string','enum':['set',['a','b']]}}", "'c'",
	    "c is not one of the allowed values ([a, b])");
	expect_error("{'key':'integer','min':0,'max':2}", "['set',[1,2,3]]",
	    "set must have 0 to 2 members but 3 are present");
	expect_error(
	    "{'key':'integer','min':0,'max':2}", "['set',[1,1]]", "set contains duplicate");
	expect_error("{'key':'integer','value':'integer','min':0,'max':2}", "['map',[[1,2],[1,3]]]",
	    "map contains duplicate key");
	expect_error("'uuid'", "['uuid','x']", "\"x\" is not a valid UUID");
	expect_error("'uuid'", "['named-uuid','x']", "expected [\"uuid\", <string>]");
	expect_error("'boolean'", "1", "expected boolean");
}

static void invalid_utf8_is_refused(void **)
{
	static const char *const bad[] = {
	    "\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\xe2\x82", "\x80"};
	struct ovsdb_type type = type_of("'string'");

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ovsdb_datum d = ovsdb_datum_of_string(bad[i]);
		struct ovsdb_error *error = ovsdb_datum_check(&d, &type);
		assert_non_null(error);
		ovsdb_error_destroy(error);
		ovsdb_datum_unref(&d);
	}
	struct ovsdb_datum good = ovsdb_datum_of_string("\xe2\x82\xac\xf0\x9f\x98\x80");
	assert_null(ovsdb_datum_check(&good, &type));
	ovsdb_datum_unref(&good);
	ovsdb_type_fini(&type);
}

/* A set of small integers as bits, a map as digits by key. */
static struct ovsdb_datum random_set(unsigned int bits)
{
	struct ovsdb_datum_builder b;

	ovsdb_datum_builder_init(&b, OVSDB_INTEGER, OVSDB_VOID);
	for (int i = 15; i >= 0; i--) {
		union ovsdb_atom atom = {.integer = i};
		if ((bits >> i & 1) != 0)
			ovsdb_datum_builder_add(&b, atom, atom);
	}
	return ovsdb_datum_builder_finish(&b);
}

static unsigned int bits_of(const struct ovsdb_datum *d)
{
	unsigned int bits = 0;

	for (uint32_t i = 0; i < d->n; i++)
		bits |= 1U << ovsdb_datum_key(d, i).integer;
	return bits;
}

static struct ovsdb_datum random_map(unsigned int seed)
{
	struct ovsdb_datum_builder b;
	char key[8];

	ovsdb_datum_builder_init(&b, OVSDB_STRING, OVSDB_STRING);
	for (int i = 0; i < 6; i++, seed /= 3) {
		snprintf(key, sizeof(key), "k%d", i);
		if (seed % 3 > 0)
			ovsdb_datum_builder_add_strings(&b, key, seed % 3 == 1 ? "x" : "y");
	}
	return ovsdb_datum_builder_finish(&b);
}

static void set_algebra_is_that_of_bits(void **)
{
	struct ovsdb_type any;

	ovsdb_type_init_any(&any, OVSDB_INTEGER, OVSDB_VOID);
	for (int round = 0; round < 20000; round++) {
		unsigned int x = (unsigned int)rand() & 0xffff & (unsigned int)rand(),
			     y = (unsigned int)rand() & 0xffff & (unsigned int)rand();
		struct ovsdb_datum a = random_set(x), b = random_set(y);
		struct ovsdb_datum sum = ovsdb_datum_union(&a, &b),
				   rest = ovsdb_datum_subtract(&a, &b),
				   diff = ovsdb_datum_diff(&a, &b, &any), back;
		assert_int_equal(bits_of(&sum), x | y);
		assert_int_equal(bits_of(&rest), x & ~y);
		assert_int_equal(bits_of(&diff), x ^ y);
		assert_int_equal(ovsdb_datum_includes_all(&a, &b), (x & ~y) == 0);
		assert_int_equal(ovsdb_datum_excludes_all(&a, &b), (x & y) == 0);
		assert_int_equal(ovsdb_datum_equals(&a, &b), x == y);
		assert_int_equal(ovsdb_datum_compare(&a, &b) == 0, x == y);
		assert_null(ovsdb_datum_apply_diff(&back, &a, &diff, &any));
		assert_true(ovsdb_datum_equals(&back, &b));
		struct ovsdb_datum *all[] = {&a, &b, &sum, &rest, &diff, &back};
		for (size_t i = 0; i < ARRAY_SIZE(all); i++)
			ovsdb_datum_unref(all[i]);
	}
	ovsdb_type_fini(&any);
}

static void difference_of_maps_makes_the_new_one_of_the_old(void **)
{
	struct ovsdb_type any;

	ovsdb_type_init_any(&any, OVSDB_STRING, OVSDB_STRING);
	for (int round = 0; round < 5000; round++) {
		struct ovsdb_datum a = random_map((unsigned int)rand() % 729),
				   b = random_map((unsigned int)rand() % 729), back;
		struct ovsdb_datum diff = ovsdb_datum_diff(&a, &b, &any);
		assert_null(ovsdb_datum_apply_diff(&back, &a, &diff, &any));
		assert_true(ovsdb_datum_equals(&back, &b));
		assert_int_equal(diff.n == 0, ovsdb_datum_equals(&a, &b));
		ovsdb_datum_unref(&a);
		ovsdb_datum_unref(&b);
		ovsdb_datum_unref(&diff);
		ovsdb_datum_unref(&back);
	}
	ovsdb_type_fini(&any);
	assert_int_equal(ovsdb_text_count(), 0);
}

static void equal_texts_are_one(void **)
{
	struct ovsdb_text *a = ovsdb_text_of_string("x"), *b = ovsdb_text_of("xy", 1);

	assert_ptr_equal(a, b);
	assert_int_equal(a->n_refs, 2);
	assert_null(ovsdb_text_find("y"));
	ovsdb_text_unref(a);
	ovsdb_text_unref(b);
	assert_int_equal(ovsdb_text_count(), 0);
}

static void map_strings_are_found_by_key(void **)
{
	struct ovsdb_datum_builder b;

	ovsdb_datum_builder_init(&b, OVSDB_STRING, OVSDB_STRING);
	ovsdb_datum_builder_add_strings(&b, "key", "flow");
	ovsdb_datum_builder_add_strings(&b, "dst", "10.0.0.1");
	ovsdb_datum_builder_add_strings(&b, "key", "second");
	struct ovsdb_datum d = ovsdb_datum_builder_finish(&b);
	assert_int_equal(d.n, 2);
	assert_string_equal(ovsdb_datum_map_string(&d, "key"), "flow");
	assert_null(ovsdb_datum_map_string(&d, "nope"));
	ovsdb_datum_unref(&d);
}

/* Few hashes, so that runs of slots are long and deletions move rows back over the end. */
static void row_set_is_a_set(void **)
{
	enum { N = 200 };
	static char storage[N];
	bool is_in[N] = {false};
	struct ovsdb_row_set set;

	ovsdb_row_set_init(&set);
	for (int round = 0; round < 100000; round++) {
		int i = rand() % N;
		uint64_t hash = (uint64_t)(i % 17) + 0xffffffe0U;
		struct ovsdb_row *row = (struct ovsdb_row *)(void *)&storage[i];
		if (is_in[i])
			ovsdb_row_set_del(&set, row, hash);
		else
			ovsdb_row_set_add(&set, row, hash);
		is_in[i] = !is_in[i];
		i = rand() % N;
		hash = (uint64_t)(i % 17) + 0xffffffe0U;
		row = (struct ovsdb_row *)(void *)&storage[i];
		size_t cursor = SIZE_MAX, n = 0;
		for (struct ovsdb_row *r;
		     (r = ovsdb_row_set_next_with_hash(&set, hash, &cursor)) != NULL;)
			n += r == row;
		assert_int_equal(n, is_in[i]);
	}
	ovsdb_row_set_fini(&set);
}

int main(void)
{
	unsigned int seed =
	    getenv("SEED") != NULL ? (unsigned int)atoi(getenv("SEED")) : (unsigned int)time(NULL);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_are_as_tools_print_them),
	    cmocka_unit_test(constraints_name_value_and_limit),
	    cmocka_unit_test(invalid_utf8_is_refused),
	    cmocka_unit_test(set_algebra_is_that_of_bits),
	    cmocka_unit_test(difference_of_maps_makes_the_new_one_of_the_old),
	    cmocka_unit_test(equal_texts_are_one),
	    cmocka_unit_test(map_strings_are_found_by_key),
	    cmocka_unit_test(row_set_is_a_set),
	};

	print_message("SEED=%u\n", seed);
	srand(seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
