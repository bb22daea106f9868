/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the model: units whose objects are put one by one. */
#include <stdlib.h>

#include "control/model_priv.h"

/* A part is a unit that nothing is compiled to. */
static struct unit *unit_of(struct model_part *part)
{
	return (struct unit *)(void *)part;
}

static struct model_part *part_of(struct unit *u)
{
	return (struct model_part *)(void *)u;
}

struct model_part *model_part_add(struct model *m, const char *bridge)
{
	struct unit *u = model_unit(m, TABLE_OPENFLOW, bridge);

	if (u == NULL) {
		u = unit_create(TABLE_OPENFLOW, bridge);
		model_add_unit(m, u);
	}
	return part_of(u);
}

struct model_part *model_part_find(const struct model *m, const char *bridge)
{
	return part_of(model_unit(m, TABLE_OPENFLOW, bridge));
}

const struct dp_op *model_part_put(struct model *m, struct model_part *part, enum dp_kind kind,
    uint64_t id, const void *body, size_t size, struct buf_writer *ops)
{
	const struct dp_obj *o = unit_put(m, unit_of(part), kind, id, body, size);

	buf_put(ops, &o->op, o->op.size);
	return &o->op;
}

void model_part_del(struct model *m, struct model_part *part, enum dp_kind kind, uint64_t id,
    struct buf_writer *ops)
{
	const struct dp_op del = {
	    .verb = DP_DEL, .kind = (uint16_t)kind, .size = sizeof(del), .id = id};
	struct dp_obj *o = model_obj(m, kind, id);

	assert(o != NULL && o->unit == unit_of(part));
	unit_del(m, o);
	buf_put(ops, &del, sizeof(del));
}
