/* SPDX-License-Identifier: Apache-2.0 */
/* transact, cancel and convert; transactions whose wait does not hold yet are kept and tried again. */
#include <stdlib.h>
#include <string.h>

#include "datapath/base/clock.h"
#include "ovsdb-lite/execute.h"
#include "ovsdb-lite/json_text.h"
#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/method.h"

#define LOG_MODULE "ovsdb"
#include "datapath/base/log.h"

struct waiting {
	struct list in_session, in_db;
	struct ovsdb_session *session;
	struct ovsdb_served *served;
	json_t *id, *params;
	size_t kept;
	uint16_t *tables; // that its operations name
	size_t n_tables;
	uint64_t arrived_ms;
	struct event *timer; // NULL: for ever
};

static bool try_once(struct ovsdb_session *s, struct ovsdb_served *served, const json_t *id,
    json_t *params, uint64_t arrived_ms, int64_t *timeout_ms);
static void commit(struct ovsdb_served *served, struct ovsdb_outcome *o);
static void reply(
    struct ovsdb_session *s, struct ovsdb_served *served, const json_t *id, const json_t *result);
static void park(struct ovsdb_session *s, const struct ovsdb_call *call, uint64_t arrived_ms,
    int64_t timeout_ms);
static bool is_concerned(const struct waiting *w);
static void find_tables(struct waiting *w);
static void set_timer(struct waiting *w, int64_t timeout_ms);
static void on_timer(evutil_socket_t fd, short what, void *arg);
static void flush_if_large(struct ovsdb_server *s);
static void try_again(struct waiting *w);
static struct waiting *find_waiting(const struct ovsdb_session *s, const json_t *id);
static void cancel(struct waiting *w);
static void give_up(struct waiting *w);
static void forget(struct waiting *w);
static struct ovsdb_error *convert(struct ovsdb_session *s, const struct ovsdb_call *call);
static struct ovsdb_error *make_converted(
    const struct ovsdb_served *served, const json_t *json, struct ovsdb_db **ret);

void ovsdb_transact(struct ovsdb_session *s, const struct ovsdb_call *call)
{
	int64_t timeout_ms = -1;
	uint64_t now_ms = clock_ms();
	if (find_waiting(s, call->id) != NULL)
		ovsdb_session_refuse(s, call->id,
		    ovsdb_syntax_error(
			call->params, NULL, "%s: duplicate request ID", call->method));
	else if (try_once(s, call->served, call->id, call->params, now_ms, &timeout_ms))
		flush_if_large(s->server);
	else if (s->server->n_waiting >= s->server->limits.waiting_total)
		ovsdb_session_refuse(s, call->id,
		    ovsdb_session_at_limit(
			&s->server->hits.waiting_total, "waiting transactions of all clients"));
	else if (s->n_waiting >= s->server->limits.waiting)
		ovsdb_session_refuse(s, call->id,
		    ovsdb_session_at_limit(
			&s->server->hits.waiting, "waiting transactions of a client"));
	else
		park(s, call, now_ms, timeout_ms);
}

void ovsdb_transact_retry(struct ovsdb_served *served)
{
	struct ovsdb_server *s = served->server;
	/* What is over the limit is written first, and then it is tried again. */
	list_foreach_safe (w, &served->waiting, struct waiting, in_db)
		if (s->batch_size <= s->limits.txn_size && is_concerned(w))
			try_again(w);
}

/* What it found when it was tried is as it was, unless a table changed that it names. */
static bool is_concerned(const struct waiting *w)
{
	for (size_t i = 0; i < w->n_tables; i++)
		if (w->served->changed_tables[w->tables[i]] != 0)
			return true;
	return false;
}

void ovsdb_transact_cancel(struct ovsdb_session *s, const json_t *id)
{
	struct waiting *w = find_waiting(s, id);
	if (w != NULL)
		cancel(w);
}

void ovsdb_transact_cancel_all(struct ovsdb_session *s, struct ovsdb_served *served)
{
	if (served != NULL) {
		list_foreach_safe (w, &served->waiting, struct waiting, in_db)
			give_up(w);
		return;
	}
	list_foreach_safe (w, &s->waiting, struct waiting, in_session)
		forget(w);
}

json_t *ovsdb_server_transact(struct ovsdb_server *s, struct ovsdb_db *db, json_t *operations)
{
	struct ovsdb_served *served = ovsdb_server_served_of(s, db);
	json_t *params = json_array();
	json_array_append_new(params, json_string(db->schema->name));
	json_array_extend(params, operations);
	struct ovsdb_request r = {.params = params, .elapsed_ms = INT64_MAX};
	struct ovsdb_outcome o = {0};
	ovsdb_execute(db, &r, &o);
	if (o.txn != NULL)
		commit(served, &o);
	json_decref(params);
	return o.result;
}

void ovsdb_server_commit(struct ovsdb_server *s, struct ovsdb_txn *txn)
{
	struct ovsdb_changes *changes = ovsdb_txn_commit(txn);
	struct ovsdb_served *served = ovsdb_server_served_of(s, changes->db);
	if (changes->n > 0)
		ovsdb_batch_add_changes(served, changes);
	else
		ovsdb_changes_unref(changes);
}

void ovsdb_server_tell(struct ovsdb_server *s, struct ovsdb_changes *changes)
{
	struct ovsdb_served *served = ovsdb_server_served_of(s, changes->db);

	if (!list_is_empty(&served->monitors) || !list_is_empty(&served->waiting)) {
		ovsdb_batch_add_durable(served, ovsdb_changes_ref(changes));
		return;
	}
	/* Nobody listens: a monitor that resumes gets all rows, and a large transaction costs nothing more here. */
	ovsdb_history_clear(&served->history, changes->txn_id);
	ovsdb_served_forget_initial(served);
}

void ovsdb_convert(struct ovsdb_session *s, const struct ovsdb_call *call)
{
	struct ovsdb_server *server = s->server;
	struct ovsdb_served *served = call->served;
	ovsdb_batch_flush_all(server); // the file has what came before
	struct ovsdb_error *error =
	    served->is_fixed ? ovsdb_error_create("not supported",
				   "the schema of %s is the program's", served->db->schema->name)
			     : convert(s, call);
	if (error != NULL) {
		ovsdb_session_refuse(s, call->id, error);
		return;
	}
	log_info("%s: database %s has the schema of version %s now", s->name,
	    served->db->schema->name, served->db->schema->version);
	ovsdb_server_db_update(server);
	ovsdb_session_reply(s, call->id, json_object());
	ovsdb_server_reconnect(server, false, "database schema conversion");
}

/* False: a wait does not hold yet. */
static bool try_once(struct ovsdb_session *s, struct ovsdb_served *served, const json_t *id,
    json_t *params, uint64_t arrived_ms, int64_t *timeout_ms)
{
	struct ovsdb_request r = {.params = params,
	    .is_read_only = s->is_read_only || served == s->server->own,
	    .is_reserved = served->is_reserved,
	    .elapsed_ms = clock_ms() - arrived_ms,
	    .holds_lock = ovsdb_lock_is_held,
	    .ctx = s};
	struct ovsdb_outcome o = {0};
	ovsdb_execute(served->db, &r, &o);
	*timeout_ms = o.timeout_ms;
	if (o.result == NULL)
		return false;
	if (o.txn != NULL)
		commit(served, &o);
	reply(s, served, id, o.result);
	json_decref(o.result);
	return true;
}

/* Or, when the file takes nothing any more, adds an error to the result. */
static void commit(struct ovsdb_served *served, struct ovsdb_outcome *o)
{
	struct ovsdb_server *server = served->server;
	if (ovsdb_changes_bytes(ovsdb_txn_changes(o->txn)) > server->limits.txn_size) {
		server->hits.txn_size++;
		ovsdb_txn_abort(o->txn);
		json_array_append_new(
		    o->result, json_pack("{s:s, s:s}", "error", "resources exhausted", "details",
				   "the transaction changes too many bytes"));
		return;
	}
	const char *fault = served->storage != NULL ? ovsdb_storage_fault(served->storage) : NULL;
	if (fault != NULL && ovsdb_txn_changes(o->txn)->n > 0) {
		ovsdb_txn_abort(o->txn);
		json_array_append_new(
		    o->result, json_pack("{s:s, s:s}", "error", "I/O error", "details", fault));
		return;
	}
	ovsdb_server_commit(served->server, o->txn);
}

static void reply(
    struct ovsdb_session *s, struct ovsdb_served *served, const json_t *id, const json_t *result)
{
	struct buf_writer head, text;
	buf_writer_init(&head, SIZE_MAX);
	buf_writer_init(&text, SIZE_MAX);
	ovsdb_json_write_raw(&head, "{\"id\":");
	ovsdb_json_write(&head, id);
	ovsdb_json_write_raw(&head, ",\"result\":");
	ovsdb_json_write(&text, result);
	if (!json_is_array(result)) { // an error object, that no failure is added to
		buf_put(&head, text.data, text.size);
		ovsdb_json_write_raw(&head, ",\"error\":null}");
		ovsdb_batch_add_reply(s, NULL, &head, NULL, 0);
	} else {
		ovsdb_batch_add_reply(s, served, &head, &text, json_array_size(result));
	}
	buf_writer_fini(&head);
	buf_writer_fini(&text);
}

static void park(
    struct ovsdb_session *s, const struct ovsdb_call *call, uint64_t arrived_ms, int64_t timeout_ms)
{
	size_t kept = ovsdb_session_request_size(s);
	struct ovsdb_error *error = ovsdb_session_keep(s, kept);
	if (error != NULL) {
		ovsdb_session_refuse(s, call->id, error);
		return;
	}
	struct waiting *w = ovsdb_alloc(sizeof(*w));
	w->kept = kept;
	w->session = s;
	w->served = call->served;
	w->id = json_incref(call->id);
	w->params = json_incref(call->params);
	w->arrived_ms = arrived_ms;
	find_tables(w);
	list_add(&s->waiting, &w->in_session);
	list_add(&w->served->waiting, &w->in_db);
	s->n_waiting++;
	s->server->n_waiting++;
	set_timer(w, timeout_ms);
}

static void find_tables(struct waiting *w)
{
	const struct ovsdb_schema *schema = w->served->db->schema;
	uint8_t *found = ovsdb_alloc(schema->n_tables);
	w->tables = ovsdb_alloc_array(schema->n_tables, sizeof(*w->tables));
	for (size_t i = 1; i < json_array_size(w->params); i++) {
		const char *name =
		    json_string_value(json_object_get(json_array_get(w->params, i), "table"));
		const struct ovsdb_table_schema *table =
		    name != NULL ? ovsdb_schema_find_table(schema, name) : NULL;
		if (table == NULL || found[table->number] != 0)
			continue;
		found[table->number] = 1;
		w->tables[w->n_tables++] = table->number;
	}
	free(found);
}

/* A transaction with several waits is bound by the one that does not hold now. */
static void set_timer(struct waiting *w, int64_t timeout_ms)
{
	if (w->timer == NULL)
		w->timer = event_new(w->session->server->base, -1, 0, on_timer, w);
	evtimer_del(w->timer);
	if (timeout_ms < 0)
		return;
	int64_t left_ms = timeout_ms - (int64_t)(clock_ms() - w->arrived_ms);
	left_ms = MAX_OF(left_ms, (int64_t)0);
	struct timeval tv = {.tv_sec = left_ms / 1000, .tv_usec = (left_ms % 1000) * 1000};
	evtimer_add(w->timer, &tv);
}

static void on_timer(evutil_socket_t, short, void *arg)
{
	struct waiting *w = arg;
	struct ovsdb_server *server = w->session->server;
	try_again(w);
	flush_if_large(server);
}

/* Not while transactions that wait are being tried. */
static void flush_if_large(struct ovsdb_server *s)
{
	if (s->batch_size > s->limits.txn_size)
		ovsdb_batch_flush(s);
}

static void try_again(struct waiting *w)
{
	int64_t timeout_ms = -1;
	if (try_once(w->session, w->served, w->id, w->params, w->arrived_ms, &timeout_ms))
		forget(w);
	else
		set_timer(w, timeout_ms);
}

static struct waiting *find_waiting(const struct ovsdb_session *s, const json_t *id)
{
	list_foreach (w, &s->waiting, struct waiting, in_session)
		if (json_equal(w->id, id))
			return w;
	return NULL;
}

static void cancel(struct waiting *w)
{
	ovsdb_session_fail(w->session, w->id, "canceled");
	forget(w);
}

/* The database goes: sessions that know of such things are told, others end. */
static void give_up(struct waiting *w)
{
	if (w->session->is_change_aware)
		cancel(w);
	else
		forget(w);
}

static void forget(struct waiting *w)
{
	list_del(&w->in_session);
	list_del(&w->in_db);
	w->session->n_waiting--;
	w->session->server->n_waiting--;
	ovsdb_session_give(w->session, w->kept);
	event_free(w->timer);
	free(w->tables);
	json_decref(w->id);
	json_decref(w->params);
	free(w);
}

static struct ovsdb_error *convert(struct ovsdb_session *s, const struct ovsdb_call *call)
{
	struct ovsdb_served *served = call->served;
	struct ovsdb_db *converted = NULL;
	struct err err = {0};
	if (s->is_read_only)
		return ovsdb_error_create("not allowed",
		    "convert operation not allowed when database server is in read only mode");
	if (json_array_size(call->params) != 2)
		return ovsdb_syntax_error(call->params, NULL, "array expected");
	if (served == served->server->own)
		return ovsdb_error_create(
		    "not allowed", "database %s cannot be converted", served->db->schema->name);
	struct ovsdb_error *error =
	    make_converted(served, json_array_get(call->params, 1), &converted);
	if (error != NULL)
		return error;
	if (served->storage != NULL &&
	    ovsdb_storage_convert(served->storage, served->db, converted, &err) != 0) {
		ovsdb_db_destroy(converted);
		return ovsdb_error_create("I/O error", "%s", err.what);
	}
	ovsdb_served_replace(served, converted);
	return NULL;
}

static struct ovsdb_error *make_converted(
    const struct ovsdb_served *served, const json_t *json, struct ovsdb_db **ret)
{
	struct ovsdb_schema *schema;
	struct ovsdb_error *error = ovsdb_schema_from_json(&schema, json);
	if (error != NULL)
		return error;
	if (strcmp(schema->name, served->db->schema->name) != 0) {
		error = ovsdb_error_create("invalid parameters",
		    "new schema name (%s) does not match database name (%s)", schema->name,
		    served->db->schema->name);
		ovsdb_schema_destroy(schema);
		return error;
	}
	return ovsdb_db_convert(served->db, schema, ret);
}
