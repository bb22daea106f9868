/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The dp socket: how control programs sluice-switch.
 *
 * SOCK_SEQPACKET at <rundir>/switch.sock, one message per packet, host byte order. A message is a
 * struct dp_msg and its body. A body over DP_INLINE_MAX travels in a memfd passed beside the header, sealed
 * against write, shrink and grow; the receiver checks the seals, maps it read-only and bounds-checks it.
 *
 * Objects. The switch holds objects {kind, id, body}. Control chooses ids. A transaction puts and deletes
 * objects; all of it is validated first, then becomes visible to every worker at one generation. The reply
 * comes after every worker has passed a quiescent point ("applied").
 *
 * Digest. An object's digest is hash_stable(op bytes); the state's digest is the XOR of all, so that control can
 * tell after a restart, without reading anything back, that the switch holds what it should. When it differs,
 * control dumps {kind, id, digest} and sends only the difference.
 *
 * Two phases, for control to journal in between what it knows will not be refused: PREPARE does all that can fail, out of
 * the workers' sight; COMMIT makes it visible. While a transaction is prepared no other is taken (-EBUSY). It is taken back by
 * ABORT, by the end of the connection, and after DP_PREPARED_MS; a COMMIT that comes later is answered -ESTALE.
 *
 * Rules that timed out are remembered until a transaction names their id again (a deletion, normally): control that was away
 * reads them with REMOVED, and does not install them again.
 *
 * One client at a time programs the switch; a newer connection replaces the older.
 *
 * Threads: any; plain values. Memory: none.
 */
#include "datapath/dp_types.h"

enum {
	DP_PROTO_VERSION = 3,
	DP_INLINE_MAX = 65536,           // body bytes in the packet itself
	DP_BODY_MAX = 512 * 1024 * 1024, // body bytes in a memfd
	DP_PREPARED_MS = 10000,          // a prepared transaction waits no longer
};

enum dp_msg_type {
	DP_MSG_HELLO = 1,       // dp_hello; reply DP_MSG_HELLO with dp_hello_reply
	DP_MSG_TXN = 2,         // dp_txn and ops; reply dp_txn_reply
	DP_MSG_DUMP = 3,        // no body; reply: dp_dump_entry[]
	DP_MSG_STATS = 4,       // dp_stats_req; reply: dp_*_stats[] of the kind
	DP_MSG_SAMPLES = 5,     // no body; reply: dp_sample[]
	DP_MSG_TRACE = 6,       // dp_trace_req and packet; reply: dp_trace_rec list
	DP_MSG_FDB = 7,         // dp_fdb_req; reply: dp_fdb_entry[]
	DP_MSG_LOG = 8,         // dp_log_req; reply without body
	DP_MSG_ERROR = 9,       // reply only: dp_error
	DP_MSG_PREPARE = 10,    // dp_txn and ops; reply without body
	DP_MSG_COMMIT = 11,     // dp_commit; reply: dp_txn_reply
	DP_MSG_ABORT = 12,      // no body; reply without body, also when nothing was prepared
	DP_MSG_REMOVED = 13,    // no body; reply: dp_removed_event[]
	DP_MSG_READ = 14,       // dp_read_req; reply: rules as struct dp_op and body
	DP_MSG_PACKET_OUT = 15, // dp_packet_out, actions, packet; reply without body
	/* Switch to control, unasked; seq is 0. */
	DP_MSG_EV_PORT = 32,    // dp_port_event
	DP_MSG_EV_PUNT = 33,    // dp_punt_event and packet
	DP_MSG_EV_REMOVED = 34, // dp_removed_event[]
};

struct dp_msg {
	uint32_t type;  // enum dp_msg_type
	uint32_t seq;   // echoed in the reply
	uint32_t size;  // body bytes, inline or in the memfd
	uint32_t flags; // DP_MSG_F_*
};

enum { DP_MSG_F_MEMFD = 1 };

enum { DP_OP_NONE = 0xffffffff };

struct dp_error {
	int32_t errno_value; // positive errno
	uint32_t op_index;   // transaction: the op, or DP_OP_NONE
	char what[256];
};

struct dp_hello {
	uint32_t version;
	uint32_t pad;
	char client[64];
};

struct dp_hello_reply {
	uint32_t version;
	uint32_t n_workers;
	uint64_t boot_id;    // differs at each start of the switch
	uint64_t generation; // of the last transaction; 0 after start
	uint64_t digest;
	uint64_t n_objects;
	uint64_t n_removed;      // rules that timed out and control may not know
	uint64_t n_removed_lost; // more than could be remembered, since its start
	char build[64];
};

enum dp_kind {
	DP_KIND_BRIDGE = 1, // id: bridge id. dp_bridge_conf
	DP_KIND_PORT = 2,   // id: port id. dp_port_conf
	DP_KIND_RULE = 3,   // id: control's choice. dp_rule_conf, match, actions
	DP_KIND_GROUP = 4,  // id: bridge << 32 | group id. dp_group_conf, buckets
	DP_KIND_ROUTE = 5,  // id: control's choice. dp_route_conf
	DP_KIND_LOCAL = 6,  // id: control's choice. dp_local_conf
	DP_KIND_PEER = 7,   // id: control's choice. dp_peer_conf, VNIs
	DP_KIND__COUNT
};

enum dp_verb {
	DP_PUT =
	    1, // create, or replace the object of that id (a rule keeps its counters when only actions change)
	DP_DEL = 2, // -ENOENT is no error
};

struct dp_op {
	uint16_t verb;
	uint16_t kind;
	uint32_t size; // of the op, header included, a multiple of 8
	uint64_t id;
};

struct dp_txn {
	uint64_t
	    generation; // becomes the switch's generation; not before the current one, unless reset
	uint32_t n_ops;
	uint32_t flags; // DP_TXN_F_*
};

/* The prepared transaction, by its generation. */
struct dp_commit {
	uint64_t generation;
};

enum { DP_TXN_F_RESET = 1 }; // forget all objects first, in the same generation

struct dp_txn_reply {
	uint64_t generation;
	uint64_t digest;
	uint32_t n_workers; // that acknowledged
	uint32_t pad;
};

/* Rules or groups with an id in first..last: for control that does not journal them. */
struct dp_read_req {
	uint32_t kind; // DP_KIND_RULE or DP_KIND_GROUP
	uint32_t pad;
	uint64_t first, last;
};

struct dp_dump_entry {
	uint32_t kind;
	uint32_t pad;
	uint64_t id;
	uint64_t digest;
};

enum dp_stats_kind {
	DP_STATS_PORTS,
	DP_STATS_RULES,
	DP_STATS_GROUPS,
	DP_STATS_WORKERS,
	DP_STATS_TABLES
};

struct dp_stats_req {
	uint32_t kind;   // enum dp_stats_kind
	uint32_t bridge; // rules, groups, tables: of this bridge; 0 all
};

/*
 * A port's packets, conserved: rx + copies = sent + sum(drops) + held, where sent counts packets that came in
 * by this port and left by any (controller included). tx is what left by this port, whoever sent it.
 * copies: packets made from this port's (flood, groups, replies, too-big). Workers are read one after another:
 * equality holds when the port is quiet.
 */
struct dp_port_stats {
	uint32_t id;
	uint16_t link_up; // carrier, or a guest with its driver up
	uint16_t state;   // enum dp_port_state
	uint64_t rx_packets, rx_bytes;
	uint64_t tx_packets, tx_bytes;
	uint64_t copies, sent, held;
	uint64_t tx_drops; // packets of any port lost at this port's queues
	uint64_t sessions;
	uint64_t state_since_ms; // how long it has been in this state
	uint64_t features;       // vhost: negotiated
	uint64_t drops[DP_DROP__COUNT];
	char error[128]; // why the state is DP_PORT_FAILED
};

enum dp_port_state { DP_PORT_WAITING, DP_PORT_UP, DP_PORT_LINK_DOWN, DP_PORT_FAILED };

struct dp_rule_stats {
	uint64_t id;
	uint64_t n_packets, n_bytes;
	uint64_t age_ms, idle_ms;
};

struct dp_group_stats {
	uint64_t id;
	uint64_t n_packets, n_bytes;
};

struct dp_worker_stats {
	uint32_t id;
	uint32_t core;
	uint64_t busy_cycles, idle_cycles, sleep_ns;
	uint64_t n_packets, n_bursts;
	uint64_t session_hits, session_misses, session_stale, session_refused;
	uint64_t n_sessions, max_sessions;
	uint64_t tsc_hz;
};

struct dp_table_stats {
	uint32_t bridge;
	uint32_t table;
	uint64_t n_rules, n_masks;
	uint64_t memory;    // bytes
	char structure[16]; // "exact", "lpm", "tuple"
};

enum { DP_SAMPLE_SNAP = 128 };

struct dp_sample {
	uint64_t wall_ms;
	uint64_t rule; // id of the deciding rule, 0 none
	uint64_t cookie;
	uint32_t in_port; // port id
	uint32_t reason;  // enum dp_drop
	uint16_t len;     // of the packet
	uint16_t snap;    // bytes below
	uint32_t worker;
	uint8_t data[DP_SAMPLE_SNAP];
};

struct dp_trace_req {
	uint32_t port;  // port id it arrives at
	uint32_t flags; // 0
	uint16_t len;   // packet bytes that follow
	uint16_t pad[3];
	uint64_t tun_id; // when port is a tunnel
	struct ip_addr tun_src, tun_dst;
};

/* Trace: records in order. Each: header, then type's body; size a multiple of 8. */
enum dp_trace_type {
	DP_TRACE_BRIDGE =
	    1,              // enters a bridge: u32 bridge id, u32 in_port; then the struct flow_key
	DP_TRACE_TABLE = 2, // dp_trace_table; then n_whynot times dp_trace_whynot
	DP_TRACE_ACTION = 3,  // one struct dp_action, as executed
	DP_TRACE_NOTE = 4,    // text, NUL-terminated: learning, group choice, budget…
	DP_TRACE_PROGRAM = 5, // text: the resulting program, one op per line
	DP_TRACE_VERDICT = 6, // dp_trace_verdict
};

struct dp_trace_rec {
	uint16_t type;
	uint16_t depth; // nesting by resubmit, group and patch
	uint32_t size;  // header included
};

struct dp_trace_table {
	uint32_t table;
	uint32_t n_whynot;
	uint64_t rule; // 0: miss
	uint64_t cookie;
	uint32_t priority;
	uint32_t pad;
};

/* A rule of higher priority than the winner's, and the first field that kept it from matching. */
struct dp_trace_whynot {
	uint64_t rule;
	uint64_t cookie;
	uint32_t priority;
	uint32_t field; // enum flow_field_id
	struct flow_value want, mask, have;
};

struct dp_trace_verdict {
	uint32_t n_outputs;
	uint32_t drop;   // enum dp_drop when nothing leaves, else DP_DROP__COUNT
	uint64_t rule;   // that decided
	uint32_t cached; // a session would be made
	uint32_t pad;
};

/* A packet that goes through a bridge with actions of its own; then actions, then the packet. */
struct dp_packet_out {
	uint32_t bridge;
	uint32_t in_port;      // bridge port number, or DP_OFPORT_CONTROLLER and its like: none
	uint32_t actions_size; // a multiple of 8
	uint16_t packet_size;
	uint16_t pad;
};

struct dp_fdb_req {
	uint32_t bridge;
	uint32_t flush; // 1: forget them
};

struct dp_fdb_entry {
	struct mac_addr mac;
	uint16_t vlan;
	uint32_t port; // port id
	uint32_t age_ms;
};

struct dp_log_req {
	uint32_t level; // enum log_level
	uint32_t pad;
};

struct dp_port_event {
	uint32_t id;
	uint16_t link_up;
	uint16_t state;
	char error[128];
};

struct dp_punt_event {
	uint64_t rule;
	uint64_t cookie;
	uint32_t port; // port id
	uint32_t bridge;
	uint32_t reason;
	uint16_t len, snap; // of the packet; bytes that follow
	uint8_t table;
	uint8_t pad[7];
	uint64_t tun_id;
};

enum dp_removed_reason { DP_REMOVED_IDLE, DP_REMOVED_HARD };

struct dp_removed_event {
	uint64_t rule;
	uint64_t digest; // of the object that went: control may have put another since
	uint32_t reason; // enum dp_removed_reason
	uint32_t pad;
	struct dp_rule_stats stats;
};
