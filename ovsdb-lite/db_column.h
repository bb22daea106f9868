/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * "db:DATABASE,TABLE,COLUMN": remotes and file names that are kept in a served database (ovsdb-server(1)).
 *
 * Threads: the loop's. Memory: results are borrowed from the database unless said otherwise.
 */
#include "ovsdb-lite/server.h"

struct ovsdb_db_column {
	struct ovsdb_table *table;
	const struct ovsdb_column *column;
};

bool ovsdb_is_db_column(const char *name);
/* NULL, or what is wrong, for free(). */
MUST_CHECK
char *ovsdb_db_column_find(
    const struct ovsdb_server *s, const char *name, struct ovsdb_db_column *ret);
/* The first text in the column that is not empty; name itself when it names no column; NULL when there is none. */
const char *ovsdb_db_column_text(const struct ovsdb_server *s, const char *name);

/* Remotes with their options, in the making. Names are copied. */
struct ovsdb_remote_list {
	struct ovsdb_remote_conf *array;
	size_t n, capacity;
};

/* The remote itself, or those in its column: texts, or rows with "target" and options. */
void ovsdb_remote_list_add(
    struct ovsdb_remote_list *list, const struct ovsdb_server *s, const char *name);
void ovsdb_remote_list_fini(struct ovsdb_remote_list *list);
/* Writes "is_connected" and "status" of the rows that the column refers to, where they changed. */
void ovsdb_db_column_write_status(struct ovsdb_server *s, const char *name);
