/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/schema_text.h"

#include <string.h>

enum { MAX_COLUMNS = 48, MAX_NAME = 64, MAX_HEX_DIGITS = 16 };

/* The column behind the schema's: every table has it. */
static const struct api_column cookie_column = {.name = "cookie", .type = CT_HEX64};

static bool put_columns(
    const struct api_table_def *def, const struct json_span *values, struct buf_writer *w);
static const struct api_column *column_at(const struct api_table_def *def, size_t i);
static size_t find_column(const struct api_table_def *def, struct json_span name, uint8_t *hint);
static bool is_good(const struct api_column *column, struct json_span value);
static bool is_good_list(const struct api_column *column, struct json_span list);
static bool is_good_name(struct json_span s);
static bool is_good_hex(struct json_span s);
static struct json_span unquoted(struct json_span value);
static void put(struct buf_writer *w, const char *bytes, size_t size);

bool schema_text_normalise(enum api_table table, struct json_plain *p,
    struct schema_text_hints *hints, struct buf_writer *w)
{
	const struct api_table_def *def = &api_tables[table];
	struct json_span values[MAX_COLUMNS + 1] = {0};
	size_t n = 0, max_size = (size_t)(p->end - p->at) + 2;

	/* Values go behind where the result will be, in their order; neither is longer than what was given. */
	if (!buf_reserve(w, 2 * max_size))
		return false;
	char *copy = (char *)w->data + w->size + max_size;
	json_plain_take(p, '{');
	for (bool is_first = true; json_plain_more(p, '}', &is_first); n++) {
		uint8_t *hint = &hints->columns[n % sizeof(hints->columns)];
		size_t i = find_column(def, json_plain_key(p), hint);
		struct json_span value = {copy, json_plain_copy(p, copy)};
		if (p->bad || i > def->n_columns || !is_good(column_at(def, i), value))
			return false;
		values[i] = value;
		copy += value.size;
	}
	return !p->bad && put_columns(def, values, w);
}

static bool put_columns(
    const struct api_table_def *def, const struct json_span *values, struct buf_writer *w)
{
	size_t start = w->size;

	for (size_t i = 0; i <= def->n_columns; i++) {
		const struct api_column *column = column_at(def, i);
		if (values[i].size == 0 && column->flags & CF_REQUIRED) {
			w->size = start;
			return false;
		}
		const char *absent = column->default_json;
		if (values[i].size == 0 ||
		    (absent != NULL && json_span_is(values[i], absent, strlen(absent))))
			continue;
		put(w, w->size == start ? "{\"" : ",\"", 2);
		put(w, column->name, strlen(column->name));
		put(w, "\":", 2);
		put(w, values[i].text, values[i].size);
	}
	if (w->size == start)
		put(w, "{", 1);
	put(w, "}", 1);
	return true;
}

static const struct api_column *column_at(const struct api_table_def *def, size_t i)
{
	return i == def->n_columns ? &cookie_column : &def->columns[i];
}

/* Beyond n_columns: there is none. */
static size_t find_column(const struct api_table_def *def, struct json_span name, uint8_t *hint)
{
	size_t i = *hint;

	if (i <= def->n_columns && strlen(column_at(def, i)->name) == name.size &&
	    memcmp(column_at(def, i)->name, name.text, name.size) == 0)
		return i;
	for (i = 0; i <= def->n_columns; i++) {
		const char *column = column_at(def, i)->name;
		if (json_span_is(name, column, strlen(column)))
			break;
	}
	*hint = (uint8_t)i;
	return i;
}

/* Types that tables of texts have; others are not known here. */
static bool is_good(const struct api_column *column, struct json_span value)
{
	if (column->flags & CF_LIST)
		return is_good_list(column, value);
	struct json_plain p = {.at = value.text, .end = value.text + value.size};
	char first = value.text[0];
	switch (column->type) {
	case CT_UINT: {
		if (first < '0' || first > '9')
			return false;
		uint64_t n = json_plain_uint(&p);
		return n >= column->min && n <= column->max;
	}
	case CT_BOOL: return first == 't' || first == 'f';
	case CT_OBJECT: return first == '{';
	case CT_NAME:
	case CT_REF: return first == '"' && is_good_name(unquoted(value));
	case CT_STRING:
		return first == '"' && value.size - 2 >= column->min &&
		       value.size - 2 <= column->max;
	case CT_HEX64: return first == '"' && is_good_hex(unquoted(value));
	default: return false;
	}
}

static bool is_good_list(const struct api_column *column, struct json_span list)
{
	struct json_plain p = {.at = list.text, .end = list.text + list.size};
	size_t n = 0;

	if (column->type != CT_ACTION || list.text[0] != '[')
		return false;
	p.at++;
	for (bool is_first = true; json_plain_more(&p, ']', &is_first); n++) {
		char first = json_plain_next(&p);
		if (first != '{' && first != '"')
			return false;
		json_plain_value(&p);
	}
	return n >= column->min && n <= column->max;
}

/* As json_name_is_valid. */
static bool is_good_name(struct json_span s)
{
	for (size_t i = 0; i < s.size; i++) {
		char c = s.text[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!is_letter && !(c >= '0' && c <= ':') && c != '.' && c != '_' && c != '-')
			return false;
	}
	return s.size > 0 && s.size <= MAX_NAME;
}

/* Only the shortest form, which is how it is kept. */
static bool is_good_hex(struct json_span s)
{
	if (s.size < 3 || s.size > 2 + MAX_HEX_DIGITS || s.text[0] != '0' || s.text[1] != 'x' ||
	    (s.text[2] == '0' && s.size > 3))
		return false;
	for (size_t i = 2; i < s.size; i++) {
		char c = s.text[i];
		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
			return false;
	}
	return true;
}

static struct json_span unquoted(struct json_span value)
{
	return (struct json_span){value.text + 1, value.size - 2};
}

static void put(struct buf_writer *w, const char *bytes, size_t size)
{
	memcpy(w->data + w->size, bytes, size);
	w->size += size;
}
