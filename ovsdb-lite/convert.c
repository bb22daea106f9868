/* SPDX-License-Identifier: Apache-2.0 */
/* A database's rows under another schema. */
#include <stdlib.h>

#include "ovsdb-lite/db.h"
#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/txn.h"
#include "ovsdb-lite/txn_row.h"

static struct ovsdb_error *convert_tables(const struct ovsdb_db *from, struct ovsdb_db *to);
static struct ovsdb_error *convert_row(
    struct ovsdb_txn *txn, struct ovsdb_table *table, const struct ovsdb_row *row);
static struct ovsdb_error *convert_datum(const struct ovsdb_column *to,
    const struct ovsdb_column *from, const struct ovsdb_datum *value, struct ovsdb_datum *ret);

struct ovsdb_error *ovsdb_db_convert(
    const struct ovsdb_db *db, struct ovsdb_schema *schema, struct ovsdb_db **ret)
{
	struct ovsdb_db *to = ovsdb_db_create(schema);
	struct ovsdb_error *error = convert_tables(db, to);

	if (error != NULL)
		ovsdb_db_destroy(to);
	else
		*ret = to;
	return error;
}

static struct ovsdb_error *convert_tables(const struct ovsdb_db *from, struct ovsdb_db *to)
{
	struct ovsdb_txn *txn = ovsdb_txn_create(to);
	struct ovsdb_error *error = NULL;

	for (uint16_t i = 0; error == NULL && i < from->schema->n_tables; i++) {
		struct ovsdb_table *table = ovsdb_db_find_table(to, from->schema->tables[i].name);
		size_t cursor = 0;
		struct ovsdb_row *row;
		while (table != NULL && error == NULL &&
		       (row = ovsdb_row_set_next(&from->tables[i].rows, &cursor)) != NULL)
			error = convert_row(txn, table, row);
	}
	if (error == NULL)
		error = ovsdb_txn_prepare(txn);
	if (error != NULL)
		ovsdb_txn_abort(txn);
	else
		ovsdb_changes_unref(ovsdb_txn_commit(txn));
	return error;
}

static struct ovsdb_error *convert_row(
    struct ovsdb_txn *txn, struct ovsdb_table *table, const struct ovsdb_row *row)
{
	const struct ovsdb_table_schema *schema = table->schema;
	struct ovsdb_cell *cells = ovsdb_alloc_array(schema->n_columns, sizeof(*cells));
	struct ovsdb_error *error = NULL;
	size_t n = 0;

	for (uint16_t i = OVSDB_N_STD_COLUMNS; error == NULL && i < schema->n_columns; i++) {
		const struct ovsdb_column *to = &schema->columns[i];
		const struct ovsdb_column *from = ovsdb_table_find_column(row->table, to->name);
		if (from == NULL)
			continue;
		struct ovsdb_datum value = ovsdb_row_get(row, from);
		error = convert_datum(to, from, &value, &cells[n].datum);
		if (error == NULL)
			cells[n++].column = to;
	}
	if (error == NULL)
		ovsdb_txn_add(txn, ovsdb_row_create(table, row->uuid, NULL, cells, n));
	for (size_t i = 0; i < n; i++)
		ovsdb_datum_unref(&cells[i].datum);
	free(cells);
	return error;
}

/* By way of JSON unless the atoms are of the same types: an integer becomes a real, a set of one a scalar. */
static struct ovsdb_error *convert_datum(const struct ovsdb_column *to,
    const struct ovsdb_column *from, const struct ovsdb_datum *value, struct ovsdb_datum *ret)
{
	struct ovsdb_error *error = NULL;
	bool is_same = to->type.key.type == from->type.key.type &&
		       to->type.value.type == from->type.value.type && value->n >= to->type.n_min &&
		       value->n <= to->type.n_max;

	if (is_same) {
		*ret = ovsdb_datum_ref(value);
		error = ovsdb_datum_check(ret, &to->type);
		if (error != NULL)
			ovsdb_datum_unref(ret);
		return error;
	}
	json_t *json = ovsdb_datum_to_json(value, &from->type);
	error = ovsdb_datum_from_json(ret, &to->type, json, NULL);
	json_decref(json);
	return error;
}
