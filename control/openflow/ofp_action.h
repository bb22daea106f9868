/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Actions on the wire, decoded straight into packed struct dp_action (dp_types.h) and encoded from it; there is no third form.
 * ofp_action.def has a row for each action of OpenFlow 1.0 to 1.5 and of the extensions; ofp_action_encode.c one for each of the switch's.
 * encode after decode gives the same bytes for what we encode ourselves (the normal form); other spellings of an action become it.
 *
 * Threads: any; pure functions. Memory: lists are the caller's.
 */
#include "control/openflow/ofp.h"
#include "control/openflow/ofp_error.h"
#include "datapath/base/buf.h"
#include "datapath/base/flow_key.h"

/* A packed list of struct dp_action, borrowed. Aligned to 8. */
struct ofp_actions {
	const void *data;
	size_t size; // bytes
};

/*
 * Appends the actions of size bytes at b to out. Checks all that needs no knowledge of the rule: lengths, padding, arguments, fields and
 * their writability; ofp_actions_check does the rest. On error out has bytes of no meaning.
 */
MUST_CHECK
enum ofp_err ofp_actions_decode(
    struct buf *b, size_t size, enum ofp_version version, struct buf_writer *out);
void ofp_actions_encode(
    const struct ofp_actions *list, enum ofp_version version, struct buf_writer *w);

/* What a list is checked against. */
struct ofp_action_scope {
	const struct flow_match *
	    match; // of the rule; NULL: any packet (packet-out, buckets): prerequisites are not checked
	uint32_t max_port; // output to a port above it is refused; 0: any port goes
	uint8_t n_tables;  // resubmit and goto reach 0..n_tables - 1
	bool packet_out;   // OFPP_TABLE goes
	bool version_10;   // the rule came in 1.0, whose own actions need no prerequisites
};

/*
 * OpenFlow 1.3.5 7.2.5: ports, tables, prerequisites of the fields that are written or read, as the match and the actions before say.
 */
MUST_CHECK
enum ofp_err ofp_actions_check(
    const struct ofp_actions *list, const struct ofp_action_scope *scope);
/* As above for an action set: no two of a kind, and only what a set may hold. */
MUST_CHECK
enum ofp_err ofp_action_set_check(
    const struct ofp_actions *list, const struct ofp_action_scope *scope);
/* Whether the list, nested ones included, outputs to the port, or executes the group: the filters of flow-mod and statistics. */
bool ofp_actions_output_to(const struct ofp_actions *list, uint32_t port);
bool ofp_actions_use_group(const struct ofp_actions *list, uint32_t group);
