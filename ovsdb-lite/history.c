/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/history.h"

#include <stdlib.h>

#include "ovsdb-lite/datum_text.h"
#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/table.h"

struct history_txn {
	struct list node;
	struct ovsdb_changes *changes;
	size_t size;
};

static size_t size_of(const struct ovsdb_changes *changes);
static size_t size_of_old(const struct ovsdb_change *change);
static size_t size_beside(const struct ovsdb_row *a, const struct ovsdb_row *b);
static void drop_oldest(struct ovsdb_history *h);

void ovsdb_history_init(struct ovsdb_history *h, size_t max_n, size_t max_size)
{
	*h = (struct ovsdb_history){.max_n = max_n, .max_size = max_size};
	list_init(&h->txns);
}

void ovsdb_history_clear(struct ovsdb_history *h, struct ovsdb_uuid last)
{
	while (!list_is_empty(&h->txns))
		drop_oldest(h);
	h->before = h->last = last;
}

size_t ovsdb_changes_bytes(const struct ovsdb_changes *changes)
{
	size_t size = 0;
	for (size_t i = 0; i < changes->n; i++) {
		const struct ovsdb_change *c = &changes->array[i];
		size += sizeof(*c) + (c->new != NULL ? size_beside(c->new, c->old) : 0);
	}
	return size;
}

void ovsdb_history_add(struct ovsdb_history *h, struct ovsdb_changes *changes)
{
	struct history_txn *t = ovsdb_alloc(sizeof(*t));
	t->changes = ovsdb_changes_ref(changes);
	t->size = size_of(changes);
	list_add(&h->txns, &t->node);
	h->n++;
	h->size += t->size;
	h->last = changes->txn_id;
	while (h->n > h->max_n || (h->size > h->max_size && h->n > 0))
		drop_oldest(h);
}

struct ovsdb_change_set *ovsdb_history_after(
    const struct ovsdb_history *h, struct ovsdb_uuid txn_id)
{
	if (ovsdb_uuid_is_zero(txn_id))
		return NULL;
	struct ovsdb_change_set *set = NULL;
	if (ovsdb_uuid_equals(h->before, txn_id))
		set = ovsdb_change_set_create();
	list_foreach (t, &h->txns, struct history_txn, node) {
		if (set != NULL)
			ovsdb_change_set_add(set, t->changes);
		else if (ovsdb_uuid_equals(t->changes->txn_id, txn_id))
			set = ovsdb_change_set_create();
	}
	return set;
}

/* The new versions are the table's, or an old version of a later transaction; of the old ones counts what the new do not share. */
static size_t size_of(const struct ovsdb_changes *changes)
{
	size_t size = sizeof(*changes) + changes->n * sizeof(*changes->array);
	for (size_t i = 0; i < changes->n; i++)
		if (changes->array[i].old != NULL)
			size += size_of_old(&changes->array[i]);
	return size;
}

static size_t size_of_old(const struct ovsdb_change *change)
{
	return ovsdb_row_bytes(change->old) + size_beside(change->old, change->new);
}

/* What a has and b, which may be NULL, does not share. */
static size_t size_beside(const struct ovsdb_row *a, const struct ovsdb_row *b)
{
	const struct ovsdb_table_schema *schema = a->table->schema;
	size_t size = 0;
	for (size_t i = OVSDB_N_STD_COLUMNS; i < schema->n_columns; i++) {
		const struct ovsdb_column *column = &schema->columns[i];
		if (!ovsdb_row_has(a, column) ||
		    (b != NULL && ovsdb_row_column_equals(a, b, column)))
			continue;
		struct ovsdb_datum d = ovsdb_row_get(a, column);
		size += ovsdb_datum_bytes(&d);
	}
	return size;
}

static void drop_oldest(struct ovsdb_history *h)
{
	struct history_txn *t = list_entry(h->txns.next, struct history_txn, node);
	h->before = t->changes->txn_id;
	h->n--;
	h->size -= t->size;
	list_del(&t->node);
	ovsdb_changes_unref(t->changes);
	free(t);
}
