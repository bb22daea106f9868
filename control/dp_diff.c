/* SPDX-License-Identifier: Apache-2.0 */
#include "control/dp_diff.h"

#include <stdlib.h>

#include "control/mem.h"
#include "datapath/base/hash.h"

struct held {
	struct hmap_node node; // by object_hash
	struct dp_dump_entry entry;
	bool wanted;
};

struct diff {
	struct hmap held;
	struct buf_writer *ops;
	uint32_t n_ops;
};

static void put_if_different(const struct dp_op *op, uint64_t digest, void *arg);
static uint64_t object_hash(uint32_t kind, uint64_t id);

uint32_t dp_diff(
    const struct model *m, const struct dp_dump_entry *held, size_t n_held, struct buf_writer *ops)
{
	struct diff d = {.ops = ops};
	struct held *helds = mem_alloc_array(n_held + 1, sizeof(*helds));

	hmap_init(&d.held);
	for (size_t i = 0; i < n_held; i++) {
		helds[i].entry = held[i];
		hmap_add(&d.held, &helds[i].node, object_hash(held[i].kind, held[i].id));
	}
	model_foreach(m, put_if_different, &d);
	for (size_t i = 0; i < n_held; i++) {
		const struct dp_op del = {.verb = DP_DEL,
		    .kind = (uint16_t)held[i].kind,
		    .size = sizeof(del),
		    .id = held[i].id};

		if (helds[i].wanted)
			continue;
		buf_put(ops, &del, sizeof(del));
		d.n_ops++;
	}
	hmap_fini(&d.held);
	free(helds);
	return d.n_ops;
}

static void put_if_different(const struct dp_op *op, uint64_t digest, void *arg)
{
	struct diff *d = arg;

	hmap_foreach_with_hash (h, &d->held, object_hash(op->kind, op->id), struct held, node) {
		if (h->entry.kind != op->kind || h->entry.id != op->id)
			continue;
		h->wanted = true;
		if (h->entry.digest == digest)
			return;
	}
	buf_put(d->ops, op, op->size);
	d->n_ops++;
}

static uint64_t object_hash(uint32_t kind, uint64_t id)
{
	const uint64_t words[2] = {kind, id};
	return hash_stable(words, sizeof(words));
}
