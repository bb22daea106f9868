/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/ovsdb-lite/server_fixture.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "datapath/base/clock.h"
#include "ovsdb-lite/mem.h"
#include "tests/unit/test.h"

enum { PATIENCE_MS = 5000, MOMENT_MS = 30, READ_SIZE = 65536, UUID_LEN = 36 };

static const char schema_text[] =
    "{'name':'t','version':'1.0.0','tables':{"
    "'r':{'isRoot':true,'indexes':[['i']],'columns':{'i':{'type':'integer'},'s':{'type':'string'},"
    "'set':{'type':{'key':'integer','min':0,'max':'unlimited'}},"
    "'e':{'type':'string','ephemeral':true},"
    "'c':{'type':{'key':{'type':'uuid','refTable':'c'},'min':0,'max':'unlimited'}}}},"
    "'c':{'columns':{'n':{'type':'string'}}}}}";

static char *quoted(const char *text);
static json_t *take_message(struct server_client *c);
static bool read_more(struct server_fixture *f, struct server_client *c);
static char *plain(const json_t *message);

void server_fixture_init(struct server_fixture *f, const struct ovsdb_server_limits *limits,
    const struct ovsdb_server_events *events, bool durable, const struct ovsdb_journal_io *io)
{
	struct err err = {0};
	struct ovsdb_schema *schema = NULL;
	memset(f, 0, sizeof(*f));
	for (size_t i = 0; i < FIXTURE_CLIENTS; i++)
		f->clients[i].fd = -1;
	snprintf(f->dir, sizeof(f->dir), "%s/ovsdb-server-XXXXXX", test_tmp());
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->remote, sizeof(f->remote), "punix:%s/sock", f->dir);
	char *text = quoted(schema_text);
	json_t *json = json_loads(text, 0, NULL);
	assert_null(ovsdb_schema_from_json(&schema, json));
	json_decref(json);
	free(text);
	f->base = event_base_new();
	f->server = ovsdb_server_create(f->base, limits, events);
	if (durable) {
		char path[FIXTURE_PATH + 8];
		const struct ovsdb_schema *made = schema;
		const struct ovsdb_storage_options how = {.io = io};
		snprintf(path, sizeof(path), "%s/db", f->dir);
		assert_int_equal(ovsdb_storage_create(path, &made, 1, NULL, &err), 0);
		ovsdb_schema_destroy(schema);
		f->storage = ovsdb_storage_open(path, &how, NULL, &err);
		assert_non_null(f->storage);
		f->db = ovsdb_storage_db(f->storage, 0);
	} else {
		f->db = ovsdb_db_create(schema);
	}
	assert_int_equal(ovsdb_server_add_db(f->server, f->db, f->storage, &err), 0);
	struct ovsdb_remote_conf conf = {f->remote, ovsdb_remote_default_options(f->remote)};
	ovsdb_server_set_remotes(f->server, &conf, 1);
	server_run(f);
}

void server_fixture_fini(struct server_fixture *f)
{
	char path[FIXTURE_PATH + 8];
	for (size_t i = 0; i < FIXTURE_CLIENTS; i++)
		server_disconnect(f, i);
	server_run(f);
	ovsdb_server_destroy(f->server);
	if (f->storage != NULL)
		ovsdb_storage_close(f->storage);
	else
		ovsdb_db_destroy(f->db);
	event_base_free(f->base);
	snprintf(path, sizeof(path), "%s/db", f->dir);
	unlink(path);
	assert_int_equal(rmdir(f->dir), 0);
}

void server_fixture_reload(struct server_fixture *f)
{
	char path[FIXTURE_PATH + 8];
	const struct ovsdb_storage_options how = {0};
	struct err err = {0};
	snprintf(path, sizeof(path), "%s/db", f->dir);
	assert_int_equal(ovsdb_server_remove_db(f->server, "t"), 0);
	ovsdb_storage_close(f->storage);
	f->storage = ovsdb_storage_open(path, &how, NULL, &err);
	assert_non_null(f->storage);
	f->db = ovsdb_storage_db(f->storage, 0);
	assert_int_equal(ovsdb_server_add_db(f->server, f->db, f->storage, &err), 0);
	server_run(f);
}

void server_run(struct server_fixture *f)
{
	for (int i = 0; i < 4; i++)
		event_base_loop(f->base, EVLOOP_NONBLOCK);
}

void server_connect(struct server_fixture *f, size_t i)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct server_client *c = &f->clients[i];
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/sock", f->dir);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	server_run(f);
}

void server_disconnect(struct server_fixture *f, size_t i)
{
	struct server_client *c = &f->clients[i];
	if (c->fd >= 0)
		close(c->fd);
	free(c->data);
	*c = (struct server_client){.fd = -1};
	server_run(f);
}

void server_send(struct server_fixture *f, size_t i, const char *fmt, ...)
{
	va_list args;
	char *text = NULL;
	va_start(args, fmt);
	assert_true(vasprintf(&text, fmt, args) >= 0);
	va_end(args);
	char *bytes = quoted(text);
	size_t size = strlen(bytes), done = 0;
	while (done < size && f->clients[i].fd >= 0) {
		ssize_t n = send(f->clients[i].fd, bytes + done, size - done, MSG_NOSIGNAL);
		if (n > 0)
			done += (size_t)n;
		else if (errno != EAGAIN)
			break;
		else
			server_run(f);
	}
	free(bytes);
	free(text);
}

json_t *server_receive(struct server_fixture *f, size_t i)
{
	uint64_t end_ms = clock_ms() + PATIENCE_MS;
	struct server_client *c = &f->clients[i];
	for (;;) {
		json_t *message = take_message(c);
		if (message != NULL || c->fd < 0 || clock_ms() > end_ms)
			return message;
		server_run(f);
		if (read_more(f, c))
			continue;
		struct pollfd p = {.fd = c->fd, .events = POLLIN};
		poll(&p, 1, 1);
	}
}

void server_expect(struct server_fixture *f, size_t i, const char *text)
{
	json_t *message = server_receive(f, i);
	if (message == NULL)
		fail_msg("no message; expected %s", text);
	char *got = plain(message);
	assert_string_equal(got, text);
	free(got);
	json_decref(message);
}

void server_expect_nothing(struct server_fixture *f, size_t i)
{
	uint64_t end_ms = clock_ms() + MOMENT_MS;
	struct server_client *c = &f->clients[i];
	while (clock_ms() < end_ms) {
		server_run(f);
		read_more(f, c);
		json_t *message = take_message(c);
		if (message != NULL)
			fail_msg("not expected: %s", plain(message));
	}
	assert_true(c->fd >= 0);
}

void server_expect_closed(struct server_fixture *f, size_t i)
{
	json_t *message = server_receive(f, i);
	if (message != NULL)
		fail_msg("not expected: %s", plain(message));
	assert_int_equal(f->clients[i].fd, -1);
}

void server_ask(struct server_fixture *f, size_t i, const char *request, const char *answer)
{
	server_send(f, i, "%s", request);
	server_expect(f, i, answer);
}

static char *quoted(const char *text)
{
	char *copy = ovsdb_copy_text(text);
	for (char *p = copy; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	return copy;
}

static json_t *take_message(struct server_client *c)
{
	json_error_t why;
	json_t *message = json_loadb(c->data, c->size, JSON_DISABLE_EOF_CHECK, &why);
	if (message == NULL)
		return NULL;
	size_t used = (size_t)why.position;
	memmove(c->data, c->data + used, c->size - used);
	c->size -= used;
	return message;
}

static bool read_more(struct server_fixture *, struct server_client *c)
{
	if (c->fd < 0)
		return false;
	if (c->capacity - c->size < READ_SIZE) {
		c->capacity = c->capacity * 2 + READ_SIZE;
		c->data = ovsdb_resize(c->data, c->capacity);
	}
	ssize_t n = recv(c->fd, c->data + c->size, READ_SIZE, MSG_DONTWAIT);
	if (n > 0) {
		c->size += (size_t)n;
		return true;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		close(c->fd);
		c->fd = -1;
	}
	return false;
}

static char *plain(const json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT | JSON_SORT_KEYS), *to = text;
	for (const char *from = text; *from != '\0'; to++) {
		size_t n = strspn(from, "0123456789abcdef-");
		bool is_uuid =
		    n == UUID_LEN && from[8] == '-' && from[13] == '-' && from[18] == '-';
		*to = is_uuid ? 'U' : *from == '"' ? '\'' : *from;
		from += is_uuid ? UUID_LEN : 1;
	}
	*to = '\0';
	return text;
}
