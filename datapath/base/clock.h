/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Time: CLOCK_MONOTONIC for all intervals, CLOCK_REALTIME only to print. Threads: any. Memory: none. */
#include <stdint.h>

uint64_t clock_ns(void); // monotonic
uint64_t clock_ms(void); // monotonic
uint64_t clock_wall_ms(void);
