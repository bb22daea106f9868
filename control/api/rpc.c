/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/rpc.h"

#include <stdlib.h>
#include <string.h>

#include "control/api/json_write.h"
#include "control/api/rpc_priv.h"
#include "control/audit.h"
#include "control/mem.h"
#include "datapath/base/json_util.h"

#define LOG_MODULE "rpc"
#include "datapath/base/log.h"

enum {
	RETRY_AFTER_MS = 100,
	MAX_METHODS = 128, // that "did you mean" looks at
	ENVELOPE_SIZE =
	    64 * 1024, // of errors and envelopes, beside the results that output_size limits
};

struct rpc_request {
	struct rpc_message *message;
	const struct rpc_method *method;
	const struct json_id *id;
	json_t *params;
	bool is_notification;
};

struct rpc_message {
	struct rpc_server *server;
	struct rpc_conn *conn; // NULL: has gone
	struct json_line line;
	bool is_batch;
	bool stepping; // message_step is on the stack
	size_t n, next;
	struct rpc_request *running;
	struct buf_writer out;
	struct role role;
	char client[RPC_CLIENT_SIZE];
	size_t charged; // of the server's memory
};

static const struct json_id null_id = {.state = JSON_ID_VALID, .text = "null"};

static void take_strike(struct rpc_conn *c, enum err_code code);
static void message_step(struct rpc_message *m);
static void message_end(struct rpc_message *m);
static void request_start(struct rpc_message *m, json_t *object, const struct json_id *id);
static int check_envelope(json_t *object, const struct json_id *id, struct err *err);
static const struct rpc_method *find_method(const char *name, struct err *err);
static int check_call(
    struct rpc_message *m, const struct rpc_method *method, json_t *params, struct err *err);
static bool has_param(const struct rpc_method *method, const char *name);
static void request_end(struct rpc_request *req);
static void put_reply(
    struct rpc_message *m, const struct json_id *id, const char *kind, json_t *value);
static void put_error(struct rpc_message *m, const struct json_id *id, json_t *error);
static bool put_member(
    struct buf_writer *w, const struct json_id *id, const char *kind, json_t *value);

struct daemon *rpc_daemon(struct rpc_request *req)
{
	return req->message->server->daemon;
}

json_t *rpc_params(struct rpc_request *req)
{
	return req->params;
}

struct json_raw rpc_take_ops(struct rpc_request *req)
{
	struct json_raw ops = req->message->line.ops;
	req->message->line.ops = (struct json_raw){0};
	return ops;
}

void rpc_reply(struct rpc_request *req, json_t *result)
{
	if (!req->is_notification)
		put_reply(req->message, req->id, "result", result);
	json_decref(result);
	request_end(req);
}

void rpc_fail(struct rpc_request *req, const struct err *err)
{
	if (!req->is_notification)
		put_error(req->message, req->id, rpc_error_to_json(err, -1));
	request_end(req);
}

void rpc_fail_many(
    struct rpc_request *req, const struct err *first, json_t *errors, size_t n_errors)
{
	json_t *error = rpc_error_to_json(first, -1);
	json_t *data = json_object_get(error, "data");
	json_t *op = json_object_get(json_object_get(json_array_get(errors, 0), "data"), "op");
	if (op != NULL)
		json_object_set(data, "op", op);
	json_object_set_new(data, "errors", errors);
	json_object_set_new(data, "n_errors", json_integer((json_int_t)n_errors));
	if (!req->is_notification)
		put_error(req->message, req->id, json_incref(error));
	json_decref(error);
	request_end(req);
}

json_t *rpc_error_to_json(const struct err *err, int64_t op)
{
	json_t *data = json_pack(
	    "{s:s, s:b}", "name", err_name(err->code), "retryable", err_retryable(err->code));
	if (op >= 0)
		json_object_set_new(data, "op", json_integer(op));
	if (err->path[0] != '\0')
		json_object_set_new(data, "path", json_string(err->path));
	if (err->object[0] != '\0')
		json_object_set_new(data, "object", json_string(err->object));
	if (err->hint[0] != '\0')
		json_object_set_new(data, "hint", json_string(err->hint));
	if (err->code == ERR_BUSY || err->code == ERR_RATE)
		json_object_set_new(data, "retry_after_ms", json_integer(RETRY_AFTER_MS));
	/* A text that quotes the client may have been cut inside a character. */
	json_t *what = json_string(err->what);
	if (what == NULL)
		what = json_string(err_help(err->code));
	return json_pack("{s:i, s:o, s:o}", "code", (int)err->code, "message", what, "data", data);
}

uint64_t rpc_connection_token(struct rpc_request *req)
{
	struct rpc_conn *c = req->message->conn;
	if (c == NULL)
		return 0;
	c->is_subscriber = true;
	return c->token;
}

const char *rpc_client_name(struct rpc_request *req)
{
	return req->message->client;
}

const struct role *rpc_role(struct rpc_request *req)
{
	return &req->message->role;
}

void rpc_message_start(struct rpc_conn *c, char *text, size_t size)
{
	const struct rpc_limits *l = &c->server->limits;
	struct json_line_limits limits = {.string_size = l->string_size,
	    .n_values = l->n_values,
	    .n_containers = l->n_containers,
	    .depth = l->depth,
	    .n_batch = l->n_batch,
	    .memory = rpc_memory_left(c->server, &c->peer.role)};
	struct rpc_message *m = mem_alloc(sizeof(*m));
	m->server = c->server;
	m->conn = c;
	m->role = c->peer.role;
	snprintf(m->client, sizeof(m->client), "%s", c->peer.client);
	buf_writer_init(&m->out, l->output_size + ENVELOPE_SIZE);

	struct err err = {0};
	if (json_line_decode(&m->line, text, size, &limits, &err) != 0) {
		take_strike(c, err.code);
		put_error(m, &null_id, rpc_error_to_json(&err, -1));
	} else {
		m->is_batch = json_is_array(m->line.root);
		m->n = m->is_batch ? json_array_size(m->line.root) : 1;
		m->charged = m->line.memory;
		c->server->charged += m->charged;
	}
	if (m->is_batch && (m->n == 0 || m->n > l->n_batch)) {
		if (m->n == 0)
			err_set(&err, ERR_REQUEST, "a batch has at least one member");
		else
			err_set(&err, ERR_TOO_LARGE, "a batch has at most %u members", l->n_batch);
		m->is_batch = false;
		m->n = 0;
		put_error(m, &null_id, rpc_error_to_json(&err, -1));
	}
	c->message = m;
	message_step(m);
}

void rpc_message_orphan(struct rpc_message *m)
{
	m->conn = NULL;
}

/* Having no room for a message is not the client's fault. */
static void take_strike(struct rpc_conn *c, enum err_code code)
{
	if (code == ERR_BUSY) {
		c->server->counters.n_no_memory++;
		return;
	}
	c->n_strikes++;
	c->server->counters.n_strikes++;
}

/* Handlers that answer at once come back here through request_end: stepping turns their recursion into this loop. */
static void message_step(struct rpc_message *m)
{
	m->stepping = true;
	while (m->running == NULL && m->next < m->n && m->conn != NULL) {
		size_t i = m->next++;
		json_t *object = m->is_batch ? json_array_get(m->line.root, i) : m->line.root;
		request_start(m, object, &m->line.ids[i]);
	}
	m->stepping = false;
	if (m->running == NULL)
		message_end(m);
}

static void message_end(struct rpc_message *m)
{
	struct rpc_conn *c = m->conn;
	if (c != NULL) {
		c->message = NULL;
		if (m->out.size > 0) {
			buf_put(&m->out, m->is_batch ? "]\n" : "\n", m->is_batch ? 2 : 1);
			rpc_conn_send(c, m->out.data, m->out.size);
		}
		rpc_conn_wake(c);
	}
	rpc_memory_give(m->server, m->charged);
	buf_writer_fini(&m->out);
	json_line_fini(&m->line);
	free(m);
}

static void request_start(struct rpc_message *m, json_t *object, const struct json_id *id)
{
	struct rpc_counters *counters = &m->server->counters;
	struct err err = {0};
	counters->n_requests++;
	if (check_envelope(object, id, &err) != 0) {
		put_error(
		    m, id->state == JSON_ID_VALID ? id : &null_id, rpc_error_to_json(&err, -1));
		return;
	}
	bool is_notification = id->state == JSON_ID_ABSENT;
	const char *name = json_string_value(json_object_get(object, "method"));
	const struct rpc_method *method = find_method(name, &err);
	if (is_notification && (method == NULL || method->mutating)) {
		counters->n_notifications_ignored++;
		log_info("%s: notification %.64s not executed", m->client,
		    method != NULL ? method->name : "of an unknown method");
		return;
	}
	json_t *params = json_object_get(object, "params");
	if (method != NULL && m->line.ops.is_there && !has_param(method, "ops"))
		json_object_set_new(params, "ops", json_raw_list(&m->line.ops));
	if (method == NULL || check_call(m, method, params, &err) != 0) {
		if (!is_notification)
			put_error(m, id, rpc_error_to_json(&err, -1));
		return;
	}
	struct rpc_request *req = mem_alloc(sizeof(*req));
	req->message = m;
	req->method = method;
	req->id = id;
	req->is_notification = is_notification;
	req->params = params != NULL ? json_incref(params) : json_object();
	m->running = req;
	method->handler(req);
}

/* JSON-RPC 2.0 section 4: what is no request is answered even without an id. */
static int check_envelope(json_t *object, const struct json_id *id, struct err *err)
{
	static const char *const members[] = {"jsonrpc", "id", "method", "params"};
	if (!json_is_object(object))
		return err_set(err, ERR_REQUEST, "a request is a JSON object");
	if (id->state == JSON_ID_INVALID)
		return err_set(err, ERR_REQUEST,
		    "id is a string of at most %d bytes, a number, or null", JSON_LINE_MAX_ID);
	const char *version = json_string_value(json_object_get(object, "jsonrpc"));
	if (version == NULL || strcmp(version, "2.0") != 0)
		return err_set(err, ERR_REQUEST, "jsonrpc must be \"2.0\"");
	if (!json_is_string(json_object_get(object, "method")))
		return err_set(err, ERR_REQUEST, "method must be a string");
	if (json_check_members(object, members, ARRAY_SIZE(members), err) != 0) {
		err->code = ERR_REQUEST;
		return -EINVAL;
	}
	json_t *params = json_object_get(object, "params");
	if (params != NULL && !json_is_object(params) && !json_is_array(params))
		return err_set(err, ERR_REQUEST, "params must be an object");
	return 0;
}

static const struct rpc_method *find_method(const char *name, struct err *err)
{
	for (size_t i = 0; i < rpc_n_methods; i++)
		if (strcmp(rpc_methods[i].name, name) == 0)
			return &rpc_methods[i];

	const char *names[MAX_METHODS];
	size_t n = MIN_OF(rpc_n_methods, (size_t)MAX_METHODS);
	for (size_t i = 0; i < n; i++)
		names[i] = rpc_methods[i].name;
	err_set(err, ERR_METHOD, "no method \"%.64s\"", name);
	const char *near = nearest_word(name, names, n);
	if (near != NULL)
		err_hint(err, "did you mean %s?", near);
	else
		err_hint(err, "rpc.methods lists all methods");
	return NULL;
}

static int check_call(
    struct rpc_message *m, const struct rpc_method *method, json_t *params, struct err *err)
{
	char role[ROLE_TEXT_SIZE];
	if (m->role.level < method->role) {
		m->server->counters.n_forbidden++;
		err_set(err, ERR_FORBIDDEN, "%s needs the role %s; this client has %s",
		    method->name, role_level_name(method->role), role_format(&m->role, role));
		err_hint(err, "members of group sluice may operate, root may all; --role of "
			      "sluiced says more");
		if (method->mutating)
			audit_forbidden(m->client, method->name);
		return err_errno(err->code);
	}
	if (params == NULL)
		return 0;
	if (!json_is_object(params))
		return err_set(err, ERR_PARAMS, "params are by name: an object");
	size_t n = 0;
	while (method->params[n] != NULL)
		n++;
	return json_check_members(params, method->params, n, err);
}

static bool has_param(const struct rpc_method *method, const char *name)
{
	for (size_t i = 0; method->params[i] != NULL; i++)
		if (strcmp(method->params[i], name) == 0)
			return true;
	return false;
}

static void request_end(struct rpc_request *req)
{
	struct rpc_message *m = req->message;
	assert(m->running == req);
	m->running = NULL;
	json_decref(req->params);
	free(req);
	if (!m->stepping)
		message_step(m);
}

/* value is borrowed. */
static void put_reply(
    struct rpc_message *m, const struct json_id *id, const char *kind, json_t *value)
{
	size_t start = m->out.size;
	size_t limit = m->server->limits.output_size;
	if (m->is_batch)
		buf_put(&m->out, start == 0 ? "[" : ",", 1);
	size_t max_size = m->out.max_size;
	m->out.max_size = limit;
	bool fits = put_member(&m->out, id, kind, value);
	m->out.max_size = max_size;
	if (fits)
		return;
	m->out.size = start;
	m->out.bad = false;
	struct err err = {0};
	err_set(&err, ERR_TOO_LARGE, "the reply is over %zu bytes", limit);
	err_hint(&err, "ask for less at a time, with limit and cursor");
	put_error(m, id, rpc_error_to_json(&err, -1));
}

/* Takes error. The reserve of ENVELOPE_SIZE has room for one short error of each member of a batch. */
static void put_error(struct rpc_message *m, const struct json_id *id, json_t *error)
{
	size_t start = m->out.size;
	m->server->counters.n_errors++;
	if (m->is_batch)
		buf_put(&m->out, start == 0 ? "[" : ",", 1);
	if (!put_member(&m->out, id, "error", error)) {
		m->out.size = start;
		m->out.bad = false;
	}
	json_decref(error);
}

static bool put_member(
    struct buf_writer *w, const struct json_id *id, const char *kind, json_t *value)
{
	char head[sizeof(id->text) + 64];
	int n =
	    snprintf(head, sizeof(head), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"%s\":", id->text, kind);
	buf_put(w, head, (size_t)n);
	json_write(w, value);
	buf_put(w, "}", 1);
	return !w->bad;
}
