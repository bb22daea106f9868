/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/json_digest.h"

#include <string.h>

#include "datapath/base/hash.h"

enum { MAX_DEPTH = 16, MAX_MEMBERS = 40 }; // of texts; beyond they are not plain

/* Where each kind of value begins: digits of pi, so that nobody has chosen them. */
static const uint64_t begin_object = 0x243f6a8885a308d3, begin_array = 0x13198a2e03707344,
		      begin_string = 0xa4093822299f31d0, begin_integer = 0x082efa98ec4e6c89,
		      begin_real = 0x452821e638d01377, begin_true = 0xbe5466cf34e90c6c,
		      begin_false = 0xc0ac29b7c97c50dd, begin_null = 0x3f84d5b5b5470917;

static uint64_t mix(uint64_t h, uint64_t word);
static uint64_t object_digest(json_t *object);
static uint64_t plain_digest(struct json_plain *p, unsigned int depth);
static uint64_t plain_object(struct json_plain *p, unsigned int depth);
static uint64_t plain_word(struct json_plain *p, const char *word, size_t size, uint64_t digest);

uint64_t json_digest(json_t *value)
{
	uint64_t h, word;
	double real;
	json_t *entry;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_OBJECT: return object_digest(value);
	case JSON_ARRAY:
		h = json_digest_list();
		json_array_foreach (value, i, entry)
			h = json_digest_add(h, json_digest(entry));
		return h;
	case JSON_STRING:
		return json_digest_string(json_string_value(value), json_string_length(value));
	case JSON_INTEGER: return mix(begin_integer, (uint64_t)json_integer_value(value));
	case JSON_REAL:
		real = json_real_value(value);
		memcpy(&word, &real, sizeof(word));
		return mix(begin_real, word);
	case JSON_TRUE: return begin_true;
	case JSON_FALSE: return begin_false;
	default: return begin_null;
	}
}

uint64_t json_plain_digest(struct json_plain *p)
{
	return plain_digest(p, 0);
}

uint64_t json_digest_list(void)
{
	return begin_array;
}

uint64_t json_digest_add(uint64_t list, uint64_t entry)
{
	return mix(list, entry);
}

uint64_t json_digest_string(const char *text, size_t size)
{
	uint64_t h = mix(begin_string, size), word;

	for (; size > sizeof(word); size -= sizeof(word), text += sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		h = mix(h, word);
	}
	word = 0;
	for (size_t i = 0; i < size; i++)
		word |= (uint64_t)(uint8_t)text[i] << 8 * i;
	return mix(h, word);
}

/* Members of an object may come in any order: their digests are added up. */
static uint64_t object_digest(json_t *object)
{
	uint64_t sum = begin_object;
	const char *key;
	json_t *member;

	json_object_foreach (object, key, member)
		sum += mix(json_digest_string(key, strlen(key)), json_digest(member));
	return mix(sum, json_object_size(object));
}

static uint64_t plain_digest(struct json_plain *p, unsigned int depth)
{
	struct json_span s;
	uint64_t h;

	if (p->bad || depth == MAX_DEPTH) {
		p->bad = true;
		return 0;
	}
	switch (json_plain_next(p)) {
	case '{': return plain_object(p, depth);
	case '[':
		h = json_digest_list();
		p->at++;
		for (bool is_first = true; json_plain_more(p, ']', &is_first);)
			h = json_digest_add(h, plain_digest(p, depth + 1));
		return h;
	case '"': s = json_plain_string(p); return json_digest_string(s.text, s.size);
	case 't': return plain_word(p, "true", 4, begin_true);
	case 'f': return plain_word(p, "false", 5, begin_false);
	case 'n': return plain_word(p, "null", 4, begin_null);
	default: return mix(begin_integer, json_plain_uint(p));
	}
}

static uint64_t plain_object(struct json_plain *p, unsigned int depth)
{
	uint64_t sum = begin_object, names[MAX_MEMBERS];
	size_t n = 0;

	p->at++;
	for (bool is_first = true; json_plain_more(p, '}', &is_first);) {
		struct json_span key = json_plain_key(p);
		uint64_t name = json_digest_string(key.text, key.size);
		/* Equal digests of different names would only send the message the longer way. */
		for (size_t i = 0; i < n; i++)
			p->bad |= names[i] == name;
		if (p->bad || n == MAX_MEMBERS) {
			p->bad = true;
			return 0;
		}
		names[n++] = name;
		sum += mix(name, plain_digest(p, depth + 1));
	}
	return mix(sum, n);
}

static uint64_t plain_word(struct json_plain *p, const char *word, size_t size, uint64_t digest)
{
	if ((size_t)(p->end - p->at) < size || memcmp(p->at, word, size) != 0)
		p->bad = true;
	else
		p->at += size;
	return digest;
}

static uint64_t mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15;
	return h ^ h >> 29 ^ h >> 47;
}
