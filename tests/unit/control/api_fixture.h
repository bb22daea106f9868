/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The API of a daemon on a socket of its own, and a client that speaks raw lines to it. One loop runs both.
 *
 * Threads: one. Memory: api_start to api_stop.
 */
#include <jansson.h>
#include <stdbool.h>

#include "control/api/rpc.h"
#include "control/daemon.h"
#include "tests/unit/control/fake_model.h"

struct api {
	struct daemon daemon;
	char dir[64]; // state and socket
	char socket[80];
	struct role_rules rules; // for the next api_start
};

/* setup and teardown of cmocka: *state is a struct api. */
int api_setup(void **state);
int api_teardown(void **state);
void api_start(struct api *api);
void api_stop(struct api *api); // the state directory stays

int api_connect(struct api *api);
/* A connection of a user with this role: "read", "owner:red", "operate", "admin". */
int api_connect_as(struct api *api, const char *role);
void api_send(struct api *api, int fd, const char *text); // as it is
/* One line without its end; NULL at the end of the connection or after a second. Caller frees. */
char *api_read_line(struct api *api, int fd);
/* Whether nothing comes for a while. */
bool api_is_silent(struct api *api, int fd);
void api_run(struct api *api); // the loop, until nothing is left to do
/* A request by name, and its whole reply. New reference. params is taken. */
json_t *api_call(struct api *api, int fd, const char *method, json_t *params);
/* The same with params in JSON text, with ' for ". */
json_t *api_callf(struct api *api, int fd, const char *method, const char *params);
/* txn.commit of ops (JSON with '), with a new txn_id and extra members. */
json_t *api_commit_as(
    struct api *api, int fd, const char *owner, const char *ops, const char *extra);
/* The same as owner "o"; the test fails when it is refused. */
void api_must(struct api *api, int fd, const char *ops);
uint64_t api_generation(struct api *api);
bool api_has(struct api *api, enum api_table table, const char *name);
int api_error_code(json_t *reply); // 0: none
/* A member of the reply by JSON pointer; NULL: none. */
json_t *api_at(json_t *reply, const char *pointer);
