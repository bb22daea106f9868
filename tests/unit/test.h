/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * cmocka with the headers that it wants first, so that sorted includes cannot break it, and what keeps the unit suite fast.
 *
 * Threads: not applicable. Memory: not applicable.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

/* How much of something a test does: a sample in meson's suite `unit`, all of it in suite `long` (TEST_LONG is set). */
static inline unsigned int test_size(unsigned int sample, unsigned int full)
{
	return getenv("TEST_LONG") != NULL ? full : sample;
}

/* Where tests put files that they sync by the thousand: in memory, unless the machine has no such place. */
static inline const char *test_tmp(void)
{
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}
