/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Logging: one line "time level module: message" on stderr, "<N>" prefixed under systemd (JOURNAL_STREAM).
 * Each .c defines LOG_MODULE before including this.
 *
 * Threads: any but workers inside a burst. Memory: none.
 */
#include <stdbool.h>

#include "datapath/base/compiler.h"

enum log_level { LOG_LVL_ERR, LOG_LVL_WARN, LOG_LVL_INFO, LOG_LVL_DEBUG };

#define log_err(...)   log_write(LOG_LVL_ERR, LOG_MODULE, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LVL_WARN, LOG_MODULE, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LVL_INFO, LOG_MODULE, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LVL_DEBUG, LOG_MODULE, __VA_ARGS__)

void log_write(enum log_level level, const char *module, const char *fmt, ...) FORMAT(3, 4);
/* Program name is printed first on every line; level applies to all modules. */
void log_init(const char *program, enum log_level level);
void log_set_level(enum log_level level);
/* "err", "warn", "info", "debug". 0 or -EINVAL. */
MUST_CHECK
int log_level_parse(const char *s, enum log_level *ret);
