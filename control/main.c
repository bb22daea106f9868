/* SPDX-License-Identifier: Apache-2.0 */
/* sluiced: the control daemon. Makes the parts, joins them, runs the loop; the only file that knows everybody. */
#include <getopt.h>
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
#include "control/api/txn.h"
#include "control/api/txn_log.h"
#include "control/api/watch.h"
#include "control/daemon.h"
#include "control/dp_client.h"
#include "control/expiry.h"
#include "control/follow.h"
#include "control/json_memory.h"
#include "control/query/punt.h"
#include "control/underlay/underlay.h"
#include "datapath/base/sd_notify.h"

#define LOG_MODULE "main"
#include "datapath/base/log.h"

enum { EXIT_USAGE = 2 };

struct options {
	const char *rundir, *state;
	enum log_level log_level;
};

static const struct option long_options[] = {
    {"rundir", required_argument, NULL, 'r'},
    {"state", required_argument, NULL, 's'},
    {"log-level", required_argument, NULL, 'l'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static const char help_text[] =
    "usage: sluiced [OPTION...]\n"
    "\n"
    "The control daemon of Sluice: serves the JSON-RPC API and programs sluice-switch.\n"
    "\n"
    "  --rundir DIR       where api.sock is made and switch.sock is (default /run/sluice)\n"
    "  --state DIR        journal and snapshots (default /var/lib/sluice)\n"
    "  --log-level LEVEL  err, warn, info or debug (default info)\n"
    "  --version          print the version and exit\n"
    "  --help             print this text and exit\n";

static int parse_options(struct options *o, int argc, char **argv);
static int run(struct daemon *d, const struct options *o, struct err *err);
static int open_state(struct daemon *d, const struct options *o, struct err *err);
static int open_sockets(struct daemon *d, const struct options *o, struct err *err);
static void close_all(struct daemon *d);
static int make_dir(const char *path, mode_t mode, struct err *err);
static void on_switch_state(bool connected, void *arg);
static void on_switch_port(const struct dp_port_event *ev, void *arg);
static void on_punt(const struct dp_punt_event *ev, const uint8_t *data, void *arg);
static void on_rules_removed(const struct dp_removed_event *ev, size_t n, void *arg);
static void on_signal(evutil_socket_t sig, short what, void *arg);

int main(int argc, char **argv)
{
	struct options o = {
	    .rundir = "/run/sluice", .state = "/var/lib/sluice", .log_level = LOG_LVL_INFO};
	struct daemon d = {0};
	struct err err = {0};
	int rc = parse_options(&o, argc, argv);

	if (rc >= 0)
		return rc;
	json_memory_init();
	log_init("sluiced", o.log_level);
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

/* The exit code when there is nothing to run, else -1. */
static int parse_options(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case 'r': o->rundir = optarg; break;
		case 's': o->state = optarg; break;
		case 'l':
			if (log_level_parse(optarg, &o->log_level) == 0)
				break;
			fprintf(stderr,
			    "sluiced: --log-level takes err, warn, info or debug, not \"%s\"\n",
			    optarg);
			return EXIT_USAGE;
		case 'V': printf("sluiced %s\n", SLUICE_VERSION); return EXIT_SUCCESS;
		case 'h': fputs(help_text, stdout); return EXIT_SUCCESS;
		default:
			fputs("hint: sluiced --help\n", stderr);
			return EXIT_USAGE; // getopt has said what
		}
	}
	if (optind == argc)
		return -1;
	fprintf(
	    stderr, "sluiced: unexpected argument \"%s\"\nhint: sluiced --help\n", argv[optind]);
	return EXIT_USAGE;
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
	struct event *term = evsignal_new(d->base, SIGTERM, on_signal, d->base);
	struct event *intr = evsignal_new(d->base, SIGINT, on_signal, d->base);
	if (term == NULL || intr == NULL || event_add(term, NULL) != 0 ||
	    event_add(intr, NULL) != 0)
		return err_set(err, ERR_INTERNAL, "cannot watch signals");
	d->on_commit = follow_model;
	log_info("serving %s/api.sock at generation %lu", o->rundir, store_generation(d->store));
	sd_notify("READY=1");
	event_base_dispatch(d->base);
	sd_notify("STOPPING=1");
	event_free(term);
	event_free(intr);
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
	if (d->store == NULL || d->history == NULL || d->model == NULL || d->reconcile == NULL ||
	    d->txn == NULL || d->expiry == NULL || d->watch == NULL)
		return err_set(err, ERR_INTERNAL, "out of memory");
	d->log = txn_log_open(o->state, NULL, d->store, err);
	if (d->log == NULL)
		return -EIO;
	return txn_engine_restore(d->txn, err);
}

static int open_sockets(struct daemon *d, const struct options *o, struct err *err)
{
	const struct dp_client_events switch_events = {.on_state = on_switch_state,
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
	d->rpc = rpc_server_create(d->base, path, d, err);
	if (d->rpc == NULL)
		return -EIO;
	rpc_server_on_close(d->rpc, watch_on_close, d->watch);
	return 0;
}

/* The reverse of run(); every part takes NULL. */
static void close_all(struct daemon *d)
{
	dp_client_destroy(d->dp); // first: it answers those who still wait for the switch
	rpc_server_destroy(d->rpc);
	follow_destroy(d->follow);
	expiry_destroy(d->expiry);
	watch_destroy(d->watch);
	txn_engine_destroy(d->txn);
	reconcile_destroy(d->reconcile);
	model_destroy(d->model);
	history_destroy(d->history);
	txn_log_close(d->log);
	store_destroy(d->store);
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

static void on_switch_state(bool connected, void *)
{
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

	if (name != NULL && watch_wants(d->watch, WATCH_PUNT))
		watch_live(d->watch, WATCH_PUNT, name, punt_to_json(d, ev, data));
}

static void on_rules_removed(const struct dp_removed_event *ev, size_t n, void *arg)
{
	struct daemon *d = arg;

	expiry_add(d->expiry, ev, n);
}

static void on_signal(evutil_socket_t sig, short, void *arg)
{
	log_info("ending on signal %d", (int)sig);
	event_base_loopbreak(arg);
}
