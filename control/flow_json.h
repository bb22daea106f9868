/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rules as JSON: {"ipv4_dst":"10.0.0.0/8"} and [{"output":"vm2"}], to and from what the switch reads (dp_types.h).
 * control/README.md documents the syntax. Fields and actions come from flow_field.def and dp_action.def.
 *
 * Errors carry a JSON pointer: err->path on entry is the pointer of the value given, and is extended.
 *
 * Threads: any. Memory: callers own what they pass; _to_json returns a new reference.
 */
#include <jansson.h>

#include "datapath/base/buf.h"
#include "datapath/base/flow_field.h"
#include "datapath/dp_types.h"

/* How ports of the rule's bridge are called. */
enum { FLOW_LOCAL_NUMBER = 65534 }; // a bridge's own port, in numbers of 16 bits (OpenFlow 1.0)

struct flow_names {
	uint32_t (*port_number)(void *arg, const char *name);     // 0: no such port on the bridge
	const char *(*port_name)(void *arg, uint32_t ofport);     // NULL: no name, print the number
	const char *(*port_nearest)(void *arg, const char *name); // for "did you mean"; NULL: none
	void *arg;
};

MUST_CHECK
int flow_match_from_json(
    json_t *match, const struct flow_names *names, struct flow_match *ret, struct err *err);
/* Appends packed struct dp_action to actions. */
MUST_CHECK
int flow_actions_from_json(
    json_t *list, const struct flow_names *names, struct buf_writer *actions, struct err *err);
/* One entry of such a list. */
MUST_CHECK
int flow_action_from_json(
    json_t *entry, const struct flow_names *names, struct buf_writer *actions, struct err *err);
/*
 * 0 when every packet of the match has the fields that the actions, run in order, read and write. *m becomes what is known of the
 * packet afterwards. Else -EINVAL, with the path of the field in the list.
 */
MUST_CHECK
int flow_actions_check(struct flow_match *m, const struct buf_writer *actions, struct err *err);
/* The same of an action set, which runs on packets that are as *m says. */
MUST_CHECK
int flow_action_set_check(
    const struct flow_match *m, const struct buf_writer *actions, struct err *err);
/* A port by name or number, of a bridge; reserved (enum dp_ofport) words only with allow_reserved. */
MUST_CHECK
int flow_port_from_json(json_t *value, const struct flow_names *names, bool allow_reserved,
    uint32_t *ret, struct err *err);

bool flow_port_is_reserved(const char *name);

json_t *flow_match_to_json(const struct flow_match *m, const struct flow_names *names);
json_t *flow_action_to_json(const struct dp_action *a, const struct flow_names *names);
/* Precondition: a validated list (what flow_actions_from_json wrote, or the switch accepted). */
json_t *flow_actions_to_json(const void *actions, size_t size, const struct flow_names *names);
json_t *flow_port_to_json(uint32_t ofport, const struct flow_names *names);
