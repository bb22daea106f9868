/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a journal asks of the system, with faults on demand.
 *
 * Threads: one. Memory: static.
 */
#include "ovsdb-lite/journal.h"

/* The call that fails, counted down. 0: none. */
extern int fail_write, fail_sync, fail_truncate, fail_rename, fail_sync_dir;
extern size_t write_at_most; // bytes of one call

extern const struct ovsdb_journal_io faulty;

void faulty_io_reset(void); // no faults
