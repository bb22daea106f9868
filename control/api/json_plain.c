/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/json_plain.h"

#include <string.h>

enum { MAX_DIGITS = 18 }; // of a number that surely fits

static void skip(struct json_plain *p, unsigned int depth);
static void skip_object(struct json_plain *p, unsigned int depth);
static void skip_word(struct json_plain *p, const char *word, size_t size);

struct json_span json_plain_string(struct json_plain *p)
{
	if (!json_plain_take(p, '"'))
		return (struct json_span){"", 0};
	const char *start = p->at, *at = start;
	/* Space to tilde, without the two that mean something. */
	while (at < p->end && (uint8_t)(*at - ' ') <= '~' - ' ' && *at != '"' && *at != '\\')
		at++;
	if (at == p->end || *at != '"') {
		p->bad = true;
		return (struct json_span){"", 0};
	}
	p->at = at + 1;
	return (struct json_span){start, (size_t)(at - start)};
}

struct json_span json_plain_key(struct json_plain *p)
{
	struct json_span key = json_plain_string(p);
	json_plain_take(p, ':');
	return key;
}

uint64_t json_plain_uint(struct json_plain *p)
{
	uint64_t n = 0;

	json_plain_next(p);
	const char *start = p->at;
	for (; p->at < p->end && *p->at >= '0' && *p->at <= '9' && p->at - start <= MAX_DIGITS; p->at++)
		n = n * 10 + (uint64_t)(*p->at - '0');
	size_t n_digits = (size_t)(p->at - start);
	char follows = p->at < p->end ? *p->at : ' ';
	p->bad |= n_digits == 0 || n_digits > MAX_DIGITS || (n_digits > 1 && *start == '0') ||
		  follows == '.' || follows == 'e' || follows == 'E';
	return n;
}

struct json_span json_plain_value(struct json_plain *p)
{
	json_plain_next(p);
	const char *start = p->at;
	skip(p, 0);
	return (struct json_span){start, p->bad ? 0 : (size_t)(p->at - start)};
}

struct json_span json_plain_find(const char *object, size_t size, const char *name)
{
	struct json_plain p = {.at = object, .end = object + size};
	size_t name_size = strlen(name);

	json_plain_take(&p, '{');
	for (bool is_first = true; json_plain_more(&p, '}', &is_first);) {
		struct json_span key = json_plain_key(&p);
		struct json_span value = json_plain_value(&p);
		if (!p.bad && json_span_is(key, name, name_size))
			return value;
	}
	return (struct json_span){p.bad ? NULL : "", 0};
}

static void skip(struct json_plain *p, unsigned int depth)
{
	if (p->bad || depth == JSON_PLAIN_MAX_DEPTH) {
		p->bad = true;
		return;
	}
	switch (json_plain_next(p)) {
	case '{': skip_object(p, depth); break;
	case '[':
		p->at++;
		for (bool is_first = true; json_plain_more(p, ']', &is_first);)
			skip(p, depth + 1);
		break;
	case '"': json_plain_string(p); break;
	case 't': skip_word(p, "true", 4); break;
	case 'f': skip_word(p, "false", 5); break;
	case 'n': skip_word(p, "null", 4); break;
	default: json_plain_uint(p); break;
	}
}

static void skip_object(struct json_plain *p, unsigned int depth)
{
	struct json_span keys[JSON_PLAIN_MAX_MEMBERS];
	size_t n = 0;

	p->at++;
	for (bool is_first = true; json_plain_more(p, '}', &is_first);) {
		struct json_span key = json_plain_key(p);
		for (size_t i = 0; i < n; i++)
			p->bad |= keys[i].size == key.size &&
				  memcmp(keys[i].text, key.text, key.size) == 0;
		p->bad |= n == JSON_PLAIN_MAX_MEMBERS;
		if (p->bad)
			return;
		keys[n++] = key;
		skip(p, depth + 1);
	}
}

static void skip_word(struct json_plain *p, const char *word, size_t size)
{
	if ((size_t)(p->end - p->at) < size || memcmp(p->at, word, size) != 0)
		p->bad = true;
	else
		p->at += size;
}
