/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/control/api_fixture.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/api/history.h"
#include "control/api/reconcile.h"
#include "control/api/rpc_priv.h"
#include "control/api/state_file.h"
#include "control/api/txn.h"
#include "control/api/watch.h"
#include "control/mem.h"
#include "datapath/base/clock.h"
#include "datapath/base/log.h"
#include "tests/unit/test.h"

enum { SILENCE_MS = 60, PATIENCE_MS = 5000 };

static void must(bool ok, const char *what);

int api_setup(void **state)
{
	struct api *api = calloc(1, sizeof(*api));
	signal(SIGPIPE, SIG_IGN);
	mem_init(NULL);
	log_init("test", LOG_LVL_ERR);
	snprintf(api->dir, sizeof(api->dir), "%s/sluice-test-XXXXXX", test_tmp());
	must(mkdtemp(api->dir) != NULL, "mkdtemp");
	snprintf(api->socket, sizeof(api->socket), "%s/api.sock", api->dir);
	fake_reset();
	api_start(api);
	*state = api;
	return 0;
}

int api_teardown(void **state)
{
	struct api *api = *state;
	char path[400];
	api_stop(api);
	DIR *dir = opendir(api->dir);
	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		snprintf(path, sizeof(path), "%s/%s", api->dir, e->d_name);
		if (e->d_name[0] != '.')
			unlink(path);
	}
	closedir(dir);
	rmdir(api->dir);
	free(api);
	return 0;
}

void api_start(struct api *api)
{
	struct daemon *d = &api->daemon;
	struct err err = {0};
	fake.last_generation = 0;
	*d = (struct daemon){.base = event_base_new(),
	    .rundir = api->dir,
	    .store = store_create(),
	    .history = history_create(),
	    .reconcile = reconcile_create()};
	d->storage = state_file_open(api->dir, d->base, NULL, &err);
	must(d->storage != NULL, err.what);
	d->log = txn_log_open(d->storage, d->store, &err);
	must(d->log != NULL, err.what);
	d->watch = watch_create(d);
	d->txn = txn_engine_create(d);
	must(txn_engine_restore(d->txn, &err) == 0, err.what);
	d->rpc = rpc_server_create(d->base, api->socket, d, &api->rules, &err);
	must(d->rpc != NULL, err.what);
	rpc_server_on_close(d->rpc, watch_on_close, d->watch);
}

void api_stop(struct api *api)
{
	struct daemon *d = &api->daemon;
	txn_engine_destroy(d->txn);
	rpc_server_destroy(d->rpc);
	watch_destroy(d->watch);
	reconcile_destroy(d->reconcile);
	history_destroy(d->history);
	txn_log_close(d->log);
	store_destroy(d->store);
	ovsdb_storage_close(d->storage);
	event_base_free(d->base);
}

int api_connect(struct api *api)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	strcpy(addr.sun_path, api->socket);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0, "connect");
	api_run(api);
	return fd;
}

int api_connect_as(struct api *api, const char *role)
{
	struct rpc_peer peer = {0};
	struct role_rules rules = {0};
	struct err err = {0};
	char rule[100];
	int fds[2];
	snprintf(rule, sizeof(rule), "uid:1=%s", role);
	must(role_rules_add(&rules, rule, &err) == 0, err.what);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0, "pair");
	peer.role = rules.rules[0].role;
	snprintf(peer.who, sizeof(peer.who), "test %s", role);
	snprintf(peer.client, sizeof(peer.client), "test (%s)", role);
	struct ovsdb_link link = {.fd = fds[1]};
	rpc_conn_accept(api->daemon.rpc, &link, &peer);
	api_run(api);
	return fds[0];
}

void api_send(struct api *api, int fd, const char *text)
{
	size_t size = strlen(text);
	for (size_t done = 0; done < size;) {
		ssize_t n = send(fd, text + done, size - done, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return; // the server has closed: what it said before is still to be read
		done += n > 0 ? (size_t)n : 0;
		api_run(api);
	}
}

char *api_read_line(struct api *api, int fd)
{
	enum { CHUNK = 65536 };
	size_t size = 0;
	char *line = malloc(CHUNK + 1);
	uint64_t end = clock_ms() + PATIENCE_MS;
	while (clock_ms() < end) {
		api_run(api);
		ssize_t n = recv(fd, line + size, CHUNK, MSG_DONTWAIT | MSG_PEEK);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			break;
		if (n < 0) {
			struct pollfd p = {.fd = fd, .events = POLLIN};
			poll(&p, 1, 1);
			continue;
		}
		/* What follows the line's end stays in the socket for the next call. */
		char *line_end = memchr(line + size, '\n', (size_t)n);
		size_t take = line_end != NULL ? (size_t)(line_end - line) + 1 - size : (size_t)n;
		n = recv(fd, line + size, take, MSG_DONTWAIT);
		must(n == (ssize_t)take, "recv after peek");
		size += take;
		if (line_end != NULL) {
			*line_end = '\0';
			return line;
		}
		line = realloc(line, size + CHUNK + 1);
	}
	free(line);
	return NULL;
}

bool api_is_silent(struct api *api, int fd)
{
	char byte;
	for (uint64_t end = clock_ms() + SILENCE_MS; clock_ms() < end;) {
		api_run(api);
		if (recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0)
			return false;
	}
	return true;
}

void api_run(struct api *api)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(api->daemon.base, EVLOOP_NONBLOCK);
}

json_t *api_call(struct api *api, int fd, const char *method, json_t *params)
{
	json_t *request = json_pack(
	    "{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", 1, "method", method, "params", params);
	char *text = json_dumps(request, JSON_COMPACT);
	must(text != NULL, "json");
	api_send(api, fd, text);
	api_send(api, fd, "\n");
	char *line = api_read_line(api, fd);
	json_t *reply = line != NULL ? json_loads(line, JSON_REJECT_DUPLICATES, NULL) : NULL;
	free(line);
	free(text);
	json_decref(request);
	return reply;
}

json_t *api_callf(struct api *api, int fd, const char *method, const char *params)
{
	char *text = strdup(params);
	for (char *p = text; *p != '\0'; p++)
		*p = *p == '\'' ? '"' : *p;
	json_error_t fault;
	json_t *json = json_loads(text, 0, &fault);
	must(json != NULL, fault.text);
	free(text);
	return api_call(api, fd, method, json);
}

json_t *api_commit_as(
    struct api *api, int fd, const char *owner, const char *ops, const char *extra)
{
	static int id_counter;
	char params[4096];
	snprintf(params, sizeof(params), "{'txn_id':'t%d','owner':'%s','ops':[%s]%s}", ++id_counter,
	    owner, ops, extra);
	return api_callf(api, fd, "txn.commit", params);
}

void api_must(struct api *api, int fd, const char *ops)
{
	json_t *reply = api_commit_as(api, fd, "o", ops, "");
	if (api_error_code(reply) != 0) {
		char *text = json_dumps(reply, 0);
		fail_msg("%s: %s", ops, text);
	}
	json_decref(reply);
}

uint64_t api_generation(struct api *api)
{
	return store_generation(api->daemon.store);
}

bool api_has(struct api *api, enum api_table table, const char *name)
{
	return store_find(api->daemon.store, table, name) != NULL;
}

int api_error_code(json_t *reply)
{
	return (int)json_integer_value(api_at(reply, "/error/code"));
}

json_t *api_at(json_t *reply, const char *pointer)
{
	char copy[256];
	snprintf(copy, sizeof(copy), "%s", pointer + 1);
	char *save = NULL;
	for (char *part = strtok_r(copy, "/", &save); part != NULL && reply != NULL;
	     part = strtok_r(NULL, "/", &save))
		reply = json_is_array(reply) ? json_array_get(reply, (size_t)atoi(part))
					     : json_object_get(reply, part);
	return reply;
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fixture: %s\n", what);
	abort();
}
