/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/change_set.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/mem.h"

enum { SMALL = 8, FIRST_SLOTS = 32 };

struct set_text {
	struct list node;
	uint64_t shape; // its serial: a shape may be gone, and another be where it was
	struct ovsdb_shared_text *text;
};

static void merge(struct ovsdb_change_set *set, const struct ovsdb_change *change);
static const struct ovsdb_row *row_of(const struct ovsdb_net_change *c);
static bool is_of(const struct ovsdb_net_change *c, const struct ovsdb_row *row);
static struct ovsdb_net_change *find(struct ovsdb_change_set *set, const struct ovsdb_row *row);
static void remove_one(struct ovsdb_change_set *set, size_t i);
static size_t home_of(const struct ovsdb_change_set *set, size_t i);
static size_t slot_of(const struct ovsdb_change_set *set, size_t i);
static void free_slot(struct ovsdb_change_set *set, size_t hole);
static void append(struct ovsdb_change_set *set, const struct ovsdb_change *change);
static void index_all(struct ovsdb_change_set *set);
static void index_one(struct ovsdb_change_set *set, size_t i);
static void forget_texts(struct ovsdb_change_set *set);

struct ovsdb_shared_text *ovsdb_shared_text_create(const void *data, size_t size)
{
	struct ovsdb_shared_text *text = ovsdb_alloc_dirty(sizeof(*text) + size);
	text->n_refs = 1;
	text->size = size;
	memcpy(text->data, data, size);
	return text;
}

struct ovsdb_shared_text *ovsdb_shared_text_ref(struct ovsdb_shared_text *text)
{
	text->n_refs++;
	return text;
}

void ovsdb_shared_text_unref(struct ovsdb_shared_text *text)
{
	if (text != NULL && --text->n_refs == 0)
		free(text);
}

void ovsdb_change_sets_init(struct ovsdb_change_sets *sets)
{
	list_init(&sets->list);
	sets->newest = NULL;
}

void ovsdb_change_sets_add(struct ovsdb_change_sets *sets, const struct ovsdb_changes *changes)
{
	list_foreach (set, &sets->list, struct ovsdb_change_set, node)
		ovsdb_change_set_add(set, changes);
	sets->newest = NULL;
}

struct ovsdb_change_set *ovsdb_change_sets_join(struct ovsdb_change_sets *sets)
{
	if (sets->newest != NULL) {
		sets->newest->n_refs++;
		return sets->newest;
	}
	struct ovsdb_change_set *set = ovsdb_change_set_create();
	set->sets = sets;
	list_add(&sets->list, &set->node);
	sets->newest = set;
	return set;
}

struct ovsdb_change_set *ovsdb_change_set_create(void)
{
	struct ovsdb_change_set *set = ovsdb_alloc(sizeof(*set));
	set->n_refs = 1;
	list_init(&set->node);
	list_init(&set->texts);
	return set;
}

void ovsdb_change_set_add(struct ovsdb_change_set *set, const struct ovsdb_changes *changes)
{
	forget_texts(set);
	for (size_t i = 0; i < changes->n; i++)
		merge(set, &changes->array[i]);
}

void ovsdb_change_set_leave(struct ovsdb_change_set *set)
{
	if (set == NULL || --set->n_refs > 0)
		return;
	if (set->sets != NULL && set->sets->newest == set)
		set->sets->newest = NULL;
	forget_texts(set);
	for (size_t i = 0; i < set->n; i++) {
		ovsdb_row_unref(set->array[i].old);
		ovsdb_row_unref(set->array[i].new);
	}
	list_del(&set->node);
	free(set->array);
	free(set->slots);
	free(set);
}

struct ovsdb_shared_text *ovsdb_change_set_find_text(
    const struct ovsdb_change_set *set, uint64_t shape, bool *found)
{
	*found = true;
	list_foreach (t, &set->texts, struct set_text, node)
		if (t->shape == shape)
			return t->text;
	*found = false;
	return NULL;
}

void ovsdb_change_set_keep_text(
    struct ovsdb_change_set *set, uint64_t shape, struct ovsdb_shared_text *text)
{
	struct set_text *t = ovsdb_alloc(sizeof(*t));
	t->shape = shape;
	t->text = text != NULL ? ovsdb_shared_text_ref(text) : NULL;
	list_add(&set->texts, &t->node);
}

static void merge(struct ovsdb_change_set *set, const struct ovsdb_change *change)
{
	const struct ovsdb_row *any = change->new != NULL ? change->new : change->old;
	struct ovsdb_net_change *known = find(set, any);
	if (known == NULL) {
		append(set, change);
		return;
	}
	if (known->old == NULL && change->new == NULL) {
		remove_one(set, (size_t)(known - set->array)); // it came and went
		return;
	}
	ovsdb_row_unref(known->new);
	known->new = change->new != NULL ? ovsdb_row_ref(change->new) : NULL;
}

static const struct ovsdb_row *row_of(const struct ovsdb_net_change *c)
{
	return c->new != NULL ? c->new : c->old;
}

static bool is_of(const struct ovsdb_net_change *c, const struct ovsdb_row *row)
{
	return c->table == row->table && ovsdb_uuid_equals(row_of(c)->uuid, row->uuid);
}

static struct ovsdb_net_change *find(struct ovsdb_change_set *set, const struct ovsdb_row *row)
{
	if (set->n <= SMALL) {
		for (size_t i = 0; i < set->n; i++)
			if (is_of(&set->array[i], row))
				return &set->array[i];
		return NULL;
	}
	if (set->slots == NULL)
		index_all(set);
	size_t at = ovsdb_uuid_hash(&row->uuid) & (set->n_slots - 1);
	for (; set->slots[at] != 0; at = (at + 1) & (set->n_slots - 1))
		if (is_of(&set->array[set->slots[at] - 1], row))
			return &set->array[set->slots[at] - 1];
	return NULL;
}

/* The last takes its place. */
static void remove_one(struct ovsdb_change_set *set, size_t i)
{
	size_t last = set->n - 1;

	if (set->slots != NULL) {
		free_slot(set, slot_of(set, i));
		if (i != last)
			set->slots[slot_of(set, last)] = (uint32_t)i + 1;
	}
	ovsdb_row_unref(set->array[i].old);
	ovsdb_row_unref(set->array[i].new);
	set->array[i] = set->array[last];
	set->n--;
}

static size_t home_of(const struct ovsdb_change_set *set, size_t i)
{
	return ovsdb_uuid_hash(&row_of(&set->array[i])->uuid) & (set->n_slots - 1);
}

static size_t slot_of(const struct ovsdb_change_set *set, size_t i)
{
	size_t at = home_of(set, i);

	while (set->slots[at] != i + 1)
		at = (at + 1) & (set->n_slots - 1);
	return at;
}

/* Those behind it in its run move up, unless their home is behind the hole. */
static void free_slot(struct ovsdb_change_set *set, size_t hole)
{
	size_t mask = set->n_slots - 1;

	for (size_t at = (hole + 1) & mask; set->slots[at] != 0; at = (at + 1) & mask) {
		size_t home = home_of(set, set->slots[at] - 1);
		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		set->slots[hole] = set->slots[at];
		hole = at;
	}
	set->slots[hole] = 0;
}

static void append(struct ovsdb_change_set *set, const struct ovsdb_change *change)
{
	set->array = ovsdb_grow(set->array, set->n, &set->capacity, sizeof(*set->array));
	set->array[set->n++] = (struct ovsdb_net_change){.table = change->table,
	    .old = change->old != NULL ? ovsdb_row_ref(change->old) : NULL,
	    .new = change->new != NULL ? ovsdb_row_ref(change->new) : NULL};
	if (set->slots == NULL)
		return;
	if (set->n * 2 <= set->n_slots) {
		index_one(set, set->n - 1);
		return;
	}
	free(set->slots);
	set->slots = NULL;
}

static void index_all(struct ovsdb_change_set *set)
{
	size_t n_slots = FIRST_SLOTS;
	while (n_slots < set->n * 4)
		n_slots *= 2;
	set->slots = ovsdb_alloc_array(n_slots, sizeof(*set->slots));
	set->n_slots = n_slots;
	for (size_t i = 0; i < set->n; i++)
		index_one(set, i);
}

static void index_one(struct ovsdb_change_set *set, size_t i)
{
	size_t at = home_of(set, i);
	while (set->slots[at] != 0)
		at = (at + 1) & (set->n_slots - 1);
	set->slots[at] = (uint32_t)i + 1;
}

static void forget_texts(struct ovsdb_change_set *set)
{
	list_foreach_safe (t, &set->texts, struct set_text, node) {
		list_del(&t->node);
		ovsdb_shared_text_unref(t->text);
		free(t);
	}
}
