/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions by hand: what RFC 7047 says and what clients lean on. Texts are those of ovsdb-server; diff_test.py compares with it at random. */
#include "tests/unit/test.h"

#include <string.h>

#include "ovsdb-lite/limit.h"
#include "tests/unit/ovsdb-lite/fixture.h"

#define U(n)   "'0000000" #n "-0000-4000-8000-000000000000'"
#define REF(n) "['uuid'," U(n) "]"

static const char schema[] =
    "{'name':'D','tables':{"
    "'Root':{'isRoot':true,'indexes':[['name']],'columns':{"
    "  'name':{'type':'string'},'n':{'type':'integer'},'opt':{'type':{'key':'integer','min':0}},"
    "  'r':{'type':'real'},'set':{'type':{'key':'integer','min':0,'max':3}},"
    "  'map':{'type':{'key':'string','value':'string','min':0,'max':'unlimited'}},"
    "  'kids':{'type':{'key':{'type':'uuid','refTable':'Kid'},'min':0,'max':'unlimited'}},"
    "  "
    "'favs':{'type':{'key':{'type':'uuid','refTable':'Kid','refType':'weak'},'min':0,'max':'"
    "unlimited'}},"
    "  'fixed':{'type':'string','mutable':false},'eph':{'type':'string','ephemeral':true}}},"
    "'Kid':{'columns':{'name':{'type':'string'},"
    "  'next':{'type':{'key':{'type':'uuid','refTable':'Kid'},'min':0}}}},"
    "'One':{'isRoot':true,'maxRows':1,'columns':{'x':{'type':'integer'}}}}}";

static struct ovsdb_db *db;

static int open_db(void **)
{
	db = fixture_db_of(schema);
	return 0;
}

static int close_db(void **)
{
	ovsdb_db_destroy(db);
	return 0;
}

/* Operations and the results that they have to have; "wait" when they would wait. */
static void expect(const char *operations, const char *results)
{
	json_t *got = fixture_transact(db, operations), *want = fixture_json(results);

	if (!json_equal(got, want)) {
		char *text = json_dumps(got, JSON_ENCODE_ANY);
		print_error("%s\ngave %s\nnot  %s\n", operations, text, results);
		free(text);
		fail();
	}
	json_decref(got);
	json_decref(want);
}

static void insert_gives_the_uuid_that_the_client_chose(void **)
{
	expect("[{'op':'insert','table':'Root','uuid':" U(1) ",'row':{'name':'a'}}]",
	    "[{'uuid':" REF(1) "}]");
	expect("[{'op':'insert','table':'Root','uuid':" U(1) ",'row':{'name':'b'}}]",
	    "[{'error':'duplicate uuid','details':'This UUID would duplicate a UUID already "
	    "present within the table or "
	    "deleted within the same "
	    "transaction.','syntax':'\\'00000001-0000-4000-8000-000000000000\\''}]");
}

static void omitted_columns_have_their_types_default(void **)
{
	expect("[{'op':'insert','table':'Root','uuid':" U(
		   1) ",'row':{}},"
		      "{'op':'select','table':'Root','where':[],'columns':['name','n','opt','r','"
		      "set','map','kids']}]",
	    "[{'uuid':" REF(
		1) "},{'rows':[{'name':'','n':0,'opt':['set',[]],'r':0,'set':['set',[]],"
		   "'map':['map',[]],'kids':['set',[]]}]}]");
}

static void named_uuids_refer_forward(void **)
{
	json_t *got = fixture_transact(db,
	    "[{'op':'insert','table':'Root','row':{'kids':['named-uuid','k']}},"
	    "{'op':'insert','table':'Kid','uuid-name':'k','row':{'name':'x'}},"
	    "{'op':'select','table':'Root','where':[],'columns':['kids']}]");
	json_t *uuid = json_object_get(json_array_get(got, 1), "uuid");
	json_t *rows = json_object_get(json_array_get(got, 2), "rows");
	assert_int_equal(json_array_size(got), 3);
	assert_true(json_equal(uuid, json_object_get(json_array_get(rows, 0), "kids")));
	json_decref(got);
}

static void named_uuid_of_nothing_breaks_integrity(void **)
{
	json_t *got = fixture_transact(
	    db, "[{'op':'insert','table':'Root','row':{'kids':['named-uuid','nobody']}}]");

	assert_int_equal(json_array_size(got), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(got, 1), "error")),
	    "referential integrity violation");
	json_decref(got);
	assert_int_equal(ovsdb_db_count_rows(db), 0);
}

static void one_failed_operation_undoes_all_and_nulls_the_rest(void **)
{
	expect("[{'op':'insert','table':'One','uuid':" U(
		   1) ",'row':{'x':1}},{'op':'abort'},{'op':'comment','comment':'c'}]",
	    "[{'uuid':" REF(1) "},{'error':'aborted','details':'aborted by request'},null]");
	assert_int_equal(ovsdb_db_count_rows(db), 0);
}

static void max_rows_is_looked_at_when_all_is_done(void **)
{
	expect("[{'op':'insert','table':'One','uuid':" U(1) ",'row':{}}]", "[{'uuid':" REF(1) "}]");
	expect(
	    "[{'op':'insert','table':'One','uuid':" U(
		2) ",'row':{}},{'op':'delete','table':'One','where':[['_uuid','=='," REF(1) "]]}]",
	    "[{'uuid':" REF(2) "},{'count':1}]");
	expect("[{'op':'insert','table':'One','uuid':" U(3) ",'row':{}}]",
	    "[{'uuid':" REF(3) "},{'error':'constraint violation','details':'transaction causes "
			       "\\'One\\' table to contain 2 rows, "
			       "greater than the schema-defined limit of 1 row(s)'}]");
}

static void rows_may_swap_their_index_values(void **)
{
	expect("[{'op':'insert','table':'Root','uuid':" U(1) ",'row':{'name':'a'}},{'op':'insert','"
							     "table':'Root','uuid':" U(
								 2) ",'row':{'name':'b'}}]",
	    "[{'uuid':" REF(1) "},{'uuid':" REF(2) "}]");
	expect("[{'op':'update','table':'Root','where':[['name','==','a']],'row':{'name':'c'}},"
	       "{'op':'update','table':'Root','where':[['name','==','b']],'row':{'name':'a'}},"
	       "{'op':'update','table':'Root','where':[['name','==','c']],'row':{'name':'b'}}]",
	    "[{'count':1},{'count':1},{'count':1}]");
	expect("[{'op':'select','table':'Root','where':[['name','==','b']],'columns':['_uuid']}]",
	    "[{'rows':[{'_uuid':" REF(1) "}]}]");
	expect("[{'op':'update','table':'Root','where':[['name','==','b']],'row':{'name':'a'}}]",
	    "[{'count':1},{'error':'constraint violation','details':'Transaction causes multiple "
	    "rows in \\'Root\\' table to have identical "
	    "values (a) for index on column \\'name\\'.  First row, with UUID "
	    "00000002-0000-4000-8000-000000000000, existed in the database before "
	    "this transaction and was not modified by the transaction.  Second row, with UUID "
	    "00000001-0000-4000-8000-000000000000, had the "
	    "following index values before the transaction: b.'}]");
}

/* While two rows have a name, a condition on it finds both. */
static void index_is_no_shortcut_while_values_are_not_unique(void **)
{
	expect("[{'op':'insert','table':'Root','uuid':" U(1) ",'row':{'name':'a'}},{'op':'insert','"
							     "table':'Root','uuid':" U(
								 2) ",'row':{'name':'a'}},"
								    "{'op':'delete','table':'Root',"
								    "'where':[['name','==','a']]}]",
	    "[{'uuid':" REF(1) "},{'uuid':" REF(2) "},{'count':2}]");
}

/* One short operation gives all rows the same name: by the square this test would not end. */
static void many_rows_with_one_index_value_are_refused_in_linear_time(void **)
{
	enum { N_TWINS = 20000 };
	json_t *params = json_array();
	char name[32];

	json_array_append_new(params, json_string("D"));
	for (int i = 0; i < N_TWINS; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		json_array_append_new(params, json_pack("{ssss s{ss}}", "op", "insert", "table",
						  "Root", "row", "name", name));
	}
	struct ovsdb_request request = {.params = params};
	struct ovsdb_outcome outcome;
	ovsdb_execute(db, &request, &outcome);
	assert_non_null(outcome.txn);
	ovsdb_changes_unref(ovsdb_txn_commit(outcome.txn));
	json_decref(outcome.result);
	json_decref(params);
	json_t *got =
	    fixture_transact(db, "[{'op':'update','table':'Root','where':[],'row':{'name':''}}]");
	assert_string_equal(json_string_value(json_object_get(json_array_get(got, 1), "error")),
	    "constraint violation");
	json_decref(got);
	expect("[{'op':'select','table':'Root','where':[['name','==','r7']],'columns':['name']}]",
	    "[{'rows':[{'name':'r7'}]}]");
}

static void rows_that_nothing_refers_to_are_collected_in_chains(void **)
{
	expect(
	    "[{'op':'insert','table':'Root','uuid':" U(1) ",'row':{'kids':" REF(
		2) "}},{'op':'insert','table':'Kid','uuid':" U(2) ",'row':{'next':" REF(3) "}},"
											   "{'op':'"
											   "insert'"
											   ",'"
											   "table':"
											   "'Kid','"
											   "uuid'"
											   ":" U(3) ",'row':{}},{'op':'insert','table':'Kid','uuid':" U(
											       4) ",'row':{}}]",
	    "[{'uuid':" REF(1) "},{'uuid':" REF(2) "},{'uuid':" REF(3) "},{'uuid':" REF(4) "}]");
	assert_int_equal(ovsdb_db_count_rows(db), 3);
	expect("[{'op':'mutate','table':'Root','where':[],'mutations':[['kids','delete'," REF(
		   2) "]]}]",
	    "[{'count':1}]");
	assert_int_equal(ovsdb_db_count_rows(db), 1);
}

static void long_chain_of_garbage_needs_no_stack(void **)
{
	enum { N = 30000 };
	json_t *operations = json_array(), *row;
	char name[32], next[32];

	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "k%d", i);
		snprintf(next, sizeof(next), "k%d", i + 1);
		row =
		    i + 1 < N ? json_pack("{s:[s,s]}", "next", "named-uuid", next) : json_object();
		json_array_append_new(
		    operations, json_pack("{s:s,s:s,s:s,s:o}", "op", "insert", "table", "Kid",
				    "uuid-name", name, "row", row));
	}
	json_array_append_new(operations, json_pack("{s:s,s:s,s:{s:[s,s]}}", "op", "insert",
					      "table", "Root", "row", "kids", "named-uuid", "k0"));
	json_array_insert_new(operations, 0, json_string("D"));
	struct ovsdb_request request = {.params = operations};
	struct ovsdb_outcome outcome;
	ovsdb_execute(db, &request, &outcome);
	assert_non_null(outcome.txn);
	ovsdb_changes_unref(ovsdb_txn_commit(outcome.txn));
	assert_int_equal(ovsdb_db_count_rows(db), N + 1);
	json_decref(outcome.result);
	json_decref(operations);
	expect("[{'op':'delete','table':'Root','where':[]}]", "[{'count':1}]");
	assert_int_equal(ovsdb_db_count_rows(db), 0);
}

static void row_that_is_referred_to_cannot_be_deleted(void **)
{
	expect("[{'op':'insert','table':'Root','uuid':" U(1) ",'row':{'kids':" REF(
		   2) "}},{'op':'insert','table':'Kid','uuid':" U(2) ",'row':{}}]",
	    "[{'uuid':" REF(1) "},{'uuid':" REF(2) "}]");
	expect("[{'op':'delete','table':'Kid','where':[]}]",
	    "[{'count':1},{'error':'referential integrity violation','details':'cannot delete Kid "
	    "row 00000002-0000-4000-8000-000000000000 because "
	    "of 1 remaining reference(s)'}]");
}

static void weak_references_go_with_their_row(void **)
{
	expect(
	    "[{'op':'insert','table':'Root','uuid':" U(1) ",'row':{'name':'a','kids':" REF(
		2) "}},{'op':'insert','table':'Kid','uuid':" U(2) ",'row':{}},"
								  "{'op':'insert','table':'Root','"
								  "uuid':" U(3) ",'row':{'name':'b'"
										",'favs':['set',"
										"[" REF(2) "," REF(
										    9) "]]}}]",
	    "[{'uuid':" REF(1) "},{'uuid':" REF(2) "},{'uuid':" REF(3) "}]");
	expect("[{'op':'select','table':'Root','where':[['name','==','b']],'columns':['favs']}]",
	    "[{'rows':[{'favs':" REF(2) "}]}]");
	expect("[{'op':'delete','table':'Root','where':[['name','==','a']]}]", "[{'count':1}]");
	expect("[{'op':'select','table':'Root','where':[],'columns':['favs']}]",
	    "[{'rows':[{'favs':['set',[]]}]}]");
}

static void wait_parks_and_times_out(void **)
{
	static const char wait[] = "['D',{'op':'wait','table':'Root','timeout':50,'where':[],'"
				   "columns':['n'],'until':'==','rows':[{'n':1}]}]";
	json_t *params = fixture_json(wait);
	struct ovsdb_request request = {.params = params};
	struct ovsdb_outcome outcome;

	ovsdb_execute(db, &request, &outcome);
	assert_null(outcome.result);
	assert_null(outcome.txn);
	assert_int_equal(outcome.timeout_ms, 50);
	request.elapsed_ms = 51;
	ovsdb_execute(db, &request, &outcome);
	json_t *want =
	    fixture_json("[{'error':'timed out','details':'\\'wait\\' timed out after 51 ms'}]");
	assert_true(json_equal(outcome.result, want));
	json_decref(want);
	json_decref(outcome.result);
	json_decref(params);
	expect("[{'op':'wait','table':'Root','where':[],'until':'!=','rows':[]}]", "'wait'");
	expect("[{'op':'wait','table':'Root','timeout':0,'where':[],'until':'!=','rows':[]}]",
	    "[{'error':'timed out','details':'\\'where\\' clause test failed'}]");
}

/* One that holds has no say in when the other's time is over: with the least of both a server would try again without end. */
static void wait_that_does_not_hold_gives_the_time(void **)
{
	json_t *params = fixture_json(
	    "['D',{'op':'wait','table':'Root','timeout':0,'where':[],'until':'==','rows':[]},"
	    "{'op':'wait','table':'Root','timeout':1000000,'where':[],'until':'!=','rows':[]}]");
	struct ovsdb_request request = {.params = params};
	struct ovsdb_outcome outcome;

	ovsdb_execute(db, &request, &outcome);
	assert_null(outcome.result);
	assert_int_equal(outcome.timeout_ms, 1000000);
	request.elapsed_ms = 1000000;
	ovsdb_execute(db, &request, &outcome);
	assert_non_null(outcome.result);
	json_decref(outcome.result);
	json_decref(params);
}

static void hundred_thousand_comments_are_joined_in_linear_time(void **)
{
	enum { N_COMMENTS = 100000 };
	json_t *params = json_array(),
	       *operation = json_pack("{ssss}", "op", "comment", "comment", "what a client says");

	json_array_append_new(params, json_string("D"));
	for (int i = 0; i < N_COMMENTS; i++)
		json_array_append(params, operation);
	json_array_append_new(
	    params, json_pack("{sssss{}}", "op", "insert", "table", "One", "row"));
	struct ovsdb_request request = {.params = params};
	struct ovsdb_outcome outcome;
	ovsdb_execute(db, &request, &outcome);
	assert_non_null(outcome.txn);
	struct ovsdb_changes *changes = ovsdb_txn_commit(outcome.txn);
	assert_int_equal(strlen(changes->comment), N_COMMENTS * sizeof("what a client says") - 1);
	ovsdb_changes_unref(changes);
	json_decref(outcome.result);
	json_decref(operation);
	json_decref(params);
}

static void wait_compares_distinct_rows(void **)
{
	expect("[{'op':'insert','table':'Root','uuid':" U(1) ",'row':{'name':'a','n':1}},{'op':'"
							     "insert','table':'Root','uuid':" U(
								 2) ",'row':{'name':'b','n':1}},"
								    "{'op':'wait','table':'Root','"
								    "timeout':0,'where':[],'"
								    "columns':['n'],'until':'==','"
								    "rows':[{'n':1},{'n':1}]},"
								    "{'op':'wait','table':'Root','"
								    "timeout':0,'where':[['n','==',"
								    "1]],'columns':['_uuid'],'"
								    "until':'==','rows':[{'_uuid'"
								    ":" REF(1) "},{'_uuid':" REF(
									2) "}]},"
									   "{'op':'select','table':"
									   "'Root','where':[],'"
									   "columns':['n']}]",
	    "[{'uuid':" REF(1) "},{'uuid':" REF(2) "},{},{},{'rows':[{'n':1}]}]");
}

static void mutations_of_a_column_follow_each_other(void **)
{
	expect("[{'op':'insert','table':'Root','uuid':" U(
		   1) ",'row':{'n':5,'set':['set',[1,2]],'map':['map',[['a','1'],['b','2']]]}},"
		      "{'op':'mutate','table':'Root','where':[],'mutations':[['n','+=',2],['n','*='"
		      ",3],['n','%=',10],['set','+=',1],['set','insert',9],"
		      "['map','delete',['set',['a','z']]],['map','insert',['map',[['b','9'],['c','"
		      "3']]]],['map','delete',['map',[['c','4']]]]]},"
		      "{'op':'select','table':'Root','where':[],'columns':['n','set','map']}]",
	    "[{'uuid':" REF(1) "},{'count':1},{'rows':[{'n':1,'set':['set',[2,3,9]],'map':['map',[["
			       "'b','2'],['c','3']]]}]}]");
	expect("[{'op':'mutate','table':'Root','where':[],'mutations':[['n','/=',0]]}]",
	    "[{'error':'domain error','details':'Division by zero.'}]");
	expect("[{'op':'mutate','table':'Root','where':[],'mutations':[['n','+=',"
	       "9223372036854775807]]}]",
	    "[{'error':'range error','details':'Result of \\'+=\\' operation is out of range.'}]");
	expect("[{'op':'mutate','table':'Root','where':[],'mutations':[['set','*=',0]]}]",
	    "[{'error':'constraint violation','details':'Result of \\'*=\\' operation contains "
	    "duplicates.'}]");
	expect("[{'op':'mutate','table':'Root','where':[],'mutations':[['set','insert',['set',[20,"
	       "21]]]]}]",
	    "[{'error':'constraint violation','details':'Attempted to store 5 elements in set of "
	    "up to 3 integers.'}]");
}

static void optional_numbers_are_ordered_when_they_are_there(void **)
{
	expect("[{'op':'insert','table':'Root','uuid':" U(1) ",'row':{'name':'a','opt':5}},{'op':'"
							     "insert','table':'Root','uuid':" U(
								 2) ",'row':{'name':'b'}},"
								    "{'op':'select','table':'Root',"
								    "'where':[['opt','<=',5]],'"
								    "columns':['name']},"
								    "{'op':'select','table':'Root',"
								    "'where':[['opt','==',['set',[]"
								    "]]],'columns':['name']}]",
	    "[{'uuid':" REF(1) "},{'uuid':" REF(
		2) "},{'rows':[{'name':'a'}]},{'rows':[{'name':'b'}]}]");
}

static void immutable_columns_are_set_once(void **)
{
	expect("[{'op':'insert','table':'Root','uuid':" U(1) ",'row':{'fixed':'x'}}]",
	    "[{'uuid':" REF(1) "}]");
	expect("[{'op':'update','table':'Root','where':[],'row':{'fixed':'y'}}]",
	    "[{'error':'constraint violation','details':'Cannot update immutable column fixed in "
	    "table Root.',"
	    "'syntax':'{\\'op\\':\\'update\\',\\'row\\':{\\'fixed\\':\\'y\\'},\\'table\\':\\'"
	    "Root\\',\\'where\\':[]}'}]");
}

static bool holds_l1(void *ctx, const char *name)
{
	return strcmp(name, ctx) == 0;
}

static void assert_asks_for_the_lock(void **)
{
	char lock[] = "l1";
	json_t *params =
	    fixture_json("['D',{'op':'assert','lock':'l1'},{'op':'assert','lock':'l2'}]");
	json_t *want =
	    fixture_json("[{},{'error':'not owner','details':'Asserted lock l2 not held.'}]");
	struct ovsdb_request request = {.params = params, .holds_lock = holds_l1, .ctx = lock};
	struct ovsdb_outcome outcome;

	ovsdb_execute(db, &request, &outcome);
	assert_true(json_equal(outcome.result, want));
	json_decref(outcome.result);
	json_decref(want);
	json_decref(params);
}

static void read_only_refuses_changes_only(void **)
{
	json_t *params = fixture_json("['D',{'op':'select','table':'One','where':[],'columns':['x']"
				      "},{'op':'insert','table':'One','row':{}}]");
	json_t *want =
	    fixture_json("[{'rows':[]},{'error':'not allowed','details':'insert operation not "
			 "allowed when database server is in read only mode'}]");
	struct ovsdb_request request = {.params = params, .is_read_only = true};
	struct ovsdb_outcome outcome;

	ovsdb_execute(db, &request, &outcome);
	assert_true(json_equal(outcome.result, want));
	json_decref(outcome.result);
	json_decref(want);
	json_decref(params);
	assert_int_equal(ovsdb_db_count_rows(db), 0);
}

static void what_is_set_to_its_old_value_is_no_change(void **)
{
	expect("[{'op':'insert','table':'Root','uuid':" U(1) ",'row':{'n':1}}]",
	    "[{'uuid':" REF(1) "}]");
	json_t *params = fixture_json("['D',{'op':'update','table':'Root','where':[],'row':{'n':2}}"
				      ",{'op':'update','table':'Root','where':[],'row':{'n':1}}]");
	struct ovsdb_request request = {.params = params};
	struct ovsdb_outcome outcome;

	ovsdb_execute(db, &request, &outcome);
	assert_int_equal(ovsdb_txn_changes(outcome.txn)->n, 0);
	ovsdb_changes_unref(ovsdb_txn_commit(outcome.txn));
	json_decref(outcome.result);
	json_decref(params);
}

/* Executes with a limit lowered; the word of the last result's error. */
static void expect_limit(
    enum ovsdb_limit limit, uint64_t value, const char *operations, const char *word)
{
	uint64_t before = ovsdb_limits[limit].value, n_hits = ovsdb_limits[limit].n_hits;

	json_decref(fixture_transact(db, operations));
	json_decref(fixture_transact(db, "[{'op':'delete','table':'Root','where':[]}]"));
	ovsdb_limits[limit].value = value;
	json_t *got = fixture_transact(db, operations);
	ovsdb_limits[limit].value = before;
	json_t *last = json_is_array(got) ? json_array_get(got, json_array_size(got) - 1) : got;
	assert_non_null(last);
	assert_string_equal(json_string_value(json_object_get(last, "error")), word);
	assert_int_equal(ovsdb_limits[limit].n_hits, n_hits + 1);
	assert_int_equal(ovsdb_db_count_rows(db), 0);
	json_decref(got);
}

static void limits_refuse_and_count(void **)
{
	expect_limit(OVSDB_LIMIT_OPS, 1,
	    "[{'op':'comment','comment':'a'},{'op':'comment','comment':'b'}]",
	    "resources exhausted");
	expect_limit(OVSDB_LIMIT_ROWS, 1,
	    "[{'op':'insert','table':'Root','row':{'name':'a'}},{'op':'insert','table':'Root','row'"
	    ":{'name':'b'}}]",
	    "constraint violation");
	expect_limit(OVSDB_LIMIT_NAMES, 1,
	    "[{'op':'insert','table':'Kid','uuid-name':'a','row':{}},{'op':'insert','table':'Kid','"
	    "uuid-name':'b','row':{}}]",
	    "resources exhausted");
	expect_limit(OVSDB_LIMIT_NAMES, 1,
	    "[{'op':'insert','table':'Kid','uuid-name':'a','row':{}},{'op':'update','table':'Root',"
	    "'where':[],'row':{'kids':['named-uuid','b']}}]",
	    "resources exhausted");
	// Each of mutations, clauses and rows counts.
	expect_limit(OVSDB_LIMIT_WORK, 20,
	    "[{'op':'insert','table':'Root','row':{'map':['map',[['a','1'],['b','2'],['c','3'],['d'"
	    ",'4']]]}},"
	    "{'op':'mutate','table':'Root','where':[],'mutations':[['map','insert',['map',[['e','5'"
	    "]]]],['map','delete',['set',['a']]],"
	    "['map','delete',['set',['b']]],['n','+=',1]]}]",
	    "resources exhausted");
	expect_limit(OVSDB_LIMIT_WORK, 10,
	    "[{'op':'insert','table':'Root','row':{'name':'a'}},{'op':'select','table':'Root','"
	    "columns':['n'],'where':[['n','<',1],['n','<',2],['n','<',3]]},"
	    "{'op':'select','table':'Root','columns':['n'],'where':[['n','<',1],['n','<',2],['n','<"
	    "',3]]}]",
	    "resources exhausted");
	// All of a table once is never too much.
	expect_limit(OVSDB_LIMIT_ANSWER, 1,
	    "[{'op':'insert','table':'Root','row':{'name':'a'}},{'op':'select','table':'Root','"
	    "where':[]},"
	    "{'op':'select','table':'Kid','where':[]},{'op':'select','table':'Root','where':[],'"
	    "columns':['name']}]",
	    "resources exhausted");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_db, close_db)
	const struct CMUnitTest tests[] = {
	    T(insert_gives_the_uuid_that_the_client_chose),
	    T(omitted_columns_have_their_types_default),
	    T(named_uuids_refer_forward),
	    T(named_uuid_of_nothing_breaks_integrity),
	    T(one_failed_operation_undoes_all_and_nulls_the_rest),
	    T(max_rows_is_looked_at_when_all_is_done),
	    T(rows_may_swap_their_index_values),
	    T(index_is_no_shortcut_while_values_are_not_unique),
	    T(many_rows_with_one_index_value_are_refused_in_linear_time),
	    T(rows_that_nothing_refers_to_are_collected_in_chains),
	    T(long_chain_of_garbage_needs_no_stack),
	    T(row_that_is_referred_to_cannot_be_deleted),
	    T(weak_references_go_with_their_row),
	    T(wait_parks_and_times_out),
	    T(wait_that_does_not_hold_gives_the_time),
	    T(hundred_thousand_comments_are_joined_in_linear_time),
	    T(wait_compares_distinct_rows),
	    T(mutations_of_a_column_follow_each_other),
	    T(optional_numbers_are_ordered_when_they_are_there),
	    T(immutable_columns_are_set_once),
	    T(assert_asks_for_the_lock),
	    T(read_only_refuses_changes_only),
	    T(what_is_set_to_its_old_value_is_no_change),
	    T(limits_refuse_and_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
