/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/lpm_trie.h"

#include <errno.h>
#include <stdlib.h>

#include "datapath/table_ops.h"

enum {
	STRIDE = 6,
	MAX_LEVELS = LPM_MAX_BITS / STRIDE + 1,
};

struct lpm_node {
	lpm_bits prefix;     // its first depth bits; the rest is zero
	uint64_t child_map;  // by value
	uint64_t prefix_map; // by heap position; bit 0 is unused
	uint8_t depth;       // a multiple of STRIDE
	void
	    *p[]; // ctl: wo (rcu), worker: ro. Children, then chains; NULL: gone for lack of memory
};

/* A node being made: unpacked, entries valid where their map has a bit. */
struct draft {
	lpm_bits prefix;
	uint64_t child_map, prefix_map;
	uint8_t depth;
	struct lpm_node *children[64];
	struct rule *chains[64];
};

static const struct rule *weigh_node(const struct lpm_node *node, uint64_t hits,
    const struct flow_key *k, uint64_t version, bool ordered);
static bool visit(const struct lpm_node *node, bool (*cb)(struct rule *head, void *arg), void *arg);
static void trie_free(struct lpm_node *node);
static struct lpm_node *leaf_create(
    struct lpm_nodes *nodes, const struct lpm_place *at, struct rule *head);
static void draft_init(struct draft *d, lpm_bits prefix, unsigned int depth);
static void draft_from(struct draft *d, const struct lpm_node *node);
static void draft_set_child(struct draft *d, struct lpm_node *child, unsigned int chunk);
static void draft_set_chain(struct draft *d, unsigned int position, struct rule *head);
static struct lpm_node *draft_pack(struct lpm_nodes *nodes, const struct draft *d);
static int draft_reduce(struct lpm_nodes *nodes, const struct draft *d, struct lpm_node **ret);
static unsigned int chunk_of(lpm_bits bits, unsigned int depth);
static lpm_bits bits_head(lpm_bits bits, unsigned int n);
static unsigned int first_difference(lpm_bits a, lpm_bits b);
static uint64_t heap_path(unsigned int chunk);
static struct lpm_node **child_slot(const struct lpm_node *node, unsigned int chunk);
static struct rule **chain_slot(const struct lpm_node *node, unsigned int position);
static void retire(struct lpm_nodes *nodes, struct lpm_node *node);

struct lpm_place lpm_place(lpm_bits bits, unsigned int len)
{
	unsigned int depth = len / STRIDE * STRIDE;

	return (struct lpm_place){
	    .bits = bits,
	    .depth = (uint8_t)depth,
	    .position = (uint8_t)((64 | chunk_of(bits, depth)) >> (STRIDE - (len - depth))),
	};
}

const struct rule *lpm_trie_lookup(const struct lpm_trie *t, lpm_bits bits,
    const struct flow_key *k, uint64_t version, bool ordered)
{
	const struct lpm_node *node = rcu_get(t->root);
	const struct lpm_node *nodes[MAX_LEVELS];
	uint64_t hits[MAX_LEVELS];
	const struct rule *best = NULL;
	unsigned int n = 0;

	while (node != NULL) {
		unsigned int chunk = chunk_of(bits, node->depth);
		nodes[n] = node;
		hits[n] = node->prefix_map & heap_path(chunk);
		n += hits[n] != 0;
		if ((node->child_map >> chunk & 1) == 0)
			break;
		node = rcu_get(*child_slot(node, chunk));
	}
	while (n-- > 0) {
		best = table_winner(best, weigh_node(nodes[n], hits[n], k, version, ordered));
		if (best != NULL && ordered)
			break;
	}
	return best;
}

struct rule **lpm_trie_find(const struct lpm_trie *t, const struct lpm_place *at)
{
	const struct lpm_node *node = t->root;

	while (node != NULL && node->depth < at->depth) {
		unsigned int chunk = chunk_of(at->bits, node->depth);
		if ((node->child_map >> chunk & 1) == 0)
			return NULL;
		node = *child_slot(node, chunk);
	}
	if (node == NULL || node->depth != at->depth ||
	    node->prefix != bits_head(at->bits, at->depth))
		return NULL;
	if ((node->prefix_map >> at->position & 1) == 0)
		return NULL;
	struct rule **slot = chain_slot(node, at->position);
	return *slot != NULL ? slot : NULL;
}

int lpm_trie_add(
    struct lpm_trie *t, struct lpm_nodes *nodes, const struct lpm_place *at, struct rule *head)
{
	struct lpm_node **slot = &t->root, *node = t->root, *leaf = NULL;
	unsigned int common = 0;
	struct draft d;

	for (; node != NULL;
	     slot = child_slot(node, chunk_of(at->bits, node->depth)), node = *slot) {
		common = MIN_OF(
		    first_difference(node->prefix, at->bits), MIN_OF(node->depth, at->depth));
		if (common < node->depth || node->depth == at->depth)
			break;
		if ((node->child_map >> chunk_of(at->bits, node->depth) & 1) == 0)
			break;
	}
	bool replaces = node != NULL && common == node->depth;
	if (replaces)
		draft_from(&d, node);
	else
		draft_init(&d, at->bits, node != NULL ? common / STRIDE * STRIDE : at->depth);
	if (!replaces && node != NULL)
		draft_set_child(&d, node, chunk_of(node->prefix, d.depth));
	if (d.depth == at->depth) {
		draft_set_chain(&d, at->position, head);
	} else {
		leaf = leaf_create(nodes, at, head);
		if (leaf == NULL)
			return -ENOMEM;
		draft_set_child(&d, leaf, chunk_of(at->bits, d.depth));
	}
	struct lpm_node *made = draft_pack(nodes, &d);
	if (made == NULL) {
		if (leaf != NULL)
			retire(nodes, leaf);
		return -ENOMEM;
	}
	rcu_publish(*slot, made);
	if (replaces)
		retire(nodes, node);
	return 0;
}

void lpm_trie_del(struct lpm_trie *t, struct lpm_nodes *nodes, const struct lpm_place *at)
{
	struct lpm_node **path[MAX_LEVELS], *made;
	unsigned int n = 0;
	struct draft d;

	for (path[0] = &t->root; (*path[n])->depth < at->depth; n++)
		path[n + 1] = child_slot(*path[n], chunk_of(at->bits, (*path[n])->depth));
	// First of all unlinked: should memory be short below, the node stays as it is.
	rcu_publish(*chain_slot(*path[n], at->position), NULL);
	do {
		struct lpm_node *node = *path[n];
		draft_from(&d, node);
		if (draft_reduce(nodes, &d, &made) != 0)
			return;
		rcu_publish(*path[n], made);
		retire(nodes, node);
	} while (made == NULL && n-- > 0);
}

bool lpm_trie_foreach(const struct lpm_trie *t, bool (*cb)(struct rule *head, void *arg), void *arg)
{
	return visit(t->root, cb, arg);
}

void lpm_trie_fini(struct lpm_trie *t)
{
	trie_free(t->root);
	t->root = NULL;
}

/* The winner among the prefixes of one node that lie on the key's path, longest first. */
static const struct rule *weigh_node(const struct lpm_node *node, uint64_t hits,
    const struct flow_key *k, uint64_t version, bool ordered)
{
	const struct rule *best = NULL;

	while (hits != 0 && (best == NULL || !ordered)) {
		unsigned int position = 63 - (unsigned int)__builtin_clzll(hits);
		hits ^= UINT64_C(1) << position;
		const struct rule *r = rcu_get(*chain_slot(node, position));
		if (r != NULL && rule_matches(r, k))
			best = table_winner(best, table_chain_visible(r, version));
	}
	return best;
}

static bool visit(const struct lpm_node *node, bool (*cb)(struct rule *head, void *arg), void *arg)
{
	struct draft d;

	if (node == NULL)
		return true;
	draft_from(&d, node);
	for (uint64_t map = d.prefix_map; map != 0; map &= map - 1)
		if (!cb(d.chains[__builtin_ctzll(map)], arg))
			return false;
	for (uint64_t map = d.child_map; map != 0; map &= map - 1)
		if (!visit(d.children[__builtin_ctzll(map)], cb, arg))
			return false;
	return true;
}

static void trie_free(struct lpm_node *node)
{
	if (node == NULL)
		return;
	for (int i = 0; i < __builtin_popcountll(node->child_map); i++)
		trie_free(node->p[i]);
	free(node);
}

static struct lpm_node *leaf_create(
    struct lpm_nodes *nodes, const struct lpm_place *at, struct rule *head)
{
	struct draft d;

	draft_init(&d, at->bits, at->depth);
	draft_set_chain(&d, at->position, head);
	return draft_pack(nodes, &d);
}

static void draft_init(struct draft *d, lpm_bits prefix, unsigned int depth)
{
	d->prefix = bits_head(prefix, depth);
	d->depth = (uint8_t)depth;
	d->child_map = d->prefix_map = 0;
}

/* Leaves out what is gone. */
static void draft_from(struct draft *d, const struct lpm_node *node)
{
	void *const *p = node->p;

	draft_init(d, node->prefix, node->depth);
	for (uint64_t map = node->child_map; map != 0; map &= map - 1, p++)
		if (*p != NULL)
			draft_set_child(d, *p, (unsigned int)__builtin_ctzll(map));
	for (uint64_t map = node->prefix_map; map != 0; map &= map - 1, p++)
		if (*p != NULL)
			draft_set_chain(d, (unsigned int)__builtin_ctzll(map), *p);
}

static void draft_set_child(struct draft *d, struct lpm_node *child, unsigned int chunk)
{
	d->children[chunk] = child;
	d->child_map |= UINT64_C(1) << chunk;
}

static void draft_set_chain(struct draft *d, unsigned int position, struct rule *head)
{
	d->chains[position] = head;
	d->prefix_map |= UINT64_C(1) << position;
}

static size_t node_size(const struct lpm_node *node)
{
	int n = __builtin_popcountll(node->child_map) + __builtin_popcountll(node->prefix_map);

	return offsetof(struct lpm_node, p) + (size_t)n * sizeof(node->p[0]);
}

/* NULL when out of memory. */
static struct lpm_node *draft_pack(struct lpm_nodes *nodes, const struct draft *d)
{
	struct lpm_node head = {
	    .prefix = d->prefix,
	    .child_map = d->child_map,
	    .prefix_map = d->prefix_map,
	    .depth = d->depth,
	};
	size_t size = MAX_OF(node_size(&head), sizeof(head));
	struct lpm_node *node = malloc(size);
	void **p;

	if (node == NULL)
		return NULL;
	*node = head;
	p = node->p;
	for (uint64_t map = d->child_map; map != 0; map &= map - 1)
		*p++ = d->children[__builtin_ctzll(map)];
	for (uint64_t map = d->prefix_map; map != 0; map &= map - 1)
		*p++ = d->chains[__builtin_ctzll(map)];
	nodes->n_bytes += node_size(node);
	return node;
}

/* What does for the draft: nothing (NULL), its only child, or a node. 0 or -ENOMEM. */
static int draft_reduce(struct lpm_nodes *nodes, const struct draft *d, struct lpm_node **ret)
{
	bool one_child = d->child_map != 0 && (d->child_map & (d->child_map - 1)) == 0;

	*ret = NULL;
	if (d->prefix_map == 0 && d->child_map == 0)
		return 0;
	if (d->prefix_map == 0 && one_child) {
		*ret = d->children[__builtin_ctzll(d->child_map)];
		return 0;
	}
	*ret = draft_pack(nodes, d);
	return *ret != NULL ? 0 : -ENOMEM;
}

/* The STRIDE bits from depth on; zeros follow the last bit. */
static unsigned int chunk_of(lpm_bits bits, unsigned int depth)
{
	return (unsigned int)((bits << depth) >> (LPM_MAX_BITS - STRIDE));
}

static lpm_bits bits_head(lpm_bits bits, unsigned int n)
{
	return n == 0 ? 0 : bits & (~(lpm_bits)0 << (LPM_MAX_BITS - n));
}

/* Number of leading bits that are equal. */
static unsigned int first_difference(lpm_bits a, lpm_bits b)
{
	uint64_t high = (uint64_t)((a ^ b) >> 64), low = (uint64_t)(a ^ b);

	if (high != 0)
		return (unsigned int)__builtin_clzll(high);
	return low != 0 ? 64 + (unsigned int)__builtin_clzll(low) : LPM_MAX_BITS;
}

/* Positions of the prefixes of length 0..5 that chunk begins with. */
static uint64_t heap_path(unsigned int chunk)
{
	uint64_t path = 0;

	for (unsigned int position = (64 | chunk) >> 1; position != 0; position >>= 1)
		path |= UINT64_C(1) << position;
	return path;
}

static struct lpm_node **child_slot(const struct lpm_node *node, unsigned int chunk)
{
	uint64_t below = node->child_map & ((UINT64_C(1) << chunk) - 1);

	return (struct lpm_node **)(void *)&((struct lpm_node *)node)
	    ->p[__builtin_popcountll(below)];
}

static struct rule **chain_slot(const struct lpm_node *node, unsigned int position)
{
	uint64_t below = node->prefix_map & ((UINT64_C(1) << position) - 1);
	int i = __builtin_popcountll(node->child_map) + __builtin_popcountll(below);

	return (struct rule **)(void *)&((struct lpm_node *)node)->p[i];
}

static void retire(struct lpm_nodes *nodes, struct lpm_node *node)
{
	nodes->n_bytes -= node_size(node);
	// A body that is being built has no readers: a bulk load leaves nothing to wait for.
	if (nodes->published)
		rcu_defer(free, node);
	else
		free(node);
}
