/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The parts of sluiced, for method handlers. main.c makes and joins them; nothing else knows everybody.
 *
 * Threads: sluiced's loop. Memory: main.c owns all.
 */
#include <event2/event.h>
#include <stdint.h>

struct ovsdb_storage;
struct store;
struct txn_log;
struct history;
struct txn_engine;
struct reconcile;
struct watch;
struct model;
struct dp_client;
struct underlay;
struct follow;
struct expiry;
struct rpc_server;
struct vswitch;
struct of_switch;

struct daemon {
	struct event_base *base;
	const char *rundir;
	uint64_t boot_id;              // differs at each start
	struct ovsdb_storage *storage; // the state directory's file
	struct store *store;
	struct txn_log *log;     // makes the store durable
	struct history *history; // its last changes
	struct txn_engine *txn;
	struct reconcile *reconcile;
	struct watch *watch;
	struct model *model;
	struct dp_client *dp;
	struct underlay *underlay;
	struct follow *follow; // the model and the underlay follow each other
	struct expiry *expiry; // deletes flows that timed out
	struct rpc_server *rpc;
	struct vswitch *vswitch; // the database Open_vSwitch; NULL: it is not served
	struct of_switch *openflow;
	void (*on_commit)(struct daemon *d); // the model has changed; NULL: nobody cares
};
