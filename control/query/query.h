/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Methods that ask the switch: a request waits for the switch's reply, which is turned into JSON with names for numbers.
 *
 * Threads: sluiced's loop. Memory: a query lives from query_start until its reply; it answers its request exactly once.
 */
#include <jansson.h>

#include "control/api/rpc.h"
#include "control/daemon.h"
#include "control/dp_client.h"

struct query;

/* Turns a good reply into the result (a new reference). NULL: *err is filled. */
typedef json_t *query_done(struct query *q, const void *body, size_t size, struct err *err);

struct query {
	struct rpc_request *req;
	struct daemon *d;
	query_done *done;
	json_t *params; // of the request; borrowed
};

void query_start(struct rpc_request *req, enum dp_msg_type type, const void *body, size_t size,
    query_done *done);
/* Optional string member; NULL in *ret when absent. 0, or a negative errno with *err filled. */
MUST_CHECK
int query_string(json_t *params, const char *name, const char **ret, struct err *err);
/* Required name of a port (0 < id) or bridge. */
MUST_CHECK
int query_port(
    struct daemon *d, json_t *params, const char *name, uint32_t *ret_id, struct err *err);
MUST_CHECK
int query_bridge(
    struct daemon *d, json_t *params, const char *name, uint32_t *ret_id, struct err *err);
/* A name, or "#17" for what has none. Returns buf. */
const char *query_port_name(const struct daemon *d, uint32_t id, char buf[80]);
const char *query_rule_name(const struct daemon *d, uint64_t id, char buf[80]);
json_t *query_port_stats_to_json(const struct daemon *d, const struct dp_port_stats *s);
