/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/rule_stats.h"

#include <errno.h>
#include <stdlib.h>

#include "datapath/dp.h"

enum { N_SLOTS = RULE_STATS_CHUNKS * RULE_STATS_CHUNK, SWEEPS = 2, MIN_CAPACITY = 1024 };

struct slots {
	uint32_t *idx;
	uint32_t n, capacity;
};

/*
 * Waiting slots are in two generations. A mark is a moment of which we remember every worker's sweep_epoch. Slots
 * released before the mark become free when all workers are SWEEPS further; later ones wait for the next mark.
 */
struct rule_stats {
	struct dp *dp;
	uint32_t n_fresh; // slots below were handed out at least once
	struct slots free;
	struct slots before_mark, after_mark;
	uint32_t mark_epochs[RCU_MAX_WORKERS];
	uint64_t mark_ms;
	uint64_t settled_ms;
	uint64_t *created_ms[RULE_STATS_CHUNKS];
};

static int take_slot(struct rule_stats *s, uint32_t *ret);
static int ensure_chunk(struct rule_stats *s, uint32_t chunk);
static void slots_push(struct slots *l, uint32_t idx);
static void set_mark(struct rule_stats *s, uint64_t now_ms);
static bool swept_since_mark(const struct rule_stats *s);

struct rule_stats *rule_stats_create(struct dp *dp)
{
	struct rule_stats *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->dp = dp;
	set_mark(s, 0);
	return s;
}

void rule_stats_destroy(struct rule_stats *s)
{
	if (s == NULL)
		return;
	for (unsigned int c = 0; c < RULE_STATS_CHUNKS; c++) {
		for (unsigned int i = 0; i < s->dp->n_workers; i++) {
			free(s->dp->workers[i]->rules[c]);
			s->dp->workers[i]->rules[c] = NULL;
		}
		free(s->created_ms[c]);
	}
	free(s->free.idx);
	free(s->before_mark.idx);
	free(s->after_mark.idx);
	free(s);
}

int rule_stats_alloc(struct rule_stats *s, uint64_t now_ms, uint32_t *ret_idx)
{
	uint32_t idx;
	int r = take_slot(s, &idx);
	if (r < 0)
		return r;
	for (unsigned int i = 0; i < s->dp->n_workers; i++)
		*worker_rule_counters(s->dp->workers[i], idx) = (struct rule_counters){0};
	s->created_ms[idx / RULE_STATS_CHUNK][idx % RULE_STATS_CHUNK] = now_ms;
	*ret_idx = idx;
	return 0;
}

void rule_stats_release(struct rule_stats *s, uint32_t idx)
{
	if (idx != RULE_STATS_NONE)
		slots_push(&s->after_mark, idx);
}

void rule_stats_tick(struct rule_stats *s, uint64_t now_ms)
{
	if (!swept_since_mark(s))
		return;
	for (uint32_t i = 0; i < s->before_mark.n; i++)
		slots_push(&s->free, s->before_mark.idx[i]);
	s->before_mark.n = 0;
	s->settled_ms = s->mark_ms;

	struct slots empty = s->before_mark;
	s->before_mark = s->after_mark;
	s->after_mark = empty;
	set_mark(s, now_ms);
}

struct rule_counts rule_stats_read(const struct rule_stats *s, uint32_t idx)
{
	struct rule_counts sum = {
	    .created_ms = s->created_ms[idx / RULE_STATS_CHUNK][idx % RULE_STATS_CHUNK]};

	for (unsigned int i = 0; i < s->dp->n_workers; i++) {
		const struct rule_counters *c = worker_rule_counters(s->dp->workers[i], idx);
		// Relaxed: each is written by one worker only and is right for itself.
		uint64_t used_ms = __atomic_load_n(&c->used_ms, __ATOMIC_RELAXED);
		sum.n_packets += __atomic_load_n(&c->n_packets, __ATOMIC_RELAXED);
		sum.n_bytes += __atomic_load_n(&c->n_bytes, __ATOMIC_RELAXED);
		sum.used_ms = MAX_OF(sum.used_ms, used_ms);
	}
	return sum;
}

uint64_t rule_stats_settled_ms(const struct rule_stats *s)
{
	return s->settled_ms;
}

uint32_t rule_stats_n_used(const struct rule_stats *s)
{
	return s->n_fresh - s->free.n;
}

static int take_slot(struct rule_stats *s, uint32_t *ret)
{
	if (s->free.n > 0) {
		*ret = s->free.idx[--s->free.n];
		return 0;
	}
	if (s->n_fresh == N_SLOTS)
		return -ENOSPC;
	int r = ensure_chunk(s, s->n_fresh / RULE_STATS_CHUNK);
	if (r < 0)
		return r;
	*ret = s->n_fresh++;
	return 0;
}

static int ensure_chunk(struct rule_stats *s, uint32_t chunk)
{
	if (s->created_ms[chunk] == NULL)
		s->created_ms[chunk] = calloc(RULE_STATS_CHUNK, sizeof(uint64_t));
	if (s->created_ms[chunk] == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < s->dp->n_workers; i++) {
		struct worker *w = s->dp->workers[i];
		if (w->rules[chunk] == NULL)
			w->rules[chunk] = calloc(RULE_STATS_CHUNK, sizeof(struct rule_counters));
		if (w->rules[chunk] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static void slots_push(struct slots *l, uint32_t idx)
{
	if (l->n == l->capacity) {
		l->capacity = l->capacity == 0 ? MIN_CAPACITY : l->capacity * 2;
		l->idx = realloc(l->idx, l->capacity * sizeof(uint32_t));
		if (l->idx == NULL)
			abort();
	}
	l->idx[l->n++] = idx;
}

static void set_mark(struct rule_stats *s, uint64_t now_ms)
{
	s->mark_ms = now_ms;
	for (unsigned int i = 0; i < s->dp->n_workers; i++)
		s->mark_epochs[i] =
		    __atomic_load_n(&s->dp->workers[i]->sweep_epoch, __ATOMIC_ACQUIRE);
}

static bool swept_since_mark(const struct rule_stats *s)
{
	for (unsigned int i = 0; i < s->dp->n_workers; i++) {
		// Acquire: what the sweep settled is seen with the epoch that says so.
		uint32_t epoch = __atomic_load_n(&s->dp->workers[i]->sweep_epoch, __ATOMIC_ACQUIRE);
		if (epoch - s->mark_epochs[i] < SWEEPS)
			return false;
	}
	return true;
}
