/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/column_type.h"

#include <float.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/parser.h"

static struct ovsdb_error *atomic_from_json(enum ovsdb_atomic_type *ret, const json_t *json);
static struct ovsdb_error *base_from_json(struct ovsdb_base_type *base, const json_t *json);
static struct ovsdb_error *constraints_from_json(
    struct ovsdb_base_type *base, struct ovsdb_parser *p);
static struct ovsdb_error *enum_from_json(struct ovsdb_base_type *base, const json_t *json);
static struct ovsdb_error *integer_from_json(struct ovsdb_base_type *base, struct ovsdb_parser *p);
static struct ovsdb_error *real_from_json(struct ovsdb_base_type *base, struct ovsdb_parser *p);
static struct ovsdb_error *string_from_json(struct ovsdb_base_type *base, struct ovsdb_parser *p);
static struct ovsdb_error *length_from_json(
    struct ovsdb_parser *p, const char *name, uint32_t *ret);
static struct ovsdb_error *uuid_from_json(struct ovsdb_base_type *base, struct ovsdb_parser *p);
static struct ovsdb_error *count_from_json(const json_t *json, uint32_t *ret);
static struct ovsdb_error *members_from_json(struct ovsdb_type *type, struct ovsdb_parser *p);
static json_t *base_to_json(const struct ovsdb_base_type *base);
static void base_copy(struct ovsdb_base_type *dst, const struct ovsdb_base_type *src);
static void finish(struct ovsdb_type *type);

struct ovsdb_error *ovsdb_type_from_json(struct ovsdb_type *ret, const json_t *json)
{
	struct ovsdb_error *error;
	struct ovsdb_parser p;

	*ret = (struct ovsdb_type){.n_min = 1, .n_max = 1};
	if (json_is_string(json)) {
		error = base_from_json(&ret->key, json);
	} else if (json_is_object(json)) {
		ovsdb_parser_init(&p, json, "ovsdb type");
		error = members_from_json(ret, &p);
	} else {
		error = ovsdb_syntax_error(json, NULL, "ovsdb type expected");
	}
	if (error != NULL)
		ovsdb_type_fini(ret);
	else
		finish(ret);
	return error;
}

json_t *ovsdb_type_to_json(const struct ovsdb_type *type)
{
	json_t *key = base_to_json(&type->key);

	if (ovsdb_type_is_scalar(type) && json_is_string(key))
		return key;
	json_t *json = json_object();
	json_object_set_new(json, "key", key);
	if (type->value.type != OVSDB_VOID)
		json_object_set_new(json, "value", base_to_json(&type->value));
	if (type->n_min != 1)
		json_object_set_new(json, "min", json_integer(type->n_min));
	if (type->n_max == OVSDB_UNLIMITED)
		json_object_set_new(json, "max", json_string("unlimited"));
	else if (type->n_max != 1)
		json_object_set_new(json, "max", json_integer(type->n_max));
	return json;
}

void ovsdb_type_fini(struct ovsdb_type *type)
{
	ovsdb_base_type_fini(&type->key);
	ovsdb_base_type_fini(&type->value);
	ovsdb_datum_unref(&type->default_value);
}

void ovsdb_type_copy(struct ovsdb_type *dst, const struct ovsdb_type *src)
{
	*dst = *src;
	base_copy(&dst->key, &src->key);
	base_copy(&dst->value, &src->value);
	dst->default_value = ovsdb_datum_ref(&src->default_value);
}

void ovsdb_base_type_init(struct ovsdb_base_type *base, enum ovsdb_atomic_type type)
{
	*base = (struct ovsdb_base_type){.type = type};
	if (type == OVSDB_INTEGER) {
		base->integer.min = INT64_MIN;
		base->integer.max = INT64_MAX;
	} else if (type == OVSDB_REAL) {
		base->real.min = -DBL_MAX;
		base->real.max = DBL_MAX;
	} else if (type == OVSDB_STRING) {
		base->string.max_len = UINT32_MAX;
	}
}

void ovsdb_base_type_fini(struct ovsdb_base_type *base)
{
	if (base->enum_values != NULL)
		ovsdb_datum_unref(base->enum_values);
	free(base->enum_values);
	if (base->type == OVSDB_UUID)
		free(base->uuid.ref_table_name);
	*base = (struct ovsdb_base_type){.type = OVSDB_VOID};
}

void ovsdb_type_init_any(
    struct ovsdb_type *type, enum ovsdb_atomic_type key, enum ovsdb_atomic_type value)
{
	*type = (struct ovsdb_type){.n_max = OVSDB_UNLIMITED};
	ovsdb_base_type_init(&type->key, key);
	ovsdb_base_type_init(&type->value, value);
	finish(type);
}

void ovsdb_type_init_scalar(struct ovsdb_type *type, enum ovsdb_atomic_type key)
{
	*type = (struct ovsdb_type){.n_min = 1, .n_max = 1};
	ovsdb_base_type_init(&type->key, key);
	finish(type);
}

char *ovsdb_type_to_english(const struct ovsdb_type *type)
{
	const char *key = ovsdb_atomic_type_name(type->key.type);
	char count[64] = " of";

	if (ovsdb_type_is_scalar(type))
		return ovsdb_copy_text(key);
	if (type->n_max == OVSDB_UNLIMITED && type->n_min > 0)
		snprintf(count, sizeof(count), " of %u or more", type->n_min);
	else if (type->n_max != OVSDB_UNLIMITED && type->n_min > 0)
		snprintf(count, sizeof(count), " of %u to %u", type->n_min, type->n_max);
	else if (type->n_max != OVSDB_UNLIMITED)
		snprintf(count, sizeof(count), " of up to %u", type->n_max);
	if (!ovsdb_type_is_map(type))
		return ovsdb_format_text("set%s %ss", count, key);
	return ovsdb_format_text(
	    "map%s (%s, %s) pairs", count, key, ovsdb_atomic_type_name(type->value.type));
}

static struct ovsdb_error *members_from_json(struct ovsdb_type *type, struct ovsdb_parser *p)
{
	const json_t *key = ovsdb_parser_member(p, "key", OVSDB_P_STRING | OVSDB_P_OBJECT);
	const json_t *value =
	    ovsdb_parser_member(p, "value", OVSDB_P_STRING | OVSDB_P_OBJECT | OVSDB_P_OPTIONAL);
	const json_t *min = ovsdb_parser_member(p, "min", OVSDB_P_INTEGER | OVSDB_P_OPTIONAL);
	const json_t *max =
	    ovsdb_parser_member(p, "max", OVSDB_P_INTEGER | OVSDB_P_STRING | OVSDB_P_OPTIONAL);
	struct ovsdb_error *error = ovsdb_parser_finish(p);
	const char *max_text = json_string_value(max);

	if (error == NULL)
		error = base_from_json(&type->key, key);
	if (error == NULL && value != NULL)
		error = base_from_json(&type->value, value);
	if (error == NULL && min != NULL)
		error = count_from_json(min, &type->n_min);
	if (max_text != NULL && strcmp(max_text, "unlimited") == 0)
		type->n_max = OVSDB_UNLIMITED;
	else if (error == NULL && max != NULL)
		error = count_from_json(max, &type->n_max);
	if (error == NULL && (type->n_min > 1 || type->n_max < 1))
		error = ovsdb_syntax_error(p->json, NULL, "ovsdb type fails constraint checks");
	return error;
}

static struct ovsdb_error *count_from_json(const json_t *json, uint32_t *ret)
{
	json_int_t n = json_integer_value(json);

	if (!json_is_integer(json) || n < 0 || n >= UINT32_MAX)
		return ovsdb_syntax_error(json, NULL, "bad min or max value");
	*ret = (uint32_t)n;
	return NULL;
}

static struct ovsdb_error *atomic_from_json(enum ovsdb_atomic_type *ret, const json_t *json)
{
	const char *name = json_string_value(json);

	if (name == NULL)
		return ovsdb_syntax_error(json, NULL, "atomic-type expected");
	if (!ovsdb_atomic_type_parse(name, ret))
		return ovsdb_syntax_error(json, NULL, "\"%s\" is not an atomic-type", name);
	return NULL;
}

static struct ovsdb_error *base_from_json(struct ovsdb_base_type *base, const json_t *json)
{
	enum ovsdb_atomic_type type = OVSDB_VOID;
	struct ovsdb_parser p;
	struct ovsdb_error *error;

	if (json_is_string(json)) {
		error = atomic_from_json(&type, json);
		ovsdb_base_type_init(base, type);
		return error;
	}
	ovsdb_parser_init(&p, json, "ovsdb type");
	const json_t *name = ovsdb_parser_member(&p, "type", OVSDB_P_STRING);
	if (p.error != NULL)
		return p.error;
	error = atomic_from_json(&type, name);
	if (error != NULL)
		return error;
	ovsdb_base_type_init(base, type);
	error = constraints_from_json(base, &p);
	if (error == NULL)
		return ovsdb_parser_finish(&p);
	ovsdb_error_destroy(p.error);
	return error;
}

static struct ovsdb_error *constraints_from_json(
    struct ovsdb_base_type *base, struct ovsdb_parser *p)
{
	const json_t *values = ovsdb_parser_member(p, "enum", OVSDB_P_ANY | OVSDB_P_OPTIONAL);

	if (values != NULL)
		return enum_from_json(base, values);
	switch (base->type) {
	case OVSDB_INTEGER: return integer_from_json(base, p);
	case OVSDB_REAL: return real_from_json(base, p);
	case OVSDB_STRING: return string_from_json(base, p);
	case OVSDB_UUID: return uuid_from_json(base, p);
	case OVSDB_BOOLEAN:
	case OVSDB_VOID:
	case OVSDB_N_TYPES: break;
	}
	return NULL;
}

static struct ovsdb_error *enum_from_json(struct ovsdb_base_type *base, const json_t *json)
{
	struct ovsdb_type set = {.n_min = 1, .n_max = OVSDB_UNLIMITED};
	struct ovsdb_datum values;

	ovsdb_base_type_init(&set.key, base->type);
	struct ovsdb_error *error = ovsdb_datum_from_json(&values, &set, json, NULL);
	if (error != NULL)
		return error;
	base->enum_values = ovsdb_alloc(sizeof(*base->enum_values));
	*base->enum_values = values;
	return NULL;
}

static struct ovsdb_error *integer_from_json(struct ovsdb_base_type *base, struct ovsdb_parser *p)
{
	const json_t *min =
	    ovsdb_parser_member(p, "minInteger", OVSDB_P_INTEGER | OVSDB_P_OPTIONAL);
	const json_t *max =
	    ovsdb_parser_member(p, "maxInteger", OVSDB_P_INTEGER | OVSDB_P_OPTIONAL);

	if (min != NULL)
		base->integer.min = json_integer_value(min);
	if (max != NULL)
		base->integer.max = json_integer_value(max);
	return base->integer.min > base->integer.max
		   ? ovsdb_syntax_error(p->json, NULL, "minInteger exceeds maxInteger")
		   : NULL;
}

static struct ovsdb_error *real_from_json(struct ovsdb_base_type *base, struct ovsdb_parser *p)
{
	const json_t *min = ovsdb_parser_member(p, "minReal", OVSDB_P_NUMBER | OVSDB_P_OPTIONAL);
	const json_t *max = ovsdb_parser_member(p, "maxReal", OVSDB_P_NUMBER | OVSDB_P_OPTIONAL);

	if (min != NULL)
		base->real.min = json_number_value(min);
	if (max != NULL)
		base->real.max = json_number_value(max);
	return base->real.min > base->real.max
		   ? ovsdb_syntax_error(p->json, NULL, "minReal exceeds maxReal")
		   : NULL;
}

static struct ovsdb_error *string_from_json(struct ovsdb_base_type *base, struct ovsdb_parser *p)
{
	struct ovsdb_error *error = length_from_json(p, "minLength", &base->string.min_len);

	if (error == NULL)
		error = length_from_json(p, "maxLength", &base->string.max_len);
	if (error == NULL && base->string.min_len > base->string.max_len)
		error = ovsdb_syntax_error(p->json, NULL, "minLength exceeds maxLength");
	return error;
}

static struct ovsdb_error *length_from_json(struct ovsdb_parser *p, const char *name, uint32_t *ret)
{
	const json_t *json = ovsdb_parser_member(p, name, OVSDB_P_INTEGER | OVSDB_P_OPTIONAL);

	if (json == NULL)
		return NULL;
	json_int_t v = json_integer_value(json);
	if (v < 0 || v > UINT32_MAX)
		return ovsdb_syntax_error(
		    json, NULL, "%s out of valid range 0 to %u", name, UINT32_MAX);
	*ret = (uint32_t)v;
	return NULL;
}

static struct ovsdb_error *uuid_from_json(struct ovsdb_base_type *base, struct ovsdb_parser *p)
{
	const json_t *table = ovsdb_parser_member(p, "refTable", OVSDB_P_ID | OVSDB_P_OPTIONAL);

	if (table == NULL)
		return NULL;
	base->uuid.ref_table_name = ovsdb_copy_text(json_string_value(table));
	base->uuid.kind = OVSDB_REF_STRONG;
	const json_t *kind = ovsdb_parser_member(p, "refType", OVSDB_P_ID | OVSDB_P_OPTIONAL);
	const char *s = kind != NULL ? json_string_value(kind) : "strong";
	if (strcmp(s, "weak") == 0)
		base->uuid.kind = OVSDB_REF_WEAK;
	else if (strcmp(s, "strong") != 0)
		return ovsdb_syntax_error(
		    p->json, NULL, "refType must be \"strong\" or \"weak\" (not \"%s\")", s);
	return NULL;
}

static json_t *base_to_json(const struct ovsdb_base_type *base)
{
	json_t *json = json_object();

	if (base->enum_values != NULL) {
		struct ovsdb_type set = {.n_min = 1, .n_max = OVSDB_UNLIMITED};
		ovsdb_base_type_init(&set.key, base->type);
		json_object_set_new(json, "enum", ovsdb_datum_to_json(base->enum_values, &set));
	}
	if (base->type == OVSDB_INTEGER && base->integer.min != INT64_MIN)
		json_object_set_new(json, "minInteger", json_integer(base->integer.min));
	if (base->type == OVSDB_INTEGER && base->integer.max != INT64_MAX)
		json_object_set_new(json, "maxInteger", json_integer(base->integer.max));
	union ovsdb_atom min = {.real = base->real.min}, max = {.real = base->real.max};
	if (base->type == OVSDB_REAL && min.real != -DBL_MAX)
		json_object_set_new(json, "minReal", ovsdb_atom_to_json(&min, OVSDB_REAL));
	if (base->type == OVSDB_REAL && max.real != DBL_MAX)
		json_object_set_new(json, "maxReal", ovsdb_atom_to_json(&max, OVSDB_REAL));
	if (base->type == OVSDB_STRING && base->string.min_len != 0)
		json_object_set_new(json, "minLength", json_integer(base->string.min_len));
	if (base->type == OVSDB_STRING && base->string.max_len != UINT32_MAX)
		json_object_set_new(json, "maxLength", json_integer(base->string.max_len));
	if (base->type == OVSDB_UUID && base->uuid.ref_table_name != NULL)
		json_object_set_new(json, "refTable", json_string(base->uuid.ref_table_name));
	if (base->type == OVSDB_UUID && base->uuid.kind == OVSDB_REF_WEAK)
		json_object_set_new(json, "refType", json_string("weak"));
	if (json_object_size(json) == 0) {
		json_decref(json);
		return json_string(ovsdb_atomic_type_name(base->type));
	}
	json_object_set_new(json, "type", json_string(ovsdb_atomic_type_name(base->type)));
	return json;
}

static void base_copy(struct ovsdb_base_type *dst, const struct ovsdb_base_type *src)
{
	*dst = *src;
	if (src->enum_values != NULL) {
		dst->enum_values = ovsdb_alloc(sizeof(*dst->enum_values));
		*dst->enum_values = ovsdb_datum_ref(src->enum_values);
	}
	if (src->type == OVSDB_UUID && src->uuid.ref_table_name != NULL)
		dst->uuid.ref_table_name = ovsdb_copy_text(src->uuid.ref_table_name);
}

static void finish(struct ovsdb_type *type)
{
	type->is_inline = type->value.type == OVSDB_VOID && type->n_max == 1;
	type->is_wide = type->is_inline && type->key.type == OVSDB_UUID;
	struct ovsdb_datum_builder b;
	ovsdb_datum_builder_init(&b, type->key.type, type->value.type);
	if (type->n_min == 1)
		ovsdb_datum_builder_add(
		    &b, ovsdb_atom_default(type->key.type), ovsdb_atom_default(type->value.type));
	type->default_value = ovsdb_datum_builder_finish(&b);
	struct ovsdb_error *error = ovsdb_datum_check(&type->default_value, type);
	type->is_default_invalid = error != NULL;
	ovsdb_error_destroy(error);
}
