/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/row_set.h"

#include <stdlib.h>

#include "datapath/base/compiler.h"
#include "ovsdb-lite/mem.h"

/*
 * Open addressing, linear probing; a deletion moves later ones of the run back, so that there are no tombstones.
 */
enum { FIRST_SLOTS = 8 };

static void resize(struct ovsdb_row_set *set, size_t n_slots);
static size_t slot_of(const struct ovsdb_row_set *set, const struct ovsdb_row *row, uint64_t hash);
static void put(struct ovsdb_row_set *set, struct ovsdb_row *row, uint32_t hash);

void ovsdb_row_set_init(struct ovsdb_row_set *set)
{
	*set = (struct ovsdb_row_set){0};
}

void ovsdb_row_set_fini(struct ovsdb_row_set *set)
{
	free(set->rows);
	free(set->hashes);
	ovsdb_row_set_init(set);
}

void ovsdb_row_set_add(struct ovsdb_row_set *set, struct ovsdb_row *row, uint64_t hash)
{
	if (set->rows == NULL)
		resize(set, FIRST_SLOTS);
	else if ((set->n + 1) * 4 > (set->mask + 1) * 3)
		resize(set, (set->mask + 1) * 2);
	put(set, row, (uint32_t)hash);
	set->n++;
}

void ovsdb_row_set_del(struct ovsdb_row_set *set, const struct ovsdb_row *row, uint64_t hash)
{
	size_t hole = slot_of(set, row, hash);

	for (size_t i = (hole + 1) & set->mask; set->rows[i] != NULL; i = (i + 1) & set->mask) {
		size_t home = set->hashes[i] & set->mask;
		if (((i - home) & set->mask) < ((i - hole) & set->mask))
			continue; // its home is behind the hole
		set->rows[hole] = set->rows[i];
		set->hashes[hole] = set->hashes[i];
		hole = i;
	}
	set->rows[hole] = NULL;
	set->n--;
	if (set->mask >= FIRST_SLOTS * 4 && set->n * 8 < set->mask)
		resize(set, (set->mask + 1) / 2);
}

void ovsdb_row_set_replace(
    struct ovsdb_row_set *set, const struct ovsdb_row *old, struct ovsdb_row *new, uint64_t hash)
{
	set->rows[slot_of(set, old, hash)] = new;
}

struct ovsdb_row *ovsdb_row_set_next_with_hash(
    const struct ovsdb_row_set *set, uint64_t hash, size_t *cursor)
{
	uint32_t h = (uint32_t)hash;

	if (set->rows == NULL)
		return NULL;
	size_t i = *cursor == SIZE_MAX ? h & set->mask : (*cursor + 1) & set->mask;
	for (; set->rows[i] != NULL; i = (i + 1) & set->mask) {
		*cursor = i;
		if (set->hashes[i] == h)
			return set->rows[i];
	}
	return NULL;
}

struct ovsdb_row *ovsdb_row_set_next(const struct ovsdb_row_set *set, size_t *cursor)
{
	while (set->rows != NULL && *cursor <= set->mask) {
		struct ovsdb_row *row = set->rows[(*cursor)++];
		if (row != NULL)
			return row;
	}
	return NULL;
}

static void resize(struct ovsdb_row_set *set, size_t n_slots)
{
	struct ovsdb_row_set old = *set;

	set->rows = ovsdb_alloc_array(n_slots, sizeof(struct ovsdb_row *));
	set->hashes = ovsdb_alloc_array(n_slots, sizeof(*set->hashes));
	set->mask = n_slots - 1;
	for (size_t i = 0; old.rows != NULL && i <= old.mask; i++) {
		if (old.rows[i] != NULL)
			put(set, old.rows[i], old.hashes[i]);
	}
	ovsdb_row_set_fini(&old);
}

static size_t slot_of(const struct ovsdb_row_set *set, const struct ovsdb_row *row, uint64_t hash)
{
	size_t i = (uint32_t)hash & set->mask;

	while (set->rows[i] != row) {
		assert(set->rows[i] != NULL);
		i = (i + 1) & set->mask;
	}
	return i;
}

static void put(struct ovsdb_row_set *set, struct ovsdb_row *row, uint32_t hash)
{
	size_t i = hash & set->mask;

	while (set->rows[i] != NULL)
		i = (i + 1) & set->mask;
	set->rows[i] = row;
	set->hashes[i] = hash;
}
