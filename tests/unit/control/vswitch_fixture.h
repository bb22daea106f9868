/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The database Open_vSwitch of a daemon with the real API state, model and dp client, a switch that is fake_switch.h's, and a client on
 * db.sock. One loop runs all.
 *
 * Threads: one. Memory: vs_setup to vs_teardown.
 */
#include <jansson.h>

#include "control/daemon.h"
#include "control/ovsdb/vswitch.h"
#include "tests/unit/control/fake_switch.h"

struct vs {
	struct fake *fake;
	struct daemon d;
	char dir[32];
	int client;  // connected to db.sock
	char *input; // what it has received and not read
	size_t n_input;
	int next_id;
	json_t *last_update;    // params of the latest notification; NULL: none
	unsigned int n_commits; // of the API's state
};

int vs_setup(void **state);
int vs_teardown(void **state);
void vs_start(struct vs *vs); // the daemon, on the state directory as it is
void vs_stop(struct vs *vs);
void vs_run(struct vs *vs); // until nothing happens any more
/* Operations in single quotes, without the database's name. The results; new reference. */
json_t *vs_transact(struct vs *vs, const char *operations);
/* Any request; the whole reply. */
json_t *vs_request(struct vs *vs, const char *method, json_t *params); // takes params
/* As vs_transact, and cur_cfg follows. */
void vs_must(struct vs *vs, const char *operations);
/* A column of the row of that name, as JSON; new reference. NULL: there is no row. */
json_t *vs_get(struct vs *vs, const char *table, const char *name, const char *column);
void assert_column(
    struct vs *vs, const char *table, const char *name, const char *column, const char *json);
const struct api_object *vs_object(struct vs *vs, enum api_table table, const char *name);
/* The API commits ops (single quotes) for owner. */
void vs_api(struct vs *vs, const char *owner, const char *ops);
