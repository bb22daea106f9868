/* SPDX-License-Identifier: Apache-2.0 */
#include "control/mem.h"

#include <event2/event.h>
#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/json_memory.h"
#include "datapath/base/no_memory.h"

#define LOG_MODULE "mem"
#include "datapath/base/log.h"

static const struct mem_source libc = {.alloc = malloc, .resize = realloc};
static struct mem_source source = {.alloc = malloc, .resize = realloc};
static size_t json_bytes;

static void *event_alloc(size_t size);
static void *json_alloc(size_t size);
static void json_release(void *p);

void mem_init(const struct mem_source *from)
{
	source = from != NULL ? *from : libc;
	no_memory_hook = mem_die;
	json_set_alloc_funcs(json_alloc, json_release);
	event_set_mem_functions(event_alloc, mem_resize, free);
}

void *mem_alloc(size_t size)
{
	void *p = event_alloc(size);
	memset(p, 0, size);
	return p;
}

void *mem_alloc_array(size_t n, size_t elem_size)
{
	size_t size;
	if (__builtin_mul_overflow(n, elem_size, &size))
		mem_die(SIZE_MAX);
	return mem_alloc(size);
}

void *mem_resize(void *p, size_t size)
{
	void *moved = source.resize(p, MAX_OF(size, 1));
	if (moved == NULL)
		mem_die(size);
	return moved;
}

void *mem_grow(void *array, size_t n, size_t *capacity, size_t elem_size)
{
	if (n < *capacity)
		return array;
	*capacity = *capacity == 0 ? 8 : *capacity * 2;
	return mem_resize(array, *capacity * elem_size);
}

char *mem_copy_text(const char *text, size_t len)
{
	len = strnlen(text, len);
	char *copy = mem_alloc(len + 1);
	memcpy(copy, text, len);
	return copy;
}

size_t mem_json_bytes(void)
{
	return json_bytes + json_memory_bytes();
}

/* Without a destructor or handler: they would need memory. */
void mem_die(size_t size)
{
	log_err(
	    "out of memory: no %zu bytes; ending. What was acknowledged is in the journal", size);
	_exit(MEM_EXIT_CODE);
}

static void *event_alloc(size_t size)
{
	void *p = source.alloc(MAX_OF(size, 1));
	if (p == NULL)
		mem_die(size);
	return p;
}

static void *json_alloc(size_t size)
{
	void *p = event_alloc(size);
	json_bytes += malloc_usable_size(p);
	return p;
}

static void json_release(void *p)
{
	if (p != NULL)
		json_bytes -= malloc_usable_size(p);
	free(p);
}
