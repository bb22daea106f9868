/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON-RPC 2.0 server: framing, ids, batches, limits, roles. Methods are rows of method.def; a handler either answers at once
 * or keeps the request and answers later. Replies leave in the order of the requests of a connection.
 *
 * Threads: sluiced's loop. Memory: a request lives until rpc_reply or rpc_fail, also when its client has gone.
 */
#include <event2/event.h>
#include <jansson.h>

#include "datapath/base/err.h"

struct rpc_server;
struct rpc_request;
struct daemon; // everything a handler may need: control/daemon.h

enum rpc_role { ROLE_READ, ROLE_OPERATE, ROLE_ADMIN };

typedef void rpc_handler(struct rpc_request *req);

struct rpc_method {
	const char *name;
	rpc_handler *handler;
	enum rpc_role role; // least role that may call it
	bool mutating;      // never executed as a notification
	const char *help;
	const char *const *params; // known member names, NULL-terminated: others are refused
};

extern const struct rpc_method rpc_methods[]; // from method.def
extern const size_t rpc_n_methods;

struct daemon *rpc_daemon(struct rpc_request *req);
json_t *rpc_params(struct rpc_request *req); // an object, empty when absent; borrowed
/* Answers; takes result. */
void rpc_reply(struct rpc_request *req, json_t *result);
void rpc_fail(struct rpc_request *req, const struct err *err);
/* As rpc_fail with error.data.errors = all of a transaction's; takes errors (an array). */
void rpc_fail_many(struct rpc_request *req, const struct err *first, json_t *errors);
/* A notification to the connection of req, for watch.*. token identifies the connection; false when it has gone or is too slow. */
uint64_t rpc_connection_token(struct rpc_request *req);
bool rpc_notify(struct rpc_server *s, uint64_t token, const char *method, json_t *params);
const char *rpc_client_name(struct rpc_request *req); // for audit: "uid 0 pid 12"

struct rpc_server *rpc_server_create(struct event_base *base, const char *path, struct daemon *d, struct err *err);
void rpc_server_destroy(struct rpc_server *s);
