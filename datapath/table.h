/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A rule table: prioritised rules behind one interface, compiled to the cheapest structure that fits.
 *
 * Structures (table_ops.h): "exact" (all rules share one mask: one hash probe), "lpm" (one prefix field, the others
 * exact: a multibit trie, quickest when priority grows with prefix length), "tuple" (a hash per mask, masks ordered by
 * highest priority so that the search stops early). Rules that match any packet fit everywhere. table_compile chooses at
 * the end of a transaction and may rebuild; between rebuilds rules are added and unlinked in place while workers
 * look up. A rule that the structure cannot hold moves the table to tuples at once.
 *
 * Winner: highest priority; among equals the smallest rule id, so that every structure and the reference agree.
 *
 * Versions: a look-up sees the rules with add_version <= version < del_version. A transaction at version v+1 adds
 * rules and sets del_version on others, both = v+1, then publishes dp->version: atomic without copying tables.
 * After a grace period the dead are unlinked by table_del; after another, freed.
 *
 * Threads: table_lookup on workers (RCU read side) and control; the rest on control. Memory: the table does not
 * own rules.
 */
#include "datapath/base/flow_key.h"
#include "datapath/rule.h"

struct table;

struct table *table_create(void);    // NULL when out of memory
void table_destroy(struct table *t); // no worker can reach it; accepts NULL
/* Links a rule. 0 or -ENOMEM (then nothing changed). The same match and priority may be in it many times. */
MUST_CHECK
int table_add(struct table *t, struct rule *rule);
void table_del(struct table *t, struct rule *rule);
/*
 * Chooses the structure for the linked rules; rebuilds when the choice changes and enough rules did to pay for it.
 * 0 or -ENOMEM (then all works as before).
 */
MUST_CHECK
int table_compile(struct table *t);

/* NULL: miss. */
const struct rule *table_lookup(const struct table *t, const struct flow_key *k, uint64_t version);

/* Union of the masks of all linked rules (for the session mask). */
void table_mask_union(const struct table *t, struct flow_key *ret);
size_t table_n_rules(const struct table *t);
size_t table_n_masks(const struct table *t);
size_t table_memory(const struct table *t); // bytes, rules not included
const char *table_structure(const struct table *t);
/* Control: visits linked rules by falling priority (rising id among equals) until cb returns false. */
void table_foreach(const struct table *t, bool (*cb)(const struct rule *r, void *arg), void *arg);
/* The alive rule of exactly this match and priority, or NULL. */
struct rule *table_find_strict(
    const struct table *t, const struct flow_match *m, uint16_t priority);
