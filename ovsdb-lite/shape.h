/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a monitor looks at: tables, their columns, and which kinds of changes of each. Monitors of the same shape share one, and with it the
 * text of their updates.
 *
 * Threads: one. Memory: counted, in a list of the database's shapes; it borrows the database's tables.
 */
#include "ovsdb-lite/change_set.h"
#include "ovsdb-lite/condition.h"

/* Kinds of changes, as "select" names them. */
enum {
	OVSDB_SELECT_INITIAL = 1,
	OVSDB_SELECT_INSERT = 2,
	OVSDB_SELECT_DELETE = 4,
	OVSDB_SELECT_MODIFY = 8,
	OVSDB_SELECT_ALL = 15,
};

struct ovsdb_shape_column {
	const struct ovsdb_column *column;
	unsigned int select;
};

struct ovsdb_shape_table {
	struct ovsdb_table *table;
	unsigned int select; // of all its columns together
	size_t n, capacity;
	struct ovsdb_shape_column *columns;
};

struct ovsdb_shape {
	struct list node;
	uint32_t n_refs;
	uint64_t serial; // no other shape has, ever
	int version;     // of updates: 1 or 2
	size_t n, capacity;
	struct ovsdb_shape_table *tables;
	uint16_t *by_number; // of the schema's tables: index + 1, 0: not looked at
	size_t max_columns;  // of a table
};

struct ovsdb_shape *ovsdb_shape_create(int version);
/* NULL when the table is there already. */
struct ovsdb_shape_table *ovsdb_shape_find_table(
    const struct ovsdb_shape *shape, const struct ovsdb_table *table);
struct ovsdb_shape_table *ovsdb_shape_add_table(
    struct ovsdb_shape *shape, struct ovsdb_table *table);
/* False when the column is there already. */
MUST_CHECK
bool ovsdb_shape_add_column(
    struct ovsdb_shape_table *t, const struct ovsdb_column *column, unsigned int select);
/* The list's shape that is as this one, or this one: a reference. Takes shape. */
struct ovsdb_shape *ovsdb_shape_intern(
    struct list *shapes, const struct ovsdb_schema *schema, struct ovsdb_shape *shape);
void ovsdb_shape_unref(struct ovsdb_shape *shape); // NULL is fine
