/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What txn_build.c (ops become pending objects) and txn_refs.c (what they refer to, and whose it is) share.
 *
 * Threads: sluiced's loop. Memory: a build lives on txn_build's stack.
 */
#include "control/api/txn_build.h"
#include "datapath/base/hash.h"

/* An object that ops of this transaction have touched: as stored, and as it is going to be. */
struct pending {
	struct hmap_node node; // by table and name
	enum api_table table;
	const char *name; // the op's, or the stored object's
	const struct api_object *stored;
	struct api_object *now; // a reference; NULL: deleted, or never there
	uint32_t op;            // last that touched it
};

struct build {
	const struct store *store;
	const struct txn_rules *rules;
	struct txn_errors *errs;
	struct pending *pending; // room for one per op
	size_t n;
	struct hmap by_name;
	struct hash_key key;
};

/* txn_build.c: NULL when no op touches it. */
const struct pending *build_find(const struct build *b, enum api_table table, const char *name);

/* txn_refs.c */
/* Whether the transaction may touch the object as it is now. *err has its path and object already. */
MUST_CHECK
int build_check_owner(const struct build *b, const struct pending *p, struct err *err);
/* All references of what changed, and all references to what is deleted; faults go to b->errs. */
void build_check_references(struct build *b);
