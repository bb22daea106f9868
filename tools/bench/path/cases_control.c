/* SPDX-License-Identifier: Apache-2.0 */
/* What rules cost control: time per rule through transactions, bytes per rule and per session. */
#include "tools/bench/path/cases.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "datapath/base/clock.h"
#include "datapath/forward.h"
#include "datapath/program_cache.h"
#include "datapath/session.h"
#include "tools/bench/path/must.h"

/* Rules per second of each kind of change. */
struct rates {
	double put, replace, del;
};

static double rules_per_s(struct bench_switch *s, const struct params *p, const char *what);
static size_t heap_size(void);
static double bytes_per_rule(const struct params *p);
static double bytes_per_session(const struct params *p);

void case_update(const struct bench_case *c, const struct params *p)
{
	struct bench_switch *s = bench_switch_create(p->n_sessions);
	double put = rules_per_s(s, p, "put");
	double replace = rules_per_s(s, p, "replace");
	double del = rules_per_s(s, p, "del");
	printf("{\"case\":\"%s\",\"rules\":%u,\"masks\":%u,\"rules_per_transaction\":%u,"
	       "\"rules_per_s\":{\"put\":%.0f,\"replace\":%.0f,\"delete\":%.0f}}\n",
	    c->name, p->rules.n_rules, p->rules.n_masks, p->n_per_txn, put, replace, del);
	bench_switch_destroy(s);
}

void case_memory(const struct bench_case *c, const struct params *p)
{
	printf("{\"case\":\"%s\",\"rules\":%u,\"masks\":%u,\"bytes_per_rule\":%.0f,\"sessions\":%u,"
	       "\"bytes_per_session\":%.0f}\n",
	    c->name, p->rules.n_rules, p->rules.n_masks, bytes_per_rule(p), p->n_sessions,
	    bytes_per_session(p));
}

/* Of the transactions only: encoding them is the client's. */
static double rules_per_s(struct bench_switch *s, const struct params *p, const char *what)
{
	uint64_t ns = 0;
	for (uint32_t i = 0; i < p->rules.n_rules;) {
		uint32_t end =
		    (uint32_t)MIN_OF((uint64_t)i + p->n_per_txn, (uint64_t)p->rules.n_rules);
		for (; i < end; i++) {
			struct bench_rule r = ruleset_rule(&p->rules, 0, i);
			if (what[0] == 'r')
				r.output = BENCH_PORT_IN;
			if (what[0] == 'd')
				bench_del_rule(s, r.id);
			else
				bench_put_rule(s, &r);
		}
		uint64_t start_ns = clock_ns();
		bench_commit(s);
		ns += clock_ns() - start_ns;
		s->w.sweep_epoch +=
		    4; // as an idle worker's sweeps: counters of dead rules come free
	}
	return (double)p->rules.n_rules * 1e9 / (double)ns;
}

static size_t heap_size(void)
{
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

/* Everything that rules have allocated: the rule, its object, indexes, counters of one worker. */
static double bytes_per_rule(const struct params *p)
{
	struct bench_switch *s = bench_switch_create(1024);
	size_t before = heap_size();
	for (uint32_t i = 0; i < p->rules.n_rules; i++) {
		struct bench_rule r = ruleset_rule(&p->rules, 0, i);
		bench_put_rule(s, &r);
	}
	bench_commit(s);
	buf_writer_fini(&s->ops); // the client's
	double bytes = (double)(heap_size() - before) / p->rules.n_rules;
	buf_writer_init(&s->ops, BENCH_MAX_BYTES);
	bench_switch_destroy(s);
	return bytes;
}

/* Of the budget, which is allocated at start: entries and buckets. Programs are shared by outcome. */
static double bytes_per_session(const struct params *p)
{
	const struct hash_key secret = {{1, 2}};
	size_t before = heap_size();
	struct session_table *t = session_table_create(p->n_sessions, &secret);
	MUST(t != NULL);
	double bytes = (double)(heap_size() - before) / p->n_sessions;
	session_table_destroy(t);
	return bytes;
}
