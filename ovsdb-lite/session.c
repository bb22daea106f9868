/* SPDX-License-Identifier: Apache-2.0 */
/* A session: JSON-RPC 1.0 messages of one client, in and out. */
#include <stdlib.h>
#include <string.h>

#include "ovsdb-lite/json_text.h"
#include "ovsdb-lite/mem.h"
#include "ovsdb-lite/method.h"

#define LOG_MODULE "ovsdb"
#include "datapath/base/log.h"

/* A message as RFC 7047 4 has it, members borrowed; NULL: absent, or null. */
struct message {
	const char *method;
	json_t *params, *result, *error, *id;
};

static void on_message(void *owner, json_t *json);
static void on_drained(void *owner);
static void on_end(void *owner, const char *why);
static const char *decode(json_t *json, struct message *ret);
static json_t *take(json_t *json, const char *name, size_t *n_known);
static void dispatch(struct ovsdb_session *s, const struct message *m);
static void write_id(struct buf_writer *w, const json_t *id);

static const struct ovsdb_conn_ops conn_ops = {
    .on_message = on_message, .on_drained = on_drained, .on_end = on_end};

struct ovsdb_session *ovsdb_session_create(struct ovsdb_server *server, struct ovsdb_remote *remote,
    struct ovsdb_link link, bool is_connecting, const char *name)
{
	struct ovsdb_session *s = ovsdb_alloc(sizeof(*s));
	s->server = server;
	s->remote = remote;
	snprintf(s->name, sizeof(s->name), "%s", name);
	list_init(&s->node);
	list_init(&s->monitors);
	list_init(&s->lock_waiters);
	list_init(&s->waiting);
	server->n_sessions++;
	s->in_handshake = link.tls != NULL;
	server->n_handshakes += s->in_handshake;
	s->conn = ovsdb_conn_create(
	    server->base, link, is_connecting, &server->conn_limits, &server->budget, &conn_ops, s);
	return s;
}

void ovsdb_session_end(struct ovsdb_session *s, const char *why)
{
	ovsdb_conn_end(s->conn, why);
}

void ovsdb_session_destroy(struct ovsdb_session *s)
{
	if (!s->has_ended)
		ovsdb_conn_end(s->conn, NULL);
	list_del(&s->node);
	ovsdb_conn_destroy(s->conn);
	free(s);
}

void ovsdb_session_reply(struct ovsdb_session *s, const json_t *id, json_t *result)
{
	struct buf_writer w;
	buf_writer_init(&w, SIZE_MAX);
	write_id(&w, id);
	ovsdb_json_write_raw(&w, ",\"result\":");
	ovsdb_json_write(&w, result);
	ovsdb_json_write_raw(&w, ",\"error\":null}");
	json_decref(result);
	ovsdb_session_send(s, &w);
	buf_writer_fini(&w);
}

void ovsdb_session_refuse(struct ovsdb_session *s, const json_t *id, struct ovsdb_error *error)
{
	struct buf_writer w;
	json_t *json = ovsdb_error_to_json(error);
	ovsdb_error_destroy(error);
	buf_writer_init(&w, SIZE_MAX);
	write_id(&w, id);
	ovsdb_json_write_raw(&w, ",\"error\":");
	ovsdb_json_write(&w, json);
	ovsdb_json_write_raw(&w, "}");
	json_decref(json);
	ovsdb_session_send(s, &w);
	buf_writer_fini(&w);
}

void ovsdb_session_fail(struct ovsdb_session *s, const json_t *id, const char *word)
{
	struct buf_writer w;
	buf_writer_init(&w, SIZE_MAX);
	write_id(&w, id);
	ovsdb_json_write_raw(&w, ",\"error\":");
	ovsdb_json_write_string(&w, word, strlen(word));
	ovsdb_json_write_raw(&w, "}");
	ovsdb_session_send(s, &w);
	buf_writer_fini(&w);
}

void ovsdb_session_notify(struct ovsdb_session *s, const char *method, json_t *params)
{
	struct buf_writer w;
	if (s->conn->is_closing || s->has_ended) {
		json_decref(params);
		return;
	}
	buf_writer_init(&w, SIZE_MAX);
	ovsdb_json_write_raw(&w, "{\"id\":null,\"method\":");
	ovsdb_json_write_string(&w, method, strlen(method));
	ovsdb_json_write_raw(&w, ",\"params\":");
	ovsdb_json_write(&w, params);
	ovsdb_json_write_raw(&w, "}");
	json_decref(params);
	ovsdb_session_send(s, &w);
	buf_writer_fini(&w);
	/* Others cause them, as fast as they like. */
	if (ovsdb_conn_backlog(s->conn) > (size_t)s->server->limits.output_size * 2)
		ovsdb_conn_finish(s->conn, "it does not read its notifications");
}

void ovsdb_session_send(struct ovsdb_session *s, const struct buf_writer *text)
{
	if (s->has_ended)
		return;
	if (s->n_held > 0) {
		ovsdb_batch_add_reply(s, NULL, text, NULL, 0);
		return;
	}
	ovsdb_monitor_send_updates(s);
	ovsdb_session_send_now(s, text->data, text->size);
}

void ovsdb_session_send_now(struct ovsdb_session *s, const void *data, size_t size)
{
	ovsdb_conn_send(s->conn, data, size);
}

struct ovsdb_error *ovsdb_session_keep(struct ovsdb_session *s, size_t size)
{
	struct ovsdb_server *server = s->server;
	if (s->kept + size > server->limits.kept_size)
		return ovsdb_session_at_limit(
		    &server->hits.kept_size, "bytes that a client's requests keep");
	if (server->kept + size > server->limits.kept_total)
		return ovsdb_session_at_limit(
		    &server->hits.kept_total, "bytes that all clients' requests keep");
	s->kept += size;
	server->kept += size;
	return NULL;
}

size_t ovsdb_session_request_size(const struct ovsdb_session *s)
{
	enum { VALUE_SIZE = 192 }; // of an empty object, and half of one with a member
	return s->conn->stream.last_size + s->conn->stream.last_n_values * VALUE_SIZE;
}

void ovsdb_session_give(struct ovsdb_session *s, size_t size)
{
	s->kept -= size;
	s->server->kept -= size;
}

struct ovsdb_error *ovsdb_session_at_limit(uint32_t *hits, const char *what)
{
	++*hits;
	return ovsdb_error_create("resources exhausted", "the limit of %s is reached", what);
}

static void on_message(void *owner, json_t *json)
{
	struct ovsdb_session *s = owner;
	struct message m = {0};
	const char *fault = decode(json, &m);
	if (fault == NULL && m.method == NULL &&
	    (m.id == NULL || !json_is_string(m.id) || strcmp(json_string_value(m.id), "echo") != 0))
		fault = m.result != NULL ? "received unexpected reply message"
					 : "received unexpected error message";
	if (fault != NULL) {
		s->server->counters.n_protocol_errors++;
		ovsdb_conn_finish(s->conn, fault);
	} else if (m.method != NULL) {
		dispatch(s, &m);
	}
	json_decref(json);
}

/* What did not fit, or the end of a handshake. */
static void on_drained(void *owner)
{
	struct ovsdb_session *s = owner;
	if (s->in_handshake) {
		s->in_handshake = false;
		s->server->n_handshakes--;
	}
	ovsdb_remote_on_open(s);
	ovsdb_monitor_send_updates(s);
}

static void on_end(void *owner, const char *why)
{
	struct ovsdb_session *s = owner;
	struct ovsdb_server *server = s->server;
	s->has_ended = true;
	if (s->in_handshake)
		server->n_handshakes--;
	server->n_sessions--;
	ovsdb_batch_forget_session(s);
	ovsdb_transact_cancel_all(s, NULL);
	ovsdb_monitor_cancel_session(s);
	ovsdb_lock_release_all(s);
	ovsdb_remote_on_end(s, why);
	list_del(&s->node);
	list_add(&server->ended, &s->node);
	ovsdb_server_wake(server);
}

/* NULL, or what is wrong with it. */
static const char *decode(json_t *json, struct message *ret)
{
	size_t n_known = 0;
	json_t *method = take(json, "method", &n_known);
	ret->params = take(json, "params", &n_known);
	ret->result = take(json, "result", &n_known);
	ret->error = take(json, "error", &n_known);
	ret->id = take(json, "id", &n_known);
	if (json_object_size(json) != n_known)
		return "message has an unexpected member";
	if (method != NULL && !json_is_string(method))
		return "method is not a JSON string";
	if (ret->params != NULL && !json_is_array(ret->params))
		return "\"params\" must be JSON array";
	ret->method = json_string_value(method);
	bool is_answer = ret->result != NULL || ret->error != NULL;
	if (is_answer && (method != NULL || ret->params != NULL || ret->id == NULL ||
			     (ret->result != NULL && ret->error != NULL)))
		return "reply with other members than \"id\" and \"result\" or \"error\"";
	if (!is_answer && (method == NULL || ret->params == NULL))
		return "request must have \"method\" and \"params\"";
	return NULL;
}

static json_t *take(json_t *json, const char *name, size_t *n_known)
{
	json_t *value = json_object_get(json, name);
	*n_known += value != NULL;
	return json_is_null(value) ? NULL : value;
}

static void dispatch(struct ovsdb_session *s, const struct message *m)
{
	struct ovsdb_call call = {.method = m->method, .params = m->params, .id = m->id};
	if (m->id != NULL)
		ovsdb_method_run(s, &call);
	else if (strcmp(m->method, "cancel") == 0 && json_array_size(m->params) == 1)
		ovsdb_transact_cancel(s, json_array_get(m->params, 0));
}

static void write_id(struct buf_writer *w, const json_t *id)
{
	ovsdb_json_write_raw(w, "{\"id\":");
	ovsdb_json_write(w, id);
}
