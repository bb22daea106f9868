/* SPDX-License-Identifier: Apache-2.0 */
#include "control/ovsdb/vswitch.h"

#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/api/history.h"
#include "control/api/state_file.h"
#include "control/api/txn_log.h"
#include "control/dp_client.h"
#include "control/mem.h"
#include "control/ovsdb/database.h"
#include "control/ovsdb/host.h"
#include "control/ovsdb/remotes.h"
#include "control/ovsdb/status.h"

#define LOG_MODULE "ovsdb"
#include "datapath/base/log.h"

enum {
	STATS_MS = 5000, // also the least that other_config:stats-update-interval may ask for
	STATS_MAX_MS = 3600000,
	RETRY_MAX_TICKS = 12, // between attempts to have what was refused
	SOON_MS = 10,         // ports' events come in groups
};

extern const char vswitch_dpdk_version[]; // generated

struct vswitch {
	struct daemon *d;
	char rundir[128];
	char socket[144];
	const char *remotes_of_command[VSWITCH_MAX_REMOTES];
	struct host host;
	struct ovsdb_server *server;
	struct rows rows;
	struct remotes remotes;
	struct sync *sync;
	struct shown *shown;
	struct event *tick;    // counters
	struct event *soon;    // state of ports
	struct event *changed; // the API's state or rows
	bool rows_changed;
	unsigned int n_ticks,
	    retry_ticks; // since the last attempt to have what was refused; until the next
	uint64_t seen;   // generation of the API's state that rows show
	struct link_history links[DP_MAX_PORTS];
	bool is_asking, ask_again, with_counters;
	int64_t asked_cfg; // what cur_cfg becomes with the switch's answer
	bool is_ending;
};

static int open_database(struct vswitch *v, struct err *err);
static void end_server(struct vswitch *v);
static void make_parts(struct vswitch *v, const struct vswitch_options *o);
static void commit(void *arg, struct ovsdb_txn *txn);
static void on_rows(void *arg, struct ovsdb_changes *changes);
static void on_bind(void *arg, const char *path);
static void on_synced(void *arg);
static void on_changed(evutil_socket_t fd, short what, void *arg);
static bool concerns_rows(struct vswitch *v);
static void on_tick(evutil_socket_t fd, short what, void *arg);
static bool has_tunnels(const struct vswitch *v);
static void on_soon(evutil_socket_t fd, short what, void *arg);
static void write_rows(struct vswitch *v);
static void ask(struct vswitch *v, bool with_counters);
static void on_stats(int error, const void *body, size_t size, const char *what, void *arg);
static void write_stats(struct vswitch *v, const struct dp_port_stats *stats, size_t n);
static void end_write(struct row_writer *w);
static const char *dpdk_version(const struct vswitch *v);
static struct status_source status_source(struct vswitch *v);
static unsigned int stats_interval_ms(const struct vswitch *v);
static void arm_tick(struct vswitch *v);

struct vswitch *vswitch_create(
    struct daemon *d, const struct vswitch_options *options, struct err *err)
{
	struct vswitch *v = mem_alloc(sizeof(*v));

	v->d = d;
	v->retry_ticks = 1;
	v->seen = store_generation(d->store);
	snprintf(v->rundir, sizeof(v->rundir), "%s", d->rundir);
	if (host_init(&v->host, options->state, err) == 0 && open_database(v, err) == 0) {
		make_parts(v, options);
		return v;
	}
	vswitch_destroy(v);
	return NULL;
}

void vswitch_start(struct vswitch *v)
{
	if (v == NULL)
		return;
	remotes_update(&v->remotes);
	sync_request(v->sync, true);
	arm_tick(v);
}

void vswitch_stop(struct vswitch *v)
{
	if (v == NULL)
		return;
	v->is_ending = true;
	sync_stop(v->sync);
	end_server(v);
}

void vswitch_destroy(struct vswitch *v)
{
	if (v == NULL)
		return;
	end_server(v);
	sync_destroy(v->sync);
	shown_destroy(v->shown);
	struct event *const events[] = {v->tick, v->soon, v->changed};
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (events[i] != NULL)
			event_free(events[i]);
	remotes_fini(&v->remotes);
	rows_fini(&v->rows);
	free(v);
}

struct ssl_ctx_st *vswitch_tls(const struct vswitch *v)
{
	return v != NULL && v->server != NULL ? ovsdb_server_tls(v->server) : NULL;
}

void vswitch_on_commit(struct vswitch *v)
{
	if (v == NULL || v->is_ending)
		return;
	if (sync_is_running(v->sync))
		return; // it looks again before it ends
	event_active(v->changed, EV_TIMEOUT, 0);
}

void vswitch_on_switch(struct vswitch *v, bool is_connected)
{
	if (v == NULL || v->is_ending)
		return;
	if (is_connected && sync_has_refusals(v->sync))
		sync_request(v->sync, true);
	if (is_connected)
		ask(v, true);
}

void vswitch_on_port(struct vswitch *v)
{
	const struct timeval soon = {0, SOON_MS * 1000};

	if (v != NULL && !v->is_ending && !event_pending(v->soon, EV_TIMEOUT, NULL))
		event_add(v->soon, &soon);
}

json_t *vswitch_to_json(const struct vswitch *v)
{
	if (v == NULL)
		return json_null();
	const char *fault = ovsdb_storage_fault(v->d->storage);
	json_t *refused = sync_refusals_to_json(v->sync);
	return json_pack("{s:b, s:s, s:I, s:o}", "ok",
	    fault == NULL && json_array_size(refused) == 0, "database",
	    fault != NULL ? fault : "ok", "bytes", (json_int_t)ovsdb_storage_size(v->d->storage),
	    "refused", refused);
}

static int open_database(struct vswitch *v, struct err *err)
{
	const struct ovsdb_server_events events = {
	    .on_commit = on_rows, .on_bind = on_bind, .arg = v};
	const struct rows_committer committer = {.commit = commit, .arg = v};
	struct ovsdb_storage *storage = v->d->storage;
	struct ovsdb_schema *schema = database_schema(err);
	struct ovsdb_db *db = schema != NULL ? state_file_db(storage, schema, err) : NULL;

	if (db == NULL)
		return -EIO;
	v->server = ovsdb_server_create(v->d->base, &ovsdb_server_default_limits, &events);
	int rc = ovsdb_server_add_db(v->server, db, storage, err);
	if (rc == 0 && ovsdb_server_fix_schema(v->server, DATABASE_NAME) != 0)
		rc = err_set(err, ERR_INTERNAL, "the database is not served");
	if (rc == 0)
		rc = txn_log_serve(v->d->log, v->server, err);
	if (rc == 0)
		rc = rows_init(&v->rows, db, &committer, err);
	return rc;
}

static void end_server(struct vswitch *v)
{
	if (txn_log_serve(v->d->log, NULL, NULL) != 0)
		log_err("the API's transactions are still told to clients");
	ovsdb_server_destroy(v->server);
	v->server = NULL;
}

static void make_parts(struct vswitch *v, const struct vswitch_options *o)
{
	const struct wants_source source = {.rows = &v->rows,
	    .store = v->d->store,
	    .rundir = v->rundir,
	    .seed = v->host.system_id,
	    .route = uplink_route};

	v->remotes = (struct remotes){.rows = &v->rows,
	    .server = v->server,
	    .fixed = v->remotes_of_command,
	    .n_fixed = o->n_remotes};
	for (size_t i = 0; i < o->n_remotes; i++)
		v->remotes_of_command[i] = o->remotes[i];
	if (o->n_remotes == 0) {
		snprintf(v->socket, sizeof(v->socket), "punix:%s/db.sock", v->rundir);
		v->remotes_of_command[0] = v->socket;
		v->remotes.n_fixed = 1;
	}
	ovsdb_server_hold_lock(v->server, "ovs_vswitchd");
	v->sync = sync_create(v->d, &source, on_synced, v);
	v->shown = shown_create(&source);
	v->tick = event_new(v->d->base, -1, 0, on_tick, v);
	v->soon = event_new(v->d->base, -1, 0, on_soon, v);
	v->changed = event_new(v->d->base, -1, 0, on_changed, v);
}

static void commit(void *arg, struct ovsdb_txn *txn)
{
	struct vswitch *v = arg;
	ovsdb_server_commit(v->server, txn);
}

/* A transaction is durable. */
static void on_rows(void *arg, struct ovsdb_changes *changes)
{
	struct vswitch *v = arg;

	if (v->is_ending || changes->db != v->rows.db || rows_is_own(&v->rows, changes))
		return;
	shown_touch(v->shown, changes);
	v->n_ticks = 0;
	v->retry_ticks = 1;
	v->rows_changed = true;
	event_active(v->changed, EV_TIMEOUT, 0); // once for all transactions of a flush
}

/* As api.sock: its owner and group sluice. */
static void on_bind(void *, const char *path)
{
	const struct group *group = getgrnam("sluice");

	if (chmod(path, 0660) != 0 || (group != NULL && chown(path, (uid_t)-1, group->gr_gid) != 0))
		log_warn("who may use %s cannot be set", path);
}

/* Everything the rows want is the state, or has an error: say so, and ask the switch what became of it. */
static void on_synced(void *arg)
{
	struct vswitch *v = arg;

	v->seen = store_generation(v->d->store);
	write_rows(v);
	ask(v, false);
}

static void on_changed(evutil_socket_t, short, void *arg)
{
	struct vswitch *v = arg;

	if (v->is_ending || (!v->rows_changed && !concerns_rows(v)))
		return;
	if (v->rows_changed)
		remotes_update(&v->remotes);
	v->rows_changed = false;
	sync_request(v->sync, true);
}

/* Whether bridges or ports have changed since the rows were written. */
static bool concerns_rows(struct vswitch *v)
{
	const struct history *h = v->d->history;
	const struct history_entry *e;
	uint64_t now = store_generation(v->d->store);

	if (!history_reaches(h, v->seen, now))
		return true;
	for (size_t i = 0; (e = history_after(h, v->seen, i)) != NULL; i++)
		for (size_t k = 0; k < e->set.n; k++)
			if (e->set.changes[k].table == API_TABLE_BRIDGE ||
			    e->set.changes[k].table == API_TABLE_PORT)
				return true;
	v->seen = now;
	return false;
}

static void on_tick(evutil_socket_t, short, void *arg)
{
	struct vswitch *v = arg;

	if (v->is_ending)
		return;
	bool retries = sync_has_refusals(v->sync) && ++v->n_ticks >= v->retry_ticks;
	if (retries) {
		v->n_ticks = 0;
		v->retry_ticks = MIN_OF(2 * v->retry_ticks, (unsigned int)RETRY_MAX_TICKS);
	}
	if (retries || has_tunnels(v))
		sync_request(v->sync, retries); // routes may have changed
	remotes_update_tls(&v->remotes);
	ask(v, true);
	write_rows(v);
	arm_tick(v);
}

static bool has_tunnels(const struct vswitch *v)
{
	const struct wants *w = sync_wants(v->sync);

	for (size_t i = 0; i < w->n; i++)
		if (json_object_get(w->array[i]->object, "remote_ip") != NULL)
			return true;
	return false;
}

static void on_soon(evutil_socket_t, short, void *arg)
{
	struct vswitch *v = arg;

	if (!v->is_ending)
		ask(v, false);
}

static void write_rows(struct vswitch *v)
{
	const struct status_source source = status_source(v);
	struct row_writer w;

	if (ovsdb_storage_fault(v->d->storage) != NULL)
		return; // nothing can be written any more: sys.health says why
	writer_init(&w, &v->rows);
	if (rows_root(&v->rows) == NULL) {
		host_write(&v->host, &w, NULL);
		end_write(&w);
	}
	host_write(&v->host, &w, dpdk_version(v));
	shown_write(v->shown, &w);
	remotes_write(&v->remotes, &w);
	end_write(&w);
	status_write_rows(&source, &w);
	end_write(&w);
}

/* One question at a time; what is asked meanwhile is one more. */
static void ask(struct vswitch *v, bool with_counters)
{
	const struct dp_stats_req body = {.kind = DP_STATS_PORTS};

	if (v->is_asking) {
		v->ask_again = true;
		v->with_counters |= with_counters;
		return;
	}
	if (!dp_client_is_connected(v->d->dp))
		return; // on_switch asks
	v->is_asking = true;
	v->ask_again = false;
	v->with_counters = with_counters;
	v->asked_cfg = sync_cfg(v->sync);
	dp_client_request(v->d->dp, DP_MSG_STATS, &body, sizeof(body), on_stats, v);
}

static void on_stats(int error, const void *body, size_t size, const char *, void *arg)
{
	struct vswitch *v = arg;
	bool with_counters = v->with_counters;

	v->is_asking = false;
	if (v->is_ending || error != 0)
		return;
	v->with_counters = with_counters;
	write_stats(v, body, size / sizeof(struct dp_port_stats));
	if (v->ask_again)
		ask(v, with_counters);
}

/* With the switch's word the workers have what the last run made: its number is the current one. */
static void write_stats(struct vswitch *v, const struct dp_port_stats *stats, size_t n)
{
	const struct status_source source = status_source(v);
	const struct ovsdb_row *root = rows_root(&v->rows);
	struct row_writer w;

	if (ovsdb_storage_fault(v->d->storage) != NULL)
		return;
	writer_init(&w, &v->rows);
	status_write_ports(&source, &w, stats, n, v->with_counters);
	if (root != NULL)
		writer_set_integer(&w, root, OVS_Open_vSwitch_cur_cfg, v->asked_cfg);
	end_write(&w);
}

static void end_write(struct row_writer *w)
{
	struct err err = {0};

	if (writer_commit(w, &err) != 0)
		log_err("status cannot be written to the database: %s", err.what);
}

static const char *dpdk_version(const struct vswitch *v)
{
	const struct dp_hello_reply *hello = dp_client_hello(v->d->dp);
	return hello->n_workers > 0 ? vswitch_dpdk_version : NULL;
}

static struct status_source status_source(struct vswitch *v)
{
	return (struct status_source){.d = v->d,
	    .rows = &v->rows,
	    .wants = sync_wants(v->sync),
	    .shown = v->shown,
	    .links = v->links};
}

static unsigned int stats_interval_ms(const struct vswitch *v)
{
	const struct ovsdb_row *root = rows_root(&v->rows);
	const char *text = root != NULL ? rows_map(&v->rows, root, OVS_Open_vSwitch_other_config,
					      "stats-update-interval")
					: NULL;
	unsigned long ms = text != NULL ? strtoul(text, NULL, 10) : STATS_MS;

	return (unsigned int)MIN_OF(
	    MAX_OF(ms, (unsigned long)STATS_MS), (unsigned long)STATS_MAX_MS);
}

static void arm_tick(struct vswitch *v)
{
	unsigned int ms = stats_interval_ms(v);
	const struct timeval interval = {ms / 1000, (suseconds_t)(ms % 1000) * 1000};

	event_add(v->tick, &interval);
}
