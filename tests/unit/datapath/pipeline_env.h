/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A small switch for tests of the pipeline and what is around it: bridges, ports, rules and groups, no EAL.
 *
 * Threads: one. Memory: env_create allocates, env_destroy frees all.
 */
#include "datapath/dp.h"
#include "datapath/pipeline.h"
#include "datapath/program_cache.h"
#include "datapath/session.h"

enum { ENV_N_BRIDGES = 3, ENV_N_PORTS = 32, ENV_MAX_RULES = 512 };

/* A packet, and the tag to write before it. */
#define UDP4                                                                                     \
	"eth_src=02:00:00:00:00:01,eth_dst=02:00:00:00:00:02,eth_type=0x0800,ipv4_src=10.0.0.1," \
	"ipv4_dst=10.0.0.2,ip_proto=17,ip_ttl=64,udp_src=1000,udp_dst=53"
#define TAGGED "vlan_tci=0x1007,vlan_tpid=0x8100,"

struct env {
	struct dp *dp;
	struct worker *w;
	struct bridge bridges[ENV_N_BRIDGES + 1]; // ids 1..
	struct port ports[ENV_N_PORTS];           // ids 1..
	struct rule *rules[ENV_MAX_RULES];
	struct group *groups[ENV_MAX_RULES];
	unsigned int n_rules, n_groups;
};

/* Bridges are there, with a MAC table each; ports are added by the test. */
struct env *env_create(void);
/* The same with ports 1 to 5 on bridge 1, ten times their id as ofport. */
struct env *env_create_with_ports(void);
void env_destroy(struct env *e);
/* Port id on a bridge under ofport, a device that is up. */
struct port *env_port(struct env *e, uint16_t id, uint32_t bridge, uint32_t ofport);

/* What the port does with VLANs; trunks: those it carries, ended by ENV_LIST_END; NULL: all. */
enum { ENV_LIST_END = 0xffff };
void env_vlan(struct env *e, uint16_t id, enum dp_vlan_mode mode, uint16_t tag,
    const uint16_t *trunks, enum dp_priority_tags priority_tags);

/* A list of actions under construction. */
struct actions {
	size_t size;
	uint8_t b[4096] __attribute__((aligned(8)));
};

/* Appends a zeroed action of the type, for the caller to fill. */
struct dp_action *add_action(struct actions *l, enum dp_action_type type);
void add_output(struct actions *l, uint32_t ofport);
void add_set(struct actions *l, enum flow_field_id field, const char *value);
void add_move(
    struct actions *l, enum flow_field_id src, enum flow_field_id dst, unsigned int n_bits);
void add_group(struct actions *l, uint32_t group_id);
void add_resubmit(struct actions *l, uint32_t in_port, uint8_t table);
void add_drop(struct actions *l, enum dp_drop reason);

/* Match is "field=value,…" or "". Returns the rule, whose id is its number from 1 and whose counters are slot id. */
struct rule *env_rule(struct env *e, uint32_t bridge, uint8_t table, uint16_t priority,
    const char *match, const struct actions *apply);
/* The same with write actions, flags and goto. */
struct rule *env_rule_full(struct env *e, const struct dp_rule_conf *conf, const char *match,
    const struct actions *apply, const struct actions *write);
/* A rule from a match; flags and the rest as in conf. */
struct rule *env_rule_match(struct env *e, const struct dp_rule_conf *conf,
    const struct flow_match *match, const struct actions *apply, const struct actions *write);
/* Takes a rule away at the next version. */
void env_rule_del(struct env *e, struct rule *r);
/* A group whose buckets have these lists; weights 1, watching nothing. Change *g before the first run. */
struct group *env_group(struct env *e, uint32_t bridge, uint32_t group_id, uint32_t type,
    const struct actions *buckets, uint32_t n_buckets);
/* Makes what was added visible: session masks, next version. */
void env_commit(struct env *e);
/* A flow key from "field=value,…". */
struct flow_key env_key(const char *text);
struct flow_match env_match(const char *text);
/* The program of a packet "field=value,…" that comes in by a port; its text, valid until the next. */
const struct program *env_run(struct env *e, uint16_t port, const char *packet);
const char *program_text(const struct program *p);
