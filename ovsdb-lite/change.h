/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a committed transaction did: for each row that it changed the versions before and after. The unit of monitors, history, journal and undo.
 *
 * Threads: one. Memory: counted; a change set holds references to its rows.
 */
#include "ovsdb-lite/row.h"

struct ovsdb_change {
	struct ovsdb_table *table;
	struct ovsdb_row *old; // NULL: inserted
	struct ovsdb_row *new; // NULL: deleted
};

struct ovsdb_changes {
	uint32_t n_refs;
	struct ovsdb_db *db;
	struct ovsdb_uuid txn_id; // monitor_cond_since's
	char *comment;            // of "comment" operations, or NULL
	size_t n, capacity;
	struct ovsdb_change
	    *array; // each row once; in the order in which the transaction touched them first
};

struct ovsdb_changes *ovsdb_changes_create(struct ovsdb_db *db);
struct ovsdb_changes *ovsdb_changes_ref(struct ovsdb_changes *changes);
void ovsdb_changes_unref(struct ovsdb_changes *changes); // NULL is fine
/* Takes the references that the caller had; old or new may be NULL. */
void ovsdb_changes_add(struct ovsdb_changes *changes, struct ovsdb_table *table,
    struct ovsdb_row *old, struct ovsdb_row *new);
/* True when the journal would have nothing to keep: no row, or ephemeral columns only. */
bool ovsdb_changes_are_ephemeral(const struct ovsdb_changes *changes);
bool ovsdb_change_is_ephemeral(const struct ovsdb_change *change);
/* A column's value differs between old and new; true for columns that are not at default when one of them is NULL. */
bool ovsdb_change_has_column(const struct ovsdb_change *change, const struct ovsdb_column *column);
