/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The desired state: objects by table and name, one generation, in memory; txn_log.h makes it durable.
 * Objects are immutable once in: a change replaces them.
 *
 * Threads: sluiced's loop. Memory: the store has a reference to each object.
 */
#include "control/api/object.h"

/* One object's change in a transaction. old NULL: created; new NULL: deleted. */
struct api_change {
	enum api_table table;
	const char *name;
	const struct api_object *old_object;
	const struct api_object *new_object;
	uint32_t op; // index in the transaction, for error paths
};

struct store;

struct store *store_create(void);
void store_destroy(struct store *s);
uint64_t store_generation(const struct store *s);
const struct api_object *store_find(const struct store *s, enum api_table table, const char *name);
size_t store_count(const struct store *s, enum api_table table);
/* Visits a table in unspecified order until cb returns false. */
void store_foreach(const struct store *s, enum api_table table,
    bool (*cb)(const struct api_object *o, void *arg), void *arg);
/* A table by name; borrowed until the next commit. */
const struct api_object *const *store_sorted(
    const struct store *s, enum api_table table, size_t *ret_n);
/* Makes the changes the new state: takes a reference of each new object, drops the old ones. */
void store_commit(struct store *s, const struct api_change *changes, size_t n, uint64_t generation);
