/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/filter.h"

#include <string.h>

#include "datapath/base/json_util.h"

static bool has_value(const struct api_object *o, const char *column, json_t *value);
static bool has_column(enum api_table table, const char *name);

int filter_check(json_t *filter, uint32_t tables, struct err *err)
{
	const char *name;
	json_t *value;
	json_object_foreach (filter, name, value) {
		bool known = strcmp(name, "name") == 0 || strcmp(name, "owner") == 0 ||
			     strcmp(name, "cookie") == 0;
		for (enum api_table t = 0; t < API_TABLE__COUNT && !known; t++)
			known = (tables & 1U << t) != 0 && has_column(t, name);
		if (known)
			continue;
		err_path(err, "/filter/%.64s", name);
		err_set(err, ERR_PARAMS, "no column \"%.64s\"", name);
		return err_hint(err, "schema.get lists the columns of each table");
	}
	return 0;
}

bool filter_matches(json_t *filter, const struct api_object *o)
{
	const char *name;
	json_t *value;
	json_object_foreach (filter, name, value) {
		const char *text = json_string_value(value);
		if (strcmp(name, "name") == 0 || strcmp(name, "owner") == 0) {
			if (text == NULL || strcmp(text, name[0] == 'n' ? o->name : o->owner) != 0)
				return false;
		} else if (!has_value(o, name, value)) {
			return false;
		}
	}
	return true;
}

static bool has_value(const struct api_object *o, const char *column, json_t *value)
{
	json_t *is = api_object_column(o, column);
	bool equal = json_equal(is, value);
	json_decref(is);
	return equal;
}

json_t *api_object_visible(const struct api_object *o)
{
	json_t *data = api_object_json(o);
	json_t *visible = schema_visible(data);
	json_decref(data);
	return visible;
}

json_t *api_object_to_json(const struct api_object *o)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:o}", "table", api_tables[o->table].name, "name",
	    o->name, "owner", o->owner, "rev", (json_int_t)o->generation, "object",
	    api_object_visible(o));
}

int table_from_json(json_t *params, enum api_table *ret, struct err *err)
{
	const char *name;
	int r = json_get_string(params, "table", &name, err);
	if (r == -ENOENT)
		return err_set(err, ERR_PARAMS, "table is missing");
	if (r != 0)
		return r;
	err_path(err, "/table");
	r = table_from_name(name, ret, err);
	if (r == 0)
		err->path[0] = '\0';
	return r;
}

int table_from_name(const char *name, enum api_table *ret, struct err *err)
{
	const char *names[API_TABLE__COUNT];
	*ret = schema_find_table(name);
	if (*ret != API_TABLE__COUNT)
		return 0;
	for (size_t i = 0; i < API_TABLE__COUNT; i++)
		names[i] = api_tables[i].name;
	err_set(err, ERR_PARAMS, "no table \"%.64s\"", name);
	const char *near = nearest_word(name, names, API_TABLE__COUNT);
	if (near != NULL)
		err_hint(err, "did you mean \"%s\"?", near);
	return -EINVAL;
}

static bool has_column(enum api_table table, const char *name)
{
	for (size_t i = 0; i < api_tables[table].n_columns; i++)
		if (strcmp(api_tables[table].columns[i].name, name) == 0)
			return true;
	return false;
}
