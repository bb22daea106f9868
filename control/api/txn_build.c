/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/txn_build.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/api/rpc.h"
#include "control/api/txn_build_priv.h"
#include "control/api/txn_op.h"
#include "control/mem.h"
#include "datapath/base/clock.h"

enum { TEXT_MAX_SIZE = 16 << 20 };

typedef int op_handler(
    struct build *b, const struct txn_op *op, struct pending *p, struct err *err);

static op_handler op_put, op_patch, op_delete, op_assert;

static op_handler *const handlers[] = {
    [TXN_PUT] = op_put,
    [TXN_PATCH] = op_patch,
    [TXN_DELETE] = op_delete,
    [TXN_ASSERT] = op_assert,
};

static void run_value(struct build *b, const struct txn_ops *ops, uint32_t index);
static int run_op(struct build *b, json_t *json, uint32_t index, struct err *err);
static struct pending *touch(struct build *b, const struct txn_op *op);
static int set_object(
    struct build *b, const struct txn_op *op, struct pending *p, json_t *data, struct err *err);
static int check_immutable(const struct api_object *stored, json_t *data, struct err *err);
static void stamp_flow(json_t *data, json_t *old);
static void check_tables(struct build *b);
static void fold(struct build *b, struct change_set *ret);
static void build_fini(struct build *b);

int txn_build(const struct store *s, const struct txn_rules *rules, const struct txn_ops *ops,
    struct change_set *ret, struct txn_errors *errs)
{
	struct build b = {.store = s, .rules = rules, .errs = errs};
	size_t n = txn_ops_count(ops);
	b.pending = mem_alloc_array(MAX_OF(n, 1), sizeof(*b.pending));
	hmap_init(&b.by_name);
	hash_key_init(&b.key);
	b.values = json_array();
	buf_writer_init(&b.text, TEXT_MAX_SIZE);
	change_set_init(ret, n);

	for (size_t i = 0; i < n; i++)
		if (ops->list != NULL || !build_text_op(&b, ops->raw.entries[i], (uint32_t)i))
			run_value(&b, ops, (uint32_t)i);
	/* On a half-built state, references would be found missing that are only misspelt. */
	if (errs->n == 0)
		build_check_references(&b);
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

static void run_value(struct build *b, const struct txn_ops *ops, uint32_t index)
{
	struct err err = {0};
	json_t *op = json_array_get(ops->list, index);
	if (ops->list == NULL) {
		op = json_raw_entry(&ops->raw, index);
		json_array_append_new(b->values, op);
	}
	if (run_op(b, op, index, &err) != 0)
		txn_errors_add(b->errs, &err, (int64_t)index);
}

static int run_op(struct build *b, json_t *json, uint32_t index, struct err *err)
{
	struct txn_op op = {.index = index};
	err_path(err, "/ops/%u", index);
	if (txn_op_decode(json, &op, err) != 0)
		return -EINVAL;

	err_object(err, "%s/%s", api_tables[op.table].name, op.name);
	struct pending *p = touch(b, &op);
	uint64_t rev = p->now != NULL ? p->now->generation : 0;
	if (op.has_rev && op.rev != rev) {
		err_path(err, "/ops/%u/if_rev", index);
		return err_set(err, ERR_CONFLICT,
		    "the object is at revision %" PRIu64 ", not %" PRIu64, rev, op.rev);
	}
	return handlers[op.verb](b, &op, p, err);
}

static struct pending *touch(struct build *b, const struct txn_op *op)
{
	struct build_name name = build_name(b, op->table, op->name);
	struct pending *p = build_find_pending(b, &name);
	return p != NULL ? p
			 : build_add_pending(b, &name, store_find(b->store, op->table, op->name));
}

struct build_name build_name(const struct build *b, enum api_table table, const char *text)
{
	return (struct build_name){table, text, hash_string(&b->key, text) + (uint64_t)table};
}

struct pending *build_find_pending(const struct build *b, const struct build_name *name)
{
	hmap_foreach_with_hash (p, &b->by_name, name->hash, struct pending, node)
		if (p->table == name->table && strcmp(p->name, name->text) == 0)
			return p;
	return NULL;
}

struct pending *build_add_pending(
    struct build *b, const struct build_name *name, const struct api_object *stored)
{
	struct pending *p = &b->pending[b->n++];
	p->table = name->table;
	p->name = name->text;
	p->stored = stored;
	if (stored != NULL)
		p->now = api_object_ref(stored);
	hmap_add(&b->by_name, &p->node, name->hash);
	return p;
}

const struct pending *build_find(const struct build *b, enum api_table table, const char *text)
{
	struct build_name name = build_name(b, table, text);
	return build_find_pending(b, &name);
}

static int op_put(struct build *b, const struct txn_op *op, struct pending *p, struct err *err)
{
	err->path[0] = '\0'; // schema.h: relative to the object
	json_t *data = schema_normalise(op->table, op->object, NULL, err);
	return set_object(b, op, p, data, err);
}

static int op_patch(struct build *b, const struct txn_op *op, struct pending *p, struct err *err)
{
	if (p->now == NULL)
		return err_set(
		    err, ERR_NOT_FOUND, "no %s %s to patch", api_tables[op->table].name, op->name);
	err->path[0] = '\0';
	json_t *old = api_object_json(p->now);
	json_t *data = schema_normalise(op->table, op->object, old, err);
	json_decref(old);
	return set_object(b, op, p, data, err);
}

/* Takes data, which is NULL (with *err's path relative to the object) when it was refused. */
static int set_object(
    struct build *b, const struct txn_op *op, struct pending *p, json_t *data, struct err *err)
{
	if (data == NULL || (p->stored != NULL && check_immutable(p->stored, data, err) != 0)) {
		char path[sizeof(err->path)];
		snprintf(path, sizeof(path), "%s", err->path);
		err_path(err, "/ops/%u/object%.100s", op->index, path);
		json_decref(data);
		return -EINVAL;
	}
	err_path(err, "/ops/%u", op->index);
	if (build_check_owner(b, p, err) != 0) {
		json_decref(data);
		return -EPERM;
	}
	p->op = op->index;
	json_t *old = p->now != NULL ? api_object_json(p->now) : NULL;
	if (old != NULL)
		schema_keep(op->table, data, old);
	if (op->table == API_TABLE_FLOW)
		stamp_flow(data, old);
	bool is_same = old != NULL && json_equal(old, data);
	json_decref(old);
	if (is_same) {
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

static int check_immutable(const struct api_object *stored, json_t *data, struct err *err)
{
	json_t *old = api_object_json(stored);
	int r = schema_check_immutable(stored->table, old, data, err);
	json_decref(old);
	return r;
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

static int op_delete(struct build *b, const struct txn_op *op, struct pending *p, struct err *err)
{
	if (op->object != NULL)
		return err_set(err, ERR_PARAMS, "delete takes no object");
	if (p->now == NULL)
		return err_set(
		    err, ERR_NOT_FOUND, "no %s %s to delete", api_tables[op->table].name, op->name);
	int r = build_check_owner(b, p, err);
	if (r != 0)
		return r;
	api_object_unref(p->now);
	p->now = NULL;
	p->op = op->index;
	return 0;
}

/* object absent: it is there; null: it is not; members: it has them. */
static int op_assert(struct build *, const struct txn_op *op, struct pending *p, struct err *err)
{
	const char *table = api_tables[op->table].name;
	if (json_is_null(op->object))
		return p->now == NULL ? 0
				      : err_set(err, ERR_CONFLICT, "%s %s exists", table, op->name);
	if (op->object != NULL && !json_is_object(op->object))
		return err_set(err, ERR_PARAMS, "object of assert is an object or null");
	if (p->now == NULL)
		return err_set(err, ERR_CONFLICT, "%s %s does not exist", table, op->name);
	json_t *data = api_object_json(p->now);
	const char *member;
	json_t *value;
	int r = 0;
	json_object_foreach (op->object, member, value) {
		if (r != 0 || json_equal(json_object_get(data, member), value))
			continue;
		err_path(err, "/ops/%u/object/%.64s", op->index, member);
		r = err_set(err, ERR_CONFLICT, "%s %s has another %.64s", table, op->name, member);
	}
	json_decref(data);
	return r;
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
		bool is_same =
		    p->stored != NULL && p->now != NULL && api_object_equal(p->stored, p->now);
		if (p->stored != p->now && !is_same)
			change_set_add(ret, p->stored, p->now, p->op);
	}
}

static void build_fini(struct build *b)
{
	for (size_t i = 0; i < b->n; i++) {
		api_object_unref(b->pending[i].now);
		api_object_unref(b->pending[i].named);
	}
	hmap_fini(&b->by_name);
	json_decref(b->values);
	buf_writer_fini(&b->text);
	free(b->pending);
}
