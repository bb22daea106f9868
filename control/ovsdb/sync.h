/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Keeps the objects of owner "ovsdb" in the API's store equal to what the rows want. A run reads all rows, submits the difference as one
 * transaction, and leaves out what is refused until the rest is in; it depends on nothing but rows and store, so that it may be
 * repeated at any time. What is refused keeps what it had before.
 *
 * Threads: sluiced's loop. Memory: sync_create allocates; sync_destroy frees, after the transaction engine.
 */
#include "control/daemon.h"
#include "control/ovsdb/wants.h"

enum { SYNC_RETRY_MS = 1000 }; // after the switch did not answer

struct sync;

/* done: a run has ended; everything wanted is the state, or has an error. */
struct sync *sync_create(
    struct daemon *d, const struct wants_source *source, void (*done)(void *arg), void *arg);
void sync_stop(struct sync *s); // no run begins any more
void sync_destroy(struct sync *s);
/*
 * Rows or store have changed: a run, when no transaction is on its way. retries: with what was refused and has not changed; else that stays
 * refused.
 */
void sync_request(struct sync *s, bool retries);
/* The transaction that is on its way is a run's. */
bool sync_is_running(const struct sync *s);
/* Of the last run that has ended, or the one that is on its way. */
const struct wants *sync_wants(const struct sync *s);
/* next_cfg of the last run that has ended. */
int64_t sync_cfg(const struct sync *s);
/* Whether something was refused: worth another run from time to time. */
bool sync_has_refusals(const struct sync *s);
/* [{object, why}]: what could not be made, changed or deleted. */
json_t *sync_refusals_to_json(const struct sync *s);
