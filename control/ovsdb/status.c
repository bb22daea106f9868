/* SPDX-License-Identifier: Apache-2.0 */
#include "control/ovsdb/status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/datapath_id.h"
#include "control/dp_client.h"
#include "control/mem.h"
#include "control/model.h"
#include "control/openflow/of_switch.h"
#include "control/ovsdb/device.h"

/* What the switch says of a port; NULL: nothing. */
struct port_state {
	const struct dp_port_stats *stats;
	const char *refusal; // it did not take the port when it came back
};

static void write_bridge(
    const struct status_source *s, struct row_writer *w, const struct ovsdb_row *row);
static void format_datapath_id(
    const struct status_source *s, const struct api_object *bridge, const char *said, char ret[24]);
static void write_port(
    const struct status_source *s, struct row_writer *w, const struct ovsdb_row *row);
static void write_controller(
    const struct status_source *s, struct row_writer *w, const struct ovsdb_row *row);
static void write_interface(const struct status_source *s, struct row_writer *w,
    const struct ovsdb_row *row, struct port_state state, bool with_counters);
static void write_link(const struct status_source *s, struct row_writer *w,
    const struct ovsdb_row *row, const struct api_object *o, const struct dp_port_stats *stats);
static bool find_device(const char *type, const struct api_object *o, struct device *ret);
static void write_device(struct row_writer *w, const struct ovsdb_row *row,
    const struct api_object *o, const struct device *device);
static void write_interface_status(const struct status_source *s, struct row_writer *w,
    const struct ovsdb_row *row, const struct want *want, const struct api_object *o,
    const struct dp_port_stats *stats);
static void write_counters(
    struct row_writer *w, const struct ovsdb_row *row, const struct dp_port_stats *stats);
static void foreach_row(const struct status_source *s, struct row_writer *w, enum ovs_table table,
    void (*cb)(const struct status_source *s, struct row_writer *w, const struct ovsdb_row *row));
static const char *not_acted_on(char *buf, size_t size, const char *what);

void status_write_rows(const struct status_source *s, struct row_writer *w)
{
	foreach_row(s, w, OVS_Bridge, write_bridge);
	foreach_row(s, w, OVS_Port, write_port);
	foreach_row(s, w, OVS_Controller, write_controller);
}

void status_write_ports(const struct status_source *s, struct row_writer *w,
    const struct dp_port_stats *stats, size_t n, bool with_counters)
{
	struct port_state *by_id = mem_alloc_array(DP_MAX_PORTS, sizeof(*by_id));
	struct row_list interfaces = rows_list(s->rows, OVS_Interface);
	struct dp_client_status client;

	for (size_t i = 0; i < n; i++)
		if (stats[i].id < DP_MAX_PORTS)
			by_id[stats[i].id].stats = &stats[i];
	dp_client_status(s->d->dp, &client);
	for (size_t i = 0; i < client.n_refusals; i++)
		if (client.refusals[i].kind == DP_KIND_PORT && client.refusals[i].id < DP_MAX_PORTS)
			by_id[client.refusals[i].id].refusal = client.refusals[i].what;
	for (size_t i = 0; i < interfaces.n; i++) {
		uint32_t id = model_port_id(
		    s->d->model, rows_string(s->rows, interfaces.rows[i], OVS_Interface_name));
		write_interface(s, w, interfaces.rows[i],
		    id < DP_MAX_PORTS ? by_id[id] : (struct port_state){0}, with_counters);
	}
	row_list_fini(&interfaces);
	free(by_id);
}

static void foreach_row(const struct status_source *s, struct row_writer *w, enum ovs_table table,
    void (*cb)(const struct status_source *s, struct row_writer *w, const struct ovsdb_row *row))
{
	struct row_list l = rows_list(s->rows, table);

	for (size_t i = 0; i < l.n; i++)
		cb(s, w, l.rows[i]);
	row_list_fini(&l);
}

static void write_bridge(
    const struct status_source *s, struct row_writer *w, const struct ovsdb_row *row)
{
	const char *name = rows_string(s->rows, row, OVS_Bridge_name);
	const struct api_object *o = store_find(s->d->store, API_TABLE_BRIDGE, name);
	const struct want *want = wants_of_row(s->wants, API_TABLE_BRIDGE, name, &row->uuid);
	const char *complaint = shown_complaint(s->shown, &row->uuid);
	char text[24], unsupported[WANT_ERROR_SIZE + 40];

	format_datapath_id(
	    s, o, rows_map(s->rows, row, OVS_Bridge_other_config, "datapath-id"), text);
	writer_set_text(w, row, OVS_Bridge_datapath_id, text);
	writer_set(
	    w, row, OVS_Bridge_datapath_version, ovsdb_datum_of_string("sluice " SLUICE_VERSION));
	const char *const pairs[][2] = {
	    {"error", complaint != NULL                        ? complaint
		      : want != NULL && want->error[0] != '\0' ? want->error
							       : NULL},
	    {"unsupported",
		not_acted_on(unsupported, sizeof(unsupported), want != NULL ? want->warning : "")},
	};
	writer_set(w, row, OVS_Bridge_status, datum_of_map(pairs, ARRAY_SIZE(pairs)));
}

/* What the store says, or the row. 16 digits, or none. */
static void format_datapath_id(
    const struct status_source *s, const struct api_object *bridge, const char *said, char ret[24])
{
	ret[0] = '\0';
	if (bridge != NULL)
		snprintf(ret, 24, "%016" PRIx64, datapath_id(s->d->store, bridge));
	else if (said != NULL)
		snprintf(ret, 24, "%016" PRIx64, (uint64_t)strtoull(said, NULL, 16));
}

static void write_port(
    const struct status_source *s, struct row_writer *w, const struct ovsdb_row *row)
{
	const char *complaint = shown_complaint(s->shown, &row->uuid);
	char names[WANT_ERROR_SIZE], unsupported[WANT_ERROR_SIZE + 40];

	unsupported_columns(row, names, sizeof(names));
	const char *const pairs[][2] = {
	    {"error", complaint},
	    {"unsupported", not_acted_on(unsupported, sizeof(unsupported), names)},
	};
	writer_set(w, row, OVS_Port_status, datum_of_map(pairs, ARRAY_SIZE(pairs)));
}

static void write_controller(
    const struct status_source *s, struct row_writer *w, const struct ovsdb_row *row)
{
	struct of_controller_status status = {.connected_s = -1, .disconnected_s = -1};
	char connected[24], disconnected[24];

	if (!of_switch_controller(
		s->d->openflow, rows_string(s->rows, row, OVS_Controller_target), &status))
		status.state = "VOID"; // no bridge has it
	snprintf(connected, sizeof(connected), "%" PRId64, status.connected_s);
	snprintf(disconnected, sizeof(disconnected), "%" PRId64, status.disconnected_s);
	const char *const pairs[][2] = {
	    {"last_error", status.last_error != NULL && status.last_error[0] != '\0'
			       ? status.last_error
			       : NULL},
	    {"sec_since_connect", status.connected_s >= 0 ? connected : NULL},
	    {"sec_since_disconnect", status.disconnected_s >= 0 ? disconnected : NULL},
	    {"state", status.state},
	};
	writer_set_boolean(w, row, OVS_Controller_is_connected, status.is_connected);
	writer_set_text(w, row, OVS_Controller_role, status.role);
	writer_set(w, row, OVS_Controller_status, datum_of_map(pairs, ARRAY_SIZE(pairs)));
}

static void write_interface(const struct status_source *s, struct row_writer *w,
    const struct ovsdb_row *row, struct port_state state, bool with_counters)
{
	const struct dp_port_stats *stats = state.stats;
	const char *name = rows_string(s->rows, row, OVS_Interface_name);
	const struct api_object *o = store_find(s->d->store, API_TABLE_PORT, name);
	const struct want *want = wants_of_row(s->wants, API_TABLE_PORT, name, &row->uuid);
	bool is_foreign = shown_owner(s->rows, row, OVS_Interface_external_ids) != NULL;
	const char *error = shown_complaint(s->shown, &row->uuid);
	char failure[sizeof(stats->error) + 1] = "";

	/* An object of that name that is not this row's. */
	if (o != NULL && !is_foreign && strcmp(o->owner, OVSDB_OWNER) != 0)
		o = NULL, stats = NULL, state.refusal = NULL;
	if (stats != NULL && stats->state == DP_PORT_FAILED)
		snprintf(failure, sizeof(failure), "%.*s", (int)sizeof(stats->error), stats->error);
	if (error == NULL && want != NULL && want->error[0] != '\0')
		error = want->error;
	if (error == NULL && stats != NULL && stats->state == DP_PORT_FAILED)
		error = failure[0] != '\0' ? failure : "the port failed";
	if (error == NULL)
		error = state.refusal;
	bool is_there =
	    o != NULL && state.refusal == NULL && (stats == NULL || stats->state != DP_PORT_FAILED);
	json_int_t ofport = is_there ? json_integer_value(json_object_get(o->data, "ofport")) : -1;
	/* Neither there nor refused: it was made after the last run, and the next one sees to it. */
	if (is_there || error != NULL)
		writer_set_integer(w, row, OVS_Interface_ofport, ofport != 0 ? ofport : -1);
	writer_set_text(w, row, OVS_Interface_error, error);
	if (stats != NULL && o != NULL)
		write_link(s, w, row, o, stats);
	write_interface_status(s, w, row, want, o, stats);
	if (stats != NULL && with_counters)
		write_counters(w, row, stats);
}

static void write_link(const struct status_source *s, struct row_writer *w,
    const struct ovsdb_row *row, const struct api_object *o, const struct dp_port_stats *stats)
{
	const struct dp_op *op = model_find(s->d->model, DP_KIND_PORT, stats->id);
	const struct dp_port_conf *conf =
	    op != NULL ? (const struct dp_port_conf *)(const void *)(op + 1) : NULL;
	struct device device = {0};
	bool is_device = find_device(rows_string(s->rows, row, OVS_Interface_type), o, &device);
	struct link_history *link = &s->links[stats->id];
	bool is_up = stats->link_up != 0;

	link->n_resets += link->is_known && link->was_up != is_up;
	link->was_up = is_up;
	link->is_known = true;
	writer_set_text(
	    w, row, OVS_Interface_admin_state, is_device && !device.is_up ? "down" : "up");
	writer_set_text(w, row, OVS_Interface_link_state, is_up ? "up" : "down");
	writer_set_integer(w, row, OVS_Interface_link_resets, link->n_resets);
	if (is_device || conf != NULL)
		writer_set_integer(
		    w, row, OVS_Interface_mtu, is_device ? (int64_t)device.mtu : conf->mtu);
	write_device(w, row, o, is_device ? &device : NULL);
}

/* Some ports are devices of the kernel; one may have been moved to another network namespace. */
static bool find_device(const char *type, const struct api_object *o, struct device *ret)
{
	const char *name = json_string_value(json_object_get(o->data, "device"));

	if (strcmp(type, "tap") == 0 || strcmp(type, "internal") == 0)
		return device_read(name != NULL ? name : o->name, ret);
	return (type[0] == '\0' || strcmp(type, "system") == 0 || strcmp(type, "afxdp") == 0) &&
	       device_read(o->name, ret);
}

/* device NULL: what was said in the database, or nothing. */
static void write_device(struct row_writer *w, const struct ovsdb_row *row,
    const struct api_object *o, const struct device *device)
{
	const char *said = json_string_value(json_object_get(o->data, "mac"));
	char mac[MAC_STR_SIZE];

	writer_set_text(w, row, OVS_Interface_mac_in_use,
	    device != NULL ? mac_format(&device->mac, mac) : said);
	if (device == NULL) {
		writer_set_integer(w, row, OVS_Interface_ifindex, 0);
		return;
	}
	writer_set_integer(w, row, OVS_Interface_ifindex, device->index);
	if (device->speed_bps != 0) {
		writer_set_integer(w, row, OVS_Interface_link_speed, device->speed_bps);
		writer_set_text(
		    w, row, OVS_Interface_duplex, device->is_full_duplex ? "full" : "half");
	}
}

static void write_interface_status(const struct status_source *s, struct row_writer *w,
    const struct ovsdb_row *row, const struct want *want, const struct api_object *o,
    const struct dp_port_stats *stats)
{
	const char *type = rows_string(s->rows, row, OVS_Interface_type);
	bool is_client = strcmp(type, "dpdkvhostuserclient") == 0;
	bool is_vhost = o != NULL && (is_client || strcmp(type, "dpdkvhostuser") == 0);
	char unsupported[WANT_ERROR_SIZE + 40];
	const char *const pairs[][2] = {
	    {"unsupported",
		not_acted_on(unsupported, sizeof(unsupported), want != NULL ? want->warning : "")},
	    {"mode", is_vhost ? is_client ? "client" : "server" : NULL},
	    {"socket", is_vhost ? json_string_value(json_object_get(o->data, "socket")) : NULL},
	    {"status", !is_vhost || stats == NULL        ? NULL
		       : stats->state == DP_PORT_WAITING ? "disconnected"
							 : "connected"},
	};
	writer_set(w, row, OVS_Interface_status, datum_of_map(pairs, ARRAY_SIZE(pairs)));
}

static void write_counters(
    struct row_writer *w, const struct ovsdb_row *row, const struct dp_port_stats *stats)
{
	uint64_t dropped = 0;
	struct ovsdb_datum_builder b;

	for (size_t i = 0; i < DP_DROP__COUNT; i++)
		dropped += stats->drops[i];
	const struct {
		const char *name;
		uint64_t value;
	} counters[] = {
	    {"rx_packets", stats->rx_packets},
	    {"rx_bytes", stats->rx_bytes},
	    {"rx_dropped", dropped},
	    {"rx_errors", 0},
	    {"tx_packets", stats->tx_packets},
	    {"tx_bytes", stats->tx_bytes},
	    {"tx_dropped", stats->tx_drops},
	    {"tx_errors", 0},
	};
	ovsdb_datum_builder_init(&b, OVSDB_STRING, OVSDB_INTEGER);
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		ovsdb_datum_builder_add(&b,
		    (union ovsdb_atom){.string = ovsdb_text_of_string(counters[i].name)},
		    (union ovsdb_atom){.integer = (int64_t)counters[i].value});
	writer_set(w, row, OVS_Interface_statistics, ovsdb_datum_builder_finish(&b));
}

static const char *not_acted_on(char *buf, size_t size, const char *what)
{
	if (what[0] == '\0')
		return NULL;
	snprintf(buf, size, "stored, not acted on: %s", what);
	return buf;
}
