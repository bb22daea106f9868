/* SPDX-License-Identifier: Apache-2.0 */
/* What an Interface, in its Port on its Bridge, is as a port of the API. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/ovsdb/device.h"
#include "control/ovsdb/wants.h"
#include "datapath/base/net_types.h"

enum { SYSTEM_MIN_MTU = 68, SYSTEM_MAX_MTU = 9000 }; // as the API has it

typedef json_t *make_port(const struct port_rows *p, struct want *want);

static make_port make_system, make_afxdp, make_tap, make_vhost_client, make_vhost_server, make_dpdk,
    make_patch, make_vxlan;

static const struct {
	const char *type;
	make_port *make;
	bool
	    is_tunnel_or_patch; // nothing comes in by it that was not in the switch, or on an uplink
	const char *options[20]; // that it knows
} types[] = {
    {"", make_system, false, {NULL}},
    {"system", make_system, false, {NULL}},
    {"afxdp", make_afxdp, false, {"n_rxq"}},
    {"internal", make_tap, false, {NULL}},
    {"tap", make_tap, false, {NULL}},
    {"dpdkvhostuserclient", make_vhost_client, false, {"vhost-server-path", "n_rxq"}},
    {"dpdkvhostuser", make_vhost_server, false, {"n_rxq"}},
    {"dpdk", make_dpdk, false, {"dpdk-devargs", "n_rxq"}},
    {"patch", make_patch, true, {"peer"}},
    {"vxlan", make_vxlan, true,
	{"remote_ip", "local_ip", "key", "in_key", "out_key", "dst_port", "tos", "ttl",
	    "df_default", "csum"}},
};

static const char *option(const struct port_rows *p, const char *key);
static void set_keys(const struct port_rows *p, json_t *o);
static void set_text(json_t *o, const char *member, const char *text);
static bool set_common(const struct port_rows *p, json_t *o, struct want *want);
static json_t *make_kernel_device(
    const struct port_rows *p, const char *driver, const char *more, struct want *want);
static void set_policing(const struct port_rows *p, bool can_police, json_t *o, struct want *want);
static void set_vlans(const struct port_rows *p, json_t *o);
static bool set_number(
    const struct port_rows *p, const char *key, json_t *o, const char *member, struct want *want);
static void name_unknown_options(
    const struct port_rows *p, const char *const *known, struct want *want);
static void make_mac(const struct port_rows *p, char text[MAC_STR_SIZE]);

json_t *port_want(const struct port_rows *p, struct want *want)
{
	const struct rows *r = p->source->rows;
	const char *type = rows_string(r, p->interface, OVS_Interface_type);
	size_t i = 0;

	/* A bridge's own interface is internal, whatever it is said to be. */
	if (strcmp(p->name, p->bridge_name) == 0)
		type = "internal";
	while (i < ARRAY_SIZE(types) && strcmp(types[i].type, type) != 0)
		i++;
	if (i == ARRAY_SIZE(types)) {
		snprintf(want->error, sizeof(want->error),
		    "interface type \"%.64s\" is not supported", type);
		return NULL;
	}
	json_t *o = types[i].make(p, want);
	if (o == NULL)
		return NULL;
	set_text(o, "bridge", p->bridge_name);
	set_vlans(p, o);
	name_unknown_options(p, types[i].options, want);
	set_policing(p, !types[i].is_tunnel_or_patch, o, want);
	if (set_common(p, o, want))
		return o;
	json_decref(o);
	return NULL;
}

/* A device of the kernel, by a packet socket. */
static json_t *make_system(const struct port_rows *p, struct want *want)
{
	return make_kernel_device(p, "net_af_packet", "", want);
}

/* The same by AF_XDP: the driver takes all that comes in, in native mode with zero copies where the device can. */
static json_t *make_afxdp(const struct port_rows *p, struct want *want)
{
	const char *n_rxq = option(p, "n_rxq");
	char queues[40] = "";

	if (n_rxq != NULL)
		snprintf(queues, sizeof(queues), ",queue_count=%.16s", n_rxq);
	return make_kernel_device(p, "net_af_xdp", queues, want);
}

static json_t *make_tap(const struct port_rows *p, struct want *)
{
	char mac[MAC_STR_SIZE];
	json_t *o = json_pack("{s:s, s:s}", "kind", "tap", "device", p->name);

	make_mac(p, mac);
	set_text(o, "mac", mac);
	return o;
}

static json_t *make_vhost_client(const struct port_rows *p, struct want *want)
{
	const char *path = option(p, "vhost-server-path");

	if (path == NULL) {
		snprintf(want->error, sizeof(want->error),
		    "options:vhost-server-path is not set: it is the socket of the VM");
		return NULL;
	}
	json_t *o =
	    json_pack("{s:s, s:s, s:s}", "kind", "vhost-user", "mode", "client", "socket", path);
	return o;
}

static json_t *make_vhost_server(const struct port_rows *p, struct want *)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", p->source->rundir, p->name);
	return json_pack("{s:s, s:s, s:s}", "kind", "vhost-user", "mode", "server", "socket", path);
}

static json_t *make_dpdk(const struct port_rows *p, struct want *want)
{
	const char *devargs = option(p, "dpdk-devargs");

	if (devargs == NULL) {
		snprintf(want->error, sizeof(want->error), "'%s' is missing 'options:dpdk-devargs'",
		    p->name);
		return NULL;
	}
	return json_pack("{s:s, s:s}", "kind", "ethdev", "device", devargs);
}

/* Of kind null, if the peer does not name it: wants.c sees both. */
static json_t *make_patch(const struct port_rows *p, struct want *want)
{
	const char *peer = option(p, "peer");

	if (peer == NULL || peer[0] == '\0') {
		snprintf(want->error, sizeof(want->error),
		    "%s: patch type requires valid 'peer' argument", p->name);
		return NULL;
	}
	if (strcmp(peer, p->name) == 0) {
		snprintf(
		    want->error, sizeof(want->error), "%s: patch peer must not be self", p->name);
		return NULL;
	}
	return json_pack("{s:s, s:s}", "kind", "patch", "peer", peer);
}

/* Options whose value is the API's too. */
static const char *const vxlan_texts[][2] = {
    {"remote_ip", "remote_ip"},
    {"local_ip", "local_ip"},
};

static json_t *make_vxlan(const struct port_rows *p, struct want *want)
{
	json_t *o = json_pack("{s:s}", "kind", "vxlan");
	const char *tos = option(p, "tos"), *ttl = option(p, "ttl"), *df = option(p, "df_default"),
		   *csum = option(p, "csum");
	char text[24];

	if (option(p, "remote_ip") == NULL) {
		snprintf(want->error, sizeof(want->error),
		    "%s: vxlan type requires valid 'remote_ip' argument", p->name);
		json_decref(o);
		return NULL;
	}
	set_keys(p, o);
	json_object_set_new(o, "inner_vlan", json_true()); // as OVS has it
	for (size_t i = 0; i < ARRAY_SIZE(vxlan_texts); i++)
		if (option(p, vxlan_texts[i][0]) != NULL)
			set_text(o, vxlan_texts[i][1], option(p, vxlan_texts[i][0]));
	if (tos != NULL && strcmp(tos, "inherit") != 0) {
		snprintf(text, sizeof(text), "%ld", strtol(tos, NULL, 0) >> 2);
		tos = text;
	}
	if (tos != NULL)
		set_text(o, "dscp", tos);
	if (ttl != NULL)
		set_text(o, "ttl", ttl);
	if (df != NULL)
		json_object_set_new(o, "df", json_boolean(strcmp(df, "false") != 0));
	if (csum != NULL)
		json_object_set_new(o, "csum", json_boolean(strcmp(csum, "true") == 0));
	if (set_number(p, "dst_port", o, "dst_port", want))
		return o;
	json_decref(o);
	return NULL;
}

/* key is both; without a key a tunnel has VNI 0, as in OVS. */
static void set_keys(const struct port_rows *p, json_t *o)
{
	const char *in = option(p, "in_key"), *out = option(p, "out_key"), *key = option(p, "key");

	in = in != NULL ? in : key;
	out = out != NULL ? out : key;
	set_text(o, "vni", in != NULL ? in : "0");
	if (in != NULL && out != NULL && strcmp(in, out) == 0)
		return;
	if (in != NULL)
		set_text(o, "in_vni", in);
	if (out != NULL)
		set_text(o, "out_vni", out);
}

/* Clients know the text of the error. */
static json_t *make_kernel_device(
    const struct port_rows *p, const char *driver, const char *more, struct want *want)
{
	struct device device;
	char devargs[120];

	if (!device_read(p->name, &device)) {
		snprintf(want->error, sizeof(want->error),
		    "could not open network device %s (No such device)", p->name);
		return NULL;
	}
	snprintf(devargs, sizeof(devargs), "%s_%s,iface=%s%s", driver, p->name, p->name, more);
	json_t *o = json_pack("{s:s, s:s}", "kind", "ethdev", "device", devargs);
	if (device.mtu >= SYSTEM_MIN_MTU && device.mtu <= SYSTEM_MAX_MTU)
		json_object_set_new(o, "mtu", json_integer(device.mtu));
	return o;
}

static const char *option(const struct port_rows *p, const char *key)
{
	return rows_map(p->source->rows, p->interface, OVS_Interface_options, key);
}

/* Not UTF-8 cannot be: the database takes none. */
static void set_text(json_t *o, const char *member, const char *text)
{
	json_object_set_new(o, member, json_string(text));
}

static bool set_common(const struct port_rows *p, json_t *o, struct want *want)
{
	const struct rows *r = p->source->rows;
	int64_t mtu = rows_integer(r, p->interface, OVS_Interface_mtu_request, 0);
	int64_t ofport = rows_integer(r, p->interface, OVS_Interface_ofport_request, 0);

	if (strcmp(p->name, p->bridge_name) == 0)
		ofport = LOCAL_OFPORT;
	if (ofport != 0)
		json_object_set_new(o, "ofport", json_integer(ofport));
	if (mtu != 0)
		json_object_set_new(o, "mtu", json_integer(mtu));
	return option(p, "n_rxq") == NULL || set_number(p, "n_rxq", o, "queues", want);
}

/* kbit/s and kbit; as in OVS a rate of 0 is none, and a burst without a rate says nothing. */
static void set_policing(const struct port_rows *p, bool can_police, json_t *o, struct want *want)
{
	const struct rows *r = p->source->rows;
	int64_t rate = rows_integer(r, p->interface, OVS_Interface_ingress_policing_rate, 0);
	int64_t burst = rows_integer(r, p->interface, OVS_Interface_ingress_policing_burst, 0);
	size_t len = strlen(want->warning);

	if (rate <= 0)
		return;
	if (!can_police) {
		snprintf(want->warning + len, sizeof(want->warning) - len,
		    "%singress_policing_rate", len > 0 ? ", " : "");
		return;
	}
	json_object_set_new(o, "policing_kbps", json_integer(rate));
	if (burst > 0)
		json_object_set_new(o, "policing_burst_kbit", json_integer(burst));
}

static void set_vlans(const struct port_rows *p, json_t *o)
{
	const struct rows *r = p->source->rows;
	int64_t tag = rows_integer(r, p->port, OVS_Port_tag, -1);
	const char *mode = rows_string(r, p->port, OVS_Port_vlan_mode);
	const char *priority = rows_map(r, p->port, OVS_Port_other_config, "priority-tags");
	struct ovsdb_datum trunks = rows_get(r, p->port, OVS_Port_trunks);

	bool is_access = strcmp(mode, "access") == 0 || (mode[0] == '\0' && tag >= 0);
	bool is_native = strncmp(mode, "native-", 7) == 0;
	/* A column that the mode has no use for is passed over, as OVS does; a tag that it needs is 0. */
	if (is_access || is_native)
		json_object_set_new(o, "tag", json_integer(MAX_OF(tag, (int64_t)0)));
	if (mode[0] != '\0')
		set_text(o, "vlan_mode", mode);
	if (trunks.n > 0 && !is_access) {
		json_t *list = json_array();
		for (uint32_t i = 0; i < trunks.n; i++)
			json_array_append_new(
			    list, json_integer(ovsdb_datum_key(&trunks, i).integer));
		json_object_set_new(o, "trunks", list);
	}
	if (priority != NULL)
		set_text(o, "priority_tags",
		    strcmp(priority, "true") == 0    ? "if-nonzero"
		    : strcmp(priority, "false") == 0 ? "no"
						     : priority);
}

static bool set_number(
    const struct port_rows *p, const char *key, json_t *o, const char *member, struct want *want)
{
	const char *text = option(p, key);
	char *end;

	if (text == NULL)
		return true;
	unsigned long n = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || n > INT32_MAX) {
		snprintf(want->error, sizeof(want->error), "options:%s is not a number", key);
		return false;
	}
	json_object_set_new(o, member, json_integer((json_int_t)n));
	return true;
}

static void name_unknown_options(
    const struct port_rows *p, const char *const *known, struct want *want)
{
	struct ovsdb_datum d = rows_get(p->source->rows, p->interface, OVS_Interface_options);
	size_t len = strlen(want->warning);

	for (uint32_t i = 0; i < d.n && len < sizeof(want->warning); i++) {
		const char *key = ovsdb_datum_key(&d, i).string->s;
		size_t k = 0;
		while (known[k] != NULL && strcmp(known[k], key) != 0)
			k++;
		if (known[k] == NULL)
			len += (size_t)snprintf(want->warning + len, sizeof(want->warning) - len,
			    "%soptions:%.64s", len > 0 ? ", " : "", key);
	}
}

/* What the row says, or one that is the same at every start and another on every host. */
static void make_mac(const struct port_rows *p, char text[MAC_STR_SIZE])
{
	const struct rows *r = p->source->rows;
	const char *said = rows_string(r, p->interface, OVS_Interface_mac);
	char seed[256];
	struct mac_addr mac;

	if (said[0] == '\0' && strcmp(p->name, p->bridge_name) == 0)
		said = rows_map(r, p->bridge, OVS_Bridge_other_config, "hwaddr");
	if (said != NULL && said[0] != '\0' && mac_parse(said, &mac) == 0) {
		mac_format(&mac, text);
		return;
	}
	int len = snprintf(
	    seed, sizeof(seed), "%.64s/%.64s/%.64s", p->source->seed, p->bridge_name, p->name);
	uint64_t hash = hash_stable(seed, (size_t)len);
	memcpy(&mac, &hash, sizeof(mac));
	((uint8_t *)&mac)[0] = (uint8_t)((((uint8_t *)&mac)[0] & 0xfc) | 2);
	mac_format(&mac, text);
}
