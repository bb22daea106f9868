/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/control/model_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/base/hash.h"
#include "datapath/dp_validate.h"

void fx_init(struct fixture *fx)
{
	static const struct model_options options = {.rundir = "/run/sluice"};

	memset(fx, 0, sizeof(*fx));
	fx->model = model_create(&options);
	fx->objects = calloc(FX_MAX, sizeof(*fx->objects));
	fx->changes = calloc(FX_MAX, sizeof(*fx->changes));
	fx->dp = calloc(4 * (size_t)FX_MAX, sizeof(*fx->dp));
}

static void drop_changes(struct fixture *fx)
{
	for (size_t i = 0; i < fx->n_changes; i++)
		api_object_unref((struct api_object *)fx->changes[i].new_object);
	for (size_t i = 0; i < fx->n_changes; i++)
		free((char *)fx->changes[i].name);
	fx->n_changes = 0;
}

void fx_fini(struct fixture *fx)
{
	drop_changes(fx);
	model_destroy(fx->model);
	for (size_t i = 0; i < fx->n_objects; i++)
		api_object_unref(fx->objects[i]);
	free(fx->objects);
	free(fx->changes);
	free(fx->dp);
}

struct api_object *fx_find(struct fixture *fx, enum api_table table, const char *name)
{
	for (size_t i = 0; i < fx->n_objects; i++) {
		if (fx->objects[i]->table == table && strcmp(fx->objects[i]->name, name) == 0)
			return fx->objects[i];
	}
	return NULL;
}

static struct api_change *add_change(struct fixture *fx, enum api_table table, const char *name)
{
	struct api_change *c = &fx->changes[fx->n_changes];

	assert_true(fx->n_changes < FX_MAX);
	*c = (struct api_change){
	    .table = table, .name = strdup(name), .op = (uint32_t)fx->n_changes};
	c->old_object = fx->no_apply ? NULL : fx_find(fx, table, name);
	fx->n_changes++;
	return c;
}

void fx_put_json(struct fixture *fx, enum api_table table, const char *name, json_t *data)
{
	assert_non_null(data);
	struct api_object *o = api_object_create(table, name, "", 0, data);
	add_change(fx, table, name)->new_object = o;
}

void fx_put(struct fixture *fx, enum api_table table, const char *name, const char *json)
{
	char text[4096];
	size_t n = 0;

	for (; json[n] != '\0' && n < sizeof(text) - 1; n++)
		text[n] = json[n] == '\'' ? '"' : json[n];
	text[n] = '\0';
	fx_put_json(fx, table, name, json_loads(text, 0, NULL));
}

void fx_del(struct fixture *fx, enum api_table table, const char *name)
{
	add_change(fx, table, name);
}

static struct fx_obj *dp_find(struct fixture *fx, unsigned int kind, uint64_t id)
{
	for (size_t i = 0; i < fx->n_dp; i++) {
		if (fx->dp[i].kind == kind && fx->dp[i].id == id)
			return &fx->dp[i];
	}
	return NULL;
}

static void apply_one(struct fixture *fx, const struct dp_op *op)
{
	struct fx_obj *o = dp_find(fx, op->kind, op->id);

	if (o != NULL)
		fx->dp_digest ^= o->digest;
	if (op->verb == DP_DEL) {
		assert_non_null(o); // the model deletes what it made only
		*o = fx->dp[--fx->n_dp];
		return;
	}
	if (o == NULL)
		o = &fx->dp[fx->n_dp++];
	*o = (struct fx_obj){op->kind, op->id, hash_stable(op, op->size)};
	fx->dp_digest ^= o->digest;
}

void fx_apply(struct fixture *fx, const struct buf_writer *ops)
{
	fx->n_ops = 0;
	memset(fx->n_kind, 0, sizeof(fx->n_kind));
	for (size_t pos = 0; pos < ops->size;) {
		const struct dp_op *op = (const struct dp_op *)(ops->data + pos);
		char what[DP_WHAT_SIZE];
		if (dp_validate_op(op, ops->size - pos, what) < 0)
			fail_msg("the switch would refuse kind %u: %s", op->kind, what);
		if (!fx->no_apply)
			apply_one(fx, op);
		fx->n_kind[op->kind]++;
		fx->n_ops++;
		pos += op->size;
	}
}

static void keep_change(struct fixture *fx, struct api_change *c)
{
	for (size_t i = 0; !fx->no_apply && i < fx->n_objects; i++) {
		if (fx->objects[i]->table != c->table || strcmp(fx->objects[i]->name, c->name) != 0)
			continue;
		api_object_unref(fx->objects[i]);
		fx->objects[i] = fx->objects[--fx->n_objects];
		break;
	}
	if (c->new_object != NULL)
		fx->objects[fx->n_objects++] = (struct api_object *)c->new_object;
	c->new_object = NULL;
}

static bool run(struct fixture *fx, bool commit)
{
	memset(&fx->errs, 0, sizeof(fx->errs));
	struct model_plan *plan = model_plan(fx->model, fx->changes, fx->n_changes, &fx->errs);
	assert_int_equal(plan == NULL, fx->errs.n_total > 0);
	bool planned = plan != NULL;
	if (planned && commit) {
		uint32_t n;
		const struct buf_writer *ops = model_plan_ops(plan, &n);
		fx_apply(fx, ops);
		assert_int_equal(n, fx->n_ops);
		model_commit(fx->model, plan);
		for (size_t i = 0; i < fx->n_changes; i++)
			keep_change(fx, &fx->changes[i]);
		if (!fx->no_apply)
			assert_int_equal(fx->dp_digest, model_digest(fx->model));
	} else {
		model_discard(plan);
	}
	drop_changes(fx);
	return planned;
}

bool fx_commit(struct fixture *fx)
{
	return run(fx, true);
}

bool fx_dry_run(struct fixture *fx)
{
	return run(fx, false);
}

struct model_plan *fx_plan(struct fixture *fx)
{
	memset(&fx->errs, 0, sizeof(fx->errs));
	struct model_plan *plan = model_plan(fx->model, fx->changes, fx->n_changes, &fx->errs);
	assert_non_null(plan);
	drop_changes(fx);
	return plan;
}

void fx_must(struct fixture *fx, enum api_table table, const char *name, const char *json)
{
	fx_put(fx, table, name, json);
	if (!fx_commit(fx))
		fail_msg("%s %s: %s", fx->errs.errs[0].object, fx->errs.errs[0].path,
		    fx->errs.errs[0].what);
}

void fx_refused(struct fixture *fx, enum api_table table, const char *name, const char *json,
    int code, const char *path)
{
	uint64_t digest = model_digest(fx->model);

	fx_put(fx, table, name, json);
	if (fx_commit(fx))
		fail_msg("%s was accepted", name);
	assert_int_equal(fx->errs.errs[0].code, code);
	assert_string_equal(fx->errs.errs[0].path, path);
	assert_true(fx->errs.errs[0].object[0] != '\0');
	assert_int_equal(digest, model_digest(fx->model));
}

struct model *fx_rebuild(struct fixture *fx)
{
	static const struct model_options options = {.rundir = "/run/sluice"};
	struct model *m = model_create(&options);
	struct err_list errs = {0};
	struct api_change *changes = calloc(fx->n_objects + 1, sizeof(*changes));

	for (size_t i = 0; i < fx->n_objects; i++)
		changes[i] = (struct api_change){.table = fx->objects[i]->table,
		    .name = fx->objects[i]->name,
		    .new_object = fx->objects[i]};
	struct model_plan *plan = model_plan(m, changes, fx->n_objects, &errs);
	if (plan == NULL)
		fail_msg("rebuild: %s %s: %s", errs.errs[0].object, errs.errs[0].path,
		    errs.errs[0].what);
	model_commit(m, plan);
	free(changes);
	return m;
}
