/* SPDX-License-Identifier: Apache-2.0 */
/* An object of the API in the words of Bridge, Port and Interface. */
#include <inttypes.h>
#include <string.h>

#include "control/ovsdb/shown_priv.h"

static const char *text_of(const struct api_object *o, const char *member);
static struct ovsdb_datum optional_text(const char *text);
static struct ovsdb_datum numbers_of(json_t *list);
static const char *interface_type(const struct api_object *port);
static void add_option(struct ovsdb_datum_builder *b, const struct api_object *port,
    const char *member, const char *key);

const char *shown_bridge_of(const struct api_object *port)
{
	const char *kind = text_of(port, "kind");

	if (kind != NULL && (strcmp(kind, "uplink") == 0 || strcmp(kind, "remote") == 0))
		return NULL;
	return text_of(port, "network") != NULL ? OVSDB_NET_BRIDGE : text_of(port, "bridge");
}

size_t shown_bridge_cells(const struct api_object *bridge, struct shown_cell *ret)
{
	const char *miss = bridge != NULL ? text_of(bridge, "miss") : "drop";
	bool is_normal = miss != NULL && strcmp(miss, "normal") == 0;

	ret[0] = (struct shown_cell){OVS_Bridge_datapath_type, ovsdb_datum_of_string("netdev")};
	ret[1] = (struct shown_cell){
	    OVS_Bridge_fail_mode, ovsdb_datum_of_string(is_normal ? "standalone" : "secure")};
	return 2;
}

size_t shown_port_cells(const struct api_object *port, struct shown_cell *ret)
{
	json_t *tag = json_object_get(port->data, "tag");

	ret[0] = (struct shown_cell){
	    OVS_Port_tag, tag != NULL ? ovsdb_datum_of_integer(json_integer_value(tag))
				      : ovsdb_datum_empty(OVSDB_INTEGER, OVSDB_VOID)};
	ret[1] =
	    (struct shown_cell){OVS_Port_trunks, numbers_of(json_object_get(port->data, "trunks"))};
	ret[2] = (struct shown_cell){OVS_Port_vlan_mode, optional_text(text_of(port, "vlan_mode"))};
	return 3;
}

/* Members of a port that are options of its type. */
static const char *const options[][2] = {
    {"remote_ip", "remote_ip"},
    {"local_ip", "local_ip"},
    {"vni", "key"},
    {"in_vni", "in_key"},
    {"out_vni", "out_key"},
    {"dst_port", "dst_port"},
    {"ttl", "ttl"},
    {"peer", "peer"},
};

size_t shown_interface_cells(
    const struct api_object *port, const char *rundir, struct shown_cell *ret)
{
	const char *type = interface_type(port);
	struct ovsdb_datum_builder b;
	char path[512];

	ovsdb_datum_builder_init(&b, OVSDB_STRING, OVSDB_STRING);
	if (strcmp(type, "dpdkvhostuserclient") == 0 || strcmp(type, "dpdkvhostuser") == 0) {
		const char *socket = text_of(port, "socket");
		snprintf(path, sizeof(path), "%s/%s.sock", rundir, port->name);
		ovsdb_datum_builder_add_strings(
		    &b, "vhost-server-path", socket != NULL ? socket : path);
	}
	if (strcmp(type, "dpdk") == 0)
		add_option(&b, port, "device", "dpdk-devargs");
	for (size_t i = 0; strcmp(type, "vxlan") == 0 && i < ARRAY_SIZE(options); i++)
		add_option(&b, port, options[i][0], options[i][1]);
	if (strcmp(type, "patch") == 0)
		add_option(&b, port, "peer", "peer");
	ret[0] = (struct shown_cell){OVS_Interface_type, ovsdb_datum_of_string(type)};
	ret[1] = (struct shown_cell){OVS_Interface_options, ovsdb_datum_builder_finish(&b)};
	return 2;
}

static const char *text_of(const struct api_object *o, const char *member)
{
	return json_string_value(json_object_get(o->data, member));
}

static struct ovsdb_datum optional_text(const char *text)
{
	return text != NULL ? ovsdb_datum_of_string(text)
			    : ovsdb_datum_empty(OVSDB_STRING, OVSDB_VOID);
}

static struct ovsdb_datum numbers_of(json_t *list)
{
	struct ovsdb_datum_builder b;
	size_t i;
	json_t *n;

	ovsdb_datum_builder_init(&b, OVSDB_INTEGER, OVSDB_VOID);
	json_array_foreach (list, i, n)
		ovsdb_datum_builder_add(&b, (union ovsdb_atom){.integer = json_integer_value(n)},
		    (union ovsdb_atom){.integer = 0});
	return ovsdb_datum_builder_finish(&b);
}

static const char *interface_type(const struct api_object *port)
{
	static const char *const types[][2] = {
	    {"ethdev", "dpdk"},
	    {"tap", "tap"},
	    {"system", "system"},
	    {"patch", "patch"},
	    {"vxlan", "vxlan"},
	    {"null", "null"},
	    {"pcap", "pcap"},
	};
	const char *kind = text_of(port, "kind"), *mode = text_of(port, "mode");

	if (json_integer_value(json_object_get(port->data, "ofport")) == LOCAL_OFPORT)
		return "internal";
	for (size_t i = 0; kind != NULL && i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i][0], kind) == 0)
			return types[i][1];
	return mode != NULL && strcmp(mode, "server") == 0 ? "dpdkvhostuser"
							   : "dpdkvhostuserclient";
}

static void add_option(struct ovsdb_datum_builder *b, const struct api_object *port,
    const char *member, const char *key)
{
	json_t *value = json_object_get(port->data, member);
	char text[24];

	if (json_is_integer(value)) {
		snprintf(text, sizeof(text), "%" PRId64, (int64_t)json_integer_value(value));
		ovsdb_datum_builder_add_strings(b, key, text);
	} else if (json_is_string(value)) {
		ovsdb_datum_builder_add_strings(b, key, json_string_value(value));
	}
}
