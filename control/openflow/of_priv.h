/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside the OpenFlow face: what its files share.
 *
 *   of_switch.c    all bridges; the way of changes to the switch, and what waits for it
 *   of_bridge.c    a bridge: where it listens, its sessions, what it does without a controller
 *   of_controller.c a controller that it is told of
 *   of_session.c   a connection: greeting, echo, and who handles which message
 *   of_flow.c      the rules of a bridge
 *
 * Threads: sluiced's loop. Memory: the switch owns bridges, a bridge owns sessions and flows; whoever waits for the data plane's answer
 * holds a struct of_query, which outlives its session.
 */
#include <event2/event.h>

#include "control/api/txn.h"
#include "control/daemon.h"
#include "control/dp_client.h"
#include "control/mem.h"
#include "control/model.h"
#include "control/openflow/of_conf.h"
#include "control/openflow/of_conn.h"
#include "control/openflow/of_remote.h"
#include "control/openflow/of_switch.h"
#include "control/openflow/ofp_async.h"
#include "control/openflow/ofp_flow.h"
#include "control/openflow/ofp_group.h"
#include "control/openflow/ofp_packet.h"
#include "control/openflow/ofp_raw.h"
#include "control/openflow/ofp_tlv_map.h"
#include "control/ovsdb/vswitch.h"
#include "datapath/base/hash.h"
#include "datapath/base/hmap.h"
#include "datapath/base/list.h"

enum {
	OF_MAX_FLOWS = DP_MAX_RULES - 65536, // of a bridge: other rules have room beside them
	OF_MAX_GROUPS = 32768,
	OF_GROUP_SIZE = 16 << 20, // bytes of one group's actions, of its buckets
	OF_MAX_SESSIONS = 64,     // of a bridge
	OF_MAX_TOOLS = 32,        // of them, at its .mgmt: controllers have room beside them
	OF_MAX_QUERIES =
	    2, // of a session, that the data plane has not answered: each may have a large reply
	OF_BATCH_SIZE = 1 << 20, // bytes of changes that go to the switch at once
	OF_REPLY_MAX = 1 << 30,  // bytes of one multipart reply
	OF_ECHO_MS = 5000,       // silence after which an active controller is asked
};

struct of_session;

struct of_switch {
	struct daemon *d;
	struct list bridges;
	bool is_restored; // until then nothing is changed
	unsigned int n_ticks;
	struct event *tick;
	struct event *reap;    // sessions that are over
	struct buf_writer ops; // changes that are in the model and not sent yet
	uint32_t n_ops;
	uint64_t n_sent, n_done; // batches: numbered as they are sent, answered in that order
	struct list
	    blocked; // sessions that wait for the model to be free, or for what is in flight
	struct txn_job resume;
	struct txn_job remove, settle;
	struct dp_removed_event *removed; // that wait for the model to be free
	size_t n_removed, removed_capacity;
	struct list removals; // of_removed.c
	bool is_noting;       // a bundle is at work: of_undo.c
	struct list notes;
	uint64_t n_packet_ins, n_packet_ins_lost, n_packet_outs, n_packet_outs_lost, n_refused;
	uint64_t last_rule; // number of the last rule that was made
	struct hash_key secret;
	struct buf_writer scratch, body, group_actions, buckets; // of the message at hand
};

struct of_bridge {
	struct list node; // in the switch's
	struct of_switch *sw;
	char name[72];
	uint32_t id;
	struct model_part *part;
	struct hmap flows;
	uint32_t n_flows[DP_N_TABLES];
	struct hmap groups;
	struct ofp_tlv_table tlvs;
	struct of_remote *mgmt;
	uint64_t generation; // of the API's object that was looked at last
	uint32_t versions;   // that it speaks
	bool is_standalone, is_set_up,
	    rules_are_due; // rules_are_due: the rules of one without a controller
	struct list controllers;
	struct list sessions;
	unsigned int n_sessions;
	bool is_fail_open; // acts without its controllers
	uint64_t alone_since_ms;
	uint64_t refused_ms; // when a connection last was
	bool has_generation; // of roles
	uint64_t role_generation;
	bool is_wanted; // scratch of of_switch_on_commit
};

struct of_controller {
	struct list node; // in the bridge's
	struct of_bridge *bridge;
	struct of_remote *remote;
	unsigned int probe_ms; // silence after which it is asked for a sign of life; 0: never
	unsigned int n_open;   // sessions that are up
	uint64_t connected_ms, disconnected_ms; // 0: never
	bool is_wanted;                         // scratch
};

enum of_block { OF_FREE, OF_WAITS_FOR_MODEL, OF_WAITS_FOR_APPLIED, OF_WAITS_FOR_ANSWERS };

struct of_session {
	struct list node; // in the bridge's
	struct list block_node;
	enum of_block block;
	uint64_t wait_for;        // the batch whose answer it waits for; 0: none
	struct of_bridge *bridge; // NULL: it is gone, and the session ends
	struct of_conn *conn;
	struct of_controller *controller; // NULL: somebody at the bridge's .mgmt
	bool is_open;
	char name[96];
	uint8_t version;       // 0: not greeted yet
	bool is_over;          // the connection has ended; destroyed at the next tick
	bool table_in_command; // NXT_FLOW_MOD_TABLE_ID
	uint16_t config_flags, miss_send_len;
	uint32_t role;                 // OFPCR12_ROLE_*
	struct ofp_async_config async; // which news it is told unasked
	enum ofp_packet_in_format packet_in_format;
	uint64_t echo_sent_ms; // 0: none is awaited
	struct list bundles;
	unsigned int n_queries; // requests whose answers are not sent
	struct list queries;
};

/* A request that the data plane must be asked about. */
struct of_query {
	struct list node;           // in the session's
	struct of_session *session; // NULL: it is over
	uint8_t *data;              // a copy of the request
	struct ofp_msg msg;
	void (*done)(struct of_query *q, const void *body, size_t size);
};

/* of_switch.c */
struct of_bridge *of_switch_bridge(const struct of_switch *s, uint32_t id); // NULL: none
/* A query of the session has its answer. */
void of_switch_answered(struct of_switch *s, struct of_session *session);
/* May the model be changed now? False: the session was put to wait, and its message must be kept. */
bool of_switch_may_change(struct of_switch *s, struct of_session *session);
/* Has the data plane answered enough of its questions? Likewise. */
bool of_switch_may_ask(struct of_switch *s, struct of_session *session);
/* Is all that was changed before its first asking in the switch, and its questions answered? Likewise. */
bool of_switch_is_applied(struct of_switch *s, struct of_session *session);
void of_switch_flush(struct of_switch *s); // sends what was changed
/* The buffer for ops of model_part_put and model_part_del; one op is going to be added. */
struct buf_writer *of_switch_ops(struct of_switch *s);

/* of_bridge.c */
struct of_bridge *of_bridge_create(struct of_switch *s, const char *name, uint32_t id);
void of_bridge_configure(struct of_bridge *b, const struct api_object *object);
/* Empties the bridge, and gives it the rule of a bridge that does without a controller, where that is due. The model is free. */
void of_bridge_settle(struct of_bridge *b);
/* Whether it must do without its controllers, from now on or no longer. */
void of_bridge_watch_over(struct of_bridge *b, uint64_t now_ms);
/* Takes the link; controller may be NULL. */
void of_bridge_adopt(struct of_bridge *b, struct ovsdb_link link, bool is_connecting,
    struct of_controller *controller, const char *name);
void of_bridge_destroy(struct of_bridge *b); // the model keeps or has let go of its rules
void of_bridge_tick(struct of_bridge *b, uint64_t now_ms);

/* of_controller.c */
void of_controller_create(struct of_bridge *b, const struct of_controller_conf *conf);
void of_controller_destroy(struct of_controller *c); // and its sessions
void of_controller_set(struct of_controller *c, const struct of_controller_conf *conf);
void of_controller_get_status(const struct of_controller *c, struct of_controller_status *ret);
void of_controller_on_open(struct of_controller *c);
void of_controller_on_end(struct of_controller *c, bool was_open, const char *why);

/* of_session.c */
void of_session_create(struct of_bridge *b, struct ovsdb_link link, bool is_connecting,
    struct of_controller *controller, const char *name);
void of_session_destroy(struct of_session *s);
void of_session_tick(struct of_session *s, uint64_t now_ms);
void of_session_send(struct of_session *s, struct buf_writer *w); // w is emptied
void of_session_error(struct of_session *s, const struct ofp_msg *msg, enum ofp_err err);
/* Asks the data plane; done is called later, if the session lives. */
void of_session_query(struct of_session *s, const struct ofp_msg *msg, enum dp_msg_type type,
    const void *body, size_t size, void (*done)(struct of_query *q, const void *body, size_t size));

/* Whether a bundle may have it; carries it out. */
bool of_session_may_bundle(enum ofp_raw raw);
enum ofp_err of_session_run(struct of_session *s, struct ofp_msg *msg);

#define OF_AGAIN ((enum ofp_err) - 1) // the session was put to wait, and gets the message again

/* What handles a message. OFP_OK when it is done, or will be; or OF_AGAIN. */
typedef enum ofp_err of_handler(struct of_session *s, struct ofp_msg *msg);

of_handler of_handle_barrier;
of_handler of_handle_features, of_handle_desc, of_handle_port_desc,
    of_handle_port_stats;                                                    // of_port.c
of_handler of_handle_flow_mod;                                               // of_flow_mod.c
of_handler of_handle_flow_stats, of_handle_aggregate, of_handle_table_stats; // of_flow_stats.c

of_handler of_handle_table_features; // of_table_features.c
/* Bitmaps, for the statistics of 1.1 and 1.2: OXM numbers of fields that are matched or written, numbers of actions, of instructions. */
uint64_t of_table_fields(uint8_t version, bool written);
uint32_t of_table_actions(uint8_t version);
enum { OF_TABLE_INSTRUCTIONS = 0x3e };
of_handler of_handle_packet_out, of_handle_packet_in_format;         // of_packet.c
of_handler of_handle_role, of_handle_set_async, of_handle_get_async; // of_role.c

/* of_role.c */
bool of_session_wants(const struct of_session *s, enum ofp_async_kind what, uint8_t reason);
bool of_session_may_change(const struct of_session *s); // it is not a secondary controller
const char *of_session_role(const struct of_session *s);

of_handler of_handle_queue_config, of_handle_queue_stats; // of_queue.c
of_handler of_handle_meter_mod, of_handle_meter_config, of_handle_meter_stats,
    of_handle_meter_features;                        // of_meter.c
of_handler of_handle_ct_flush;                       // of_ct.c
of_handler of_handle_table_desc;                     // of_table_features.c
of_handler of_handle_tlv_mod, of_handle_tlv_request; // of_tlv.c
of_handler of_handle_group_mod;                      // of_group.c
of_handler of_handle_group_desc, of_handle_group_stats,
    of_handle_group_features; // of_group_stats.c

of_handler of_handle_bundle_control, of_handle_bundle_add; // of_bundle.c
void of_bundles_destroy(struct of_session *s);

/* of_undo.c. Between begin and end or roll_back what is changed is noted, and nothing is sent. */
void of_undo_begin(struct of_switch *s);
void of_undo_end(struct of_switch *s);
void of_undo_roll_back(struct of_switch *s);
struct of_flow;
struct of_group;
/* Before a change. What is not there yet (NULL) is named by place, an op. */
void of_undo_note_flow(struct of_bridge *b, const struct of_flow *f, const struct dp_op *place);
void of_undo_note_group(struct of_bridge *b, const struct of_group *g, const struct dp_op *place);

/* of_group.c */
struct of_group {
	struct hmap_node node;  // by id
	const struct dp_op *op; // the model's
	uint64_t created_ms;
};
const struct dp_group_conf *of_group_conf(const struct of_group *g);
/* The model's object as a message has it: buckets are appended; actions are borrowed from the object. */
void of_group_describe(
    const struct of_group *g, struct buf_writer *buckets, struct ofp_group_mod *ret);
/* OFPBAC_BAD_OUT_GROUP when one that the actions execute is not there. */
enum ofp_err of_groups_exist(const struct of_bridge *b, const struct ofp_actions *actions);
struct of_group *of_group_find(const struct of_bridge *b, uint32_t id);
void of_group_forget(struct of_bridge *b, uint32_t id); // without those that use it
/* As of_flow_restore. */
MUST_CHECK
int of_group_restore(struct of_bridge *b, const struct dp_op *op);
void of_groups_flush(struct of_bridge *b);
void of_groups_destroy(struct of_bridge *b); // not in the model

/* of_flow.c */
bool of_actions_are_whole(
    const uint8_t *list, size_t size); // lengths lead from one to the next, to the end
struct of_flow {
	struct hmap_node node;
	const struct dp_op *op;           // the model's
	uint64_t created_ms, modified_ms; // monotonic
};
/* OFPFF_* of its flow-mod; they are in the rule's opaque number, so that a restart does not lose them. */
uint16_t of_flow_flags(const struct of_flow *f);
uint16_t of_flow_importance(const struct of_flow *f);
const struct dp_rule_conf *of_flow_conf(const struct of_flow *f);
void of_flow_match(const struct of_flow *f, struct flow_match *ret);
struct ofp_instructions of_flow_instructions(const struct of_flow *f); // borrows
struct of_flow *of_flow_find(const struct of_bridge *b, uint8_t table, uint16_t priority,
    const uint8_t *match, size_t match_size);
struct of_flow *of_flow_by_id(const struct of_bridge *b, uint64_t rule);
/* The rule's fixed part, with sizes filled in; lists are copied. flow NULL: a new one, else it is replaced, under a new id if is_new. */
struct of_flow *of_flow_put(struct of_bridge *b, struct of_flow *flow, struct dp_rule_conf *conf,
    const uint8_t *match, size_t match_size, const struct ofp_instructions *ins, bool is_new);
/* A rule that the switch holds already. -EEXIST: there is one like it; -EINVAL: it is malformed. */
MUST_CHECK
int of_flow_restore(struct of_bridge *b, const struct dp_op *op);
void of_flow_del(struct of_bridge *b, struct of_flow *flow);
size_t of_flows_count_unsupported(
    const struct of_bridge *b); // rules with an action that the switch does not carry out
void of_flows_destroy(struct of_bridge *b); // not in the model

/* of_flow_stats.c. Counters of rules, by id; rows are for free(). */
struct of_counters {
	struct dp_rule_stats *rows;
	size_t n;
};
struct of_counters of_counters_take(const void *body, size_t size);
const struct dp_rule_stats *of_counters_find(const struct of_counters *c, uint64_t rule);

/* of_removed.c */
/* Before the rule is deleted: it is told when its last counters are known. */
void of_removed_note(struct of_bridge *b, const struct of_flow *f, uint8_t reason);
void of_removed_ask(struct of_switch *s); // before what was changed is sent
void of_removed_timed(
    struct of_bridge *b, const struct of_flow *f, const struct dp_removed_event *ev);
void of_removed_fini(struct of_switch *s);

/* Which rules a message means. */
struct of_flow_filter {
	const struct flow_match *match; // rules that match no more than this
	bool match_is_empty;
	uint64_t cookie_be, cookie_mask_be;
	uint32_t out_port, out_group; // DP_OFPORT_ANY, OFP_ANY_GROUP: none
	uint8_t table;                // 255: all
};
bool of_flow_is_meant(const struct of_flow *f, const struct of_flow_filter *filter);
