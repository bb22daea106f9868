/* SPDX-License-Identifier: Apache-2.0 */
#include "control/ovsdb/wants.h"

#include <stdlib.h>
#include <string.h>

#include "control/mem.h"
#include "control/openflow/of_conf.h"
#include "datapath/base/json_util.h"

static void add_bridge(
    struct wants *w, const struct wants_source *s, const struct ovsdb_row *bridge);
static void add_ports(
    struct wants *w, const struct wants_source *s, const struct ovsdb_row *bridge);
static void add_interface(struct wants *w, struct port_rows *p, size_t n_interfaces);
static struct want *add_failed(
    struct wants *w, enum api_table table, const char *name, const struct ovsdb_uuid *row);
static json_t *bridge_object(
    const struct wants_source *s, const struct ovsdb_row *bridge, struct want *want);
static void add_openflow(
    const struct wants_source *s, const struct ovsdb_row *bridge, json_t *object);
static bool set_number(const struct wants_source *s, const struct ovsdb_row *bridge,
    const char *key, json_t *object, const char *member, struct want *want);
static void drop_unknown(struct want *want);
static void check(struct want *want);
static void pair_patches(struct wants *w);
static void settle_ofports(struct wants *w, const struct store *store);
static bool is_shown(const struct rows *r, const struct ovsdb_row *row, enum ovs_column ids);
static uint64_t hash_of(const struct wants *w, enum api_table table, const char *name);

void wants_collect(struct wants *w, const struct wants_source *s)
{
	const struct ovsdb_row *root = rows_root(s->rows);
	struct row_list bridges = {0};

	*w = (struct wants){0};
	hmap_init(&w->by_name);
	hmap_init(&w->failed_rows);
	hash_key_init(&w->key);
	for (enum api_table t = 0; t < API_TABLE__COUNT; t++)
		w->room[t] = api_tables[t].max_rows -
			     MIN_OF(store_count(s->store, t), api_tables[t].max_rows);
	if (root != NULL) {
		w->next_cfg = rows_integer(s->rows, root, OVS_Open_vSwitch_next_cfg, 0);
		bridges = rows_referred(s->rows, root, OVS_Open_vSwitch_bridges, OVS_Bridge);
	}
	for (size_t i = 0; i < bridges.n; i++)
		add_bridge(w, s, bridges.rows[i]);
	for (size_t i = 0; i < bridges.n; i++)
		add_ports(w, s, bridges.rows[i]);
	row_list_fini(&bridges);
	pair_patches(w);
	uplinks_want(w, s);
	settle_ofports(w, s->store);
	for (size_t i = 0; i < w->n; i++)
		check(w->array[i]);
}

void wants_fini(struct wants *w)
{
	for (size_t i = 0; i < w->n + w->n_failed; i++) {
		struct want *want = i < w->n ? w->array[i] : w->failed[i - w->n];
		json_decref(want->object);
		free(want);
	}
	hmap_fini(&w->by_name);
	hmap_fini(&w->failed_rows);
	free(w->array);
	free(w->failed);
	*w = (struct wants){0};
}

struct want *wants_find(const struct wants *w, enum api_table table, const char *name)
{
	if (w->by_name.n == 0)
		return NULL;
	hmap_foreach_with_hash (want, &w->by_name, hash_of(w, table, name), struct want, node)
		if (want->table == table && strcmp(want->name, name) == 0)
			return want;
	return NULL;
}

struct want *wants_of_row(
    const struct wants *w, enum api_table table, const char *name, const struct ovsdb_uuid *row)
{
	struct want *want = wants_find(w, table, name);

	if (want != NULL && ovsdb_uuid_equals(want->row, *row))
		return want;
	if (w->failed_rows.n == 0)
		return NULL;
	hmap_foreach_with_hash (f, &w->failed_rows, ovsdb_uuid_hash(row), struct want, node)
		if (f->table == table && ovsdb_uuid_equals(f->row, *row))
			return f;
	return NULL;
}

struct want *wants_add(struct wants *w, const struct wants_source *s, enum api_table table,
    const char *name, const struct ovsdb_uuid *row)
{
	const struct api_object *o = store_find(s->store, table, name);
	struct want *want;

	if (!json_name_is_valid(name)) {
		want = add_failed(w, table, name, row);
		snprintf(want->error, sizeof(want->error),
		    "the name is not 1 to 64 of A-Z a-z 0-9 . _ : -");
		return want;
	}
	if (o != NULL && strcmp(o->owner, OVSDB_OWNER) != 0) {
		want = add_failed(w, table, name, row);
		snprintf(want->error, sizeof(want->error),
		    "%s %s was made through the API and belongs to owner %s",
		    api_tables[table].name, name, o->owner);
		return want;
	}
	if (wants_find(w, table, name) != NULL) {
		want = add_failed(w, table, name, row);
		snprintf(want->error, sizeof(want->error), "it is in more than one port or bridge");
		return want;
	}
	if (o == NULL && w->room[table] == 0) {
		want = add_failed(w, table, name, row);
		snprintf(want->error, sizeof(want->error), "the switch has room for %zu %ss",
		    api_tables[table].max_rows, api_tables[table].name);
		return want;
	}
	w->room[table] -= o == NULL;
	want = mem_alloc(sizeof(*want));
	want->table = table;
	want->row = *row;
	snprintf(want->name, sizeof(want->name), "%s", name);
	w->array = mem_grow(w->array, w->n, &w->capacity, sizeof(struct want *));
	w->array[w->n++] = want;
	hmap_add(&w->by_name, &want->node, hash_of(w, table, name));
	return want;
}

static void add_bridge(
    struct wants *w, const struct wants_source *s, const struct ovsdb_row *bridge)
{
	const char *name = rows_string(s->rows, bridge, OVS_Bridge_name);

	if (is_shown(s->rows, bridge, OVS_Bridge_external_ids))
		return;
	struct want *want = wants_add(w, s, API_TABLE_BRIDGE, name, &bridge->uuid);
	if (want->error[0] == '\0')
		want->object = bridge_object(s, bridge, want);
	unsupported_columns(bridge, want->warning, sizeof(want->warning));
}

static void add_ports(struct wants *w, const struct wants_source *s, const struct ovsdb_row *bridge)
{
	struct row_list ports = rows_referred(s->rows, bridge, OVS_Bridge_ports, OVS_Port);

	for (size_t i = 0; i < ports.n; i++) {
		struct row_list interfaces =
		    rows_referred(s->rows, ports.rows[i], OVS_Port_interfaces, OVS_Interface);
		for (size_t k = 0; k < interfaces.n; k++) {
			struct port_rows p = {.source = s,
			    .bridge = bridge,
			    .port = ports.rows[i],
			    .interface = interfaces.rows[k],
			    .name = rows_string(s->rows, interfaces.rows[k], OVS_Interface_name),
			    .bridge_name = rows_string(s->rows, bridge, OVS_Bridge_name)};
			if (!is_shown(s->rows, p.interface, OVS_Interface_external_ids))
				add_interface(w, &p, interfaces.n);
		}
		row_list_fini(&interfaces);
	}
	row_list_fini(&ports);
}

static void add_interface(struct wants *w, struct port_rows *p, size_t n_interfaces)
{
	const struct rows *r = p->source->rows;
	struct want *want = wants_add(w, p->source, API_TABLE_PORT, p->name, &p->interface->uuid);
	char more[WANT_ERROR_SIZE / 2];

	if (want->error[0] != '\0')
		return;
	if (strcmp(p->bridge_name, OVSDB_NET_BRIDGE) == 0)
		snprintf(want->error, sizeof(want->error),
		    "bridge %s is that of networks: their ports are made through the API",
		    OVSDB_NET_BRIDGE);
	else if (n_interfaces > 1)
		snprintf(want->error, sizeof(want->error),
		    "bonds are not supported: port %s has %zu interfaces",
		    rows_string(r, p->port, OVS_Port_name), n_interfaces);
	else
		want->object = port_want(p, want);
	unsupported_columns(p->interface, more, sizeof(more));
	size_t len = strlen(want->warning);
	if (more[0] != '\0')
		snprintf(want->warning + len, sizeof(want->warning) - len, "%s%s",
		    len > 0 ? ", " : "", more);
}

static struct want *add_failed(
    struct wants *w, enum api_table table, const char *name, const struct ovsdb_uuid *row)
{
	struct want *want = mem_alloc(sizeof(*want));

	want->table = table;
	want->row = *row;
	snprintf(want->name, sizeof(want->name), "%.64s", name);
	w->failed = mem_grow(w->failed, w->n_failed, &w->failed_capacity, sizeof(struct want *));
	w->failed[w->n_failed++] = want;
	hmap_add(&w->failed_rows, &want->node, ovsdb_uuid_hash(row));
	return want;
}

static json_t *bridge_object(
    const struct wants_source *s, const struct ovsdb_row *bridge, struct want *want)
{
	const char *type = rows_string(s->rows, bridge, OVS_Bridge_datapath_type);
	const char *fail_mode = rows_string(s->rows, bridge, OVS_Bridge_fail_mode);
	const char *id = rows_map(s->rows, bridge, OVS_Bridge_other_config, "datapath-id");

	if (type[0] != '\0' && strcmp(type, "netdev") != 0 && strcmp(type, "system") != 0) {
		snprintf(want->error, sizeof(want->error),
		    "datapath_type \"%.64s\" is neither netdev nor system", type);
		return NULL;
	}
	json_t *object = json_object();
	json_object_set_new(object, "fail_mode",
	    json_string(strcmp(fail_mode, "secure") == 0 ? "secure" : "standalone"));
	add_openflow(s, bridge, object);
	if (id != NULL) {
		char text[32];
		snprintf(text, sizeof(text), "0x%.16s", strncmp(id, "0x", 2) == 0 ? id + 2 : id);
		json_object_set_new(object, "datapath_id", json_string(text));
	}
	if (!set_number(s, bridge, "mac-aging-time", object, "mac_age_s", want) ||
	    !set_number(s, bridge, "mac-table-size", object, "max_macs", want)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static void add_openflow(
    const struct wants_source *s, const struct ovsdb_row *bridge, json_t *object)
{
	struct row_list rows =
	    rows_referred(s->rows, bridge, OVS_Bridge_controller, OVS_Controller);
	struct ovsdb_datum versions = rows_get(s->rows, bridge, OVS_Bridge_protocols);
	json_t *controllers = json_array(), *protocols = json_array();

	for (size_t i = 0; i < rows.n; i++) {
		const struct ovsdb_row *row = rows.rows[i];
		int64_t backoff = rows_integer(
		    s->rows, row, OVS_Controller_max_backoff, OF_DEFAULT_MAX_BACKOFF_MS);
		int64_t probe = rows_integer(
		    s->rows, row, OVS_Controller_inactivity_probe, OF_DEFAULT_PROBE_MS);
		json_array_append_new(controllers,
		    json_pack("{s:s, s:I, s:I}", "target",
			rows_string(s->rows, row, OVS_Controller_target), "max_backoff_ms",
			(json_int_t)backoff, "inactivity_probe_ms", (json_int_t)probe));
	}
	for (uint32_t i = 0; i < versions.n; i++)
		json_array_append_new(
		    protocols, json_string(ovsdb_datum_key(&versions, i).string->s));
	if (rows.n > 0)
		json_object_set(object, "controllers", controllers);
	if (versions.n > 0)
		json_object_set(object, "protocols", protocols);
	json_decref(controllers);
	json_decref(protocols);
	row_list_fini(&rows);
}

static bool set_number(const struct wants_source *s, const struct ovsdb_row *bridge,
    const char *key, json_t *object, const char *member, struct want *want)
{
	const char *text = rows_map(s->rows, bridge, OVS_Bridge_other_config, key);
	char *end;

	if (text == NULL)
		return true;
	unsigned long n = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || n > INT32_MAX) {
		snprintf(want->error, sizeof(want->error), "other_config:%s is not a number", key);
		return false;
	}
	json_object_set_new(object, member, json_integer((json_int_t)n));
	return true;
}

/* What the API has no word for is stored in the rows and not acted on. */
static void drop_unknown(struct want *want)
{
	const struct api_table_def *table = &api_tables[want->table];
	size_t len = strlen(want->warning);
	const char *member;
	json_t *value;
	void *next;

	json_object_foreach_safe(want->object, next, member, value)
	{
		size_t i = 0;
		while (i < table->n_columns && strcmp(table->columns[i].name, member) != 0)
			i++;
		if (i < table->n_columns)
			continue;
		if (len < sizeof(want->warning))
			len += (size_t)snprintf(want->warning + len, sizeof(want->warning) - len,
			    "%s%s", len > 0 ? ", " : "", member);
		json_object_del(want->object, member);
	}
}

/* As the store will have it: so it can be compared with what the store has. */
static void check(struct want *want)
{
	struct err err = {0};

	if (want->object == NULL)
		return;
	drop_unknown(want);
	json_t *object = schema_normalise(want->table, want->object, NULL, &err);
	json_decref(want->object);
	want->object = object;
	if (object == NULL)
		snprintf(want->error, sizeof(want->error), "%.60s%s%.240s",
		    err.path[0] == '/' ? err.path + 1 : err.path, err.path[0] != '\0' ? ": " : "",
		    err.what);
}

/*
 * A patch port whose other end does not name it is there and swallows what it is sent, as clients expect that make one end after
 * the other: kind null until then.
 */
static void pair_patches(struct wants *w)
{
	for (size_t i = 0; i < w->n; i++) {
		json_t *object = w->array[i]->object;
		const char *peer = json_string_value(json_object_get(object, "peer"));
		if (peer == NULL)
			continue;
		const struct want *other = wants_find(w, API_TABLE_PORT, peer);
		const char *back = other != NULL
				       ? json_string_value(json_object_get(other->object, "peer"))
				       : NULL;
		bool is_pair =
		    back != NULL && other != w->array[i] && strcmp(back, w->array[i]->name) == 0;
		json_object_set_new(object, "kind", json_string(is_pair ? "patch" : "null"));
	}
	for (size_t i = 0; i < w->n; i++) {
		json_t *object = w->array[i]->object;
		const char *kind = json_string_value(json_object_get(object, "kind"));
		if (kind != NULL && strcmp(kind, "null") == 0)
			json_object_del(object, "peer");
	}
}

/* A number that another port has, or asks for before, is not asked for: the next free one is given instead. */
static void settle_ofports(struct wants *w, const struct store *store)
{
	for (size_t i = 0; i < w->n; i++) {
		json_t *object = w->array[i]->object;
		json_int_t n = json_integer_value(json_object_get(object, "ofport"));
		json_t *bridge = json_object_get(object, "bridge");
		bool is_taken = false;
		const struct api_object *own = store_find(store, API_TABLE_PORT, w->array[i]->name);
		if (n == 0 ||
		    (own != NULL && json_integer_value(json_object_get(own->data, "ofport")) == n))
			continue;
		for (size_t k = 0; k < i && !is_taken; k++)
			is_taken =
			    json_equal(json_object_get(w->array[k]->object, "bridge"), bridge) &&
			    json_integer_value(json_object_get(w->array[k]->object, "ofport")) == n;
		size_t n_stored;
		const struct api_object *const *stored =
		    store_sorted(store, API_TABLE_PORT, &n_stored);
		for (size_t k = 0; k < n_stored && !is_taken; k++)
			is_taken =
			    strcmp(stored[k]->name, w->array[i]->name) != 0 &&
			    json_equal(json_object_get(stored[k]->data, "bridge"), bridge) &&
			    json_integer_value(json_object_get(stored[k]->data, "ofport")) == n;
		if (is_taken)
			json_object_del(object, "ofport");
	}
}

static bool is_shown(const struct rows *r, const struct ovsdb_row *row, enum ovs_column ids)
{
	return rows_map(r, row, ids, OVSDB_OWNER_KEY) != NULL;
}

static uint64_t hash_of(const struct wants *w, enum api_table table, const char *name)
{
	return hash_string(&w->key, name) + (uint64_t)table;
}
