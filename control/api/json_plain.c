/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/json_plain.h"

#include <string.h>

enum { MAX_DIGITS = 18 }; // of a number that surely fits

static void skip_word(struct json_plain *p);

uint64_t json_plain_uint(struct json_plain *p)
{
	uint64_t n = 0;

	json_plain_next(p);
	const char *start = p->at;
	for (; p->at < p->end && *p->at >= '0' && *p->at <= '9' && p->at - start <= MAX_DIGITS;
	     p->at++)
		n = n * 10 + (uint64_t)(*p->at - '0');
	size_t n_digits = (size_t)(p->at - start);
	char follows = p->at < p->end ? *p->at : ' ';
	p->bad |= n_digits == 0 || n_digits > MAX_DIGITS || (n_digits > 1 && *start == '0') ||
		  follows == '.' || follows == 'e' || follows == 'E';
	return n;
}

struct json_span json_plain_value(struct json_plain *p)
{
	unsigned int depth = 0;

	json_plain_next(p);
	const char *start = p->at;
	do {
		switch (json_plain_next(p)) {
		case '{':
		case '[': depth++; break;
		case '}':
		case ']': depth--; break;
		case '"': json_plain_string(p); continue;
		case '\0': p->bad = true; continue;
		case ',':
		case ':': break;
		default: skip_word(p); continue;
		}
		p->at++;
	} while (depth > 0 && !p->bad);
	return (struct json_span){start, p->bad ? 0 : (size_t)(p->at - start)};
}

size_t json_plain_copy(struct json_plain *p, char *to)
{
	unsigned int depth = 0;
	char *start = to;

	do {
		char c = json_plain_next(p);
		const char *from = p->at;
		if (c == '"') {
			json_plain_string(p);
		} else if (c == '\0') {
			p->bad = true;
		} else if (strchr("{}[],:", c) == NULL) {
			skip_word(p);
		} else {
			depth += c == '{' || c == '[';
			depth -= c == '}' || c == ']';
			p->at++;
		}
		memcpy(to, from, (size_t)(p->at - from));
		to += p->at - from;
	} while (depth > 0 && !p->bad);
	return (size_t)(to - start);
}

/* A number, true, false or null: up to what may follow. */
static void skip_word(struct json_plain *p)
{
	while (p->at<p->end && * p->at> ' ' && *p->at != ',' && *p->at != '}' && *p->at != ']')
		p->at++;
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
