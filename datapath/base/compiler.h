/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The few compiler words the whole project uses.
 *
 * Threads: not applicable. Memory: not applicable.
 */
#include <assert.h> // static_assert is a keyword only from gcc 13 on
#include <stddef.h>

#define MUST_CHECK                    __attribute__((warn_unused_result))
#define FORMAT(fmt, args)             __attribute__((format(printf, fmt, args)))
#define AUTO(type)                    __attribute__((cleanup(auto_##type)))
#define LIKELY(x)                     __builtin_expect(!!(x), 1)
#define UNLIKELY(x)                   __builtin_expect(!!(x), 0)
#define ARRAY_SIZE(a)                 (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))
#define ROUND_UP(n, to)               ((((n) + (to)-1) / (to)) * (to))
#define MIN_OF(a, b)                  ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b)                  ((a) > (b) ? (a) : (b))
