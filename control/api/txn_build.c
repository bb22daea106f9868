/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/txn_build.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/api/rpc.h"
#include "datapath/base/clock.h"
#include "datapath/base/hash.h"
#include "datapath/base/json_util.h"

/* An object that ops of this transaction have touched: as stored, and as it is going to be. */
struct pending {
	struct hmap_node node; // by table and name
	enum api_table table;
	const char *name; // the op's, or the stored object's
	const struct api_object *stored;
	struct api_object *now; // a reference; NULL: deleted, or never there
	uint32_t op;            // last that touched it
};

struct build {
	const struct store *store;
	const struct txn_rules *rules;
	struct txn_errors *errs;
	struct pending *pending; // room for one per op
	size_t n;
	struct hmap by_name;
	struct hash_key key;
};

struct op {
	const char *verb, *name;
	enum api_table table;
	json_t *object; // NULL: absent
	uint64_t rev;
	bool has_rev;
	uint32_t index;
};

typedef int op_handler(struct build *b, const struct op *op, struct pending *p, struct err *err);

static op_handler op_put, op_patch, op_delete, op_assert;

static const struct {
	const char *name;
	op_handler *handler;
	bool needs_object;
} verbs[] = {
    {"put", op_put, true},
    {"patch", op_patch, true},
    {"delete", op_delete, false},
    {"assert", op_assert, false},
};

static int run_op(struct build *b, json_t *json, uint32_t index, struct err *err);
static int decode_op(json_t *json, struct op *op, struct err *err);
static int unknown_word(
    struct err *err, const char *member, const char *word, const char *const *words, size_t n);
static struct pending *touch(struct build *b, const struct op *op);
static const struct pending *find_pending(
    const struct build *b, enum api_table table, const char *name);
static int set_object(
    struct build *b, const struct op *op, struct pending *p, json_t *data, struct err *err);
static void stamp_flow(json_t *data, json_t *old);
static void check_references(struct build *b);
static void check_object_references(struct build *b, const struct pending *p);
static void check_users_of_deleted(struct build *b);
static bool check_user(const struct api_object *user, void *arg);
static void check_tables(struct build *b);
static void fold(struct build *b, struct change_set *ret);
static void build_fini(struct build *b);

int txn_build(const struct store *s, const struct txn_rules *rules, json_t *ops,
    struct change_set *ret, struct txn_errors *errs)
{
	struct build b = {.store = s, .rules = rules, .errs = errs};
	size_t n = json_array_size(ops);
	b.pending = calloc(MAX_OF(n, 1), sizeof(*b.pending));
	hmap_init(&b.by_name);
	hash_key_init(&b.key);
	change_set_init(ret, n);

	for (size_t i = 0; i < n; i++) {
		struct err err = {0};
		if (run_op(&b, json_array_get(ops, i), (uint32_t)i, &err) != 0)
			txn_errors_add(errs, &err, (int64_t)i);
	}
	/* On a half-built state, references would be found missing that are only misspelt. */
	if (errs->n == 0)
		check_references(&b);
	if (errs->n == 0)
		check_tables(&b);
	if (errs->n == 0)
		fold(&b, ret);
	build_fini(&b);
	return errs->n == 0 ? 0 : -EINVAL;
}

void txn_errors_add_object(struct txn_errors *errs, struct err *err, uint32_t op)
{
	char path[sizeof(err->path)];
	snprintf(path, sizeof(path), "%s", err->path);
	err_path(err, "/ops/%u/object%.100s", op, path);
	txn_errors_add(errs, err, op);
}

void txn_errors_add(struct txn_errors *errs, const struct err *err, int64_t op)
{
	if (errs->n == 0) {
		errs->first = *err;
		errs->list = json_array();
	}
	if (errs->n < TXN_MAX_ERRORS)
		json_array_append_new(errs->list, rpc_error_to_json(err, op));
	errs->n++;
}

void txn_errors_fini(struct txn_errors *errs)
{
	json_decref(errs->list);
	*errs = (struct txn_errors){0};
}

static int run_op(struct build *b, json_t *json, uint32_t index, struct err *err)
{
	struct op op = {.index = index};
	err_path(err, "/ops/%u", index);
	if (decode_op(json, &op, err) != 0)
		return -EINVAL;

	err_object(err, "%s/%s", api_tables[op.table].name, op.name);
	struct pending *p = touch(b, &op);
	uint64_t rev = p->now != NULL ? p->now->generation : 0;
	if (op.has_rev && op.rev != rev) {
		err_path(err, "/ops/%u/if_rev", index);
		return err_set(err, ERR_CONFLICT,
		    "the object is at revision %" PRIu64 ", not %" PRIu64, rev, op.rev);
	}
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].name, op.verb) == 0)
			return verbs[i].handler(b, &op, p, err);
	return -EINVAL;
}

/* Which op it is, of what; the object's content is for the handlers. */
static int decode_op(json_t *json, struct op *op, struct err *err)
{
	static const char *const members[] = {"op", "table", "name", "object", "if_rev"};
	if (!json_is_object(json))
		return err_set(err, ERR_PARAMS, "an op is an object {op, table, name, object}");
	if (json_check_members(json, members, ARRAY_SIZE(members), err) != 0)
		return -EINVAL;
	const char *table = NULL;
	const struct {
		const char *name;
		const char **ret;
	} strings[] = {{"op", &op->verb}, {"table", &table}, {"name", &op->name}};
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		int r = json_get_string(json, strings[i].name, strings[i].ret, err);
		if (r == -ENOENT)
			return err_set(err, ERR_PARAMS, "an op needs %s", strings[i].name);
		if (r != 0)
			return r;
	}
	size_t verb = 0;
	const char *words[MAX_OF(ARRAY_SIZE(verbs), (size_t)API_TABLE__COUNT)];
	for (; verb < ARRAY_SIZE(verbs) && strcmp(verbs[verb].name, op->verb) != 0; verb++)
		words[verb] = verbs[verb].name;
	if (verb == ARRAY_SIZE(verbs))
		return unknown_word(err, "op", op->verb, words, verb);
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
	if (verbs[verb].needs_object && op->object == NULL)
		return err_set(err, ERR_PARAMS, "%s needs object", op->verb);
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

static uint64_t hash_of(const struct build *b, enum api_table table, const char *name)
{
	return hash_string(&b->key, name) + (uint64_t)table;
}

static struct pending *touch(struct build *b, const struct op *op)
{
	struct pending *p = (struct pending *)find_pending(b, op->table, op->name);
	if (p == NULL) {
		p = &b->pending[b->n++];
		p->table = op->table;
		p->name = op->name;
		p->stored = store_find(b->store, op->table, op->name);
		if (p->stored != NULL)
			p->now = api_object_ref(p->stored);
		hmap_add(&b->by_name, &p->node, hash_of(b, op->table, op->name));
	}
	return p;
}

static const struct pending *find_pending(
    const struct build *b, enum api_table table, const char *name)
{
	hmap_foreach_with_hash (p, &b->by_name, hash_of(b, table, name), struct pending, node)
		if (p->table == table && strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static int op_put(struct build *b, const struct op *op, struct pending *p, struct err *err)
{
	err->path[0] = '\0'; // schema.h: relative to the object
	json_t *data = schema_normalise(op->table, op->object, NULL, err);
	return set_object(b, op, p, data, err);
}

static int op_patch(struct build *b, const struct op *op, struct pending *p, struct err *err)
{
	if (p->now == NULL)
		return err_set(
		    err, ERR_NOT_FOUND, "no %s %s to patch", api_tables[op->table].name, op->name);
	err->path[0] = '\0';
	json_t *data = schema_normalise(op->table, op->object, p->now->data, err);
	return set_object(b, op, p, data, err);
}

static int check_owner(const struct build *b, const struct pending *p, struct err *err)
{
	if (b->rules->owner == NULL || p->now == NULL ||
	    strcmp(p->now->owner, b->rules->owner) == 0)
		return 0;
	return err_set(err, ERR_FORBIDDEN, "%s %s belongs to owner %s", api_tables[p->table].name,
	    p->name, p->now->owner);
}

/* Takes data, which is NULL (with *err's path relative to the object) when it was refused. */
static int set_object(
    struct build *b, const struct op *op, struct pending *p, json_t *data, struct err *err)
{
	if (data == NULL || (p->stored != NULL && schema_check_immutable(op->table, p->stored->data,
						      data, err) != 0)) {
		char path[sizeof(err->path)];
		snprintf(path, sizeof(path), "%s", err->path);
		err_path(err, "/ops/%u/object%.100s", op->index, path);
		json_decref(data);
		return -EINVAL;
	}
	err_path(err, "/ops/%u", op->index);
	if (check_owner(b, p, err) != 0) {
		json_decref(data);
		return -EPERM;
	}
	p->op = op->index;
	if (p->now != NULL)
		schema_keep(op->table, data, p->now->data);
	if (op->table == API_TABLE_FLOW)
		stamp_flow(data, p->now != NULL ? p->now->data : NULL);
	if (p->now != NULL && json_equal(p->now->data, data)) {
		json_decref(data);
		return 0;
	}
	const char *owner = b->rules->owner != NULL ? b->rules->owner
			    : p->now != NULL        ? p->now->owner
						    : "";
	api_object_unref(p->now);
	p->now =
	    api_object_create(op->table, op->name, owner, store_generation(b->store) + 1, data);
	return 0;
}

/*
 * When the hard timeout of a flow began, so that a restart does not begin it again. It goes on when the flow does something else,
 * and begins anew with another place or another timeout.
 */
static void stamp_flow(json_t *data, json_t *old)
{
	static const char *const members[] = {"table", "priority", "match", "hard_timeout_s"};
	bool goes_on = json_object_get(old, "_installed_ms") != NULL;
	for (size_t i = 0; i < ARRAY_SIZE(members) && goes_on; i++)
		goes_on =
		    json_equal(json_object_get(data, members[i]), json_object_get(old, members[i]));
	if (json_integer_value(json_object_get(data, "hard_timeout_s")) == 0)
		json_object_del(data, "_installed_ms");
	else if (!goes_on)
		json_object_set_new(
		    data, "_installed_ms", json_integer((json_int_t)clock_wall_ms()));
}

static int op_delete(struct build *b, const struct op *op, struct pending *p, struct err *err)
{
	if (op->object != NULL)
		return err_set(err, ERR_PARAMS, "delete takes no object");
	if (p->now == NULL)
		return err_set(
		    err, ERR_NOT_FOUND, "no %s %s to delete", api_tables[op->table].name, op->name);
	int r = check_owner(b, p, err);
	if (r != 0)
		return r;
	api_object_unref(p->now);
	p->now = NULL;
	p->op = op->index;
	return 0;
}

/* object absent: it is there; null: it is not; members: it has them. */
static int op_assert(struct build *, const struct op *op, struct pending *p, struct err *err)
{
	const char *table = api_tables[op->table].name;
	if (json_is_null(op->object))
		return p->now == NULL ? 0
				      : err_set(err, ERR_CONFLICT, "%s %s exists", table, op->name);
	if (op->object != NULL && !json_is_object(op->object))
		return err_set(err, ERR_PARAMS, "object of assert is an object or null");
	if (p->now == NULL)
		return err_set(err, ERR_CONFLICT, "%s %s does not exist", table, op->name);
	const char *member;
	json_t *value;
	json_object_foreach (op->object, member, value) {
		if (json_equal(json_object_get(p->now->data, member), value))
			continue;
		err_path(err, "/ops/%u/object/%.64s", op->index, member);
		return err_set(
		    err, ERR_CONFLICT, "%s %s has another %.64s", table, op->name, member);
	}
	return 0;
}

static void check_references(struct build *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->pending[i].now != NULL && b->pending[i].now != b->pending[i].stored)
			check_object_references(b, &b->pending[i]);
	check_users_of_deleted(b);
}

static bool exists(const struct build *b, enum api_table table, const char *name)
{
	const struct pending *p = find_pending(b, table, name);
	return p != NULL ? p->now != NULL : store_find(b->store, table, name) != NULL;
}

static void check_object_references(struct build *b, const struct pending *p)
{
	const struct api_table_def *def = &api_tables[p->table];
	for (size_t i = 0; i < def->n_columns; i++) {
		const struct api_column *column = &def->columns[i];
		json_t *value = json_object_get(p->now->data, column->name);
		if (column->type != CT_REF || value == NULL)
			continue;
		enum api_table to = schema_find_table(column->values);
		size_t n = column->flags & CF_LIST ? json_array_size(value) : 1;
		for (size_t k = 0; k < n; k++) {
			json_t *one = column->flags & CF_LIST ? json_array_get(value, k) : value;
			const char *name = json_string_value(one);
			if (exists(b, to, name))
				continue;
			struct err err = {0};
			err_object(&err, "%s/%s", def->name, p->name);
			err_set(&err, ERR_DANGLING, "there is no %s %s", column->values, name);
			err_hint(&err, "put it in the same transaction or before");
			if (column->flags & CF_LIST)
				err_path(&err, "/%s/%zu", column->name, k);
			else
				err_path(&err, "/%s", column->name);
			txn_errors_add_object(b->errs, &err, p->op);
		}
	}
}

struct user_check {
	struct build *b;
	const struct api_column *column;
	enum api_table to;
};

/* Objects that this transaction does not touch, and that refer to one it deletes. */
static void check_users_of_deleted(struct build *b)
{
	bool has_deleted[API_TABLE__COUNT] = {0};
	for (size_t i = 0; i < b->n; i++)
		if (b->pending[i].stored != NULL && b->pending[i].now == NULL)
			has_deleted[b->pending[i].table] = true;
	for (enum api_table t = 0; t < API_TABLE__COUNT; t++) {
		for (size_t i = 0; i < api_tables[t].n_columns; i++) {
			const struct api_column *column = &api_tables[t].columns[i];
			if (column->type != CT_REF)
				continue;
			struct user_check check = {b, column, schema_find_table(column->values)};
			if (has_deleted[check.to])
				store_foreach(b->store, t, check_user, &check);
		}
	}
}

static bool check_user(const struct api_object *user, void *arg)
{
	const struct user_check *check = arg;
	const struct api_column *column = check->column;
	json_t *value = json_object_get(user->data, column->name);
	const struct pending *changed = find_pending(check->b, user->table, user->name);
	if (value == NULL || (changed != NULL && changed->now != user))
		return true;
	size_t n = column->flags & CF_LIST ? json_array_size(value) : 1;
	for (size_t k = 0; k < n; k++) {
		json_t *one = column->flags & CF_LIST ? json_array_get(value, k) : value;
		const struct pending *p = find_pending(check->b, check->to, json_string_value(one));
		if (p == NULL || p->now != NULL)
			continue;
		struct err err = {0};
		err_path(&err, "/ops/%u", p->op);
		err_object(&err, "%s/%s", api_tables[p->table].name, p->name);
		err_set(&err, ERR_DANGLING, "%s %s is still used by %s/%s (%s)",
		    api_tables[p->table].name, p->name, api_tables[user->table].name, user->name,
		    column->name);
		err_hint(&err, "change or delete %s/%s in the same transaction",
		    api_tables[user->table].name, user->name);
		txn_errors_add(check->b->errs, &err, p->op);
	}
	return true;
}

/* Limits of tables, and the guard against deleting most of one by mistake. */
static void check_tables(struct build *b)
{
	size_t n_created[API_TABLE__COUNT] = {0}, n_deleted[API_TABLE__COUNT] = {0};
	for (size_t i = 0; i < b->n; i++) {
		const struct pending *p = &b->pending[i];
		n_created[p->table] += p->stored == NULL && p->now != NULL;
		n_deleted[p->table] += p->stored != NULL && p->now == NULL;
	}
	for (enum api_table t = 0; t < API_TABLE__COUNT; t++) {
		const struct api_table_def *def = &api_tables[t];
		size_t n = store_count(b->store, t);
		struct err err = {0};
		if (n_created[t] > n_deleted[t] &&
		    n + n_created[t] - n_deleted[t] > def->max_rows) {
			err_set(&err, ERR_TABLE_FULL,
			    "table %s would have %zu rows; %zu is its limit", def->name,
			    n + n_created[t] - n_deleted[t], def->max_rows);
			txn_errors_add(b->errs, &err, -1);
		}
		if (!b->rules->force && n_deleted[t] > UNSAFE_MIN_ROWS && n_deleted[t] > n / 2) {
			err_set(&err, ERR_UNSAFE, "this deletes %zu of the %zu rows of table %s",
			    n_deleted[t], n, def->name);
			err_hint(&err, "repeat it with \"force\": true if that is meant");
			txn_errors_add(b->errs, &err, -1);
		}
	}
}

static void fold(struct build *b, struct change_set *ret)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct pending *p = &b->pending[i];
		bool is_same = p->stored != NULL && p->now != NULL &&
			       json_equal(p->stored->data, p->now->data) &&
			       strcmp(p->stored->owner, p->now->owner) == 0;
		if (p->stored != p->now && !is_same)
			change_set_add(ret, p->stored, p->now, p->op);
	}
}

static void build_fini(struct build *b)
{
	for (size_t i = 0; i < b->n; i++)
		api_object_unref(b->pending[i].now);
	hmap_fini(&b->by_name);
	free(b->pending);
}
