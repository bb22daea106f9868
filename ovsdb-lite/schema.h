/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A database's schema (RFC 7047 3.2): tables, their columns and indexes. Tables and columns are sorted by name, so that numbers in the
 * journal mean the same whenever the same schema is read. columns[0] is _uuid, columns[1] is _version, the rest is the table's own.
 *
 * Threads: one; constant once parsed, and of one database. Memory: one owner, ovsdb_schema_destroy.
 */
#include "ovsdb-lite/column_type.h"

enum { OVSDB_COL_UUID, OVSDB_COL_VERSION, OVSDB_N_STD_COLUMNS };

struct ovsdb_column {
	char *name;
	uint16_t number; // in its table's columns[]
	bool is_mutable;
	bool is_persistent; // not "ephemeral"
	struct ovsdb_type type;
};

/* A unique index, or any list of columns. */
struct ovsdb_column_list {
	uint16_t n;
	const struct ovsdb_column **columns;
};

struct ovsdb_table_schema {
	char *name;
	uint16_t number; // in its schema's tables[]
	bool is_mutable;
	bool
	    is_root; // rows live without references; all tables are when no table says "isRoot": true
	uint32_t max_rows;  // OVSDB_UNLIMITED: a default limit
	uint16_t n_columns; // with the two standard ones
	struct ovsdb_column *columns;
	uint16_t n_indexes;
	struct ovsdb_column_list *indexes;
	uint16_t n_words;    // of 64 bits: one bit for each column
	uint64_t *wide_bits; // columns of two words in a row
	uint64_t *inline_bits;
	struct ovsdb_column_list ref_columns[OVSDB_REF_WEAK + 1]; // those that refer, by kind
};

struct ovsdb_schema {
	char *name;
	char *version;
	char *cksum; // "" when the schema has none
	uint16_t n_tables;
	struct ovsdb_table_schema *tables;
};

MUST_CHECK
struct ovsdb_error *ovsdb_schema_from_json(struct ovsdb_schema **ret, const json_t *json);
/* Reads a .ovsschema file. */
MUST_CHECK
struct ovsdb_error *ovsdb_schema_from_file(struct ovsdb_schema **ret, const char *path);
json_t *ovsdb_schema_to_json(
    const struct ovsdb_schema *schema); // as get_schema shows it; new reference
struct ovsdb_schema *ovsdb_schema_copy(const struct ovsdb_schema *schema);
void ovsdb_schema_destroy(struct ovsdb_schema *schema); // NULL is fine
/* Some column is not kept in the file. */
bool ovsdb_schema_has_ephemeral(const struct ovsdb_schema *schema);
bool ovsdb_schema_equals(const struct ovsdb_schema *a, const struct ovsdb_schema *b);
/* NULL when there is none. Columns: standard ones too. Binary search. */
const struct ovsdb_table_schema *ovsdb_schema_find_table(
    const struct ovsdb_schema *schema, const char *name);
const struct ovsdb_column *ovsdb_table_schema_find_column(
    const struct ovsdb_table_schema *table, const char *name);
json_t *ovsdb_table_schema_to_json(const struct ovsdb_table_schema *table);
json_t *ovsdb_column_to_json(const struct ovsdb_column *column);
/* Distinct columns by name; json NULL: all, the standard ones too. For ovsdb_column_list_fini. */
MUST_CHECK
struct ovsdb_error *ovsdb_column_list_from_json(
    struct ovsdb_column_list *ret, const struct ovsdb_table_schema *table, const json_t *json);
void ovsdb_column_list_fini(struct ovsdb_column_list *list);
/* After all columns are there: numbers them and derives the bits. For schema*.c. */
void ovsdb_table_schema_finish(struct ovsdb_table_schema *table);
