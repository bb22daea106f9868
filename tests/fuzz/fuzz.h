/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What fuzz targets share. A target is one function; libFuzzer's main or replay_main.c calls it.
 *
 * Threads: one. Memory: the bytes are borrowed during the call.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert() that no build option takes away. */
#define FUZZ_ASSERT(x)                                                                    \
	do {                                                                              \
		if (!(x)) {                                                               \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #x); \
			abort();                                                          \
		}                                                                         \
	} while (0)
