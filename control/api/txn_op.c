/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/txn_op.h"

#include <string.h>

#include "datapath/base/json_util.h"

static const char *const verbs[] = {
    [TXN_PUT] = "put",
    [TXN_PATCH] = "patch",
    [TXN_DELETE] = "delete",
    [TXN_ASSERT] = "assert",
};

static int unknown_word(
    struct err *err, const char *member, const char *word, const char *const *words, size_t n);

int txn_op_decode(json_t *json, struct txn_op *op, struct err *err)
{
	static const char *const members[] = {"op", "table", "name", "object", "if_rev"};
	if (!json_is_object(json))
		return err_set(err, ERR_PARAMS, "an op is an object {op, table, name, object}");
	if (json_check_members(json, members, ARRAY_SIZE(members), err) != 0)
		return -EINVAL;
	const char *table = NULL, *verb = NULL;
	const struct {
		const char *name;
		const char **ret;
	} strings[] = {{"op", &verb}, {"table", &table}, {"name", &op->name}};
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		int r = json_get_string(json, strings[i].name, strings[i].ret, err);
		if (r == -ENOENT)
			return err_set(err, ERR_PARAMS, "an op needs %s", strings[i].name);
		if (r != 0)
			return r;
	}
	const char *words[API_TABLE__COUNT];
	size_t v = 0;
	while (v < ARRAY_SIZE(verbs) && strcmp(verbs[v], verb) != 0)
		v++;
	if (v == ARRAY_SIZE(verbs))
		return unknown_word(err, "op", verb, verbs, v);
	op->verb = (enum txn_verb)v;
	op->table = schema_find_table(table);
	if (op->table == API_TABLE__COUNT) {
		for (size_t i = 0; i < API_TABLE__COUNT; i++)
			words[i] = api_tables[i].name;
		return unknown_word(err, "table", table, words, API_TABLE__COUNT);
	}
	if (!json_name_is_valid(op->name)) {
		err_path(err, "/ops/%u/name", op->index);
		return err_set(err, ERR_PARAMS, "a name has 1 to 64 of A-Z a-z 0-9 . _ : -");
	}
	op->object = json_object_get(json, "object");
	if (op->object == NULL && (op->verb == TXN_PUT || op->verb == TXN_PATCH))
		return err_set(err, ERR_PARAMS, "%s needs object", verb);
	int r = json_get_u64(json, "if_rev", 0, INT64_MAX, &op->rev, err);
	op->has_rev = r == 0;
	return r == -ENOENT ? 0 : r;
}

static int unknown_word(
    struct err *err, const char *member, const char *word, const char *const *words, size_t n)
{
	char path[sizeof(err->path)];
	snprintf(path, sizeof(path), "%s", err->path);
	err_path(err, "%.100s/%s", path, member);
	err_set(err, ERR_PARAMS, "no %s \"%.64s\"", member, word);
	const char *near = nearest_word(word, words, n);
	if (near != NULL)
		err_hint(err, "did you mean \"%s\"?", near);
	return -EINVAL;
}
