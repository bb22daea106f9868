/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The CLI's end of the JSON-RPC socket: one request, one reply, a deadline on everything.
 *
 * Threads: one. Memory: results are new references; connection is owned by struct cli.
 */
#include "tools/cli/command.h"

/* Returns enum cli_exit. On failure *err is filled and *ret_errors is error.data.errors (a new reference) or NULL. */
MUST_CHECK
int rpc_client_call(struct cli *cli, const char *method, json_t *params, json_t **ret_result,
    struct err *err, json_t **ret_errors);
/* Waits for the next notification: a new reference, NULL when the connection ended (err filled). timeout_ms < 0: for ever. */
json_t *rpc_client_next(struct cli *cli, int timeout_ms, struct err *err);
void rpc_client_close(struct cli *cli);
/* An error object of the wire → struct err. */
void rpc_error_decode(json_t *error, struct err *ret);
