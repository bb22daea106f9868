/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/program_cache.h"

#include <stdlib.h>
#include <string.h>

#include "datapath/worker.h"

/*
 * The arena is cut into blocks of powers of two. A freed block stays in its class: outcomes of one rule set are of few
 * sizes, so classes find their level and nothing is merged.
 */
enum { BYTES_PER_CHAIN = 512 };
static_assert(sizeof(struct program) + PROG_MAX_SIZE + 4 * PROG_MAX_RULES <=
	      PROGRAM_UNIT << (PROGRAM_CLASSES - 1));

static uint32_t program_hash(const struct program_cache *c, const struct program *p);
static bool program_equal(const struct program *a, const struct program *b);
static unsigned int block_class(const struct program *p);
static struct program *block_alloc(struct program_cache *c, unsigned int class);
static bool append(struct program_builder *b, const struct prog_op *op);

struct program_cache *program_cache_create(size_t arena_size, const struct hash_key *secret)
{
	struct program_cache *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	size_t n_chains = 16;
	while (n_chains * BYTES_PER_CHAIN < arena_size)
		n_chains *= 2;
	c->secret = *secret;
	c->chain_mask = (uint32_t)n_chains - 1;
	c->arena_size = arena_size;
	c->arena = aligned_alloc(64, ROUND_UP(arena_size, 64));
	c->chains = calloc(n_chains, sizeof(struct program *));
	if (c->arena == NULL || c->chains == NULL) {
		program_cache_destroy(c);
		return NULL;
	}
	return c;
}

void program_cache_destroy(struct program_cache *c)
{
	if (c == NULL)
		return;
	free(c->arena);
	free(c->chains);
	free(c);
}

struct program *program_intern(struct program_cache *c, const struct program *prog)
{
	if (c->last != NULL && program_equal(c->last, prog)) {
		c->last->n_refs++;
		return c->last;
	}
	uint32_t hash = program_hash(c, prog);
	struct program **chain = &c->chains[hash & c->chain_mask];
	for (struct program *p = *chain; p != NULL; p = p->next) {
		if (p->hash == hash && program_equal(p, prog)) {
			p->n_refs++;
			c->last = p;
			return p;
		}
	}
	struct program *p = block_alloc(c, block_class(prog));
	if (p == NULL)
		return NULL;
	memcpy(p, prog, sizeof(*p) + prog->size);
	p->rules = (uint32_t *)(void *)((uint8_t *)p->ops + p->size);
	memcpy(p->rules, prog->rules, prog->n_rules * sizeof(*p->rules));
	p->n_refs = 1;
	p->hash = hash;
	p->next = *chain;
	*chain = p;
	c->n_programs++;
	c->last = p;
	return p;
}

void program_unref(struct program_cache *c, struct program *prog)
{
	assert(prog->n_refs > 0);
	if (--prog->n_refs > 0)
		return;
	struct program **link = &c->chains[prog->hash & c->chain_mask];
	while (*link != prog)
		link = &(*link)->next;
	*link = prog->next;
	if (c->last == prog)
		c->last = NULL;
	unsigned int class = block_class(prog);
	prog->next = c->free[class];
	c->free[class] = prog;
	c->n_programs--;
}

uint32_t program_cache_count(const struct program_cache *c)
{
	return c->n_programs;
}

void program_count(struct worker *w, const struct program *prog, uint64_t n_packets,
    uint64_t n_bytes, uint64_t used_ms)
{
	for (unsigned int i = 0; i < prog->n_rules; i++) {
		struct rule_counters *r = worker_rule_counters(w, prog->rules[i]);
		r->n_packets += n_packets;
		r->n_bytes += n_bytes;
		r->used_ms = MAX_OF(r->used_ms, used_ms);
	}
}

int program_builder_init(struct program_builder *b)
{
	b->prog = calloc(1, sizeof(struct program) + PROG_MAX_SIZE);
	return b->prog == NULL ? -ENOMEM : 0;
}

void program_builder_fini(struct program_builder *b)
{
	free(b->prog);
}

void program_begin(struct program_builder *b)
{
	memset(b->prog, 0, sizeof(*b->prog));
	b->prog->rules = b->rules;
	b->prog->cacheable = 1;
	b->prologue_size = b->last_output = b->output_end = 0;
	b->full = false;
}

void program_append(struct program_builder *b, const struct prog_op *op)
{
	(void)append(b, op);
}

void program_append_output(struct program_builder *b, const struct prog_op *op)
{
	uint16_t at = b->prog->size;
	if (!append(b, op))
		return;
	b->last_output = at;
	b->output_end = b->prog->size;
	b->prog->n_outputs++;
}

void program_prepend(struct program_builder *b, const struct prog_op *op)
{
	uint8_t len = prog_op_size(op->type);
	if (b->prologue_size + len > PROLOGUE_MAX_SIZE) {
		b->full = true;
		return;
	}
	struct prog_op *dst = (struct prog_op *)(void *)(b->prologue + b->prologue_size);
	memcpy(dst, op, len);
	dst->len = len;
	b->prologue_size += len;
}

void program_add_rule(struct program_builder *b, uint32_t stats_idx)
{
	if (b->prog->n_rules == PROG_MAX_RULES)
		b->full = true;
	else
		b->rules[b->prog->n_rules++] = stats_idx;
}

void program_add_fdb(struct program_builder *b, const struct program_fdb *dep)
{
	struct program *p = b->prog;
	if (p->n_fdb == PROG_MAX_FDB)
		p->cacheable = 0;
	else
		p->fdb[p->n_fdb++] = *dep;
}

const struct program *program_end(struct program_builder *b, enum dp_drop reason)
{
	struct program *p = b->prog;
	uint8_t *ops = (uint8_t *)p->ops;
	if (b->full || p->size + b->prologue_size + sizeof(struct prog_op) > PROG_MAX_SIZE) {
		reason = DP_DROP_PIPELINE_DEPTH;
		p->size = p->n_outputs = b->prologue_size = 0;
		b->full = false;
	}
	if (p->n_outputs > 0) {
		((struct prog_op *)(void *)(ops + b->last_output))->flags |= PROG_F_LAST;
		p->size = b->output_end;
	} else {
		p->cacheable = 0;
		program_append(b, &(struct prog_op){.type = PROG_DROP, .drop.reason = reason});
	}
	memmove(ops + b->prologue_size, ops, p->size);
	memcpy(ops, b->prologue, b->prologue_size);
	p->size += b->prologue_size;
	return p;
}

/* What makes two outcomes the same: everything but references and links. */
static uint32_t program_hash(const struct program_cache *c, const struct program *p)
{
	uint64_t h[2] = {hash_bytes(&c->secret, p->ops, p->size),
	    hash_bytes(&c->secret, p->rules, p->n_rules * sizeof(*p->rules))};
	return (uint32_t)hash_bytes(&c->secret, h, sizeof(h));
}

static bool program_equal(const struct program *a, const struct program *b)
{
	return a->size == b->size && a->n_rules == b->n_rules && a->n_outputs == b->n_outputs &&
	       a->rule == b->rule && a->cookie == b->cookie && a->cacheable == b->cacheable &&
	       a->n_fdb == b->n_fdb && memcmp(a->fdb, b->fdb, a->n_fdb * sizeof(*a->fdb)) == 0 &&
	       memcmp(a->ops, b->ops, a->size) == 0 &&
	       memcmp(a->rules, b->rules, a->n_rules * sizeof(*a->rules)) == 0;
}

static unsigned int block_class(const struct program *p)
{
	size_t size = sizeof(*p) + p->size + p->n_rules * sizeof(*p->rules);
	unsigned int class = 0;
	while ((size_t)PROGRAM_UNIT << class < size)
		class ++;
	return class;
}

static struct program *block_alloc(struct program_cache *c, unsigned int class)
{
	struct program *p = c->free[class];
	if (p != NULL) {
		c->free[class] = p->next;
		return p;
	}
	size_t size = (size_t)PROGRAM_UNIT << class;
	if (c->arena_size - c->arena_used < size)
		return NULL;
	p = (struct program *)(void *)(c->arena + c->arena_used);
	c->arena_used += size;
	return p;
}

static bool append(struct program_builder *b, const struct prog_op *op)
{
	uint8_t len = prog_op_size(op->type);
	if (b->full || b->prog->size + len > PROG_MAX_SIZE) {
		b->full = true;
		return false;
	}
	struct prog_op *dst = (struct prog_op *)(void *)((uint8_t *)b->prog->ops + b->prog->size);
	memcpy(dst, op, len);
	dst->len = len;
	b->prog->size += len;
	return true;
}
