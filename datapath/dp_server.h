/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The dp socket's server end and the switch's periodic duties on the control thread: ports are polled, punted packets
 * handed to the client, rules timed out, memory recycled. Forwarding needs none of it.
 *
 * One client programs the switch. A newer one takes over when it has said HELLO, not before.
 *
 * Threads: the loop's. Memory: dp_server_create allocates.
 */
#include "datapath/base/err.h"
#include "datapath/dp.h"
#include "datapath/evloop.h"

struct dp_server;

/* Listens at <rundir>/switch.sock. dp->state exists. 0 or -errno with err filled. */
MUST_CHECK
int dp_server_create(struct evloop *loop, struct dp *dp, struct dp_server **ret, struct err *err);
void dp_server_destroy(struct dp_server *s); // accepts NULL
