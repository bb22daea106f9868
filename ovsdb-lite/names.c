/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/names.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/limit.h"
#include "ovsdb-lite/mem.h"

void ovsdb_names_init(struct ovsdb_names *names)
{
	hmap_init(&names->map);
}

void ovsdb_names_fini(struct ovsdb_names *names)
{
	hmap_foreach_safe (name, &names->map, struct ovsdb_name, node)
		free(name);
	hmap_fini(&names->map);
}

struct ovsdb_name *ovsdb_names_get(struct ovsdb_names *names, const char *s)
{
	struct ovsdb_name *name = ovsdb_names_find(names, s);

	if (name != NULL)
		return name;
	if (ovsdb_limit_is_over(OVSDB_LIMIT_NAMES, names->map.n + 1))
		return NULL;
	size_t len = strlen(s);
	name = ovsdb_alloc(sizeof(*name) + len + 1);
	name->uuid = ovsdb_uuid_random();
	memcpy(name->s, s, len + 1);
	hmap_add(&names->map, &name->node, ovsdb_hash(s, len, 0));
	return name;
}

struct ovsdb_name *ovsdb_names_find(const struct ovsdb_names *names, const char *s)
{
	hmap_foreach_with_hash (
	    name, &names->map, ovsdb_hash(s, strlen(s), 0), struct ovsdb_name, node) {
		if (strcmp(name->s, s) == 0)
			return name;
	}
	return NULL;
}
