/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The control socket that ovs-appctl talks to: JSON-RPC 1.0, method = command, params = its arguments, all texts. A connection has one
 * command at a time; its answer may come later.
 *
 * Threads: the loop's. Memory: create allocates; destroy frees, commands that are not answered included.
 */
#include <event2/event.h>

#include "datapath/base/err.h"

struct ovsdb_control;
struct ovsdb_control_call;

struct ovsdb_control_command {
	const char *name;
	const char *usage; // of its arguments
	int n_min, n_max;
	/* Answers, at once or later. argv[0] is the name. */
	void (*run)(void *arg, struct ovsdb_control_call *call, int argc, const char *const *argv);
};

/* commands ends with a row without name, and is borrowed, as path is. "list-commands" and "version" are there by themselves. */
struct ovsdb_control *ovsdb_control_create(struct event_base *base, const char *path,
    const struct ovsdb_control_command *commands, void *arg, struct err *err);
void ovsdb_control_destroy(struct ovsdb_control *c); // NULL is allowed
/* Each call is answered once. text NULL: nothing to say. */
void ovsdb_control_reply(struct ovsdb_control_call *call, const char *text);
void ovsdb_control_fail(struct ovsdb_control_call *call, const char *text);
