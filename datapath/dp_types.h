/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a bridge is made of: ports, rules, actions, groups, tunnels. The words of dp_proto.
 *
 * These are the fixed-layout bodies that control writes and the switch reads (same host, same build family,
 * host byte order; flow keys inside are in network order). Padding is zero. Every structure is a multiple of
 * 8 bytes and holds no pointer. The switch validates each before it acts (dp_validate.c).
 *
 * Threads: any; plain values. Memory: none.
 */
#include "datapath/base/flow_field.h"
#include "datapath/base/net_types.h"
#include "datapath/dp_drop.h"

enum {
	DP_NAME_SIZE = 65,    // 64 characters and NUL
	DP_MAX_BRIDGES = 255, // bridge ids 1..255
	DP_MAX_PORTS = 4096,  // port ids 1..4095
	DP_N_TABLES = 254,    // tables 0..253
	DP_MAX_RULES = 1 << 20,
	DP_MAX_GROUPS = 65536,       // per switch
	DP_MAX_BUCKETS = 1024,       // per group; a flood group has one per member
	DP_MAX_ACTIONS_SIZE = 16384, // bytes of one action list
	DP_MAX_MTU = 9216,           // of links: a guest's 9000 and the outer headers fit
	DP_MAX_GUEST_MTU = 9000,
	DP_MAX_QUEUES = 16, // queue pairs of a port
	DP_MAX_VNI = (1 << 24) - 1,
	DP_MAX_ROUTES = 4096,    // tunnel remotes
	DP_MAX_PEER_VNIS = 4096, // VNIs of one tunnel peer
};

/* Bridge port numbers (OpenFlow 1.3.5 A.2.1), in flow_key.in_port and OUTPUT. */
enum dp_ofport {
	DP_OFPORT_MAX = 0xffffff00,
	DP_OFPORT_IN_PORT = 0xfffffff8,
	DP_OFPORT_NORMAL = 0xfffffffa,
	DP_OFPORT_FLOOD = 0xfffffffb,
	DP_OFPORT_ALL = 0xfffffffc,
	DP_OFPORT_CONTROLLER = 0xfffffffd,
	DP_OFPORT_LOCAL = 0xfffffffe,
	DP_OFPORT_ANY = 0xffffffff,
};

enum dp_port_kind {
	DP_PORT_VHOST_USER = 1, // guest; arg: socket path
	DP_PORT_ETHDEV = 2,     // any DPDK device; arg: devargs
	DP_PORT_TAP = 3,        // kernel device; arg: interface name
	DP_PORT_PATCH = 4,      // to another bridge; peer: port id
	DP_PORT_VXLAN = 5,      // tunnel
	DP_PORT_NULL = 6,       // swallows what it is sent; arg: "" (tests)
	DP_PORT_PCAP = 7,       // plays and records files; arg: "rx=FILE,tx=FILE" (tests)
};

enum dp_port_flags {
	DP_PORT_F_SERVER = 1 << 0,      // vhost-user: we listen; default we connect, for ever
	DP_PORT_F_UPLINK = 1 << 1,      // carries the underlay: decapsulate, no bridge
	DP_PORT_F_NO_FLOOD = 1 << 2,    // FLOOD leaves it out
	DP_PORT_F_REMOTE_FLOW = 1 << 3, // tunnel: remote from tun_dst
	DP_PORT_F_VNI_FLOW = 1 << 4,    // tunnel: any VNI; VNI from tun_id
	DP_PORT_F_PEERS_ONLY =
	    1 << 5, // tunnel: accept only listed (peer, VNI); default any when REMOTE_FLOW
	DP_PORT_F_TOS_INHERIT =
	    1
	    << 6, // tunnel: outer DSCP from the inner packet; default tnl_tos. ECN always RFC 6040
	DP_PORT_F_INNER_VLAN = 1 << 7, // tunnel: let inner VLAN tags pass
	DP_PORT_F_ZERO_CSUM6 = 1 << 8, // tunnel: RFC 6935 zero checksum on IPv6, both directions
	DP_PORT_F_GUEST = 1 << 9,    // a tenant's port: link-local multicast refused, budgets apply
	DP_PORT_F_TRUNKS = 1 << 10,  // trunks lists the VLANs that it carries; default all
	DP_PORT_F_OUT_VNI = 1 << 11, // tunnel: sends tnl_out_vni, whatever it accepts
	DP_PORT_F_OUT_VNI_FLOW = 1 << 12, // tunnel: sends tun_id, whatever it accepts
	DP_PORT_F_LOCAL_FLOW = 1 << 13,   // tunnel: outer source from tun_src, where that is set
	DP_PORT_F_TTL_INHERIT = 1 << 14, // tunnel: outer TTL from the inner packet; default tnl_ttl
	DP_PORT_F_CSUM = 1 << 15,        // tunnel: outer UDP checksum on IPv4; IPv6 has one always
	DP_PORT_F_NO_DF = 1 << 16,       // tunnel: routers may fragment the outer IPv4 packet
};

/* What a port is to the VLANs of its bridge, for NORMAL: port_vlan.h. */
enum dp_vlan_mode {
	DP_VLAN_TRUNK,           // carries VLANs by their tags
	DP_VLAN_ACCESS,          // in VLAN vlan_tag, without tags
	DP_VLAN_NATIVE_TAGGED,   // as trunk; what comes without a tag is in vlan_tag
	DP_VLAN_NATIVE_UNTAGGED, // and what leaves in vlan_tag has no tag
	DP_VLAN__COUNT
};

/* Frames of VLAN 0 that leave: whether a tag of id 0 carries on the priority that they came with. */
enum dp_priority_tags {
	DP_PRIORITY_TAGS_NO,
	DP_PRIORITY_TAGS_IF_NONZERO,
	DP_PRIORITY_TAGS_ALWAYS, // that came with a tag
	DP_PRIORITY_TAGS__COUNT
};

enum { DP_N_VLANS = 4096 };

enum { DP_MAX_POLICING_KBPS = 1000000000, DP_MAX_POLICING_BURST_KBIT = 100000000 };

struct dp_port_conf {
	char name[72];
	char arg[256];
	uint32_t bridge; // bridge id; 0 with UPLINK only
	uint32_t ofport; // 1..DP_OFPORT_MAX-1, unique on the bridge; 0 with UPLINK only
	uint32_t flags;  // DP_PORT_F_*
	uint16_t kind;
	uint16_t mtu;        // largest L3 packet, 68..DP_MAX_MTU
	uint16_t n_queues;   // queue pairs, 1..DP_MAX_QUEUES
	uint16_t peer;       // patch: port id
	uint32_t max_macs;   // learning cap of NORMAL; 0: the default, 1024
	uint32_t copies_pps; // budget of replicated copies (flood, groups); 0: the default, 100,000
	uint32_t punt_pps;   // to the controller; 0: the default, 100
	struct mac_addr
	    mac; // tap: its address; too-big replies are sent from it; zero: made from the id
	uint16_t tnl_udp_port; // host order; 0: 4789
	uint32_t tnl_vni;      // without VNI_FLOW
	uint8_t tnl_ttl;       // 0: 64
	uint8_t tnl_tos;       // DSCP in the upper 6 bits
	uint8_t pad[2];
	struct ip_addr tnl_remote; // without REMOTE_FLOW
	uint8_t vlan_mode;         // enum dp_vlan_mode
	uint8_t priority_tags;     // enum dp_priority_tags
	uint16_t vlan_tag;         // 0..4095; 0 in mode trunk
	uint32_t tnl_out_vni;      // with OUT_VNI
	struct ip_addr
	    tnl_local; // outer source, and only packets to it are for this port; zero: any
	uint64_t trunks[DP_N_VLANS / 64]; // with TRUNKS; bit VLAN % 64 of word VLAN / 64
	uint32_t policing_kbps;           // of what comes in; 0: no limit
	uint32_t policing_burst_kbit;     // 0: 8000
};

enum dp_bridge_flags {
	DP_BRIDGE_F_MISS_NORMAL =
	    1 << 0, // table 0 miss acts as NORMAL (a stand-alone bridge); default drop
};

struct dp_bridge_conf {
	char name[72];
	uint32_t flags;
	uint32_t mac_age_s; // of NORMAL; 0: 300
	uint32_t max_macs;  // 0: 8192
	uint32_t pad;
};

/* One action; len is of the whole structure used, a multiple of 8, so that lists pack. */
enum dp_action_type {
#define ACTION(id, ...) DP_ACTION_##id,
#include "datapath/dp_action.def"
#undef ACTION
	DP_ACTION__COUNT
};

struct dp_action {
	uint16_t type; // enum dp_action_type
	uint16_t len;  // bytes of this action, header included
	uint32_t pad;
	union {
		struct {
			uint32_t port; // bridge port number or DP_OFPORT_*
			uint32_t pad;
		} output;
		struct {
			uint32_t id;
			uint32_t pad;
		} group;
		struct {
			uint16_t field; // enum flow_field_id
			uint16_t pad[3];
			struct flow_value value, mask; // mask all ones over the field: whole
		} set_field;
		struct {
			uint16_t src, dst; // enum flow_field_id
			uint16_t src_ofs, dst_ofs, n_bits;
			uint16_t pad[3];
		} move;
		struct {
			uint16_t tpid; // host order
			uint16_t pad[3];
		} push_vlan;
		struct {
			uint32_t in_port; // DP_OFPORT_IN_PORT: keep
			uint8_t table;    // 255: the current one
			uint8_t pad[3];
		} resubmit;
		struct {
			uint16_t max_len; // bytes of the packet; 0xffff: all
			uint16_t pad;
			uint32_t reason; // opaque to the switch, echoed
		} controller;
		struct {
			struct mac_addr mac; // of the answered address
			uint8_t router;      // ND: R flag
			uint8_t pad;
		} reply;
		struct {
			uint32_t reason; // enum dp_drop
			uint32_t pad;
		} drop;
		struct {
			uint16_t value, mask; // of the TCI, host order; mask 0x0fff, 0xe000 or both
			uint16_t pad[2];
		} set_vlan;
		/* From here on: extensions of OpenFlow. Bits of a field: field is enum flow_field_id, ofs counts from the lowest. */
		struct {
			uint16_t size; // bytes that follow
			uint16_t pad[3];
		} note;
		struct {
			uint16_t field, ofs, n_bits; // DELETE_FIELD: the whole field
			uint16_t pad;
		} subfield;
		struct {
			uint16_t field, ofs, n_bits;
			uint16_t max_len; // for the controller
		} output_reg;
		struct {
			uint32_t port, max_len;
		} output_trunc;
		struct {
			uint32_t port, queue;
		} enqueue;
		struct {
			uint32_t id;
			uint32_t pad;
		} queue;
		struct {
			uint16_t n; // ids of controllers that follow, 16 bits each
			uint16_t pad[3];
		} dec_ttl_cnt;
		struct {
			uint16_t max_len;       // bytes of the packet; 0xffff: all
			uint16_t controller_id; // 0: every controller
			uint8_t reason;         // opaque to the switch, echoed
			uint8_t pause; // boolean: processing goes on when the controller says so
			uint16_t userdata_size; // bytes that follow
			uint32_t meter_id;      // 0: none
			uint32_t pad;
		} controller_ext;
		struct {
			uint32_t id;
			uint32_t pad;
		} meter;
		struct {
			uint16_t len; // of the packet, bytes
			uint16_t field, ofs;
			uint16_t pad;
		} check_pkt_larger;
		struct {
			uint32_t id;
			uint8_t clause, n_clauses; // clause from 0
			uint16_t pad;
		} conjunction;
		struct {
			uint64_t cookie_be;
			uint16_t idle_timeout_s, hard_timeout_s, fin_idle_timeout_s,
			    fin_hard_timeout_s;
			uint32_t limit; // rules that it may teach; 0: any number
			uint16_t priority;
			uint16_t flags; // NX_LEARN_F_*
			uint16_t result_field,
			    result_ofs; // with NX_LEARN_F_WRITE_RESULT: the bit that tells
			uint8_t table;
			uint8_t pad;
			uint16_t n_specs; // struct dp_learn_spec that follow
		} learn;
		struct {
			uint16_t zone; // where zone_n_bits is 0
			uint16_t zone_field, zone_ofs, zone_n_bits;
			uint16_t flags; // NX_CT_F_*
			uint16_t alg;   // 0: none, 21: FTP, 69: TFTP
			uint8_t table;  // 255: does not go on elsewhere
			uint8_t pad[3];
		} ct;
		struct {
			uint16_t flags;              // NX_NAT_F_*
			uint16_t range;              // NX_NAT_RANGE_*: what of the rest is given
			uint16_t min_port, max_port; // host order
			struct ip_addr min_addr, max_addr;
		} nat;
		struct {
			uint16_t fields, basis, algorithm; // enum nx_hash_fields, nx_mp_algorithm
			uint16_t max_link;
			uint32_t arg;
			uint16_t field, ofs, n_bits; // destination
			uint16_t pad;
			uint32_t pad1;
		} multipath;
		struct {
			uint16_t algorithm, fields, basis; // enum nx_bd_algorithm, nx_hash_fields
			uint16_t n_ports;                  // that follow, 32 bits each
			uint16_t field, ofs, n_bits; // destination; n_bits 0: the port is sent to
			uint16_t pad;
		} bundle;
		struct {
			uint16_t probability; // of 65535
			uint8_t direction;    // enum nx_action_sample_direction
			uint8_t form;         // of the wire: SAMPLE to SAMPLE4
			uint32_t collector_set_id;
			uint32_t domain, point; // where their n_bits are 0
			uint32_t port;          // sampled; 0: none
			uint16_t domain_field, domain_ofs, domain_n_bits;
			uint16_t point_field, point_ofs, point_n_bits;
		} sample;
		struct {
			uint16_t idle_timeout_s, hard_timeout_s;
			uint32_t pad;
		} fin_timeout;
		struct {
			uint16_t ethertype; // host order
			uint16_t pad[3];
		} mpls;
	};
};

enum { DP_ACTION_HDR_SIZE = 8 };

enum dp_learn_source { DP_LEARN_FROM_FIELD, DP_LEARN_FROM_VALUE };
enum dp_learn_target { DP_LEARN_MATCH, DP_LEARN_LOAD, DP_LEARN_OUTPUT };

/* One thing that a taught rule matches on or does. */
struct dp_learn_spec {
	uint8_t source; // enum dp_learn_source
	uint8_t target; // enum dp_learn_target
	uint16_t n_bits;
	uint16_t src_field, src_ofs; // FROM_FIELD
	uint16_t dst_field, dst_ofs; // MATCH, LOAD
	uint32_t pad;
	struct flow_value value; // FROM_VALUE, n_bits of it
};

/* Bytes an action of this type takes; of one that goes on, its fixed part. 0 for unknown types. */
size_t dp_action_size(enum dp_action_type type);
/* Whether more follows the fixed part: bytes, structures, or a list of actions. len says how much, padded to 8. */
bool dp_action_is_variable(enum dp_action_type type);
/* False: it is kept and told, and drops with unsupported_ct or unsupported_action when a packet comes to it. */
bool dp_action_is_carried_out(enum dp_action_type type);
extern const char *const dp_action_names[DP_ACTION__COUNT];

#define action_foreach(it, list, size)                                      \
	for (const struct dp_action *it = (const struct dp_action *)(list); \
	     (const uint8_t *)it < (const uint8_t *)(list) + (size);        \
	     it = (const struct dp_action *)((const uint8_t *)it + it->len))

enum dp_rule_flags {
	DP_RULE_F_CLEAR = 1 << 0, // clear_actions
	DP_RULE_F_GOTO = 1 << 1,  // goto_table is valid
	DP_RULE_F_WRITE_METADATA = 1 << 2,
	DP_RULE_F_SEND_REMOVED = 1 << 3, // event when it goes
};

/*
 * A rule, fixed part. Then: match (flow_match_encode form, padded to 8), apply actions, write actions.
 * Instructions execute as OpenFlow 1.3.5 5.9: apply, clear, write, write-metadata, goto.
 */
struct dp_rule_conf {
	uint32_t bridge;
	uint16_t priority;
	uint8_t table;
	uint8_t goto_table; // > table
	uint64_t cookie;
	uint32_t flags;                              // DP_RULE_F_*
	uint16_t idle_timeout_s, hard_timeout_s;     // 0: never
	uint32_t match_size, apply_size, write_size; // bytes that follow, each padded to 8
	uint32_t opaque;                             // control's; kept and told
	uint64_t metadata_be, metadata_mask_be;
	uint64_t installed_ms; // wall clock: when the hard timeout began; 0: when the switch got it
};

enum dp_group_type { DP_GROUP_ALL, DP_GROUP_INDIRECT, DP_GROUP_SELECT, DP_GROUP_FAST_FAILOVER };

/* A group, fixed part; then n_buckets times struct dp_bucket_conf and its actions. */
struct dp_group_conf {
	uint32_t bridge;
	uint32_t group_id;
	uint32_t type;
	uint32_t n_buckets;
	uint32_t opaque; // control's; kept and told
	uint32_t pad;
};

struct dp_bucket_conf {
	uint32_t watch_port;  // DP_OFPORT_ANY: none
	uint32_t watch_group; // 0xffffffff: none
	uint16_t weight;      // select
	uint16_t pad;
	uint32_t actions_size; // bytes that follow
	uint32_t opaque;       // control's; kept and told
	uint32_t pad1;
};

/* Underlay: how to reach a tunnel remote. Id: hash of the address. Kept true by control from netlink. */
enum dp_route_state { DP_ROUTE_UP, DP_ROUTE_NO_ROUTE, DP_ROUTE_NO_NEIGHBOUR };

struct dp_route_conf {
	struct ip_addr remote;
	struct ip_addr local; // outer source
	uint32_t uplink;      // port id
	uint16_t mtu;         // of the path's link: largest outer IP packet
	uint8_t state;        // enum dp_route_state
	uint8_t pad;
	struct mac_addr src_mac, dst_mac;
	uint8_t pad1[4];
};

/* An address of this host that tunnels end at. */
struct dp_local_conf {
	struct ip_addr addr;
	uint16_t udp_port; // host order
	uint8_t pad[6];
};

/* Who may send to a PEERS_ONLY tunnel port; then n_vnis times uint32_t, padded to 8. */
struct dp_peer_conf {
	struct ip_addr remote;
	uint32_t port; // id of the tunnel port
	uint32_t n_vnis;
};
