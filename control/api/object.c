/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/object.h"

#include <stdlib.h>
#include <string.h>

#include "control/api/json_read.h"
#include "control/api/json_write.h"
#include "control/mem.h"

enum { TEXT_MAX_SIZE = 16 << 20 }; // a message is not longer

static struct api_object *create(
    enum api_table table, struct json_span name, const char *owner, struct json_span text);
static bool is_default(enum api_table table, const char *column, json_t *value);
static json_t *read_text(struct json_span text);

struct api_object *api_object_create(
    enum api_table table, const char *name, const char *owner, uint64_t generation, json_t *data)
{
	struct json_span whole_name = {name, strnlen(name, 64)};
	struct api_object *o;

	if (!api_table_is_text(table)) {
		o = create(table, whole_name, owner, (struct json_span){"", 0});
		o->generation = generation;
		o->data = data;
		return o;
	}
	struct buf_writer w;
	buf_writer_init(&w, TEXT_MAX_SIZE);
	api_object_text_write(table, data, &w);
	json_decref(data);
	struct json_span text = {(const char *)w.data, w.size};
	o = api_object_create_text(table, whole_name, owner, generation, text);
	buf_writer_fini(&w);
	return o;
}

struct api_object *api_object_create_text(enum api_table table, struct json_span name,
    const char *owner, uint64_t generation, struct json_span text)
{
	struct api_object *o = create(table, name, owner, text);

	o->generation = generation;
	return o;
}

struct api_object *api_object_ref(const struct api_object *o)
{
	/* The content is immutable, the count is not: every object comes from api_object_create. */
	struct api_object *counted = (struct api_object *)o;
	counted->n_refs++;
	return counted;
}

void api_object_unref(struct api_object *o)
{
	if (o == NULL || --o->n_refs > 0)
		return;
	json_decref(o->data);
	free(o);
}

json_t *api_object_json(const struct api_object *o)
{
	if (o->data != NULL)
		return json_incref(o->data);
	json_t *text = read_text(o->text);
	json_t *data = schema_fill(o->table, text);
	json_decref(text);
	return data;
}

json_t *api_object_column(const struct api_object *o, const char *name)
{
	if (o->data != NULL)
		return json_incref(json_object_get(o->data, name));
	struct json_span value = json_plain_find(o->text.text, o->text.size, name);
	if (value.size > 0)
		return read_text(value);
	if (value.text != NULL)
		return schema_default(o->table, name);
	json_t *data = api_object_json(o);
	json_t *column = json_incref(json_object_get(data, name));
	json_decref(data);
	return column;
}

struct json_span api_object_text_column(const struct api_object *o, const char *name)
{
	struct json_span none = {"", 0};

	if (o->data != NULL) {
		json_t *value = json_object_get(o->data, name);
		return json_is_string(value)
			   ? (struct json_span){json_string_value(value), json_string_length(value)}
			   : none;
	}
	/* It is plain where names are: no escape ends before the column that is looked for. */
	struct json_span value = json_plain_find(o->text.text, o->text.size, name);
	return value.size > 1 && value.text[0] == '"'
		   ? (struct json_span){value.text + 1, value.size - 2}
		   : none;
}

void api_object_write(const struct api_object *o, struct buf_writer *w)
{
	if (o->data != NULL)
		json_write(w, o->data);
	else
		buf_put(w, o->text.text, o->text.size);
}

bool api_object_equal(const struct api_object *a, const struct api_object *b)
{
	if (strcmp(a->owner, b->owner) != 0)
		return false;
	if (a->data != NULL)
		return json_equal(a->data, b->data);
	if (json_span_is(a->text, b->text.text, b->text.size))
		return true;
	/* Members of a match may come in any order. */
	json_t *x = read_text(a->text), *y = read_text(b->text);
	bool equal = json_equal(x, y);
	json_decref(x);
	json_decref(y);
	return equal;
}

/* The model adds numbers to ports and bridges: they cannot be texts. */
bool api_table_is_text(enum api_table table)
{
	return table == API_TABLE_FLOW;
}

void api_object_text_write(enum api_table table, json_t *data, struct buf_writer *w)
{
	const char *separator = "{", *name;
	json_t *value;

	json_object_foreach (data, name, value) {
		if (is_default(table, name, value))
			continue;
		buf_put(w, separator, 1);
		json_write_string(w, name, strlen(name));
		buf_put_u8(w, ':');
		json_write(w, value);
		separator = ",";
	}
	if (*separator == '{')
		buf_put_u8(w, '{');
	buf_put_u8(w, '}');
}

static bool is_default(enum api_table table, const char *column, json_t *value)
{
	json_t *absent = schema_default(table, column);
	bool equal = json_equal(absent, value);
	json_decref(absent);
	return equal;
}

static struct api_object *create(
    enum api_table table, struct json_span name, const char *owner, struct json_span text)
{
	size_t owner_size = strnlen(owner, 64);
	struct api_object *o = mem_alloc(sizeof(*o) + name.size + 1 + owner_size + 1 + text.size);
	char *bytes = o->bytes;

	o->table = table;
	o->n_refs = 1;
	o->name = memcpy(bytes, name.text, name.size);
	bytes += name.size + 1;
	o->owner = memcpy(bytes, owner, owner_size);
	bytes += owner_size + 1;
	o->text = (struct json_span){memcpy(bytes, text.text, text.size), text.size};
	return o;
}

/* It was valid JSON when it was kept. */
static json_t *read_text(struct json_span text)
{
	json_error_t fault;
	json_t *value = json_read(text.text, text.size, &fault);

	assert(value != NULL);
	return value;
}
