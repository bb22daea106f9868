/* SPDX-License-Identifier: Apache-2.0 */
#include "control/ovsdb/sync.h"

#include <stdlib.h>
#include <string.h>

#include "control/api/txn.h"
#include "control/mem.h"

#define LOG_MODULE "ovsdb"
#include "datapath/base/log.h"

enum { MAX_STEPS_PER_WANT = 4, HEALTH_MAX_REFUSALS = 64 };

/* An object that rows no longer want and the store does not let go of. */
struct stuck {
	enum api_table table;
	char name[65];
	char why[WANT_ERROR_SIZE];
};

/* What op i of the transaction is about. */
struct op_of {
	struct want *want; // NULL: a deletion
	enum api_table table;
	char name[65];
};

struct sync {
	struct daemon *d;
	struct wants_source source;
	void (*done)(void *arg);
	void *arg;
	struct wants wants, former; // of the run before
	struct txn_job job;
	struct event *retry;
	bool is_running, is_requested, retries, is_stopped;
	bool one_by_one; // to find out which op it is that is refused
	size_t n_steps;
	struct op_of *ops;
	size_t n_ops, ops_capacity;
	struct stuck *stuck;
	size_t n_stuck, stuck_capacity;
	int64_t cfg;
};

static void on_idle(void *arg);
static void keep_refusals(struct sync *s);
static void say_refusals(const struct sync *s);
static void on_retry(evutil_socket_t fd, short what, void *arg);
static void step(struct sync *s);
static void end_run(struct sync *s, bool is_whole);
static json_t *difference(struct sync *s);
static bool add_rebirth(struct sync *s, json_t *ops, struct want *want);
static void add_want(struct sync *s, json_t *ops, struct want *want);
static void add_deletions(struct sync *s, json_t *ops, enum api_table table);
static void add_op(struct sync *s, json_t *ops, const char *verb, enum api_table table,
    const char *name, json_t *object, struct want *want);
static bool has_going_bridge(const struct sync *s);
static bool is_on_going_bridge(const struct sync *s, const struct api_object *o);
static void on_done(const struct txn_outcome *outcome, void *arg);
static bool take_refusals(struct sync *s, const struct txn_outcome *outcome);
static void refuse(struct sync *s, size_t op, const char *why);
static const struct stuck *find_stuck(const struct sync *s, enum api_table table, const char *name);

struct sync *sync_create(
    struct daemon *d, const struct wants_source *source, void (*done)(void *arg), void *arg)
{
	struct sync *s = mem_alloc(sizeof(*s));

	*s = (struct sync){.d = d, .source = *source, .done = done, .arg = arg};
	s->job = (struct txn_job){.run = on_idle, .arg = s};
	s->retry = event_new(d->base, -1, 0, on_retry, s);
	return s;
}

void sync_stop(struct sync *s)
{
	s->is_stopped = true;
}

void sync_destroy(struct sync *s)
{
	if (s == NULL)
		return;
	event_free(s->retry);
	wants_fini(&s->wants);
	wants_fini(&s->former);
	free(s->ops);
	free(s->stuck);
	free(s);
}

void sync_request(struct sync *s, bool retries)
{
	s->is_requested = true;
	s->retries |= retries;
	if (!s->is_running && !s->is_stopped)
		txn_when_idle(s->d->txn, &s->job);
}

bool sync_is_running(const struct sync *s)
{
	return s->is_running;
}

const struct wants *sync_wants(const struct sync *s)
{
	return &s->wants;
}

int64_t sync_cfg(const struct sync *s)
{
	return s->cfg;
}

bool sync_has_refusals(const struct sync *s)
{
	for (size_t i = 0; i < s->wants.n; i++)
		if (s->wants.array[i]->error[0] != '\0')
			return true;
	return s->n_stuck > 0 || s->wants.n_failed > 0;
}

json_t *sync_refusals_to_json(const struct sync *s)
{
	json_t *list = json_array();
	char object[100];

	for (size_t i = 0; i < s->wants.n + s->wants.n_failed; i++) {
		const struct want *want =
		    i < s->wants.n ? s->wants.array[i] : s->wants.failed[i - s->wants.n];
		if (want->error[0] == '\0' || json_array_size(list) >= HEALTH_MAX_REFUSALS)
			continue;
		snprintf(object, sizeof(object), "%s/%s", api_tables[want->table].name, want->name);
		json_array_append_new(
		    list, json_pack("{s:s, s:s}", "object", object, "why", want->error));
	}
	for (size_t i = 0; i < s->n_stuck; i++) {
		snprintf(object, sizeof(object), "%s/%s", api_tables[s->stuck[i].table].name,
		    s->stuck[i].name);
		json_array_append_new(
		    list, json_pack("{s:s, s:s}", "object", object, "why", s->stuck[i].why));
	}
	return list;
}

/* Between transactions: a run begins, or goes on. */
static void on_idle(void *arg)
{
	struct sync *s = arg;

	if (!s->is_running) {
		if (!s->is_requested)
			return;
		s->is_requested = false;
		s->is_running = true;
		s->one_by_one = false;
		s->n_steps = 0;
		s->n_stuck = 0;
		wants_fini(&s->former);
		s->former = s->wants;
		wants_collect(&s->wants, &s->source);
		if (!s->retries)
			keep_refusals(s);
		s->retries = false;
	}
	step(s);
}

/* What has been refused, and is wanted as it was. */
static void keep_refusals(struct sync *s)
{
	for (size_t i = 0; i < s->wants.n; i++) {
		struct want *want = s->wants.array[i];
		const struct want *was = wants_find(&s->former, want->table, want->name);
		if (was != NULL && was->error[0] != '\0' && want->error[0] == '\0' &&
		    json_equal(was->object, want->object))
			snprintf(want->error, sizeof(want->error), "%s", was->error);
	}
}

static void say_refusals(const struct sync *s)
{
	for (size_t i = 0; i < s->wants.n; i++) {
		const struct want *want = s->wants.array[i];
		const struct want *was = wants_find(&s->former, want->table, want->name);
		if (want->error[0] != '\0' && (was == NULL || strcmp(was->error, want->error) != 0))
			log_warn("%s %s of the database cannot be had: %s",
			    api_tables[want->table].name, want->name, want->error);
	}
}

static void on_retry(evutil_socket_t, short, void *arg)
{
	sync_request(arg, true);
}

static void step(struct sync *s)
{
	json_t *ops = difference(s);

	if (json_array_size(ops) == 0) {
		json_decref(ops);
		end_run(s, true);
		return;
	}
	if (s->n_steps++ > MAX_STEPS_PER_WANT * (s->wants.n + s->n_ops)) {
		log_err("the rows of the database and the state do not come together");
		json_decref(ops);
		end_run(s, true);
		return;
	}
	struct txn_spec spec = {.ops.list = ops,
	    .force = true,
	    .wait_applied = true,
	    .any_owner = true,
	    .done = on_done,
	    .done_arg = s};
	snprintf(spec.owner, sizeof(spec.owner), "%s", OVSDB_OWNER);
	txn_submit(s->d->txn, NULL, &spec);
}

static void end_run(struct sync *s, bool is_whole)
{
	s->is_running = false;
	if (is_whole) {
		s->cfg = s->wants.next_cfg;
		say_refusals(s);
		s->done(s->arg);
	}
	if (s->is_requested)
		txn_when_idle(s->d->txn, &s->job);
}

static json_t *difference(struct sync *s)
{
	json_t *ops = json_array();

	s->n_ops = 0;
	add_deletions(s, ops, API_TABLE_FLOW);
	add_deletions(s, ops, API_TABLE_GROUP);
	add_deletions(s, ops, API_TABLE_PORT);
	add_deletions(s, ops, API_TABLE_BRIDGE);
	bool is_first = false;
	for (size_t i = 0; i < s->wants.n; i++)
		is_first |= add_rebirth(s, ops, s->wants.array[i]);
	/* What refers to an object that goes and comes back can be put when it is back. */
	for (size_t i = 0; i < s->wants.n && !is_first; i++)
		add_want(s, ops, s->wants.array[i]);
	return ops;
}

/* What cannot be changed in place: it goes, and comes back as something else with the number it had. True: it goes now. */
static bool add_rebirth(struct sync *s, json_t *ops, struct want *want)
{
	const struct api_object *stored = store_find(s->d->store, want->table, want->name);
	struct err err = {0};

	if (want->error[0] != '\0' || stored == NULL ||
	    schema_check_immutable(want->table, stored->data, want->object, &err) == 0)
		return false;
	json_t *ofport = json_object_get(stored->data, "ofport");
	if (ofport != NULL && json_object_get(want->object, "ofport") == NULL)
		json_object_set(want->object, "ofport", ofport);
	add_op(s, ops, "delete", want->table, want->name, NULL, want);
	return true;
}

static void add_want(struct sync *s, json_t *ops, struct want *want)
{
	const struct api_object *stored = store_find(s->d->store, want->table, want->name);

	if (want->error[0] != '\0')
		return;
	if (stored == NULL) {
		add_op(s, ops, "put", want->table, want->name, want->object, want);
		return;
	}
	json_t *kept = json_copy(want->object);
	schema_keep(want->table, kept, stored->data);
	if (!json_equal(kept, stored->data))
		add_op(s, ops, "put", want->table, want->name, want->object, want);
	json_decref(kept);
}

/* What rows no longer want; and, as OVS does, all that is on a bridge that goes, whoever made it. */
static void add_deletions(struct sync *s, json_t *ops, enum api_table table)
{
	bool is_row = table == API_TABLE_PORT || table == API_TABLE_BRIDGE;
	size_t n;

	if (!is_row && !has_going_bridge(s))
		return;
	const struct api_object *const *stored = store_sorted(s->d->store, table, &n);
	for (size_t i = 0; i < n; i++) {
		const struct api_object *o = stored[i];
		bool is_ours = is_row && strcmp(o->owner, OVSDB_OWNER) == 0;
		bool goes = is_ours && wants_find(&s->wants, table, o->name) == NULL;
		if (!goes && table != API_TABLE_BRIDGE)
			goes = is_on_going_bridge(s, o);
		if (goes && find_stuck(s, table, o->name) == NULL)
			add_op(s, ops, "delete", table, o->name, NULL, NULL);
	}
}

static bool has_going_bridge(const struct sync *s)
{
	size_t n;
	const struct api_object *const *stored = store_sorted(s->d->store, API_TABLE_BRIDGE, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(stored[i]->owner, OVSDB_OWNER) == 0 &&
		    wants_find(&s->wants, API_TABLE_BRIDGE, stored[i]->name) == NULL)
			return true;
	return false;
}

static bool is_on_going_bridge(const struct sync *s, const struct api_object *o)
{
	struct json_span span = api_object_text_column(o, "bridge");
	char name[65];

	snprintf(name, sizeof(name), "%.*s", (int)span.size, span.size > 0 ? span.text : "");
	const struct api_object *bridge = store_find(s->d->store, API_TABLE_BRIDGE, name);
	return bridge != NULL && strcmp(bridge->owner, OVSDB_OWNER) == 0 &&
	       wants_find(&s->wants, API_TABLE_BRIDGE, name) == NULL &&
	       find_stuck(s, API_TABLE_BRIDGE, name) == NULL;
}

static void add_op(struct sync *s, json_t *ops, const char *verb, enum api_table table,
    const char *name, json_t *object, struct want *want)
{
	if (s->one_by_one && json_array_size(ops) > 0)
		return;
	json_t *op =
	    json_pack("{s:s, s:s, s:s}", "op", verb, "table", api_tables[table].name, "name", name);
	if (object != NULL)
		json_object_set_new(op, "object", json_copy(object));
	json_array_append_new(ops, op);
	s->ops = mem_grow(s->ops, s->n_ops, &s->ops_capacity, sizeof(*s->ops));
	s->ops[s->n_ops] = (struct op_of){.want = want, .table = table};
	snprintf(s->ops[s->n_ops].name, sizeof(s->ops[s->n_ops].name), "%s", name);
	s->n_ops++;
}

/* The engine is not idle yet: the next step waits for it. */
static void on_done(const struct txn_outcome *outcome, void *arg)
{
	struct sync *s = arg;
	if (s->is_stopped)
		return;
	const struct timeval retry = {SYNC_RETRY_MS / 1000, SYNC_RETRY_MS % 1000 * 1000};

	if (outcome->err != NULL && outcome->err->code == ERR_STATE) {
		log_warn("%s", outcome->err->what);
		event_add(s->retry, &retry);
		end_run(s, false);
		return;
	}
	if (outcome->err != NULL && !take_refusals(s, outcome))
		s->one_by_one = true;
	txn_when_idle(s->d->txn, &s->job);
}

/* False: it is not known whose the error is. */
static bool take_refusals(struct sync *s, const struct txn_outcome *outcome)
{
	size_t i, n_taken = 0;
	json_t *error;

	json_array_foreach (outcome->errors, i, error) {
		json_t *op = json_object_get(json_object_get(error, "data"), "op");
		size_t k = op != NULL ? (size_t)json_integer_value(op) : s->n_ops;
		if (k < s->n_ops) {
			refuse(s, k, json_string_value(json_object_get(error, "message")));
			n_taken++;
		}
	}
	for (i = 0; n_taken == 0 && i < s->n_ops; i++) {
		char object[100];
		snprintf(object, sizeof(object), "%s/%s", api_tables[s->ops[i].table].name,
		    s->ops[i].name);
		if (s->n_ops == 1 || strcmp(object, outcome->err->object) == 0) {
			refuse(s, i, outcome->err->what);
			n_taken++;
		}
	}
	return n_taken > 0;
}

static void refuse(struct sync *s, size_t op, const char *why)
{
	const struct op_of *o = &s->ops[op];

	if (o->want != NULL) {
		snprintf(o->want->error, sizeof(o->want->error), "%s", why);
		return;
	}
	s->stuck = mem_grow(s->stuck, s->n_stuck, &s->stuck_capacity, sizeof(*s->stuck));
	struct stuck *stuck = &s->stuck[s->n_stuck++];
	stuck->table = o->table;
	snprintf(stuck->name, sizeof(stuck->name), "%s", o->name);
	snprintf(stuck->why, sizeof(stuck->why), "cannot be deleted: %s", why);
}

static const struct stuck *find_stuck(const struct sync *s, enum api_table table, const char *name)
{
	for (size_t i = 0; i < s->n_stuck; i++)
		if (s->stuck[i].table == table && strcmp(s->stuck[i].name, name) == 0)
			return &s->stuck[i];
	return NULL;
}
