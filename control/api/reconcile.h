/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Full-state resync: a controller that does not know what the switch has states everything it wants, under an epoch that
 * only grows, and reconcile.end makes the difference one transaction. Nothing is touched before; end may be repeated.
 *
 * Threads: sluiced's loop. Memory: reconcile_create allocates; reconcile_destroy frees.
 */
#include "control/api/rpc.h"

enum {
	RECONCILE_MAX_OWNERS = 16,
	RECONCILE_MAX_OBJECTS = 1100000, // of one owner
	RECONCILE_EXPIRE_MS = 600000,    // without a call
};

struct reconcile;

struct reconcile *reconcile_create(void);
void reconcile_destroy(struct reconcile *r);
