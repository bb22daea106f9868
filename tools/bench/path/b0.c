/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions per packet, counted by callgrind (tools/bench/lib/layer_b0.py): it collects inside of b0_measured only. Everything
 * is fixed, so the same compiler gives the same count each time.
 */
#include <gnu/libc-version.h>
#include <stdio.h>
#include <string.h>

#include "datapath/act.h"
#include "datapath/forward.h"
#include "datapath/parse.h"
#include "datapath/session.h"
#include "tools/bench/path/cases.h"
#include "tools/bench/path/must.h"

struct staged_burst {
	struct session_key parsed[BURST];
	const struct session_key *mask[BURST];
	struct session_runs runs;
};

struct stage {
	const char *name;
	const char *shape; // of the packets, see cases.c
	void (*run)(struct run *r, struct staged_burst *b);
	struct ruleset rules; // 0: the default
};

static void run_parse(struct run *r, struct staged_burst *b);
static void run_look_up(struct run *r, struct staged_burst *b);
static void run_act(struct run *r, struct staged_burst *b);
static void run_forward(struct run *r, struct staged_burst *b);

/* Counts can only be compared between builds of one kind. */
static const char compiler[] =
#ifdef __clang__
    "clang "
#else
    "gcc "
#endif
    __VERSION__
#ifndef __OPTIMIZE__
    ", not optimised"
#endif
    ;

/* Parts of a hit alone, then whole bursts. */
static const struct stage stages[] = {
    {"parse", "hit", run_parse, {}},
    {"look_up", "hit", run_look_up, {}},
    {"act", "hit", run_act, {}},
    {"hit", "hit", run_forward, {}},
    {"encap", "encap", run_forward, {}},
    {"decap", "decap", run_forward, {}},
    {"miss", "miss", run_forward, {.n_tables = 10, .n_rules = 100, .n_masks = 4}},
    {"miss_masks", "miss", run_forward, {.n_tables = 1, .n_rules = 1000, .n_masks = 1000}},
    {"flood", "flood", run_forward, {.n_tables = 3, .n_rules = 100, .n_masks = 4}},
};

void b0_measured(const struct stage *stage, struct run *r, struct staged_burst *b);
static void prepare_stages(struct run *r, struct staged_burst *b);
static void look_up(struct session_table *t, struct staged_burst *b);

void case_b0(const struct bench_case *, const struct params *p)
{
	const struct stage *stage = stages;
	while (stage < stages + ARRAY_SIZE(stages) && strcmp(stage->name, p->stage) != 0)
		stage++;
	if (stage == stages + ARRAY_SIZE(stages)) {
		for (unsigned int i = 0; i < ARRAY_SIZE(stages); i++)
			printf("%s\n", stages[i].name);
		return;
	}
	struct params params = *p;
	if (stage->rules.n_tables != 0)
		params.rules = stage->rules;
	struct run r;
	static struct staged_burst b;
	run_init(&r, stage->shape, &params);
	for (uint32_t i = 0; i < p->n_bursts; i++) {
		run_prepare(&r);
		if (stage->run != run_forward)
			prepare_stages(&r, &b);
		b0_measured(stage, &r, &b);
		if (stage->run == run_forward)
			run_check(&r);
	}
	printf("{\"stage\":\"%s\",\"packets\":%u,\"compiler\":\"%s\",\"libc\":\"%s\"}\n",
	    stage->name, p->n_bursts * BURST, compiler, gnu_get_libc_version());
	run_fini(&r);
}

__attribute__((noinline)) void b0_measured(
    const struct stage *stage, struct run *r, struct staged_burst *b)
{
	stage->run(r, b);
	__asm__ volatile("" ::: "memory"); // a call, not a jump: callgrind watches this frame
}

/* What the stage under measurement finds done by those before it. */
static void prepare_stages(struct run *r, struct staged_burst *b)
{
	struct session_table *t = r->s->w.sessions;
	const struct session_key *mask = r->s->dp.bridges[BENCH_BRIDGE]->session_mask;
	for (unsigned int i = 0; i < BURST; i++) {
		MUST(parse_packet(r->t->m[i], &b->parsed[i]) == DP_DROP__COUNT);
		b->mask[i] = mask;
	}
	look_up(t, b);
	MUST(b->runs.n > 0);
	for (unsigned int i = 0; i < b->runs.n; i++)
		MUST(b->runs.session[i] != NULL);
}

static void run_parse(struct run *r, struct staged_burst *b)
{
	for (unsigned int i = 0; i < BURST; i++)
		(void)parse_packet(r->t->m[i], &b->parsed[i]);
}

static void look_up(struct session_table *t, struct staged_burst *b)
{
	b->runs.n = 0;
	session_runs_add(t, b->parsed, b->mask, 0, 0, BURST, &b->runs);
	session_runs_guess(t, &b->runs, 0, b->runs.n);
	session_runs_find(t, &b->runs, 0, b->runs.n);
}

static void run_look_up(struct run *r, struct staged_burst *b)
{
	look_up(r->s->w.sessions, b);
}

static void run_act(struct run *r, struct staged_burst *b)
{
	for (unsigned int i = 0; i < b->runs.n; i++) {
		const struct program *prog = session_program(&r->s->w, b->runs.session[i]);
		for (unsigned int j = b->runs.first[i]; j < b->runs.first[i + 1]; j++)
			MUST(act_run(&r->s->w, prog, r->t->m[j]));
	}
}

static void run_forward(struct run *r, struct staged_burst *)
{
	forward_burst(&r->s->w, pkt_of(r->t->m[0])->in_port, r->t->m, BURST);
}
