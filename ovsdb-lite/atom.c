/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/atom.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/column_type.h"
#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/names.h"
#include "ovsdb-lite/parser.h"

static const char *const type_names[OVSDB_N_TYPES] = {
    [OVSDB_VOID] = "void",
    [OVSDB_INTEGER] = "integer",
    [OVSDB_REAL] = "real",
    [OVSDB_BOOLEAN] = "boolean",
    [OVSDB_STRING] = "string",
    [OVSDB_UUID] = "uuid",
};

static struct ovsdb_error *parse(union ovsdb_atom *ret, const struct ovsdb_base_type *base,
    const json_t *json, struct ovsdb_names *names);
static bool parse_integer(const json_t *json, int64_t *ret);
static struct ovsdb_error *parse_uuid(struct ovsdb_uuid *ret, const struct ovsdb_base_type *base,
    const json_t *json, struct ovsdb_names *names);
static struct ovsdb_error *parse_named_uuid(struct ovsdb_uuid *ret,
    const struct ovsdb_base_type *base, const json_t *json, struct ovsdb_names *names);
static const char *wrapped_string(const json_t *json, const char *name);
static bool needs_quotes(const char *s);

const char *ovsdb_atomic_type_name(enum ovsdb_atomic_type type)
{
	return type_names[type];
}

bool ovsdb_atomic_type_parse(const char *name, enum ovsdb_atomic_type *ret)
{
	for (int type = OVSDB_INTEGER; type < OVSDB_N_TYPES; type++) {
		if (strcmp(name, type_names[type]) != 0)
			continue;
		*ret = (enum ovsdb_atomic_type)type;
		return true;
	}
	return false;
}

union ovsdb_atom ovsdb_atom_default(enum ovsdb_atomic_type type)
{
	union ovsdb_atom atom = {.uuid = {0}};

	if (type == OVSDB_STRING)
		atom.string = ovsdb_text_of("", 0);
	return atom;
}

bool ovsdb_atom_is_default(const union ovsdb_atom *atom, enum ovsdb_atomic_type type)
{
	switch (type) {
	case OVSDB_INTEGER: return atom->integer == 0;
	case OVSDB_REAL: return atom->real == 0.0;
	case OVSDB_BOOLEAN: return !atom->boolean;
	case OVSDB_STRING: return atom->string->len == 0;
	case OVSDB_UUID: return ovsdb_uuid_is_zero(atom->uuid);
	case OVSDB_VOID:
	case OVSDB_N_TYPES: break;
	}
	return true;
}

union ovsdb_atom ovsdb_atom_ref(const union ovsdb_atom *atom, enum ovsdb_atomic_type type)
{
	if (type == OVSDB_STRING)
		ovsdb_text_ref(atom->string);
	return *atom;
}

void ovsdb_atom_unref(union ovsdb_atom *atom, enum ovsdb_atomic_type type)
{
	if (type == OVSDB_STRING)
		ovsdb_text_unref(atom->string);
}

int ovsdb_atom_compare(
    const union ovsdb_atom *a, const union ovsdb_atom *b, enum ovsdb_atomic_type type)
{
	switch (type) {
	case OVSDB_INTEGER: return a->integer < b->integer ? -1 : a->integer > b->integer;
	case OVSDB_REAL: return a->real < b->real ? -1 : a->real > b->real;
	case OVSDB_BOOLEAN: return (int)a->boolean - (int)b->boolean;
	case OVSDB_STRING: return a->string == b->string ? 0 : strcmp(a->string->s, b->string->s);
	case OVSDB_UUID: return ovsdb_uuid_compare(&a->uuid, &b->uuid);
	case OVSDB_VOID:
	case OVSDB_N_TYPES: break;
	}
	return 0;
}

bool ovsdb_atom_equals(
    const union ovsdb_atom *a, const union ovsdb_atom *b, enum ovsdb_atomic_type type)
{
	return type == OVSDB_STRING ? a->string == b->string : ovsdb_atom_compare(a, b, type) == 0;
}

uint64_t ovsdb_atom_hash(const union ovsdb_atom *atom, enum ovsdb_atomic_type type, uint64_t basis)
{
	switch (type) {
	case OVSDB_INTEGER: return ovsdb_hash(&atom->integer, sizeof(atom->integer), basis);
	case OVSDB_REAL: {
		double real = atom->real + 0.0; // -0.0 equals 0.0
		return ovsdb_hash(&real, sizeof(real), basis);
	}
	case OVSDB_BOOLEAN: return ovsdb_hash(atom->boolean ? "t" : "f", 1, basis);
	case OVSDB_STRING:
		return ovsdb_hash(&atom->string->hash, sizeof(atom->string->hash), basis);
	case OVSDB_UUID: return ovsdb_hash(&atom->uuid, sizeof(atom->uuid), basis);
	case OVSDB_VOID:
	case OVSDB_N_TYPES: break;
	}
	return basis;
}

struct ovsdb_error *ovsdb_atom_from_json(union ovsdb_atom *ret, const struct ovsdb_base_type *base,
    const json_t *json, struct ovsdb_names *names)
{
	*ret = (union ovsdb_atom){.uuid = {0}};
	struct ovsdb_error *error = parse(ret, base, json, names);
	if (error != NULL)
		return error;
	error = ovsdb_base_type_check(base, ret);
	if (error != NULL)
		ovsdb_atom_unref(ret, base->type);
	return error;
}

json_t *ovsdb_atom_to_json(const union ovsdb_atom *atom, enum ovsdb_atomic_type type)
{
	char text[OVSDB_UUID_LEN + 1];

	switch (type) {
	case OVSDB_INTEGER: return json_integer(atom->integer);
	case OVSDB_REAL: return ovsdb_real_to_json(atom->real);
	case OVSDB_BOOLEAN: return json_boolean(atom->boolean);
	case OVSDB_STRING: return json_stringn_nocheck(atom->string->s, atom->string->len);
	case OVSDB_UUID: {
		json_t *array = json_array();
		json_array_append_new(array, json_string_nocheck("uuid"));
		json_array_append_new(
		    array, json_string_nocheck(ovsdb_uuid_format(&atom->uuid, text)));
		return array;
	}
	case OVSDB_VOID:
	case OVSDB_N_TYPES: break;
	}
	return json_null();
}

char *ovsdb_atom_format(const union ovsdb_atom *atom, enum ovsdb_atomic_type type)
{
	char text[OVSDB_UUID_LEN + 1];

	switch (type) {
	case OVSDB_INTEGER: return ovsdb_format_text("%" PRId64, atom->integer);
	case OVSDB_REAL: return ovsdb_format_text("%.*g", DBL_DIG, atom->real);
	case OVSDB_BOOLEAN: return ovsdb_copy_text(atom->boolean ? "true" : "false");
	case OVSDB_UUID: return ovsdb_copy_text(ovsdb_uuid_format(&atom->uuid, text));
	case OVSDB_STRING: break;
	case OVSDB_VOID:
	case OVSDB_N_TYPES: return ovsdb_copy_text("");
	}
	if (!needs_quotes(atom->string->s))
		return ovsdb_copy_text(atom->string->s);
	json_t *json = ovsdb_atom_to_json(atom, type);
	char *quoted = ovsdb_json_text(json);
	json_decref(json);
	return quoted;
}

static struct ovsdb_error *parse(union ovsdb_atom *ret, const struct ovsdb_base_type *base,
    const json_t *json, struct ovsdb_names *names)
{
	switch (base->type) {
	case OVSDB_INTEGER:
		if (parse_integer(json, &ret->integer))
			return NULL;
		break;
	case OVSDB_REAL:
		if (!json_is_number(json))
			break;
		ret->real = json_number_value(json) + 0.0; // -0.0 is 0.0
		return NULL;
	case OVSDB_BOOLEAN:
		if (!json_is_boolean(json))
			break;
		ret->boolean = json_is_true(json);
		return NULL;
	case OVSDB_STRING:
		if (!json_is_string(json))
			break;
		ret->string = ovsdb_text_of_string(json_string_value(json));
		return NULL;
	case OVSDB_UUID: return parse_uuid(&ret->uuid, base, json, names);
	case OVSDB_VOID:
	case OVSDB_N_TYPES: break;
	}
	return ovsdb_syntax_error(json, NULL, "expected %s", type_names[base->type]);
}

/* 1.0 and 1e3 are integers to the real server. */
static bool parse_integer(const json_t *json, int64_t *ret)
{
	if (json_is_integer(json)) {
		*ret = json_integer_value(json);
		return true;
	}
	double real = json_real_value(json);
	bool is_in_range = real >= (double)INT64_MIN && real < -(double)INT64_MIN;
	if (!json_is_real(json) || real != trunc(real) || !is_in_range)
		return false;
	*ret = (int64_t)real;
	return true;
}

static struct ovsdb_error *parse_uuid(struct ovsdb_uuid *ret, const struct ovsdb_base_type *base,
    const json_t *json, struct ovsdb_names *names)
{
	const char *text = wrapped_string(json, "uuid");

	if (text != NULL)
		return ovsdb_uuid_parse(text, ret)
			   ? NULL
			   : ovsdb_syntax_error(json, NULL, "\"%s\" is not a valid UUID", text);
	if (names != NULL && wrapped_string(json, "named-uuid") != NULL)
		return parse_named_uuid(ret, base, json, names);
	return ovsdb_syntax_error(json, NULL, "expected [\"uuid\", <string>]");
}

static struct ovsdb_error *parse_named_uuid(struct ovsdb_uuid *ret,
    const struct ovsdb_base_type *base, const json_t *json, struct ovsdb_names *names)
{
	const char *s = wrapped_string(json, "named-uuid");

	if (!ovsdb_is_id(s))
		return ovsdb_syntax_error(json, NULL, "named-uuid string is not a valid <id>");
	struct ovsdb_name *name = ovsdb_names_get(names, s);
	if (name == NULL)
		return ovsdb_error_create("resources exhausted", "too many named UUIDs");
	if (base->uuid.kind == OVSDB_REF_STRONG)
		name->is_strong = true;
	*ret = name->uuid;
	return NULL;
}

/* The string of [name, string], or NULL. */
static const char *wrapped_string(const json_t *json, const char *name)
{
	if (!json_is_array(json) || json_array_size(json) != 2)
		return NULL;
	const char *first = json_string_value(json_array_get(json, 0));
	if (first == NULL || strcmp(first, name) != 0)
		return NULL;
	return json_string_value(json_array_get(json, 1));
}

static bool needs_quotes(const char *s)
{
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789-.";
	struct ovsdb_uuid uuid;
	bool is_id_start = *s == '_' || (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z');

	return !is_id_start || s[strspn(s, plain)] != '\0' || strcmp(s, "true") == 0 ||
	       strcmp(s, "false") == 0 || ovsdb_uuid_parse(s, &uuid);
}
