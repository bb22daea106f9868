/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside the model: what its files share. Three layers, each knowing only the one above it in this list:
 *
 *   entities (entity.c)  API objects, decoded, tied to each other by keys they provide and need: an object's name, a VNI,
 *                        a MAC in a network… A key that is needed and not provided is a dangling reference; one that is
 *                        provided twice is a conflict; who needs a changed key must look again.
 *   units (unit.c)       what one entity compiles to: its ops for the switch. A unit is made anew when its entity or
 *                        something it depends on changed; comparing old and new units gives the transaction.
 *   plans (plan.c)       a change of entities and units that can be done and undone by swapping pointers.
 *
 * Threads: sluiced's loop. Memory: the model owns entities and units; a plan owns those that are not in it.
 */
#include <jansson.h>

#include "control/mem.h"
#include "control/model.h"
#include "datapath/base/hash.h"
#include "datapath/base/hmap.h"
#include "datapath/base/list.h"

enum {
	NET_BRIDGE_ID = 255,      // the networks' bridge; API bridges have 1..254
	NET_VXLAN_PORT_ID = 4095, // the networks' tunnel port; API ports have 1..4094
	NET_VXLAN_OFPORT = 65280, // above what the API gives
	PORT_MAX_OFPORT = 65279,
	PORT_LOCAL_OFPORT = 65534,       // a bridge's own port, as OVS users know it
	TABLE_GLOBAL = API_TABLE__COUNT, // unit of what all networks share
	TABLE_UNDERLAY,                  // unit of routes and local addresses
	TABLE_OPENFLOW,                  // units of bridges: struct model_part
	TABLE__COUNT,
	VXLAN_UDP_PORT = 4789,
	VXLAN_OVERHEAD4 = 50, // inner Ethernet 14, VXLAN 8, UDP 8, IPv4 20
	VXLAN_OVERHEAD6 = 70,
};

#define NET_BRIDGE_NAME "sluice-net"
#define NET_VXLAN_NAME  "sluice-vxlan"

enum key_kind {
	KEY_OBJECT, // table, name
	KEY_VNI,
	KEY_MAC,    // in a network
	KEY_IP,     // in a network
	KEY_REMOTE, // tunnel address of a peer
	KEY_OFPORT, // on a bridge
	KEY_PORT_ID,
	KEY_BRIDGE_ID,
	KEY_GROUP,  // on a bridge
	KEY_RULE,   // bridge, table, priority, hashes of the match
	KEY_DEVICE, // socket or device of a port
	KEY_TUNNEL, // what of the underlay a tunnel port takes
};

/*
 * A key's value, once in the model, with who provides it (normally one) and who needs it. Lists rather than a hash of
 * entries: 100,000 flows may need one bridge, and each must leave in constant time.
 */
struct anchor {
	struct hmap_node node;
	struct list providers, users; // struct key, of entities that are in the model
	size_t n_keys;                // that point here, in the model or not
	uint16_t size;
	uint8_t kind;
	uint8_t bytes[];
};

/* One key of one entity. */
struct key {
	struct list link; // in the anchor's list while the entity is in the model
	struct key *next; // of the entity
	struct entity *entity;
	struct anchor *anchor;
	const char *path; // JSON pointer of the member it comes from; a constant
	int index;        // in the member's list, or -1
};

/* A key being made: kind, a name, then fixed bytes. */
struct key_buf {
	uint8_t kind;
	uint16_t size;
	uint8_t bytes[80 + FLOW_MATCH_MAX_SIZE];
};

struct prefix {
	struct ip_addr addr;
	uint8_t len; // of 32 or 128
};

enum port_kind {
	PK_VHOST_USER,
	PK_ETHDEV,
	PK_TAP,
	PK_PATCH,
	PK_VXLAN,
	PK_NULL,
	PK_PCAP,
	PK_UPLINK,
	PK_REMOTE,
	PK__COUNT
};

struct network_conf {
	uint32_t vni;
	uint16_t mtu; // 0: the default
	bool flood_unknown, arp_suppress, flood_unknown_arp;
};

struct port_conf {
	enum port_kind kind;
	const char *network, *bridge, *peer; // NULL: none
	uint32_t ofport, id;                 // 0: not chosen (yet)
	uint16_t mtu;                        // 0: the default
	struct mac_addr mac;
	bool has_mac, security;
	bool remote_is_flow;   // vxlan
	struct ip_addr remote; // vxlan, else zero
	uint16_t udp_port;
	struct prefix *addrs;
	size_t n_addrs;
};

struct peer_conf {
	struct ip_addr remote;
};

/* Flows and groups: the op's body as resolved; handed to the unit when that is compiled. */
struct body_conf {
	uint8_t *body;
	size_t size;
	uint64_t id;
	struct hmap_node
	    node; // of a flow, in the model's by name: nobody refers to flows, so they need no key
};

struct entity {
	enum api_table table;
	bool broken; // did not decode: stands in, so that references to it are not reported as well
	uint32_t op; // of the transaction that made it
	uint64_t seq; // order of making: of two in conflict the later is at fault
	const struct api_object *object; // a reference
	const char *name;                // the object's, as is data
	json_t *data;                    // NULL: of a flow, which is a text
	struct key *provides, *needs;
	union {
		struct network_conf network;
		struct port_conf port;
		struct peer_conf peer;
		uint32_t bridge_id;
		struct body_conf body;
	};
};

struct dp_obj {
	struct hmap_node node; // by kind and id
	uint64_t digest;
	const struct unit *unit;
	uint32_t slot;   // in the unit's objs
	bool same;       // scratch of plan_diff: the switch has it already
	struct dp_op op; // body follows
};

struct unit {
	struct hmap_node node; // by name, in those of its table
	struct dp_obj **objs;  // &one, as long as that is enough
	struct dp_obj *one;
	uint32_t n, capacity;
	uint16_t table;       // enum api_table, TABLE_*
	uint16_t name_offset; // in label
	bool is_hashed;       // node.hash is valid
	char label[];         // model_flow_name
};

/* A UDP port that VXLAN is received on, and how many vxlan ports want it. */
struct udp_port_users {
	uint16_t udp_port; // host order
	uint32_t n;
};

enum { MODEL_N_RECENT_PORTS = 16 };

struct model {
	struct hash_key secret;
	char rundir[64];
	struct hmap anchors;
	struct hmap flows;               // entities
	struct hmap units[TABLE__COUNT]; // by enum api_table and those above
	struct hmap objs;                // struct dp_obj
	uint64_t digest;
	uint64_t version; // of commits
	uint64_t seq;
	size_t n_entities[API_TABLE__COUNT];
	size_t n_peers6;                  // tunnel peers with an IPv6 address
	struct udp_port_users *udp_ports; // of vxlan ports
	size_t n_udp_ports, udp_ports_capacity;
	struct model_underlay underlay;
	uint16_t compiled_mtu; // underlay MTU that the units were compiled with
	struct ip_addr *remotes;
	struct underlay_uplink *uplinks;
	size_t n_remotes, n_uplinks;
	uint16_t local_udp_ports[MODEL_MAX_UDP_PORTS];
	size_t n_local_udp_ports;
	struct entity *recent_ports[MODEL_N_RECENT_PORTS]; // while flows and groups are resolved
	uint64_t lists_version; // version + 1 of what the lists were made from
};

/* entity.c */
struct key_buf *key_make(
    struct key_buf *k, enum key_kind kind, const char *name, const void *extra, size_t extra_size);
struct key_buf *key_object(struct key_buf *k, enum api_table table, const char *name);
struct entity *entity_create(struct model *m, const struct api_object *object, uint32_t op);
void entity_destroy(struct model *m, struct entity *e);
/* Adds a key. indexed: e is in the model, so the key counts at once. */
void entity_provide(struct model *m, struct entity *e, const struct key_buf *k, const char *path,
    int index, bool indexed);
void entity_need(struct model *m, struct entity *e, const struct key_buf *k, const char *path,
    int index, bool indexed);
/* Needs another entity by name; e is in the model. */
void entity_need_entity(struct entity *e, const struct entity *needed);
bool key_is_object(const struct key *k, enum api_table table);
void model_index(struct model *m, struct entity *e);   // its keys count from now on
void model_unindex(struct model *m, struct entity *e); // no longer
struct anchor *model_anchor(
    const struct model *m, const struct key_buf *k); // NULL: nobody ever named it
/* Who provides it, or NULL. */
struct entity *model_provider(const struct model *m, const struct key_buf *k);
struct entity *model_entity(const struct model *m, enum api_table table, const char *name);

/* unit.c */
struct unit *unit_create(int table, const char *name);
const char *unit_name(const struct unit *u);
void unit_destroy(struct unit *u);
struct unit *model_unit(const struct model *m, int table, const char *name);
void model_add_unit(struct model *m, struct unit *u);
void model_del_unit(struct model *m, struct unit *u);
struct dp_obj *model_obj(const struct model *m, enum dp_kind kind, uint64_t id);
/* Appends an object to the unit; body is copied and padded to 8. */
void unit_emit(struct unit *u, enum dp_kind kind, uint64_t id, const void *body, size_t size);
/* One object more or less of a unit that is in the model. */
struct dp_obj *unit_put(
    struct model *m, struct unit *u, enum dp_kind kind, uint64_t id, const void *body, size_t size);
void unit_del(struct model *m, struct dp_obj *o);
/* Appends the ops that lead from the old units to the new ones (both lists may hold NULL), which are in the model now. */
uint32_t units_diff(const struct model *m, struct unit *const *old_units,
    struct unit *const *new_units, size_t n, struct buf_writer *ops);

/* plan.c */
void plan_dirty(struct model_plan *p, int table, const char *name);
/* The entity is made again from its own JSON: something it was resolved with changed. */
void plan_remake(struct model_plan *p, struct entity *e, uint32_t op);
struct err *plan_error(struct model_plan *p, const struct entity *e); // object and op filled
struct model *plan_model(const struct model_plan *p);
struct flow_rule *plan_flow_rule(struct model_plan *p); // one for all flows, after another
uint16_t model_default_mtu(const struct model *m);
unsigned int model_overhead(const struct model *m);

/*
 * What each API table means. Called in this order over a transaction; each may be NULL.
 *   decode   reads the JSON; provides and needs what does not depend on other objects. May report errors.
 *   touch    old_e became new_e (either NULL): marks what depends on it
 *   resolve  flows and groups: names to numbers, with all of the transaction's ports and bridges in place
 *   check    compares with the other objects of the model
 *   compile  emits its objects
 */
struct table_ops {
	void (*decode)(struct model_plan *p, struct entity *e);
	void (*touch)(struct model_plan *p, const struct entity *old_e, const struct entity *new_e);
	void (*resolve)(struct model_plan *p, struct entity *e);
	void (*check)(struct model_plan *p, const struct entity *e);
	void (*compile)(struct model *m, struct entity *e, struct unit *u);
};
extern const struct table_ops network_ops, port_ops, peer_ops, bridge_ops, flow_ops, group_ops;
void net_global_compile(const struct model *m, struct unit *u); // vnet/

/* JSON of normalised objects: NULL or the default when absent. */
const char *member_string(const json_t *data, const char *name);
uint64_t member_u64(const json_t *data, const char *name, uint64_t absent);
bool member_bool(const json_t *data, const char *name, bool absent);
