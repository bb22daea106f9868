/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON-RPC 2.0 server: framing, ids, batches, limits, roles. Methods are rows of method.def; a handler either answers at once
 * or keeps the request and answers later. A connection's requests run one after another, so that replies leave in their
 * order and a client reads its own writes; while one runs the next lines wait in the socket.
 *
 * Threads: sluiced's loop. Memory: a request lives until rpc_reply or rpc_fail, also when its client has gone.
 */
#include <event2/event.h>
#include <jansson.h>

#include "control/api/json_raw.h"
#include "control/api/role.h"
#include "datapath/base/err.h"

struct rpc_server;
struct rpc_request;
struct tls_files;
enum { RPC_CLIENT_SIZE = 128 }; // of a client's name for logs

struct daemon; // everything a handler may need: control/daemon.h

typedef void rpc_handler(struct rpc_request *req);

struct rpc_method {
	const char *name;
	rpc_handler *handler;
	enum role_level role; // least role that may call it
	bool mutating;        // never executed as a notification
	const char *help;
	const char *const *params; // known member names, NULL-terminated: others are refused
};

extern const struct rpc_method rpc_methods[]; // from method.def
extern const size_t rpc_n_methods;

struct daemon *rpc_daemon(struct rpc_request *req);
json_t *rpc_params(struct rpc_request *req); // an object, empty when absent; borrowed
/* The parameter "ops" when it is kept as text, to be had once; else it is one of the others. The caller ends it. */
struct json_raw rpc_take_ops(struct rpc_request *req);
/* Answers; takes result. */
void rpc_reply(struct rpc_request *req, json_t *result);
void rpc_fail(struct rpc_request *req, const struct err *err);
/*
 * As rpc_fail with error.data.errors = a transaction's first errors (an array; taken) and error.data.n_errors = how many
 * there are.
 */
void rpc_fail_many(
    struct rpc_request *req, const struct err *first, json_t *errors, size_t n_errors);
/* error object of JSON-RPC; op: index in the transaction, -1 none. New reference. */
json_t *rpc_error_to_json(const struct err *err, int64_t op);
/*
 * A notification to the connection of a request, for watch.*. Whoever asks for the token is a subscriber: the idle limit no
 * longer applies. rpc_notify takes params; false when the connection has gone or is too slow.
 */
uint64_t rpc_connection_token(struct rpc_request *req);
bool rpc_notify(struct rpc_server *s, uint64_t token, const char *method, json_t *params);
const char *rpc_client_name(struct rpc_request *req); // for audit: "uid 0 pid 12 (admin)"
const struct role *rpc_role(struct rpc_request *req);

/* rules: who has which role; copied. NULL: the defaults. */
struct rpc_server *rpc_server_create(struct event_base *base, const char *path, struct daemon *d,
    const struct role_rules *rules, struct err *err);
/* Listens for TLS too: at address, "192.0.2.1:9443" or "[::1]:9443". */
MUST_CHECK
int rpc_server_listen_tls(
    struct rpc_server *s, const char *address, const struct tls_files *files, struct err *err);
/* Reads certificates and key again, for connections to come. On failure the former stay in use. */
MUST_CHECK
int rpc_server_reload_tls(struct rpc_server *s, struct err *err);
void rpc_server_destroy(struct rpc_server *s);
/* cb runs after a connection has gone. */
void rpc_server_on_close(struct rpc_server *s, void (*cb)(uint64_t token, void *arg), void *arg);

/* What a client can run into; all in sys.limits. */
struct rpc_limits {
	size_t line_size;      // bytes of a message
	size_t read_line_size; // the same for clients that may only read
	size_t output_size;    // bytes waiting to be read by a client; also of one reply
	size_t string_size;    // bytes of a string
	size_t n_values;       // JSON values in a message
	size_t n_containers;   // objects and arrays among them
	uint32_t depth;        // nesting
	uint32_t n_batch;      // members of a batch
	uint32_t n_connections;
	uint32_t n_per_uid;    // and of a certificate's name; root excepted
	uint32_t n_strikes;    // lines that are not JSON, then the connection is closed
	uint32_t idle_ms;      // without a byte in either direction
	uint32_t partial_ms;   // from the first byte of a line to its last
	size_t memory_size;    // of all clients: input, messages, output, what they reconcile
	uint32_t n_handshakes; // TLS handshakes at a time
	uint32_t handshake_ms; // from accept to the end of one
};

struct rpc_limits rpc_server_limits(const struct rpc_server *s);
void rpc_server_set_limits(struct rpc_server *s, const struct rpc_limits *limits);

struct rpc_counters {
	uint64_t n_connections, n_requests, n_errors, n_strikes, n_notifications_ignored, n_refused;
	uint64_t n_forbidden;  // calls that the client's role does not allow
	uint64_t n_no_memory;  // messages and connections refused for memory_size
	uint64_t memory_bytes; // of memory_size, now
	uint64_t n_tls_accepted, n_tls_failed, n_tls_late,
	    n_tls_unknown; // handshakes: done; refused; timed out; done, but of nobody
};

struct rpc_counters rpc_server_counters(const struct rpc_server *s);
/*
 * Memory that a client makes the daemon keep beyond its request: 0 and charged, or ERR_BUSY. Root has a quarter of memory_size
 * for itself.
 */
MUST_CHECK
int rpc_memory_take(struct rpc_server *s, const struct role *role, size_t size, struct err *err);
void rpc_memory_give(struct rpc_server *s, size_t size);
