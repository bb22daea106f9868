/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A switch without packets: the real dp_state, tables and bridges, workers in plain memory, ports that only
 * remember what was done to them. And a writer of transactions.
 *
 * Threads: one, plus those a test starts. Memory: fixture_create and fixture_destroy.
 */
#include "datapath/base/buf.h"
#include "datapath/dp_state.h"

enum { FIXTURE_N_WORKERS = 2 };

struct fixture {
	struct dp dp;
	struct dp_options options;
	struct worker *workers;
	struct buf_writer ops; // of the next transaction
	uint32_t n_ops;
	struct dp_error error;     // of the last commit
	struct dp_txn_reply reply; // of the last commit
};

/* What the fake ports saw, and how they should behave. */
struct fake_ports {
	uint32_t n_created, n_destroyed, n_updated, n_assigned, n_closed_devices;
	uint16_t refuse_id; // port_create of this id fails
	bool assign_fails;
	void (*on_assign)(void);      // a version is published, its grace period has not begun
	bool reopen;                  // port_check_update answers -EOPNOTSUPP
	uint16_t state[DP_MAX_PORTS]; // as port_poll finds it
};

extern struct fake_ports fake_ports;

struct fixture *fixture_create(void);
void fixture_destroy(struct fixture *f);

void put(struct fixture *f, enum dp_kind kind, uint64_t id, const void *body, size_t size);
void del(struct fixture *f, enum dp_kind kind, uint64_t id);
void put_bridge(struct fixture *f, uint32_t id);
void put_port(struct fixture *f, uint16_t id, uint32_t bridge, uint32_t ofport);
/* In VLAN tag, untagged; or, with trunk_vlan not 0, a trunk of that. */
void put_vlan_port(struct fixture *f, uint16_t id, uint16_t tag, uint16_t trunk_vlan);
void put_patch(struct fixture *f, uint16_t id, uint32_t bridge, uint32_t ofport, uint16_t peer);
void put_vxlan(struct fixture *f, uint16_t id, uint32_t bridge, uint32_t ofport);
/* Matches TCP destination port tp_dst (0: anything), outputs to out. */
struct rule_args {
	uint32_t bridge;
	uint8_t table;
	uint16_t priority;
	uint16_t tp_dst;
	uint8_t ttl; // matched when not 0
	uint32_t out;
	uint64_t cookie;
	uint16_t idle_s, hard_s;
	uint32_t flags;
	uint64_t installed_ms;
};
void put_rule(struct fixture *f, uint64_t id, struct rule_args args);
/* One bucket that outputs to out. */
void put_group(
    struct fixture *f, uint32_t bridge, uint32_t group_id, uint32_t watch_port, uint32_t out);
void put_route(struct fixture *f, uint64_t id, uint32_t remote_v4, uint16_t mtu);
void put_local(struct fixture *f, uint64_t id, uint32_t v4);
/* Commits what was put at the next generation, or the given one; forgets it. 0 or -errno. */
int commit(struct fixture *f);
int commit_at(struct fixture *f, uint64_t generation, uint32_t flags);
/* The rule that a TCP packet to this port meets now, or NULL. */
const struct rule *lookup(const struct fixture *f, uint32_t bridge, uint8_t table, uint16_t tp_dst);
const struct rule *lookup_at(
    const struct fixture *f, uint32_t bridge, uint8_t table, uint16_t tp_dst, uint64_t version);
