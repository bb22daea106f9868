/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/json_util.h"
#include "ovsdb-lite/mem.h"

static char *format_list(const char *fmt, va_list args) FORMAT(1, 0);
#define EXACT_INTEGER 9007199254740992.0 // 2^53

enum { REAL_DIGITS = 15 };

static json_t *with_plain_numbers(const json_t *json);
static struct ovsdb_error *create(const char *tag, char *details);
static void put_text(json_t *object, const char *name, const char *text);

struct ovsdb_error *ovsdb_error_create(const char *tag, const char *details_fmt, ...)
{
	va_list args;

	va_start(args, details_fmt);
	struct ovsdb_error *error = create(tag, format_list(details_fmt, args));
	va_end(args);
	return error;
}

struct ovsdb_error *ovsdb_syntax_error(
    const json_t *json, const char *tag, const char *details_fmt, ...)
{
	va_list args;

	va_start(args, details_fmt);
	struct ovsdb_error *error =
	    create(tag != NULL ? tag : "syntax error", format_list(details_fmt, args));
	va_end(args);
	if (json != NULL)
		error->syntax = ovsdb_json_text(json);
	return error;
}

void ovsdb_error_destroy(struct ovsdb_error *error)
{
	if (error == NULL)
		return;
	free(error->tag);
	free(error->details);
	free(error->syntax);
	free(error);
}

struct ovsdb_error *ovsdb_error_wrap(struct ovsdb_error *error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	char *text = format_list(fmt, args);
	va_end(args);
	if (error->details == NULL) {
		error->details = text;
		return error;
	}
	char *details = ovsdb_format_text("%s: %s", text, error->details);
	free(text);
	free(error->details);
	error->details = details;
	return error;
}

json_t *ovsdb_error_to_json(const struct ovsdb_error *error)
{
	json_t *object = json_object();

	put_text(object, "error", error->tag);
	put_text(object, "details", error->details);
	put_text(object, "syntax", error->syntax);
	return object;
}

char *ovsdb_error_format(const struct ovsdb_error *error)
{
	const char *details = error->details != NULL ? error->details : "";
	const char *colon = error->details != NULL ? ": " : "";

	if (error->syntax != NULL)
		return ovsdb_format_text(
		    "syntax \"%s\": %s%s%s", error->syntax, error->tag, colon, details);
	return ovsdb_format_text("%s%s%s", error->tag, colon, details);
}

int ovsdb_error_to_err(struct ovsdb_error *error, enum err_code code, struct err *err)
{
	char *text = ovsdb_error_format(error);
	int rc = err_set(err, code, "%s", text);

	free(text);
	ovsdb_error_destroy(error);
	return rc;
}

char *ovsdb_json_text(const json_t *json)
{
	json_t *copy = with_plain_numbers(json);
	char *text = json_text(copy,
	    JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(REAL_DIGITS));

	json_decref(copy);
	return text;
}

json_t *ovsdb_real_to_json(double real)
{
	if (real == trunc(real) && fabs(real) < EXACT_INTEGER)
		return json_integer((json_int_t)real);
	return json_real(real);
}

/* A copy in which 5.0 is 5: the real server keeps no other form. */
static json_t *with_plain_numbers(const json_t *json)
{
	const char *name;
	json_t *value = NULL, *copy;

	switch (json_typeof(json)) {
	case JSON_REAL: return ovsdb_real_to_json(json_real_value(json));
	case JSON_ARRAY:
		copy = json_array();
		for (size_t i = 0; i < json_array_size(json); i++)
			json_array_append_new(copy, with_plain_numbers(json_array_get(json, i)));
		return copy;
	case JSON_OBJECT:
		copy = json_object();
		json_object_foreach ((json_t *)json, name, value)
			json_object_set_new(copy, name, with_plain_numbers(value));
		return copy;
	default: return json_incref((json_t *)json);
	}
}

static struct ovsdb_error *create(const char *tag, char *details)
{
	struct ovsdb_error *error = ovsdb_alloc(sizeof(*error));

	error->tag = ovsdb_copy_text(tag);
	error->details = details;
	return error;
}

static char *format_list(const char *fmt, va_list args)
{
	char *text = NULL;

	if (fmt == NULL)
		return NULL;
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	return text;
}

/* Texts with a client's bytes in them were cut from JSON: valid UTF-8. */
static void put_text(json_t *object, const char *name, const char *text)
{
	if (text != NULL)
		json_object_set_new(object, name, json_string(text));
}
