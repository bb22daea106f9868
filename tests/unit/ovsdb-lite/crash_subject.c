/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scripted load for crash_test.py, and what a file has afterwards.
 *
 * crash_subject load FILE   says on stdout what has been acknowledged
 * crash_subject show FILE   opens it as a server would, says what is in it
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/log.h"
#include "ovsdb-lite/storage.h"
#include "ovsdb-lite/txn.h"

enum { N_STEPS = 14, COMPACT_BEGIN = 4, COMPACT_WAIT = 7, CONVERT = 10, COMPACT_NOW = 12 };

static struct err err;

static void must(bool ok)
{
	if (ok)
		return;
	fprintf(stderr, "failed: %s\n", err.what);
	exit(1);
}

static void say(const char *what, int step)
{
	printf("%s %d\n", what, step);
	fflush(stdout);
}

static struct ovsdb_schema *make_schema(const char *name, int version)
{
	struct ovsdb_schema *schema = NULL;
	json_t *json = json_pack("{s:s, s:o, s:{s:{s:{s:{s:s}}}}}", "name", name, "version",
	    json_sprintf("%d.0.0", version), "tables", "t", "columns", "n", "type", "integer");
	if (version == 2)
		json_object_set_new(
		    json_object_get(
			json_object_get(json_object_get(json, "tables"), "t"), "columns"),
		    "added", json_pack("{s:s}", "type", "string"));
	struct ovsdb_error *error = ovsdb_schema_from_json(&schema, json);
	must(error == NULL);
	json_decref(json);
	return schema;
}

static struct ovsdb_changes *insert(struct ovsdb_db *db, int n)
{
	struct ovsdb_table *table = ovsdb_db_find_table(db, "t");
	struct ovsdb_txn *txn = ovsdb_txn_create(db);
	const struct ovsdb_cell cell = {
	    .column = ovsdb_table_find_column(table, "n"), .datum = ovsdb_datum_of_integer(n)};
	struct ovsdb_error *error = ovsdb_txn_insert(txn, table, NULL, &cell, 1, NULL);
	must(error == NULL);
	error = ovsdb_txn_prepare(txn);
	must(error == NULL);
	return ovsdb_txn_commit(txn);
}

/* A transaction of both databases. */
static void add(struct ovsdb_storage *s, int n)
{
	struct ovsdb_changes *changes[2];
	for (size_t i = 0; i < 2; i++)
		changes[i] = insert(ovsdb_storage_db(s, i), n);
	ovsdb_storage_add(s, changes, 2);
	for (size_t i = 0; i < 2; i++)
		ovsdb_changes_unref(changes[i]);
}

static void compacted(const struct err *fault, void *)
{
	printf("compacted %s\n", fault == NULL ? "well" : fault->what);
	fflush(stdout);
}

static void convert(struct ovsdb_storage *s)
{
	struct ovsdb_db *old = ovsdb_storage_db(s, 0), *new = NULL;
	struct ovsdb_error *error = ovsdb_db_convert(old, make_schema("one", 2), &new);
	must(error == NULL);
	must(ovsdb_storage_convert(s, old, new, &err) == 0);
	ovsdb_db_destroy(old);
	say("converted", 0);
}

static void load(const char *path)
{
	struct ovsdb_schema *schemas[] = {make_schema("one", 1), make_schema("two", 1)};
	must(ovsdb_storage_create(
		 path, (const struct ovsdb_schema *const *)schemas, 2, NULL, &err) == 0);
	say("created", 0);
	ovsdb_schema_destroy(schemas[0]);
	ovsdb_schema_destroy(schemas[1]);
	struct event_base *base = event_base_new();
	struct ovsdb_storage *s =
	    ovsdb_storage_open(path, &(struct ovsdb_storage_options){.base = base}, NULL, &err);
	must(s != NULL);
	for (int step = 1, n = 0; step <= N_STEPS; step++) {
		if (step == COMPACT_BEGIN)
			must(ovsdb_storage_compact_begin(s, compacted, NULL, &err) == 0);
		while (step == COMPACT_WAIT && ovsdb_storage_is_compacting(s))
			event_base_loop(base, EVLOOP_ONCE);
		if (step == CONVERT)
			convert(s);
		if (step == COMPACT_NOW)
			must(ovsdb_storage_compact(s, &err) == 0);
		for (int i = 0; i < 1 + step % 3; i++)
			add(s, ++n);
		say("added", n);
		must(ovsdb_storage_flush(s, &err) == 0);
		say("flushed", n);
	}
	ovsdb_storage_close(s);
	event_base_free(base);
	say("ended", 0);
}

static int compare_numbers(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void show(const char *path)
{
	struct ovsdb_storage_report report;
	struct ovsdb_storage *s =
	    ovsdb_storage_open(path, &(struct ovsdb_storage_options){0}, &report, &err);
	must(s != NULL);
	for (size_t i = 0; i < ovsdb_storage_n_dbs(s); i++) {
		struct ovsdb_db *db = ovsdb_storage_db(s, i);
		struct ovsdb_table *table = ovsdb_db_find_table(db, "t");
		int numbers[1000], n = 0;
		ovsdb_table_foreach_row (row, table) {
			struct ovsdb_datum datum = ovsdb_row_get_named(row, "n");
			numbers[n++] = (int)ovsdb_datum_integer(&datum, -1);
		}
		qsort(numbers, (size_t)n, sizeof(numbers[0]), compare_numbers);
		printf("%s %s", db->schema->name, db->schema->version);
		for (int k = 0; k < n; k++)
			printf(" %d", numbers[k]);
		printf("\n");
	}
	ovsdb_storage_close(s);
}

int main(int argc, char *argv[])
{
	log_init("subject", LOG_LVL_ERR);
	if (argc != 3)
		return 2;
	if (strcmp(argv[1], "load") == 0)
		load(argv[2]);
	else
		show(argv[2]);
	return 0;
}
