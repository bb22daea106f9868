/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Makes programs and keeps them. A builder collects ops in scratch memory; the cache holds one copy of each outcome that
 * sessions refer to, in an arena of fixed size: when that is full the caller runs without a session.
 *
 * Threads: one worker (or control, for trace). Memory: create functions allocate all; nothing is allocated later.
 */
#include "datapath/base/compiler.h"
#include "datapath/base/hash.h"
#include "datapath/program.h"

struct worker;

enum {
	PROGRAM_ARENA_SIZE = 32 << 20, // bytes; about 200,000 programs of a few ops
	PROGRAM_UNIT = 128,            // bytes: the smallest block of the arena
	PROGRAM_CLASSES = 10,          // of blocks: 128 bytes to 64 KiB
};

/* Others read the arena only, through program_at. */
struct program_cache {
	uint8_t *arena;
	size_t arena_size, arena_used;
	struct hash_key secret;
	struct program *free[PROGRAM_CLASSES]; // linked by next
	struct program **chains;
	uint32_t chain_mask;
	uint32_t n_programs;
	struct program
	    *last; // interned, or NULL. New flows that come together often have one outcome
};

struct program_cache *program_cache_create(
    size_t arena_size, const struct hash_key *secret); // NULL: no memory
void program_cache_destroy(struct program_cache *c);
/* The kept copy of prog, with one more reference. NULL when the arena is full. */
struct program *program_intern(struct program_cache *c, const struct program *prog);
/* Gives one reference back; the last frees. */
void program_unref(struct program_cache *c, struct program *prog);
uint32_t program_cache_count(const struct program_cache *c);
/* A kept program by its number: what sessions hold, in half the bytes of a pointer. */
static inline struct program *program_at(const struct program_cache *c, uint32_t number)
{
	return (struct program *)(void *)(c->arena + (size_t)number * PROGRAM_UNIT);
}
static inline uint32_t program_number(const struct program_cache *c, const struct program *prog)
{
	return (uint32_t)((size_t)((const uint8_t *)prog - c->arena) / PROGRAM_UNIT);
}
/* Credits packets to every rule and group that the program passed. */
void program_count(struct worker *w, const struct program *prog, uint64_t n_packets,
    uint64_t n_bytes, uint64_t used_ms);

enum { PROLOGUE_MAX_SIZE = 2048 };

/*
 * A program under construction. Ops of the prologue (REFRESH, PATCH) run before all others: a stale
 * session must be noticed before the packet is touched.
 */
struct program_builder {
	struct program *prog; // PROG_MAX_SIZE bytes of ops
	uint32_t rules[PROG_MAX_RULES];
	uint16_t prologue_size;
	uint16_t last_output; // offset of the last output among ops
	uint16_t output_end;  // bytes of ops up to and with it
	bool full;            // a limit was reached; the program is not usable
	uint8_t prologue[PROLOGUE_MAX_SIZE] __attribute__((aligned(8)));
};

MUST_CHECK
int program_builder_init(struct program_builder *b); // 0 or -ENOMEM
void program_builder_fini(struct program_builder *b);
void program_begin(struct program_builder *b);
/* Copies op, whose len need not be set, to the end. */
void program_append(struct program_builder *b, const struct prog_op *op);
/* The same for OUTPUT, TUNNEL, PUNT and the replies. */
void program_append_output(struct program_builder *b, const struct prog_op *op);
void program_prepend(struct program_builder *b, const struct prog_op *op);
void program_add_rule(struct program_builder *b, uint32_t stats_idx);
void program_add_fdb(struct program_builder *b, const struct program_fdb *dep);
/*
 * Ends the program: the last output takes the packet and what follows it is cut. When there is none, or the
 * builder is full (PIPELINE_DEPTH), the program ends in a drop. Valid until the next program_begin.
 */
const struct program *program_end(struct program_builder *b, enum dp_drop reason);
