/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON read in place, as long as it is plain: ASCII without escapes, whole numbers of up to 18 digits without a sign. That is what
 * nearly all of it is. Anything else, errors too, sets bad; then json_read is asked, which knows all of JSON and says what is wrong.
 *
 * Threads: any. Memory: spans borrow from the text.
 */
#include <immintrin.h>
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

/* The first character that ends a string or makes it other than plain: a quote, a backslash, control or not ASCII. Or end. */
static inline const char *json_plain_text_end(const char *at, const char *end)
{
	/* Half of the time of reading a rule goes by here: 32 at a time. */
	for (; end - at >= 32; at += 32) {
		__m256i c = _mm256_loadu_si256((const __m256i *)(const void *)at);
		__m256i stop = _mm256_or_si256(_mm256_cmpeq_epi8(c, _mm256_set1_epi8('"')),
		    _mm256_cmpeq_epi8(c, _mm256_set1_epi8('\\')));
		/* Signed: bytes beyond ASCII are negative. */
		stop = _mm256_or_si256(stop, _mm256_cmpgt_epi8(_mm256_set1_epi8(' '), c));
		unsigned int found = (unsigned int)_mm256_movemask_epi8(stop);
		if (found != 0)
			return at + __builtin_ctz(found);
	}
	while (at < end && (signed char)*at >= ' ' && *at != '"' && *at != '\\')
		at++;
	return at;
}

/* The next character that is no space, which stays; 0 at the end. */
static inline char json_plain_next(struct json_plain *p)
{
	while (
	    p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
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

static inline struct json_span json_plain_string(struct json_plain *p)
{
	if (!json_plain_take(p, '"'))
		return (struct json_span){"", 0};
	const char *start = p->at, *at = json_plain_text_end(start, p->end);
	if (at == p->end || *at != '"') {
		p->bad = true;
		return (struct json_span){"", 0};
	}
	p->at = at + 1;
	return (struct json_span){start, (size_t)(at - start)};
}

/* A member's name, and the colon. */
static inline struct json_span json_plain_key(struct json_plain *p)
{
	struct json_span key = json_plain_string(p);
	json_plain_take(p, ':');
	return key;
}

uint64_t json_plain_uint(struct json_plain *p);
/* Any value, with all that is in it, of a text that is known to be JSON: only whether it is plain is looked at. */
struct json_span json_plain_value(struct json_plain *p);
/* The same, copied without the spaces between; to has room for it. Returns its size. */
size_t json_plain_copy(struct json_plain *p, char *to);
/* A member's value. size 0: it is not there; text NULL: what is before it is not plain. */
struct json_span json_plain_find(const char *object, size_t size, const char *name);
