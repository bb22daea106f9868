/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cli/args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/flow_text.h"
#include "tools/cli/table_def.h"

static json_t *parse_uint(const char *s)
{
	char *end;

	errno = 0;
	unsigned long long v = strtoull(s, &end, 0);
	if (errno != 0 || end == s || *end != '\0' || s[0] == '-' || v > INT64_MAX)
		return NULL;
	return json_integer((json_int_t)v);
}

static json_t *parse_object(const struct column_def *c, const char *s, struct err *err)
{
	json_error_t je;

	if (s[0] != '{' && s[0] != '[' && strcmp(c->name, "match") == 0)
		return flow_text_parse_match(s, err);
	if (s[0] != '{' && s[0] != '[' && strstr(c->name, "actions") != NULL)
		return flow_text_parse_actions(s, err);
	json_t *v = json_loads(s, JSON_REJECT_DUPLICATES, &je);
	if (v == NULL) {
		err_set(err, ERR_PARAMS, "%s: not JSON at character %d: %s", c->name, je.position,
		    je.text);
		err_hint(err, "%s", c->help);
	}
	return v;
}

/* One scalar of the column's kind. Without err filled: the generic message is the caller's. */
static json_t *parse_scalar(const struct column_def *c, const char *s)
{
	switch (c->kind) {
	case COL_UINT: return parse_uint(s);
	case COL_BOOL:
		if (strcmp(s, "true") != 0 && strcmp(s, "false") != 0)
			return NULL;
		return json_boolean(s[0] == 't');
	case COL_STRING:
	case COL_ENUM:
	case COL_REF:
	case COL_OBJECT: break;
	}
	return json_string(s);
}

static json_t *parse_list(const struct column_def *c, const char *s)
{
	json_t *list = json_array();
	char *copy = strdup(s), *save = NULL;

	if (list == NULL || copy == NULL)
		abort();
	for (char *word = strtok_r(copy, ",", &save); word != NULL;
	     word = strtok_r(NULL, ",", &save)) {
		if (json_array_append_new(list, parse_scalar(c, word)) != 0) {
			json_decref(list);
			list = NULL;
			break;
		}
	}
	free(copy);
	return list;
}

static json_t *parse_value(const struct column_def *c, const char *s, struct err *err)
{
	static const char *const kinds[] = {
	    [COL_STRING] = "text",
	    [COL_UINT] = "a number",
	    [COL_BOOL] = "true or false",
	    [COL_OBJECT] = "JSON",
	    [COL_ENUM] = "a word",
	    [COL_REF] = "a name",
	};

	if (c->kind == COL_OBJECT)
		return parse_object(c, s, err);
	json_t *v = c->list ? parse_list(c, s) : parse_scalar(c, s);
	if (v == NULL)
		err_set(err, ERR_PARAMS, "%s: \"%s\" is not %s", c->name, s, kinds[c->kind]);
	return v;
}

static int add_word(const char *table, const char *word, bool patch, json_t *obj, struct err *err)
{
	const char *eq = strchr(word, '=');
	char name[65];

	if (eq == NULL || eq == word || (size_t)(eq - word) >= sizeof(name)) {
		err_set(err, ERR_PARAMS, "\"%s\" is not COLUMN=VALUE", word);
		return err_hint(err, "sluice help %s lists the columns", table);
	}
	memcpy(name, word, (size_t)(eq - word));
	name[eq - word] = '\0';
	const struct column_def *c = column_find(table, name);
	if (c == NULL) {
		const char *near = column_nearest(table, name);

		err_set(err, ERR_PARAMS, "%s has no column \"%s\"", table, name);
		return near != NULL ? err_hint(err, "did you mean \"%s\"?", near)
				    : err_hint(err, "sluice help %s lists the columns", table);
	}
	if (json_object_get(obj, name) != NULL)
		return err_set(err, ERR_PARAMS, "%s is given twice", name);
	json_t *v = patch && eq[1] == '\0' ? json_null() : parse_value(c, eq + 1, err);
	if (v == NULL)
		return -EINVAL;
	return json_object_set_new(obj, name, v) == 0 ? 0 : -ENOMEM;
}

json_t *args_parse_object(const char *table, int argc, char **argv, bool patch, struct err *err)
{
	json_t *obj = json_object();

	for (int i = 0; i < argc; i++) {
		if (add_word(table, argv[i], patch, obj, err) != 0) {
			json_decref(obj);
			return NULL;
		}
	}
	return obj;
}

const char *args_find(int argc, char **argv, const char *key)
{
	size_t len = strlen(key);

	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], key, len) == 0 && argv[i][len] == '=')
			return argv[i] + len + 1;
	}
	return NULL;
}

int args_check(int argc, char **argv, const char *const *known, struct err *err)
{
	for (int i = 0; i < argc; i++) {
		const char *eq = strchr(argv[i], '=');
		size_t len = eq != NULL ? (size_t)(eq - argv[i]) : 0;
		const char *const *k = known;

		while (*k != NULL && (strlen(*k) != len || strncmp(*k, argv[i], len) != 0))
			k++;
		if (*k == NULL)
			return err_set(err, ERR_PARAMS, "unknown argument \"%s\"", argv[i]);
	}
	return 0;
}
