/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/change.h"

#include <stdlib.h>

#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/table.h"

struct ovsdb_changes *ovsdb_changes_create(struct ovsdb_db *db)
{
	struct ovsdb_changes *changes = ovsdb_alloc(sizeof(*changes));

	changes->n_refs = 1;
	changes->db = db;
	return changes;
}

struct ovsdb_changes *ovsdb_changes_ref(struct ovsdb_changes *changes)
{
	changes->n_refs++;
	return changes;
}

void ovsdb_changes_unref(struct ovsdb_changes *changes)
{
	if (changes == NULL || --changes->n_refs > 0)
		return;
	for (size_t i = 0; i < changes->n; i++) {
		ovsdb_row_unref(changes->array[i].old);
		ovsdb_row_unref(changes->array[i].new);
	}
	free(changes->array);
	free(changes->comment);
	free(changes);
}

void ovsdb_changes_add(struct ovsdb_changes *changes, struct ovsdb_table *table,
    struct ovsdb_row *old, struct ovsdb_row *new)
{
	changes->array =
	    ovsdb_grow(changes->array, changes->n, &changes->capacity, sizeof(*changes->array));
	changes->array[changes->n++] =
	    (struct ovsdb_change){.table = table, .old = old, .new = new};
}

bool ovsdb_changes_are_ephemeral(const struct ovsdb_changes *changes)
{
	for (size_t i = 0; i < changes->n; i++) {
		if (!ovsdb_change_is_ephemeral(&changes->array[i]))
			return false;
	}
	return true;
}

bool ovsdb_change_is_ephemeral(const struct ovsdb_change *change)
{
	const struct ovsdb_table_schema *schema = change->table->schema;

	if (change->old == NULL || change->new == NULL)
		return false;
	for (uint16_t i = OVSDB_N_STD_COLUMNS; i < schema->n_columns; i++) {
		const struct ovsdb_column *column = &schema->columns[i];
		if (column->is_persistent && ovsdb_change_has_column(change, column))
			return false;
	}
	return true;
}

bool ovsdb_change_has_column(const struct ovsdb_change *change, const struct ovsdb_column *column)
{
	if (change->old == NULL)
		return ovsdb_row_has(change->new, column);
	if (change->new == NULL)
		return ovsdb_row_has(change->old, column);
	return !ovsdb_row_column_equals(change->old, change->new, column);
}
