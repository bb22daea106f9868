/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What changed since a point in time, each row once however often it changed: what a monitor has still to be told. All monitors that
 * were told everything at the same point share a set, and those of the same shape the text of its update.
 *
 * A reader that does not read costs references to the rows as it knows them, and never more.
 *
 * Threads: one. Memory: sets hold references to rows; a set lives until everybody has left it.
 */
#include "datapath/base/list.h"
#include "ovsdb-lite/change.h"

/* Bytes that several connections send. */
struct ovsdb_shared_text {
	uint32_t n_refs;
	size_t size;
	char data[];
};

struct ovsdb_shared_text *ovsdb_shared_text_create(const void *data, size_t size);
struct ovsdb_shared_text *ovsdb_shared_text_ref(struct ovsdb_shared_text *text);
void ovsdb_shared_text_unref(struct ovsdb_shared_text *text); // NULL is fine

/* A row's versions before and after, one of which may be NULL. What came and went is not there. */
struct ovsdb_net_change {
	struct ovsdb_table *table;
	struct ovsdb_row *old, *new;
};

struct ovsdb_change_set {
	struct list node; // in its sets; alone when made of history
	struct ovsdb_change_sets *sets;
	uint32_t n_refs;
	size_t n, capacity;
	struct ovsdb_net_change *array;
	uint32_t *slots; // by UUID: index + 1, 0: free; NULL while the set is small
	size_t n_slots;  // a power of two
	struct list texts;
};

struct ovsdb_change_sets {
	struct list list;
	struct ovsdb_change_set *newest; // with nothing in it, or NULL
};

void ovsdb_change_sets_init(struct ovsdb_change_sets *sets);
/* A transaction, into all that are open. */
void ovsdb_change_sets_add(struct ovsdb_change_sets *sets, const struct ovsdb_changes *changes);
/* A set that gets what comes from now on; a reference. */
struct ovsdb_change_set *ovsdb_change_sets_join(struct ovsdb_change_sets *sets);
/* One that gets nothing by itself. */
struct ovsdb_change_set *ovsdb_change_set_create(void);
void ovsdb_change_set_add(struct ovsdb_change_set *set, const struct ovsdb_changes *changes);
void ovsdb_change_set_leave(struct ovsdb_change_set *set); // NULL is fine
/* The update's text for monitors of the shape with this serial, borrowed; *found false: nobody has made it yet. NULL text: nothing to tell them. */
struct ovsdb_shared_text *ovsdb_change_set_find_text(
    const struct ovsdb_change_set *set, uint64_t shape, bool *found);
/* Takes a reference to text, which may be NULL. */
void ovsdb_change_set_keep_text(
    struct ovsdb_change_set *set, uint64_t shape, struct ovsdb_shared_text *text);
