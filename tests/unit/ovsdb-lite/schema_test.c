/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas: what is refused and how it is said, and that what is taken comes out as it went in. */
#include "tests/unit/test.h"

#include "ovsdb-lite/limit.h"
#include "tests/unit/ovsdb-lite/fixture.h"

static void expect_error(const char *text, const char *details)
{
	struct ovsdb_schema *schema = NULL;
	json_t *json = fixture_json(text);
	struct ovsdb_error *error = ovsdb_schema_from_json(&schema, json);

	assert_non_null(error);
	assert_string_equal(error->tag, "syntax error");
	assert_string_equal(error->details, details);
	ovsdb_error_destroy(error);
	json_decref(json);
}

static void expect_type_error(const char *type, const char *details)
{
	json_t *json = fixture_json(type);
	struct ovsdb_type t;
	struct ovsdb_error *error = ovsdb_type_from_json(&t, json);

	assert_non_null(error);
	assert_string_equal(error->details, details);
	ovsdb_error_destroy(error);
	json_decref(json);
}

static void faults_are_named(void **)
{
	expect_error("7", "Parsing database schema failed: Object expected.");
	expect_error(
	    "{'tables':{}}", "Parsing database schema failed: Required 'name' member is missing.");
	expect_error("{'name':'1x','tables':{}}",
	    "Parsing database schema failed: Type mismatch for member 'name'.");
	expect_error("{'name':'x','tables':{},'y':1}",
	    "Parsing database schema failed: Member 'y' is present but not allowed here.");
	expect_error("{'name':'x','version':'1.2','tables':{}}",
	    "schema version \"1.2\" not in format x.y.z");
	expect_error("{'name':'x','tables':{'_t':{}}}", "names beginning with \"_\" are reserved");
	expect_error("{'name':'x','tables':{'a-b':{}}}", "name must be a valid id");
	expect_error(
	    "{'name':'x','tables':{'t':{'columns':{}}}}", "table must have at least one column");
	expect_error("{'name':'x','tables':{'t':{'columns':{'c':{'type':'integer'}},'maxRows':0}}}",
	    "maxRows must be at least 1");
	expect_error(
	    "{'name':'x','tables':{'t':{'columns':{'c':{'type':'integer'}},'indexes':[[]]}}}",
	    "index must have at least one column");
	expect_error("{'name':'x','tables':{'t':{'columns':{'c':{'type':'integer'}},'indexes':[['c'"
		     ",'c']]}}}",
	    "array of distinct column names expected");
	expect_error(
	    "{'name':'x','tables':{'t':{'columns':{'c':{'type':'integer'}},'indexes':[['d']]}}}",
	    "d is not a valid column name");
	expect_error("{'name':'x','tables':{'t':{'columns':{'c':{'type':'integer','ephemeral':true}"
		     "},'indexes':[['c']]}}}",
	    "ephemeral columns (such as c) may not be indexed");
	expect_error("{'name':'x','tables':{'t':{'columns':{'c':{'type':{'key':{'type':'uuid','"
		     "refTable':'u'}}}}}}}",
	    "column c key refers to undefined table u");
}

static void faults_of_types_are_named(void **)
{
	expect_type_error("7", "ovsdb type expected");
	expect_type_error("'float'", "\"float\" is not an atomic-type");
	expect_type_error(
	    "{'key':'integer','min':2,'max':3}", "ovsdb type fails constraint checks");
	expect_type_error("{'key':'integer','max':0}", "ovsdb type fails constraint checks");
	expect_type_error("{'key':'integer','max':'many'}", "bad min or max value");
	expect_type_error("{'key':{'type':'integer','minInteger':5,'maxInteger':3}}",
	    "minInteger exceeds maxInteger");
	expect_type_error(
	    "{'key':{'type':'real','minReal':5,'maxReal':3}}", "minReal exceeds maxReal");
	expect_type_error(
	    "{'key':{'type':'string','minLength':5,'maxLength':3}}", "minLength exceeds maxLength");
	expect_type_error("{'key':{'type':'string','minLength':-1}}",
	    "minLength out of valid range 0 to 4294967295");
	expect_type_error("{'key':{'type':'integer','minLength':1}}",
	    "Parsing ovsdb type failed: Member 'minLength' is present but not allowed here.");
	expect_type_error("{'key':{'type':'uuid','refTable':'t','refType':'soft'}}",
	    "refType must be \"strong\" or \"weak\" (not \"soft\")");
	expect_type_error("{'key':{'type':'integer','enum':['set',[]]}}",
	    "set must have 1 to 4294967295 members but 0 are present");
}

static void comes_out_as_it_went_in(void **)
{
	static const char text[] =
	    "{'name':'x','version':'1.2.3','cksum':'1 2','tables':{"
	    "'t':{'isRoot':true,'maxRows':3,'indexes':[['b','a'],['a']],'columns':{'a':{'type':'"
	    "integer'},'b':{'type':{'key':{'type':'string','minLength':1,"
	    "'maxLength':9}},'mutable':false},'c':{'type':{'key':{'type':'integer','enum':['set',["
	    "1,2]]},'min':0},'ephemeral':true}}},"
	    "'u':{'columns':{'r':{'type':{'key':{'type':'real','minReal':-0.5,'maxReal':2},'value':"
	    "{'type':'uuid','refTable':'t','refType':'weak'},'min':0,"
	    "'max':'unlimited'}},'s':{'type':{'key':{'type':'integer','minInteger':-3},'max':7}}}}}"
	    "}";
	struct ovsdb_schema *schema = NULL;
	json_t *json = fixture_json(text);

	assert_null(ovsdb_schema_from_json(&schema, json));
	struct ovsdb_schema *copy = ovsdb_schema_copy(schema);
	json_t *out = ovsdb_schema_to_json(copy);
	char *got = json_dumps(out, JSON_SORT_KEYS), *want = json_dumps(json, JSON_SORT_KEYS);
	assert_string_equal(got, want);
	assert_true(ovsdb_schema_equals(schema, copy));
	assert_true(ovsdb_schema_find_table(schema, "t")->is_root);
	assert_null(ovsdb_schema_find_table(schema, "v"));
	free(got);
	free(want);
	json_decref(out);
	json_decref(json);
	ovsdb_schema_destroy(schema);
	ovsdb_schema_destroy(copy);
}

static void without_is_root_all_tables_are(void **)
{
	struct ovsdb_db *db =
	    fixture_db_of("{'name':'x','tables':{'t':{'columns':{'c':{'type':'integer'}}}}}");

	assert_true(db->schema->tables[0].is_root);
	json_decref(fixture_transact(db, "[{'op':'insert','table':'t','row':{}}]"));
	assert_int_equal(ovsdb_db_count_rows(db), 1);
	ovsdb_db_destroy(db);
}

/* Rows of a table with more columns than fit into a word. */
static void tables_may_be_wide(void **)
{
	json_t *columns = json_object(), *row = json_object(), *json;
	struct ovsdb_schema *schema = NULL;
	char name[16];

	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		json_object_set_new(
		    columns, name, json_pack("{s:s}", "type", i % 3 == 0 ? "uuid" : "integer"));
		if (i % 7 == 0 && i % 3 != 0)
			json_object_set_new(row, name, json_integer(i));
		if (i % 7 == 0 && i % 3 == 0)
			json_object_set_new(row, name,
			    json_pack("[ss]", "uuid", "01234567-89ab-4def-8123-456789abcdef"));
	}
	json = json_pack("{s:s,s:{s:{s:o}}}", "name", "x", "tables", "t", "columns", columns);
	assert_null(ovsdb_schema_from_json(&schema, json));
	struct ovsdb_db *db = ovsdb_db_create(schema);
	json_t *params =
	    json_pack("[s,{s:s,s:s,s:o}]", "x", "op", "insert", "table", "t", "row", row);
	struct ovsdb_request request = {.params = params};
	struct ovsdb_outcome outcome;
	ovsdb_execute(db, &request, &outcome);
	assert_non_null(outcome.txn);
	ovsdb_changes_unref(ovsdb_txn_commit(outcome.txn));
	fixture_check(db);
	size_t cursor = 0;
	struct ovsdb_row *found = ovsdb_row_set_next(&db->tables[0].rows, &cursor);
	json_t *back = ovsdb_row_to_json(found, NULL);
	const char *column;
	json_t *value = NULL;
	json_object_foreach (row, column, value)
		assert_true(json_equal(json_object_get(back, column), value));
	json_decref(back);
	json_decref(outcome.result);
	json_decref(params);
	json_decref(json);
	ovsdb_db_destroy(db);
}

static void expect_limit(enum ovsdb_limit limit, const char *text, const char *details)
{
	uint64_t before = ovsdb_limits[limit].value, n_hits = ovsdb_limits[limit].n_hits;

	ovsdb_db_destroy(fixture_db_of(text));
	ovsdb_limits[limit].value = 1;
	expect_error(text, details);
	ovsdb_limits[limit].value = before;
	assert_int_equal(ovsdb_limits[limit].n_hits, n_hits + 1);
}

static void limits_refuse_and_count(void **)
{
	expect_limit(OVSDB_LIMIT_TABLES,
	    "{'name':'x','tables':{'t':{'columns':{'c':{'type':'integer'}}},'u':{'columns':{'c':{'"
	    "type':'integer'}}}}}",
	    "too many tables: 2");
	expect_limit(OVSDB_LIMIT_COLUMNS,
	    "{'name':'x','tables':{'t':{'columns':{'c':{'type':'integer'},'d':{'type':'integer'}}}}"
	    "}",
	    "too many columns: 2");
	expect_limit(OVSDB_LIMIT_COLUMNS,
	    "{'name':'x','tables':{'t':{'columns':{'c':{'type':'integer'}},'indexes':[['c'],['c']]}"
	    "}}",
	    "too many indexes: 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(faults_are_named),
	    cmocka_unit_test(faults_of_types_are_named),
	    cmocka_unit_test(comes_out_as_it_went_in),
	    cmocka_unit_test(without_is_root_all_tables_are),
	    cmocka_unit_test(tables_may_be_wide),
	    cmocka_unit_test(limits_refuse_and_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
