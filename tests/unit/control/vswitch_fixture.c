/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/control/vswitch_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "control/api/history.h"
#include "control/api/reconcile.h"
#include "control/api/state_file.h"
#include "control/api/txn.h"
#include "control/api/watch.h"
#include "control/mem.h"
#include "datapath/base/clock.h"
#include "datapath/base/log.h"
#include "tests/unit/test.h"

enum { PATIENCE_MS = 3000, QUIET_MS = 25, INPUT_SIZE = 1 << 20 };

static void on_commit(struct daemon *d);
static void on_state(bool connected, void *arg);
static void on_port(const struct dp_port_event *ev, void *arg);
static void connect_client(struct vs *vs);
static json_t *json_of(const char *text);
static json_t *receive(struct vs *vs, int id);

int vs_setup(void **state)
{
	struct vs *vs = calloc(1, sizeof(*vs));

	mem_init(NULL);
	log_init("test", LOG_LVL_ERR);
	fake_setup((void **)&vs->fake);
	vs->input = malloc(INPUT_SIZE);
	snprintf(vs->dir, sizeof(vs->dir), "%s", vs->fake->dir);
	fake_listen(vs->fake);
	vs_start(vs);
	*state = vs;
	return 0;
}

int vs_teardown(void **state)
{
	struct vs *vs = *state;
	char path[400];

	vs_stop(vs);
	DIR *dir = opendir(vs->dir);
	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		snprintf(path, sizeof(path), "%s/%s", vs->dir, e->d_name);
		if (e->d_name[0] != '.' && strcmp(e->d_name, "switch.sock") != 0)
			unlink(path);
	}
	closedir(dir);
	fake_teardown((void **)&vs->fake);
	json_decref(vs->last_update);
	free(vs->input);
	free(vs);
	return 0;
}

void vs_start(struct vs *vs)
{
	const struct model_options model_options = {.rundir = vs->dir};
	const struct dp_client_events events = {
	    .on_state = on_state, .on_port = on_port, .arg = &vs->d};
	const struct vswitch_options options = {.state = vs->dir};
	struct daemon *d = &vs->d;
	struct err err = {0};

	*d = (struct daemon){.base = vs->fake->base,
	    .rundir = vs->dir,
	    .store = store_create(),
	    .history = history_create(),
	    .model = model_create(&model_options),
	    .reconcile = reconcile_create()};
	d->txn = txn_engine_create(d);
	d->watch = watch_create(d);
	d->storage = state_file_open(vs->dir, d->base, NULL, &err);
	if (d->storage == NULL)
		fail_msg("%s", err.what);
	d->log = txn_log_open(d->storage, d->store, &err);
	assert_non_null(d->log);
	assert_int_equal(txn_engine_restore(d->txn, &err), 0);
	d->dp = dp_client_create(d->base, vs->fake->path, d->model, &events);
	d->vswitch = vswitch_create(d, &options, &err);
	if (d->vswitch == NULL)
		fail_msg("%s", err.what);
	d->on_commit = on_commit;
	vswitch_start(d->vswitch);
	vs_run(vs);
	connect_client(vs);
}

void vs_stop(struct vs *vs)
{
	struct daemon *d = &vs->d;

	close(vs->client);
	vswitch_stop(d->vswitch);
	dp_client_destroy(d->dp);
	watch_destroy(d->watch);
	txn_engine_destroy(d->txn);
	vswitch_destroy(d->vswitch);
	reconcile_destroy(d->reconcile);
	model_destroy(d->model);
	history_destroy(d->history);
	txn_log_close(d->log);
	store_destroy(d->store);
	ovsdb_storage_close(d->storage);
	vs->n_input = 0;
}

/* Rounds of the loop, until one of QUIET_MS has neither moved the state nor sent the switch anything. */
void vs_run(struct vs *vs)
{
	uint64_t end_ms = clock_ms() + PATIENCE_MS, generation;
	unsigned int n_msgs;

	do {
		generation = store_generation(vs->d.store);
		n_msgs = vs->fake->n_msgs[DP_MSG_STATS] + vs->fake->n_msgs[DP_MSG_PREPARE];
		fake_run_ms(vs->fake, QUIET_MS);
	} while (clock_ms() < end_ms &&
		 (generation != store_generation(vs->d.store) ||
		     n_msgs != vs->fake->n_msgs[DP_MSG_STATS] + vs->fake->n_msgs[DP_MSG_PREPARE]));
}

json_t *vs_request(struct vs *vs, const char *method, json_t *params)
{
	int id = ++vs->next_id;
	json_t *request =
	    json_pack("{s:s, s:o, s:i}", "method", method, "params", params, "id", id);
	char *text = json_dumps(request, 0);

	assert_int_equal(send(vs->client, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	free(text);
	json_decref(request);
	return receive(vs, id);
}

json_t *vs_transact(struct vs *vs, const char *operations)
{
	json_t *params = json_of(operations);

	json_array_insert_new(params, 0, json_string("Open_vSwitch"));
	json_t *reply = vs_request(vs, "transact", params);
	json_t *result = json_incref(json_object_get(reply, "result"));
	json_decref(reply);
	return result;
}

void vs_must(struct vs *vs, const char *operations)
{
	char *all = malloc(strlen(operations) + 200);
	size_t i;
	json_t *result;

	/* As ovs-vsctl does. */
	sprintf(all,
	    "%.*s, "
	    "{'op':'mutate','table':'Open_vSwitch','where':[],'mutations':[['next_cfg','+=',1]]}]",
	    (int)strlen(operations) - 1, operations);
	json_t *results = vs_transact(vs, all);
	json_array_foreach (results, i, result)
		if (json_object_get(result, "error") != NULL)
			fail_msg("%s", json_dumps(results, 0));
	json_decref(results);
	free(all);
	vs_run(vs);
	json_t *root = vs_transact(vs,
	    "[{'op':'select','table':'Open_vSwitch','where':[],'columns':['cur_cfg','next_cfg']}]");
	json_t *row = json_array_get(json_object_get(json_array_get(root, 0), "rows"), 0);
	assert_true(json_equal(json_object_get(row, "cur_cfg"), json_object_get(row, "next_cfg")));
	json_decref(root);
}

json_t *vs_get(struct vs *vs, const char *table, const char *name, const char *column)
{
	char text[400];

	snprintf(text, sizeof(text),
	    "[{'op':'select','table':'%s','where':[%s%s%s],'columns':['%s']}]", table,
	    name != NULL ? "['name','==','" : "", name != NULL ? name : "",
	    name != NULL ? "']" : "", column);
	json_t *results = vs_transact(vs, text);
	json_t *row = json_array_get(json_object_get(json_array_get(results, 0), "rows"), 0);
	json_t *value = json_incref(json_object_get(row, column));
	json_decref(results);
	return value;
}

void assert_column(
    struct vs *vs, const char *table, const char *name, const char *column, const char *json)
{
	json_t *value = vs_get(vs, table, name, column);
	json_t *list = json_pack("[O?]", value);
	json_t *wanted = json_array();

	json_array_append_new(wanted, json_of(json));
	if (!json_equal(list, wanted))
		fail_msg("%s %s %s is %s, not %s", table, name, column, json_dumps(list, 0), json);
	json_decref(list);
	json_decref(wanted);
	json_decref(value);
}

const struct api_object *vs_object(struct vs *vs, enum api_table table, const char *name)
{
	return store_find(vs->d.store, table, name);
}

static void api_done(const struct txn_outcome *outcome, void *)
{
	if (outcome->err != NULL)
		fail_msg("%s: %s", outcome->err->object, outcome->err->what);
}

void vs_api(struct vs *vs, const char *owner, const char *ops)
{
	struct txn_spec spec = {
	    .ops.list = json_of(ops), .force = true, .wait_applied = true, .done = api_done};

	snprintf(spec.owner, sizeof(spec.owner), "%s", owner);
	txn_submit(vs->d.txn, NULL, &spec);
	vs_run(vs);
}

static void on_commit(struct daemon *d)
{
	vswitch_on_commit(d->vswitch);
}

static void on_state(bool connected, void *arg)
{
	vswitch_on_switch(((struct daemon *)arg)->vswitch, connected);
}

static void on_port(const struct dp_port_event *, void *arg)
{
	vswitch_on_port(((struct daemon *)arg)->vswitch);
}

static void connect_client(struct vs *vs)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/db.sock", vs->dir);
	vs->client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(vs->client, (struct sockaddr *)&a, sizeof(a)), 0);
	vs_run(vs);
}

/* Single quotes for double ones; scalars too. */
static json_t *json_of(const char *text)
{
	char *copy = strdup(text);
	json_error_t error;

	for (char *p = copy; *p != '\0'; p++)
		*p = *p == '\'' ? '"' : *p;
	json_t *json = json_loads(copy, JSON_DECODE_ANY, &error);
	if (json == NULL)
		fail_msg("%s: %s", copy, error.text);
	free(copy);
	return json;
}

/* The reply; what else came in between is passed over. */
static json_t *receive(struct vs *vs, int id)
{
	uint64_t end_ms = clock_ms() + PATIENCE_MS;

	while (clock_ms() < end_ms) {
		json_error_t error;
		json_t *message =
		    json_loadb(vs->input, vs->n_input, JSON_DISABLE_EOF_CHECK, &error);
		if (message != NULL) {
			vs->n_input -= (size_t)error.position;
			memmove(vs->input, vs->input + error.position, vs->n_input);
			if (json_integer_value(json_object_get(message, "id")) == id)
				return message;
			if (json_is_null(json_object_get(message, "id"))) {
				json_decref(vs->last_update);
				vs->last_update = json_incref(json_object_get(message, "params"));
			}
			json_decref(message);
			continue;
		}
		fake_run_ms(vs->fake, 1);
		ssize_t n = recv(
		    vs->client, vs->input + vs->n_input, INPUT_SIZE - vs->n_input, MSG_DONTWAIT);
		if (n > 0)
			vs->n_input += (size_t)n;
		else if (n == 0)
			fail_msg("the server closed the connection");
	}
	fail_msg("no reply to request %d", id);
	return NULL;
}
