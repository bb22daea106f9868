/* SPDX-License-Identifier: Apache-2.0 */
/* sluiced: the control daemon. Makes the parts, joins them, runs the loop; the only file that knows everybody. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/api/history.h"
#include "control/api/reconcile.h"
#include "control/api/rpc.h"
#include "control/api/state_file.h"
#include "control/api/txn.h"
#include "control/api/txn_log.h"
#include "control/api/watch.h"
#include "control/daemon.h"
#include "control/dp_client.h"
#include "control/expiry.h"
#include "control/follow.h"
#include "control/json_memory.h"
#include "control/mem.h"
#include "control/openflow/of_switch.h"
#include "control/options.h"
#include "control/ovsdb/vswitch.h"
#include "control/query/punt.h"
#include "control/underlay/underlay.h"
#include "datapath/base/sd_notify.h"

#define LOG_MODULE "main"
#include "datapath/base/log.h"

static int run(struct daemon *d, const struct options *o, struct err *err);
static int open_state(struct daemon *d, const struct options *o, struct err *err);
static int open_sockets(struct daemon *d, const struct options *o, struct err *err);
static int open_ovsdb(struct daemon *d, const struct options *o, struct err *err);
static void close_all(struct daemon *d);
static int make_dir(const char *path, mode_t mode, struct err *err);
static void on_commit(struct daemon *d);
static void on_restore(const uint8_t *ops, size_t size, void *arg);
static void on_restored(const struct dp_dump_entry *held, size_t n_held, void *arg);
static void on_switch_state(bool connected, void *arg);
static void on_switch_port(const struct dp_port_event *ev, void *arg);
static void on_punt(const struct dp_punt_event *ev, const uint8_t *data, void *arg);
static void on_rules_removed(const struct dp_removed_event *ev, size_t n, void *arg);
static void on_signal(evutil_socket_t sig, short what, void *arg);
static void on_reload(evutil_socket_t sig, short what, void *arg);

int main(int argc, char **argv)
{
	struct options o = {
	    .rundir = "/run/sluice", .state = "/var/lib/sluice", .log_level = LOG_LVL_INFO};
	struct daemon d = {0};
	struct err err = {0};
	int rc = options_parse(&o, argc, argv);

	if (rc >= 0)
		return rc;
	log_init("sluiced", o.log_level);
	mem_init(NULL);
	json_memory_init();
	signal(SIGPIPE, SIG_IGN);
	rc = run(&d, &o, &err);
	close_all(&d);
	if (rc == 0)
		return EXIT_SUCCESS;
	fprintf(
	    stderr, "sluiced: %s%s%s\n", err.object, err.object[0] != '\0' ? ": " : "", err.what);
	if (err.hint[0] != '\0')
		fprintf(stderr, "hint: %s\n", err.hint);
	return EXIT_FAILURE;
}

/* The ladder of start: directories, loop, state, sockets. close_all takes down what there is, whatever the rung. */
static int run(struct daemon *d, const struct options *o, struct err *err)
{
	d->rundir = o->rundir;
	if (getrandom(&d->boot_id, sizeof(d->boot_id), 0) != sizeof(d->boot_id))
		return err_set(err, ERR_INTERNAL, "the kernel gives no random numbers");
	if (make_dir(o->rundir, 0750, err) != 0 || make_dir(o->state, 0700, err) != 0)
		return -EIO;
	d->base = event_base_new();
	if (d->base == NULL)
		return err_set(err, ERR_INTERNAL, "no event loop");
	int rc = open_state(d, o, err);
	if (rc == 0)
		rc = open_sockets(d, o, err);
	if (rc != 0)
		return rc;
	struct event *signals[] = {
	    evsignal_new(d->base, SIGTERM, on_signal, d->base),
	    evsignal_new(d->base, SIGINT, on_signal, d->base),
	    evsignal_new(d->base, SIGHUP, on_reload, d),
	};
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (event_add(signals[i], NULL) != 0)
			return err_set(err, ERR_INTERNAL, "cannot watch signals");
	d->on_commit = on_commit;
	vswitch_start(d->vswitch);
	log_info("serving %s/api.sock at generation %lu", o->rundir, store_generation(d->store));
	if (o->listen_tls != NULL)
		log_info("serving TLS on %s", o->listen_tls);
	sd_notify("READY=1");
	event_base_dispatch(d->base);
	sd_notify("STOPPING=1");
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		event_free(signals[i]);
	return 0;
}

static int open_state(struct daemon *d, const struct options *o, struct err *err)
{
	const struct model_options model_options = {.rundir = o->rundir};

	d->store = store_create();
	d->history = history_create();
	d->model = model_create(&model_options);
	d->reconcile = reconcile_create();
	d->txn = txn_engine_create(d);
	d->expiry = expiry_create(d);
	d->watch = watch_create(d);
	if (d->model == NULL)
		return err_set(err, ERR_INTERNAL, "the model cannot be made");
	d->storage = state_file_open(o->state, d->base, NULL, err);
	if (d->storage == NULL)
		return -EIO;
	d->log = txn_log_open(d->storage, d->store, err);
	if (d->log == NULL)
		return -EIO;
	return txn_engine_restore(d->txn, err);
}

static int open_sockets(struct daemon *d, const struct options *o, struct err *err)
{
	const struct dp_client_events switch_events = {.on_restore = on_restore,
	    .on_restored = on_restored,
	    .on_state = on_switch_state,
	    .on_port = on_switch_port,
	    .on_punt = on_punt,
	    .on_removed = on_rules_removed,
	    .arg = d};
	char path[128];

	d->follow = follow_create(d, err);
	if (d->follow == NULL)
		return -EIO;
	// Before the switch is asked what it holds: a model without routes would differ from it.
	follow_model(d);
	underlay_run(d->underlay);
	snprintf(path, sizeof(path), "%s/switch.sock", o->rundir);
	d->dp = dp_client_create(d->base, path, d->model, &switch_events);
	if (d->dp == NULL)
		return err_set(err, ERR_INTERNAL, "cannot watch %s", path);
	snprintf(path, sizeof(path), "%s/api.sock", o->rundir);
	d->rpc = rpc_server_create(d->base, path, d, &o->roles, err);
	if (d->rpc == NULL)
		return -EIO;
	d->openflow = of_switch_create(d);
	rpc_server_on_close(d->rpc, watch_on_close, d->watch);
	struct rpc_limits limits = rpc_server_limits(d->rpc);
	if (o->client_memory_mib != 0)
		limits.memory_size = o->client_memory_mib << 20;
	rpc_server_set_limits(d->rpc, &limits);
	if (o->listen_tls != NULL &&
	    rpc_server_listen_tls(d->rpc, o->listen_tls, &o->tls, err) != 0)
		return -EIO;
	return o->no_ovsdb ? 0 : open_ovsdb(d, o, err);
}

static int open_ovsdb(struct daemon *d, const struct options *o, struct err *err)
{
	struct vswitch_options options = o->ovsdb;

	options.state = o->state;
	d->vswitch = vswitch_create(d, &options, err);
	return d->vswitch != NULL ? 0 : -EIO;
}

/* The reverse of run(); every part takes NULL. */
static void close_all(struct daemon *d)
{
	vswitch_stop(d->vswitch);
	dp_client_destroy(d->dp); // first: it answers those who still wait for the switch
	rpc_server_destroy(d->rpc);
	follow_destroy(d->follow);
	expiry_destroy(d->expiry);
	watch_destroy(d->watch);
	txn_engine_destroy(d->txn);
	of_switch_destroy(d->openflow);
	vswitch_destroy(d->vswitch);
	reconcile_destroy(d->reconcile);
	model_destroy(d->model);
	history_destroy(d->history);
	txn_log_close(d->log);
	store_destroy(d->store);
	ovsdb_storage_close(d->storage);
	if (d->base != NULL)
		event_base_free(d->base);
}

static int make_dir(const char *path, mode_t mode, struct err *err)
{
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	err_set(err, ERR_INTERNAL, "cannot make directory %s: %s", path, strerror(errno));
	return err_hint(err, "run as root, or name another with --rundir and --state");
}

static void on_commit(struct daemon *d)
{
	follow_model(d);
	of_switch_on_commit(d->openflow);
	vswitch_on_commit(d->vswitch);
}

static void on_restore(const uint8_t *ops, size_t size, void *arg)
{
	struct daemon *d = arg;

	of_switch_restore(d->openflow, ops, size);
}

static void on_restored(const struct dp_dump_entry *held, size_t n_held, void *arg)
{
	struct daemon *d = arg;

	of_switch_restored(d->openflow, held, n_held);
}

static void on_switch_state(bool connected, void *arg)
{
	struct daemon *d = arg;

	of_switch_on_switch(d->openflow, connected);
	vswitch_on_switch(d->vswitch, connected);
	if (connected)
		log_info("sluice-switch is connected and current");
	else
		log_warn(
		    "sluice-switch is away; it forwards what it was last told, or restarts empty");
}

static void on_switch_port(const struct dp_port_event *ev, void *arg)
{
	static const char *const states[] = {"waiting", "up", "link_down", "failed"};
	struct daemon *d = arg;
	const char *name = model_port_name(d->model, ev->id);

	if (name == NULL || ev->state >= ARRAY_SIZE(states))
		return;
	vswitch_on_port(d->vswitch);
	of_switch_on_port(d->openflow, ev);
	if (ev->state == DP_PORT_FAILED)
		log_warn("port %s failed: %s", name, ev->error);
	else
		log_info("port %s is %s", name, states[ev->state]);
	watch_live(d->watch, WATCH_PORT_STATE, name,
	    json_pack("{s:s, s:b, s:s}", "state", states[ev->state], "link_up", ev->link_up != 0,
		"error", ev->error));
}

static void on_punt(const struct dp_punt_event *ev, const uint8_t *data, void *arg)
{
	struct daemon *d = arg;
	const char *name = model_port_name(d->model, ev->port);

	of_switch_on_punt(d->openflow, ev, data);
	if (name != NULL && watch_wants(d->watch, WATCH_PUNT))
		watch_live(d->watch, WATCH_PUNT, name, punt_to_json(d, ev, data));
}

static void on_rules_removed(const struct dp_removed_event *ev, size_t n, void *arg)
{
	struct daemon *d = arg;

	of_switch_on_removed(d->openflow, ev, n);
	expiry_add(d->expiry, ev, n);
}

static void on_signal(evutil_socket_t sig, short, void *arg)
{
	log_info("ending on signal %d", (int)sig);
	event_base_loopbreak(arg);
}

static void on_reload(evutil_socket_t, short, void *arg)
{
	struct daemon *d = arg;
	struct err err = {0};

	if (rpc_server_reload_tls(d->rpc, &err) == 0)
		log_info("certificates are read again");
	else
		log_err("the former certificates stay: %s", err.what);
}
