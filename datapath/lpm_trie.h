/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A trie of prefixes, each with the chain of rules that hangs there. Private to table_lpm.c.
 *
 * Strides of six bits; levels where nothing branches are left out. A node of depth d holds the prefixes of length d..d+5
 * in heap order (position 1 is length d; the children of position i are 2i and 2i+1) and the children for its 64 values,
 * both as a bitmap and a packed array: a pointer for each thing that is there. A lone prefix costs one node of 56 bytes.
 *
 * Because levels are left out, a prefix on the key's way may differ from the key: each is compared in full, longest
 * first.
 *
 * Nodes never change but for what their pointers point to: a new node is made, published in its parent, and the old
 * one freed after a grace period.
 *
 * Threads: lpm_trie_lookup on workers (RCU read side) and control; the rest on control. Memory: owns its nodes, not rules.
 */
#include "datapath/rcu.h"
#include "datapath/rule.h"

typedef unsigned __int128 lpm_bits; // an address, left-aligned

enum { LPM_MAX_BITS = 128 };

struct lpm_node;

struct lpm_trie {
	RCU_PTR(struct lpm_node) root; // NULL: empty
};

/* A prefix and its place in a trie. */
struct lpm_place {
	lpm_bits bits;
	uint8_t depth;    // of its node
	uint8_t position; // in its node
};

/* What the tries of a body share. */
struct lpm_nodes {
	size_t n_bytes;
	bool published; // workers may be in the tries: free after a grace period
};

struct lpm_place lpm_place(lpm_bits bits, unsigned int len);
/*
 * The winner among the visible rules that match k, whose address is bits. ordered: priority rises with length, so
 * the longest wins.
 */
const struct rule *lpm_trie_lookup(const struct lpm_trie *t, lpm_bits bits,
    const struct flow_key *k, uint64_t version, bool ordered);
/* Where the prefix's chain hangs, or NULL. */
struct rule **lpm_trie_find(const struct lpm_trie *t, const struct lpm_place *at);
/* Precondition: nothing hangs there. 0 or -ENOMEM. */
MUST_CHECK
int lpm_trie_add(
    struct lpm_trie *t, struct lpm_nodes *nodes, const struct lpm_place *at, struct rule *head);
/* Precondition: a chain hangs there. Cannot fail: without memory only the node stays larger than it need be. */
void lpm_trie_del(struct lpm_trie *t, struct lpm_nodes *nodes, const struct lpm_place *at);
/* False when cb ended the visit. */
bool lpm_trie_foreach(
    const struct lpm_trie *t, bool (*cb)(struct rule *head, void *arg), void *arg);
/* Frees at once: no worker can be in it. */
void lpm_trie_fini(struct lpm_trie *t);
