/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Subscriptions to changes. The history is every subscriber's queue: each has a place in it and is sent what follows as
 * fast as it reads; one that falls out of the history gets watch.lost and is cancelled. A commit never waits for a reader.
 *
 * A watch that starts without since, or with one that is too old, first gets all objects, as events with snapshot true.
 * Changes of one generation may take several events; all but the last have more true.
 *
 * Threads: sluiced's loop. Memory: watch_create allocates; watch_destroy frees.
 */
#include "control/api/rpc.h"

enum {
	WATCH_MAX_SUBS = 256,
	WATCH_MAX_PER_CONNECTION = 16,
	WATCH_MAX_SNAPSHOTS = 4, // that are being sent at the same time
	WATCH_CHANGES_PER_EVENT = 500,
};

struct watch;

struct watch *watch_create(struct daemon *d);
void watch_destroy(struct watch *w);
/* The history has grown: tell whoever watches, from the loop. */
void watch_wake(struct watch *w);
/*
 * What happens rather than is: watched under these words as if they were tables, but only when named, without history
 * and snapshot, and lost by a reader that has no room at that moment. A filter's members are compared with the port's
 * name ("name") and the object's members.
 */
enum watch_live { WATCH_PORT_STATE, WATCH_PUNT, WATCH_LIVE__COUNT };

bool watch_wants(const struct watch *w, enum watch_live kind); // somebody watches it
void watch_live(
    struct watch *w, enum watch_live kind, const char *port, json_t *object); // takes object
/* A connection has gone: for rpc_server_on_close. */
void watch_on_close(uint64_t token, void *watch);
