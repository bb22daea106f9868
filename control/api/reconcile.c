/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/reconcile.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/api/filter.h"
#include "control/api/method.h"
#include "control/api/txn.h"
#include "control/daemon.h"
#include "control/mem.h"
#include "datapath/base/clock.h"
#include "datapath/base/json_util.h"

struct session {
	char owner[65]; // "": free
	uint64_t epoch;
	uint64_t used_ms;
	json_t *wanted; // "table/name": put op
	size_t charged; // of the memory of all clients
};

struct reconcile {
	struct session sessions[RECONCILE_MAX_OWNERS];
};

struct key {
	char text[96];
};

static int decode_owner(
    struct rpc_request *req, char owner[TXN_ID_SIZE], uint64_t *ret_epoch, struct err *err);
static struct session *find(struct reconcile *r, const char *owner);
static struct session *find_room(struct reconcile *r);
static struct session *find_current(struct rpc_request *req, struct err *err);
static json_t *decode_object(json_t *object, struct key *ret_key, struct err *err);
static struct key key_of(enum api_table table, const char *name);
static bool add_unwanted(const struct api_object *o, void *arg);
static int charge(struct rpc_request *req, struct session *s, size_t size, struct err *err);
static void session_fini(struct daemon *d, struct session *s);

struct reconcile *reconcile_create(void)
{
	return mem_alloc(sizeof(struct reconcile));
}

void reconcile_destroy(struct reconcile *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < RECONCILE_MAX_OWNERS; i++)
		json_decref(r->sessions[i].wanted);
	free(r);
}

void reconcile_begin(struct rpc_request *req)
{
	struct reconcile *r = rpc_daemon(req)->reconcile;
	struct err err = {0};
	char owner[TXN_ID_SIZE];
	uint64_t epoch;
	if (decode_owner(req, owner, &epoch, &err) != 0) {
		rpc_fail(req, &err);
		return;
	}
	struct session *s = find(r, owner);
	if (s != NULL && epoch < s->epoch) {
		err_path(&err, "/epoch");
		err_set(&err, ERR_NOT_PRIMARY, "owner %s is at epoch %" PRIu64, owner, s->epoch);
		rpc_fail(req, &err);
		return;
	}
	if (s == NULL)
		s = find_room(r);
	if (s == NULL) {
		err_set(&err, ERR_BUSY, "%d owners are reconciling", RECONCILE_MAX_OWNERS);
		rpc_fail(req, &err);
		return;
	}
	session_fini(rpc_daemon(req), s);
	snprintf(s->owner, sizeof(s->owner), "%s", owner);
	s->epoch = epoch;
	s->used_ms = clock_ms();
	s->wanted = json_object();
	rpc_reply(req, json_pack("{s:s, s:I}", "owner", owner, "epoch", (json_int_t)epoch));
}

void reconcile_put(struct rpc_request *req)
{
	struct err err = {0};
	struct txn_errors errs = {0};
	struct session *s = find_current(req, &err);
	json_t *objects = NULL;
	int r = s != NULL ? json_get_array(rpc_params(req), "objects", &objects, &err) : -EINVAL;
	if (r == -ENOENT)
		err_set(&err, ERR_PARAMS, "objects is missing");
	if (r == 0 &&
	    json_object_size(s->wanted) + json_array_size(objects) > RECONCILE_MAX_OBJECTS)
		r = err_set(
		    &err, ERR_TOO_LARGE, "an owner has at most %d objects", RECONCILE_MAX_OBJECTS);
	if (r != 0) {
		rpc_fail(req, &err);
		return;
	}
	size_t before = mem_json_bytes();
	json_t *added = json_object();
	size_t i;
	json_t *object;
	json_array_foreach (objects, i, object) {
		struct key key;
		struct err fault = {0};
		json_t *op = decode_object(object, &key, &fault);
		if (op != NULL) {
			json_object_set_new(added, key.text, op);
			continue;
		}
		char path[sizeof(fault.path)];
		snprintf(path, sizeof(path), "%s", fault.path);
		err_path(&fault, "/objects/%zu%.100s", i, path);
		txn_errors_add(&errs, &fault, (int64_t)i);
	}
	if (errs.n > 0) {
		rpc_fail_many(req, &errs.first, json_incref(errs.list), errs.n);
	} else if (charge(req, s, mem_json_bytes() - before, &err) != 0) {
		rpc_fail(req, &err);
	} else {
		json_object_update(s->wanted, added);
		rpc_reply(req, json_pack("{s:I, s:I}", "epoch", (json_int_t)s->epoch, "n_objects",
				   (json_int_t)json_object_size(s->wanted)));
	}
	txn_errors_fini(&errs);
	json_decref(added);
}

struct unwanted {
	const struct session *session;
	json_t *ops;
};

/* The session stays: a client that lost the answer asks again, and finds nothing left to do. */
void reconcile_end(struct rpc_request *req)
{
	struct daemon *d = rpc_daemon(req);
	struct txn_spec spec = {.wait_applied = true};
	struct err err = {0};
	struct session *s = find_current(req, &err);
	if (s == NULL || txn_get_flag(rpc_params(req), "dry_run", &spec.dry_run, &err) != 0 ||
	    txn_get_flag(rpc_params(req), "force", &spec.force, &err) != 0) {
		rpc_fail(req, &err);
		return;
	}
	json_t *ops = spec.ops.list = json_array();
	const char *key;
	json_t *op;
	json_object_foreach (s->wanted, key, op)
		json_array_append(ops, op);
	struct unwanted unwanted = {s, ops};
	for (enum api_table t = 0; t < API_TABLE__COUNT; t++)
		store_foreach(d->store, t, add_unwanted, &unwanted);
	snprintf(spec.owner, sizeof(spec.owner), "%s", s->owner);
	txn_submit(d->txn, req, &spec);
}

static int decode_owner(
    struct rpc_request *req, char owner[TXN_ID_SIZE], uint64_t *ret_epoch, struct err *err)
{
	json_t *params = rpc_params(req);
	int r = txn_get_name(params, "owner", owner, err);
	if (r != 0)
		return r;
	err_path(err, "/owner");
	r = role_check_owner(rpc_role(req), owner, err);
	if (r != 0)
		return r;
	err->path[0] = '\0';
	r = json_get_u64(params, "epoch", 0, INT64_MAX, ret_epoch, err);
	if (r == -ENOENT) {
		err_path(err, "/epoch");
		return err_set(err, ERR_PARAMS, "epoch is missing");
	}
	return r;
}

static struct session *find(struct reconcile *r, const char *owner)
{
	for (size_t i = 0; i < RECONCILE_MAX_OWNERS; i++)
		if (strcmp(r->sessions[i].owner, owner) == 0)
			return &r->sessions[i];
	return NULL;
}

static struct session *find_room(struct reconcile *r)
{
	uint64_t now = clock_ms();
	for (size_t i = 0; i < RECONCILE_MAX_OWNERS; i++) {
		struct session *s = &r->sessions[i];
		if (s->owner[0] == '\0' || now - s->used_ms > RECONCILE_EXPIRE_MS)
			return s;
	}
	return NULL;
}

/* The session of the owner and epoch in params. */
static struct session *find_current(struct rpc_request *req, struct err *err)
{
	char owner[TXN_ID_SIZE];
	uint64_t epoch;
	if (decode_owner(req, owner, &epoch, err) != 0)
		return NULL;
	struct session *s = find(rpc_daemon(req)->reconcile, owner);
	if (s != NULL && s->epoch == epoch) {
		s->used_ms = clock_ms();
		return s;
	}
	err_path(err, "/epoch");
	if (s != NULL)
		err_set(err, ERR_NOT_PRIMARY, "owner %s is at epoch %" PRIu64, owner, s->epoch);
	else
		err_set(err, ERR_STATE, "owner %s has not begun to reconcile", owner);
	err_hint(err, "call reconcile.begin with a new epoch");
	return NULL;
}

/* The put op of {table, name, object}; NULL with *err, its path relative to the entry. */
static json_t *decode_object(json_t *entry, struct key *ret_key, struct err *err)
{
	static const char *const members[] = {"table", "name", "object"};
	enum api_table table;
	char name[TXN_ID_SIZE];
	if (!json_is_object(entry)) {
		err_set(err, ERR_PARAMS, "an entry is {table, name, object}");
		return NULL;
	}
	if (json_check_members(entry, members, ARRAY_SIZE(members), err) != 0 ||
	    table_from_json(entry, &table, err) != 0 || txn_get_name(entry, "name", name, err) != 0)
		return NULL;
	err_object(err, "%s/%s", api_tables[table].name, name);
	json_t *object = schema_normalise(table, json_object_get(entry, "object"), NULL, err);
	if (object == NULL) {
		char path[sizeof(err->path)];
		snprintf(path, sizeof(path), "%s", err->path);
		err_path(err, "/object%.100s", path);
		return NULL;
	}
	*ret_key = key_of(table, name);
	return json_pack("{s:s, s:s, s:s, s:o}", "op", "put", "table", api_tables[table].name,
	    "name", name, "object", object);
}

static struct key key_of(enum api_table table, const char *name)
{
	struct key key;
	snprintf(key.text, sizeof(key.text), "%s/%s", api_tables[table].name, name);
	return key;
}

static bool add_unwanted(const struct api_object *o, void *arg)
{
	const struct unwanted *u = arg;
	struct key key = key_of(o->table, o->name);
	if (strcmp(o->owner, u->session->owner) == 0 &&
	    json_object_get(u->session->wanted, key.text) == NULL)
		json_array_append_new(u->ops, json_pack("{s:s, s:s, s:s}", "op", "delete", "table",
						  api_tables[o->table].name, "name", o->name));
	return true;
}

/* An object that is put twice is charged twice: until the next begin it is close enough. */
static int charge(struct rpc_request *req, struct session *s, size_t size, struct err *err)
{
	int r = rpc_memory_take(rpc_daemon(req)->rpc, rpc_role(req), size, err);
	if (r == 0)
		s->charged += size;
	return r;
}

static void session_fini(struct daemon *d, struct session *s)
{
	if (s->charged > 0)
		rpc_memory_give(d->rpc, s->charged);
	json_decref(s->wanted);
	*s = (struct session){0};
}
