/* SPDX-License-Identifier: Apache-2.0 */
/* Unique indexes at the end of a transaction. Its texts name both rows, in an order that does not depend on hashing. */
#include <stdlib.h>

#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/txn_row.h"

static struct ovsdb_error *check_table(struct ovsdb_txn *txn, struct ovsdb_table *table);
static struct ovsdb_error *duplicate(struct ovsdb_txn *txn, const struct ovsdb_column_list *index,
    const struct ovsdb_row *a, const struct ovsdb_row *b);
static int compare_rows(const struct ovsdb_row *a, const struct ovsdb_row *b);
static char *describe(struct ovsdb_txn *txn, const struct ovsdb_column_list *index,
    const struct ovsdb_row *row, const char *title);
static char *format_values(const struct ovsdb_row *row, const struct ovsdb_column_list *columns);
static char *format_columns(const struct ovsdb_column_list *columns);
static const char *delimiter(uint16_t i, uint16_t n);

struct ovsdb_error *ovsdb_txn_check_indexes(struct ovsdb_txn *txn)
{
	struct ovsdb_error *error = NULL;

	for (uint16_t i = 0; error == NULL && i < txn->db->schema->n_tables; i++)
		error = check_table(txn, &txn->db->tables[i]);
	return error;
}

static struct ovsdb_error *check_table(struct ovsdb_txn *txn, struct ovsdb_table *table)
{
	for (uint16_t i = 0; i < table->schema->n_indexes; i++) {
		struct ovsdb_row *twin, *row = ovsdb_table_settle_index(table, i, &twin);
		if (row != NULL)
			return duplicate(txn, &table->schema->indexes[i], row, twin);
	}
	return NULL;
}

static struct ovsdb_error *duplicate(struct ovsdb_txn *txn, const struct ovsdb_column_list *index,
    const struct ovsdb_row *a, const struct ovsdb_row *b)
{
	bool is_in_order = compare_rows(a, b) >= 0;
	const struct ovsdb_row *first_row = is_in_order ? a : b;
	const struct ovsdb_row *second_row = is_in_order ? b : a;
	char *values = format_values(first_row, index);
	char *columns = format_columns(index);
	char *first = describe(txn, index, first_row, "First");
	char *second = describe(txn, index, second_row, "Second");
	struct ovsdb_error *error = ovsdb_error_create("constraint violation",
	    "Transaction causes multiple rows in \"%s\" table to have identical values (%s) for "
	    "index on %s.  %s  %s",
	    a->table->schema->name, values, columns, first, second);

	free(values);
	free(columns);
	free(first);
	free(second);
	return error;
}

static int compare_rows(const struct ovsdb_row *a, const struct ovsdb_row *b)
{
	const struct ovsdb_table_schema *schema = a->table->schema;

	for (uint16_t i = OVSDB_N_STD_COLUMNS; i < schema->n_columns; i++) {
		struct ovsdb_datum x = ovsdb_row_get(a, &schema->columns[i]);
		struct ovsdb_datum y = ovsdb_row_get(b, &schema->columns[i]);
		int order = ovsdb_datum_compare(&x, &y);
		if (order != 0)
			return order;
	}
	return ovsdb_uuid_compare(&a->uuid, &b->uuid);
}

static char *describe(struct ovsdb_txn *txn, const struct ovsdb_column_list *index,
    const struct ovsdb_row *row, const char *title)
{
	const struct ovsdb_txn_row *tr = ovsdb_txn_find(txn, row->table, &row->uuid);
	const char *what = "existed in the database before this transaction, which modified some "
			   "of the row's columns but not any columns in this index.";
	char uuid[OVSDB_UUID_LEN + 1];

	ovsdb_uuid_format(&row->uuid, uuid);
	if (tr == NULL || tr->old == tr->new) {
		what = "existed in the database before this transaction and was not modified by "
		       "the transaction.";
	} else if (tr->old == NULL) {
		what = "was inserted by this transaction.";
	} else if (!ovsdb_row_columns_equal(tr->old, tr->new, index)) {
		char *values = format_values(tr->old, index);
		char *text = ovsdb_format_text(
		    "%s row, with UUID %s, had the following index values before the "
		    "transaction: %s.",
		    title, uuid, values);
		free(values);
		return text;
	}
	return ovsdb_format_text("%s row, with UUID %s, %s", title, uuid, what);
}

static char *format_values(const struct ovsdb_row *row, const struct ovsdb_column_list *columns)
{
	char *text = ovsdb_copy_text("");

	for (uint16_t i = 0; i < columns->n; i++) {
		struct ovsdb_datum d = ovsdb_row_get(row, columns->columns[i]);
		char *value = ovsdb_datum_format(&d, &columns->columns[i]->type);
		char *longer = ovsdb_format_text("%s%s%s", text, delimiter(i, columns->n), value);
		free(value);
		free(text);
		text = longer;
	}
	return text;
}

static char *format_columns(const struct ovsdb_column_list *columns)
{
	char *text = ovsdb_copy_text(columns->n > 1 ? "columns " : "column ");

	for (uint16_t i = 0; i < columns->n; i++) {
		char *longer = ovsdb_format_text(
		    "%s%s\"%s\"", text, delimiter(i, columns->n), columns->columns[i]->name);
		free(text);
		text = longer;
	}
	return text;
}

/* "a", "a and b", "a, b, and c" */
static const char *delimiter(uint16_t i, uint16_t n)
{
	if (i == 0)
		return "";
	if (i + 1 < n)
		return ", ";
	return n > 2 ? ", and " : " and ";
}
