/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Memory of JSON values: a transaction of 20,000 rules is a million small objects that come and go together. Slabs of one size each: an
 * allocation is a few instructions, neighbours of one transaction are neighbours in memory, and slabs that become empty serve
 * other sizes or go back to the system.
 *
 * Threads: sluiced's loop; nobody else may touch JSON. Memory: at most JSON_MEMORY_MAX_EMPTY bytes are kept empty.
 */
#include <stddef.h>

enum { JSON_MEMORY_MAX_EMPTY = 32 << 20 };

/*
 * jansson allocates here from now on, or the daemon ends (mem.h). After mem_init, before the first JSON value. With AddressSanitizer: does
 * nothing, malloc finds more.
 */
void json_memory_init(void);

/* For tests; what jansson calls. NULL: out of memory. */
void *json_memory_alloc(size_t size);
void json_memory_free(void *p);   // NULL is allowed
size_t json_memory_bytes(void);   // allocated now
size_t json_memory_n_slabs(void); // of small objects, empty ones included
