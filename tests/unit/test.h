/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * cmocka with the headers that it wants first, so that sorted includes cannot break it.
 *
 * Threads: not applicable. Memory: not applicable.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
