/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cli/rpc_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/base/clock.h"
#include "tools/cli/transport.h"

struct rpc_client {
	struct transport transport;
	char *in; // bytes received, not yet taken as a line
	size_t in_size, in_capacity;
	uint64_t next_id;
};

enum { LINE_MAX_SIZE = 64 * 1024 * 1024 };

static int connect_api(struct cli *cli, uint64_t deadline_ms, struct err *err)
{
	struct transport transport;
	int rc = transport_connect(cli, deadline_ms, &transport, err);

	if (rc != EXIT_OK)
		return rc;
	cli->rpc = calloc(1, sizeof(*cli->rpc));
	if (cli->rpc == NULL)
		abort();
	cli->rpc->transport = transport;
	return EXIT_OK;
}

void rpc_client_close(struct cli *cli)
{
	if (cli->rpc == NULL)
		return;
	transport_close(&cli->rpc->transport);
	free(cli->rpc->in);
	free(cli->rpc);
	cli->rpc = NULL;
}

static int lost(const struct cli *cli, struct err *err)
{
	const char *reason = cli->rpc->transport.reason;

	err_set(err, ERR_STATE, "sluiced closed the connection at %s%s%s", transport_place(cli),
	    reason != NULL ? ": " : "", reason != NULL ? reason : "");
	err_hint(err, "its log says why; a repeated txn_id tells whether a change was made");
	return EXIT_UNREACHABLE;
}

/* Waits until the socket is ready for events. Says so after a second of silence: never wait without a word. */
static int wait_ready(const struct cli *cli, short events, uint64_t deadline_ms, struct err *err)
{
	bool said = false;

	for (;;) {
		uint64_t now = clock_ms();
		int left = deadline_ms == UINT64_MAX ? -1
			   : deadline_ms <= now      ? 0
						     : (int)MIN_OF(deadline_ms - now, 3600000u);
		int step = left < 0 || said ? left : MIN_OF(left, 1000);
		struct pollfd p = {.fd = cli->rpc->transport.fd, .events = events};

		if (poll(&p, 1, step) > 0)
			return EXIT_OK;
		if (left == 0) {
			err_set(
			    err, ERR_STATE, "no answer from sluiced within %u ms", cli->timeout_ms);
			err_hint(err, "give it longer with -t SECONDS");
			return EXIT_TIMEOUT;
		}
		if (!said && step >= 0)
			fprintf(stderr, "waiting for sluiced…\n");
		said = true;
	}
}

static int send_all(
    const struct cli *cli, const char *data, size_t size, uint64_t deadline_ms, struct err *err)
{
	while (size > 0) {
		short events;
		ssize_t n = transport_write(&cli->rpc->transport, data, size, &events);

		if (n > 0) {
			data += n;
			size -= (size_t)n;
			continue;
		}
		if (n != -EAGAIN)
			return lost(cli, err);
		int rc = wait_ready(cli, events, deadline_ms, err);
		if (rc != EXIT_OK)
			return rc;
	}
	return EXIT_OK;
}

/* Takes one line off the input, reading as needed. *ret is a new string. */
static int read_line(struct cli *cli, uint64_t deadline_ms, char **ret, struct err *err)
{
	struct rpc_client *c = cli->rpc;
	size_t scanned = 0;

	for (;;) {
		char *nl = c->in_size > scanned
			       ? memchr(c->in + scanned, '\n', c->in_size - scanned)
			       : NULL;

		if (nl != NULL) {
			size_t len = (size_t)(nl - c->in);

			*ret = strndup(c->in, len);
			c->in_size -= len + 1;
			memmove(c->in, nl + 1, c->in_size);
			return EXIT_OK;
		}
		scanned = c->in_size;
		if (c->in_size == c->in_capacity) {
			if (c->in_capacity >= LINE_MAX_SIZE)
				return lost(cli, err);
			c->in_capacity = MAX_OF(65536u, c->in_capacity * 2);
			c->in = realloc(c->in, c->in_capacity);
			if (c->in == NULL)
				abort();
		}
		short events;
		ssize_t n = transport_read(
		    &c->transport, c->in + c->in_size, c->in_capacity - c->in_size, &events);
		int rc = n == -EAGAIN ? wait_ready(cli, events, deadline_ms, err) : EXIT_OK;
		if (rc != EXIT_OK)
			return rc;
		if (n <= 0 && n != -EAGAIN)
			return lost(cli, err);
		c->in_size += n > 0 ? (size_t)n : 0;
	}
}

static const char *member_string(json_t *obj, const char *name)
{
	const char *s = json_string_value(json_object_get(obj, name));

	return s != NULL ? s : "";
}

void rpc_error_decode(json_t *error, struct err *ret)
{
	json_t *data = json_object_get(error, "data");

	if (data == NULL) // an entry of error.data.errors has its members beside the message
		data = error;
	err_set(ret, (enum err_code)json_integer_value(json_object_get(error, "code")), "%s",
	    member_string(error, "message"));
	err_path(ret, "%s", member_string(data, "path"));
	err_object(ret, "%s", member_string(data, "object"));
	if (member_string(data, "hint")[0] != '\0')
		err_hint(ret, "%s", member_string(data, "hint"));
}

static int take_reply(json_t *reply, json_t **ret_result, struct err *err, json_t **ret_errors)
{
	json_t *error = json_object_get(reply, "error");

	if (error == NULL) {
		*ret_result = json_incref(json_object_get(reply, "result"));
		return EXIT_OK;
	}
	rpc_error_decode(error, err);
	*ret_errors = json_incref(json_object_get(json_object_get(error, "data"), "errors"));
	return EXIT_REFUSED;
}

int rpc_client_call(struct cli *cli, const char *method, json_t *params, json_t **ret_result,
    struct err *err, json_t **ret_errors)
{
	uint64_t deadline_ms = clock_ms() + cli->timeout_ms;
	int rc = cli->rpc == NULL ? connect_api(cli, deadline_ms, err) : EXIT_OK;

	if (rc != EXIT_OK) {
		json_decref(params);
		return rc;
	}
	json_int_t id = (json_int_t)++cli->rpc->next_id;
	json_t *req = json_pack("{s:s,s:I,s:s,s:o}", "jsonrpc", "2.0", "id", id, "method", method,
	    "params", params != NULL ? params : json_object());
	char *text = json_dumps(req, JSON_COMPACT);
	json_decref(req);
	if (text == NULL)
		abort();
	rc = send_all(cli, text, strlen(text), deadline_ms, err);
	if (rc == EXIT_OK)
		rc = send_all(cli, "\n", 1, deadline_ms, err);
	free(text);
	while (rc == EXIT_OK) {
		char *line = NULL;
		rc = read_line(cli, deadline_ms, &line, err);
		if (rc != EXIT_OK)
			break;
		json_t *reply = json_loads(line, 0, NULL);
		free(line);
		json_t *reply_id = json_object_get(reply, "id");
		/* Without an id: a notification, which is not ours to handle here. With null: about the connection. */
		if (json_integer_value(reply_id) != id && !json_is_null(reply_id)) {
			json_decref(reply);
			continue;
		}
		rc = take_reply(reply, ret_result, err, ret_errors);
		json_decref(reply);
		return rc;
	}
	return rc;
}

json_t *rpc_client_next(struct cli *cli, int timeout_ms, struct err *err)
{
	uint64_t deadline_ms = timeout_ms < 0 ? UINT64_MAX : clock_ms() + (uint64_t)timeout_ms;
	char *line = NULL;

	if (read_line(cli, deadline_ms, &line, err) != EXIT_OK)
		return NULL;
	json_t *msg = json_loads(line, 0, NULL);
	free(line);
	if (msg == NULL)
		err_set(err, ERR_PARSE, "sluiced sent a line that is not JSON");
	return msg;
}
