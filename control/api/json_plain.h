/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON read in place, as long as it is plain: ASCII without escapes, whole numbers of up to 18 digits without a sign. That is what
 * nearly all of it is. Anything else, errors too, sets bad; then json_read is asked, which knows all of JSON and says what is wrong.
 *
 * Threads: any. Memory: spans borrow from the text.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_plain {
	const char *at, *end;
	bool bad;
};

/* A piece of the text; of a string its content, without the quotes. */
struct json_span {
	const char *text;
	size_t size;
};

enum { JSON_PLAIN_MAX_DEPTH = 16, JSON_PLAIN_MAX_MEMBERS = 40 }; // of values that are stepped over

/* The next character that is no space, which stays; 0 at the end. */
static inline char json_plain_next(struct json_plain *p)
{
	while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
		p->at++;
	return p->at < p->end ? *p->at : '\0';
}

/* It must be c, and is taken. */
static inline bool json_plain_take(struct json_plain *p, char c)
{
	if (json_plain_next(p) != c) {
		p->bad = true;
		return false;
	}
	p->at++;
	return true;
}

/*
 * In an object or array that was begun with json_plain_take: whether there is one more, which is to be read before the next call.
 *   for (bool is_first = true; json_plain_more(p, '}', &is_first);)
 */
static inline bool json_plain_more(struct json_plain *p, char close, bool *is_first)
{
	if (p->bad)
		return false;
	if (json_plain_next(p) == close) {
		p->at++;
		return false;
	}
	if (!*is_first)
		json_plain_take(p, ',');
	*is_first = false;
	return !p->bad;
}

static inline bool json_span_is(struct json_span s, const char *word, size_t size)
{
	return s.size == size && __builtin_memcmp(s.text, word, size) == 0;
}

#define JSON_SPAN_IS(span, word) json_span_is(span, word, sizeof(word) - 1)

struct json_span json_plain_string(struct json_plain *p);
/* A member's name, and the colon. */
struct json_span json_plain_key(struct json_plain *p);
uint64_t json_plain_uint(struct json_plain *p);
/* Any value, with all that is in it; no name occurs twice in an object. */
struct json_span json_plain_value(struct json_plain *p);
/* A member's value. size 0: it is not there; text NULL: what is before it is not plain. */
struct json_span json_plain_find(const char *object, size_t size, const char *name);
