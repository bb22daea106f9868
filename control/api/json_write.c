/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/json_write.h"

#include <inttypes.h>
#include <string.h>

enum { INTEGER_STR_SIZE = 24 };

static void write_object(struct buf_writer *w, const json_t *object);
static void write_array(struct buf_writer *w, const json_t *array);
static void write_by_jansson(struct buf_writer *w, const json_t *value);
static bool is_plain(const char *text, size_t size);
static int put_chunk(const char *data, size_t size, void *arg);

void json_write(struct buf_writer *w, const json_t *value)
{
	if (value == NULL) {
		w->bad = true;
		return;
	}
	switch (json_typeof(value)) {
	case JSON_OBJECT: write_object(w, value); break;
	case JSON_ARRAY: write_array(w, value); break;
	case JSON_STRING:
		json_write_string(w, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER: json_write_integer(w, json_integer_value(value)); break;
	case JSON_TRUE: buf_put(w, "true", 4); break;
	case JSON_FALSE: buf_put(w, "false", 5); break;
	case JSON_NULL: buf_put(w, "null", 4); break;
	default: write_by_jansson(w, value); break;
	}
}

void json_write_string(struct buf_writer *w, const char *text, size_t size)
{
	if (is_plain(text, size)) {
		buf_put_u8(w, '"');
		buf_put(w, text, size);
		buf_put_u8(w, '"');
		return;
	}
	json_t *value = json_stringn_nocheck(text, size);
	write_by_jansson(w, value);
	json_decref(value);
}

void json_write_integer(struct buf_writer *w, json_int_t value)
{
	char text[INTEGER_STR_SIZE];
	size_t at = sizeof(text);
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do {
		text[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (value < 0)
		text[--at] = '-';
	buf_put(w, text + at, sizeof(text) - at);
}

static void write_object(struct buf_writer *w, const json_t *object)
{
	const char *separator = "{";
	/* jansson's iterators are for changing what they visit, too; this does not. */
	json_t *visited = (json_t *)object;

	for (void *it = json_object_iter(visited); it != NULL;
	     it = json_object_iter_next(visited, it)) {
		buf_put(w, separator, 1);
		json_write_string(w, json_object_iter_key(it), json_object_iter_key_len(it));
		buf_put_u8(w, ':');
		json_write(w, json_object_iter_value(it));
		separator = ",";
	}
	if (*separator == '{')
		buf_put_u8(w, '{');
	buf_put_u8(w, '}');
}

static void write_array(struct buf_writer *w, const json_t *array)
{
	size_t n = json_array_size(array);

	buf_put_u8(w, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_put_u8(w, ',');
		json_write(w, json_array_get(array, i));
	}
	buf_put_u8(w, ']');
}

static void write_by_jansson(struct buf_writer *w, const json_t *value)
{
	if (json_dump_callback(value, put_chunk, w, JSON_COMPACT | JSON_ENCODE_ANY) != 0)
		w->bad = true;
}

/* ASCII without anything that is escaped. */
static bool is_plain(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		uint8_t c = (uint8_t)text[i];
		if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
			return false;
	}
	return true;
}

static int put_chunk(const char *data, size_t size, void *arg)
{
	struct buf_writer *w = arg;
	buf_put(w, data, size);
	return w->bad ? -1 : 0;
}
