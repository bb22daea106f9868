/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/path/cases.h"

#include <stdio.h>
#include <string.h>

#include "datapath/forward.h"
#include "datapath/session.h"
#include "tools/bench/path/must.h"

enum { FORGET_EVERY = 64 }; // bursts of new flows

struct shape {
	const char *name;
	enum traffic_kind traffic;
	uint32_t output; // that the last rule sends to
	uint16_t fate;
	bool keeps_sessions; // every flow has one before the measurement
	bool has_tokens;     // new flows may have sessions
};

static const struct shape shapes[] = {
    {"hit", TRAFFIC_UNIFORM, BENCH_PORT_OUT, BENCH_PORT_OUT, true, true},
    {"miss", TRAFFIC_NEW, BENCH_PORT_OUT, BENCH_PORT_OUT, false, true},
    {"flood", TRAFFIC_RANDOM, BENCH_PORT_OUT, BENCH_PORT_OUT, false, false},
    {"scan", TRAFFIC_RANDOM, 0, 0, false, true},
    {"encap", TRAFFIC_UNIFORM, BENCH_PORT_TUNNEL, BENCH_PORT_UPLINK, true, true},
    {"decap", TRAFFIC_VXLAN, BENCH_PORT_OUT, BENCH_PORT_OUT, true, true},
};

static const struct shape *find_shape(const char *name);
static void make_sessions(struct run *r);
static void use_up_tokens(struct run *r);
static void print_result(const struct bench_case *c, const struct params *p,
    const struct clock_rate *rate, const struct summary *sum);

void case_packets(const struct bench_case *c, const struct params *p)
{
	struct run r;
	struct samples samples;
	struct clock_rate rate = clock_calibrate();
	run_init(&r, c->name, p);
	samples_init(&samples, p->n_bursts, p->time_ms);
	while (!samples_is_full(&samples)) {
		run_prepare(&r);
		uint64_t start = cycles_begin();
		forward_burst(&r.s->w, pkt_of(r.t->m[0])->in_port, r.t->m, BURST);
		samples_add(&samples, cycles_end() - start, &rate);
		run_check(&r);
	}
	struct summary sum = samples_summary(&samples, BURST);
	print_result(c, p, &rate, &sum);
	samples_fini(&samples);
	run_fini(&r);
}

void run_init(struct run *r, const char *name, const struct params *p)
{
	const struct shape *shape = find_shape(name);
	struct ruleset rules = p->rules;
	rules.output = shape->output;
	*r = (struct run){.s = bench_switch_create(p->n_sessions),
	    .t = traffic_create(shape->traffic, p->n_flows, MAX_OF(p->n_train, 1u)),
	    .fate = shape->fate,
	    .keeps_sessions = shape->keeps_sessions};
	ruleset_put(r->s, &rules);
	if (shape->keeps_sessions)
		make_sessions(r);
	if (!shape->has_tokens)
		use_up_tokens(r);
}

void run_fini(struct run *r)
{
	traffic_destroy(r->t);
	bench_switch_destroy(r->s);
}

void run_prepare(struct run *r)
{
	if (r->t->kind == TRAFFIC_NEW && r->t->next % (FORGET_EVERY * BURST) == 0)
		bench_forget_sessions(r->s);
	traffic_next(r->t);
	bench_switch_reset_exits(r->s);
}

void run_check(struct run *r)
{
	if (r->fate != 0)
		MUST(r->s->n_sent[r->fate] == BURST && r->s->n_dropped == 0);
	else
		MUST(r->s->n_dropped == BURST);
	if (r->keeps_sessions)
		MUST(r->s->w.stats.session_misses == 0 && r->s->w.stats.session_stale == 0);
	else
		MUST(r->s->w.stats.session_hits == 0);
}

static const struct shape *find_shape(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(shapes); i++) {
		if (strcmp(shapes[i].name, name) == 0)
			return &shapes[i];
	}
	MUST(!"such a case");
	return NULL;
}

/* One packet of every flow. Time passes as the port's creation tokens ask for. */
static void make_sessions(struct run *r)
{
	for (uint32_t i = 0; i < r->t->n_flows; i += BURST) {
		traffic_flows(r->t, i);
		r->s->w.now_ms++;
		forward_burst(&r->s->w, pkt_of(r->t->m[0])->in_port, r->t->m, BURST);
	}
	MUST(session_count(r->s->w.sessions) == r->t->n_flows);
	r->s->w.stats.session_misses = 0;
	r->s->w.stats.session_hits = 0;
}

static void use_up_tokens(struct run *r)
{
	uint64_t refused = 0;
	while (r->s->w.stats.session_refused == refused || session_count(r->s->w.sessions) == 0) {
		refused = r->s->w.stats.session_refused;
		traffic_next(r->t);
		forward_burst(&r->s->w, pkt_of(r->t->m[0])->in_port, r->t->m, BURST);
	}
	r->s->w.stats.session_hits = 0;
}

static void print_result(const struct bench_case *c, const struct params *p,
    const struct clock_rate *rate, const struct summary *sum)
{
	printf("{\"case\":\"%s\",\"flows\":%u,\"tables\":%u,\"rules\":%u,\"masks\":%u,\"sessions\":"
	       "%u,",
	    c->name, p->n_flows, p->rules.n_tables, p->rules.n_rules, p->rules.n_masks,
	    p->n_sessions);
	printf("\"bursts\":%zu,\"cycles_per_packet\":{\"min\":%.1f,\"median\":%.1f,\"p99\":%.1f,"
	       "\"mean\":%.1f},",
	    sum->n, sum->min, sum->median, sum->p99, sum->mean);
	printf("\"mpps_of_median\":%.2f,", rate->tsc_hz / sum->median / 1e6);
	printf("\"tsc_hz\":%.0f,\"ghz_dependent_add\":%.3f,\"timer_overhead_cycles\":%u}\n",
	    rate->tsc_hz, rate->core_ghz, rate->overhead_cycles);
}
