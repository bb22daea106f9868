/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/json_read.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	MAX_DEPTH = 64,       // beyond: jansson, which has a limit of its own
	MAX_PLAIN_DIGITS = 18 // of a number that surely fits
};

struct reader {
	const char *text;
	size_t size, pos;
	unsigned int depth;
	struct json_raw *raw; // for the ops of a request; NULL: they are values
	bool in_params;
};

/* A string of the text. value: NULL when its bytes are its content. */
struct span {
	const char *bytes;
	size_t size;
	json_t *value;
};

static json_t *read_value(struct reader *r);
static json_t *read_object(struct reader *r);
static bool read_member(struct reader *r, json_t *object);
static bool is_word(const struct span *s, const char *word, size_t size);
static bool read_raw(struct reader *r);
static json_t *read_array(struct reader *r);
static json_t *read_string(struct reader *r);
static bool read_span(struct reader *r, struct span *ret);
static json_t *read_number(struct reader *r);
static json_t *read_word(struct reader *r, const char *word, size_t size, json_t *value);
static char next(struct reader *r);
static bool take(struct reader *r, char c);

json_t *json_read(const char *text, size_t size, json_error_t *fault)
{
	struct reader r = {.text = text, .size = size};
	json_t *value = read_value(&r);

	if (value != NULL && next(&r) == '\0' && r.pos == r.size)
		return value;
	json_decref(value);
	return json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, fault);
}

json_t *json_read_request(const char *text, size_t size, struct json_raw *raw, json_error_t *fault)
{
	struct reader r = {.text = text, .size = size, .raw = raw};
	json_t *value = read_value(&r);

	if (value != NULL && next(&r) == '\0' && r.pos == r.size)
		return value;
	json_decref(value);
	json_raw_fini(raw);
	return json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, fault);
}

static json_t *read_value(struct reader *r)
{
	switch (next(r)) {
	case '{': return read_object(r);
	case '[': return read_array(r);
	case '"': return read_string(r);
	case 't': return read_word(r, "true", 4, json_true());
	case 'f': return read_word(r, "false", 5, json_false());
	case 'n': return read_word(r, "null", 4, json_null());
	default: return read_number(r);
	}
}

static json_t *read_object(struct reader *r)
{
	if (r->depth == MAX_DEPTH)
		return NULL;
	r->depth++;
	r->pos++;
	json_t *object = json_object();
	bool good = take(r, '}');
	bool has_more = !good;
	while (has_more) {
		if (!read_member(r, object))
			break;
		has_more = take(r, ',');
		good = !has_more && take(r, '}');
	}
	r->depth--;
	if (good)
		return object;
	json_decref(object);
	return NULL;
}

static bool read_member(struct reader *r, json_t *object)
{
	struct span key;
	size_t n = json_object_size(object);

	if (next(r) != '"' || !read_span(r, &key))
		return false;
	bool has_value = take(r, ':');
	bool is_params = r->depth == 1 && is_word(&key, "params", 6);
	bool is_ops = r->in_params && r->depth == 2 && is_word(&key, "ops", 3);
	if (has_value && is_ops && json_object_get(object, "ops") == NULL && read_raw(r)) {
		json_decref(key.value);
		return true;
	}
	r->in_params |= is_params;
	/* A second list of ops is a fault that jansson names. */
	bool is_second = is_ops && r->raw != NULL && r->raw->is_there;
	json_t *value = has_value && !is_second ? read_value(r) : NULL;
	r->in_params &= !is_params;
	bool good =
	    value != NULL && json_object_setn_new_nocheck(object, key.bytes, key.size, value) == 0;
	json_decref(key.value);
	return good && json_object_size(object) == n + 1;
}

static bool is_word(const struct span *s, const char *word, size_t size)
{
	return s->size == size && memcmp(s->bytes, word, size) == 0;
}

static bool read_raw(struct reader *r)
{
	struct json_plain p = {.at = r->text + r->pos, .end = r->text + r->size};

	if (r->raw == NULL || r->raw->is_there || json_plain_next(&p) != '[')
		return false;
	json_raw_read(r->raw, &p);
	if (p.bad)
		return false;
	r->pos = (size_t)(p.at - r->text);
	return true;
}

static json_t *read_array(struct reader *r)
{
	if (r->depth == MAX_DEPTH)
		return NULL;
	r->depth++;
	r->pos++;
	json_t *array = json_array();
	bool good = take(r, ']');
	bool has_more = !good;
	while (has_more) {
		json_t *value = read_value(r);
		if (value == NULL)
			break;
		json_array_append_new(array, value);
		has_more = take(r, ',');
		good = !has_more && take(r, ']');
	}
	r->depth--;
	if (good)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *read_string(struct reader *r)
{
	struct span s;

	if (!read_span(r, &s))
		return NULL;
	return s.value != NULL ? s.value : json_stringn_nocheck(s.bytes, s.size);
}

/* Escapes and characters beyond ASCII are jansson's. */
static bool read_span(struct reader *r, struct span *ret)
{
	size_t start = r->pos, at = start + 1;
	bool is_plain = true;

	for (; at < r->size && r->text[at] != '"'; at++) {
		uint8_t c = (uint8_t)r->text[at];
		is_plain &= c >= 0x20 && c < 0x80 && c != '\\';
		at += c == '\\';
	}
	if (at >= r->size)
		return false;
	r->pos = at + 1;
	*ret = (struct span){.bytes = r->text + start + 1, .size = at - start - 1};
	if (is_plain)
		return true;
	ret->value = json_loadb(r->text + start, r->pos - start, JSON_DECODE_ANY, NULL);
	ret->bytes = json_string_value(ret->value);
	ret->size = json_string_length(ret->value);
	return ret->value != NULL;
}

static json_t *read_number(struct reader *r)
{
	size_t start = r->pos, at = start;
	bool is_negative = at < r->size && r->text[at] == '-';
	json_int_t n = 0;

	at += is_negative;
	size_t first = at;
	for (; at < r->size && r->text[at] >= '0' && r->text[at] <= '9' &&
	       at - first < MAX_PLAIN_DIGITS;
	     at++)
		n = n * 10 + (r->text[at] - '0');
	size_t n_digits = at - first;
	while (
	    at < r->size && r->text[at] != '\0' && strchr("+-.eE0123456789", r->text[at]) != NULL)
		at++;
	if (at == start)
		return NULL;
	r->pos = at;
	bool is_plain =
	    at - first == n_digits && n_digits > 0 && (n_digits == 1 || r->text[first] != '0');
	if (is_plain)
		return json_integer(is_negative ? -n : n);
	return json_loadb(r->text + start, at - start, JSON_DECODE_ANY, NULL);
}

static json_t *read_word(struct reader *r, const char *word, size_t size, json_t *value)
{
	if (r->size - r->pos < size || memcmp(r->text + r->pos, word, size) != 0)
		return NULL;
	r->pos += size;
	return value;
}

/* The next character that is no space, which stays; 0 at the end. */
static char next(struct reader *r)
{
	while (r->pos < r->size && (r->text[r->pos] == ' ' || r->text[r->pos] == '\t' ||
				       r->text[r->pos] == '\n' || r->text[r->pos] == '\r'))
		r->pos++;
	return r->pos < r->size ? r->text[r->pos] : '\0';
}

static bool take(struct reader *r, char c)
{
	if (next(r) != c)
		return false;
	r->pos++;
	return true;
}
