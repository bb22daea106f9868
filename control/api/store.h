/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The desired state: objects by table and name, one generation, in memory; journal.h makes it durable.
 * Objects are immutable once in: a change replaces them.
 *
 * Threads: sluiced's loop. Memory: the store owns objects and their JSON.
 */
#include "control/api/schema.h"
#include "datapath/base/hmap.h"

struct api_object {
	struct hmap_node node; // in its table, by name
	enum api_table table;
	char name[65];
	char owner[65];
	uint64_t generation; // of its last change
	json_t *data;        // normalised, without name
	uint32_t n_refs;     // of the store, history and plans
};

/* One object's change in a transaction. old NULL: created; new NULL: deleted. */
struct api_change {
	enum api_table table;
	const char *name;
	const struct api_object *old_object;
	const struct api_object *new_object;
	uint32_t op; // index in the transaction, for error paths
};

/* With one reference; takes data. */
struct api_object *api_object_create(
    enum api_table table, const char *name, const char *owner, uint64_t generation, json_t *data);
struct api_object *api_object_ref(const struct api_object *o);
void api_object_unref(struct api_object *o); // NULL is allowed

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
