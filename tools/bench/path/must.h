/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A measurement that went wrong has no figure: it ends with what was expected. Threads: any. Memory: none. */
#include <stdio.h>
#include <stdlib.h>

#define MUST(cond)                                                                           \
	do {                                                                                 \
		if (!(cond)) {                                                               \
			fprintf(stderr, "sluice-bench-path: %s:%d: expected %s\n", __FILE__, \
			    __LINE__, #cond);                                                \
			exit(1);                                                             \
		}                                                                            \
	} while (0)
