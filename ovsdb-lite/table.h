/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A table of a database: its rows' current versions, by UUID and by each index. While a transaction is open the table shows what the
 * transaction made of it (nothing else runs meanwhile); abort puts the old versions back.
 *
 * Threads: one. Memory: the database owns tables; a table holds a reference to each row.
 */
#include "ovsdb-lite/row.h"
#include "ovsdb-lite/row_set.h"

struct ovsdb_db;

struct ovsdb_table {
	struct ovsdb_db *db;
	const struct ovsdb_table_schema *schema;
	struct ovsdb_row_set rows;     // by UUID
	struct ovsdb_row_set *indexes; // as schema->indexes: of rows with equal values one
	struct ovsdb_row_set
	    *twins; // the other ones, by UUID: only inside a transaction, or a load
};

/* Borrowed; NULL when there is none. */
struct ovsdb_row *ovsdb_table_find_row(
    const struct ovsdb_table *table, const struct ovsdb_uuid *uuid);
size_t ovsdb_table_count(const struct ovsdb_table *table);
/* The row whose columns of index i have these values (as many, in the index's order), or NULL. Not while there are twins. */
struct ovsdb_row *ovsdb_table_find_by_index(
    const struct ovsdb_table *table, uint16_t i, const struct ovsdb_datum *key);
/* Any order. The table may not change in between. */
#define ovsdb_table_foreach_row(row, table)                                                     \
	for (size_t row##_cursor = 0, row##_once = 1; row##_once != 0; row##_once = 0)          \
		for (struct ovsdb_row *row = ovsdb_row_set_next(&(table)->rows, &row##_cursor); \
		     row != NULL; row = ovsdb_row_set_next(&(table)->rows, &row##_cursor))

static inline const struct ovsdb_column *ovsdb_table_find_column(
    const struct ovsdb_table *table, const char *name)
{
	return ovsdb_table_schema_find_column(table->schema, name);
}

/* For db.c and txn.c. swap: another version; old or new may be NULL. Takes a reference to new, lets go of old's. */
void ovsdb_table_init(
    struct ovsdb_table *table, struct ovsdb_db *db, const struct ovsdb_table_schema *schema);
void ovsdb_table_fini(struct ovsdb_table *table);
void ovsdb_table_swap(struct ovsdb_table *table, struct ovsdb_row *old, struct ovsdb_row *new);
/*
 * Takes the twins of index i that are none any more into it. Returns one that still is, with the row that has its values, or NULL: there are none.
 */
struct ovsdb_row *ovsdb_table_settle_index(
    struct ovsdb_table *table, uint16_t i, struct ovsdb_row **ret_twin);
void ovsdb_table_settle(struct ovsdb_table *table); // all indexes; there may be no twins then
