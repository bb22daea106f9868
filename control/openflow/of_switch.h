/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The OpenFlow face of sluiced: each bridge is a switch to controllers, at <rundir>/<bridge>.mgmt and wherever else it is told to listen or
 * to connect. Its rules are parts of the model (model_part_put), outside of the API's transactions: what a controller sends is in the model
 * when the next message is read, and in the switch before a barrier is answered.
 *
 * Threads: sluiced's loop. Memory: of_switch_create allocates.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "datapath/dp_proto.h"

struct daemon;
struct of_switch;

struct of_switch *of_switch_create(struct daemon *d);
void of_switch_destroy(struct of_switch *s); // accepts NULL

/* What the switch has kept while sluiced was away: groups and rules; then which bridges it holds. Before the model is compared with it. */
void of_switch_restore(struct of_switch *s, const uint8_t *ops, size_t size);
void of_switch_restored(struct of_switch *s, const struct dp_dump_entry *held, size_t n_held);

/* What sluiced hears. NULL is allowed. */
void of_switch_on_commit(struct of_switch *s); // bridges and ports come and go
void of_switch_on_switch(struct of_switch *s, bool is_connected);
void of_switch_on_punt(struct of_switch *s, const struct dp_punt_event *ev, const uint8_t *data);
void of_switch_on_port(struct of_switch *s, const struct dp_port_event *ev);
/* Of rules with OPENFLOW_RULE in their id. */
void of_switch_on_removed(struct of_switch *s, const struct dp_removed_event *ev, size_t n);

/* What a configured controller is doing, for its row. */
struct of_controller_status {
	bool is_connected;
	const char *state, *last_error, *role; // as OVSDB has them; "" none
	int64_t connected_s, disconnected_s;   // since then; -1: never
};
/* The first of that target. False: there is none. */
bool of_switch_controller(
    const struct of_switch *s, const char *target, struct of_controller_status *ret);
/* Counts of sessions, rules and what was refused, for sys.health. A new reference. */
json_t *of_switch_to_json(const struct of_switch *s);
