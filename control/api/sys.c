/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "control/api/filter.h"
#include "control/api/history.h"
#include "control/api/method.h"
#include "control/api/reconcile.h"
#include "control/api/txn.h"
#include "control/api/watch.h"
#include "control/audit.h"
#include "control/daemon.h"
#include "control/dp_client.h"
#include "control/openflow/of_switch.h"
#include "control/ovsdb/vswitch.h"
#include "control/vnet/vnet.h"
#include "datapath/base/json_util.h"
#include "ovsdb-lite/storage.h"

#define LOG_MODULE "sys"
#include "datapath/base/log.h"

enum { API_MAJOR = 1, API_MINOR = 0 };

static json_t *switch_to_json(struct daemon *d);
static json_t *counters_to_json(const struct rpc_counters *n);
static json_t *limits_to_json(struct daemon *d);
static int check_api(json_t *params, struct err *err);

void sys_hello(struct rpc_request *req)
{
	struct daemon *d = rpc_daemon(req);
	struct err err = {0};
	const char *client = NULL;
	int r = json_get_string(rpc_params(req), "client", &client, &err);
	if (r == 0 || r == -ENOENT)
		r = check_api(rpc_params(req), &err);
	if (r != 0) {
		rpc_fail(req, &err);
		return;
	}
	char api[16], boot_id[20], role[ROLE_TEXT_SIZE];
	snprintf(api, sizeof(api), "%d.%d", API_MAJOR, API_MINOR);
	snprintf(boot_id, sizeof(boot_id), "%016" PRIx64, d->boot_id);
	rpc_reply(req,
	    json_pack("{s:s, s:s, s:s, s:s, s:o, s:[s, s, s], s:s, s:I}", "server", "sluiced",
		"version", SLUICE_VERSION, "api", api, "role", role_format(rpc_role(req), role),
		"limits", limits_to_json(d), "features", "txn", "reconcile", "watch", "boot_id",
		boot_id, "generation", (json_int_t)store_generation(d->store)));
}

void sys_health(struct rpc_request *req)
{
	struct daemon *d = rpc_daemon(req);
	struct rpc_counters n = rpc_server_counters(d->rpc);
	bool read_only = ovsdb_storage_fault(d->storage) != NULL;
	struct dp_client_status dp;
	dp_client_status(d->dp, &dp);
	json_t *counters = counters_to_json(&n), *ovsdb = vswitch_to_json(d->vswitch);
	bool ovsdb_ok = !json_is_false(json_object_get(ovsdb, "ok"));
	rpc_reply(req,
	    json_pack("{s:b, s:s, s:I, s:b, s:o, s:I, s:o, s:o, s:o}", "ok",
		!read_only && dp.is_connected && dp.n_refusals == 0 && ovsdb_ok, "journal",
		read_only ? "read-only" : "ok", "journal_bytes",
		(json_int_t)ovsdb_storage_size(d->storage), "switch_connected", dp.is_connected,
		"switch", switch_to_json(d), "generation", (json_int_t)store_generation(d->store),
		"rpc", counters, "ovsdb", ovsdb, "openflow", of_switch_to_json(d->openflow)));
}

void sys_limits(struct rpc_request *req)
{
	rpc_reply(req, limits_to_json(rpc_daemon(req)));
}

void sys_log_level(struct rpc_request *req)
{
	struct err err = {0};
	const char *text = NULL;
	enum log_level level;
	int r = json_get_string(rpc_params(req), "level", &text, &err);
	if (r == -ENOENT)
		err_set(&err, ERR_PARAMS, "level is missing");
	if (r == 0 && log_level_parse(text, &level) != 0) {
		err_path(&err, "/level");
		r = err_set(&err, ERR_PARAMS, "level is err, warn, info or debug");
	}
	if (r != 0) {
		rpc_fail(req, &err);
		return;
	}
	log_set_level(level);
	audit_call(rpc_client_name(req), "sys.log_level", text);
	rpc_reply(req, json_pack("{s:s}", "level", text));
}

void rpc_methods_list(struct rpc_request *req)
{
	json_t *list = json_array();
	for (size_t i = 0; i < rpc_n_methods; i++) {
		const struct rpc_method *m = &rpc_methods[i];
		json_t *params = json_array();
		for (size_t k = 0; m->params[k] != NULL; k++)
			json_array_append_new(params, json_string(m->params[k]));
		json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:o, s:s}", "name", m->name,
						"role", role_level_name(m->role), "mutating",
						m->mutating, "params", params, "help", m->help));
	}
	rpc_reply(req, json_pack("{s:o}", "methods", list));
}

void schema_get(struct rpc_request *req)
{
	struct err err = {0};
	enum api_table only = API_TABLE__COUNT;
	if (json_object_get(rpc_params(req), "table") != NULL &&
	    table_from_json(rpc_params(req), &only, &err) != 0) {
		rpc_fail(req, &err);
		return;
	}
	json_t *tables = json_array();
	for (enum api_table t = 0; t < API_TABLE__COUNT; t++)
		if (only == API_TABLE__COUNT || only == t)
			json_array_append_new(tables, schema_to_json(t));
	rpc_reply(req, json_pack("{s:o}", "tables", tables));
}

/* What the switch lacks of the state, and why. */
static json_t *switch_to_json(struct daemon *d)
{
	static const char *const kinds[DP_KIND__COUNT] = {[DP_KIND_BRIDGE] = "bridge",
	    [DP_KIND_PORT] = "port",
	    [DP_KIND_RULE] = "rule",
	    [DP_KIND_GROUP] = "group",
	    [DP_KIND_ROUTE] = "route",
	    [DP_KIND_LOCAL] = "local address",
	    [DP_KIND_PEER] = "tunnel peer"};
	struct dp_client_status dp;
	dp_client_status(d->dp, &dp);
	json_t *refused = json_array();
	for (size_t i = 0; i < dp.n_refusals; i++) {
		const struct dp_refusal *r = &dp.refusals[i];
		json_array_append_new(refused, json_pack("{s:s, s:s, s:s}", "object",
						   model_object_name(d->model, r->kind, r->id),
						   "kind", kinds[r->kind], "why", r->what));
	}
	json_t *json = json_pack("{s:s, s:I, s:o}", "state",
	    !dp.is_connected    ? "away"
	    : dp.n_refusals > 0 ? "refuses"
				: "current",
	    "repairs", (json_int_t)dp.n_repairs, "refused", refused);
	if (dp.last_error[0] != '\0')
		json_object_set_new(json, "last_error", json_string(dp.last_error));
	if (dp.n_refusals > 0)
		json_object_set_new(json, "retry_ms", json_integer((json_int_t)dp.retry_ms));
	return json;
}

static json_t *counters_to_json(const struct rpc_counters *n)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
	    {"connections", n->n_connections},
	    {"requests", n->n_requests},
	    {"errors", n->n_errors},
	    {"strikes", n->n_strikes},
	    {"refused", n->n_refused},
	    {"forbidden", n->n_forbidden},
	    {"notifications_ignored", n->n_notifications_ignored},
	    {"memory_bytes", n->memory_bytes},
	    {"no_memory", n->n_no_memory},
	    {"tls_accepted", n->n_tls_accepted},
	    {"tls_failed", n->n_tls_failed},
	    {"tls_late", n->n_tls_late},
	    {"tls_unknown", n->n_tls_unknown},
	};
	json_t *counters = json_object();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		json_object_set_new(
		    counters, rows[i].name, json_integer((json_int_t)rows[i].value));
	return counters;
}

static json_t *limits_to_json(struct daemon *d)
{
	struct rpc_limits l = rpc_server_limits(d->rpc);
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
	    {"line_bytes", l.line_size},
	    {"line_bytes_read_only_clients", l.read_line_size},
	    {"reply_bytes", l.output_size},
	    {"string_bytes", l.string_size},
	    {"values", l.n_values},
	    {"containers", l.n_containers},
	    {"depth", l.depth},
	    {"batch_members", l.n_batch},
	    {"connections", l.n_connections},
	    {"connections_per_uid", l.n_per_uid},
	    {"strikes", l.n_strikes},
	    {"idle_ms", l.idle_ms},
	    {"partial_line_ms", l.partial_ms},
	    {"client_memory_bytes", l.memory_size},
	    {"tls_handshakes", l.n_handshakes},
	    {"tls_handshake_ms", l.handshake_ms},
	    {"ops_per_txn", TXN_MAX_OPS},
	    {"errors_per_txn", TXN_MAX_ERRORS},
	    {"txn_waiting", TXN_MAX_WAITING},
	    {"txn_id_window", TXN_WINDOW},
	    {"writes_per_s_and_owner", TXN_RATE_PER_S},
	    {"watches", WATCH_MAX_SUBS},
	    {"watches_per_connection", WATCH_MAX_PER_CONNECTION},
	    {"history_transactions", HISTORY_MAX_SETS},
	    {"reconcile_owners", RECONCILE_MAX_OWNERS},
	    {"local_ports_per_network", NET_MAX_LOCAL_PORTS},
	    {"peers_per_network", NET_MAX_PEERS},
	};
	json_t *limits = json_object();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		json_object_set_new(limits, rows[i].name, json_integer((json_int_t)rows[i].value));
	json_t *tables = json_object();
	for (enum api_table t = 0; t < API_TABLE__COUNT; t++)
		json_object_set_new(
		    tables, api_tables[t].name, json_integer((json_int_t)api_tables[t].max_rows));
	json_object_set_new(limits, "rows", tables);
	return limits;
}

/* A client of another major version would misunderstand; minors only add. */
static int check_api(json_t *params, struct err *err)
{
	const char *api;
	int r = json_get_string(params, "api", &api, err);
	if (r == -ENOENT)
		return 0;
	if (r != 0)
		return r;
	int major, minor, end = 0;
	err_path(err, "/api");
	if (sscanf(api, "%d.%d%n", &major, &minor, &end) != 2 || api[end] != '\0')
		return err_set(err, ERR_PARAMS, "api is MAJOR.MINOR");
	if (major != API_MAJOR)
		return err_set(
		    err, ERR_VERSION, "API version %d is served, not %d", API_MAJOR, major);
	return 0;
}
