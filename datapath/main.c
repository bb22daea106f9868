/* SPDX-License-Identifier: Apache-2.0 */
/* sluice-switch: the data plane process. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "datapath/base/sd_notify.h"
#include "datapath/dp_server.h"
#include "datapath/dp_state.h"
#include "datapath/eal.h"
#include "datapath/options.h"
#include "datapath/rundir.h"
#include "datapath/workers.h"

#define LOG_MODULE "main"
#include "datapath/base/log.h"

enum { EXIT_USAGE = 2, HELP_SIZE = 4096 };

static struct dp dp;
static struct dp_options options;
static struct evloop *loop; // for the signal handler

static int parse_options(int argc, char **argv);
static int run(struct err *err);
static int run_locked(struct err *err);
static int run_on_eal(struct err *err);
static int run_workers(struct err *err);
static int serve(struct err *err);
static void on_signal(int sig);
static void print_error(const struct err *err);

int main(int argc, char **argv)
{
	struct err err = {0};
	int rc = parse_options(argc, argv);
	if (rc >= 0)
		return rc;
	log_init("sluice-switch", (enum log_level)options.log_level);
	// A worker never writes to a socket, but a guest's eventfd may be anything.
	signal(SIGPIPE, SIG_IGN);
	if (run(&err) < 0) {
		print_error(&err);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

/* The exit code when there is nothing to run, else -1. */
static int parse_options(int argc, char **argv)
{
	struct err err = {0};
	enum options_result what;
	char help[HELP_SIZE];
	options_init(&options);
	if (options_parse(&options, argc, argv, &what, &err) < 0) {
		print_error(&err);
		return EXIT_USAGE;
	}
	if (what == OPTIONS_RUN)
		return -1;
	if (what == OPTIONS_HELP)
		options_help(help, sizeof(help));
	else
		snprintf(help, sizeof(help), "sluice-switch %s\n", SLUICE_VERSION);
	fputs(help, stdout);
	return EXIT_SUCCESS;
}

/* The ladder of start and stop, one rung each: directory, EAL, memory, RCU, workers, state, socket. */
static int run(struct err *err)
{
	int lock_fd = rundir_lock(options.rundir, err);
	if (lock_fd < 0)
		return lock_fd;
	int rc = run_locked(err);
	rundir_unlock(options.rundir, lock_fd);
	return rc;
}

static int run_locked(struct err *err)
{
	int rc = eal_init(&options, err);
	if (rc < 0)
		return rc;
	rc = run_on_eal(err);
	eal_fini();
	return rc;
}

static int run_on_eal(struct err *err)
{
	dp.options = &options;
	hash_key_init(&dp.secret);
	if (getrandom(&dp.boot_id, sizeof(dp.boot_id), 0) != sizeof(dp.boot_id))
		return err_set(err, ERR_INTERNAL, "the kernel gives no random numbers");
	dp.pool = eal_pool_create(&options, err);
	if (dp.pool == NULL)
		return -ENOMEM;
	if (rcu_init() < 0)
		return err_set(err, ERR_INTERNAL, "out of memory");
	int rc = workers_create(&dp, err);
	if (rc == 0) {
		rc = run_workers(err);
		rcu_fini(); // frees what workers and state have left; needs neither
		workers_destroy(&dp);
	} else {
		rcu_fini();
	}
	rte_mempool_free(dp.pool);
	return rc;
}

static int run_workers(struct err *err)
{
	if (dp_state_create(&dp) < 0)
		return err_set(err, ERR_INTERNAL, "out of memory");
	int rc = workers_start(&dp, err);
	if (rc == 0) {
		rc = serve(err);
		workers_stop(&dp);
	}
	dp_state_destroy(dp.state);
	return rc;
}

static int serve(struct err *err)
{
	struct dp_server *server = NULL;
	int rc;
	loop = evloop_create();
	if (loop == NULL)
		return err_set(err, ERR_INTERNAL, "no event loop: %s", strerror(errno));
	rc = dp_server_create(loop, &dp, &server, err);
	if (rc == 0) {
		struct sigaction sa = {.sa_handler = on_signal};
		sigaction(SIGINT, &sa, NULL);
		sigaction(SIGTERM, &sa, NULL);
		log_info("%u workers, listening at %s/switch.sock", dp.n_workers, options.rundir);
		sd_notify("READY=1");
		rc = evloop_run(loop);
		sd_notify("STOPPING=1");
		if (rc < 0)
			err_set(err, ERR_INTERNAL, "event loop: %s", strerror(-rc));
	}
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	dp_server_destroy(server);
	evloop_destroy(loop);
	return rc;
}

static void on_signal(int sig)
{
	(void)sig;
	evloop_stop(loop);
}

static void print_error(const struct err *err)
{
	fprintf(stderr, "error: %s\n", err->what);
	if (err->hint[0] != '\0')
		fprintf(stderr, "hint: %s\n", err->hint);
}
