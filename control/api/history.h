/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The last changes, so that watchers can go on where they were and clients can ask what happened. Bounded in transactions
 * and in changes; empty after a restart.
 *
 * Threads: sluiced's loop. Memory: history_add takes the change set.
 */
#include "control/api/txn_build.h"

enum {
	HISTORY_MAX_SETS = 1024,
	HISTORY_MAX_CHANGES = 400000,
};

struct history_entry {
	uint64_t generation;
	struct change_set set;
};

struct history;

struct history *history_create(void);
void history_destroy(struct history *h);
void history_add(struct history *h, uint64_t generation, struct change_set *set); // takes set
/* Entries after generation since, oldest first: the i-th, NULL past the last. */
const struct history_entry *history_after(const struct history *h, uint64_t since, size_t i);
/* Whether all changes after since, up to now, are there. */
bool history_reaches(const struct history *h, uint64_t since, uint64_t now);
