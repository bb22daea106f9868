/* SPDX-License-Identifier: Apache-2.0 */
/* monitor, monitor_cond, monitor_cond_since, monitor_cond_change, monitor_cancel, and the updates. */
#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/datum_text.h"
#include "ovsdb-lite/json_text.h"
#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/method.h"
#include "ovsdb-lite/monitor_request.h"
#include "ovsdb-lite/update.h"

enum { COPY_SIZE = 4096 }; // up to here a copy costs less than sharing

struct ovsdb_monitor {
	struct list in_session, in_db;
	struct ovsdb_session *session;
	struct ovsdb_served *served;
	int version;
	json_t *id;
	struct ovsdb_shape *shape;
	struct ovsdb_condition *conditions; // as shape->tables; NULL in version 1
	size_t kept_at_first, kept;         // bytes: of its request, and now
	bool chooses;                       // some row may be left out
	struct ovsdb_change_set *set;       // what the client has still to be told
};

static struct ovsdb_monitor *find_reader(
    const struct ovsdb_served *served, const struct ovsdb_change_set *set);
static void create(struct ovsdb_session *s, const struct ovsdb_call *call, int version);
static struct ovsdb_error *decode(struct ovsdb_monitor *m, const struct ovsdb_call *call);
static struct ovsdb_error *resume(struct ovsdb_monitor *m, const json_t *last_id, bool *found);
static void answer(struct ovsdb_monitor *m, const json_t *request_id, bool found);
static struct ovsdb_shared_text *initial_text(struct ovsdb_monitor *m);
static struct ovsdb_shared_text *update_text(struct ovsdb_monitor *m);
static struct ovsdb_shared_text *text_of(struct buf_writer *w, bool written);
static bool may_send(struct ovsdb_session *s);
static void send_update(struct ovsdb_monitor *m);
static void send_text(struct ovsdb_monitor *m, struct ovsdb_shared_text *text);
static void send_parts(struct ovsdb_session *s, const struct buf_writer *head,
    struct ovsdb_shared_text *text, const char *tail);
static void release_text(const void *data, size_t size, void *arg);
static struct ovsdb_monitor *find(const struct ovsdb_session *s, const json_t *id);
static struct ovsdb_error *change(struct ovsdb_session *s, const struct ovsdb_call *call);
static void tell_change(struct ovsdb_monitor *m, struct ovsdb_condition *conditions);
static void destroy(struct ovsdb_monitor *m);

void ovsdb_monitor_create_v1(struct ovsdb_session *s, const struct ovsdb_call *call)
{
	create(s, call, 1);
}

void ovsdb_monitor_create_v2(struct ovsdb_session *s, const struct ovsdb_call *call)
{
	create(s, call, 2);
}

void ovsdb_monitor_create_v3(struct ovsdb_session *s, const struct ovsdb_call *call)
{
	create(s, call, 3);
}

void ovsdb_monitor_cond_change(struct ovsdb_session *s, const struct ovsdb_call *call)
{
	ovsdb_batch_flush_all(s->server);
	struct ovsdb_error *error = change(s, call);
	if (error != NULL)
		ovsdb_session_refuse(s, call->id, error);
	else
		ovsdb_session_reply(s, call->id, json_object());
}

void ovsdb_monitor_cancel(struct ovsdb_session *s, const struct ovsdb_call *call)
{
	if (json_array_size(call->params) != 1) {
		ovsdb_session_fail(s, call->id, "invalid parameters");
		return;
	}
	struct ovsdb_monitor *m = find(s, json_array_get(call->params, 0));
	if (m == NULL) {
		ovsdb_session_fail(s, call->id, "unknown monitor");
		return;
	}
	destroy(m);
	ovsdb_session_reply(s, call->id, json_object());
}

/* Before an answer: there is no request, and so no answer, of a client that does not read. */
void ovsdb_monitor_send_updates(struct ovsdb_session *s)
{
	if (s->has_ended)
		return;
	list_foreach (m, &s->monitors, struct ovsdb_monitor, in_session)
		send_update(m);
}

/* Readers that are behind get theirs when they have read: merged by then. */
void ovsdb_monitor_send_updates_of(struct ovsdb_served *served)
{
	list_foreach (m, &served->monitors, struct ovsdb_monitor, in_db)
		if (may_send(m->session))
			send_update(m);
}

void ovsdb_monitor_cancel_session(struct ovsdb_session *s)
{
	list_foreach_safe (m, &s->monitors, struct ovsdb_monitor, in_session)
		destroy(m);
}

void ovsdb_monitor_cancel_db(struct ovsdb_served *served)
{
	list_foreach_safe (m, &served->monitors, struct ovsdb_monitor, in_db) {
		struct ovsdb_session *s = m->session;
		json_t *params = json_pack("[O]", m->id);
		destroy(m);
		if (s->is_change_aware)
			ovsdb_session_notify(s, "monitor_canceled", params);
		else
			json_decref(params);
	}
}

void ovsdb_monitor_end_readers(struct ovsdb_served *served, const struct ovsdb_change_set *set)
{
	/* An end destroys monitors: one after the other, from the beginning. */
	for (struct ovsdb_monitor *m = find_reader(served, set); m != NULL;
	     m = find_reader(served, set))
		ovsdb_session_end(m->session, "it reads too slowly");
}

static struct ovsdb_monitor *find_reader(
    const struct ovsdb_served *served, const struct ovsdb_change_set *set)
{
	list_foreach (m, &served->monitors, struct ovsdb_monitor, in_db)
		if (m->set == set)
			return m;
	return NULL;
}

static void create(struct ovsdb_session *s, const struct ovsdb_call *call, int version)
{
	bool found = false;
	ovsdb_batch_flush_all(s->server); // nothing is shown that is not durable
	struct ovsdb_monitor *m = ovsdb_alloc(sizeof(*m));
	m->session = s;
	m->served = call->served;
	m->version = version;
	struct ovsdb_error *error = decode(m, call);
	if (error == NULL && version == 3)
		error = resume(m, json_array_get(call->params, 3), &found);
	if (error != NULL) {
		ovsdb_session_refuse(s, call->id, error);
		list_init(&m->in_session);
		list_init(&m->in_db);
		s->n_monitors++; // destroy counts it off
		s->server->n_monitors++;
		destroy(m);
		return;
	}
	answer(m, call->id, found);
	ovsdb_change_set_leave(m->set);
	m->set = ovsdb_change_sets_join(&m->served->sets);
	list_add(&s->monitors, &m->in_session);
	list_add(&m->served->monitors, &m->in_db);
	s->n_monitors++;
	s->server->n_monitors++;
}

static struct ovsdb_error *decode(struct ovsdb_monitor *m, const struct ovsdb_call *call)
{
	struct ovsdb_session *s = m->session;
	const json_t *id = json_array_get(call->params, 1);
	const json_t *requests = json_array_get(call->params, 2);
	size_t n = json_array_size(call->params);
	if (n < 3 || (m->version == 2 && n != 3) || (m->version == 3 && n != 4))
		return ovsdb_syntax_error(call->params, NULL, "invalid parameters");
	if (!json_is_object(requests))
		return ovsdb_syntax_error(requests, NULL, "monitor-requests must be object");
	if (find(s, id) != NULL)
		return ovsdb_syntax_error(id, NULL, "duplicate monitor ID");
	if (s->n_monitors >= s->server->limits.monitors)
		return ovsdb_session_at_limit(&s->server->hits.monitors, "monitors of a client");
	if (s->server->n_monitors >= s->server->limits.monitors_total)
		return ovsdb_session_at_limit(
		    &s->server->hits.monitors_total, "monitors of all clients");
	struct ovsdb_error *error = ovsdb_session_keep(s, ovsdb_session_request_size(s));
	if (error != NULL)
		return error;
	m->kept = m->kept_at_first = ovsdb_session_request_size(s);
	m->id = json_incref((json_t *)id);
	error = ovsdb_monitor_request_decode(m->served->db, &m->served->shapes, requests,
	    m->version == 1 ? 1 : 2, m->version != 1, &m->shape, &m->conditions);
	if (error == NULL)
		m->chooses = ovsdb_conditions_choose(m->conditions, m->shape->n);
	return error;
}

static struct ovsdb_error *resume(struct ovsdb_monitor *m, const json_t *last_id, bool *found)
{
	struct ovsdb_uuid id;
	if (!json_is_string(last_id))
		return ovsdb_syntax_error(last_id, NULL, "last-txn-id must be string");
	if (!ovsdb_uuid_parse(json_string_value(last_id), &id))
		return ovsdb_syntax_error(last_id, NULL, "last-txn-id must be UUID format.");
	m->set = ovsdb_history_after(&m->served->history, id);
	*found = m->set != NULL;
	return NULL;
}

static void answer(struct ovsdb_monitor *m, const json_t *request_id, bool found)
{
	struct buf_writer head;
	struct ovsdb_shared_text *text = found ? update_text(m) : initial_text(m);
	buf_writer_init(&head, SIZE_MAX);
	ovsdb_json_write_raw(&head, "{\"id\":");
	ovsdb_json_write(&head, request_id);
	ovsdb_json_write_raw(&head, ",\"result\":");
	if (m->version == 3) {
		ovsdb_json_write_raw(&head, found ? "[true," : "[false,");
		ovsdb_uuid_write(&head, &m->served->history.last);
		buf_put_u8(&head, ',');
	}
	ovsdb_monitor_send_updates(m->session);
	send_parts(
	    m->session, &head, text, m->version == 3 ? "],\"error\":null}" : ",\"error\":null}");
	ovsdb_shared_text_unref(text);
	buf_writer_fini(&head);
}

/* Many clients that come at once ask the same: as long as nothing changes, the text is made once. */
static struct ovsdb_shared_text *initial_text(struct ovsdb_monitor *m)
{
	struct buf_writer w;
	struct ovsdb_shape *shape = m->shape;
	struct ovsdb_served *served = m->served;
	if (!m->chooses && served->initial != NULL && served->initial_shape == shape->serial)
		return ovsdb_shared_text_ref(served->initial);
	buf_writer_init(&w, SIZE_MAX);
	bool written = ovsdb_update_write_initial(&w, shape, m->chooses ? m->conditions : NULL);
	struct ovsdb_shared_text *text = text_of(&w, written);
	if (!m->chooses && text != NULL) {
		ovsdb_served_forget_initial(served);
		served->initial = ovsdb_shared_text_ref(text);
		served->initial_shape = shape->serial;
	}
	return text;
}

static struct ovsdb_shared_text *update_text(struct ovsdb_monitor *m)
{
	struct buf_writer w;
	bool found = false;
	struct ovsdb_shared_text *text = NULL;
	if (!m->chooses)
		text = ovsdb_change_set_find_text(m->set, m->shape->serial, &found);
	if (found)
		return text != NULL ? ovsdb_shared_text_ref(text) : NULL;
	buf_writer_init(&w, SIZE_MAX);
	bool written =
	    ovsdb_update_write_changes(&w, m->shape, m->chooses ? m->conditions : NULL, m->set);
	text = text_of(&w, written);
	if (!m->chooses)
		ovsdb_change_set_keep_text(m->set, m->shape->serial, text);
	return text;
}

static struct ovsdb_shared_text *text_of(struct buf_writer *w, bool written)
{
	struct ovsdb_shared_text *text =
	    written ? ovsdb_shared_text_create(w->data, w->size) : NULL;
	buf_writer_fini(w);
	return text;
}

static bool may_send(struct ovsdb_session *s)
{
	s->conn->is_behind |= ovsdb_conn_is_congested(s->conn);
	return !s->has_ended && !ovsdb_conn_is_congested(s->conn);
}

static void send_update(struct ovsdb_monitor *m)
{
	if (m->set->n == 0)
		return;
	struct ovsdb_shared_text *text = update_text(m);
	if (text != NULL)
		send_text(m, text);
	ovsdb_shared_text_unref(text);
	ovsdb_change_set_leave(m->set);
	m->set = ovsdb_change_sets_join(&m->served->sets);
}

static void send_text(struct ovsdb_monitor *m, struct ovsdb_shared_text *text)
{
	static const char *const methods[] = {NULL, "update", "update2", "update3"};
	struct buf_writer head;
	buf_writer_init(&head, SIZE_MAX);
	ovsdb_json_write_raw(&head, "{\"id\":null,\"method\":\"");
	ovsdb_json_write_raw(&head, methods[m->version]);
	ovsdb_json_write_raw(&head, "\",\"params\":[");
	ovsdb_json_write(&head, m->id);
	buf_put_u8(&head, ',');
	if (m->version == 3) {
		ovsdb_uuid_write(&head, &m->served->history.last);
		buf_put_u8(&head, ',');
	}
	send_parts(m->session, &head, text, "]}");
	buf_writer_fini(&head);
}

/* text NULL: an empty object. */
static void send_parts(struct ovsdb_session *s, const struct buf_writer *head,
    struct ovsdb_shared_text *text, const char *tail)
{
	ovsdb_session_send_now(s, head->data, head->size);
	if (text == NULL)
		ovsdb_session_send_now(s, "{}", 2);
	else if (text->size <= COPY_SIZE)
		ovsdb_session_send_now(s, text->data, text->size);
	else
		ovsdb_conn_send_shared(
		    s->conn, text->data, text->size, release_text, ovsdb_shared_text_ref(text));
	ovsdb_session_send_now(s, tail, strlen(tail));
}

static void release_text(const void *, size_t, void *arg)
{
	ovsdb_shared_text_unref(arg);
}

static struct ovsdb_monitor *find(const struct ovsdb_session *s, const json_t *id)
{
	list_foreach (m, &s->monitors, struct ovsdb_monitor, in_session)
		if (json_equal(m->id, id))
			return m;
	return NULL;
}

static struct ovsdb_error *change(struct ovsdb_session *s, const struct ovsdb_call *call)
{
	const json_t *id = json_array_get(call->params, 0);
	json_t *new_id = json_array_get(call->params, 1);
	const json_t *requests = json_array_get(call->params, 2);
	if (json_array_size(call->params) != 3)
		return ovsdb_syntax_error(call->params, NULL, "invalid parameters");
	struct ovsdb_monitor *m = find(s, id);
	if (m == NULL)
		return ovsdb_syntax_error(id, NULL, "unknown monitor session");
	struct ovsdb_monitor *other = find(s, new_id);
	if (other != NULL && other != m)
		return ovsdb_syntax_error(new_id, NULL, "duplicate monitor ID");
	if (!json_is_object(requests))
		return ovsdb_syntax_error(
		    NULL, NULL, "monitor-cond-change-requests must be object");
	if (m->conditions == NULL) // of "monitor": rows are not chosen
		return NULL;
	struct ovsdb_condition *conditions = NULL;
	struct ovsdb_error *error = ovsdb_monitor_request_decode_change(
	    m->served->db, m->shape, m->conditions, requests, &conditions);
	if (error != NULL)
		return error;
	size_t kept = m->kept_at_first + ovsdb_conditions_bytes(conditions, m->shape->n);
	error = kept > m->kept ? ovsdb_session_keep(s, kept - m->kept) : NULL;
	if (error != NULL) {
		ovsdb_conditions_destroy(conditions, m->shape->n);
		return error;
	}
	if (kept < m->kept)
		ovsdb_session_give(s, m->kept - kept);
	m->kept = kept;
	send_update(m); // by the old id and conditions
	json_decref(m->id);
	m->id = json_incref(new_id);
	tell_change(m, conditions);
	return NULL;
}

static void tell_change(struct ovsdb_monitor *m, struct ovsdb_condition *conditions)
{
	struct buf_writer w;
	buf_writer_init(&w, SIZE_MAX);
	bool written = ovsdb_update_write_choice(&w, m->shape, m->conditions, conditions);
	struct ovsdb_shared_text *text = text_of(&w, written);
	ovsdb_conditions_destroy(m->conditions, m->shape->n);
	m->conditions = conditions;
	m->chooses = ovsdb_conditions_choose(conditions, m->shape->n);
	if (text != NULL)
		send_text(m, text);
	ovsdb_shared_text_unref(text);
}

static void destroy(struct ovsdb_monitor *m)
{
	list_del(&m->in_session);
	list_del(&m->in_db);
	m->session->n_monitors--;
	m->session->server->n_monitors--;
	ovsdb_session_give(m->session, m->kept);
	ovsdb_change_set_leave(m->set);
	if (m->shape != NULL)
		ovsdb_conditions_destroy(m->conditions, m->shape->n);
	ovsdb_shape_unref(m->shape);
	json_decref(m->id);
	free(m);
}
