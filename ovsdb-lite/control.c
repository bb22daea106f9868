/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb-lite/control.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datapath/base/clock.h"
#include "datapath/base/list.h"
#include "ovsdb-lite/address.h"
#include "ovsdb-lite/conn.h"
#include "ovsdb-lite/json_text.h"
#include "ovsdb-lite/mem.h"

#define LOG_MODULE "control"
#include "datapath/base/log.h"

enum {
	MAX_CONNS = 64,
	MAX_ARGS = 64,
	BACKLOG = 16,
	MESSAGE_SIZE = 1 << 20,
	MAX_VALUES = 1024,
	MAX_DEPTH = 16,
	OUTPUT_SIZE = 1 << 20,
	HANDSHAKE_MS = 5000,
	FREE_MS = 100,
	IDLE_MS = 60000,
};

struct ovsdb_control_call {
	struct list node;
	struct ovsdb_control *control;
	struct ovsdb_conn *conn;
	json_t *id; // of the command that is not answered; NULL: none
	bool has_ended;
};

struct ovsdb_control {
	struct event_base *base;
	const struct ovsdb_control_command *commands;
	void *arg;
	struct ovsdb_address address;
	int fd;
	struct event *accept_event, *tick;
	struct list calls; // a connection each
	unsigned int n;
	struct ovsdb_conn_limits limits;
	struct ovsdb_input_budget budget;
};

static int open_socket(const struct ovsdb_address *a);
static void on_accept(evutil_socket_t fd, short what, void *arg);
static void on_tick(evutil_socket_t fd, short what, void *arg);
static void on_message(void *owner, json_t *message);
static void run(struct ovsdb_control_call *call, const char *method, const json_t *params);
static const char *read_args(
    const json_t *params, const char *method, const char *argv[MAX_ARGS + 1], char text[256]);
static const struct ovsdb_control_command *find(
    const struct ovsdb_control_command *commands, const char *name);
static void list_commands(struct ovsdb_control_call *call);
static void answer(struct ovsdb_control_call *call, bool is_good, const char *text);
static void on_drained(void *owner);
static void on_end(void *owner, const char *why);
static void free_call(struct ovsdb_control_call *call);

static const struct ovsdb_conn_ops conn_ops = {
    .on_message = on_message, .on_drained = on_drained, .on_end = on_end};

struct ovsdb_control *ovsdb_control_create(struct event_base *base, const char *path,
    const struct ovsdb_control_command *commands, void *arg, struct err *err)
{
	const struct timeval period = {.tv_usec = FREE_MS * 1000};
	struct ovsdb_address address;
	char *name = ovsdb_format_text("punix:%s", path);
	int rc = ovsdb_address_parse(name, &address, err);
	free(name);
	if (rc != 0)
		return NULL;
	int fd = open_socket(&address);
	if (fd < 0) {
		err_set(err, ERR_INTERNAL, "%.200s: could not initialize control socket: %s", path,
		    strerror(-fd));
		return NULL;
	}
	struct ovsdb_control *c = ovsdb_alloc(sizeof(*c));
	c->base = base;
	c->commands = commands;
	c->arg = arg;
	c->address = address;
	c->fd = fd;
	c->limits = (struct ovsdb_conn_limits){
	    .json = {.size = MESSAGE_SIZE, .n_values = MAX_VALUES, .depth = MAX_DEPTH},
	    .output_size = OUTPUT_SIZE,
	    .handshake_ms = HANDSHAKE_MS,
	    .n_messages = 1};
	c->budget.limit = (size_t)MESSAGE_SIZE * 4;
	list_init(&c->calls);
	c->accept_event = event_new(base, fd, EV_READ | EV_PERSIST, on_accept, c);
	event_add(c->accept_event, NULL);
	c->tick = event_new(base, -1, EV_PERSIST, on_tick, c);
	event_add(c->tick, &period);
	return c;
}

void ovsdb_control_destroy(struct ovsdb_control *c)
{
	if (c == NULL)
		return;
	list_foreach_safe (call, &c->calls, struct ovsdb_control_call, node)
		free_call(call);
	event_free(c->accept_event);
	event_free(c->tick);
	close(c->fd);
	unlink(c->address.un.sun_path);
	free(c);
}

void ovsdb_control_reply(struct ovsdb_control_call *call, const char *text)
{
	answer(call, true, text != NULL ? text : "");
}

void ovsdb_control_fail(struct ovsdb_control_call *call, const char *text)
{
	answer(call, false, text);
}

static int open_socket(const struct ovsdb_address *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	unlink(a->un.sun_path);
	(void)fchmod(fd, S_IRWXU | S_IRWXG); // bind gives the file this mode
	if (bind(fd, &a->any, a->size) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int error = errno;
	close(fd);
	return -error;
}

static void on_accept(evutil_socket_t fd, short, void *arg)
{
	struct ovsdb_control *c = arg;
	struct ovsdb_address from;
	socklen_t size = sizeof(from.inet);
	int conn = accept4(fd, &from.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (conn < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			event_del(c->accept_event); // the tick listens again
		return;
	}
	if (c->n >= MAX_CONNS) {
		close(conn);
		return;
	}
	struct ovsdb_control_call *call = ovsdb_alloc(sizeof(*call));
	call->control = c;
	list_add(&c->calls, &call->node);
	c->n++;
	call->conn = ovsdb_conn_create(c->base, (struct ovsdb_link){.fd = conn}, false, &c->limits,
	    &c->budget, &conn_ops, call);
}

/* Also frees those that have ended: not while they are being called. */
static void on_tick(evutil_socket_t, short, void *arg)
{
	struct ovsdb_control *c = arg;
	uint64_t now_ms = clock_ms();
	event_add(c->accept_event, NULL);
	list_foreach_safe (call, &c->calls, struct ovsdb_control_call, node) {
		if (call->id == NULL && now_ms - call->conn->received_ms > IDLE_MS)
			ovsdb_conn_end(call->conn, NULL);
		if (call->has_ended && call->id == NULL)
			free_call(call);
	}
}

static void on_message(void *owner, json_t *message)
{
	struct ovsdb_control_call *call = owner;
	const char *method = json_string_value(json_object_get(message, "method"));
	const json_t *params = json_object_get(message, "params");
	json_t *id = json_object_get(message, "id");
	if (method == NULL || !json_is_array(params) || id == NULL || json_is_null(id)) {
		log_warn("received unexpected message");
		ovsdb_conn_finish(call->conn, NULL);
	} else {
		call->id = json_incref(id);
		ovsdb_conn_pause(call->conn, true);
		run(call, method, params);
	}
	json_decref(message);
}

static void run(struct ovsdb_control_call *call, const char *method, const json_t *params)
{
	char text[256];
	const char *argv[MAX_ARGS + 1];
	const char *fault = NULL;
	int n = (int)MIN_OF(json_array_size(params), (size_t)MAX_ARGS);
	const struct ovsdb_control_command *command = find(call->control->commands, method);
	bool is_list = strcmp(method, "list-commands") == 0;
	bool is_own = is_list || strcmp(method, "version") == 0;
	int n_min = command != NULL ? command->n_min : 0;
	int n_max = command != NULL ? command->n_max : 0;
	if (command == NULL && !is_own) {
		snprintf(text, sizeof(text),
		    "\"%.80s\" is not a valid command (use \"list-commands\" to see a list of "
		    "valid commands)",
		    method);
		fault = text;
	} else if (n < n_min || n > n_max) {
		snprintf(text, sizeof(text), "\"%.80s\" command %s %d arguments", method,
		    n < n_min ? "requires at least" : "takes at most", n < n_min ? n_min : n_max);
		fault = text;
	} else {
		fault = read_args(params, method, argv, text);
	}
	if (fault != NULL)
		ovsdb_control_fail(call, fault);
	else if (is_list)
		list_commands(call);
	else if (is_own)
		ovsdb_control_reply(call, "ovsdb-lite " SLUICE_VERSION);
	else
		command->run(call->control->arg, call, n + 1, argv);
}

static const char *read_args(
    const json_t *params, const char *method, const char *argv[MAX_ARGS + 1], char text[256])
{
	argv[0] = method;
	for (size_t i = 0; i < json_array_size(params) && i < MAX_ARGS; i++) {
		argv[i + 1] = json_string_value(json_array_get(params, i));
		if (argv[i + 1] != NULL)
			continue;
		snprintf(text, 256, "\"%.80s\" command has non-string argument", method);
		return text;
	}
	return NULL;
}

static const struct ovsdb_control_command *find(
    const struct ovsdb_control_command *commands, const char *name)
{
	for (; commands->name != NULL; commands++)
		if (strcmp(commands->name, name) == 0)
			return commands;
	return NULL;
}

static void list_commands(struct ovsdb_control_call *call)
{
	char *text = ovsdb_copy_text("The available commands are:\n  list-commands\n  version\n");
	for (const struct ovsdb_control_command *c = call->control->commands; c->name != NULL;
	     c++) {
		char *longer = ovsdb_format_text("%s  %-23s %s\n", text, c->name, c->usage);
		free(text);
		text = longer;
	}
	ovsdb_control_reply(call, text);
	free(text);
}

static void answer(struct ovsdb_control_call *call, bool is_good, const char *text)
{
	struct buf_writer w;
	size_t len = strlen(text);
	bool ends_line = len == 0 || text[len - 1] == '\n';
	char *body = ovsdb_format_text("%s%s", text, ends_line ? "" : "\n");
	buf_writer_init(&w, SIZE_MAX);
	ovsdb_json_write_raw(&w, "{\"id\":");
	ovsdb_json_write(&w, call->id);
	ovsdb_json_write_raw(
	    &w, is_good ? ",\"error\":null,\"result\":" : ",\"result\":null,\"error\":");
	ovsdb_json_write_string(&w, body, strlen(body));
	ovsdb_json_write_raw(&w, "}");
	json_decref(call->id);
	call->id = NULL;
	if (!call->has_ended) {
		ovsdb_conn_send(call->conn, w.data, w.size);
		ovsdb_conn_pause(call->conn, false);
	}
	buf_writer_fini(&w);
	free(body);
}

static void on_drained(void *)
{
}

static void on_end(void *owner, const char *)
{
	struct ovsdb_control_call *call = owner;
	call->has_ended = true;
}

/* Who holds the call for a later answer is gone before this. */
static void free_call(struct ovsdb_control_call *call)
{
	ovsdb_conn_destroy(call->conn);
	json_decref(call->id);
	list_del(&call->node);
	call->control->n--;
	free(call);
}
