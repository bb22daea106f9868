/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One version of a row. Immutable and counted: a change makes another version, and whoever is interested in the old one (a monitor,
 * the history, an undo) holds a reference to it. Only columns that differ from their default take room.
 *
 * Threads: one. Memory: ovsdb_row_ref and ovsdb_row_unref; the table holds one reference to its current version. All rows must be
 * let go of before their database is destroyed.
 */
#include "ovsdb-lite/schema.h"

struct ovsdb_table;

struct ovsdb_row {
	struct ovsdb_table *table;
	struct ovsdb_uuid uuid;
	uint64_t version;       // distinct among all rows of the process; see ovsdb_row_version
	uint32_t n_refs;        // of memory
	uint32_t n_strong_refs; // from other rows; kept true in the current version only
	uint64_t words[];       // a bit for each column that is there, then what they hold
};

static inline struct ovsdb_row *ovsdb_row_ref(struct ovsdb_row *row)
{
	row->n_refs++;
	return row;
}

void ovsdb_row_unref(struct ovsdb_row *row); // NULL is fine

/* Borrowed from the row. _uuid and _version are columns as others. */
struct ovsdb_datum ovsdb_row_get(const struct ovsdb_row *row, const struct ovsdb_column *column);
/* By name, for C users; the column must exist. */
struct ovsdb_datum ovsdb_row_get_named(const struct ovsdb_row *row, const char *column);
bool ovsdb_row_has(
    const struct ovsdb_row *row, const struct ovsdb_column *column); // not the default
struct ovsdb_uuid ovsdb_row_version(const struct ovsdb_row *row);
uint64_t ovsdb_row_version_number(struct ovsdb_uuid version); // its inverse; 0: not of this process
/* Of two versions of a row: same value? Cheap when they share it. */
bool ovsdb_row_column_equals(
    const struct ovsdb_row *a, const struct ovsdb_row *b, const struct ovsdb_column *column);
bool ovsdb_row_equals(
    const struct ovsdb_row *a, const struct ovsdb_row *b); // all but _uuid and _version
bool ovsdb_row_columns_equal(
    const struct ovsdb_row *a, const struct ovsdb_row *b, const struct ovsdb_column_list *columns);
uint64_t ovsdb_row_hash_columns(
    const struct ovsdb_row *row, const struct ovsdb_column_list *columns);
/* {"col": value, …}, of all columns with the standard ones when columns is NULL. New reference. */
json_t *ovsdb_row_to_json(const struct ovsdb_row *row, const struct ovsdb_column_list *columns);

size_t ovsdb_row_json_bytes(const struct ovsdb_row *row,
    const struct ovsdb_column_list *columns); // memory of its JSON, about

/* A column's new value. */
struct ovsdb_cell {
	const struct ovsdb_column *column;
	struct ovsdb_datum datum;
};

/*
 * A version with these cells (distinct columns in order of their numbers, none of the standard ones) changed; base NULL: a new row, the rest at default. Cells' datums
 * are borrowed. The new row has one reference, a new _version, and is in no table.
 */
struct ovsdb_row *ovsdb_row_create(struct ovsdb_table *table, struct ovsdb_uuid uuid,
    const struct ovsdb_row *base, const struct ovsdb_cell *cells, size_t n_cells);
size_t ovsdb_row_bytes(
    const struct ovsdb_row *row); // memory of the row itself, without what it shares
