/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What txn_build.c (ops become pending objects) and txn_refs.c (what they refer to, and whose it is) share.
 *
 * Threads: sluiced's loop. Memory: a build lives on txn_build's stack.
 */
#include "control/api/schema_text.h"
#include "control/api/txn_build.h"
#include "datapath/base/hash.h"
#include "datapath/base/json_util.h"

/* An object that ops of this transaction have touched: as stored, and as it is going to be. */
struct pending {
	struct hmap_node node; // by table and name
	enum api_table table;
	const char *name;         // of an op's value, the stored object, or named
	struct api_object *named; // a reference, or NULL
	const struct api_object *stored;
	struct api_object *now; // a reference; NULL: deleted, or never there
	uint32_t op;            // last that touched it
};

/* What an object refers to. */
struct api_target {
	enum api_table table;
	char name[65]; // "": none
};

struct build {
	const struct store *store;
	const struct txn_rules *rules;
	struct txn_errors *errs;
	struct pending *pending; // room for one per op
	size_t n;
	struct hmap by_name;
	struct hash_key key;
	json_t *values;         // of ops that were texts: names are borrowed from them
	struct buf_writer text; // of an object in the making
	struct schema_text_hints hints;
	struct api_target target; // the last that was referred to, and is there
};

/* A name to look for. */
struct build_name {
	enum api_table table;
	const char *text;
	uint64_t hash;
};

/* txn_build.c: NULL when no op touches it. */
const struct pending *build_find(const struct build *b, enum api_table table, const char *name);
struct build_name build_name(const struct build *b, enum api_table table, const char *text);
struct pending *build_find_pending(const struct build *b, const struct build_name *name);
/* name stays; stored: NULL when there is none. */
struct pending *build_add_pending(
    struct build *b, const struct build_name *name, const struct api_object *stored);

/* txn_text.c: runs an op. False: it is not for here, nothing has changed. */
bool build_text_op(struct build *b, struct json_span text, uint32_t index);

/* txn_refs.c */
/* Whether the transaction may touch the object as it is now. *err has its path and object already. */
MUST_CHECK
int build_check_owner(const struct build *b, const struct pending *p, struct err *err);
/* All references of what changed, and all references to what is deleted; faults go to b->errs. */
void build_check_references(struct build *b);
