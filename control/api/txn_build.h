/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A transaction's ops become changes: decoded, checked against the schema, owners and references, and folded to one change
 * per object. All faults are found, not the first; nothing is changed.
 *
 * Threads: sluiced's loop. Memory: a change set holds references to the objects it speaks of until change_set_fini.
 */
#include "control/api/json_raw.h"
#include "control/api/store.h"

enum {
	TXN_MAX_OPS = 100000,
	TXN_MAX_ERRORS = 32, // reported; all are counted
	UNSAFE_MIN_ROWS =
	    10, // a transaction may delete so many rows of a table without force, or half of it
};

struct txn_errors {
	struct err first;
	json_t *list; // error objects of JSON-RPC, at most TXN_MAX_ERRORS
	size_t n;
};

struct change_set {
	struct api_change *changes;
	size_t n;
};

struct txn_rules {
	const char *owner; // NULL: the daemon itself, which may change what is anybody's
	bool force;
	bool any_owner; // deletes what is anybody's
	bool own_only;  // refers to objects of owner only, and to nothing of the host
};

/* Values, or the texts that they are made of. */
struct txn_ops {
	json_t *list; // NULL: raw
	struct json_raw raw;
};

size_t txn_ops_count(const struct txn_ops *ops);
void txn_ops_fini(struct txn_ops *ops);
/* What makes two requests the same. */
uint64_t txn_ops_digest(const struct txn_ops *ops, const char *owner);

/* 0, or -EINVAL with *errs filled. *ret is to be finished either way. */
MUST_CHECK
int txn_build(const struct store *s, const struct txn_rules *rules, const struct txn_ops *ops,
    struct change_set *ret, struct txn_errors *errs);
/* path of err: relative to the object of the op. */
void txn_errors_add_object(struct txn_errors *errs, struct err *err, uint32_t op);
void txn_errors_add(struct txn_errors *errs, const struct err *err, int64_t op);
void txn_errors_fini(struct txn_errors *errs);

void change_set_init(struct change_set *set, size_t max);
/* Adds a change; takes a reference to each object. */
void change_set_add(struct change_set *set, const struct api_object *old,
    const struct api_object *new, uint32_t op);
/* The changes that undo set; new objects get generation. */
void change_set_invert(const struct change_set *set, uint64_t generation, struct change_set *ret);
void change_set_fini(struct change_set *set);
/* {created: [{table, name}], updated: […], deleted: […]}, each of at most max names, with counts. */
json_t *change_set_summary(const struct change_set *set, size_t max);
