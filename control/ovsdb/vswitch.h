/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The database Open_vSwitch in sluiced: served to OVSDB clients, and a second way to the same switch as the JSON-RPC API. Rows are desired
 * state; they become objects of owner "ovsdb" in the API's store (sync.h), whose objects of other owners appear as rows (shown.h); what the
 * switch says of them is written back (status.h). cur_cfg follows next_cfg when the workers have what the rows want.
 *
 * Threads: sluiced's loop. Memory: vswitch_create allocates; vswitch_destroy frees, after the transaction engine and the dp client.
 */
#include <jansson.h>

#include "control/daemon.h"
#include "datapath/base/err.h"
#include "datapath/dp_proto.h"

struct vswitch;

enum { VSWITCH_MAX_REMOTES = 16 };

struct vswitch_options {
	const char *state; // directory of the database's file
	const char *remotes
	    [VSWITCH_MAX_REMOTES]; // beside those of Manager rows; none: punix:RUNDIR/db.sock
	size_t n_remotes;
};

struct vswitch *vswitch_create(
    struct daemon *d, const struct vswitch_options *options, struct err *err);
/* Nobody is served any more, and nothing begins: before the transaction engine is destroyed. */
void vswitch_stop(struct vswitch *v);
void vswitch_destroy(struct vswitch *v);
/* Once the switch's socket is being watched: clients are served from now on. */
void vswitch_start(struct vswitch *v);

/* What sluiced hears. NULL is allowed: then nobody serves the database. */
void vswitch_on_commit(struct vswitch *v); // the API's state has changed
void vswitch_on_switch(struct vswitch *v, bool is_connected);
void vswitch_on_port(struct vswitch *v);
/* What the row of SSL says, for other connections of the switch. NULL: nothing. */
struct ssl_ctx_st *vswitch_tls(const struct vswitch *v);
/* For sys.health: {ok, database, refused, bytes}. */
json_t *vswitch_to_json(const struct vswitch *v);
