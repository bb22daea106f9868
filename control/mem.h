/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Memory of sluiced, with one answer to there being none: the daemon says so and ends, with exit code MEM_EXIT_CODE. The switch goes
 * on forwarding, and a restart finds in the journal what was acknowledged. Nobody has to check, so nobody can forget to.
 * jansson, libevent and base/ do the same after mem_init.
 *
 * That it does not happen because of a client is the work of limits: rpc_memory_take.
 *
 * Threads: sluiced's loop. Memory: all of it is freed with free().
 */
#include <stddef.h>

enum { MEM_EXIT_CODE = 71 }; // sysexits.h: a resource of the system

/* Where memory comes from; tests have one that ends. */
struct mem_source {
	void *(*alloc)(size_t size);
	void *(*resize)(void *p, size_t size);
};

/* Before anything else is called of jansson or libevent. NULL: malloc and realloc. May be called again. */
void mem_init(const struct mem_source *source);
void *mem_alloc(size_t size); // zeroed
void *mem_alloc_array(size_t n, size_t elem_size);
void *mem_resize(void *p, size_t size);
/* Room for one more element; the array may move. */
void *mem_grow(void *array, size_t n, size_t *capacity, size_t elem_size);
/* At most len bytes of text. */
char *mem_copy_text(const char *text, size_t len);
/* There is no memory: says so and ends the daemon. */
__attribute__((noreturn)) void mem_die(size_t size);
/* All that jansson has now. */
size_t mem_json_bytes(void);
