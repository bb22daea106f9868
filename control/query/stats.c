/* SPDX-License-Identifier: Apache-2.0 */
/* stats.get, port.show, fdb.list and fdb.flush. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/api/filter.h"
#include "control/api/method.h"
#include "control/api/store.h"
#include "control/audit.h"
#include "control/query/query.h"
#include "datapath/base/json_util.h"

typedef json_t *row_to_json(const struct daemon *d, const void *row);

/* One kind of statistics: the word in the API, what the switch calls it, and how a row reads. */
struct stats_kind {
	const char *table, *rows;
	enum dp_stats_kind kind;
	size_t row_size;
	row_to_json *to_json;
};

static json_t *port_row(const struct daemon *d, const void *row)
{
	return query_port_stats_to_json(d, row);
}

static json_t *flow_row(const struct daemon *d, const void *row)
{
	const struct dp_rule_stats *s = row;
	char buf[80];
	return json_pack("{s:s, s:I, s:I, s:I, s:I}", "name", query_rule_name(d, s->id, buf),
	    "packets", (json_int_t)s->n_packets, "bytes", (json_int_t)s->n_bytes, "age_ms",
	    (json_int_t)s->age_ms, "idle_ms", (json_int_t)s->idle_ms);
}

static json_t *group_row(const struct daemon *d, const void *row)
{
	const struct dp_group_stats *s = row;
	const char *name = model_group_name(d->model, s->id);
	char buf[32];
	snprintf(buf, sizeof(buf), "#%" PRIu64, s->id & UINT32_MAX);
	return json_pack("{s:s, s:I, s:I}", "name", name != NULL ? name : buf, "packets",
	    (json_int_t)s->n_packets, "bytes", (json_int_t)s->n_bytes);
}

static json_t *worker_row(const struct daemon *, const void *row)
{
	const struct dp_worker_stats *s = row;
	double cycles = (double)(s->busy_cycles + s->idle_cycles);
	json_t *o = json_pack("{s:I, s:I, s:f, s:I, s:I, s:I, s:I}", "id", (json_int_t)s->id,
	    "core", (json_int_t)s->core, "busy_percent",
	    cycles > 0 ? 100.0 * (double)s->busy_cycles / cycles : 0.0, "busy_cycles",
	    (json_int_t)s->busy_cycles, "idle_cycles", (json_int_t)s->idle_cycles, "sleep_ns",
	    (json_int_t)s->sleep_ns, "tsc_hz", (json_int_t)s->tsc_hz);
	json_t *more = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "packets",
	    (json_int_t)s->n_packets, "bursts", (json_int_t)s->n_bursts, "session_hits",
	    (json_int_t)s->session_hits, "session_misses", (json_int_t)s->session_misses,
	    "session_stale", (json_int_t)s->session_stale, "session_refused",
	    (json_int_t)s->session_refused, "sessions", (json_int_t)s->n_sessions, "max_sessions",
	    (json_int_t)s->max_sessions);
	json_object_update(o, more);
	json_decref(more);
	return o;
}

static json_t *table_row(const struct daemon *d, const void *row)
{
	const struct dp_table_stats *s = row;
	const char *bridge = model_bridge_name(d->model, s->bridge);
	return json_pack("{s:s, s:I, s:s, s:I, s:I, s:I}", "bridge", bridge != NULL ? bridge : "",
	    "table", (json_int_t)s->table, "structure", s->structure, "rules",
	    (json_int_t)s->n_rules, "masks", (json_int_t)s->n_masks, "memory",
	    (json_int_t)s->memory);
}

static const struct stats_kind stats_kinds[] = {
    {"port", "ports", DP_STATS_PORTS, sizeof(struct dp_port_stats), port_row},
    {"flow", "flows", DP_STATS_RULES, sizeof(struct dp_rule_stats), flow_row},
    {"group", "groups", DP_STATS_GROUPS, sizeof(struct dp_group_stats), group_row},
    {"worker", "workers", DP_STATS_WORKERS, sizeof(struct dp_worker_stats), worker_row},
    {"table", "tables", DP_STATS_TABLES, sizeof(struct dp_table_stats), table_row},
};

static const char *state_name(uint16_t state)
{
	static const char *const names[] = {
	    [DP_PORT_WAITING] = "waiting",
	    [DP_PORT_UP] = "up",
	    [DP_PORT_LINK_DOWN] = "link_down",
	    [DP_PORT_FAILED] = "failed",
	};
	return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

json_t *query_port_stats_to_json(const struct daemon *d, const struct dp_port_stats *s)
{
	char buf[80], error[sizeof(s->error)];
	json_t *drops = json_object();

	memcpy(error, s->error, sizeof(error));
	error[sizeof(error) - 1] = '\0';
	for (unsigned int i = 0; i < DP_DROP__COUNT; i++) {
		if (s->drops[i] != 0)
			json_object_set_new(
			    drops, dp_drops[i].name, json_integer((json_int_t)s->drops[i]));
	}
	json_t *o =
	    json_pack("{s:s, s:s, s:b, s:I, s:s, s:I}", "name", query_port_name(d, s->id, buf),
		"state", state_name(s->state), "link_up", s->link_up != 0, "state_since_ms",
		(json_int_t)s->state_since_ms, "error", error, "sessions", (json_int_t)s->sessions);
	json_t *counters = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "rx_packets",
	    (json_int_t)s->rx_packets, "rx_bytes", (json_int_t)s->rx_bytes, "tx_packets",
	    (json_int_t)s->tx_packets, "tx_bytes", (json_int_t)s->tx_bytes, "copies",
	    (json_int_t)s->copies, "sent", (json_int_t)s->sent, "held", (json_int_t)s->held,
	    "tx_drops", (json_int_t)s->tx_drops, "drops", drops);
	json_object_update(o, counters);
	json_decref(counters);
	return o;
}

static const struct stats_kind *find_kind(json_t *params, struct err *err)
{
	const char *table, *words[ARRAY_SIZE(stats_kinds)];
	int rc = query_string(params, "table", &table, err);

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(stats_kinds); i++) {
		words[i] = stats_kinds[i].table;
		if (strcmp(table != NULL ? table : "port", stats_kinds[i].table) == 0)
			return &stats_kinds[i];
	}
	if (rc == 0) {
		const char *near = nearest_word(table, words, ARRAY_SIZE(words));
		err_path(err, "/table");
		err_set(err, ERR_PARAMS, "there are no statistics of \"%s\"", table);
		err_hint(err, "port, flow, group, worker or table%s%s%s",
		    near != NULL ? "; did you mean " : "", near != NULL ? near : "",
		    near != NULL ? "?" : "");
	}
	return NULL;
}

static json_t *stats_done(struct query *q, const void *body, size_t size, struct err *err)
{
	const struct stats_kind *k = find_kind(q->params, err);
	json_t *rows = json_array();

	for (size_t i = 0; i < size / k->row_size; i++)
		json_array_append_new(
		    rows, k->to_json(q->d, (const uint8_t *)body + i * k->row_size));
	return json_pack("{s:o}", k->rows, rows);
}

void stats_get(struct rpc_request *req)
{
	struct err err = {0};
	const struct stats_kind *k = find_kind(rpc_params(req), &err);
	struct dp_stats_req body = {0};

	if (k == NULL || (json_object_get(rpc_params(req), "bridge") != NULL &&
			     query_bridge(rpc_daemon(req), rpc_params(req), "bridge", &body.bridge,
				 &err) != 0)) {
		rpc_fail(req, &err);
		return;
	}
	body.kind = k->kind;
	query_start(req, DP_MSG_STATS, &body, sizeof(body), stats_done);
}

/* What was asked for beside what is: the object, and the switch's state where the port is one of its own. */
static json_t *port_show_result(struct query *q, const struct dp_port_stats *s)
{
	const char *name = json_string_value(json_object_get(q->params, "name"));
	const struct api_object *o = store_find(q->d->store, API_TABLE_PORT, name);
	if (o == NULL)
		return NULL;
	json_t *state = s != NULL ? query_port_stats_to_json(q->d, s) : json_object();
	const struct dp_op *op =
	    model_find(q->d->model, DP_KIND_PORT, model_port_id(q->d->model, name));
	if (op != NULL) {
		const struct dp_port_conf *conf =
		    (const struct dp_port_conf *)(const void *)(op + 1);
		json_object_set_new(state, "mtu", json_integer(conf->mtu));
		if (conf->kind == DP_PORT_VHOST_USER)
			json_object_set_new(state, "socket", json_string(conf->arg));
	}
	return json_pack("{s:s, s:s, s:I, s:o, s:o}", "name", name, "owner", o->owner, "generation",
	    (json_int_t)o->generation, "object", api_object_visible(o), "state", state);
}

static json_t *port_show_done(struct query *q, const void *body, size_t size, struct err *err)
{
	const struct dp_port_stats *stats = body, *found = NULL;
	uint32_t id =
	    model_port_id(q->d->model, json_string_value(json_object_get(q->params, "name")));

	for (size_t i = 0; i < size / sizeof(*stats); i++) {
		if (stats[i].id == id)
			found = &stats[i];
	}
	json_t *result = port_show_result(q, found);
	if (result == NULL)
		err_set(err, ERR_NOT_FOUND, "the port was deleted meanwhile");
	return result;
}

void port_show(struct rpc_request *req)
{
	struct err err = {0};
	struct daemon *d = rpc_daemon(req);
	const char *name;

	if (query_string(rpc_params(req), "name", &name, &err) != 0 || name == NULL ||
	    store_find(d->store, API_TABLE_PORT, name) == NULL) {
		if (err.code == ERR_NONE)
			err_set(&err, name == NULL ? ERR_PARAMS : ERR_NOT_FOUND,
			    name == NULL ? "name is missing" : "there is no such port");
		rpc_fail(req, &err);
		return;
	}
	if (model_port_id(d->model, name) == 0 || !dp_client_is_connected(d->dp)) {
		struct query q = {.req = req, .d = d, .params = rpc_params(req)};
		rpc_reply(req, port_show_result(&q, NULL));
		return;
	}
	const struct dp_stats_req body = {.kind = DP_STATS_PORTS};
	query_start(req, DP_MSG_STATS, &body, sizeof(body), port_show_done);
}

static json_t *fdb_done(struct query *q, const void *body, size_t size, struct err *)
{
	const struct dp_fdb_entry *e = body;
	json_t *entries = json_array();
	char mac[MAC_STR_SIZE], buf[80];

	for (size_t i = 0; i < size / sizeof(*e); i++)
		json_array_append_new(
		    entries, json_pack("{s:s, s:i, s:s, s:I}", "mac", mac_format(&e[i].mac, mac),
				 "vlan", e[i].vlan, "port", query_port_name(q->d, e[i].port, buf),
				 "age_ms", (json_int_t)e[i].age_ms));
	return json_pack("{s:o}", "entries", entries);
}

static int check_flush(struct rpc_request *req, struct err *err)
{
	const char *name = json_string_value(json_object_get(rpc_params(req), "bridge"));
	const struct api_object *bridge =
	    store_find(rpc_daemon(req)->store, API_TABLE_BRIDGE, name);

	err_path(err, "/bridge");
	err_object(err, "bridge/%s", name);
	int rc = role_check_owner(rpc_role(req), bridge != NULL ? bridge->owner : "", err);
	if (rc != 0)
		audit_forbidden(rpc_client_name(req), "fdb.flush");
	else
		audit_call(rpc_client_name(req), "fdb.flush", name);
	return rc;
}

static void fdb_ask(struct rpc_request *req, bool flush)
{
	struct err err = {0};
	struct dp_fdb_req body = {.flush = flush};

	if (query_bridge(rpc_daemon(req), rpc_params(req), "bridge", &body.bridge, &err) != 0 ||
	    (flush && check_flush(req, &err) != 0))
		rpc_fail(req, &err);
	else
		query_start(req, DP_MSG_FDB, &body, sizeof(body), fdb_done);
}

void fdb_list(struct rpc_request *req)
{
	fdb_ask(req, false);
}

void fdb_flush_method(struct rpc_request *req)
{
	fdb_ask(req, true);
}
