/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/tunnel_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t a, uint64_t b);
static uint64_t table_size(uint64_t n_max);
static struct ip_map_entry *find_entry(
    const struct ip_map *map, const struct ip_addr *ip, uint64_t extra);
static uint64_t *find_id(const struct id_set *set, uint64_t id);

int ip_map_init(struct ip_map *map, uint64_t n_max)
{
	uint64_t size = table_size(n_max);
	*map = (struct ip_map){.entries = calloc(size, sizeof(map->entries[0])), .mask = size - 1};
	return map->entries != NULL ? 0 : -ENOMEM;
}

void ip_map_fini(struct ip_map *map)
{
	free(map->entries);
	map->entries = NULL;
}

int64_t ip_map_add(struct ip_map *map, const struct ip_addr *ip, uint64_t extra, uint32_t value)
{
	struct ip_map_entry *e = find_entry(map, ip, extra);
	if (e->value == 0)
		*e = (struct ip_map_entry){.ip = *ip, .extra = extra, .value = value + 1};
	return e->value - 1;
}

int64_t ip_map_find(const struct ip_map *map, const struct ip_addr *ip, uint64_t extra)
{
	const struct ip_map_entry *e = find_entry(map, ip, extra);
	return e->value != 0 ? (int64_t)e->value - 1 : IP_MAP_NONE;
}

int id_set_init(struct id_set *set, uint64_t n_max)
{
	uint64_t size = table_size(n_max);
	*set = (struct id_set){.ids = calloc(size, sizeof(set->ids[0])), .mask = size - 1};
	return set->ids != NULL ? 0 : -ENOMEM;
}

void id_set_fini(struct id_set *set)
{
	free(set->ids);
	set->ids = NULL;
}

void id_set_add(struct id_set *set, uint64_t id)
{
	*find_id(set, id) = id;
}

bool id_set_has(const struct id_set *set, uint64_t id)
{
	return *find_id(set, id) == id;
}

/* The key's entry, or the free one where it belongs. A table is at most half full, so there is one. */
static struct ip_map_entry *find_entry(
    const struct ip_map *map, const struct ip_addr *ip, uint64_t extra)
{
	uint64_t words[2];
	memcpy(words, ip, sizeof(words));
	uint64_t i = mix(words[0] ^ mix(words[1], extra), words[1] + extra) & map->mask;
	while (map->entries[i].value != 0) {
		struct ip_map_entry *e = &map->entries[i];
		if (e->extra == extra && memcmp(&e->ip, ip, sizeof(*ip)) == 0)
			return e;
		i = (i + 1) & map->mask;
	}
	return &map->entries[i];
}

static uint64_t *find_id(const struct id_set *set, uint64_t id)
{
	uint64_t i = mix(id, 0) & set->mask;
	while (set->ids[i] != 0 && set->ids[i] != id)
		i = (i + 1) & set->mask;
	return &set->ids[i];
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product =
	    (unsigned __int128)(a ^ 0x9e3779b97f4a7c15) * (b ^ 0xd1b54a32d192ed03);
	return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

static uint64_t table_size(uint64_t n_max)
{
	uint64_t size = 4;
	while (size < 2 * (n_max + 1))
		size *= 2;
	return size;
}
