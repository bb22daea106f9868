/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of many changes: for each row what it was first and what it is now. */
#include "tests/unit/test.h"

#include <time.h>

#include "ovsdb-lite/change_set.h"
#include "tests/unit/ovsdb-lite/fixture.h"

enum { N_TABLES = 2, N_ROWS = 60, N_MANY = 20000 };

/* A row by table and number; both tables use the same UUIDs. */
struct tracked {
	struct ovsdb_row *first, *now;
	bool is_touched;
};

static struct ovsdb_db *db;

static int open_db(void **)
{
	db = fixture_db_of("{'name':'D','tables':{'A':{'columns':{'n':{'type':'integer'}}},'B':{'"
			   "columns':{'n':{'type':'integer'}}}}}");
	return 0;
}

static int close_db(void **)
{
	ovsdb_db_destroy(db);
	return 0;
}

static struct ovsdb_row *version_of(int table, int i)
{
	struct ovsdb_uuid uuid = {.hi = 1, .lo = (uint64_t)i};

	return ovsdb_row_create(&db->tables[table], uuid, NULL, NULL, 0);
}

/* old and new stay the caller's. */
static void add(
    struct ovsdb_change_set *set, int table, struct ovsdb_row *old, struct ovsdb_row *new)
{
	struct ovsdb_changes *changes = ovsdb_changes_create(db);

	ovsdb_changes_add(changes, &db->tables[table], old != NULL ? ovsdb_row_ref(old) : NULL,
	    new != NULL ? ovsdb_row_ref(new) : NULL);
	ovsdb_change_set_add(set, changes);
	ovsdb_changes_unref(changes);
}

static void check(const struct ovsdb_change_set *set, struct tracked rows[N_TABLES][N_ROWS])
{
	size_t n = 0;

	for (int t = 0; t < N_TABLES; t++) {
		for (int i = 0; i < N_ROWS; i++)
			n += rows[t][i].is_touched &&
			     (rows[t][i].first != NULL || rows[t][i].now != NULL);
	}
	assert_int_equal(set->n, n);
	for (size_t i = 0; i < set->n; i++) {
		const struct ovsdb_net_change *c = &set->array[i];
		const struct ovsdb_row *any = c->new != NULL ? c->new : c->old;
		const struct tracked *row = &rows[c->table->schema->number][any->uuid.lo];
		assert_ptr_equal(c->old, row->first);
		assert_ptr_equal(c->new, row->now);
	}
}

static void net_change_is_from_first_to_last(void **)
{
	for (int round = 0; round < 30; round++) {
		struct ovsdb_change_set *set = ovsdb_change_set_create();
		struct tracked rows[N_TABLES][N_ROWS] = {0};
		for (int i = 0; i < N_ROWS; i += 2) {
			rows[0][i].first = version_of(0, i);
			rows[0][i].now = ovsdb_row_ref(rows[0][i].first);
		}
		for (int step = 0; step < 1000; step++) {
			int t = rand() % N_TABLES, i = rand() % N_ROWS;
			struct tracked *row = &rows[t][i];
			struct ovsdb_row *next =
			    row->now == NULL || rand() % 3 == 0 ? version_of(t, i) : NULL;
			add(set, t, row->now, next);
			// What came and went is forgotten: it would come as new.
			row->is_touched = row->first != NULL || next != NULL;
			ovsdb_row_unref(row->now);
			row->now = next;
			check(set, rows);
		}
		ovsdb_change_set_leave(set);
		for (int i = 0; i < N_TABLES * N_ROWS; i++) {
			ovsdb_row_unref(rows[i / N_ROWS][i % N_ROWS].first);
			ovsdb_row_unref(rows[i / N_ROWS][i % N_ROWS].now);
		}
	}
}

/* Each of them in a time that does not depend on how many there are; by the square this test would not end. */
static void many_that_come_and_go_are_no_work(void **)
{
	struct ovsdb_row **rows = calloc(N_MANY, sizeof(struct ovsdb_row *));
	struct ovsdb_change_set *set = ovsdb_change_set_create();

	for (int i = 0; i < N_MANY; i++) {
		rows[i] = version_of(0, i);
		add(set, 0, NULL, rows[i]);
	}
	assert_int_equal(set->n, N_MANY);
	for (int i = 0; i < N_MANY; i++) {
		add(set, 0, rows[i], NULL);
		ovsdb_row_unref(rows[i]);
	}
	assert_int_equal(set->n, 0);
	ovsdb_change_set_leave(set);
	free(rows);
}

int main(void)
{
	unsigned int seed =
	    getenv("SEED") != NULL ? (unsigned int)atoi(getenv("SEED")) : (unsigned int)time(NULL);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(net_change_is_from_first_to_last, open_db, close_db),
	    cmocka_unit_test_setup_teardown(many_that_come_and_go_are_no_work, open_db, close_db),
	};

	print_message("SEED=%u\n", seed);
	srand(seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
