/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/json_util.h"
#include "datapath/base/net_types.h"

enum { MAX_COLUMNS = 48 };

/* clang-format off */
/* A TABLE closes the row before it and opens its own; the row after the last table takes the first closing brace. */
static const struct api_column columns[API_TABLE__COUNT + 1][MAX_COLUMNS] = { [API_TABLE__COUNT] = {
#define TABLE(id, ...) }, [API_TABLE_##id] = {
#define COLUMN(table_id, column, column_type, column_flags, least, most, default_text, words, text) \
	{ .name = (column), .default_json = (default_text), .values = (words), .help = (text), .type = (column_type), \
	  .flags = (column_flags), .min = (least), .max = (most) },
#include "control/api/schema.def"
#undef TABLE
#undef COLUMN
} };

enum {
	N_COLUMNS_BEFORE_FIRST = 0
#define TABLE(id, ...) , N_COLUMNS_##id = 0
#define COLUMN(...) + 1
#include "control/api/schema.def"
#undef TABLE
#undef COLUMN
};

const struct api_table_def api_tables[API_TABLE__COUNT] = {
#define TABLE(id, table_name, rows, text) \
	[API_TABLE_##id] = { .name = (table_name), .help = (text), .max_rows = (rows), .columns = columns[API_TABLE_##id], \
	  .n_columns = N_COLUMNS_##id },
#define COLUMN(...)
#include "control/api/schema.def"
#undef TABLE
#undef COLUMN
};

#define TABLE(id, ...) static_assert((int)N_COLUMNS_##id <= (int)MAX_COLUMNS);
#define COLUMN(...)
#include "control/api/schema.def"
#undef TABLE
#undef COLUMN
/* clang-format on */

static const struct api_column cookie_column = {.name = "cookie", .type = CT_HEX64};

static json_t *normalise_value(const struct api_column *column, json_t *value, struct err *err);
static json_t *normalise_list(const struct api_column *column, json_t *list, struct err *err);
static json_t *normalise_scalar(const struct api_column *column, json_t *value, struct err *err);
static json_t *normalise_string(const struct api_column *column, json_t *value, struct err *err);
static json_t *normalise_uint(const struct api_column *column, json_t *value, struct err *err);
static json_t *normalise_mac(const struct api_column *column, const char *s, struct err *err);
static json_t *normalise_ip(const struct api_column *column, const char *s, struct err *err);
static json_t *normalise_prefix(const struct api_column *column, const char *s, struct err *err);
static json_t *normalise_enum(const struct api_column *column, const char *s, struct err *err);
static json_t *normalise_hex64(const struct api_column *column, const char *s, struct err *err);
static json_t *default_value(enum api_table table, size_t column);
static int check_members(const struct api_table_def *def, json_t *object, struct err *err);
static int refuse(const struct api_column *column, struct err *err, const char *fmt, ...)
    FORMAT(3, 4);

enum api_table schema_find_table(const char *name)
{
	for (enum api_table t = 0; t < API_TABLE__COUNT; t++)
		if (strcmp(api_tables[t].name, name) == 0)
			return t;
	return API_TABLE__COUNT;
}

json_t *schema_normalise(enum api_table table, json_t *object, json_t *old, struct err *err)
{
	const struct api_table_def *def = &api_tables[table];
	if (check_members(def, object, err) != 0)
		return NULL;

	json_t *result = json_object();
	for (size_t i = 0; i <= def->n_columns; i++) {
		bool is_cookie = i == def->n_columns;
		const struct api_column *column = is_cookie ? &cookie_column : &def->columns[i];
		json_t *given = json_object_get(object, column->name);
		json_t *value = NULL;
		if (given == NULL && old != NULL) {
			value = json_incref(json_object_get(old, column->name));
		} else if (given != NULL && !json_is_null(given)) {
			value = normalise_value(column, given, err);
			if (value == NULL)
				goto err_result;
		} else if (given != NULL && old == NULL) {
			refuse(
			    column, err, "null is only for patch, where it restores the default");
			goto err_result;
		}
		if (value == NULL && !is_cookie)
			value = default_value(table, i);
		if (value == NULL && column->flags & CF_REQUIRED) {
			refuse(column, err, "%s is required: %s", column->name, column->help);
			goto err_result;
		}
		if (value != NULL)
			json_object_set_new_nocheck(result, column->name, value);
	}
	return result;

err_result:
	json_decref(result);
	return NULL;
}

int schema_check_immutable(enum api_table table, json_t *old, json_t *new, struct err *err)
{
	const struct api_table_def *def = &api_tables[table];
	for (size_t i = 0; i < def->n_columns; i++) {
		const struct api_column *column = &def->columns[i];
		if (!(column->flags & CF_IMMUTABLE))
			continue;
		json_t *a = json_object_get(old, column->name);
		json_t *b = json_object_get(new, column->name);
		if (a != b && !json_equal(a, b)) {
			refuse(column, err, "%s of an existing %s cannot change", column->name,
			    def->name);
			err_hint(err, "delete the %s and put it again", def->name);
			return -EINVAL;
		}
	}
	return 0;
}

json_t *schema_visible(json_t *data)
{
	json_t *visible = json_copy(data);
	const char *name;
	json_t *value;

	json_object_foreach (data, name, value) {
		if (name[0] == '_')
			json_object_del(visible, name);
	}
	return visible;
}

json_t *schema_restore(enum api_table table, json_t *stored, struct err *err)
{
	json_t *visible = json_is_object(stored) ? schema_visible(stored) : json_incref(stored);
	json_t *data = schema_normalise(table, visible, NULL, err);

	json_decref(visible);
	if (data != NULL)
		schema_keep(table, data, stored);
	return data;
}

void schema_keep(enum api_table table, json_t *data, json_t *old)
{
	const struct api_table_def *def = &api_tables[table];
	const char *name;
	json_t *value;

	json_object_foreach (old, name, value) {
		if (name[0] == '_')
			json_object_set(data, name, value);
	}
	for (size_t i = 0; i < def->n_columns; i++) {
		name = def->columns[i].name;
		if ((def->columns[i].flags & CF_KEPT) == 0 || json_object_get(data, name) != NULL)
			continue;
		value = json_object_get(old, name);
		if (value != NULL)
			json_object_set(data, name, value);
	}
}

json_t *schema_fill(enum api_table table, json_t *stored)
{
	const struct api_table_def *def = &api_tables[table];
	json_t *data = json_object();
	const char *name;
	json_t *value;

	for (size_t i = 0; i < def->n_columns; i++) {
		value = json_incref(json_object_get(stored, def->columns[i].name));
		if (value == NULL)
			value = default_value(table, i);
		if (value != NULL)
			json_object_set_new_nocheck(data, def->columns[i].name, value);
	}
	json_object_foreach (stored, name, value)
		json_object_set(data, name, value);
	return data;
}

json_t *schema_default(enum api_table table, const char *column)
{
	const struct api_table_def *def = &api_tables[table];

	for (size_t i = 0; i < def->n_columns; i++)
		if (strcmp(def->columns[i].name, column) == 0)
			return default_value(table, i);
	return NULL;
}

json_t *schema_to_json(enum api_table table)
{
	static const char *const type_names[] = {
	    [CT_STRING] = "string",
	    [CT_NAME] = "name",
	    [CT_UINT] = "uint",
	    [CT_BOOL] = "bool",
	    [CT_MAC] = "mac",
	    [CT_IP] = "ip",
	    [CT_PREFIX] = "prefix",
	    [CT_ENUM] = "enum",
	    [CT_HEX64] = "hex64",
	    [CT_REF] = "ref",
	    [CT_OBJECT] = "object",
	    [CT_ACTION] = "action",
	};
	const struct api_table_def *def = &api_tables[table];
	json_t *list = json_array();
	for (size_t i = 0; i < def->n_columns; i++) {
		const struct api_column *c = &def->columns[i];
		json_t *default_json = default_value(table, i);
		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:b, s:b, s:b, s:I, s:I, s:o*, s:s*, s:s}", "name",
			      c->name, "type", type_names[c->type], "list",
			      (c->flags & CF_LIST) != 0, "required", (c->flags & CF_REQUIRED) != 0,
			      "immutable", (c->flags & CF_IMMUTABLE) != 0, "min",
			      (json_int_t)c->min, "max", (json_int_t)c->max, "default",
			      default_json, "values", c->values, "help", c->help));
	}
	return json_pack("{s:s, s:s, s:I, s:o}", "name", def->name, "help", def->help, "max_rows",
	    (json_int_t)def->max_rows, "columns", list);
}

static int check_members(const struct api_table_def *def, json_t *object, struct err *err)
{
	if (!json_is_object(object))
		return err_set(err, ERR_PARAMS, "a %s is a JSON object", def->name);
	const char *known[MAX_COLUMNS + 1];
	for (size_t i = 0; i < def->n_columns; i++)
		known[i] = def->columns[i].name;
	known[def->n_columns] = cookie_column.name;
	return json_check_members(object, known, def->n_columns + 1, err);
}

/* Texts of defaults are parsed once; objects share them (they are never changed). */
static json_t *default_value(enum api_table table, size_t column)
{
	static json_t *cache[API_TABLE__COUNT][MAX_COLUMNS];
	const char *text = api_tables[table].columns[column].default_json;
	if (text == NULL)
		return NULL;
	if (cache[table][column] == NULL)
		cache[table][column] = json_loads(text, JSON_DECODE_ANY, NULL);
	return json_incref(cache[table][column]);
}

static json_t *normalise_value(const struct api_column *column, json_t *value, struct err *err)
{
	if (column->flags & CF_LIST)
		return normalise_list(column, value, err);
	return normalise_scalar(column, value, err);
}

static json_t *normalise_list(const struct api_column *column, json_t *list, struct err *err)
{
	if (!json_is_array(list)) {
		refuse(column, err, "%s is a list", column->name);
		return NULL;
	}
	size_t n = json_array_size(list);
	if (n < column->min || n > column->max) {
		refuse(column, err, "%s has %zu entries; %" PRIu64 " to %" PRIu64 " are allowed",
		    column->name, n, column->min, column->max);
		return NULL;
	}
	/* min and max speak of the list: its entries are unlimited within their type. */
	struct api_column entry = *column;
	entry.min = 0;
	entry.max = UINT64_MAX;
	json_t *result = json_array();
	for (size_t i = 0; i < n; i++) {
		char name[80];
		snprintf(name, sizeof(name), "%s/%zu", column->name, i);
		entry.name = name;
		json_t *value = normalise_scalar(&entry, json_array_get(list, i), err);
		if (value == NULL) {
			json_decref(result);
			return NULL;
		}
		json_array_append_new(result, value);
	}
	return result;
}

static json_t *normalise_scalar(const struct api_column *column, json_t *value, struct err *err)
{
	switch (column->type) {
	case CT_UINT: return normalise_uint(column, value, err);
	case CT_BOOL:
		if (json_is_boolean(value))
			return json_incref(value);
		refuse(column, err, "%s is true or false", column->name);
		return NULL;
	case CT_OBJECT:
		if (json_is_object(value))
			return json_incref(value);
		refuse(column, err, "%s is a JSON object", column->name);
		return NULL;
	case CT_ACTION:
		if (json_is_object(value) || json_is_string(value))
			return json_incref(value);
		refuse(column, err, "%s is an action: a JSON object or a word", column->name);
		return NULL;
	default: break;
	}
	if (!json_is_string(value)) {
		refuse(column, err, "%s is a string", column->name);
		return NULL;
	}
	const char *s = json_string_value(value);
	switch (column->type) {
	case CT_MAC: return normalise_mac(column, s, err);
	case CT_IP: return normalise_ip(column, s, err);
	case CT_PREFIX: return normalise_prefix(column, s, err);
	case CT_ENUM: return normalise_enum(column, s, err);
	case CT_HEX64: return normalise_hex64(column, s, err);
	default: return normalise_string(column, value, err);
	}
}

static json_t *normalise_uint(const struct api_column *column, json_t *value, struct err *err)
{
	if (!json_is_integer(value)) {
		refuse(column, err, "%s is an integer", column->name);
		return NULL;
	}
	json_int_t v = json_integer_value(value);
	if (v < 0 || (uint64_t)v < column->min || (uint64_t)v > column->max) {
		refuse(column, err,
		    "%s is %" JSON_INTEGER_FORMAT "; %" PRIu64 " to %" PRIu64 " are allowed",
		    column->name, v, column->min, column->max);
		return NULL;
	}
	return json_incref(value);
}

/* CT_STRING, and names: CT_NAME and CT_REF. */
static json_t *normalise_string(const struct api_column *column, json_t *value, struct err *err)
{
	const char *s = json_string_value(value);
	size_t len = strlen(s);
	if (column->type != CT_STRING) {
		if (json_name_is_valid(s))
			return json_incref(value);
		refuse(column, err, "%s is a name: 1 to 64 of A-Z a-z 0-9 . _ : -", column->name);
		return NULL;
	}
	if (len < column->min || len > column->max) {
		refuse(column, err, "%s has %zu characters; %" PRIu64 " to %" PRIu64 " are allowed",
		    column->name, len, column->min, column->max);
		return NULL;
	}
	return json_incref(value);
}

static json_t *normalise_mac(const struct api_column *column, const char *s, struct err *err)
{
	struct mac_addr mac;
	char text[MAC_STR_SIZE];
	if (mac_parse(s, &mac) == 0)
		return json_string_nocheck(mac_format(&mac, text));
	refuse(column, err, "%s is a MAC address like 52:54:00:12:34:56", column->name);
	return NULL;
}

static json_t *normalise_ip(const struct api_column *column, const char *s, struct err *err)
{
	struct ip_addr ip;
	char text[IP_STR_SIZE];
	if (ip_parse(s, &ip) == 0)
		return json_string_nocheck(ip_format(&ip, text));
	refuse(column, err, "%s is an IPv4 or IPv6 address", column->name);
	return NULL;
}

static json_t *normalise_prefix(const struct api_column *column, const char *s, struct err *err)
{
	struct ip_addr ip;
	uint8_t len;
	char text[IP_PREFIX_STR_SIZE];
	if (ip_prefix_parse(s, &ip, &len) != 0) {
		refuse(column, err,
		    "%s is an IP address, or ADDRESS/LENGTH with no bits set below the prefix",
		    column->name);
		return NULL;
	}
	if (strchr(s, '/') == NULL)
		return json_string_nocheck(ip_format(&ip, text));
	return json_string_nocheck(ip_prefix_format(&ip, len, text));
}

static json_t *normalise_enum(const struct api_column *column, const char *s, struct err *err)
{
	char words[256];
	const char *list[16];
	size_t n = 0;
	snprintf(words, sizeof(words), "%s", column->values);
	for (char *save = NULL, *word = strtok_r(words, "|", &save); word != NULL;
	     word = strtok_r(NULL, "|", &save)) {
		if (strcmp(word, s) == 0)
			return json_string_nocheck(s);
		if (n < ARRAY_SIZE(list))
			list[n++] = word;
	}
	refuse(column, err, "%s is one of %s", column->name, column->values);
	const char *near = nearest_word(s, list, n);
	if (near != NULL)
		err_hint(err, "did you mean \"%s\"?", near);
	return NULL;
}

/* "0x" and 1 to 16 hexadecimal digits; kept as the shortest such text. */
static json_t *normalise_hex64(const struct api_column *column, const char *s, struct err *err)
{
	size_t n = s[0] == '0' && s[1] == 'x' ? strspn(s + 2, "0123456789abcdefABCDEF") : 0;
	if (n == 0 || n > 16 || s[2 + n] != '\0') {
		refuse(column, err, "%s is \"0x\" and 1 to 16 hexadecimal digits", column->name);
		return NULL;
	}
	char text[20];
	snprintf(text, sizeof(text), "0x%" PRIx64, (uint64_t)strtoull(s, NULL, 16));
	return json_string_nocheck(text);
}

static int refuse(const struct api_column *column, struct err *err, const char *fmt, ...)
{
	char what[sizeof(err->what)];
	va_list args;
	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	err_set(err, ERR_PARAMS, "%s", what);
	err_path(err, "/%s", column->name);
	return -EINVAL;
}
