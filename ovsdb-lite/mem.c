/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/no_memory.h"

enum { FIRST_CAPACITY = 4 };

static void *checked(void *p, size_t size);

void *ovsdb_alloc(size_t size)
{
	return checked(calloc(1, MAX_OF(size, 1)), size);
}

void *ovsdb_alloc_dirty(size_t size)
{
	return checked(malloc(MAX_OF(size, 1)), size);
}

void *ovsdb_alloc_array(size_t n, size_t elem_size)
{
	return checked(calloc(MAX_OF(n, 1), MAX_OF(elem_size, 1)), SIZE_MAX);
}

void *ovsdb_resize(void *p, size_t size)
{
	return checked(realloc(p, MAX_OF(size, 1)), size);
}

void *ovsdb_grow(void *array, size_t n, size_t *capacity, size_t elem_size)
{
	size_t size;

	if (n < *capacity)
		return array;
	*capacity = *capacity == 0 ? FIRST_CAPACITY : *capacity * 2;
	if (__builtin_mul_overflow(*capacity, elem_size, &size))
		size = SIZE_MAX;
	return ovsdb_resize(array, size);
}

char *ovsdb_copy_text(const char *text)
{
	return checked(strdup(text), strlen(text) + 1);
}

char *ovsdb_format_text(const char *fmt, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	return checked(text, 0);
}

static void *checked(void *p, size_t size)
{
	if (UNLIKELY(p == NULL)) {
		no_memory(size);
		abort();
	}
	return p;
}
