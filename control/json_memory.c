/* SPDX-License-Identifier: Apache-2.0 */
#include "control/json_memory.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#include "control/mem.h"
#include "datapath/base/list.h"

enum {
	GRAIN =
	    16, // up to 512 bytes, sizes differ by so much; beyond, there are four to a doubling
	N_FINE = 512 / GRAIN,
	SMALL_MAX = 8192,
	N_SIZES = N_FINE + 4 * 4,
	SLAB_SIZE = 64 << 10, // and alignment: an object finds its slab by its address
	SLAB_HEADER_SIZE = 64,
};

#ifdef __SANITIZE_ADDRESS__
#define USES_MALLOC true
#else
#define USES_MALLOC false
#endif

struct free_object {
	struct free_object *next;
};

struct slab {
	struct list node; // in partial of its size, in empty, or alone: full
	struct free_object *free;
	uint32_t n_used;
	uint32_t n_fresh;     // behind these nothing was ever allocated
	uint32_t object_size; // 0: one large object, of n_max slabs
	uint32_t n_max;
	uint32_t size_class;
};
static_assert(sizeof(struct slab) <= SLAB_HEADER_SIZE);

static struct {
	struct list partial[N_SIZES]; // slabs with room
	struct list empty;
	size_t n_empty, n_slabs, n_bytes;
} memory;

static void *alloc_or_die(size_t size);
static void *alloc_large(size_t size);
static uint32_t class_of(size_t size, uint32_t *ret_object_size);
static struct slab *get_slab(uint32_t class, uint32_t object_size);
static struct slab *slab_of(void *p);
static void release(struct slab *s);

void json_memory_init(void)
{
	for (size_t i = 0; i < N_SIZES; i++)
		list_init(&memory.partial[i]);
	list_init(&memory.empty);
	if (!USES_MALLOC)
		json_set_alloc_funcs(alloc_or_die, json_memory_free);
}

void *json_memory_alloc(size_t size)
{
	if (size > SMALL_MAX)
		return alloc_large(size);
	uint32_t object_size, class = class_of(size, &object_size);
	struct slab *s = get_slab(class, object_size);
	if (s == NULL)
		return NULL;
	struct free_object *object = s->free;
	if (object != NULL)
		s->free = object->next;
	else
		object = (struct free_object *)(void *)((uint8_t *)s + SLAB_HEADER_SIZE +
							(size_t)s->n_fresh++ * s->object_size);
	memory.n_bytes += s->object_size;
	if (++s->n_used == s->n_max)
		list_del(&s->node);
	return object;
}

void json_memory_free(void *p)
{
	if (p == NULL)
		return;
	struct slab *s = slab_of(p);
	if (s->object_size == 0) {
		memory.n_bytes -= (size_t)s->n_max * SLAB_SIZE;
		free(s);
		return;
	}
	memory.n_bytes -= s->object_size;
	struct free_object *object = p;
	object->next = s->free;
	s->free = object;
	if (s->n_used-- == s->n_max)
		list_add(&memory.partial[s->size_class], &s->node);
	if (s->n_used == 0)
		release(s);
}

size_t json_memory_bytes(void)
{
	return memory.n_bytes;
}

size_t json_memory_n_slabs(void)
{
	return memory.n_slabs;
}

static void *alloc_or_die(size_t size)
{
	void *p = json_memory_alloc(size);
	if (p == NULL)
		mem_die(size);
	return p;
}

/* A header before it, and alone at its boundary, so that it is found as a slab is. */
static void *alloc_large(size_t size)
{
	if (size > SIZE_MAX / 2)
		return NULL;
	struct slab *s = aligned_alloc(SLAB_SIZE, ROUND_UP(size + SLAB_HEADER_SIZE, SLAB_SIZE));
	if (s == NULL)
		return NULL;
	s->object_size = 0;
	s->n_max = (uint32_t)(ROUND_UP(size + SLAB_HEADER_SIZE, SLAB_SIZE) / SLAB_SIZE);
	memory.n_bytes += (size_t)s->n_max * SLAB_SIZE;
	return (uint8_t *)s + SLAB_HEADER_SIZE;
}

static uint32_t class_of(size_t size, uint32_t *ret_object_size)
{
	uint32_t last = size > 0 ? (uint32_t)size - 1 : 0;

	if (last < GRAIN * N_FINE) {
		*ret_object_size = (last / GRAIN + 1) * GRAIN;
		return last / GRAIN;
	}
	uint32_t doublings = 31 - (uint32_t)__builtin_clz(last), shift = doublings - 2;
	*ret_object_size = ((last >> shift) + 1) << shift;
	return N_FINE + (doublings - 9) * 4 + (last >> shift) - 4;
}

static struct slab *get_slab(uint32_t class, uint32_t object_size)
{
	struct list *partial = &memory.partial[class];
	struct slab *s;

	if (!list_is_empty(partial))
		return list_entry(partial->next, struct slab, node);
	if (!list_is_empty(&memory.empty)) {
		s = list_entry(memory.empty.next, struct slab, node);
		list_del(&s->node);
		memory.n_empty--;
	} else {
		s = aligned_alloc(SLAB_SIZE, SLAB_SIZE);
		if (s == NULL)
			return NULL;
		memory.n_slabs++;
	}
	*s = (struct slab){.object_size = object_size,
	    .size_class = class,
	    .n_max = (SLAB_SIZE - SLAB_HEADER_SIZE) / object_size};
	list_add(partial, &s->node);
	return s;
}

static struct slab *slab_of(void *p)
{
	return (struct slab *)((uintptr_t)p & ~(uintptr_t)(SLAB_SIZE - 1));
}

/* The last of a size stays too, in the common list: it is as quickly taken again. */
static void release(struct slab *s)
{
	list_del(&s->node);
	if (memory.n_empty < JSON_MEMORY_MAX_EMPTY / SLAB_SIZE) {
		list_add(&memory.empty, &s->node);
		memory.n_empty++;
		return;
	}
	memory.n_slabs--;
	free(s);
}
