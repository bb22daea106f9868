/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/ptr_set.h"

#include <stdlib.h>

#include "datapath/base/compiler.h"
#include "ovsdb-lite/mem.h"

/*
 * Open addressing, linear probing; a deletion moves later ones of the run back, so that there are no tombstones.
 */
enum { FIRST_SLOTS = 8 };

static void resize(struct ovsdb_ptr_set *set, size_t n_slots);
static size_t slot_of(const struct ovsdb_ptr_set *set, const void *item, uint64_t hash);
static void put(struct ovsdb_ptr_set *set, void *item, uint32_t hash);

void ovsdb_ptr_set_init(struct ovsdb_ptr_set *set)
{
	*set = (struct ovsdb_ptr_set){0};
}

void ovsdb_ptr_set_fini(struct ovsdb_ptr_set *set)
{
	free(set->items);
	free(set->hashes);
	ovsdb_ptr_set_init(set);
}

void ovsdb_ptr_set_add(struct ovsdb_ptr_set *set, void *item, uint64_t hash)
{
	if (set->items == NULL)
		resize(set, FIRST_SLOTS);
	else if ((set->n + 1) * 4 > (set->mask + 1) * 3)
		resize(set, (set->mask + 1) * 2);
	put(set, item, (uint32_t)hash);
	set->n++;
}

void ovsdb_ptr_set_del(struct ovsdb_ptr_set *set, const void *item, uint64_t hash)
{
	size_t hole = slot_of(set, item, hash);

	for (size_t i = (hole + 1) & set->mask; set->items[i] != NULL; i = (i + 1) & set->mask) {
		size_t home = set->hashes[i] & set->mask;
		if (((i - home) & set->mask) < ((i - hole) & set->mask))
			continue; // its home is behind the hole
		set->items[hole] = set->items[i];
		set->hashes[hole] = set->hashes[i];
		hole = i;
	}
	set->items[hole] = NULL;
	set->n--;
	if (set->mask >= FIRST_SLOTS * 4 && set->n * 8 < set->mask)
		resize(set, (set->mask + 1) / 2);
}

void ovsdb_ptr_set_replace(struct ovsdb_ptr_set *set, const void *old, void *new, uint64_t hash)
{
	set->items[slot_of(set, old, hash)] = new;
}

void *ovsdb_ptr_set_next_with_hash(const struct ovsdb_ptr_set *set, uint64_t hash, size_t *cursor)
{
	uint32_t h = (uint32_t)hash;

	if (set->items == NULL)
		return NULL;
	size_t i = *cursor == SIZE_MAX ? h & set->mask : (*cursor + 1) & set->mask;
	for (; set->items[i] != NULL; i = (i + 1) & set->mask) {
		*cursor = i;
		if (set->hashes[i] == h)
			return set->items[i];
	}
	return NULL;
}

void *ovsdb_ptr_set_next(const struct ovsdb_ptr_set *set, size_t *cursor)
{
	while (set->items != NULL && *cursor <= set->mask) {
		void *item = set->items[(*cursor)++];
		if (item != NULL)
			return item;
	}
	return NULL;
}

static void resize(struct ovsdb_ptr_set *set, size_t n_slots)
{
	struct ovsdb_ptr_set old = *set;

	set->items = ovsdb_alloc_array(n_slots, sizeof(void *));
	set->hashes = ovsdb_alloc_array(n_slots, sizeof(*set->hashes));
	set->mask = n_slots - 1;
	for (size_t i = 0; old.items != NULL && i <= old.mask; i++) {
		if (old.items[i] != NULL)
			put(set, old.items[i], old.hashes[i]);
	}
	ovsdb_ptr_set_fini(&old);
}

static size_t slot_of(const struct ovsdb_ptr_set *set, const void *item, uint64_t hash)
{
	size_t i = (uint32_t)hash & set->mask;

	while (set->items[i] != item) {
		assert(set->items[i] != NULL);
		i = (i + 1) & set->mask;
	}
	return i;
}

static void put(struct ovsdb_ptr_set *set, void *item, uint32_t hash)
{
	size_t i = hash & set->mask;

	while (set->items[i] != NULL)
		i = (i + 1) & set->mask;
	set->items[i] = item;
	set->hashes[i] = hash;
}
