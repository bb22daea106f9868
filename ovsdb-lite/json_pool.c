/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/json_pool.h"

#include <stdint.h>
#include <stdlib.h>

#include "ovsdb-lite/mem.h"

enum { STEP = 16, N_CLASSES = 16, SLAB_SIZE = 64 * 1024, MAX_POOL_SIZE = 64 << 20 };

/* Before each block. */
struct block {
	size_t class;         // its size in steps; 0: of malloc
	struct block *next[]; // while it is free
};

static struct block *free_blocks[N_CLASSES + 1];
static char *slab, *slab_end;
static size_t pool_size;

static struct block *carve(size_t class);
static void *hand_out(struct block *b, size_t class);

void *ovsdb_json_pool_alloc(size_t size)
{
	size_t class = (size + sizeof(struct block) + STEP - 1) / STEP;
#ifdef __SANITIZE_ADDRESS__
	class = N_CLASSES + 1; // all of it is malloc's, so that faults are found
#endif
	if (class > N_CLASSES)
		return hand_out(ovsdb_alloc_dirty(size + sizeof(struct block)), 0);
	struct block *b = free_blocks[class];
	if (b == NULL)
		return hand_out(carve(class), class);
	free_blocks[class] = b->next[0];
	return hand_out(b, class);
}

void ovsdb_json_pool_free(void *p)
{
	if (p == NULL)
		return;
	struct block *b = (struct block *)((char *)p - sizeof(struct block));
	if (b->class == 0) {
		free(b);
		return;
	}
	b->next[0] = free_blocks[b->class];
	free_blocks[b->class] = b;
}

static struct block *carve(size_t class)
{
	size_t size = class * STEP;
	if ((size_t)(slab_end - slab) < size) {
		if (pool_size >= MAX_POOL_SIZE)
			return NULL;
		slab = ovsdb_alloc_dirty(SLAB_SIZE); // what is left of the former one is little
		slab_end = slab + SLAB_SIZE;
		pool_size += SLAB_SIZE;
	}
	struct block *b = (struct block *)slab;
	slab += size;
	return b;
}

/* b NULL: the pool is as large as it may be. */
static void *hand_out(struct block *b, size_t class)
{
	if (b == NULL) {
		b = ovsdb_alloc_dirty(class * STEP);
		class = 0;
	}
	b->class = class;
	return (char *)b + sizeof(struct block);
}
