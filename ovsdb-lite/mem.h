/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Memory of the engine. When there is none the process ends (datapath/base/no_memory.h, else abort): nobody has to check.
 * Limits on what a client can grow (limit.h) keep clients from causing it.
 *
 * Threads: any. Memory: all of it is freed with free().
 */
#include <stddef.h>

#include "datapath/base/compiler.h"

void *ovsdb_alloc(size_t size);                      // zeroed
void *ovsdb_alloc_dirty(size_t size);                // not zeroed
void *ovsdb_alloc_array(size_t n, size_t elem_size); // zeroed; the product is checked
void *ovsdb_resize(void *p, size_t size);
/* Room for one more element; the array may move. */
void *ovsdb_grow(void *array, size_t n, size_t *capacity, size_t elem_size);
char *ovsdb_copy_text(const char *text);
char *ovsdb_format_text(const char *fmt, ...) FORMAT(1, 2);
