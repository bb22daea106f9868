/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside the pipeline: the state of one run, shared by pipeline*.c.
 *
 * Two views of the packet make deferred rewriting work. `now` is the packet as the rules see it. `bytes` is the packet as
 * the program written so far leaves it. pipeline_commit emits what turns the second into the first, just before an
 * output needs it; so a field set three times is written once, and one set but never sent is not written.
 *
 * Volatile fields (TTL, DSCP/ECN, flow label) are not part of the session key unless a rule matches on them, so
 * their values must not shape a program. For them a view holds what was done (written bits, decrements), not what is.
 *
 * Threads: as pipeline.h. Memory: in struct pipeline.
 */
#include "datapath/dp.h"
#include "datapath/pipeline.h"
#include "datapath/program_cache.h"

enum {
	MAX_LOOKUPS = 4096,
	MAX_DEPTH = 64,
	MAX_ACTIONS = 65536,
	MAX_SET_FIELDS = 64,    // in one action set
	VLAN_TCI_BITS = 0xefff, // what the wire carries; bit 12 is FLOW_VLAN_PRESENT
};

struct view {
	struct flow_key key;
	uint8_t ttl_decs;    // decrements of the TTL that the packet came in with
	uint8_t tos_written; // bits of ip_tos with a known value
	bool ttl_set;        // ip_ttl is a known value
	bool label_written;  // ip6_label is a known value
};

/* OpenFlow 1.3.5 5.10. One action of each kind, the last written; set fields in the order written. */
struct action_set {
	const struct dp_action *pop_vlan, *push_vlan, *dec_ttl, *group, *output;
	const struct dp_action *fields[MAX_SET_FIELDS];
	unsigned int n_fields;
};

enum { PIPELINE_MAX_STACK = 64 }; // values that a packet's rules may have pushed

struct pipeline {
	struct program_builder builder;
	/* Of the run. */
	struct worker *w;
	const struct pipeline_listener *listener;
	const struct flow_key *came; // the packet as it came in
	struct view bytes;
	unsigned int n_lookups, n_actions, n_punts;
	bool exceeded;        // a bound was passed: the whole outcome is PIPELINE_DEPTH
	enum dp_drop failure; // of the first output that failed, or DP_DROP__COUNT
	enum dp_drop verdict; // of the first drop action, or DP_DROP__COUNT
	bool missed;          // a table had no rule
	uint64_t failure_rule, failure_cookie, verdict_rule, verdict_cookie;
	/* Of the bridge, group bucket or resubmit that it is in. */
	struct view now;
	const struct bridge *bridge;
	uint16_t in_port; // id, on this bridge
	struct action_set *set;
	const struct rule *rule; // that is executing; NULL: none yet
	uint8_t table;
	unsigned int depth;
	bool stopped; // by a drop
	unsigned int n_stack;
	struct flow_value stack[PIPELINE_MAX_STACK];
};

/* What a group bucket or another bridge gets of its own. */
struct pipeline_copy {
	struct view now;
	bool stopped;
};

/* pipeline.c */
void pipeline_bridge(struct pipeline *p);
void pipeline_resubmit(struct pipeline *p, uint8_t table, uint32_t in_port);
/* An output that cannot be made. The packet's fate only when nothing else is output. */
void pipeline_fail(struct pipeline *p, enum dp_drop reason);
/* A drop that ends the run of this packet. */
void pipeline_stop(struct pipeline *p, enum dp_drop reason);
/* False when the run is over: stopped or out of bounds. */
bool pipeline_goes_on(const struct pipeline *p);
/* One level down; false (and exceeded) when too deep. */
MUST_CHECK
bool pipeline_enter(struct pipeline *p);
void pipeline_leave(struct pipeline *p);
/* Between the two the packet is a copy: changes and drops end with it. One level down; false when too deep. */
MUST_CHECK
bool pipeline_copy_begin(struct pipeline *p, struct pipeline_copy *c);
void pipeline_copy_end(struct pipeline *p, const struct pipeline_copy *c);
void pipeline_note(const struct pipeline *p, const char *fmt, ...) FORMAT(2, 3);

/* pipeline_actions.c */
void pipeline_actions(struct pipeline *p, const struct dp_action *actions, size_t size);
void pipeline_set_field(struct pipeline *p, const struct dp_action *a);
void action_set_write(
    struct action_set *set, struct pipeline *p, const struct dp_action *actions, size_t size);
void action_set_run(struct action_set *set, struct pipeline *p);

/* pipeline_extension.c */
void pipeline_extension(struct pipeline *p, const struct dp_action *a);

/* pipeline_commit.c */
void pipeline_commit(struct pipeline *p);
/* Emits pending decrements: before ip_ttl is written, because a packet whose TTL ran out must not be revived. */
void pipeline_commit_ttl(struct pipeline *p);

/* pipeline_output.c */
/* The port of an id. NULL: none, or one that is newer than the rules of this burst, which mean an earlier port of its id. */
const struct port *pipeline_port(const struct pipeline *p, uint16_t id);
void pipeline_output(struct pipeline *p, uint32_t ofport);
/* To a port by id, whatever it is: device, tunnel, patch. */
void pipeline_output_port(struct pipeline *p, uint16_t port);
void pipeline_flood(struct pipeline *p, bool all);
void pipeline_punt(struct pipeline *p, uint16_t max_len, uint32_t reason);
void pipeline_reply(struct pipeline *p, enum prog_op_type type, const struct dp_action *a);

/* pipeline_normal.c */
void pipeline_normal(struct pipeline *p);
/* 01:80:c2:00:00:0x: never forwarded by a bridge (IEEE 802.1Q 8.6.3). */
bool mac_is_link_local_multicast(const struct mac_addr *mac);

/* pipeline_group.c */
void pipeline_group(struct pipeline *p, uint32_t group_id);
