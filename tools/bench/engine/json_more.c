/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/engine/json_more.h"

#include <stdio.h>
#include <string.h>

#include "datapath/base/json_util.h"

json_t *json_without_nulls(const json_t *obj)
{
	json_t *copy = json_copy((json_t *)obj); // reads only: the declaration lacks the const
	if (copy == NULL)
		return NULL;
	const char *name;
	json_t *value;
	void *next;
	json_object_foreach_safe(copy, next, name, value)
	{
		if (json_is_null(value))
			json_object_del(copy, name);
	}
	return copy;
}

int json_get_double(
    json_t *obj, const char *name, double min, double max, double *ret, struct err *err)
{
	json_t *value = json_object_get(obj, name);
	if (value == NULL)
		return -ENOENT;
	double v = json_number_value(value);
	if (!json_is_number(value) || !(v >= min && v <= max)) {
		err_path_add(err, name);
		return err_set(err, ERR_PARAMS, "%s is not a number from %g to %g", name, min, max);
	}
	*ret = v;
	return 0;
}

int json_get_choice(json_t *obj, const char *name, const char *const *words, size_t n_words,
    size_t *ret, struct err *err)
{
	const char *s;
	int rc = json_get_string(obj, name, &s, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n_words; i++) {
		if (strcmp(s, words[i]) == 0) {
			*ret = i;
			return 0;
		}
	}
	char list[200] = "";
	for (size_t i = 0; i < n_words; i++) {
		size_t used = strlen(list);
		snprintf(list + used, sizeof(list) - used, "%s%s", i == 0 ? "" : ", ", words[i]);
	}
	err_path_add(err, name);
	err_set(err, ERR_PARAMS, "\"%.40s\" is no %s", s, name);
	const char *near = nearest_word(s, words, n_words);
	return near == NULL ? err_hint(err, "one of %s", list)
			    : err_hint(err, "did you mean \"%s\"?", near);
}

int json_required(int rc, const char *name, struct err *err)
{
	if (rc != -ENOENT)
		return rc;
	return err_set(err, ERR_PARAMS, "the member \"%s\" is missing", name);
}

void err_path_add(struct err *err, const char *name)
{
	size_t used = strlen(err->path);
	snprintf(err->path + used, sizeof(err->path) - used, "/%s", name);
}
