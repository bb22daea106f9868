/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/base/hmap.h"

#include <stdlib.h>

#include "datapath/base/no_memory.h"

enum { MIN_BUCKETS = 8 };

static void grow(struct hmap *map);
static struct hmap_node *first_from(const struct hmap *map, size_t bucket);

void hmap_init(struct hmap *map)
{
	*map = (struct hmap){0};
}

void hmap_fini(struct hmap *map)
{
	free(map->buckets);
	hmap_init(map);
}

void hmap_add(struct hmap *map, struct hmap_node *node, uint64_t hash)
{
	if (map->buckets == NULL || map->n > map->mask)
		grow(map);
	struct hmap_node **head = &map->buckets[hash & map->mask];
	node->hash = hash;
	node->next = *head;
	*head = node;
	map->n++;
}

void hmap_del(struct hmap *map, struct hmap_node *node)
{
	struct hmap_node **link = &map->buckets[node->hash & map->mask];

	while (*link != node) {
		assert(*link != NULL);
		link = &(*link)->next;
	}
	*link = node->next;
	map->n--;
}

struct hmap_node *hmap_first_with_hash(const struct hmap *map, uint64_t hash)
{
	if (map->buckets == NULL)
		return NULL;
	struct hmap_node *node = map->buckets[hash & map->mask];
	while (node != NULL && node->hash != hash)
		node = node->next;
	return node;
}

struct hmap_node *hmap_next_with_hash(const struct hmap_node *node)
{
	struct hmap_node *next = node->next;

	while (next != NULL && next->hash != node->hash)
		next = next->next;
	return next;
}

struct hmap_node *hmap_first(const struct hmap *map)
{
	return map->n == 0 ? NULL : first_from(map, 0);
}

struct hmap_node *hmap_next(const struct hmap *map, const struct hmap_node *node)
{
	return node->next != NULL ? node->next : first_from(map, (node->hash & map->mask) + 1);
}

static void grow(struct hmap *map)
{
	size_t n_buckets = map->buckets == NULL ? MIN_BUCKETS : (map->mask + 1) * 2;
	struct hmap_node **buckets = calloc(n_buckets, sizeof(struct hmap_node *));

	if (buckets == NULL) {
		no_memory(n_buckets * sizeof(struct hmap_node *));
		abort();
	}
	for (size_t i = 0; map->buckets != NULL && i <= map->mask; i++) {
		struct hmap_node *next;
		for (struct hmap_node *node = map->buckets[i]; node != NULL; node = next) {
			struct hmap_node **head = &buckets[node->hash & (n_buckets - 1)];
			next = node->next;
			node->next = *head;
			*head = node;
		}
	}
	free(map->buckets);
	map->buckets = buckets;
	map->mask = n_buckets - 1;
}

static struct hmap_node *first_from(const struct hmap *map, size_t bucket)
{
	for (; bucket <= map->mask; bucket++) {
		if (map->buckets[bucket] != NULL)
			return map->buckets[bucket];
	}
	return NULL;
}
