/* SPDX-License-Identifier: Apache-2.0 */
/* A database from C: row edits, listeners, undo, loading, bytes, conversion. */
#include "tests/unit/test.h"

#include <string.h>
#include <time.h>

#include "ovsdb-lite/row_codec.h"
#include "tests/unit/ovsdb-lite/fixture.h"

enum { BYTES_MAX = 1 << 20 };

static const char schema[] =
    "{'name':'D','tables':{"
    "'A':{'isRoot':true,'indexes':[['name']],'columns':{'name':{'type':'string'},'n':{'type':'"
    "integer'},'eph':{'type':'string','ephemeral':true},"
    "  "
    "'flag':{'type':'boolean'},'x':{'type':'real'},'id':{'type':{'key':'uuid','min':0}},'fixed':{'"
    "type':'string','mutable':false},"
    "  "
    "'ints':{'type':{'key':'integer','min':0,'max':'unlimited'}},'map':{'type':{'key':'string','"
    "value':'string','min':0,'max':'unlimited'}},"
    "  'bs':{'type':{'key':{'type':'uuid','refTable':'B'},'min':0,'max':'unlimited'}},"
    "  "
    "'weak':{'type':{'key':{'type':'uuid','refTable':'B','refType':'weak'},'min':0,'max':'"
    "unlimited'}}}},"
    "'B':{'columns':{'name':{'type':'string'}}}}}";

static const char content[] =
    "[{'op':'insert','table':'A','row':{'name':'a1','n':-5,'x':0.5,'flag':true,'eph':'gone','ints':"
    "['set',[1,2,3,4]],"
    "  "
    "'map':['map',[['k','v'],['l','w']]],'bs':['set',[['named-uuid','b1'],['named-uuid','b2']]],'"
    "weak':['named-uuid','b2']}},"
    "{'op':'insert','table':'A','row':{'name':'a2','id':['uuid','01234567-89ab-4def-8123-"
    "456789abcdef'],'weak':['named-uuid','b1'],'fixed':'f'}},"
    "{'op':'insert','table':'B','uuid-name':'b1','row':{'name':'one'}},{'op':'insert','table':'B','"
    "uuid-name':'b2','row':{'name':'two'}}]";

static struct ovsdb_db *filled_db(void)
{
	struct ovsdb_db *db = fixture_db_of(schema);

	json_decref(fixture_transact(db, content));
	assert_int_equal(ovsdb_db_count_rows(db), 4);
	return db;
}

static struct buf_writer snapshot_of(const struct ovsdb_db *db)
{
	struct ovsdb_snapshot_cursor cursor = {0};
	struct buf_writer w;

	buf_writer_init(&w, BYTES_MAX);
	while (ovsdb_snapshot_encode(db, &cursor, 2, SIZE_MAX, &w))
		continue;
	assert_false(w.bad);
	return w;
}

/* NULL, or what is wrong with the bytes. */
static struct ovsdb_error *load(struct ovsdb_db *db, const void *bytes, size_t size)
{
	struct ovsdb_error *error = NULL;
	struct buf b = buf_from(bytes, size);

	ovsdb_db_begin_load(db);
	while (error == NULL && buf_left(&b) > 0) {
		struct ovsdb_changes *changes;
		error = ovsdb_changes_decode(db, &b, &changes);
		if (error != NULL)
			break;
		ovsdb_db_load(db, changes);
		ovsdb_changes_unref(changes);
	}
	struct ovsdb_error *end = ovsdb_db_end_load(db);
	if (error != NULL)
		ovsdb_error_destroy(end);
	return error != NULL ? error : end;
}

static struct ovsdb_error *convert(
    const struct ovsdb_db *db, const char *to, struct ovsdb_db **ret);

static void row_edits_from_c(void **)
{
	struct ovsdb_db *db = fixture_db_of(schema);
	struct ovsdb_table *table = ovsdb_db_find_table(db, "A");
	struct ovsdb_cell cells[] = {
	    {.column = ovsdb_table_find_column(table, "n"), .datum = ovsdb_datum_of_integer(7)},
	    {.column = ovsdb_table_find_column(table, "flag"),
		.datum = ovsdb_datum_of_boolean(true)},
	    {.column = ovsdb_table_find_column(table, "fixed"),
		.datum = ovsdb_datum_of_string("f")},
	};
	struct ovsdb_uuid uuid;

	struct ovsdb_txn *txn = ovsdb_txn_create(db);
	assert_null(ovsdb_txn_insert(txn, table, NULL, cells, 3, &uuid));
	cells[0].datum = ovsdb_datum_of_integer(8);
	assert_null(ovsdb_txn_update(txn, table, &uuid, cells, 2));
	struct ovsdb_error *error = ovsdb_txn_update(txn, table, &uuid, &cells[2], 1);
	assert_string_equal(error->details, "Cannot update immutable column fixed in table A.");
	ovsdb_error_destroy(error);
	error = ovsdb_txn_insert(txn, table, &uuid, NULL, 0, NULL);
	assert_string_equal(error->tag, "duplicate uuid");
	ovsdb_error_destroy(error);
	assert_null(ovsdb_txn_prepare(txn));
	struct ovsdb_changes *changes = ovsdb_txn_commit(txn);
	assert_int_equal(changes->n, 1);
	struct ovsdb_row *row = ovsdb_table_find_row(table, &uuid);
	struct ovsdb_datum n = ovsdb_row_get_named(row, "n"),
			   flag = ovsdb_row_get_named(row, "flag");
	assert_int_equal(ovsdb_datum_integer(&n, 0), 8);
	assert_true(ovsdb_datum_boolean(&flag, false));
	ovsdb_changes_unref(changes);
	ovsdb_datum_unref(&cells[2].datum);

	txn = ovsdb_txn_create(db);
	ovsdb_txn_delete(txn, table, &uuid);
	assert_int_equal(ovsdb_table_count(table), 0);
	ovsdb_txn_abort(txn);
	assert_int_equal(ovsdb_table_count(table), 1);
	ovsdb_db_destroy(db);
}

struct ear {
	struct ovsdb_listener listener;
	size_t n_committed, n_undone;
};

static void hear_commit(struct ovsdb_listener *listener, struct ovsdb_changes *changes)
{
	CONTAINER_OF(listener, struct ear, listener)->n_committed += changes->n;
}

static void hear_undo(struct ovsdb_listener *listener, struct ovsdb_changes *changes)
{
	CONTAINER_OF(listener, struct ear, listener)->n_undone += changes->n;
}

static void undo_brings_everything_back(void **)
{
	struct ovsdb_db *db = filled_db();
	struct buf_writer before = snapshot_of(db);
	struct ear ear = {.listener = {.committed = hear_commit, .undone = hear_undo}};
	json_t *params = fixture_json("['D',{'op':'delete','table':'A','where':[['name','==','a1']]"
				      "},{'op':'update','table':'A','where':[],'row':{'n':9}},"
				      "{'op':'insert','table':'A','row':{'name':'a3'}}]");
	struct ovsdb_request request = {.params = params};
	struct ovsdb_outcome outcome;

	ovsdb_db_add_listener(db, &ear.listener);
	ovsdb_execute(db, &request, &outcome);
	assert_non_null(outcome.txn);
	struct ovsdb_changes *changes = ovsdb_txn_commit(outcome.txn);
	fixture_check(db);
	assert_int_equal(changes->n, 5); // a1 and both Bs gone, a2 changed, a3 new
	ovsdb_undo(db, changes);
	fixture_check(db);
	assert_int_equal(ear.n_committed, 5);
	assert_int_equal(ear.n_undone, 5);
	struct buf_writer after = snapshot_of(db);
	assert_int_equal(before.size, after.size);
	struct ovsdb_db *copy = fixture_db_of(schema);
	assert_null(load(copy, before.data, before.size));
	assert_true(fixture_equals(db, copy));
	ovsdb_changes_unref(changes);
	json_decref(outcome.result);
	json_decref(params);
	ovsdb_db_del_listener(&ear.listener);
	ovsdb_db_destroy(db);
	ovsdb_db_destroy(copy);
	buf_writer_fini(&before);
	buf_writer_fini(&after);
}

static void snapshot_loads_without_what_is_ephemeral(void **)
{
	struct ovsdb_db *db = filled_db(), *copy = fixture_db_of(schema);
	struct buf_writer w = snapshot_of(db);

	assert_null(load(copy, w.data, w.size));
	fixture_check(copy);
	assert_true(fixture_equals(db, copy));
	ovsdb_table_foreach_row (row, ovsdb_db_find_table(copy, "A")) {
		struct ovsdb_datum eph = ovsdb_row_get_named(row, "eph");
		assert_string_equal(ovsdb_datum_string(&eph), "");
	}
	buf_writer_fini(&w);
	ovsdb_db_destroy(db);
	ovsdb_db_destroy(copy);
}

static void ephemeral_changes_need_no_journal(void **)
{
	struct ovsdb_db *db = filled_db();
	json_t *params =
	    fixture_json("['D',{'op':'update','table':'A','where':[],'row':{'eph':'new'}}]");
	struct ovsdb_request request = {.params = params};
	struct ovsdb_outcome outcome;
	struct buf_writer w;

	ovsdb_execute(db, &request, &outcome);
	struct ovsdb_changes *changes = ovsdb_txn_commit(outcome.txn);
	assert_int_equal(changes->n, 2);
	assert_true(ovsdb_changes_are_ephemeral(changes));
	buf_writer_init(&w, BYTES_MAX);
	ovsdb_changes_encode(changes, &w);
	assert_int_equal(w.size, 4);
	buf_writer_fini(&w);
	ovsdb_changes_unref(changes);
	json_decref(outcome.result);
	json_decref(params);
	ovsdb_db_destroy(db);
}

/* A big set that changes a little takes few bytes. */
static void modified_set_is_written_as_its_difference(void **)
{
	struct ovsdb_db *db = fixture_db_of(schema);
	json_t *set = json_array(), *params;
	struct ovsdb_outcome outcome;
	struct buf_writer w;

	for (int i = 0; i < 1000; i++)
		json_array_append_new(set, json_integer(i));
	params = json_pack("[s,{s:s,s:s,s:{s:[so]}}]", "D", "op", "insert", "table", "A", "row",
	    "ints", "set", set);
	struct ovsdb_request request = {.params = params};
	ovsdb_execute(db, &request, &outcome);
	ovsdb_changes_unref(ovsdb_txn_commit(outcome.txn));
	json_decref(outcome.result);
	json_decref(params);
	request.params = params =
	    fixture_json("['D',{'op':'mutate','table':'A','where':[],'mutations':[['ints','delete',"
			 "500],['ints','insert',5000]]}]");
	ovsdb_execute(db, &request, &outcome);
	struct ovsdb_changes *changes = ovsdb_txn_commit(outcome.txn);
	buf_writer_init(&w, BYTES_MAX);
	ovsdb_changes_encode(changes, &w);
	assert_in_range(w.size, 20, 80);
	buf_writer_fini(&w);
	ovsdb_changes_unref(changes);
	json_decref(outcome.result);
	json_decref(params);
	ovsdb_db_destroy(db);
}

/* Cut anywhere, or with any bit turned: an error, or a database that is sound. */
static void damaged_bytes_are_refused_or_sound(void **)
{
	struct ovsdb_db *db = filled_db();
	struct buf_writer w = snapshot_of(db);
	size_t step = test_size(7, 1);

	for (size_t i = 0; i < w.size; i += 1) {
		struct ovsdb_db *copy = fixture_db_of(schema);
		struct ovsdb_error *error = load(copy, w.data, i);
		if (error == NULL)
			fixture_check(copy);
		ovsdb_error_destroy(error);
		ovsdb_db_destroy(copy);
	}
	for (size_t i = 0; i < w.size * 8; i += step) {
		struct ovsdb_db *copy = fixture_db_of(schema);
		w.data[i / 8] ^= (uint8_t)(1U << i % 8);
		struct ovsdb_error *error = load(copy, w.data, w.size);
		if (error == NULL)
			fixture_check(copy);
		ovsdb_error_destroy(error);
		ovsdb_db_destroy(copy);
		w.data[i / 8] ^= (uint8_t)(1U << i % 8);
	}
	buf_writer_fini(&w);
	ovsdb_db_destroy(db);
}

/* Defaults that their own type refuses: of a column that is not in the file, or that a conversion added. What was taken is loaded again. */
static void what_was_accepted_loads(void **)
{
	static const char with_states[] =
	    "{'name':'D','tables':{'A':{'columns':{'n':{'type':'integer'},"
	    "'st':{'type':{'key':{'type':'string','enum':['set',['up','down']]}},'ephemeral':true}}"
	    "}}}";
	static const char with_mode[] =
	    "{'name':'D','tables':{'A':{'columns':{'n':{'type':'integer'},"
	    "'mode':{'type':{'key':{'type':'string','enum':['set',['x','y']]}}}}}}}";
	struct ovsdb_db *db = fixture_db_of(with_states), *copy = fixture_db_of(with_states),
			*new = NULL;

	json_decref(fixture_transact(db, "[{'op':'insert','table':'A','row':{'n':1,'st':'up'}}]"));
	assert_int_equal(ovsdb_db_count_rows(db), 1);
	struct buf_writer w = snapshot_of(db);
	assert_null(load(copy, w.data, w.size));
	assert_true(fixture_equals(db, copy));
	ovsdb_db_destroy(copy);
	buf_writer_fini(&w);

	assert_null(convert(db, with_mode, &new));
	w = snapshot_of(new);
	copy = fixture_db_of(with_mode);
	assert_null(load(copy, w.data, w.size));
	assert_true(fixture_equals(new, copy));
	buf_writer_fini(&w);
	ovsdb_db_destroy(copy);
	ovsdb_db_destroy(new);
	ovsdb_db_destroy(db);
}

static void load_names_what_is_missing(void **)
{
	struct ovsdb_db *db = filled_db(), *copy = fixture_db_of(schema);
	struct ovsdb_table *b = ovsdb_db_find_table(copy, "B");
	struct buf_writer w = snapshot_of(db);
	struct buf bytes = buf_from(w.data, w.size);

	ovsdb_db_begin_load(copy);
	while (buf_left(&bytes) > 0) {
		struct ovsdb_changes *changes;
		assert_null(ovsdb_changes_decode(copy, &bytes, &changes));
		ovsdb_db_load(copy, changes);
		ovsdb_changes_unref(changes);
	}
	struct ovsdb_changes *gone = ovsdb_changes_create(copy);
	size_t cursor = 0;
	ovsdb_changes_add(gone, b, ovsdb_row_ref(ovsdb_row_set_next(&b->rows, &cursor)), NULL);
	ovsdb_db_load(copy, gone);
	ovsdb_changes_unref(gone);
	struct ovsdb_error *error = ovsdb_db_end_load(copy);
	assert_non_null(error);
	assert_non_null(strstr(error->details, "references nonexistent row"));
	ovsdb_error_destroy(error);
	buf_writer_fini(&w);
	ovsdb_db_destroy(db);
	ovsdb_db_destroy(copy);
}

static struct ovsdb_error *convert(const struct ovsdb_db *db, const char *to, struct ovsdb_db **ret)
{
	struct ovsdb_schema *new = NULL;
	json_t *json = fixture_json(to);

	assert_null(ovsdb_schema_from_json(&new, json));
	json_decref(json);
	return ovsdb_db_convert(db, new, ret);
}

static void conversion_keeps_what_fits(void **)
{
	struct ovsdb_db *db = filled_db(), *new = NULL;
	struct ovsdb_error *error = convert(db,
	    "{'name':'D','tables':{'A':{'columns':{'name':{'type':'string'},'n':{'type':'real'},'"
	    "added':{'type':'integer'}}}}}",
	    &new);

	assert_null(error);
	fixture_check(new);
	assert_int_equal(ovsdb_db_count_rows(new), 2);
	json_t *got = fixture_transact(new,
	    "[{'op':'select','table':'A','where':[['name','==','a1']],'columns':['n','added']}]");
	json_t *want = fixture_json("[{'rows':[{'n':-5,'added':0}]}]");
	assert_true(json_equal(got, want));
	json_decref(got);
	json_decref(want);
	ovsdb_db_destroy(new);

	error = convert(db,
	    "{'name':'D','tables':{'A':{'columns':{'n':{'type':{'key':{'type':'integer','"
	    "minInteger':0}}}}}}}",
	    &new);
	assert_string_equal(error->details, "-5 is less than minimum allowed value 0");
	ovsdb_error_destroy(error);
	assert_int_equal(ovsdb_db_count_rows(db), 4);
	ovsdb_db_destroy(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(row_edits_from_c),
	    cmocka_unit_test(undo_brings_everything_back),
	    cmocka_unit_test(snapshot_loads_without_what_is_ephemeral),
	    cmocka_unit_test(ephemeral_changes_need_no_journal),
	    cmocka_unit_test(modified_set_is_written_as_its_difference),
	    cmocka_unit_test(damaged_bytes_are_refused_or_sound),
	    cmocka_unit_test(what_was_accepted_loads),
	    cmocka_unit_test(load_names_what_is_missing),
	    cmocka_unit_test(conversion_keeps_what_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
