/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/watch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/api/filter.h"
#include "control/api/history.h"
#include "control/api/method.h"
#include "control/daemon.h"
#include "control/mem.h"
#include "datapath/base/json_util.h"
#include "datapath/base/list.h"

#define LOG_MODULE "watch"
#include "datapath/base/log.h"

enum { RETRY_MS = 20 }; // when a reader's output is full
enum { LIVE_BIT = 24 }; // of the first word
static_assert((int)API_TABLE__COUNT <= (int)LIVE_BIT && LIVE_BIT + WATCH_LIVE__COUNT <= 32);

static const char *const live_words[WATCH_LIVE__COUNT] = {
    [WATCH_PORT_STATE] = "port_state", [WATCH_PUNT] = "punt"};

struct sub {
	struct list node;
	uint64_t id, token;
	uint32_t tables; // bits of enum api_table, and from LIVE_BIT on of enum watch_live
	json_t *filter;
	uint64_t generation;        // delivered in full
	uint64_t sent;              // last one that had something for this subscriber
	size_t offset;              // changes of the next one that are delivered
	struct change_set snapshot; // delivered first, as of generation
	bool in_snapshot;
};

struct watch {
	struct daemon *daemon;
	struct list subs;
	uint32_t n_subs;
	uint64_t last_id;
	struct event *deliver_event;
};

static bool live_matches(json_t *filter, const char *port, json_t *object);
static int decode_start(
    json_t *params, struct sub *sub, uint64_t *ret_since, bool *ret_has_since, struct err *err);
static int decode_tables(json_t *tables, uint32_t *ret, struct err *err);
static bool find_live(const char *name, uint32_t *tables);
static int check_room(const struct watch *w, uint64_t token, bool needs_snapshot, struct err *err);
static void take_snapshot(struct watch *w, struct sub *sub);
static bool add_matching(const struct api_object *o, void *arg);
static void on_deliver(evutil_socket_t fd, short what, void *arg);
static bool deliver(struct watch *w, struct sub *sub);
static bool deliver_set(
    struct watch *w, struct sub *sub, uint64_t generation, const struct change_set *set);
static json_t *change_to_json(const struct sub *sub, const struct api_change *c);
static void lose(struct watch *w, struct sub *sub);
static void sub_destroy(struct watch *w, struct sub *sub);

struct watch *watch_create(struct daemon *d)
{
	struct watch *w = mem_alloc(sizeof(*w));
	w->daemon = d;
	list_init(&w->subs);
	w->deliver_event = event_new(d->base, -1, 0, on_deliver, w);
	return w;
}

void watch_destroy(struct watch *w)
{
	if (w == NULL)
		return;
	list_foreach_safe (sub, &w->subs, struct sub, node)
		sub_destroy(w, sub);
	event_free(w->deliver_event);
	free(w);
}

void watch_wake(struct watch *w)
{
	if (w->n_subs > 0)
		event_active(w->deliver_event, EV_TIMEOUT, 0);
}

bool watch_wants(const struct watch *w, enum watch_live kind)
{
	list_foreach (sub, &w->subs, struct sub, node)
		if (sub->tables & 1U << (LIVE_BIT + kind))
			return true;
	return false;
}

void watch_live(struct watch *w, enum watch_live kind, const char *port, json_t *object)
{
	list_foreach (sub, &w->subs, struct sub, node) {
		if (!(sub->tables & 1U << (LIVE_BIT + kind)) ||
		    !live_matches(sub->filter, port, object))
			continue;
		json_t *change = json_pack("{s:s, s:s, s:s, s:O}", "op", "put", "table",
		    live_words[kind], "name", port, "object", object);
		/* A reader that has no room misses this one, and sees the next. */
		(void)rpc_notify(w->daemon->rpc, sub->token, "watch.event",
		    json_pack("{s:I, s:I, s:I, s:[o]}", "sub", (json_int_t)sub->id, "generation",
			(json_int_t)sub->generation, "prev", (json_int_t)sub->sent, "changes",
			change));
	}
	json_decref(object);
}

void watch_on_close(uint64_t token, void *watch)
{
	struct watch *w = watch;
	list_foreach_safe (sub, &w->subs, struct sub, node)
		if (sub->token == token)
			sub_destroy(w, sub);
}

void watch_start(struct rpc_request *req)
{
	struct daemon *d = rpc_daemon(req);
	struct watch *w = d->watch;
	struct err err = {0};
	uint64_t since = 0, now = store_generation(d->store);
	bool has_since;
	struct sub *sub = mem_alloc(sizeof(*sub));
	if (decode_start(rpc_params(req), sub, &since, &has_since, &err) != 0) {
		free(sub);
		rpc_fail(req, &err);
		return;
	}
	bool reset = !has_since || !history_reaches(d->history, since, now);
	uint64_t token = rpc_connection_token(req);
	if (check_room(w, token, reset, &err) != 0) {
		free(sub);
		rpc_fail(req, &err);
		return;
	}
	sub->id = ++w->last_id;
	sub->token = token;
	json_incref(sub->filter);
	sub->generation = sub->sent = reset ? now : since;
	list_add(&w->subs, &sub->node);
	w->n_subs++;
	if (reset)
		take_snapshot(w, sub);
	rpc_reply(req, json_pack("{s:I, s:I, s:b}", "sub", (json_int_t)sub->id, "generation",
			   (json_int_t)now, "reset", reset));
	watch_wake(w);
}

void watch_cancel(struct rpc_request *req)
{
	struct daemon *d = rpc_daemon(req);
	struct err err = {0};
	uint64_t id;
	int r = json_get_u64(rpc_params(req), "sub", 1, INT64_MAX, &id, &err);
	if (r == -ENOENT)
		err_set(&err, ERR_PARAMS, "sub is missing");
	if (r != 0) {
		rpc_fail(req, &err);
		return;
	}
	uint64_t token = rpc_connection_token(req);
	list_foreach_safe (sub, &d->watch->subs, struct sub, node) {
		if (sub->id != id || sub->token != token)
			continue;
		sub_destroy(d->watch, sub);
		rpc_reply(req, json_pack("{s:I}", "sub", (json_int_t)id));
		return;
	}
	err_path(&err, "/sub");
	err_set(&err, ERR_NOT_FOUND, "this connection has no watch %" PRIu64, id);
	rpc_fail(req, &err);
}

static bool live_matches(json_t *filter, const char *port, json_t *object)
{
	const char *name;
	json_t *value;
	json_object_foreach (filter, name, value) {
		const char *text = json_string_value(value);
		if (strcmp(name, "name") == 0 ? text == NULL || strcmp(text, port) != 0
					      : !json_equal(json_object_get(object, name), value))
			return false;
	}
	return true;
}

/* filter is borrowed. */
static int decode_start(
    json_t *params, struct sub *sub, uint64_t *ret_since, bool *ret_has_since, struct err *err)
{
	json_t *tables;
	sub->tables = (1U << API_TABLE__COUNT) - 1;
	int r = json_get_array(params, "tables", &tables, err);
	if (r == 0)
		r = decode_tables(tables, &sub->tables, err);
	if (r != 0 && r != -ENOENT)
		return r;
	r = json_get_object(params, "filter", &sub->filter, err);
	if (r == 0)
		r = filter_check(sub->filter, sub->tables, err);
	if (r != 0 && r != -ENOENT)
		return r;
	r = json_get_u64(params, "since", 0, INT64_MAX, ret_since, err);
	*ret_has_since = r == 0;
	return r == -ENOENT ? 0 : r;
}

static int decode_tables(json_t *tables, uint32_t *ret, struct err *err)
{
	*ret = 0;
	size_t i;
	json_t *entry;
	json_array_foreach (tables, i, entry) {
		enum api_table table;
		const char *name = json_string_value(entry);
		err_path(err, "/tables/%zu", i);
		if (name == NULL)
			return err_set(err, ERR_PARAMS, "tables has names of tables");
		if (find_live(name, ret))
			continue;
		if (table_from_name(name, &table, err) != 0)
			return -EINVAL;
		*ret |= 1U << table;
	}
	err->path[0] = '\0';
	return 0;
}

static bool find_live(const char *name, uint32_t *tables)
{
	for (size_t i = 0; i < WATCH_LIVE__COUNT; i++) {
		if (strcmp(name, live_words[i]) != 0)
			continue;
		*tables |= 1U << (LIVE_BIT + i);
		return true;
	}
	return false;
}

static int check_room(const struct watch *w, uint64_t token, bool needs_snapshot, struct err *err)
{
	uint32_t n_here = 0, n_snapshots = 0;
	list_foreach (sub, &w->subs, struct sub, node) {
		n_here += sub->token == token;
		n_snapshots += sub->in_snapshot;
	}
	if (token == 0)
		return err_set(err, ERR_STATE, "the connection has gone");
	if (n_here >= WATCH_MAX_PER_CONNECTION || w->n_subs >= WATCH_MAX_SUBS)
		return err_set(err, ERR_BUSY, "a connection may watch %d times, all together %d",
		    WATCH_MAX_PER_CONNECTION, WATCH_MAX_SUBS);
	if (needs_snapshot && n_snapshots >= WATCH_MAX_SNAPSHOTS)
		return err_set(err, ERR_BUSY, "%d snapshots are being sent", WATCH_MAX_SNAPSHOTS);
	return 0;
}

struct snapshot_fill {
	const struct sub *sub;
	struct change_set *set;
};

static void take_snapshot(struct watch *w, struct sub *sub)
{
	const struct store *s = w->daemon->store;
	struct snapshot_fill fill = {sub, &sub->snapshot};
	size_t n = 0;
	for (enum api_table t = 0; t < API_TABLE__COUNT; t++)
		n += sub->tables & 1U << t ? store_count(s, t) : 0;
	change_set_init(&sub->snapshot, n);
	for (enum api_table t = 0; t < API_TABLE__COUNT; t++)
		if (sub->tables & 1U << t)
			store_foreach(s, t, add_matching, &fill);
	sub->in_snapshot = true;
}

static bool add_matching(const struct api_object *o, void *arg)
{
	struct snapshot_fill *fill = arg;
	if (filter_matches(fill->sub->filter, o))
		change_set_add(fill->set, NULL, o, 0);
	return true;
}

static void on_deliver(evutil_socket_t, short, void *arg)
{
	struct watch *w = arg;
	bool all_done = true;
	list_foreach_safe (sub, &w->subs, struct sub, node)
		all_done &= deliver(w, sub);
	struct timeval retry = {.tv_usec = RETRY_MS * 1000};
	if (!all_done)
		event_add(w->deliver_event, &retry);
}

/* False: the reader has no room, and there is more for it. sub may be gone afterwards. */
static bool deliver(struct watch *w, struct sub *sub)
{
	const struct history *h = w->daemon->history;
	uint64_t now = store_generation(w->daemon->store);
	if (sub->in_snapshot) {
		if (!deliver_set(w, sub, sub->generation, &sub->snapshot))
			return false;
		change_set_fini(&sub->snapshot);
		sub->in_snapshot = false;
		sub->offset = 0;
	}
	while (sub->generation < now) {
		if (!history_reaches(h, sub->generation, now)) {
			lose(w, sub);
			return true;
		}
		const struct history_entry *e = history_after(h, sub->generation, 0);
		if (!deliver_set(w, sub, e->generation, &e->set))
			return false;
		sub->generation = e->generation;
		sub->offset = 0;
	}
	return true;
}

/* From sub->offset on. An empty snapshot is sent too: it says that there is nothing. */
static bool deliver_set(
    struct watch *w, struct sub *sub, uint64_t generation, const struct change_set *set)
{
	bool first = sub->in_snapshot && sub->offset == 0;
	while (first || sub->offset < set->n) {
		json_t *changes = json_array();
		size_t i = sub->offset;
		for (; i < set->n && json_array_size(changes) < WATCH_CHANGES_PER_EVENT; i++) {
			json_t *change = change_to_json(sub, &set->changes[i]);
			if (change != NULL)
				json_array_append_new(changes, change);
		}
		if (json_array_size(changes) == 0 && !sub->in_snapshot) {
			json_decref(changes);
			sub->offset = i;
			continue;
		}
		json_t *params =
		    json_pack("{s:I, s:I, s:I, s:o}", "sub", (json_int_t)sub->id, "generation",
			(json_int_t)generation, "prev", (json_int_t)sub->sent, "changes", changes);
		if (i < set->n)
			json_object_set_new(params, "more", json_true());
		if (sub->in_snapshot)
			json_object_set_new(params, "snapshot", json_true());
		if (!rpc_notify(w->daemon->rpc, sub->token, "watch.event", params))
			return false;
		sub->offset = i;
		if (i == set->n)
			sub->sent = generation;
		first = false;
	}
	return true;
}

/* NULL: not for this subscriber. An object that leaves its filter is deleted as far as it can see. */
static json_t *change_to_json(const struct sub *sub, const struct api_change *c)
{
	if (!(sub->tables & 1U << c->table))
		return NULL;
	if (c->new_object != NULL && filter_matches(sub->filter, c->new_object)) {
		json_t *change = api_object_to_json(c->new_object);
		json_object_set_new(change, "op", json_string("put"));
		return change;
	}
	if (c->old_object == NULL || !filter_matches(sub->filter, c->old_object))
		return NULL;
	return json_pack("{s:s, s:s, s:s, s:s}", "op", "delete", "table", api_tables[c->table].name,
	    "name", c->name, "owner", c->old_object->owner);
}

static void lose(struct watch *w, struct sub *sub)
{
	log_info("watch %" PRIu64 " is too slow and was ended", sub->id);
	(void)rpc_notify(w->daemon->rpc, sub->token, "watch.lost",
	    json_pack("{s:I, s:I}", "sub", (json_int_t)sub->id, "generation",
		(json_int_t)sub->generation));
	sub_destroy(w, sub);
}

static void sub_destroy(struct watch *w, struct sub *sub)
{
	list_del(&sub->node);
	w->n_subs--;
	json_decref(sub->filter);
	change_set_fini(&sub->snapshot);
	free(sub);
}
