/* SPDX-License-Identifier: Apache-2.0 */
#include "control/ovsdb/shown.h"

#include <stdlib.h>
#include <string.h>

#include "control/mem.h"
#include "control/ovsdb/shown_priv.h"

#define LOG_MODULE "ovsdb"
#include "datapath/base/log.h"

enum { MAX_TOUCHED = 65536, MAX_COMPLAINTS = 4096 };

struct complaint {
	struct ovsdb_uuid row;
	char text[160];
};

struct shown {
	struct wants_source source;
	struct ovsdb_uuid *touched; // rows that clients changed since the last write
	size_t n_touched, touched_capacity;
	struct complaint *complaints;
	size_t n_complaints, complaints_capacity;
	bool shows_nothing; // no row of another owner, and none was there to be taken away
};

static void write_bridges(struct shown *s, struct row_writer *w);
static struct ovsdb_datum write_ports(
    struct shown *s, struct row_writer *w, const struct ovsdb_row *bridge, const char *bridge_name);
static size_t count_foreign(const struct shown *s);
static bool has_foreign_port(const struct shown *s, const char *bridge);
static const struct api_object *find_foreign(
    const struct store *store, enum api_table table, const char *name);
static bool is_shown_bridge(const struct shown *s, const char *name);
static const char *bridge_owner(const struct shown *s, const char *name);
static struct ovsdb_row *find_row(const struct rows *r, enum ovs_table table, const char *name);
static void put_back(struct shown *s, struct row_writer *w, const struct ovsdb_row *row,
    const struct shown_cell *cells, size_t n, enum ovs_column ids, const char *owner);
static void insert(struct row_writer *w, const struct ovsdb_uuid *uuid, enum ovs_column name_column,
    const char *name, enum ovs_column ids, const char *owner, const struct shown_cell *cells,
    size_t n);
static void insert_port(struct shown *s, struct row_writer *w, const struct api_object *port,
    const struct ovsdb_uuid *uuid);
static void complain(struct shown *s, const struct ovsdb_row *row, const char *owner, bool differs);
static void add_ref(struct ovsdb_datum_builder *b, const struct ovsdb_uuid *uuid);

struct shown *shown_create(const struct wants_source *source)
{
	struct shown *s = mem_alloc(sizeof(*s));
	s->source = *source;
	return s;
}

void shown_destroy(struct shown *s)
{
	if (s == NULL)
		return;
	free(s->touched);
	free(s->complaints);
	free(s);
}

void shown_touch(struct shown *s, const struct ovsdb_changes *changes)
{
	for (size_t i = 0; i < changes->n && s->n_touched < MAX_TOUCHED; i++) {
		if (changes->array[i].new == NULL)
			continue;
		s->touched =
		    mem_grow(s->touched, s->n_touched, &s->touched_capacity, sizeof(*s->touched));
		s->touched[s->n_touched++] = changes->array[i].new->uuid;
	}
}

void shown_write(struct shown *s, struct row_writer *w)
{
	const struct rows *r = s->source.rows;

	size_t n_foreign = count_foreign(s);
	if (rows_root(r) == NULL || (n_foreign == 0 && s->shows_nothing)) {
		s->n_touched = 0;
		return;
	}
	s->shows_nothing = n_foreign == 0;
	if (s->n_complaints > MAX_COMPLAINTS)
		s->n_complaints = 0; // of rows that are gone, most of them
	write_bridges(s, w);
	struct row_list bridges = rows_list(r, OVS_Bridge);
	for (size_t i = 0; i < bridges.n; i++) {
		const char *name = rows_string(r, bridges.rows[i], OVS_Bridge_name);
		bool goes = shown_owner(r, bridges.rows[i], OVS_Bridge_external_ids) != NULL &&
			    !is_shown_bridge(s, name);
		if (!goes)
			writer_set(w, bridges.rows[i], OVS_Bridge_ports,
			    write_ports(s, w, bridges.rows[i], name));
	}
	row_list_fini(&bridges);
	s->n_touched = 0;
}

const char *shown_complaint(const struct shown *s, const struct ovsdb_uuid *row)
{
	for (size_t i = 0; i < s->n_complaints; i++)
		if (ovsdb_uuid_equals(s->complaints[i].row, *row))
			return s->complaints[i].text;
	return NULL;
}

const char *shown_owner(const struct rows *r, const struct ovsdb_row *row, enum ovs_column ids)
{
	return rows_map(r, row, ids, OVSDB_OWNER_KEY);
}

/* Open_vSwitch.bridges, and the rows of bridges themselves; of new ones their ports too. */
static void write_bridges(struct shown *s, struct row_writer *w)
{
	const struct rows *r = s->source.rows;
	const struct ovsdb_row *root = rows_root(r);
	struct row_list bridges = rows_referred(r, root, OVS_Open_vSwitch_bridges, OVS_Bridge);
	struct shown_cell cells[SHOWN_MAX_CELLS];
	struct ovsdb_datum_builder refs;
	size_t n;

	ovsdb_datum_builder_init(&refs, OVSDB_UUID, OVSDB_VOID);
	for (size_t i = 0; i < bridges.n; i++) {
		const struct ovsdb_row *row = bridges.rows[i];
		const char *name = rows_string(r, row, OVS_Bridge_name);
		bool is_shown = shown_owner(r, row, OVS_Bridge_external_ids) != NULL;
		if (is_shown && !is_shown_bridge(s, name))
			continue;
		add_ref(&refs, &row->uuid);
		if (!is_shown)
			continue;
		n = shown_bridge_cells(
		    find_foreign(s->source.store, API_TABLE_BRIDGE, name), cells);
		put_back(s, w, row, cells, n, OVS_Bridge_external_ids, bridge_owner(s, name));
	}
	row_list_fini(&bridges);
	const struct api_object *const *stored =
	    store_sorted(s->source.store, API_TABLE_BRIDGE, &n);
	for (size_t i = 0, n_stored = n; i <= n_stored; i++) {
		const char *name = i < n_stored ? stored[i]->name : OVSDB_NET_BRIDGE;
		if (!is_shown_bridge(s, name) || find_row(r, OVS_Bridge, name) != NULL)
			continue;
		struct ovsdb_uuid uuid = ovsdb_uuid_random();
		n = shown_bridge_cells(
		    find_foreign(s->source.store, API_TABLE_BRIDGE, name), cells);
		add_ref(&refs, &uuid);
		cells[n++] = (struct shown_cell){OVS_Bridge_ports, write_ports(s, w, NULL, name)};
		insert(w, &uuid, OVS_Bridge_name, name, OVS_Bridge_external_ids,
		    bridge_owner(s, name), cells, n);
	}
	writer_set(w, root, OVS_Open_vSwitch_bridges, ovsdb_datum_builder_finish(&refs));
}

/* The rows of a bridge's ports; returns Bridge.ports. bridge NULL: its row is yet to be made. */
static struct ovsdb_datum write_ports(
    struct shown *s, struct row_writer *w, const struct ovsdb_row *bridge, const char *bridge_name)
{
	const struct rows *r = s->source.rows;
	struct row_list ports = {0};
	struct ovsdb_datum_builder refs;
	size_t n;

	if (bridge != NULL)
		ports = rows_referred(r, bridge, OVS_Bridge_ports, OVS_Port);
	ovsdb_datum_builder_init(&refs, OVSDB_UUID, OVSDB_VOID);
	for (size_t i = 0; i < ports.n; i++) {
		const struct ovsdb_row *row = ports.rows[i];
		const char *name = rows_string(r, row, OVS_Port_name);
		const struct api_object *o = find_foreign(s->source.store, API_TABLE_PORT, name);
		const char *on = o != NULL ? shown_bridge_of(o) : NULL;
		bool is_shown = shown_owner(r, row, OVS_Port_external_ids) != NULL;
		if (is_shown && (on == NULL || strcmp(on, bridge_name) != 0))
			continue;
		add_ref(&refs, &row->uuid);
		if (!is_shown)
			continue;
		struct shown_cell cells[SHOWN_MAX_CELLS];
		n = shown_port_cells(o, cells);
		put_back(s, w, row, cells, n, OVS_Port_external_ids, o->owner);
		struct ovsdb_row *interface = find_row(r, OVS_Interface, name);
		n = shown_interface_cells(o, s->source.rundir, cells);
		if (interface != NULL)
			put_back(s, w, interface, cells, n, OVS_Interface_external_ids, o->owner);
		for (size_t k = 0; interface == NULL && k < n; k++)
			ovsdb_datum_unref(&cells[k].datum);
	}
	row_list_fini(&ports);
	const struct api_object *const *stored = store_sorted(s->source.store, API_TABLE_PORT, &n);
	for (size_t i = 0; i < n; i++) {
		const char *on =
		    strcmp(stored[i]->owner, OVSDB_OWNER) != 0 ? shown_bridge_of(stored[i]) : NULL;
		if (on == NULL || strcmp(on, bridge_name) != 0 ||
		    find_row(r, OVS_Port, stored[i]->name) != NULL ||
		    find_row(r, OVS_Interface, stored[i]->name) != NULL)
			continue;
		struct ovsdb_uuid uuid = ovsdb_uuid_random();
		add_ref(&refs, &uuid);
		insert_port(s, w, stored[i], &uuid);
	}
	return ovsdb_datum_builder_finish(&refs);
}

static void insert_port(struct shown *s, struct row_writer *w, const struct api_object *port,
    const struct ovsdb_uuid *uuid)
{
	struct ovsdb_uuid interface = ovsdb_uuid_random();
	struct shown_cell cells[SHOWN_MAX_CELLS];
	size_t n = shown_port_cells(port, cells);

	cells[n++] = (struct shown_cell){OVS_Port_interfaces, ovsdb_datum_of_uuid(interface)};
	insert(w, uuid, OVS_Port_name, port->name, OVS_Port_external_ids, port->owner, cells, n);
	n = shown_interface_cells(port, s->source.rundir, cells);
	insert(w, &interface, OVS_Interface_name, port->name, OVS_Interface_external_ids,
	    port->owner, cells, n);
}

static size_t count_foreign(const struct shown *s)
{
	static const enum api_table tables[] = {API_TABLE_BRIDGE, API_TABLE_PORT};
	size_t n_foreign = 0;

	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		size_t n;
		const struct api_object *const *stored =
		    store_sorted(s->source.store, tables[t], &n);
		for (size_t i = 0; i < n; i++)
			n_foreign += strcmp(stored[i]->owner, OVSDB_OWNER) != 0;
	}
	return n_foreign;
}

static bool has_foreign_port(const struct shown *s, const char *bridge)
{
	size_t n;
	const struct api_object *const *stored = store_sorted(s->source.store, API_TABLE_PORT, &n);

	for (size_t i = 0; i < n; i++) {
		const char *on = shown_bridge_of(stored[i]);
		if (on != NULL && strcmp(on, bridge) == 0 &&
		    strcmp(stored[i]->owner, OVSDB_OWNER) != 0)
			return true;
	}
	return false;
}

static const struct api_object *find_foreign(
    const struct store *store, enum api_table table, const char *name)
{
	const struct api_object *o = store_find(store, table, name);
	return o != NULL && strcmp(o->owner, OVSDB_OWNER) != 0 ? o : NULL;
}

static bool is_shown_bridge(const struct shown *s, const char *name)
{
	return find_foreign(s->source.store, API_TABLE_BRIDGE, name) != NULL ||
	       (strcmp(name, OVSDB_NET_BRIDGE) == 0 && has_foreign_port(s, name));
}

/* The networks' bridge is the daemon's own. */
static const char *bridge_owner(const struct shown *s, const char *name)
{
	const struct api_object *o = find_foreign(s->source.store, API_TABLE_BRIDGE, name);
	return o != NULL ? o->owner : "sluiced";
}

static struct ovsdb_row *find_row(const struct rows *r, enum ovs_table table, const char *name)
{
	struct ovsdb_datum key = ovsdb_datum_of_string(name);
	struct ovsdb_row *row = ovsdb_table_find_by_index(r->tables[table], 0, &key);

	ovsdb_datum_unref(&key);
	return row;
}

/* Takes the cells' values. */
static void put_back(struct shown *s, struct row_writer *w, const struct ovsdb_row *row,
    const struct shown_cell *cells, size_t n, enum ovs_column ids, const char *owner)
{
	bool differs = false;

	for (size_t i = 0; i < n; i++)
		differs |= writer_set(w, row, cells[i].column, cells[i].datum);
	differs |= writer_set_key(w, row, ids, OVSDB_OWNER_KEY, owner);
	complain(s, row, owner, differs);
}

/* Takes the cells' values. */
static void insert(struct row_writer *w, const struct ovsdb_uuid *uuid, enum ovs_column name_column,
    const char *name, enum ovs_column ids, const char *owner, const struct shown_cell *cells,
    size_t n)
{
	const char *const pair[1][2] = {{OVSDB_OWNER_KEY, owner}};

	writer_insert(w, name_column, uuid, ovsdb_datum_of_string(name));
	writer_insert(w, ids, uuid, datum_of_map(pair, 1));
	for (size_t i = 0; i < n; i++)
		writer_insert(w, cells[i].column, uuid, cells[i].datum);
}

/* Only of rows that a client has written: others differ because their object changed. */
static void complain(struct shown *s, const struct ovsdb_row *row, const char *owner, bool differs)
{
	size_t i = 0;

	while (i < s->n_touched && !ovsdb_uuid_equals(s->touched[i], row->uuid))
		i++;
	if (i == s->n_touched)
		return;
	for (i = 0; i < s->n_complaints; i++)
		if (ovsdb_uuid_equals(s->complaints[i].row, row->uuid))
			s->complaints[i--] = s->complaints[--s->n_complaints];
	if (!differs)
		return;
	s->complaints = mem_grow(
	    s->complaints, s->n_complaints, &s->complaints_capacity, sizeof(*s->complaints));
	struct complaint *c = &s->complaints[s->n_complaints++];
	c->row = row->uuid;
	snprintf(c->text, sizeof(c->text),
	    "it belongs to owner %.64s: change it through the API; the change is undone", owner);
	log_warn("a row of owner %s was changed by a client and put back", owner);
}

static void add_ref(struct ovsdb_datum_builder *b, const struct ovsdb_uuid *uuid)
{
	ovsdb_datum_builder_add(
	    b, (union ovsdb_atom){.uuid = *uuid}, (union ovsdb_atom){.integer = 0});
}
