/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The data plane of one switch: what sluice-switch's main starts and everything in datapath/ hangs from.
 *
 * Threads: struct dp's RCU pointers and version are read by workers, written by the control thread of the switch
 * (main). Functions are for that thread. Memory: dp_create allocates; dp_destroy frees after the workers have ended.
 */
#include "datapath/base/hash.h"
#include "datapath/bridge.h"
#include "datapath/port.h"
#include "datapath/rcu.h"
#include "datapath/tunnel.h"
#include "datapath/worker.h"

struct dp_options {
	char rundir[108 - 32];
	unsigned int cores[RCU_MAX_WORKERS]; // one worker each
	unsigned int n_workers;
	unsigned int memory_mb;
	uint32_t max_sessions; // per worker
	bool no_huge, huge;    // asked for; neither: hugepages when enough are free
	bool sleep;            // progressive idle sleep
	int log_level;
};

struct dp {
	// ctl: wo (release), worker: ro (acquire). Rules of this version are what a burst sees.
	uint64_t version;
	RCU_PTR(struct port) ports[DP_MAX_PORTS];
	RCU_PTR(struct bridge) bridges[DP_MAX_BRIDGES + 1];
	RCU_PTR(struct tunnel_cfg) tunnels;
	struct hash_key secret; // per boot
	struct worker *workers[RCU_MAX_WORKERS];
	unsigned int n_workers;
	struct rte_mempool *pool;
	uint64_t boot_id;
	const struct dp_options *options;
	struct packet_out *packet_outs; // ctl. Those that a worker may still run: packet_out.h
	struct dp_state *state;         // objects, transactions: dp_state.c
	bool controller_connected;      // ctl: wo, worker: ro (relaxed): punts are wanted
};
