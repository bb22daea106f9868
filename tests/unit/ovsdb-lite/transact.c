/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database in memory behind stdin: transact SCHEMA. Each line is a "transact" request's params; each answer is a line. A wait that would wait
 * answers "wait". What diff_test.py talks to.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/execute.h"
#include "ovsdb-lite/row_codec.h"
#include "tests/unit/ovsdb-lite/fixture.h"

enum { BYTES_MAX = 64 << 20 };

static void answer(const json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

	puts(text);
	fflush(stdout);
	free(text);
}

/* Every change goes through its binary form into a second database, which has to stay the same. */
static void mirror(struct ovsdb_db *copy, struct ovsdb_changes *changes)
{
	struct ovsdb_changes *decoded = NULL;
	struct buf_writer w;

	buf_writer_init(&w, BYTES_MAX);
	ovsdb_changes_encode(changes, &w);
	struct buf b = buf_from(w.data, w.size);
	struct ovsdb_error *error = ovsdb_changes_decode(copy, &b, &decoded);
	if (error != NULL || buf_left(&b) != 0) {
		fprintf(stderr, "changes cannot be read: %s\n",
		    error != NULL ? ovsdb_error_format(error) : "bytes left");
		abort();
	}
	ovsdb_db_load(copy, decoded);
	ovsdb_changes_unref(decoded);
	buf_writer_fini(&w);
}

static json_t *transact(struct ovsdb_db *db, struct ovsdb_db *copy, const json_t *params)
{
	struct ovsdb_request request = {.params = params};
	struct ovsdb_outcome outcome;

	ovsdb_execute(db, &request, &outcome);
	if (outcome.txn != NULL) {
		struct ovsdb_changes *changes = ovsdb_txn_commit(outcome.txn);
		mirror(copy, changes);
		// There and back again: an undo is exact.
		fixture_check(db);
		ovsdb_undo(db, changes);
		fixture_check(db);
		for (size_t i = 0; i < changes->n; i++) {
			struct ovsdb_row *t = changes->array[i].old;
			changes->array[i].old = changes->array[i].new;
			changes->array[i].new = t;
		}
		ovsdb_undo(db, changes);
		ovsdb_changes_unref(changes);
	}
	fixture_check(db);
	return outcome.result != NULL ? outcome.result : json_string("wait");
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t size = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: %s SCHEMA\n", argv[0]);
		return 2;
	}
	struct ovsdb_db *db = fixture_db(argv[1]), *copy = fixture_db(argv[1]);
	ovsdb_db_begin_load(copy);
	while (getline(&line, &size, stdin) > 0) {
		json_t *params = json_loads(line, JSON_DECODE_ANY, NULL);
		json_t *result =
		    params != NULL ? transact(db, copy, params) : json_string("not JSON");
		answer(result);
		json_decref(result);
		json_decref(params);
	}
	free(line);
	struct ovsdb_error *error = ovsdb_db_end_load(copy);
	if (error != NULL) {
		fprintf(stderr, "the copy is wrong: %s\n", ovsdb_error_format(error));
		return 1;
	}
	fixture_check(copy);
	if (!fixture_equals(db, copy)) {
		fprintf(stderr, "the copy differs\n");
		return 1;
	}
	ovsdb_db_destroy(db);
	ovsdb_db_destroy(copy);
	return 0;
}
