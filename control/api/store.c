/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/store.h"

#include <stdlib.h>
#include <string.h>

#include "control/mem.h"
#include "datapath/base/hash.h"

struct store_table {
	struct hmap objects;
	const struct api_object **sorted; // by name; NULL: not made since the last change
};

struct store {
	struct store_table tables[API_TABLE__COUNT];
	struct hash_key key;
	uint64_t generation;
};

static struct api_object *find(const struct store *s, enum api_table table, const char *name);
static void forget_order(struct store_table *t);
static int compare_names(const void *a, const void *b);

struct store *store_create(void)
{
	struct store *s = mem_alloc(sizeof(*s));
	hash_key_init(&s->key);
	for (size_t i = 0; i < API_TABLE__COUNT; i++)
		hmap_init(&s->tables[i].objects);
	return s;
}

void store_destroy(struct store *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < API_TABLE__COUNT; i++) {
		hmap_foreach_safe (o, &s->tables[i].objects, struct api_object, node)
			api_object_unref(o);
		hmap_fini(&s->tables[i].objects);
		free(s->tables[i].sorted);
	}
	free(s);
}

uint64_t store_generation(const struct store *s)
{
	return s->generation;
}

const struct api_object *store_find(const struct store *s, enum api_table table, const char *name)
{
	return find(s, table, name);
}

size_t store_count(const struct store *s, enum api_table table)
{
	return s->tables[table].objects.n;
}

void store_foreach(const struct store *s, enum api_table table,
    bool (*cb)(const struct api_object *o, void *arg), void *arg)
{
	hmap_foreach (o, &s->tables[table].objects, struct api_object, node)
		if (!cb(o, arg))
			return;
}

const struct api_object *const *store_sorted(
    const struct store *s, enum api_table table, size_t *ret_n)
{
	/* The order is a cache: making it does not change what the store says. */
	struct store_table *t = (struct store_table *)&s->tables[table];
	*ret_n = t->objects.n;
	if (t->sorted != NULL || t->objects.n == 0)
		return t->sorted;
	t->sorted = mem_alloc_array(t->objects.n, sizeof(const struct api_object *));
	size_t n = 0;
	hmap_foreach (o, &t->objects, struct api_object, node)
		t->sorted[n++] = o;
	qsort(t->sorted, n, sizeof(const struct api_object *), compare_names);
	return t->sorted;
}

void store_commit(struct store *s, const struct api_change *changes, size_t n, uint64_t generation)
{
	for (size_t i = 0; i < n; i++) {
		struct store_table *t = &s->tables[changes[i].table];
		struct api_object *old = find(s, changes[i].table, changes[i].name);
		forget_order(t);
		/* The name in changes may be the old object's. */
		if (changes[i].new_object != NULL) {
			struct api_object *o = api_object_ref(changes[i].new_object);
			hmap_add(&t->objects, &o->node, hash_string(&s->key, o->name));
		}
		if (old != NULL) {
			hmap_del(&t->objects, &old->node);
			api_object_unref(old);
		}
	}
	s->generation = generation;
}

static struct api_object *find(const struct store *s, enum api_table table, const char *name)
{
	uint64_t hash = hash_string(&s->key, name);
	hmap_foreach_with_hash (o, &s->tables[table].objects, hash, struct api_object, node)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

static void forget_order(struct store_table *t)
{
	free(t->sorted);
	t->sorted = NULL;
}

static int compare_names(const void *a, const void *b)
{
	const struct api_object *const *x = a;
	const struct api_object *const *y = b;
	return strcmp((*x)->name, (*y)->name);
}
