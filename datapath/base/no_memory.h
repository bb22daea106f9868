/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a program does when base/ finds no memory. NULL, the default: a map aborts, a buf_writer turns bad. A hook that is set
 * does not return.
 *
 * Threads: set before there are others. Memory: none.
 */
#include <stddef.h>

extern void (*no_memory_hook)(size_t size);
void no_memory(size_t size);
