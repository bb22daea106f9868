/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/txn.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/api/history.h"
#include "control/api/rate.h"
#include "control/api/watch.h"
#include "control/audit.h"
#include "control/daemon.h"
#include "control/dp_client.h"
#include "control/mem.h"
#include "datapath/base/list.h"

#define LOG_MODULE "txn"
#include "datapath/base/log.h"

enum { SUMMARY_MAX_NAMES = 1000 };

struct txn {
	struct list node; // waiting
	struct txn_engine *engine;
	struct rpc_request *req; // NULL: nobody waits, or answered
	struct txn_spec spec;
	uint64_t digest;
	struct change_set set;
	char client[RPC_CLIENT_SIZE];
	struct model_plan *plan; // while the switch prepares
};

struct txn_engine {
	struct daemon *daemon;
	struct list waiting;
	size_t n_waiting;
	struct txn *running; // until the switch has answered
	struct event *next_event;
	struct rate rate;
	struct list jobs;
	bool in_job;
};

static int check_reserved(const struct txn_engine *e, const char *owner, struct err *err);
static void run(struct txn *t);
static void run_job(struct txn_engine *e, struct txn_job *job);
static bool answer_repeat(struct txn *t);
static struct model_plan *check(struct txn *t);
static void answer_dry_run(struct txn *t, struct model_plan *plan);
static void prepare(struct txn *t);
static void on_prepared(int error, const void *body, size_t size, const char *what, void *arg);
static void name_refused(const struct txn *t, const struct dp_error *refusal, struct err *err);
static void commit(struct txn *t, bool is_prepared);
static void tell(struct txn *t, const struct txn_outcome *outcome);
static void take_effect(struct txn *t);
static void on_applied(int error, const void *body, size_t size, const char *what, void *arg);
static void answer(struct txn *t, bool applied, uint32_t n_workers);
static json_t *reply_of(struct txn *t, bool applied, uint32_t n_workers);
static void fail(struct txn *t, const struct err *err);
static void fail_all(struct txn *t, struct txn_errors *errs);
static void txn_end(struct txn *t);
static void on_next(evutil_socket_t fd, short what, void *arg);
static struct audit audit_of(const struct txn *t, size_t n_changes);
static bool add_creation(const struct api_object *o, void *arg);

struct txn_engine *txn_engine_create(struct daemon *d)
{
	struct txn_engine *e = mem_alloc(sizeof(*e));
	e->daemon = d;
	list_init(&e->waiting);
	list_init(&e->jobs);
	rate_init(&e->rate, TXN_RATE_PER_S, TXN_RATE_BURST);
	e->next_event = event_new(d->base, -1, 0, on_next, e);
	return e;
}

void txn_engine_destroy(struct txn_engine *e)
{
	if (e == NULL)
		return;
	struct err err = {0};
	err_set(&err, ERR_STATE, "sluiced is going down");
	if (e->running != NULL)
		list_add(&e->waiting, &e->running->node);
	e->running = NULL;
	list_foreach_safe (t, &e->waiting, struct txn, node)
		fail(t, &err);
	event_free(e->next_event);
	free(e);
}

int txn_engine_restore(struct txn_engine *e, struct err *err)
{
	struct daemon *d = e->daemon;
	struct change_set set;
	struct err_list errs = {0};
	size_t n = 0;
	for (enum api_table t = 0; t < API_TABLE__COUNT; t++)
		n += store_count(d->store, t);
	change_set_init(&set, n);
	for (enum api_table t = 0; t < API_TABLE__COUNT; t++)
		store_foreach(d->store, t, add_creation, &set);
	struct model_plan *plan = model_plan(d->model, set.changes, set.n, &errs);
	if (plan != NULL)
		model_commit(d->model, plan);
	else
		*err = errs.errs[0];
	change_set_fini(&set);
	return plan != NULL ? 0 : err_errno(err->code);
}

void txn_submit(struct txn_engine *e, struct rpc_request *req, struct txn_spec *spec)
{
	struct txn *t = mem_alloc(sizeof(*t));
	t->engine = e;
	t->req = req;
	t->spec = *spec;
	snprintf(
	    t->client, sizeof(t->client), "%s", req != NULL ? rpc_client_name(req) : "sluiced");
	list_init(&t->node);

	struct err err = {0};
	err_path(&err, "/owner");
	if (req != NULL && (role_check_owner(rpc_role(req), spec->owner, &err) != 0 ||
			       check_reserved(e, spec->owner, &err) != 0)) {
		fail(t, &err);
		return;
	}
	err.path[0] = '\0';
	if (e->n_waiting >= TXN_MAX_WAITING && req != NULL) {
		err_set(&err, ERR_BUSY, "%d transactions are waiting", TXN_MAX_WAITING);
		fail(t, &err);
	} else if (req != NULL && !spec->dry_run && !rate_take(&e->rate, spec->owner)) {
		err_set(&err, ERR_RATE, "owner %s makes more than %d writes a second", spec->owner,
		    TXN_RATE_PER_S);
		err_hint(&err, "put more ops into one transaction");
		fail(t, &err);
	} else if (e->running != NULL || (e->n_waiting > 0 && !e->in_job)) {
		list_add(&e->waiting, &t->node);
		e->n_waiting++;
	} else {
		run(t);
	}
}

void txn_when_idle(struct txn_engine *e, struct txn_job *job)
{
	if (job->is_waiting)
		return;
	if (e->running != NULL || e->in_job) {
		list_add(&e->jobs, &job->node);
		job->is_waiting = true;
	} else {
		run_job(e, job);
	}
}

bool txn_is_idle(const struct txn_engine *e)
{
	return e->running == NULL;
}

/* What OVSDB clients have is theirs to change: the next comparison with their rows would undo it. */
static int check_reserved(const struct txn_engine *e, const char *owner, struct err *err)
{
	if (e->daemon->vswitch == NULL || strcmp(owner, TXN_OVSDB_OWNER) != 0)
		return 0;
	err_set(err, ERR_FORBIDDEN, "owner %s is the database Open_vSwitch", owner);
	return err_hint(err, "change its rows, with ovs-vsctl for example; or take another owner");
}

static void run(struct txn *t)
{
	t->engine->running = t;
	if (answer_repeat(t))
		return;
	struct model_plan *plan = check(t);
	if (plan == NULL)
		return;
	if (t->spec.dry_run)
		answer_dry_run(t, plan);
	else if (t->set.n == 0) {
		model_discard(plan);
		bool applied = dp_client_is_connected(t->engine->daemon->dp);
		answer(t, applied, 0);
		tell(t, &(struct txn_outcome){.is_applied = applied});
		txn_end(t);
	} else {
		t->plan = plan;
		prepare(t);
	}
}

static void run_job(struct txn_engine *e, struct txn_job *job)
{
	e->in_job = true;
	job->run(job->arg);
	e->in_job = false;
	if (e->running == NULL && !list_is_empty(&e->jobs))
		event_active(e->next_event, EV_TIMEOUT, 0);
}

/* A client that did not see the answer asks again: it gets it, and nothing happens twice. */
static bool answer_repeat(struct txn *t)
{
	struct daemon *d = t->engine->daemon;
	if (t->spec.dry_run || t->spec.txn_id[0] == '\0')
		return false;
	t->digest = txn_ops_digest(&t->spec.ops, t->spec.owner);
	const struct txn_seen *seen = txn_log_find(d->log, t->spec.txn_id);
	if (seen == NULL)
		return false;
	if (seen->digest != t->digest) {
		struct err err = {0};
		err_path(&err, "/txn_id");
		err_set(&err, ERR_CONFLICT, "txn_id %s was used for another transaction",
		    t->spec.txn_id);
		err_hint(&err, "give each transaction its own UUID");
		fail(t, &err);
		return true;
	}
	bool applied = dp_client_is_connected(d->dp);
	json_t *reply = json_pack("{s:I, s:s, s:b, s:i, s:b}", "generation",
	    (json_int_t)seen->generation, "txn_id", t->spec.txn_id, "applied", applied, "workers",
	    applied ? (int)dp_client_hello(d->dp)->n_workers : 0, "replayed", 1);
	rpc_reply(t->req, reply);
	t->req = NULL;
	txn_end(t);
	return true;
}

/* NULL: it was refused and answered. */
static struct model_plan *check(struct txn *t)
{
	struct daemon *d = t->engine->daemon;
	struct txn_errors errs = {0};
	uint64_t now = store_generation(d->store);
	if (t->spec.has_if_generation && t->spec.if_generation != now) {
		struct err err = {0};
		err_path(&err, "/if_generation");
		err_set(&err, ERR_CONFLICT, "the state is at generation %" PRIu64 ", not %" PRIu64,
		    now, t->spec.if_generation);
		err_hint(&err, "read the state again, then repeat the change");
		fail(t, &err);
		return NULL;
	}
	struct txn_rules rules = {.owner = t->spec.owner[0] != '\0' ? t->spec.owner : NULL,
	    .force = t->spec.force,
	    .any_owner = t->spec.any_owner,
	    .own_only = t->req != NULL && rpc_role(t->req)->level < ROLE_OPERATE};
	if (txn_build(d->store, &rules, &t->spec.ops, &t->set, &errs) != 0) {
		fail_all(t, &errs);
		return NULL;
	}
	struct err_list reasons = {0};
	struct model_plan *plan = model_plan(d->model, t->set.changes, t->set.n, &reasons);
	if (plan != NULL)
		return plan;
	for (size_t i = 0; i < reasons.n; i++)
		txn_errors_add_object(&errs, &reasons.errs[i], reasons.ops[i]);
	errs.n = MAX_OF(errs.n, reasons.n_total);
	fail_all(t, &errs);
	return NULL;
}

static void answer_dry_run(struct txn *t, struct model_plan *plan)
{
	uint32_t n_ops;
	model_plan_ops(plan, &n_ops);
	json_t *reply = change_set_summary(&t->set, SUMMARY_MAX_NAMES);
	json_object_set_new(reply, "dry_run", json_true());
	json_object_set_new(reply, "generation",
	    json_integer((json_int_t)store_generation(t->engine->daemon->store)));
	json_object_set_new(reply, "dataplane_ops", json_integer(n_ops));
	model_discard(plan);
	rpc_reply(t->req, reply);
	t->req = NULL;
	txn_end(t);
}

/* The model does not change until it has answered: whoever wants to is a job. */
static void prepare(struct txn *t)
{
	struct daemon *d = t->engine->daemon;
	uint32_t n_ops;
	const struct buf_writer *ops = model_plan_ops(t->plan, &n_ops);
	if (dp_client_is_connected(d->dp))
		dp_client_prepare(
		    d->dp, store_generation(d->store) + 1, ops, n_ops, on_prepared, t);
	else
		commit(t, false);
}

static void on_prepared(int error, const void *body, size_t size, const char *what, void *arg)
{
	struct txn *t = arg;
	struct err err = {0};
	if (error == 0) {
		commit(t, true);
		return;
	}
	if (size == sizeof(struct dp_error)) {
		name_refused(t, body, &err);
		err_set(&err, ERR_DATAPLANE, "sluice-switch refused the change: %.200s", what);
		err_hint(&err, "nothing changed");
	} else {
		/* Without its word: it may be this change that it does not survive. */
		err_set(&err, ERR_STATE, "sluice-switch did not check the change: %.200s", what);
		err_hint(&err, "nothing changed; repeat it");
	}
	fail(t, &err);
}

/* Ports and bridges carry their names; what else there is has none before it is the model. */
static void name_refused(const struct txn *t, const struct dp_error *refusal, struct err *err)
{
	uint32_t n_ops;
	const struct buf_writer *ops = model_plan_ops(t->plan, &n_ops);
	size_t pos = 0;
	if (refusal->op_index >= n_ops)
		return;
	for (uint32_t i = 0; i < refusal->op_index && pos + sizeof(struct dp_op) <= ops->size; i++)
		pos += ((const struct dp_op *)(const void *)(ops->data + pos))->size;
	if (pos + sizeof(struct dp_op) > ops->size)
		return;
	const struct dp_op *op = (const struct dp_op *)(const void *)(ops->data + pos);
	if (op->verb == DP_PUT && op->kind == DP_KIND_PORT)
		err_object(
		    err, "port/%s", ((const struct dp_port_conf *)(const void *)(op + 1))->name);
	if (op->verb == DP_PUT && op->kind == DP_KIND_BRIDGE)
		err_object(err, "bridge/%s",
		    ((const struct dp_bridge_conf *)(const void *)(op + 1))->name);
}

static void commit(struct txn *t, bool is_prepared)
{
	struct daemon *d = t->engine->daemon;
	struct err err = {0};
	uint64_t generation = store_generation(d->store) + 1;
	if (txn_log_append(d->log, t->spec.txn_id, t->digest, generation, &t->set, &err) != 0) {
		if (is_prepared)
			dp_client_abort(d->dp);
		fail(t, &err);
		return;
	}
	struct audit audit = audit_of(t, t->set.n);
	audit_write(&audit, generation, NULL);
	if (!t->spec.wait_applied)
		answer(t, false, 0);
	take_effect(t);
	if (is_prepared)
		dp_client_commit(d->dp, on_applied, t);
	else
		on_applied(-ENOTCONN, NULL, 0, "", t);
}

/* Makes the durable change the state. */
static void take_effect(struct txn *t)
{
	struct daemon *d = t->engine->daemon;
	uint64_t generation = store_generation(d->store) + 1;
	struct model_plan *plan = t->plan;
	t->plan = NULL;
	store_commit(d->store, t->set.changes, t->set.n, generation);
	model_commit(d->model, plan);
	if (d->on_commit != NULL)
		d->on_commit(d);

	struct change_set kept;
	change_set_init(&kept, t->set.n);
	for (size_t i = 0; i < t->set.n; i++)
		change_set_add(&kept, t->set.changes[i].old_object, t->set.changes[i].new_object,
		    t->set.changes[i].op);
	history_add(d->history, generation, &kept);
	watch_wake(d->watch);
}

/* Without its answer the switch may or may not have it: the dp client finds out, and makes it have it. */
static void on_applied(int error, const void *body, size_t size, const char *, void *arg)
{
	struct txn *t = arg;
	struct dp_txn_reply reply = {0};
	if (error == 0 && size >= sizeof(reply))
		memcpy(&reply, body, sizeof(reply));
	answer(t, error == 0, reply.n_workers);
	tell(t, &(struct txn_outcome){.is_applied = error == 0});
	txn_end(t);
}

static void answer(struct txn *t, bool applied, uint32_t n_workers)
{
	if (t->req == NULL)
		return;
	rpc_reply(t->req, reply_of(t, applied, n_workers));
	t->req = NULL;
}

static json_t *reply_of(struct txn *t, bool applied, uint32_t n_workers)
{
	struct daemon *d = t->engine->daemon;
	size_t counts[3] = {0};
	for (size_t i = 0; i < t->set.n; i++)
		counts[t->set.changes[i].new_object == NULL
			   ? 2
			   : t->set.changes[i].old_object != NULL]++;
	/* "durable" is answered before the state moves on. */
	uint64_t generation = store_generation(d->store) + (t->set.n > 0 && !t->spec.wait_applied);
	return json_pack("{s:I, s:s, s:b, s:i, s:I, s:I, s:I}", "generation",
	    (json_int_t)generation, "txn_id", t->spec.txn_id, "applied", applied, "workers",
	    (int)n_workers, "n_created", (json_int_t)counts[0], "n_updated", (json_int_t)counts[1],
	    "n_deleted", (json_int_t)counts[2]);
}

static void fail(struct txn *t, const struct err *err)
{
	struct audit audit = audit_of(t, 0);
	audit_write(&audit, 0, err);
	if (t->req != NULL)
		rpc_fail(t->req, err);
	t->req = NULL;
	tell(t, &(struct txn_outcome){.err = err});
	txn_end(t);
}

static void fail_all(struct txn *t, struct txn_errors *errs)
{
	struct audit audit = audit_of(t, 0);
	audit_write(&audit, 0, &errs->first);
	if (t->req != NULL)
		rpc_fail_many(t->req, &errs->first, json_incref(errs->list), errs->n);
	t->req = NULL;
	tell(t, &(struct txn_outcome){.err = &errs->first, .errors = errs->list});
	txn_errors_fini(errs);
	txn_end(t);
}

static void tell(struct txn *t, const struct txn_outcome *outcome)
{
	if (t->spec.done != NULL)
		t->spec.done(outcome, t->spec.done_arg);
}

/* The next one starts from the loop: nobody who is on the stack sees the state change under him. */
static void txn_end(struct txn *t)
{
	struct txn_engine *e = t->engine;
	if (e->running == t) {
		e->running = NULL;
		event_active(e->next_event, EV_TIMEOUT, 0);
	}
	list_del(&t->node);
	txn_ops_fini(&t->spec.ops);
	change_set_fini(&t->set);
	if (t->plan != NULL)
		model_discard(t->plan);
	free(t);
}

static void on_next(evutil_socket_t, short, void *arg)
{
	struct txn_engine *e = arg;
	if (e->running != NULL)
		return;
	if (!list_is_empty(&e->jobs)) {
		struct txn_job *job = list_entry(e->jobs.next, struct txn_job, node);
		list_del(&job->node);
		job->is_waiting = false;
		event_active(e->next_event, EV_TIMEOUT, 0);
		run_job(e, job);
		return;
	}
	if (list_is_empty(&e->waiting))
		return;
	struct txn *t = list_entry(e->waiting.next, struct txn, node);
	list_del(&t->node);
	e->n_waiting--;
	run(t);
}

static struct audit audit_of(const struct txn *t, size_t n_changes)
{
	return (struct audit){
	    .client = t->client,
	    .owner = t->spec.owner[0] != '\0' ? t->spec.owner : "-",
	    .txn_id = t->spec.txn_id[0] != '\0' ? t->spec.txn_id : "-",
	    .n_changes = n_changes,
	};
}

static bool add_creation(const struct api_object *o, void *arg)
{
	change_set_add(arg, NULL, o, 0);
	return true;
}
