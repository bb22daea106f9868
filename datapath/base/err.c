/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/base/err.h"

#include <stdio.h>
#include <string.h>

enum { WORD_MAX_SIZE = 64 };

struct err_info {
	enum err_code code;
	int errno_value;
	bool retryable;
	const char *name;
	const char *help;
};

static const struct err_info err_infos[] = {
#define ERROR(id, number, word, errnum, again, text) \
	{.code = ERR_##id,                           \
	    .errno_value = (errnum),                 \
	    .retryable = (again),                    \
	    .name = (word),                          \
	    .help = (text)},
#include "datapath/base/err.def"
#undef ERROR
};

static const struct err_info *find_info(enum err_code code);
static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len);
static void format(char *buf, size_t size, const char *fmt, va_list args);

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list args;

	err->code = code;
	err->hint[0] = '\0';
	va_start(args, fmt);
	vsnprintf(err->what, sizeof(err->what), fmt, args);
	va_end(args);
	return err_errno(code);
}

int err_hint(struct err *err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(err->hint, sizeof(err->hint), fmt, args);
	va_end(args);
	return err_errno(err->code);
}

void err_path(struct err *err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	format(err->path, sizeof(err->path), fmt, args);
	va_end(args);
}

void err_object(struct err *err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	format(err->object, sizeof(err->object), fmt, args);
	va_end(args);
}

const char *err_name(enum err_code code)
{
	return find_info(code)->name;
}

const char *err_help(enum err_code code)
{
	return find_info(code)->help;
}

int err_errno(enum err_code code)
{
	return -find_info(code)->errno_value;
}

bool err_retryable(enum err_code code)
{
	return find_info(code)->retryable;
}

const char *nearest_word(const char *word, const char *const *candidates, size_t n)
{
	size_t len = strlen(word);
	size_t best_distance = MIN_OF(len / 3, 3) + 1;
	const char *best = NULL;

	if (len >= WORD_MAX_SIZE)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t candidate_len = strlen(candidates[i]);
		if (candidate_len >= WORD_MAX_SIZE)
			continue;
		size_t distance = edit_distance(word, len, candidates[i], candidate_len);
		if (distance < best_distance) {
			best_distance = distance;
			best = candidates[i];
		}
	}
	return best;
}

static const struct err_info *find_info(enum err_code code)
{
	static const struct err_info none = {
	    .errno_value = EIO, .name = "unknown", .help = "unknown error"};

	for (size_t i = 0; i < ARRAY_SIZE(err_infos); i++) {
		if (err_infos[i].code == code)
			return &err_infos[i];
	}
	return &none;
}

/* Insertions, deletions, substitutions and swaps of neighbours ("prot" is one step from "port"). */
static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][WORD_MAX_SIZE];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		last[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t step = MIN_OF(last[j], row[j - 1]) + 1;
			size_t best = MIN_OF(last[j - 1] + (a[i - 1] != b[j - 1]), step);
			bool swapped =
			    i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
			row[j] = swapped ? MIN_OF(best, before[j - 2] + 1) : best;
		}
		size_t *oldest = before;
		before = last;
		last = row;
		row = oldest;
	}
	return last[b_len];
}

static const char *decimal(char digits[24], size_t n)
{
	char *p = digits + 23;

	*p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	return p;
}

/* vsnprintf, but quick with %s, %u and %zu alone: places are noted for everything that is read, in case it is wrong. */
static void format(char *buf, size_t size, const char *fmt, va_list args)
{
	va_list again;
	size_t len = 0;
	const char *p = fmt;

	va_copy(again, args);
	for (; *p != '\0' && len < size - 1; p++) {
		char digits[24];
		const char *text;
		if (*p != '%') {
			buf[len++] = *p;
			continue;
		}
		if (p[1] == 's') {
			text = va_arg(args, const char *);
			p += 1;
		} else if (p[1] == 'u') {
			text = decimal(digits, va_arg(args, unsigned int));
			p += 1;
		} else if (p[1] == 'z' && p[2] == 'u') {
			text = decimal(digits, va_arg(args, size_t));
			p += 2;
		} else {
			vsnprintf(buf, size, fmt, again);
			va_end(again);
			return;
		}
		size_t n = strnlen(text, size - 1 - len);
		memcpy(buf + len, text, n);
		len += n;
	}
	buf[len] = '\0';
	va_end(again);
}
