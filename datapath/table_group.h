/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The rules of one tuple that a relaxed mask cannot tell apart: the objects of a table_hash whose mask is coarser than
 * its rules'. A group holds the heads of chains (table_ops.h), in no order. A look-up sifts all of them by one word of
 * the key, four at a time, and matches what is left.
 *
 * Readers: an entry is written before the count that covers it and never changes, but for its head, which table.c
 * replaces and table_group_del clears. A full group is replaced by a larger one.
 *
 * Threads: table_group_lookup on workers (RCU read side) and control; the rest on control. Memory: a table_hash of groups
 * owns them: end it with table_group_hash_destroy. No group owns rules.
 */
#include "datapath/table_ops.h"

enum { GROUP_MAX = 64 }; // heads: more are better told apart by a finer mask

struct table_group {
	uint32_t n;        // ctl: wo, worker: ro. Entries, stored after the last of them
	uint32_t n_live;   // ctl: entries with a head
	uint16_t capacity; // a multiple of 4
	uint8_t n_words;   // of the relaxed mask
	uint8_t sift_word; // of the key
	/* Key and mask of every word of the relaxed mask, as table_hash.h wants them; then capacity each of heads, and of keys
	 * and masks of the sift word. */
	uint64_t words[];
};

/* The winner among best and the group's visible rules that match. */
const struct rule *table_group_lookup(const struct table_group *g, const struct flow_key *k,
    uint64_t version, const struct rule *best);
/* Where the chain of that match hangs, or NULL. */
struct rule **table_group_find(
    struct table_group *g, const struct table_mask *mask, const struct flow_key *key);
/* Precondition: no chain of head's match is there. 0, -ENOMEM, or -E2BIG when its group has GROUP_MAX. */
MUST_CHECK
int table_group_add(struct table_hash *h, const struct flow_key *key, struct rule *head);
/* Precondition: the chain is there. Cannot fail. */
void table_group_del(
    struct table_hash *h, const struct table_mask *mask, const struct flow_key *key);
struct rule **table_group_heads(struct table_group *g);
size_t table_group_memory(const struct table_group *g);
/* The hash and its groups, at once: for use after a grace period. */
void table_group_hash_destroy(void *hash);
