/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Flows whose time ran out leave the desired state too: a transaction of the daemon's own deletes them, between those of
 * clients, so that it is decided on the state as it then is. The switch has removed them already.
 *
 * Threads: sluiced's loop. Memory: at most EXPIRY_MAX_WAITING events; expiry_create allocates.
 */
#include <stddef.h>

#include "datapath/dp_proto.h"

enum { EXPIRY_MAX_WAITING = 1 << 20 };

struct daemon;
struct expiry;

struct expiry *expiry_create(struct daemon *d);
void expiry_destroy(struct expiry *x); // accepts NULL
/* Beyond the limit they are not noted: the switch remembers them, and repeats them when it is connected again. */
void expiry_add(struct expiry *x, const struct dp_removed_event *events, size_t n);
