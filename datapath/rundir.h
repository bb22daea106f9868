/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The run-time directory: made with mode 0750, and held by one switch at a time through a locked pid file.
 *
 * Threads: main. Memory: the returned descriptor holds the lock.
 */
#include "datapath/base/err.h"

/* Makes and locks path. Returns the lock's descriptor, or -errno with err (-EBUSY: another switch runs there). */
MUST_CHECK
int rundir_lock(const char *path, struct err *err);
/* Removes the pid file and gives the directory free. */
void rundir_unlock(const char *path, int lock_fd);
