/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/json_text.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_SIZE = 40, ROUND_TRIP_DIGITS = 17 };

static void write_object(struct buf_writer *w, const json_t *object);
static void write_array(struct buf_writer *w, const json_t *array);
static void write_escaped(struct buf_writer *w, uint8_t c);

void ovsdb_json_write(struct buf_writer *w, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT: write_object(w, value); break;
	case JSON_ARRAY: write_array(w, value); break;
	case JSON_STRING:
		ovsdb_json_write_string(w, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER: ovsdb_json_write_integer(w, json_integer_value(value)); break;
	case JSON_REAL: ovsdb_json_write_real(w, json_real_value(value)); break;
	case JSON_TRUE: buf_put(w, "true", 4); break;
	case JSON_FALSE: buf_put(w, "false", 5); break;
	default: buf_put(w, "null", 4); break;
	}
}

void ovsdb_json_write_string(struct buf_writer *w, const char *text, size_t size)
{
	size_t plain = 0;
	buf_put_u8(w, '"');
	for (size_t i = 0; i < size; i++) {
		uint8_t c = (uint8_t)text[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_put(w, text + plain, i - plain);
		write_escaped(w, c);
		plain = i + 1;
	}
	buf_put(w, text + plain, size - plain);
	buf_put_u8(w, '"');
}

void ovsdb_json_write_integer(struct buf_writer *w, json_int_t value)
{
	char text[NUMBER_SIZE];
	int n = snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, value);
	buf_put(w, text, (size_t)n);
}

void ovsdb_json_write_real(struct buf_writer *w, double value)
{
	char text[NUMBER_SIZE];
	int n = 0;
	for (int digits = DBL_DIG; digits <= ROUND_TRIP_DIGITS; digits++) {
		n = snprintf(text, sizeof(text), "%.*g", digits, value);
		double read = strtod(text, NULL);
		if (!(read < value || read > value))
			break;
	}
	buf_put(w, text, (size_t)n);
}

void ovsdb_json_write_raw(struct buf_writer *w, const char *text)
{
	buf_put(w, text, strlen(text));
}

static void write_object(struct buf_writer *w, const json_t *object)
{
	char separator = '{';
	/* jansson's iterators are for changing what they visit, too; this does not. */
	json_t *visited = (json_t *)object;

	for (void *it = json_object_iter(visited); it != NULL;
	     it = json_object_iter_next(visited, it)) {
		buf_put_u8(w, (uint8_t)separator);
		ovsdb_json_write_string(w, json_object_iter_key(it), json_object_iter_key_len(it));
		buf_put_u8(w, ':');
		ovsdb_json_write(w, json_object_iter_value(it));
		separator = ',';
	}
	if (separator == '{')
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
		ovsdb_json_write(w, json_array_get(array, i));
	}
	buf_put_u8(w, ']');
}

static void write_escaped(struct buf_writer *w, uint8_t c)
{
	static const char short_forms[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	char text[8];
	for (size_t i = 0; i + 1 < sizeof(short_forms); i += 2) {
		if (short_forms[i] != (char)c)
			continue;
		buf_put_u8(w, '\\');
		buf_put_u8(w, (uint8_t)short_forms[i + 1]);
		return;
	}
	snprintf(text, sizeof(text), "\\u%04x", c);
	buf_put(w, text, 6);
}
