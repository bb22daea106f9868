/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/txn_build.h"

#include <stdlib.h>

#include "control/mem.h"

void change_set_init(struct change_set *set, size_t max)
{
	set->n = 0;
	set->changes = mem_alloc_array(MAX_OF(max, 1), sizeof(*set->changes));
}

void change_set_add(
    struct change_set *set, const struct api_object *old, const struct api_object *new, uint32_t op)
{
	const struct api_object *any = new != NULL ? new : old;
	set->changes[set->n++] = (struct api_change){
	    .table = any->table,
	    .name = any->name,
	    .old_object = old != NULL ? api_object_ref(old) : NULL,
	    .new_object = new != NULL ? api_object_ref(new) : NULL,
	    .op = op,
	};
}

void change_set_invert(const struct change_set *set, uint64_t generation, struct change_set *ret)
{
	change_set_init(ret, set->n);
	/* Backwards: what came last goes first, so that references hold at each step. */
	for (size_t i = set->n; i-- > 0;) {
		const struct api_change *c = &set->changes[i];
		struct api_object *restored = NULL;
		if (c->old_object != NULL)
			restored = api_object_create(c->table, c->name, c->old_object->owner,
			    generation, api_object_json(c->old_object));
		change_set_add(ret, c->new_object, restored, c->op);
		api_object_unref(restored);
	}
}

void change_set_fini(struct change_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		api_object_unref((struct api_object *)set->changes[i].old_object);
		api_object_unref((struct api_object *)set->changes[i].new_object);
	}
	free(set->changes);
	*set = (struct change_set){0};
}

json_t *change_set_summary(const struct change_set *set, size_t max)
{
	static const char *const kinds[] = {"created", "updated", "deleted"};
	json_t *lists[] = {json_array(), json_array(), json_array()};
	size_t counts[ARRAY_SIZE(lists)] = {0};
	for (size_t i = 0; i < set->n; i++) {
		const struct api_change *c = &set->changes[i];
		size_t kind = c->new_object == NULL ? 2 : c->old_object != NULL;
		if (counts[kind]++ < max)
			json_array_append_new(
			    lists[kind], json_pack("{s:s, s:s}", "table", api_tables[c->table].name,
					     "name", c->name));
	}
	json_t *summary = json_object();
	for (size_t kind = 0; kind < ARRAY_SIZE(lists); kind++) {
		char key[16];
		snprintf(key, sizeof(key), "n_%s", kinds[kind]);
		json_object_set_new(summary, key, json_integer((json_int_t)counts[kind]));
		json_object_set_new(summary, kinds[kind], lists[kind]);
	}
	return summary;
}
