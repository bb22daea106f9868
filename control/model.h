/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Desired state → data plane: what the API's objects mean. Networks, ports, peers, bridges, flows and groups become the
 * objects of dp_proto.h; a transaction becomes the difference. Pure: no sockets, no clock; tests run it on a fake
 * data plane.
 *
 * Two steps, so that a transaction can be refused (or only tried: dry_run) without a trace: model_plan checks the changes
 * against the current model and computes the data plane's ops; model_commit takes the plan as the new truth.
 *
 * Numbers that must outlive a restart (or ports would flap) are chosen by model_plan and kept with the object: it may add
 * the members "ofport" (visible) and "_id" (hidden: members with a leading underscore are the daemon's own, not shown by
 * the API and not known to schema.def) to new_object->data. Journal the objects after model_plan, and load them with
 * those members. A put or patch without them keeps the numbers the object had.
 *
 * Threads: sluiced's loop. Memory: a plan belongs to the caller until commit or discard; nothing else may change the
 * model in between.
 */
#include "control/api/store.h"
#include "datapath/base/buf.h"
#include "datapath/dp_proto.h"

struct model;
struct model_plan;

struct err_list {
	struct err errs[32]; // the cap of the API: more are counted
	uint32_t ops[32];    // index of the op each belongs to
	size_t n, n_total;
};
/* Room for one more error of op, or a scratch one when the list is full. Never NULL. */
struct err *err_list_add(struct err_list *l, uint32_t op);

/* What the kernel says about the underlay; from underlay.c, or made up by tests. */
struct model_underlay {
	uint16_t mtu; // smallest MTU of the uplinks' interfaces; 0: not known yet
};

struct model_options {
	const char *rundir; // default socket paths
};

struct model *model_create(const struct model_options *options);
void model_destroy(struct model *m);
void model_set_underlay(struct model *m, const struct model_underlay *u);

/*
 * The whole set of routes and local addresses now (from underlay.c). Becomes part of the model at once; the
 * difference is appended to ops as struct dp_op. Returns the number of ops appended.
 */
uint32_t model_put_underlay(struct model *m, const struct dp_route_conf *routes, size_t n_routes,
    const struct dp_local_conf *locals, size_t n_locals, struct buf_writer *ops);
/*
 * What the underlay must know: uplinks, tunnel remotes and the UDP ports that tunnels end at (host order; 4789 first), of the
 * current model. Arrays are borrowed until the next commit.
 */
enum { MODEL_MAX_UDP_PORTS = 5 };
struct underlay_uplink {
	char interface[16]; // kernel interface
	uint32_t dp_port;
};
size_t model_uplinks(const struct model *m, const struct underlay_uplink **ret);
size_t model_remotes(const struct model *m, const struct ip_addr **ret);
size_t model_udp_ports(const struct model *m, const uint16_t **ret);

/* NULL when refused: errs has all reasons (with path, object, hint). State is not touched either way. */
struct model_plan *model_plan(
    struct model *m, const struct api_change *changes, size_t n, struct err_list *errs);
/* Encoded struct dp_op list of the plan; borrowed. */
const struct buf_writer *model_plan_ops(const struct model_plan *plan, uint32_t *ret_n_ops);
void model_commit(struct model *m, struct model_plan *plan); // takes plan
void model_discard(struct model_plan *plan);

/*
 * Objects that are put one by one, outside of transactions: OpenFlow's. A part holds those of one bridge; when the bridge is
 * deleted they go with it, in the same transaction, and the part is no more. A change is in the model at once; its op is
 * appended to ops. Nothing may be changed between model_plan and model_commit or model_discard.
 */
struct model_part;
struct model_part *model_part_add(struct model *m, const char *bridge); // or the one there is
struct model_part *model_part_find(const struct model *m, const char *bridge); // NULL: none
/* Puts or replaces; the id is the caller's (rules: OPENFLOW_RULE set). The op is borrowed until it is replaced or deleted. */
const struct dp_op *model_part_put(struct model *m, struct model_part *part, enum dp_kind kind,
    uint64_t id, const void *body, size_t size, struct buf_writer *ops);
/* Precondition: it is in the part. */
void model_part_del(struct model *m, struct model_part *part, enum dp_kind kind, uint64_t id,
    struct buf_writer *ops);

#define OPENFLOW_RULE (1ULL << 63) // in the ids of rules that OpenFlow put

/*
 * The objects the switch must hold now, for reconciliation: visits every op (DP_PUT) with its digest; digest of all via
 * model_digest. Routes and local addresses (model_put_underlay) are part of it.
 */
uint64_t model_digest(const struct model *m);
uint64_t model_n_objects(const struct model *m);
void model_foreach(const struct model *m,
    void (*cb)(const struct dp_op *op, uint64_t digest, void *arg), void *arg);
/* NULL when there is none. */
const struct dp_op *model_find(const struct model *m, enum dp_kind kind, uint64_t id);

/* Names for what the switch calls by number; NULL when unknown. */
const char *model_port_name(const struct model *m, uint32_t dp_port_id);
uint32_t model_port_id(const struct model *m, const char *name); // 0: none
const char *model_bridge_name(const struct model *m, uint32_t bridge_id);
uint32_t model_bridge_id(const struct model *m, const char *name);
const char *model_flow_name(
    const struct model *m, uint64_t rule_id); // API flow, or what it was compiled from: "port/vm1"
const char *model_group_name(const struct model *m, uint64_t group_object_id);
/* The API object that it was made of: as model_flow_name, "port/vm1", "underlay". */
const char *model_object_name(const struct model *m, enum dp_kind kind, uint64_t id);
const char *model_ofport_name(const struct model *m, uint32_t bridge_id, uint32_t ofport);
