/* SPDX-License-Identifier: Apache-2.0 */
/* Values as JSON (RFC 7047 5.1) and as text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/column_type.h"
#include "ovsdb-lite/mem.h"

static struct ovsdb_error *from_json(struct ovsdb_datum *ret, const struct ovsdb_type *type,
    const json_t *json, struct ovsdb_names *names, uint32_t n_min, uint32_t n_max);
static struct ovsdb_error *add_elements(struct ovsdb_datum_builder *b,
    const struct ovsdb_type *type, const json_t *elements, struct ovsdb_names *names);
static struct ovsdb_error *add_pair(struct ovsdb_datum_builder *b, const struct ovsdb_type *type,
    const json_t *json, struct ovsdb_names *names);
static struct ovsdb_error *check_size(
    const json_t *json, const char *class, size_t n, uint32_t n_min, uint32_t n_max);
static void put_atom(FILE *out, const union ovsdb_atom *atom, enum ovsdb_atomic_type type);
static size_t atom_bytes(const union ovsdb_atom *atom, enum ovsdb_atomic_type type);
static bool is_wrapped_set(const json_t *json);
static const json_t *unwrap(const json_t *json, const char *class);
static json_t *wrap(const char *class, json_t *inner);

struct ovsdb_error *ovsdb_datum_from_json(struct ovsdb_datum *ret, const struct ovsdb_type *type,
    const json_t *json, struct ovsdb_names *names)
{
	return from_json(ret, type, json, names, type->n_min, type->n_max);
}

struct ovsdb_error *ovsdb_datum_from_json_partial(struct ovsdb_datum *ret,
    const struct ovsdb_type *type, const json_t *json, struct ovsdb_names *names)
{
	return from_json(ret, type, json, names, 0, OVSDB_UNLIMITED);
}

json_t *ovsdb_datum_to_json(const struct ovsdb_datum *d, const struct ovsdb_type *type)
{
	bool is_map = ovsdb_type_is_map(type);

	if (!is_map && d->n == 1) {
		union ovsdb_atom key = ovsdb_datum_key(d, 0);
		return ovsdb_atom_to_json(&key, d->key_type);
	}
	json_t *array = json_array();
	for (uint32_t i = 0; i < d->n; i++) {
		union ovsdb_atom key = ovsdb_datum_key(d, i);
		json_t *element = ovsdb_atom_to_json(&key, d->key_type);
		if (is_map) {
			union ovsdb_atom value = ovsdb_datum_value(d, i);
			json_t *pair = json_array();
			json_array_append_new(pair, element);
			json_array_append_new(pair, ovsdb_atom_to_json(&value, d->value_type));
			element = pair;
		}
		json_array_append_new(array, element);
	}
	return wrap(is_map ? "map" : "set", array);
}

size_t ovsdb_datum_json_bytes(const struct ovsdb_datum *d)
{
	enum { ARRAY = 150, ELEMENT = 8 };
	size_t size = d->n == 1 && d->value_type == OVSDB_VOID ? 0 : 2 * ARRAY;

	for (uint32_t i = 0; i < d->n; i++) {
		union ovsdb_atom key = ovsdb_datum_key(d, i);
		size += ELEMENT + atom_bytes(&key, d->key_type);
		if (d->value_type == OVSDB_VOID)
			continue;
		union ovsdb_atom value = ovsdb_datum_value(d, i);
		size += ARRAY + atom_bytes(&value, d->value_type);
	}
	return size;
}

char *ovsdb_datum_format(const struct ovsdb_datum *d, const struct ovsdb_type *type)
{
	bool is_map = ovsdb_type_is_map(type), is_framed = type->n_max > 1 || d->n == 0;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		abort();
	if (is_framed)
		fputc(is_map ? '{' : '[', out);
	for (uint32_t i = 0; i < d->n; i++) {
		union ovsdb_atom atom = ovsdb_datum_key(d, i);
		fputs(i > 0 ? ", " : "", out);
		put_atom(out, &atom, d->key_type);
		if (!is_map)
			continue;
		atom = ovsdb_datum_value(d, i);
		fputc('=', out);
		put_atom(out, &atom, d->value_type);
	}
	if (is_framed)
		fputc(is_map ? '}' : ']', out);
	if (fclose(out) != 0)
		abort(); // no memory
	return text;
}

static void put_atom(FILE *out, const union ovsdb_atom *atom, enum ovsdb_atomic_type type)
{
	char *text = ovsdb_atom_format(atom, type);

	fputs(text, out);
	free(text);
}

/* As jansson keeps it. */
static size_t atom_bytes(const union ovsdb_atom *atom, enum ovsdb_atomic_type type)
{
	enum { NUMBER = 32, STRING = 64, UUID = 400 };

	if (type == OVSDB_STRING)
		return STRING + atom->string->len;
	return type == OVSDB_UUID ? UUID : NUMBER;
}

static struct ovsdb_error *from_json(struct ovsdb_datum *ret, const struct ovsdb_type *type,
    const json_t *json, struct ovsdb_names *names, uint32_t n_min, uint32_t n_max)
{
	bool is_map = ovsdb_type_is_map(type);
	const char *class = is_map ? "map" : "set";
	struct ovsdb_datum_builder b;
	union ovsdb_atom atom;
	struct ovsdb_error *error;

	if (!is_map && !is_wrapped_set(json)) {
		error = ovsdb_atom_from_json(&atom, &type->key, json, names);
		if (error == NULL)
			*ret = ovsdb_datum_of_atom(atom, type->key.type);
		return error;
	}
	const json_t *elements = unwrap(json, class);
	if (elements == NULL)
		return ovsdb_syntax_error(json, NULL, "expected [\"%s\", <array>]", class);
	ovsdb_datum_builder_init(&b, type->key.type, type->value.type);
	error = check_size(json, class, json_array_size(elements), n_min, n_max);
	if (error == NULL)
		error = add_elements(&b, type, elements, names);
	if (error == NULL && ovsdb_datum_builder_sort(&b) > 0)
		error = ovsdb_error_create("ovsdb error",
		    is_map ? "map contains duplicate key" : "set contains duplicate");
	if (error != NULL)
		ovsdb_datum_builder_fini(&b);
	else
		*ret = ovsdb_datum_builder_finish(&b);
	return error;
}

static struct ovsdb_error *add_elements(struct ovsdb_datum_builder *b,
    const struct ovsdb_type *type, const json_t *elements, struct ovsdb_names *names)
{
	struct ovsdb_error *error = NULL;
	union ovsdb_atom atom;

	for (size_t i = 0; error == NULL && i < json_array_size(elements); i++) {
		const json_t *element = json_array_get(elements, i);
		if (ovsdb_type_is_map(type)) {
			error = add_pair(b, type, element, names);
			continue;
		}
		error = ovsdb_atom_from_json(&atom, &type->key, element, names);
		if (error == NULL)
			ovsdb_datum_builder_add(b, atom, (union ovsdb_atom){.uuid = {0}});
	}
	return error;
}

static struct ovsdb_error *add_pair(struct ovsdb_datum_builder *b, const struct ovsdb_type *type,
    const json_t *json, struct ovsdb_names *names)
{
	union ovsdb_atom key, value;

	if (!json_is_array(json) || json_array_size(json) != 2)
		return ovsdb_syntax_error(json, NULL, "expected 2-element array");
	struct ovsdb_error *error =
	    ovsdb_atom_from_json(&key, &type->key, json_array_get(json, 0), names);
	if (error != NULL)
		return error;
	error = ovsdb_atom_from_json(&value, &type->value, json_array_get(json, 1), names);
	if (error != NULL)
		ovsdb_atom_unref(&key, type->key.type);
	else
		ovsdb_datum_builder_add(b, key, value);
	return error;
}

static struct ovsdb_error *check_size(
    const json_t *json, const char *class, size_t n, uint32_t n_min, uint32_t n_max)
{
	if (n >= n_min && n <= n_max)
		return NULL;
	if (n_min == 1 && n_max == 1)
		return ovsdb_syntax_error(
		    json, NULL, "%s must have exactly one member but %zu are present", class, n);
	return ovsdb_syntax_error(json, NULL, "%s must have %u to %u members but %zu are present",
	    class, n_min, n_max, n);
}

static bool is_wrapped_set(const json_t *json)
{
	const char *first = json_string_value(json_array_get(json, 0));

	return first != NULL && strcmp(first, "set") == 0;
}

/* The array of [class, array], or NULL. */
static const json_t *unwrap(const json_t *json, const char *class)
{
	const char *first = json_string_value(json_array_get(json, 0));
	const json_t *inner = json_array_get(json, 1);

	if (json_array_size(json) != 2 || first == NULL || strcmp(first, class) != 0)
		return NULL;
	return json_is_array(inner) ? inner : NULL;
}

static json_t *wrap(const char *class, json_t *inner)
{
	json_t *array = json_array();

	json_array_append_new(array, json_string_nocheck(class));
	json_array_append_new(array, inner);
	return array;
}
