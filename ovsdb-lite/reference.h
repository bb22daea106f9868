/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * References between rows (RFC 7047 3.2 "refTable"). Strong ones are counted in the row that they refer to, of the current version. Weak ones are in
 * a map by the row that they refer to, so that a row that goes finds who refers to it.
 *
 * A row's references to itself do not count.
 *
 * Threads: one. Memory: the database owns the map.
 */
#include "ovsdb-lite/db.h"

/* Each atom of row's columns that refers, by kind. */
typedef void ovsdb_ref_visitor(void *ctx, const struct ovsdb_column *column, struct ovsdb_table *to,
    const struct ovsdb_uuid *uuid, int delta);

/*
 * Visits what became different between two versions: delta -1 for what only old has, +1 for what only new has. Either may be NULL.
 */
void ovsdb_refs_diff(const struct ovsdb_row *old, const struct ovsdb_row *new,
    enum ovsdb_ref_kind kind, ovsdb_ref_visitor *visit, void *ctx);
/* Counts the difference in the rows that are there. */
void ovsdb_strong_refs_apply(const struct ovsdb_row *old, const struct ovsdb_row *new);
void ovsdb_weak_refs_apply(const struct ovsdb_row *old, const struct ovsdb_row *new);
/* NULL when all that row refers to is there. */
MUST_CHECK
struct ovsdb_error *ovsdb_refs_check(const struct ovsdb_row *row);
/* Rows that refer weakly to this one. */
void ovsdb_weak_refs_foreach(struct ovsdb_table *to, const struct ovsdb_uuid *uuid,
    void (*visit)(void *ctx, struct ovsdb_table *from, const struct ovsdb_uuid *from_uuid),
    void *ctx);
uint32_t ovsdb_weak_refs_count(const struct ovsdb_table *to, const struct ovsdb_uuid *uuid);
void ovsdb_weak_refs_fini(struct ovsdb_db *db);
struct ovsdb_error *ovsdb_dangling_error(const struct ovsdb_row *row,
    const struct ovsdb_column *column, const struct ovsdb_table *to, const struct ovsdb_uuid *uuid);
