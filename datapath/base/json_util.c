/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/base/json_util.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/no_memory.h"

enum { NAME_MAX_LEN = 64, PATH_PART_SIZE = 128, TEXT_IN_ERROR_LEN = 64 };

static int find(json_t *obj, const char *name, json_type type, json_t **ret, struct err *err);
static void add_to_path(struct err *err, const char *name);
static const char *type_name(json_type type);

int json_get_string(json_t *obj, const char *name, const char **ret, struct err *err)
{
	json_t *value = NULL;
	int rc = find(obj, name, JSON_STRING, &value, err);

	if (rc < 0)
		return rc;
	// Everything behind this reads C strings: "vm1\u0000x" must not pass for "vm1".
	if (strlen(json_string_value(value)) != json_string_length(value)) {
		add_to_path(err, name);
		return err_set(err, ERR_PARAMS, "%s has a NUL character in it", name);
	}
	*ret = json_string_value(value);
	return 0;
}

int json_get_u64(
    json_t *obj, const char *name, uint64_t min, uint64_t max, uint64_t *ret, struct err *err)
{
	json_t *value = NULL;
	int rc = find(obj, name, JSON_INTEGER, &value, err);

	if (rc < 0)
		return rc;
	json_int_t v = json_integer_value(value);
	if (v < 0 || (uint64_t)v < min || (uint64_t)v > max) {
		add_to_path(err, name);
		return err_set(err, ERR_PARAMS,
		    "%s is %" JSON_INTEGER_FORMAT ", not in %" PRIu64 "..%" PRIu64, name, v, min,
		    max);
	}
	*ret = (uint64_t)v;
	return 0;
}

int json_get_bool(json_t *obj, const char *name, bool *ret, struct err *err)
{
	json_t *value = json_object_get(obj, name);

	if (value == NULL)
		return -ENOENT;
	if (!json_is_boolean(value)) {
		add_to_path(err, name);
		return err_set(err, ERR_PARAMS, "%s is %s, not true or false", name,
		    type_name(json_typeof(value)));
	}
	*ret = json_is_true(value);
	return 0;
}

int json_get_object(json_t *obj, const char *name, json_t **ret, struct err *err)
{
	return find(obj, name, JSON_OBJECT, ret, err);
}

int json_get_array(json_t *obj, const char *name, json_t **ret, struct err *err)
{
	return find(obj, name, JSON_ARRAY, ret, err);
}

int json_get_mac(json_t *obj, const char *name, struct mac_addr *ret, struct err *err)
{
	const char *s;
	int rc = json_get_string(obj, name, &s, err);

	if (rc < 0)
		return rc;
	if (mac_parse(s, ret) < 0) {
		add_to_path(err, name);
		err_set(err, ERR_PARAMS, "\"%.*s\" is not a MAC address", TEXT_IN_ERROR_LEN, s);
		return err_hint(err, "write it as 02:00:00:00:00:01");
	}
	return 0;
}

int json_get_ip(json_t *obj, const char *name, struct ip_addr *ret, struct err *err)
{
	const char *s;
	int rc = json_get_string(obj, name, &s, err);

	if (rc < 0)
		return rc;
	if (ip_parse(s, ret) < 0) {
		add_to_path(err, name);
		err_set(err, ERR_PARAMS, "\"%.*s\" is not an IP address", TEXT_IN_ERROR_LEN, s);
		return err_hint(err, "write it as 10.0.0.1 or fd00::1");
	}
	return 0;
}

int json_check_members(json_t *obj, const char *const *known, size_t n_known, struct err *err)
{
	const char *name;
	json_t *value = NULL;

	json_object_foreach (obj, name, value) {
		size_t i = 0;
		while (i < n_known && strcmp(name, known[i]) != 0)
			i++;
		if (i < n_known)
			continue;
		const char *near = nearest_word(name, known, n_known);
		add_to_path(err, name);
		int rc =
		    err_set(err, ERR_PARAMS, "unknown member \"%.*s\"", TEXT_IN_ERROR_LEN, name);
		return near == NULL ? rc : err_hint(err, "did you mean \"%s\"?", near);
	}
	return 0;
}

bool json_name_is_valid(const char *s)
{
	size_t len = 0;

	for (; len <= NAME_MAX_LEN && s[len] != '\0'; len++) {
		char c = s[len];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		/* The colon follows the digits. */
		if (!is_letter && !(c >= '0' && c <= ':') && c != '.' && c != '_' && c != '-')
			return false;
	}
	return len > 0 && len <= NAME_MAX_LEN;
}

static int find(json_t *obj, const char *name, json_type type, json_t **ret, struct err *err)
{
	json_t *value = json_object_get(obj, name);

	if (value == NULL)
		return -ENOENT;
	if (json_typeof(value) != type) {
		add_to_path(err, name);
		return err_set(err, ERR_PARAMS, "%s is %s, not %s", name,
		    type_name(json_typeof(value)), type_name(type));
	}
	*ret = value;
	return 0;
}

/* JSON pointer: "~" and "/" in a member's name are escaped (RFC 6901 3). */
static void add_to_path(struct err *err, const char *name)
{
	char part[PATH_PART_SIZE];
	size_t len = 0;

	for (; *name != '\0' && len + 3 < sizeof(part); name++) {
		if (*name == '~' || *name == '/') {
			part[len++] = '~';
			part[len++] = *name == '~' ? '0' : '1';
		} else {
			part[len++] = *name;
		}
	}
	part[len] = '\0';
	size_t used = strlen(err->path);
	snprintf(err->path + used, sizeof(err->path) - used, "/%s", part);
}

static const char *type_name(json_type type)
{
	static const char *const names[] = {
	    [JSON_OBJECT] = "an object",
	    [JSON_ARRAY] = "an array",
	    [JSON_STRING] = "a string",
	    [JSON_INTEGER] = "an integer",
	    [JSON_REAL] = "a fraction",
	    [JSON_TRUE] = "true",
	    [JSON_FALSE] = "false",
	    [JSON_NULL] = "null",
	};

	return names[type];
}

char *json_text(const json_t *value, size_t flags)
{
	size_t size = json_dumpb(value, NULL, 0, flags);
	char *text = size > 0 ? malloc(size + 1) : NULL;

	if (text == NULL && size > 0)
		no_memory(size);
	if (text == NULL)
		return NULL;
	json_dumpb(value, text, size, flags);
	text[size] = '\0';
	return text;
}
