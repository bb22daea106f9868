/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/ovsdb-lite/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/reference.h"

static struct ovsdb_db *db_from(struct ovsdb_schema *schema, struct ovsdb_error *error);
static void fail(const char *what, const struct ovsdb_row *row);
static void count_references(
    const struct ovsdb_db *db, const struct ovsdb_row *to, uint32_t *n_strong, uint32_t *n_weak);
static void check_row(struct ovsdb_db *db, struct ovsdb_row *row);

struct ovsdb_db *fixture_db(const char *schema_path)
{
	struct ovsdb_schema *schema = NULL;
	struct ovsdb_error *error = ovsdb_schema_from_file(&schema, schema_path);

	return db_from(schema, error);
}

struct ovsdb_db *fixture_db_of(const char *schema_json)
{
	struct ovsdb_schema *schema = NULL;
	json_t *json = fixture_json(schema_json);
	struct ovsdb_error *error = ovsdb_schema_from_json(&schema, json);

	json_decref(json);
	return db_from(schema, error);
}

json_t *fixture_json(const char *text)
{
	json_error_t where;
	char *copy = strdup(text);

	for (char *c = copy; *c != '\0'; c++) {
		if (*c == '\'')
			*c = '"';
	}
	json_t *json = json_loads(copy, JSON_DECODE_ANY, &where);
	if (json == NULL) {
		fprintf(stderr, "%s\n%s\n", copy, where.text);
		abort();
	}
	free(copy);
	return json;
}

json_t *fixture_transact(struct ovsdb_db *db, const char *operations)
{
	json_t *params = fixture_json(operations);
	struct ovsdb_request request = {.params = params};
	struct ovsdb_outcome outcome;

	json_array_insert_new(params, 0, json_string(db->schema->name));
	ovsdb_execute(db, &request, &outcome);
	if (outcome.txn != NULL)
		ovsdb_changes_unref(ovsdb_txn_commit(outcome.txn));
	json_decref(params);
	fixture_check(db);
	return outcome.result != NULL ? outcome.result : json_string("wait");
}

void fixture_check(struct ovsdb_db *db)
{
	if (db->txn != NULL)
		abort();
	if (ovsdb_db_count_rows(db) > 300)
		return; // it looks at all pairs of rows
	for (uint16_t i = 0; i < db->schema->n_tables; i++) {
		ovsdb_table_foreach_row (row, &db->tables[i])
			check_row(db, row);
		for (uint16_t j = 0; j < db->tables[i].schema->n_indexes; j++) {
			if (db->tables[i].indexes[j].n != ovsdb_table_count(&db->tables[i]))
				abort();
		}
	}
}

bool fixture_equals(const struct ovsdb_db *a, const struct ovsdb_db *b)
{
	if (ovsdb_db_count_rows(a) != ovsdb_db_count_rows(b))
		return false;
	for (uint16_t i = 0; i < a->schema->n_tables; i++) {
		const struct ovsdb_table_schema *schema = a->tables[i].schema;
		ovsdb_table_foreach_row (row, &a->tables[i]) {
			struct ovsdb_row *other = ovsdb_table_find_row(&b->tables[i], &row->uuid);
			if (other == NULL)
				return false;
			for (uint16_t c = OVSDB_N_STD_COLUMNS; c < schema->n_columns; c++) {
				struct ovsdb_datum x = ovsdb_row_get(row, &schema->columns[c]);
				struct ovsdb_datum y =
				    ovsdb_row_get(other, &b->tables[i].schema->columns[c]);
				if (schema->columns[c].is_persistent && !ovsdb_datum_equals(&x, &y))
					return false;
			}
		}
	}
	return true;
}

static struct ovsdb_db *db_from(struct ovsdb_schema *schema, struct ovsdb_error *error)
{
	if (error != NULL) {
		char *text = ovsdb_error_format(error);
		fprintf(stderr, "schema: %s\n", text);
		exit(1);
	}
	return ovsdb_db_create(schema);
}

static void fail(const char *what, const struct ovsdb_row *row)
{
	char uuid[OVSDB_UUID_LEN + 1];

	fprintf(stderr, "table %s row %s: %s\n", row->table->schema->name,
	    ovsdb_uuid_format(&row->uuid, uuid), what);
	abort();
}

static void check_row(struct ovsdb_db *db, struct ovsdb_row *row)
{
	const struct ovsdb_table_schema *schema = row->table->schema;
	uint32_t n_strong = 0, n_weak = 0;

	if (ovsdb_table_find_row(row->table, &row->uuid) != row)
		fail("not found", row);
	struct ovsdb_error *error = ovsdb_refs_check(row);
	if (error != NULL)
		fail(error->details, row);
	for (uint16_t i = 0; i < schema->n_indexes; i++) {
		struct ovsdb_datum key[8];
		for (uint16_t c = 0; c < schema->indexes[i].n; c++)
			key[c] = ovsdb_row_get(row, schema->indexes[i].columns[c]);
		if (ovsdb_table_find_by_index(row->table, i, key) != row)
			fail("not the one in its index", row);
	}
	for (uint16_t c = OVSDB_N_STD_COLUMNS; c < schema->n_columns; c++) {
		struct ovsdb_datum d = ovsdb_row_get(row, &schema->columns[c]);
		error = ovsdb_datum_check(&d, &schema->columns[c].type);
		if (error != NULL)
			fail(error->details, row);
		if (ovsdb_row_has(row, &schema->columns[c]) ==
		    ovsdb_datum_is_default(&d, &schema->columns[c].type))
			fail("a default takes room", row);
	}
	count_references(db, row, &n_strong, &n_weak);
	if (row->n_strong_refs != n_strong)
		fail("wrong count of strong references", row);
	if (ovsdb_weak_refs_count(row->table, &row->uuid) != n_weak)
		fail("wrong count of weak references", row);
}

struct counter {
	const struct ovsdb_row *to;
	uint32_t n;
};

static void count_one(void *ctx, const struct ovsdb_column *column, struct ovsdb_table *to,
    const struct ovsdb_uuid *uuid, int delta)
{
	struct counter *counter = ctx;

	(void)column;
	(void)delta;
	counter->n += to == counter->to->table && ovsdb_uuid_equals(*uuid, counter->to->uuid);
}

static void count_references(
    const struct ovsdb_db *db, const struct ovsdb_row *to, uint32_t *n_strong, uint32_t *n_weak)
{
	struct counter strong = {.to = to}, weak = {.to = to};

	for (uint16_t i = 0; i < db->schema->n_tables; i++) {
		ovsdb_table_foreach_row (row, &db->tables[i]) {
			ovsdb_refs_diff(NULL, row, OVSDB_REF_STRONG, count_one, &strong);
			ovsdb_refs_diff(NULL, row, OVSDB_REF_WEAK, count_one, &weak);
		}
	}
	*n_strong = strong.n;
	*n_weak = weak.n;
}
