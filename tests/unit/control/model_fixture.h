/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A model with the simplest store that can be: a list of objects. Transactions are queued with fx_put and fx_del, then tried.
 * What the model says to do is also applied to a copy of the switch's objects, so that tests see whether they agree.
 *
 * Threads: one. Memory: fx_init to fx_fini.
 */
#include <jansson.h>

#include "control/model.h"

enum { FX_MAX = 40000 };

struct fixture {
	struct model *model;
	struct api_object **objects;
	size_t n_objects;
	struct api_change *changes;
	size_t n_changes;
	struct err_list errs; // of the last transaction
	/* The copy of the switch. */
	struct fx_obj {
		uint16_t kind;
		uint64_t id, digest;
	} * dp;
	size_t n_dp;
	uint64_t dp_digest;
	uint32_t n_ops;                  // of the last transaction
	uint32_t n_kind[DP_KIND__COUNT]; // of which
	bool no_apply;                   // leave the copy alone (large tests)
};

void fx_init(struct fixture *fx);
void fx_fini(struct fixture *fx);
void fx_put(struct fixture *fx, enum api_table table, const char *name, const char *json);
void fx_put_json(struct fixture *fx, enum api_table table, const char *name, json_t *data);
void fx_del(struct fixture *fx, enum api_table table, const char *name);
bool fx_commit(struct fixture *fx); // false: refused, see errs
bool fx_dry_run(struct fixture *fx);
/* What was queued, planned and nothing else: the caller commits or discards it. The list of objects does not follow. */
struct model_plan *fx_plan(struct fixture *fx);
/* put and commit; must succeed. */
void fx_must(struct fixture *fx, enum api_table table, const char *name, const char *json);
/* put and commit; must be refused with this code and path as the first error. */
void fx_refused(struct fixture *fx, enum api_table table, const char *name, const char *json,
    int code, const char *path);
struct api_object *fx_find(struct fixture *fx, enum api_table table, const char *name);
/* Applies encoded ops to the copy of the switch. */
void fx_apply(struct fixture *fx, const struct buf_writer *ops);
/* A model loaded with the same objects in one transaction. */
struct model *fx_rebuild(struct fixture *fx);
