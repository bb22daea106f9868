/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/json_read.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { MAX_DIGITS = 18 }; // that no integer overflows with

struct text {
	const char *at, *end;
};

static json_t *read_value(struct text *t);
static json_t *read_object(struct text *t);
static json_t *read_array(struct text *t);
static json_t *read_string(struct text *t);
static json_t *read_number(struct text *t);
static json_t *read_word(struct text *t, const char *word, json_t *value);
static json_t *read_by_jansson(struct text *t, const char *end);
static bool skip_string(struct text *t, bool *is_plain);
static char skip_space(struct text *t);

json_t *ovsdb_json_read(const char *data, size_t size, json_error_t *why)
{
	struct text t = {data, data + size};
	char first = skip_space(&t);
	json_t *value = first == '{' || first == '[' ? read_value(&t) : NULL;
	skip_space(&t);
	if (value != NULL && t.at == t.end)
		return value;
	json_decref(value);
	value = json_loadb(data, size, 0, why);
	/* Integers that do not fit are reals, as they are for ovsdb-server. */
	if (value == NULL && json_error_code(why) == json_error_numeric_overflow)
		value = json_loadb(data, size, JSON_DECODE_INT_AS_REAL, why);
	return value;
}

/* NULL: for jansson. */
static json_t *read_value(struct text *t)
{
	switch (t->at < t->end ? *t->at : '\0') {
	case '{': return read_object(t);
	case '[': return read_array(t);
	case '"': return read_string(t);
	case 't': return read_word(t, "true", json_true());
	case 'f': return read_word(t, "false", json_false());
	case 'n': return read_word(t, "null", json_null());
	default: return read_number(t);
	}
}

static json_t *read_object(struct text *t)
{
	json_t *object = json_object();
	t->at++;
	if (skip_space(t) == '}') {
		t->at++;
		return object;
	}
	for (;;) {
		bool is_plain = true;
		const char *key = t->at + 1;
		if (skip_space(t) != '"' || !skip_string(t, &is_plain) || !is_plain)
			break;
		size_t len = (size_t)(t->at - 1 - key);
		if (skip_space(t) != ':')
			break;
		t->at++;
		skip_space(t);
		json_t *value = read_value(t);
		if (value == NULL || json_object_setn_new_nocheck(object, key, len, value) != 0)
			break;
		char c = skip_space(t);
		t->at++;
		if (c == '}')
			return object;
		if (c != ',')
			break;
		skip_space(t);
	}
	json_decref(object);
	return NULL;
}

static json_t *read_array(struct text *t)
{
	json_t *array = json_array();
	t->at++;
	if (skip_space(t) == ']') {
		t->at++;
		return array;
	}
	for (;;) {
		skip_space(t);
		json_t *value = read_value(t);
		if (value == NULL || json_array_append_new(array, value) != 0)
			break;
		char c = skip_space(t);
		t->at++;
		if (c == ']')
			return array;
		if (c != ',')
			break;
	}
	json_decref(array);
	return NULL;
}

static json_t *read_string(struct text *t)
{
	bool is_plain = true;
	struct text from = *t;
	if (!skip_string(t, &is_plain))
		return NULL;
	if (!is_plain)
		return read_by_jansson(&from, t->at);
	return json_stringn_nocheck(from.at + 1, (size_t)(t->at - from.at) - 2);
}

static json_t *read_number(struct text *t)
{
	const char *p = t->at;
	bool is_negative = p < t->end && *p == '-';
	json_int_t value = 0;
	p += is_negative;
	const char *digits = p;
	while (p < t->end && *p >= '0' && *p <= '9' && p - digits < MAX_DIGITS)
		value = value * 10 + (*p++ - '0');
	bool is_short =
	    p > digits && p - digits <= MAX_DIGITS && (*digits != '0' || p - digits == 1);
	bool is_whole = p < t->end && strchr(",]} \t\r\n", *p) != NULL && *p != '\0';
	if (!is_short || !is_whole)
		return NULL;
	if (is_negative && value == 0)
		return NULL; // "-0"
	t->at = p;
	return json_integer(is_negative ? -value : value);
}

static json_t *read_word(struct text *t, const char *word, json_t *value)
{
	size_t len = strlen(word);
	if ((size_t)(t->end - t->at) < len || memcmp(t->at, word, len) != 0)
		return NULL;
	t->at += len;
	return value; // these are not counted
}

static json_t *read_by_jansson(struct text *t, const char *end)
{
	return json_loadb(t->at, (size_t)(end - t->at), JSON_DECODE_ANY, NULL);
}

/* Past the closing quote. Plain: ASCII without anything that is escaped. */
static bool skip_string(struct text *t, bool *is_plain)
{
	for (const char *p = t->at + 1; p < t->end; p++) {
		uint8_t c = (uint8_t)*p;
		if (c == '"') {
			t->at = p + 1;
			return true;
		}
		if (c >= 0x20 && c < 0x80 && c != '\\')
			continue;
		*is_plain = false;
		if (c == '\\')
			p++;
	}
	return false;
}

/* The byte after white space, NUL at the end. */
static char skip_space(struct text *t)
{
	while (
	    t->at < t->end && (*t->at == ' ' || *t->at == '\n' || *t->at == '\t' || *t->at == '\r'))
		t->at++;
	return t->at < t->end ? *t->at : '\0';
}
