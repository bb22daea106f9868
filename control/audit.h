/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who changed what: one log line per write, also for those that were refused.
 *
 * Threads: sluiced's loop. Memory: none.
 */
#include <stddef.h>
#include <stdint.h>

#include "datapath/base/err.h"

struct audit {
	const char *client; // "uid 0 pid 12 (admin)", or the part of the daemon that did it
	const char *owner, *txn_id;
	size_t n_changes;
};

/* err NULL: done, as this generation. */
void audit_write(const struct audit *a, uint64_t generation, const struct err *err);
/* A write that is no transaction (fdb.flush, sys.log_level): what it was, and of whom. */
void audit_call(const char *client, const char *method, const char *what);
/* A write that the client's role does not allow. */
void audit_forbidden(const char *client, const char *method);
