/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The row of table Open_vSwitch: made when there is none, and what it says of host and switch.
 *
 * Threads: sluiced's loop. Memory: a plain value.
 */
#include "control/ovsdb/rows.h"

enum { HOST_ID_SIZE = 37 };

struct host {
	char system_id[HOST_ID_SIZE]; // of this host; made once, kept in the state directory
	char name[256];
	char type[64], version[64]; // of the operating system
};

MUST_CHECK
int host_init(struct host *h, const char *state_dir, struct err *err);
/* dpdk: the switch's; NULL: it was never connected. */
void host_write(const struct host *h, struct row_writer *w, const char *dpdk);
