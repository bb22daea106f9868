/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The workers as control sees them: made at start, given receive queues, ended at exit.
 *
 * Threads: the control thread of the switch. Memory: workers_create fills dp->workers; workers_destroy frees.
 */
#include "datapath/dp.h"

/* One worker per core of dp->options, with its tables; not running yet. 0 or -errno with err. */
MUST_CHECK
int workers_create(struct dp *dp, struct err *err);
/* Starts the threads. EAL is up with one lcore per worker (eal.h); RCU is initialised. */
MUST_CHECK
int workers_start(struct dp *dp, struct err *err);
/* Ends the threads and waits for them; drops what is in hand-off rings. */
void workers_stop(struct dp *dp);
void workers_destroy(struct dp *dp);
/*
 * Spreads the receive queues of all ports in dp->ports over the workers and wakes them. Call after every change
 * of dp->ports, once per transaction. 0 or -ENOMEM (then the old queues are still polled: free no port).
 */
MUST_CHECK
int workers_assign(struct dp *dp);
