/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where the program's JSON values live: small blocks of equal size one after another, used again at once. A request's values come and go
 * by the thousand, and malloc merges and splits what they leave.
 *
 * Threads: one. Memory: what it has it keeps, up to a limit; past it, and for large blocks, it is malloc. The process ends when there is none.
 */
#include <stddef.h>

/* For json_set_alloc_funcs. */
void *ovsdb_json_pool_alloc(size_t size);
void ovsdb_json_pool_free(void *p); // NULL is fine
