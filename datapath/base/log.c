/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_SIZE = 1024 };

static const char *const level_names[] = {[LOG_LVL_ERR] = "err",
    [LOG_LVL_WARN] = "warn",
    [LOG_LVL_INFO] = "info",
    [LOG_LVL_DEBUG] = "debug"};
static const int syslog_priorities[] = {
    [LOG_LVL_ERR] = 3, [LOG_LVL_WARN] = 4, [LOG_LVL_INFO] = 6, [LOG_LVL_DEBUG] = 7};

static char program_name[32];
static int level_max = LOG_LVL_INFO; // atomic: any thread reads
static bool under_journal;

static size_t format_prefix(char *line, size_t size, enum log_level level, const char *module);
static void make_printable(char *s);

void log_write(enum log_level level, const char *module, const char *fmt, ...)
{
	char line[LINE_SIZE];
	va_list args;

	if ((int)level > __atomic_load_n(&level_max, __ATOMIC_RELAXED))
		return;
	int saved_errno = errno;
	size_t prefix = format_prefix(line, sizeof(line), level, module);
	va_start(args, fmt);
	vsnprintf(line + prefix, sizeof(line) - prefix, fmt, args);
	va_end(args);
	make_printable(line);
	size_t len = MIN_OF(strlen(line), sizeof(line) - 2);
	line[len] = '\n';
	// One write per line, so that lines of two threads do not mix. Nothing can be done when it fails.
	ssize_t written = write(STDERR_FILENO, line, len + 1);
	(void)written;
	errno = saved_errno;
}

void log_init(const char *program, enum log_level level)
{
	snprintf(program_name, sizeof(program_name), "%s", program);
	under_journal = getenv("JOURNAL_STREAM") != NULL;
	log_set_level(level);
}

void log_set_level(enum log_level level)
{
	__atomic_store_n(&level_max, (int)level, __ATOMIC_RELAXED);
}

int log_level_parse(const char *s, enum log_level *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(level_names); i++) {
		if (strcmp(s, level_names[i]) == 0) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* The journal has its own time and takes the level from "<N>". */
static size_t format_prefix(char *line, size_t size, enum log_level level, const char *module)
{
	int len;

	if (under_journal) {
		len = snprintf(
		    line, size, "<%d>%s: %s: ", syslog_priorities[level], program_name, module);
	} else {
		struct timespec now;
		struct tm tm;
		char text[32];
		clock_gettime(CLOCK_REALTIME, &now);
		gmtime_r(&now.tv_sec, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
		len = snprintf(line, size, "%s: %s.%03ldZ %s %s: ", program_name, text,
		    now.tv_nsec / 1000000, level_names[level], module);
	}
	return MIN_OF((size_t)len, size - 1);
}

/* Messages quote names and texts of strangers: one line stays one line, and terminals see no escapes. */
static void make_printable(char *s)
{
	for (; *s != '\0'; s++) {
		uint8_t c = (uint8_t)*s;
		if (c < 0x20 || c == 0x7f)
			*s = '?';
	}
}
